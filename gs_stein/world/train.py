"""Train the bundled prior: `python -m gs_stein.world.train {autoencoder,decoder,denoiser,depth,scorer}`.

Data are rendered from seeds by background processes while training runs. A run stops cleanly at any moment (Ctrl-C
saves) and continues bit for bit where it was: batch and noise of a step depend on (seed, step) alone.
"""

from __future__ import annotations

import itertools
import math
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import torch
import tyro
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from gs_stein import scorer as scorer_model
from gs_stein.prior.small import NUM_TRAIN_TIMESTEPS, MultiViewDenoiser, NoisyDepth, PatchCodec
from gs_stein.types import Cameras, TextEmbedding
from gs_stein.world.data import Batch, Mixture, Source, fit_codec, stratified_logit_normal
from gs_stein.world.pool import (
    CAPTIONS,
    SCENES_PER_SHARD,
    TRAINING,
    VIEWS,
    Shard,
    families,
    scorer_scenes,
    shard_path,
    start_workers,
)

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Data:
    """What to train on."""

    folder: Path = TRAINING
    """Holds the rendered pool, checkpoints and logs (gigabytes); safe to delete."""
    rooms: int = 200
    """Shards (of 32 scenes × 8 views) of living rooms, bedrooms, kitchens and offices."""
    objects: int = 0
    """Shards of objects."""
    more_rooms: int = 0
    """Shards of dining rooms, bathrooms, libraries and nurseries."""
    landscapes: int = 0
    """Shards of forest clearings, deserts, snowy mountains and beaches."""
    shares: tuple[float, float, float, float] = (0.45, 0.3, 0.12, 0.13)
    """Relative shares of the four families (those without shards are left out)."""
    since: tuple[int, int, int, int] = (0, 0, 0, 0)
    """Training steps at which the families joined; one well below zero draws from all its shards from the start."""
    workers: int = 1
    """Rendering processes a family that is not complete yet; 0 if somebody else renders."""

    def sources(self) -> list[Source]:
        """The families that take part."""
        counts = (self.rooms, self.objects, self.more_rooms, self.landscapes)
        return [
            Source(family, share, count, since)
            for family, share, count, since in zip(families(), self.shares, counts, self.since, strict=True)
            if count
        ]


@dataclass(frozen=True)
class Autoencoder:
    """Fit the linear patch codec (seconds) and report its PSNR on held-out scenes."""

    data: Data = Data()
    channels: int = 16
    """Components kept of each 8×8 patch."""
    shards: int = 5
    """Shards of every family to fit on; the last is held out."""


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


@dataclass(frozen=True)
class Denoiser:
    """Train the joint multi-view denoiser."""

    data: Data = Data()
    schedule: Schedule = Schedule()
    small: float = 0.5
    """Share of steps on pictures of half the resolution, twice as many of them: composition, colours and words are
    learnt there at a quarter of the cost."""
    logit_mean: float = 2.2
    """Centre of the noise levels in logits; above 0 leans toward noise, where composition is decided. At half the
    resolution it is log 2 lower, since a pixel there averages four (Stable Diffusion 3, arXiv 2403.03206, eq. 23)."""
    logit_spread: float = 1.5
    """Their standard deviation."""
    width: int = 256
    depth: int = 6
    """Transformer blocks."""
    text_blocks: int = 2
    """Transformer blocks that read the prompt."""
    sheet_minutes: float = 20.0
    """Between sheets of samples in the training folder's sheets/; 0: none."""
    start: Path | None = None
    """Weights to start from where there is no checkpoint yet, e.g. assets/prior (with its codec). A deeper network may
    start from a shallower one: new blocks begin as identity."""


@dataclass(frozen=True)
class Decoder:
    """Train what the codec's decoder adds to the linear map; latents stay as they are, so no other part changes."""

    data: Data = Data()
    schedule: Schedule = Schedule(steps=4000, images=16, learning_rate=1e-3, cooldown=1500, ema=0.995)
    width: int = 192
    """Of the network, at the latent's resolution."""
    prior: Path | None = None
    """An exported prior (e.g. assets/prior) whose samples the decoder learns to read, beside true latents; without one,
    latents with a little noise."""


@dataclass(frozen=True)
class Depth:
    """Train the noise-aware depth estimator."""

    data: Data = Data()
    schedule: Schedule = Schedule(steps=6000, ema=0.995)
    small: float = 0.4
    """Share of steps on pictures of half the resolution."""
    start: Path | None = None
    """Weights to start from where there is no checkpoint yet, e.g. assets/prior."""


