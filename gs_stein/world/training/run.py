"""A training run of one network: what it trains on, how long, and how it goes on where it was."""

from __future__ import annotations

import os
import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import tyro
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from gs_stein.prior.bundled import MultiViewDenoiser, NoisyDepth, PatchCodec
from gs_stein.prior.guided import GuidedDelta
from gs_stein.world.families import FAMILIES
from gs_stein.world.training.data import Source
from gs_stein.world.training.pool import TRAINING

if TYPE_CHECKING:
    from collections.abc import Callable


UNPREFIXED = tyro.conf.arg(name="")
"""Marks options whose flags do not repeat the name of the field that holds them: --steps, not --schedule.steps."""


@dataclass(frozen=True)
class Portion:
    """What a family contributes."""

    shards: int
    """Shards of 32 scenes × 8 views that there will be; 0 leaves the family out."""
    share: float
    """How often it is drawn from, relative to the other families that take part."""
    since: int = 0
    """Training step at which it joined; one well below zero draws from all its shards from the start."""


@dataclass(frozen=True)
class Data:
    """What to train on."""

    folder: Path = TRAINING
    """Holds the rendered pool, checkpoints and logs (gigabytes); safe to delete."""
    rooms: Portion = Portion(200, 0.45)
    """Living rooms, bedrooms, kitchens and offices."""
    objects: Portion = Portion(0, 0.3)
    """Objects."""
    more_rooms: Portion = Portion(0, 0.12)
    """Dining rooms, bathrooms, libraries and nurseries."""
    landscapes: Portion = Portion(0, 0.13)
    """Forest clearings, deserts, snowy mountains and beaches."""
    more_objects: Portion = Portion(0, 0.25)
    """Animals, instruments, tools, fruit, figures and other objects that the shipped weights do not know."""
    things: Portion = Portion(0, 0.3)
    """What stands in rooms and landscapes, as objects."""
    more_landscapes: Portion = Portion(0, 0.1)
    """Streets, gardens, lakes and meadows, which the shipped weights do not know."""
    mixed_rooms: Portion = Portion(0, 0.4)
    """All rooms with one to three kinds of things beside their own."""
    mixed_landscapes: Portion = Portion(0, 0.1)
    """All landscapes with one to three kinds of things beside their own."""
    growth: float = 0.06
    """Shards that join a step, of all families together by their shares, beyond the few that are there at first."""
    workers: int = 1
    """Rendering processes a family that is not complete yet; 0 if somebody else renders."""

    @property
    def portions(self) -> dict[str, Portion]:
        """By the name of the family."""
        return {name: getattr(self, name.replace("-", "_")) for name in FAMILIES}

    def sources(self) -> list[Source]:
        """The families that take part.

        Raises:
            ValueError: none does.
        """
        taking_part = {name: portion for name, portion in self.portions.items() if portion.shards}
        total = sum(portion.share for portion in taking_part.values())
        if total <= 0:
            flags = ", ".join(f"--{name}.shards" for name in FAMILIES)
            raise ValueError(f"{flags}: no family with a share has shards; give one of them 1 or more")
        return [
            Source(FAMILIES[name], portion.share, portion.shards, portion.since, self.growth * portion.share / total)
            for name, portion in taking_part.items()
        ]


@dataclass(frozen=True)
class Schedule:
    """How long, how fast, how often to save."""

    steps: int = 100_000
    """Length of the run in optimiser steps."""
    images: int = 32
    """Views a step."""
    learning_rate: float = 8e-4
    """Peak learning rate of AdamW."""
    warmup: int = 300
    """Steps of linear warm-up."""
    cooldown: int = 0
    """Steps over which the learning rate falls to zero at the end of the run."""
    ema: float = 0.998
    """Decay a step of the averaged weights, which are what is shipped."""
    save_minutes: float = 3.0
    """Between checkpoints."""
    seed: int = 0
    """Of weights, batches and noise."""
    bfloat16: bool = False
    """Multiply in bfloat16 (weights and their averages stay in float32): faster on GPUs and on processors with AVX-512
    BF16 or AMX, slower on others."""
    device: str = "auto"
    """Where to train: auto (a GPU if there is one), cpu, cuda. A GPU wants many more --images a step."""

    def __post_init__(self) -> None:
        if self.images < 1:
            raise ValueError(f"--images: {self.images} views a step are none; give 1 or more")

    @property
    def place(self) -> torch.device:
        """The device that is meant.

        Raises:
            ValueError: torch does not have it here.
        """
        name = ("cuda" if torch.cuda.is_available() else "cpu") if self.device == "auto" else self.device
        try:
            return torch.empty(0, device=name).device
        except (RuntimeError, AssertionError) as error:
            raise ValueError(f"--device: torch has no {name!r} here; use cpu") from error


# Tails of GELU make gradients denormal, and Intel's processors slow: a step took half as long again.
# Threads inherit this.
torch.set_flush_denormal(True)


def load_codec(folder: Path, start: Path | None = None) -> PatchCodec:
    """The codec that `autoencoder` fitted in this training folder, or that of the exported prior that starts it."""
    path = folder / "codec"
    if not path.exists() and start is not None and (start / "codec").is_dir():
        building = folder / "codec.new"
        shutil.copytree(start / "codec", building, dirs_exist_ok=True)
        building.rename(path)
    if not path.exists():
        raise ValueError(
            f"--folder: {folder} has no codec yet; run `python -m gs_stein.world.train autoencoder` first, or go on "
            "from the shipped weights with --start gs_stein/weights/prior"
        )
    return PatchCodec.from_pretrained(path).eval()


