"""Train the denoisers to give the guided answer in one evaluation.

First the denoisers are asked, once, on their ways from noise to pictures (`gs_stein.world.training.trajectories`); then
a low-rank difference of their weights learns to say at once what guidance makes of two answers.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from gs_stein.prior.bundled import NUM_TRAIN_TIMESTEPS, MultiViewDenoiser
from gs_stein.prior.checkpoints.load import load_prior
from gs_stein.prior.checkpoints.registry import bundled_for
from gs_stein.prior.diffusion import DiffusionPrior
from gs_stein.prior.guided import GuidedDelta, shapes_of
from gs_stein.prior.options import DiffusionOptions
from gs_stein.types import Cameras
from gs_stein.world.training.data import Source
from gs_stein.world.training.pool import Shard, rendered, shard_path
from gs_stein.world.training.run import UNPREFIXED, Data, Portion, Run, Schedule, start_from
from gs_stein.world.training.trajectories import POLISH, SPAN, Said, trajectories

STEPS = {"objects": ((7, 2), (7, 2), (10, 1)), "landscapes": ((7, 2), (7, 2), (10, 1))}
"""Steps of denoising, and their order, of the ways of a part of the world; rooms have those below."""
_ROOMS = ((7, 2), (7, 2), (7, 2), (6, 2), (10, 2))


@dataclass(frozen=True)
class Guided:
    """Train guidance in one evaluation, for the denoiser of scenes, or with objects alone for that of objects."""

    data: Annotated[Data, UNPREFIXED] = field(default_factory=lambda: Data(rooms=Portion(16, 0.45)))
    schedule: Annotated[Schedule, UNPREFIXED] = field(
        default_factory=lambda: Schedule(
            steps=2500, images=32, learning_rate=1e-3, warmup=50, cooldown=1800, ema=0.995, bfloat16=True
        )
    )
    prior: str = "bundled"
    """Whose denoiser is asked, and learns: bundled, or the folder of an exported prior."""
    passes: int = 1
    """Times that each rendered scene is where a way begins."""
    start: Path | None = None
    """Exported prior whose guided weights to start from where there are none yet, e.g. gs_stein/weights/prior."""
    rank: int = 32
    """Of what is added to each matrix."""
    seconds: float = 0.0
    """Ask about no further shard after so long, and learn from what there is; 0: ask about all."""

    def __post_init__(self) -> None:
        for name in ("passes", "rank"):
            if getattr(self, name) < 1:
                raise ValueError(f"--{name}: {getattr(self, name)} is below 1; leave it out for the default")
        if not 0 <= self.seconds < float("inf"):
            raise ValueError(f"--seconds: {self.seconds} is no time; give 0 to ask about all shards")


def said(job: Guided, sources: list[Source], prior: DiffusionPrior) -> list[tuple[Path, Path]]:
    """Files of answers, each with the shard it is about; those that are missing are made."""
    folder = job.data.folder / "answers"
    folder.mkdir(parents=True, exist_ok=True)
    questions = [(k, i, source) for k in range(job.passes) for source in sources for i in range(source.shards)]
    questions.sort(key=lambda question: question[:2])
    found, began = [], time.monotonic()
    print(f"asking about {len(questions)} shards, each takes most of a minute", file=sys.stderr, flush=True)
    for number, (k, i, source) in enumerate(questions):
        family = source.family
        path, shard = folder / f"{family.name}-{i:05d}-{k}.pt", shard_path(job.data.folder, family, i)
        if not path.exists():
            if 0 < job.seconds < time.monotonic() - began:
                continue
            steps = STEPS.get(family.part, _ROOMS)
            seed = 1_000_003 * k + 7919 * i + family.first_seed
            answers = trajectories(prior, Shard.load(rendered(shard)), steps, seed)
            temporary = path.with_suffix(f".{os.getpid()}.tmp")
            torch.save(answers._asdict(), temporary)
            os.replace(temporary, path)
            taken = time.monotonic() - began
            print(f"asked {number + 1} of {len(questions)}: {path.stem}, {taken:.0f} s", file=sys.stderr, flush=True)
        found.append((path, shard))
    return found


@dataclass
class Lessons:
    """The answers about one shard, and what they are about."""

    said: Said
    shard: Shard

    @staticmethod
    def load(path: Path, shard: Path) -> Lessons:
        """From what `said` made; answers stay on the disk until they are looked at."""
        try:
            answers = Said(**torch.load(path, weights_only=True, mmap=True))
        except Exception as error:  # whatever a damaged archive does to torch
            raise ValueError(f"--folder: {path} cannot be read; delete it, and it is asked for again") from error
        return Lessons(answers, Shard.load(shard))


def velocity(eps: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
    """ε − x₀ of a flow."""
    return (eps - x_t) / (1 - t / NUM_TRAIN_TIMESTEPS)[:, None, None, None, None]


def answers_of(
    net: GuidedDelta, plain: MultiViewDenoiser, lessons: Lessons, chosen: Tensor, generator: torch.Generator
) -> tuple[Float[Tensor, "S V C h w"], Float[Tensor, "S V C h w"], Float[Tensor, "S V C h w"], Bool[Tensor, " S"]]:
    """Velocities of some answers: the student's, the guided one, the one with the prompt alone; and what is last."""
    device = next(plain.parameters()).device
    part = Said(*(x[chosen].to(device) for x in lessons.said))
    x_t, t = part.x_t.float(), part.t.float()
    low, high = net.config["scales"]
    scale = low + (high - low) * torch.rand(len(t), generator=generator).to(device)
    scale = torch.where(torch.rand(len(t), generator=generator).to(device) < 0.5, 4.0, scale)
    scale = torch.where(part.last, 1.0, scale)
    without, asked = (velocity(eps.float(), x_t, t) for eps in (part.without, part.asked))
    wanted = without + scale[:, None, None, None, None] * (asked - without)
    captions = [lessons.shard.caption(int(s), int(c)) for s, c in zip(part.scene, part.caption, strict=True)]
    tokens = pad_sequence(captions, batch_first=True).to(device)
    mask = torch.arange(tokens.shape[1])[None] < torch.tensor([len(c) for c in captions])[:, None]
    scenes, side = part.scene.cpu(), lessons.shard.rgb.shape[2]
    cameras = Cameras(
        torch.from_numpy(lessons.shard.viewmats)[scenes].flatten(0, 1),
        torch.from_numpy(lessons.shard.Ks)[scenes].flatten(0, 1), side, side,
    ).to(device)  # fmt: skip
    weights = net.added_to(dict(plain.named_parameters()))
    found = torch.func.functional_call(plain, weights, (x_t, t, tokens, mask.to(device), cameras, net.code(scale)))
    return found.float(), wanted, asked, part.last


