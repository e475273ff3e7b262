"""What the contrastive scorer says of pictures: retrieval and Fréchet distance."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from gs_stein.scorer import Scorer
from gs_stein.text.minilm import MiniLM


@torch.no_grad()
def retrieval(scorer: Scorer, rgb: Float[Tensor, "S V 3 H W"], texts: list[str]) -> float:
    """Share of single views whose best caption among all is their own."""
    wanted = scorer.captions(MiniLM()(texts))
    found = F.normalize(scorer.features(rgb.flatten(0, 1)), dim=-1) @ wanted.T
    own = torch.arange(len(texts)).repeat_interleave(rgb.shape[1])
    return (found.argmax(1) == own).float().mean().item()


@torch.no_grad()
def frechet(scorer: Scorer, a: Float[Tensor, "n 3 H W"], b: Float[Tensor, "m 3 H W"]) -> float:
    """Fréchet distance of scorer features seen as Gaussians (FID's formula, arXiv 1706.08500, eq. 6)."""
    from scipy.linalg import sqrtm

    means, covariances = [], []
    for rgb in (a, b):
        features = scorer.features(rgb).double().numpy()
        means.append(features.mean(0))
        covariances.append(np.cov(features, rowvar=False) + 1e-6 * np.eye(features.shape[1]))
    root = np.real(sqrtm(covariances[0] @ covariances[1]))
    gap = means[0] - means[1]
    return float(gap @ gap + np.trace(covariances[0] + covariances[1] - 2 * root))