class Run:
    """A resumable training run of one network: optimiser, averaged weights, checkpoint, log."""

    def __init__(self, net: nn.Module, schedule: Schedule, folder: Path, name: str):
        self.net, self.schedule, self.folder, self.name = net.to(schedule.place), schedule, folder, name
        self.ema = {k: v.detach().clone() for k, v in net.state_dict().items()}
        matrices = [p for p in net.parameters() if p.ndim >= 2]
        vectors = [p for p in net.parameters() if p.ndim < 2]
        groups = [{"params": matrices, "weight_decay": 0.01}, {"params": vectors, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=schedule.learning_rate, betas=(0.9, 0.98), fused=True)
        self.step = 0
        self.stopping = False

    @property
    def path(self) -> Path:
        """The checkpoint."""
        return self.folder / f"{self.name}.pt"

    def save(self) -> None:
        """Write checkpoint and averaged weights, whole or not at all."""
        state = {
            "net": self.net.state_dict(),
            "ema": self.ema,
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
        }
        temporary = self.path.with_suffix(".tmp")
        torch.save(state, temporary)
        os.replace(temporary, self.path)

    def resume(self) -> None:
        """Continue from the checkpoint if there is one."""
        if self.path.exists():
            state = torch.load(self.path, map_location=self.schedule.place, weights_only=True)
            try:
                self.net.load_state_dict(state["net"])
            except RuntimeError as error:
                raise ValueError(
                    f"--folder: {self.path} is of a network of another size; give the options that it was begun "
                    "with, or another folder"
                ) from error
            self.ema = state["ema"]
            self.optimizer.load_state_dict(state["optimizer"])
            self.step = state["step"]
            print(f"{self.name}: continuing at step {self.step}", flush=True)

    @torch.no_grad()
    def average(self, decay: float) -> None:
        """Move the averaged weights toward the present ones; counters are copied."""
        now = self.net.state_dict()
        floats = [name for name, value in now.items() if value.is_floating_point()]
        get_ema_multi_avg_fn(decay)([self.ema[name] for name in floats], [now[name] for name in floats], None)
        for name in now.keys() - set(floats):
            self.ema[name].copy_(now[name])

    def rate(self) -> float:
        """Learning rate of the present step: warm-up, plateau, linear cool-down."""
        s = self.schedule
        up = min(1.0, (self.step + 1) / s.warmup)
        down = min(1.0, (s.steps - self.step) / s.cooldown) if s.cooldown else 1.0
        return s.learning_rate * up * down

    def train(
        self,
        loss_of: Callable[[int, torch.Generator], tuple[Tensor, int]],
        every: int = 50,
        look: Callable[[int], None] | None = None,
        look_minutes: float = 0.0,
    ) -> None:
        """Run to the end, or until interrupted.

        Args:
            loss_of: the loss of a step and the number of views behind it, given the step and a generator (CPU) seeded
                by it.
            every: steps between lines of the log.
            look: called after a checkpoint with its step, to draw what has been learnt.
            look_minutes: at least these minutes apart; 0 never calls it.
        """
        from torch.utils.tensorboard import SummaryWriter

        signal.signal(signal.SIGTERM, lambda *_: setattr(self, "stopping", True))
        signal.signal(signal.SIGINT, lambda *_: setattr(self, "stopping", True))
        writer = SummaryWriter(str(self.folder / "logs" / self.name), purge_step=self.step)
        saved = begun = looked = time.time()
        first, images, device = self.step, 0, self.schedule.place
        total = torch.zeros((), device=device)
        while self.step < self.schedule.steps and not self.stopping:
            generator = torch.Generator().manual_seed(self.schedule.seed * 7_777_777 + self.step)
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=self.schedule.bfloat16):
                loss, views = loss_of(self.step, generator)
            images += views
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
            for group in self.optimizer.param_groups:
                group["lr"] = self.rate()
            self.optimizer.step()
            self.step += 1
            decay = min(self.schedule.ema, self.step / (self.step + 10))
            self.average(decay)
            total += loss.detach()  # a GPU is not waited for
            if self.step % every == 0:
                mean = total.item() / min(every, self.step - first)
                speed = (self.step - first) / (time.time() - begun)
                left = (self.schedule.steps - self.step) / speed / 3600
                writer.add_scalar("loss", mean, self.step)
                images_per_second = images / (time.time() - begun)
                writer.add_scalar("images_per_second", images_per_second, self.step)
                print(
                    f"{self.name} {self.step}/{self.schedule.steps}  loss {mean:.4f}  "
                    f"{images_per_second:.1f} images/s  {left:.1f} h left",
                    flush=True,
                )
                total.zero_()
            if time.time() - saved > 60 * self.schedule.save_minutes:
                self.save()
                saved = time.time()
                if look is not None and 0 < 60 * look_minutes < saved - looked:
                    look(self.step)
                    looked = time.time()
        self.save()
        writer.close()
        print(f"{self.name}: saved at step {self.step}", flush=True)


def start_from(net: MultiViewDenoiser | NoisyDepth | GuidedDelta, folder: Path) -> None:
    """Take over the weights of a shipped network; blocks it lacks keep their start as identity."""
    if not (folder / "config.json").exists():
        raise ValueError(f"--start: {folder} holds no weights; give the folder of an exported prior")
    weights = type(net).from_pretrained(folder, torch_dtype=torch.float32).state_dict()
    own = net.state_dict()
    wrong = [name for name, value in weights.items() if name not in own or own[name].shape != value.shape]
    if wrong:
        raise ValueError(f"--start: {folder} does not fit this network at {wrong[0]}; use its width and channels")
    net.load_state_dict(weights, strict=False)
