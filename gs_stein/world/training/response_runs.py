"""What denoisers answer along short runs of distillation: pictures of scenes that are still forming.

Pictures of the world are not what a run looks at in its first iterations: a fog of Gaussians, then blots. A response
that was learned without them is of no use there: it left 0.93 to 1.0 of what is odd in the noise, and 0.6 of it for
held-out pictures of the world.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein.config.presets import preset_file
from gs_stein.config.schema import Config
from gs_stein.config.serialize import read_config
from gs_stein.distill.learned import sentence_of
from gs_stein.distill.options import SDS
from gs_stein.optimize.loop import optimize
from gs_stein.optimize.networks import Priors
from gs_stein.optimize.state import begin
from gs_stein.prior.diffusion import DiffusionPrior
from gs_stein.prior.options import GuidanceOptions
from gs_stein.refine.options import RefineOptions
from gs_stein.types import Cameras, TextEmbedding

STRONG = 7.5
"""Guidance of every other run; the rest have their preset's."""


class Answers(NamedTuple):
    """What a denoiser said of S groups of V views; half precision."""

    x0: Float[Tensor, "S V C h w"]
    eps: Float[Tensor, "S V C h w"]
    alpha: Float[Tensor, " S"]
    """Of the noise level."""
    sentence: Float[Tensor, "S P D"]
    """Mean text token, of each view or of all."""
    viewmats: Float[Tensor, "S V 4 4"]
    Ks: Float[Tensor, "S V 3 3"]
    without: Float[Tensor, "S V C h w"]
    """What is odd in the noise of ε̂ − ε without the caption."""
    added: Float[Tensor, "S V C h w"]
    """Of what the caption adds."""


def stacked(rows: list[Answers]) -> Answers:
    """Answers about one group each, side by side."""
    found = (torch.stack(column) for column in zip(*rows, strict=True))
    return Answers(*(x.half() if x.ndim == 5 else x for x in found))


@dataclass
class Recorder:
    """In place of a denoiser's `predict`, in a run by SDS with antithetic pairs: keeps what is odd in the noise."""

    denoiser: DiffusionPrior
    predict: Callable[..., Tensor]
    rows: list[Answers] = field(default_factory=list)

    def __call__(
        self,
        x_t: Float[Tensor, "4 V C h w"],
        t: Float[Tensor, " 4"],
        text: list[TextEmbedding],
        cameras: Cameras | None,
    ) -> Float[Tensor, "4 V C h w"]:
        """Branches without and with the prompt, of the noise and its opposite each."""
        found = self.predict(x_t, t, text, cameras)
        assert cameras is not None
        alpha, sigma = self.denoiser.schedule.alpha(t[0]), self.denoiser.schedule.sigma(t[0])
        x0, eps = (x_t[0] + x_t[1]) / (2 * alpha), (x_t[0] - x_t[1]) / (2 * sigma)
        without, asked = ((found[i] - found[i + 1]) / 2 - eps for i in (0, 2))
        words = sentence_of(text[2], text[2].tokens.shape[-1])
        self.rows.append(Answers(x0, eps, alpha, words, cameras.viewmats, cameras.Ks, without, asked - without))
        return found


def along_run(
    denoiser: DiffusionPrior, caption: str, presets: Sequence[str], iterations: int, seed: int
) -> list[Answers]:
    """What a denoiser says in every iteration of a run, by the size of the pictures.

    Args:
        denoiser: of the presets' kind.
        caption: the prompt.
        presets: laid over each other.
        iterations: the presets' schedules are stretched to them.
        seed: of the run; an odd one has strong guidance.
    """
    config = Config()
    for preset in presets:
        config = read_config(preset_file(preset), config)
    distill = replace(config.distill, estimator=SDS(), antithetic=True, reuse=1)
    if seed % 2:
        distill = replace(distill, guidance=GuidanceOptions(scale=STRONG))
    config = replace(config, prompt=caption, iterations=iterations, seed=seed, distill=distill, refine=RefineOptions())
    recorder = Recorder(denoiser, denoiser.predict)
    state = begin(config, Priors(denoiser))
    denoiser.predict = recorder
    try:
        for _ in optimize(config, state):
            pass
    finally:
        del denoiser.predict
    sides = sorted({row.eps.shape[-1] for row in recorder.rows})
    return [stacked([row for row in recorder.rows if row.eps.shape[-1] == side]) for side in sides]