@dataclass(frozen=True)
class Scorer:
    """Train the contrastive scorer that measures results; it has scenes of its own."""

    folder: Path = TRAINING
    """As for the others."""
    shards: int = 60
    """Shards of scenes that no other network sees."""
    workers: int = 1
    """Rendering processes."""
    schedule: Schedule = Schedule(steps=4000, images=128, learning_rate=1e-3, ema=0.995, seed=77)


Job = Annotated[
    Annotated[Autoencoder, tyro.conf.subcommand("autoencoder")]
    | Annotated[Decoder, tyro.conf.subcommand("decoder")]
    | Annotated[Denoiser, tyro.conf.subcommand("denoiser")]
    | Annotated[Depth, tyro.conf.subcommand("depth")]
    | Annotated[Scorer, tyro.conf.subcommand("scorer")],
    tyro.conf.OmitArgPrefixes,
]


def load_codec(folder: Path) -> PatchCodec:
    """The codec that `autoencoder` fitted in this training folder."""
    path = folder / "codec"
    if not path.exists():
        raise ValueError(
            f"--folder: {folder} has no codec yet; run `python -m gs_stein.world.train autoencoder` first, or copy "
            "assets/prior/codec there to go on from the shipped weights"
        )
    return PatchCodec.from_pretrained(path).eval()


def denoiser_loss(
    net: MultiViewDenoiser, batch: Batch, mean: float, spread: float, generator: torch.Generator
) -> Tensor:
    """Mean squared error of the velocity ε - x₀ at logit-normal noise levels (Stable Diffusion 3, arXiv 2403.03206)."""
    s = stratified_logit_normal(len(batch.x0), mean, spread, generator)
    eps = torch.randn(batch.x0.shape, generator=generator)
    level = s[:, None, None, None, None]
    x_t = (1 - level) * batch.x0 + level * eps
    velocity = net(x_t, s * NUM_TRAIN_TIMESTEPS, batch.tokens, batch.mask, batch.cameras)
    return (velocity - (eps - batch.x0)).square().mean()


def correlation(a: Tensor, b: Tensor, mask: Tensor) -> Tensor:
    """Pearson correlation of two maps (…, h, w) where mask is 1."""
    count = mask.sum((-2, -1), keepdim=True).clamp_min(1)
    a = (a - (a * mask).sum((-2, -1), keepdim=True) / count) * mask
    b = (b - (b * mask).sum((-2, -1), keepdim=True) / count) * mask
    scale = (a.square().sum((-2, -1)) * b.square().sum((-2, -1))).clamp_min(1e-12).sqrt()
    return (a * b).sum((-2, -1)) / scale


def depth_loss(net: NoisyDepth, batch: Batch, generator: torch.Generator) -> Tensor:
    """One minus the Pearson correlation with the true depth, at noise levels uniform in time."""
    s = (torch.randperm(len(batch.x0), generator=generator) + torch.rand(len(batch.x0), generator=generator)) / len(
        batch.x0
    )
    eps = torch.randn(batch.x0.shape, generator=generator)
    level = s[:, None, None, None, None]
    guess = net((1 - level) * batch.x0 + level * eps, s * NUM_TRAIN_TIMESTEPS, batch.cameras)
    cell = batch.depth.shape[-1] // guess.shape[-1]
    cells = batch.depth.unflatten(-1, (-1, cell)).unflatten(-3, (-1, cell))
    hits = (cells > 0).float().sum((-3, -1))
    truth = cells.sum((-3, -1)) / hits.clamp_min(1)
    return 1 - correlation(guess, truth, (hits > 0).float()).mean()


