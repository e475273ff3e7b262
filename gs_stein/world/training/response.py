"""Train what the learned baseline knows of the denoisers: how their answers move with the noise.

First the denoisers are asked, once, about pictures as distillation has them: true views of the world, blurred first
guesses of them, and views of scenes along short runs, each with a noise and its opposite, with and without a caption.
Half of the difference of the two answers is what is odd in the noise. Then a small network, linear in the noise, learns
to give it (see `gs_stein.prior.response`).
"""

from __future__ import annotations

import itertools
import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from gs_stein.prior.bundled import NUM_TRAIN_TIMESTEPS
from gs_stein.prior.checkpoints.load import load_prior
from gs_stein.prior.checkpoints.registry import bundled_for
from gs_stein.prior.denoiser import Denoiser
from gs_stein.prior.diffusion import DiffusionPrior
from gs_stein.prior.options import DiffusionOptions
from gs_stein.prior.response import NoiseResponse
from gs_stein.types import Cameras, TextEmbedding
from gs_stein.world.training.data import Source
from gs_stein.world.training.pool import SCENES_PER_SHARD, VIEWS, Shard, rendered, shard_path
from gs_stein.world.training.response_runs import Answers, along_run, stacked
from gs_stein.world.training.run import UNPREFIXED, Data, Run, Schedule

GUIDANCE = (1.75, 7.5)
"""Scales of guidance that it learns for: between those of the presets, and a strong one."""
PRESETS = {"objects": ("object",), "landscapes": ("scene", "outdoors")}
"""Of the runs of a part of the world, laid over each other; the others are scenes."""
GROUP = 4
"""Views that a step of distillation denoises together."""


@dataclass(frozen=True)
class Response:
    """Train the network behind the learned baseline."""

    data: Annotated[Data, UNPREFIXED] = field(default_factory=Data)
    schedule: Annotated[Schedule, UNPREFIXED] = field(
        default_factory=lambda: Schedule(steps=9000, images=32, learning_rate=1.5e-3, cooldown=6000, ema=0.998)
    )
    prior: str = "bundled"
    """Whose denoisers are asked: bundled, or the folder of an exported prior."""
    passes: int = 2
    """Times that each rendered scene is asked about, with other views, noise and levels."""
    small: float = 0.4
    """Share of pictures of half the resolution."""
    lowest: float = 0.55
    """Noise levels are uniform from here to 1, as distillation draws them."""
    guessed: float = 0.7
    """Share of pictures that are a denoiser's first guess instead of the world's: what a scene looks like at first."""
    width: int = 128
    """Of a token."""
    depth: int = 3
    """Blocks."""
    runs: int = 64
    """Short runs that the denoisers are asked along, of all families together by their shares."""
    iterations: int = 100
    """Of each run."""
    seconds: float = 0.0
    """Stop asking after so long, and learn from what there is; 0: ask about all."""