def train_guided(job: Guided) -> None:
    """Ask, then learn; some files of answers are held out, and what is left to learn of them is printed."""
    torch.manual_seed(job.schedule.seed + 4)
    sources, device = job.data.sources(), job.schedule.place
    objects = all(source.family.part == "objects" for source in sources)
    if not objects and any(source.family.part == "objects" for source in sources):
        raise ValueError("--objects.shards: objects have a denoiser of their own; give all other families 0 shards")
    prior = load_prior(DiffusionOptions(model=bundled_for(job.prior, scene=not objects)), device)
    plain = prior.network
    assert isinstance(plain, MultiViewDenoiser)
    net = GuidedDelta(shapes_of(plain), plain.config["width"], job.rank, SPAN, POLISH)
    if job.start is not None and not (job.data.folder / "guided.pt").exists():
        start_from(net, job.start / ("guided_objects" if objects else "guided"))
    files = said(job, sources, prior)
    if len(files) < 2:
        raise ValueError(
            "guided: there are answers about fewer than two shards, one to learn from and one held out; give "
            "more shards, --passes or --seconds"
        )
    plain = plain.float()
    print(f"guided: {sum(p.numel() for p in net.parameters()) / 1e6:.2f} M parameters, {len(files)} shards", flush=True)
    run = Run(net, job.schedule, job.data.folder, "guided")
    run.resume()
    lessons = [Lessons.load(*pair) for pair in files]
    held_out = lessons[:: max(2, len(lessons) // 3)]
    learnt = [one for one in lessons if not any(one is other for other in held_out)]

    def loss_of(step: int, generator: torch.Generator) -> tuple[Tensor, int]:
        one = learnt[int(torch.randint(len(learnt), (), generator=generator))]
        views = one.said.x_t.shape[1]
        chosen = torch.randperm(len(one.said.t), generator=generator)[: max(1, job.schedule.images // views)]
        guess, wanted, *_ = answers_of(net, plain, one, chosen, generator)
        return (guess - wanted).square().mean(), len(chosen) * views

    run.train(loss_of)
    net.load_state_dict(run.ema)
    print(report(net, plain, held_out, job.schedule.bfloat16), flush=True)
    net.cpu().half().save_pretrained(job.data.folder / "guided")


@torch.no_grad()
def report(net: GuidedDelta, plain: MultiViewDenoiser, held_out: list[Lessons], bfloat16: bool) -> str:
    """What is left of the difference that guidance makes, by noise level, as a share of it; and of the last look's."""
    rows = []
    for one in held_out:
        for chosen in torch.arange(len(one.said.t)).split(4):
            with torch.autocast(next(plain.parameters()).device.type, torch.bfloat16, enabled=bfloat16):
                found = answers_of(net, plain, one, chosen, torch.Generator().manual_seed(int(chosen[0])))
            guess, wanted, asked, last = found
            level = one.said.t[chosen].to(wanted) / NUM_TRAIN_TIMESTEPS
            unchanged = -one.said.x_t[chosen].to(wanted) / (1 - level)[:, None, None, None, None]
            before = torch.where(last[:, None, None, None, None], unchanged, asked)
            mean = (1, 2, 3, 4)
            rows.append(torch.stack([
                (guess - wanted).square().mean(mean), (before - wanted).square().mean(mean), level, last.float(),
            ]))  # fmt: skip
    left, all_of_it, level, last = torch.cat(rows, 1)
    parts = []
    for low, high in ((0.0, 0.2), (0.2, 0.4), (0.4, 0.6), (0.6, 0.8), (0.8, 1.0)):
        some = (level > low) & (level <= high) & (last == 0)
        if some.any():
            parts.append(f"{float(left[some].sum() / all_of_it[some].sum()):.3f} (t/T to {high})")
    share = float(left[last == 1].sum() / all_of_it[last == 1].sum())
    return f"held out: left of what guidance adds {', '.join(parts)}; of what the last look changes {share:.3f}"