class Run:
    """A resumable training run of one network: optimiser, averaged weights, checkpoint, log."""

    def __init__(self, net: nn.Module, schedule: Schedule, folder: Path, name: str):
        self.net, self.schedule, self.folder, self.name = net, schedule, folder, name
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
        state = {"net": self.net.state_dict(), "ema": self.ema, "optimizer": self.optimizer.state_dict(),
                 "step": self.step}
        temporary = self.path.with_suffix(".tmp")
        torch.save(state, temporary)
        os.replace(temporary, self.path)

    def resume(self) -> None:
        """Continue from the checkpoint if there is one."""
        if self.path.exists():
            state = torch.load(self.path, map_location="cpu", weights_only=True)
            self.net.load_state_dict(state["net"])
            self.ema = state["ema"]
            self.optimizer.load_state_dict(state["optimizer"])
            self.step = state["step"]
            print(f"{self.name}: continuing at step {self.step}", flush=True)

    @torch.no_grad()
    def average(self, decay: float) -> None:
        """Move the averaged weights toward the present ones; counters are copied."""
        for name, value in self.net.state_dict().items():
            if value.is_floating_point():
                self.ema[name].lerp_(value, 1 - decay)
            else:
                self.ema[name].copy_(value)

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
            loss_of: the loss of a step and the number of views behind it, given the step and a generator seeded by it.
            every: steps between lines of the log.
            look: called after a checkpoint with its step, to draw what has been learnt.
            look_minutes: at least these minutes apart; 0 never calls it.
        """
        from torch.utils.tensorboard import SummaryWriter

        signal.signal(signal.SIGTERM, lambda *_: setattr(self, "stopping", True))
        signal.signal(signal.SIGINT, lambda *_: setattr(self, "stopping", True))
        writer = SummaryWriter(str(self.folder / "logs" / self.name), purge_step=self.step)
        saved = begun = looked = time.time()
        first, total, images = self.step, 0.0, 0
        while self.step < self.schedule.steps and not self.stopping:
            generator = torch.Generator().manual_seed(self.schedule.seed * 7_777_777 + self.step)
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
            total += loss.item()
            if self.step % every == 0:
                speed = (self.step - first) / (time.time() - begun)
                left = (self.schedule.steps - self.step) / speed / 3600
                writer.add_scalar("loss", total / every, self.step)
                images_per_second = images / (time.time() - begun)
                writer.add_scalar("images_per_second", images_per_second, self.step)
                print(
                    f"{self.name} {self.step}/{self.schedule.steps}  loss {total / every:.4f}  "
                    f"{images_per_second:.1f} images/s  {left:.1f} h left", flush=True,
                )
                total = 0.0
            if time.time() - saved > 60 * self.schedule.save_minutes:
                self.save()
                saved = time.time()
                if look is not None and 0 < 60 * look_minutes < saved - looked:
                    look(self.step)
                    looked = time.time()
        self.save()
        writer.close()
        print(f"{self.name}: saved at step {self.step}", flush=True)


def start_from(net: MultiViewDenoiser | NoisyDepth, folder: Path) -> None:
    """Take over the weights of a shipped network; blocks it lacks keep their start as identity."""
    if not (folder / "config.json").exists():
        raise ValueError(f"--start: {folder} holds no weights; give the folder of an exported prior")
    weights = type(net).from_pretrained(folder, torch_dtype=torch.float32).state_dict()
    own = net.state_dict()
    wrong = [name for name, value in weights.items() if name not in own or own[name].shape != value.shape]
    if wrong:
        raise ValueError(f"--start: {folder} does not fit this network at {wrong[0]}; use its width and channels")
    net.load_state_dict(weights, strict=False)


def train_denoiser(job: Denoiser) -> None:
    """Train the denoiser."""
    torch.manual_seed(job.schedule.seed)
    codec = load_codec(job.data.folder)
    net = MultiViewDenoiser(
        channels=codec.config["channels"], width=job.width, depth=job.depth, text_blocks=job.text_blocks
    )
    print(f"denoiser: {sum(p.numel() for p in net.parameters()) / 1e6:.1f} M parameters", flush=True)
    if job.start is not None and not (job.data.folder / "denoiser.pt").exists():
        start_from(net, job.start / "network")
    run = Run(net, job.schedule, job.data.folder, "denoiser")
    run.resume()
    mixture = Mixture(job.data.folder, codec, job.data.sources())

    def loss_of(step: int, generator: torch.Generator) -> tuple[Tensor, int]:
        small = float(torch.rand((), generator=generator)) < job.small
        batch = mixture.draw(step, job.schedule.images * (2 if small else 1), job.schedule.seed, small)
        mean = job.logit_mean - math.log(2) * small
        return denoiser_loss(net, batch, mean, job.logit_spread, generator), batch.depth.shape[:2].numel()

    run.train(loss_of, look=lambda step: draw_samples(job.data.folder, step), look_minutes=job.sheet_minutes)


def draw_samples(folder: Path, step: int) -> None:
    """Write sheets/STEP.png from the checkpoint in a training folder."""
    from gs_stein.world import export, samples

    export.main(export.Options(folder, folder / "preview"))
    samples.main(samples.Options(str(folder / "preview" / "prior"), folder / "sheets" / f"{step:06d}.png", steps=12))


def decoder_loss(codec: PatchCodec, x0: Float[Tensor, "n C h w"], rgb: Float[Tensor, "n 3 H W"]) -> Tensor:
    """Mean absolute error of pixels and of their differences, which hold the tiles' seams."""
    gap = codec.decode(x0) - rgb
    return gap.abs().mean() + gap.diff(dim=2).abs().mean() + gap.diff(dim=3).abs().mean()


