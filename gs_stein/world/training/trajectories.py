"""What a denoiser says on its way from noise to pictures, with guidance, as refinement goes that way.

A network that is to give the guided answer in one evaluation (`gs_stein.world.training.guided`) learns it from noisy
views that sampling comes by, not from noised pictures of the world alone: guidance makes them more typical than those.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from gs_stein.prior.bundled import NUM_TRAIN_TIMESTEPS
from gs_stein.prior.diffusion import DiffusionPrior
from gs_stein.prior.options import GuidanceOptions
from gs_stein.prior.sampling import antithetic_denoise, denoise
from gs_stein.types import Cameras, TextEmbedding
from gs_stein.world.training.pool import CAPTIONS, SCENES_PER_SHARD, Shard
from gs_stein.world.training.response import first_guess

SPAN = 3.0, 5.0
"""The lowest and highest guidance."""
SCALES = (SPAN[0], 4.0, 4.0, SPAN[1])
"""One of these on each way."""
POLISH = 0.35
"""Noise level of the last look (`gs_stein.prior.sampling.antithetic_denoise`)."""


class Said(NamedTuple):
    """Answers about S groups of V views; half precision."""

    x_t: Float[Tensor, "S V C h w"]
    t: Float[Tensor, " S"]
    without: Float[Tensor, "S V C h w"]
    """The noise ε̂, seen without a prompt."""
    asked: Float[Tensor, "S V C h w"]
    """The noise ε̂ with the prompt."""
    last: Bool[Tensor, " S"]
    """Whether this is the last look instead: x_t has no noise in it, and the answer, twice the same, is the mean of the
    guesses for a noise and its opposite."""
    scene: Int[Tensor, " S"]
    """Number within the shard."""
    caption: Int[Tensor, " S"]
    """Number of the scene's caption."""


@dataclass
class Recorder:
    """In place of a denoiser's `predict`: keeps what it is asked and says."""

    predict: Callable[..., Tensor]
    rows: list[tuple[Tensor, ...]] = field(default_factory=list)

    def __call__(
        self,
        x_t: Float[Tensor, "2 V C h w"],
        t: Float[Tensor, " 2"],
        text: list[TextEmbedding],
        cameras: Cameras | None,
    ) -> Float[Tensor, "2 V C h w"]:
        """Branches without and with the prompt."""
        found = self.predict(x_t, t, text, cameras)
        self.rows.append((x_t[0], t[0], found[0], found[1]))
        return found


@torch.no_grad()
def trajectories(denoiser: DiffusionPrior, shard: Shard, steps: tuple[tuple[int, int], ...], seed: int) -> Said:
    """A denoiser's answers on one way for each scene of a shard.

    Args:
        denoiser: that knows such scenes.
        shard: of scenes; where a way begins is one of them, noised.
        steps: of denoising and their order, of which each way has one pair.
        seed: of ways, noise and captions.
    """
    generator = torch.Generator().manual_seed(seed)
    rows, none = [], denoiser.embed([""])
    empty = TextEmbedding(none.tokens, none.mask)  # of captions, shards keep no more than that
    predict = denoiser.predict
    for scene in range(SCENES_PER_SHARD):
        rgb = torch.from_numpy(shard.rgb[scene]).permute(0, 3, 1, 2).float() / 255
        side = rgb.shape[-1]
        cameras = Cameras(torch.from_numpy(shard.viewmats[scene]), torch.from_numpy(shard.Ks[scene]), side, side)
        caption, scale, (count, order), blurred, known = _way(generator, steps)
        tokens = shard.caption(scene, caption)
        text = TextEmbedding(tokens[None], torch.ones(1, len(tokens), dtype=torch.bool))
        x0, level = denoiser.encode(rgb)[None], 0.55 + 0.44 * float(torch.rand((), generator=generator))
        anchors = x0[:, :known] if known else None
        if blurred:
            noise = 0.4 + 0.55 * float(torch.rand((), generator=generator))
            x0 = first_guess(denoiser, x0[0], noise, text, cameras, generator)[None]
        times = torch.linspace(level, 0.0, count + 1) * NUM_TRAIN_TIMESTEPS
        x_t = denoiser.schedule.add_noise(x0, torch.randn(x0.shape, generator=generator), times[:1])
        recorder = Recorder(predict)
        denoiser.predict = recorder
        try:
            found = denoise(
                denoiser, x_t, times, text, empty, cameras, GuidanceOptions(scale=scale), None, anchors, 1.0, generator,
                0, order,
            )  # fmt: skip
        finally:
            del denoiser.predict
        polished = antithetic_denoise(denoiser, found, POLISH, text, cameras, generator)
        t = torch.tensor([POLISH * NUM_TRAIN_TIMESTEPS])
        still = denoiser.schedule.alpha(t) * found
        eps = denoiser.schedule.convert(polished, still, t, "x0", "eps")[0]
        asked = [*recorder.rows, (still[0], t[0], eps, eps)]
        for number, row in enumerate(asked):
            rows.append((*row, number == len(asked) - 1, scene, caption))
    x_t, t, without, with_prompt, last, scenes, captions = zip(*rows, strict=True)
    return Said(
        torch.stack(x_t).half(), torch.stack(t), torch.stack(without).half(), torch.stack(with_prompt).half(),
        torch.tensor(last), torch.tensor(scenes), torch.tensor(captions),
    )  # fmt: skip


class Way(NamedTuple):
    """How one way goes."""

    caption: int
    scale: float
    steps: tuple[int, int]
    blurred: bool
    """Whether it begins at a first guess, as blurred as a scene's renders, instead of a picture."""
    known: int
    """Views that stay what they are, as anchors do."""


def _way(generator: torch.Generator, steps: tuple[tuple[int, int], ...]) -> Way:
    def one_of(count: int) -> int:
        return int(torch.randint(count, (), generator=generator))

    return Way(one_of(CAPTIONS), SCALES[one_of(len(SCALES))], steps[one_of(len(steps))], bool(one_of(2)), 2 * one_of(2))