@torch.no_grad()
def ask(prior: Denoiser, shard: Shard, job: Response, small: bool, seed: int) -> Answers:
    """Have a denoiser answer about every scene of a shard."""
    generator = torch.Generator().manual_seed(seed)
    rows, none = [], prior.embed([""])
    empty = TextEmbedding(none.tokens, none.mask)  # of captions, shards keep no more than that
    for scene in range(SCENES_PER_SHARD):
        views = torch.randperm(VIEWS, generator=generator)[:GROUP]
        rgb = torch.from_numpy(shard.rgb[scene]).permute(0, 3, 1, 2)[views].float() / 255
        side = rgb.shape[-1]
        cameras = Cameras(
            torch.from_numpy(shard.viewmats[scene])[views], torch.from_numpy(shard.Ks[scene])[views], side, side
        )
        if small:
            rgb, cameras = F.interpolate(rgb, scale_factor=0.5, mode="area"), cameras.resized(side // 2, side // 2)
        tokens = shard.caption(scene, int(torch.randint(shard.lengths.shape[1], (), generator=generator)))
        text = TextEmbedding(tokens[None], torch.ones(1, len(tokens), dtype=torch.bool))
        x0, level = prior.encode(rgb), torch.rand(3, generator=generator)
        if float(level[0]) < job.guessed:
            x0 = first_guess(prior, x0, 0.5 + 0.5 * float(level[1]), text, cameras, generator)
        t = NUM_TRAIN_TIMESTEPS * (job.lowest + (0.999 - job.lowest) * level[2]).expand(4)
        eps = torch.randn(x0.shape, generator=generator)
        signs = torch.tensor([1.0, -1.0, 1.0, -1.0])[:, None, None, None, None]
        x_t = prior.schedule.add_noise(x0.expand(4, *x0.shape), signs * eps, t)
        found = prior.predict(x_t, t, [empty, empty, text, text], cameras)
        without, asked = ((found[i] - found[i + 1]) / 2 - eps for i in (0, 2))
        words = tokens.mean(0, keepdim=True)
        rows.append(
            Answers(x0, eps, prior.schedule.alpha(t[0]), words, cameras.viewmats, cameras.Ks, without, asked - without)
        )
    return stacked(rows)


def first_guess(
    prior: Denoiser,
    x0: Float[Tensor, "V C h w"],
    level: float,
    text: TextEmbedding,
    cameras: Cameras,
    generator: torch.Generator,
) -> Float[Tensor, "V C h w"]:
    """What the denoiser takes noised views for."""
    t = torch.tensor([level * (NUM_TRAIN_TIMESTEPS - 1.0)])
    x_t = prior.schedule.add_noise(x0[None], torch.randn(1, *x0.shape, generator=generator), t)
    return prior.schedule.convert(prior.predict(x_t, t, [text], cameras), x_t, t, "eps", "x0")[0]


class Question(NamedTuple):
    """What the denoisers are asked about in one go."""

    source: Source
    index: int
    """Of the shard; of a run, whose caption is out of one of the shards."""
    which: int | None
    """How often the shard was asked about before; None: along a run."""

    @property
    def name(self) -> str:
        """Of its files of answers, one a size of picture."""
        return f"{self.source.family.name}-{self.index:05d}-{'run' if self.which is None else self.which}"


def questions(job: Response, sources: list[Source]) -> list[Question]:
    """All of them, runs and shards of all families in turn, so that a part of the list has some of each."""
    shards = [Question(source, i, k) for k in range(job.passes) for source in sources for i in range(source.shards)]
    total = sum(source.share for source in sources)
    runs = [Question(one, i, None) for one in sources for i in range(round(job.runs * one.share / total))]
    shards.sort(key=lambda question: (question.which, question.index))
    runs.sort(key=lambda question: question.index / question.source.share)
    return [question for pair in itertools.zip_longest(shards, runs) for question in pair if question is not None]


def answers_to(question: Question, job: Response, prior: DiffusionPrior) -> list[Answers]:
    """By the size of the pictures."""
    source, index, which = question
    shard = Shard.load(rendered(shard_path(job.data.folder, source.family, index % source.shards)))
    if which is None:
        presets = PRESETS.get(source.family.part, ("scene",))
        return along_run(prior, shard.captions[index * 7 % SCENES_PER_SHARD][0], presets, job.iterations, index)
    seed = 1_000_003 * which + 7919 * index + source.family.first_seed
    small = float(torch.rand((), generator=torch.Generator().manual_seed(seed + 1))) < job.small
    return [ask(prior, shard, job, small, seed)]


def answered(job: Response, sources: list[Source]) -> list[Path]:
    """Files of answers about all shards of some families, and along runs; those that are missing are made."""
    folder = job.data.folder / "answers"
    folder.mkdir(parents=True, exist_ok=True)
    asked, priors = questions(job, sources), {}
    paths, began = [], time.monotonic()
    for number, question in enumerate(asked):
        if not (there := sorted(folder.glob(f"{question.name}-*.pt"))):
            if 0 < job.seconds < time.monotonic() - began:
                continue
            model = bundled_for(job.prior, scene=question.source.family.part != "objects")
            if model not in priors:
                priors[model] = load_prior(DiffusionOptions(model=model))
            for part in answers_to(question, job, priors[model]):
                temporary = folder / f"{question.name}.{os.getpid()}.tmp"
                torch.save(part._asdict(), temporary)
                there.append(folder / f"{question.name}-{part.eps.shape[-1]}.pt")
                os.replace(temporary, there[-1])
            taken = time.monotonic() - began
            print(
                f"asked about {number + 1} of {len(asked)}: {question.name}, {taken:.0f} s", file=sys.stderr, flush=True
            )
        paths += there
    return paths


def response_loss(net: NoiseResponse, part: Answers) -> tuple[Float[Tensor, ""], ...]:
    """What is left of the odd part without the caption, of what the caption adds, and of both at each of `GUIDANCE`, as
    shares of it; of x̂₀, in whose units noise levels weigh alike."""
    side = pictures_side(part.Ks)
    cameras = Cameras(part.viewmats.flatten(0, 1), part.Ks.flatten(0, 1), side, side)
    found = net(part.eps.float(), part.x0.float(), part.alpha, part.sentence, cameras)
    scale = part.alpha[:, None, None, None, None]
    truths = part.without.float(), part.added.float()
    # The two are no strangers: what a caption adds takes much of the rest back.
    pairs = list(zip(found, truths, strict=True)) + [
        tuple(without + strength * added for without, added in (found, truths)) for strength in GUIDANCE
    ]
    left = [((guess - truth) / scale).square().mean() for guess, truth in pairs]
    size = [(truth / scale).square().mean() for _, truth in pairs]
    # Where a caption adds next to nothing, a share of that would drown all else.
    return tuple(
        one / torch.maximum(all_of_it, 1e-2 * size[0] + 1e-12) for one, all_of_it in zip(left, size, strict=True)
    )


def pictures_side(Ks: Float[Tensor, "S V 3 3"]) -> int:
    """Pixels along a side of the pictures that intrinsics belong to: their centre is the middle."""
    return round(2 * float(Ks[0, 0, 0, 2]))


def train_response(job: Response) -> None:
    """Ask, then learn; some files of answers are held out, and what is left of their odd part is printed."""
    torch.manual_seed(job.schedule.seed + 3)
    device = job.schedule.place
    parts = [Answers(**torch.load(path, weights_only=True)) for path in answered(job, job.data.sources())]
    if len(parts) < 2:
        raise ValueError("--seconds: too few for two shards, one to learn from and one held out; give more")
    held_out = parts[:: max(2, len(parts) // 4)]
    learnt = [part for part in parts if not any(part is other for other in held_out)]
    net = NoiseResponse(
        channels=parts[0].eps.shape[2], width=job.width, depth=job.depth, text_width=parts[0].sentence.shape[-1]
    )
    print(f"response: {sum(p.numel() for p in net.parameters()) / 1e6:.2f} M parameters, {len(learnt)} shards")
    run = Run(net, job.schedule, job.data.folder, "response")
    run.resume()

    def loss_of(step: int, generator: torch.Generator) -> tuple[Tensor, int]:
        part = learnt[int(torch.randint(len(learnt), (), generator=generator))]
        count = max(1, job.schedule.images // GROUP)
        chosen = torch.randperm(len(part.alpha), generator=generator)[:count]
        shares = response_loss(net, Answers(*(x[chosen].to(device) for x in part)))
        return torch.stack(shares).sum(), len(chosen) * GROUP

    run.train(loss_of)
    net.load_state_dict(run.ema)
    net.cpu().eval()
    with torch.no_grad():
        for part in held_out:
            without, added, *guided = (f"{float(share):.3f}" for share in response_loss(net, part))
            side, alpha = part.eps.shape[-1], part.alpha
            print(f"held out, {side}² latents, α from {alpha.min():.2f} to {alpha.max():.2f}: left of the odd part "
                  f"{without} without the caption, {added} of what it adds, {', '.join(guided)} at guidance "
                  f"{', '.join(map(str, GUIDANCE))}")  # fmt: skip
    net.half().save_pretrained(job.data.folder / "response")