@torch.no_grad()
def sampled_again(
    x0: Float[Tensor, "V C h w"],
    tokens: Float[Tensor, "L D"],
    cameras: Cameras,
    network: nn.Module,
    generator: torch.Generator,
    steps: int = 3,
) -> Float[Tensor, "V C h w"]:
    """Latents as a sampler leaves them, of the same picture: noised to a random level and denoised in a few steps."""
    levels = torch.linspace(0.2 + 0.5 * float(torch.rand((), generator=generator)), 0.0, steps + 1)
    eps = torch.randn(x0.shape, generator=generator)
    x, mask = ((1 - levels[0]) * x0 + levels[0] * eps)[None], torch.ones(1, len(tokens), dtype=torch.bool)
    for now, after in itertools.pairwise(levels):
        x = x + (after - now) * network(x, now[None] * NUM_TRAIN_TIMESTEPS, tokens[None], mask, [cameras])
    return x[0]


def train_decoder(job: Decoder) -> None:
    """Train the decoder on scenes of eight views, from their true latents and from disturbed ones in turn."""
    torch.manual_seed(job.schedule.seed + 2)
    linear = load_codec(job.data.folder)
    codec = PatchCodec(channels=linear.config["channels"], decoder_width=job.width)
    codec.load_state_dict(linear.state_dict(), strict=False)
    run = Run(codec, job.schedule, job.data.folder, "decoder")
    run.resume()
    network = None
    if job.prior is not None:
        if not (job.prior / "network").is_dir():
            raise ValueError(f"--prior: {job.prior} holds no denoiser; give the folder of an exported prior")
        network = MultiViewDenoiser.from_pretrained(job.prior / "network", torch_dtype=torch.float32).eval()
    sources = job.data.sources()
    pool = [[Shard.load(shard_path(job.data.folder, s.family, i)) for i in range(s.shards)] for s in sources]
    shares = torch.tensor([s.share for s in sources])

    def loss_of(step: int, generator: torch.Generator) -> tuple[Tensor, int]:
        def integer(high: int) -> int:
            return int(torch.randint(high, (1,), generator=generator))

        latents, pictures = [], []
        for i in range(max(1, job.schedule.images // VIEWS)):
            shards = pool[int(torch.multinomial(shares, 1, generator=generator))]
            shard, scene = shards[integer(len(shards))], integer(SCENES_PER_SHARD)
            rgb = torch.from_numpy(shard.rgb[scene]).permute(0, 3, 1, 2).float() / 255
            x0 = codec.encode(rgb)
            if i % 2:
                first = scene * CAPTIONS
                lengths = shard.lengths.reshape(-1)
                start = int(lengths[:first].sum())
                tokens = torch.from_numpy(shard.tokens[start : start + int(lengths[first])]).float()
                cameras = Cameras(
                    torch.from_numpy(shard.viewmats[scene]), torch.from_numpy(shard.Ks[scene]), *rgb.shape[-2:]
                )
                if network is None:
                    level = 0.2 * float(torch.rand((), generator=generator))
                    x0 = x0 + level * torch.randn(x0.shape, generator=generator)
                else:
                    x0 = sampled_again(x0, tokens, cameras, network, generator)
            latents.append(x0)
            pictures.append(rgb)
        return decoder_loss(codec, torch.cat(latents), torch.cat(pictures)), len(pictures) * VIEWS

    run.train(loss_of)
    codec.load_state_dict(run.ema)
    assert codec.correction is not None
    codec.correction.half()
    codec.save_pretrained(job.data.folder / "codec")


def train_depth(job: Depth) -> None:
    """Train the depth estimator."""
    torch.manual_seed(job.schedule.seed + 1)
    codec = load_codec(job.data.folder)
    net = NoisyDepth(channels=codec.config["channels"])
    if job.start is not None and not (job.data.folder / "depth.pt").exists():
        start_from(net, job.start / "depth")
    run = Run(net, job.schedule, job.data.folder, "depth")
    run.resume()
    mixture = Mixture(job.data.folder, codec, job.data.sources(), dropout=0.0)

    def loss_of(step: int, generator: torch.Generator) -> tuple[Tensor, int]:
        small = float(torch.rand((), generator=generator)) < job.small
        batch = mixture.draw(step, job.schedule.images, job.schedule.seed + 1, small)
        return depth_loss(net, batch, generator), batch.depth.shape[:2].numel()

    run.train(loss_of)


def train_scorer(job: Scorer) -> None:
    """Train the scorer: symmetric cross-entropy between scenes (1, 2 or 4 views each) and captions (CLIP's loss)."""
    torch.manual_seed(job.schedule.seed)
    net = scorer_model.Scorer()
    run = Run(net, job.schedule, job.folder, "scorer")
    run.resume()
    pictures, texts = [], []
    for i in range(job.shards):
        path = shard_path(job.folder, scorer_scenes(), i)
        while not path.exists():
            time.sleep(1)
        shard = Shard.load(path)
        rgb = torch.from_numpy(shard.rgb).flatten(0, 1).permute(0, 3, 1, 2).float()
        small = F.interpolate(rgb, size=(scorer_model.SIDE, scorer_model.SIDE), mode="area").round().byte()
        pictures.append(small.unflatten(0, shard.rgb.shape[:2]))
        tokens = torch.from_numpy(shard.tokens).split(shard.lengths.reshape(-1).tolist())
        texts.extend(tokens[j : j + CAPTIONS] for j in range(0, len(tokens), CAPTIONS))
    scenes = torch.cat(pictures)

    def loss_of(step: int, generator: torch.Generator) -> tuple[Tensor, int]:
        views = (1, 2, 4)[step % 3]
        count = job.schedule.images // views
        chosen = torch.randperm(len(scenes), generator=generator)[:count]
        order = torch.rand(count, scenes.shape[1], generator=generator).argsort(1)[:, :views]
        rgb = scenes[chosen[:, None], order].float() / 255
        # No caption says left or right: every scene has a mirror image.
        mirrored = torch.rand(count, generator=generator) < 0.5
        rgb = torch.where(mirrored[:, None, None, None, None], rgb.flip(-1), rgb)
        paraphrase = torch.randint(CAPTIONS, (count,), generator=generator).tolist()
        captions = [texts[i][j].float() for i, j in zip(chosen.tolist(), paraphrase, strict=True)]
        tokens = torch.nn.utils.rnn.pad_sequence(captions, batch_first=True)
        lengths = torch.tensor([len(c) for c in captions])
        mask = torch.arange(tokens.shape[1])[None] < lengths[:, None]
        logits = net.log_scale.exp().clamp(max=50) * net.scenes(rgb) @ net.captions(TextEmbedding(tokens, mask)).T
        target = torch.arange(count)
        return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2, count * views

    run.train(loss_of)
    net.load_state_dict(run.ema)
    net.save(job.folder / "scorer")


def main(job: Job) -> None:
    """Render what is missing in the background, then train."""
    if isinstance(job, Scorer):
        (job.folder / "pool").mkdir(parents=True, exist_ok=True)
        if job.workers and not shard_path(job.folder, scorer_scenes(), job.shards - 1).exists():
            start_workers(job.folder, scorer_scenes().name, job.shards, job.workers)
        train_scorer(job)
        return
    sources = job.data.sources()
    (job.data.folder / "pool").mkdir(parents=True, exist_ok=True)
    for source in sources:
        if job.data.workers and not shard_path(job.data.folder, source.family, source.shards - 1).exists():
            start_workers(job.data.folder, source.family.name, source.shards, job.data.workers)
    if isinstance(job, Autoencoder):
        paths = [shard_path(job.data.folder, s.family, i) for i in range(job.shards) for s in sources]
        while not all(path.exists() for path in paths):
            time.sleep(1)
        codec = PatchCodec(channels=job.channels)
        print(f"autoencoder: {job.channels} channels, {fit_codec(codec, paths):.2f} dB on held-out scenes")
        codec.save_pretrained(job.data.folder / "codec")
    elif isinstance(job, Decoder):
        train_decoder(job)
    elif isinstance(job, Denoiser):
        train_denoiser(job)
    else:
        train_depth(job)


if __name__ == "__main__":
    try:
        main(tyro.cli(Job, description=__doc__))
    except ValueError as error:
        sys.exit(f"error: {error}")
