"""Classifier-free guidance, written once: every estimator asks here for its ε̂.

Classifier-free: ε̂ = ε_neg + s (ε_y − ε_neg) (Ho and Salimans 2022, arXiv 2207.12598), where the negative prompt
takes the place of the empty one. Perp-Neg: only that part of the negative direction counts that is perpendicular to
the positive one (Armandpour et al. 2023, arXiv 2304.04968).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein import ranks
from gs_stein.prior.denoiser import Denoiser
from gs_stein.prior.options import GuidanceOptions
from gs_stein.types import Cameras, TextEmbedding


def classifier_free(
    eps_neg: Float[Tensor, "*shape"], eps_text: Float[Tensor, "*shape"], scale: float
) -> Float[Tensor, "*shape"]:
    """ε̂ = ε_neg + s (ε_y − ε_neg)."""
    return eps_neg + scale * (eps_text - eps_neg)


def perp_neg(
    eps_empty: Float[Tensor, "B V C h w"],
    eps_text: Float[Tensor, "B V C h w"],
    eps_negatives: Sequence[Float[Tensor, "B V C h w"]],
    weights: Sequence[float | Float[Tensor, " V"]],
    scale: float,
) -> Float[Tensor, "B V C h w"]:
    """Perp-Neg: ε̂ = ε_∅ + s (δ_+ − Σ_i w_i δ_i^⊥), δ = ε − ε_∅, with δ_i^⊥ the part of δ_i perpendicular to δ_+.

    Args:
        eps_empty, eps_text: predictions for the empty and the positive prompt.
        eps_negatives: predictions for the negative prompts.
        weights: one w_i ≥ 0 a negative prompt, a number or one a view.
        scale: s.

    Source: arXiv 2304.04968, equations 5–7; projections are taken per view.
    """
    positive = eps_text - eps_empty
    norm2 = positive.square().sum((2, 3, 4), keepdim=True).clamp_min(1e-12)
    total = positive
    for eps_negative, weight in zip(eps_negatives, weights, strict=True):
        negative = eps_negative - eps_empty
        along = (negative * positive).sum((2, 3, 4), keepdim=True) / norm2
        if isinstance(weight, Tensor):
            weight = weight.to(positive).view(1, -1, 1, 1, 1)
        total = total - weight * (negative - along * positive)
    return eps_empty + scale * total


def guided(
    denoiser: Denoiser,
    x_t: Float[Tensor, "B V C h w"],
    t: Float[Tensor, " B"],
    text: TextEmbedding,
    negative: TextEmbedding,
    cameras: Cameras | None,
    options: GuidanceOptions,
    empty: TextEmbedding | None = None,
) -> Float[Tensor, "B V C h w"]:
    """The guided noise prediction ε̂ of B groups, all branches in one call of the denoiser.

    Args:
        denoiser: whose `predict` is asked.
        x_t: noisy latents.
        t: one timestep a group.
        text: the prompt, of one or V prompts.
        negative: the negative (or empty) prompt, of one or V prompts.
        cameras: the V cameras, for priors that take them.
        options: scale and kind.
        empty: the empty prompt; only Perp-Neg needs it besides the negative one.

    Raises:
        ValueError: Perp-Neg without `empty`.
    """
    groups = x_t.shape[0]
    scale = options.scale
    if options.perp_neg > 0:
        if empty is None:
            raise ValueError("guidance.perp_neg: Perp-Neg needs the empty prompt's embedding; pass `empty`")
        branches = [empty, text, negative]
    elif scale == 1.0:
        branches = [text]  # the negative branch would be multiplied by zero
    elif scale == 0.0:
        branches = [negative]
    else:
        branches = [negative, text]
    prompts = [branch for branch in branches for _ in range(groups)]
    copies = len(branches)
    eps = predict(denoiser, x_t.repeat(copies, 1, 1, 1, 1), t.repeat(copies), prompts, cameras)
    parts = eps.chunk(copies)
    if copies == 3:
        return perp_neg(parts[0], parts[1], [parts[2]], [options.perp_neg], scale)
    if copies == 1:
        return parts[0]
    return classifier_free(parts[0], parts[1], scale)


def predict(
    denoiser: Denoiser,
    x_t: Float[Tensor, "B V C h w"],
    t: Float[Tensor, " B"],
    text: list[TextEmbedding],
    cameras: Cameras | None,
) -> Float[Tensor, "B V C h w"]:
    """`denoiser.predict`, shared out to the ranks that are at work: by views where those are denoised apart from each
    other, else by groups and guidance branches."""
    if ranks.count() == 1:
        return denoiser.predict(x_t, t, text, cameras)
    (B, V), before, eps = x_t.shape[:2], denoiser.evaluations, torch.zeros_like(x_t)
    together = getattr(denoiser, "together", 0)
    apart = V // together if together else 0
    if apart and apart % ranks.count() == 0:
        # Groups of views are made up of every n-th one (MVDream), single ones in any order.
        mine = torch.arange(V)[torch.isin(torch.arange(V) % apart, torch.arange(apart)[ranks.own(apart)])]
        some = [one[mine] if len(one) > 1 else one for one in text]
        there = mine.to(x_t.device)
        eps[:, there] = denoiser.predict(x_t[:, there], t, some, None if cameras is None else cameras[mine])
    elif len(text[mine := ranks.own(B)]):
        eps[mine] = denoiser.predict(x_t[mine], t[mine], text[mine], cameras)
    denoiser.evaluations = before + B * V
    return ranks.total(eps)[0]
