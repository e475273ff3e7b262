"""Fewer Gaussians that look like all of them: cropped, thinned out, decimated."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from gs_stein.gaussians.formats.common import importance
from gs_stein.gaussians.model import Gaussians
from gs_stein.rasterize.api import rasterize
from gs_stein.rasterize.options import RasterizeOptions
from gs_stein.rasterize.reference import covariances
from gs_stein.types import Cameras

_OPACITY_MAX = 0.999
_LARGEST_GROWTH = 3.0
"""By which factor a survivor's axis may grow: a speck must not become a curtain."""
_UNSEEN = 0.3
"""Weight of what Gaussians could add to views that nobody looked at."""
_AT_ONCE = 1 << 18


def cropped(gaussians: Gaussians, low: tuple[float, float, float], high: tuple[float, float, float]) -> Gaussians:
    """The Gaussians whose centres lie in a box of our world (metres).

    Raises:
        ValueError: the box is empty, or nothing lies in it.
    """
    if not all(a < b for a, b in zip(low, high, strict=True)):
        raise ValueError(f"crop: {low} to {high} is no box; give x0 y0 z0 x1 y1 z1, the lower corner first")
    means = gaussians.means
    inside = ((means >= means.new_tensor(low)) & (means <= means.new_tensor(high))).all(dim=1)
    if not bool(inside.any()):
        least, most = means.amin(dim=0).tolist(), means.amax(dim=0).tolist()
        spans = ", ".join(f"{axis} {a:.2f} to {b:.2f}" for axis, a, b in zip("xyz", least, most, strict=True))
        raise ValueError(f"crop: nothing lies in {low} to {high} m; the scene spans {spans}")
    return gaussians[inside]


def at_least(gaussians: Gaussians, opacity: float) -> Gaussians:
    """The Gaussians of this opacity or more.

    Raises:
        ValueError: there are none.
    """
    keep = gaussians.opacities >= opacity
    if not bool(keep.any()):
        raise ValueError(f"min_opacity: no Gaussian reaches {opacity}; the highest is {gaussians.opacities.max():.3f}")
    return gaussians[keep]


def decimated(gaussians: Gaussians, count: int, views: Cameras, options: RasterizeOptions) -> Gaussians:
    """A sample of the Gaussians by importance, each grown to stand for those that are gone around it.

    Importance is what a Gaussian adds to the pixels of some views, and in part what it could add to others. A sample
    covers a scene evenly; the most important ones alone would leave whole walls of small Gaussians bare (measured: 0.5
    to 3 dB worse, and 3 to 10 dB where nothing grows).

    Args:
        gaussians: the scene, N of them.
        count: how many to keep; N or more changes nothing.
        views: that shall keep their looks.
        options: of the rasterizer.

    Raises:
        ValueError: count is below 1.
    """
    if count < 1:
        raise ValueError(f"decimate: {count} Gaussians make no scene; give 1 or more")
    if count >= len(gaussians):
        return gaussians
    area = importance(gaussians)
    seen = shares(gaussians, views, options)
    worth = seen / seen.sum().clamp_min(1e-12) + _UNSEEN * area / area.sum().clamp_min(1e-30)
    # Sampling without replacement: the largest of log(worth) + Gumbel noise.
    noise = torch.empty_like(worth).exponential_(generator=torch.Generator().manual_seed(0)).clamp_min(1e-30).log()
    keep = torch.topk(worth.clamp_min(1e-30).log() - noise, count).indices.sort().values
    return merged(gaussians, keep, nearest(gaussians.means, keep))


def shares(gaussians: Gaussians, views: Cameras, options: RasterizeOptions) -> Float[Tensor, " N"]:
    """How much each Gaussian adds to the pixels of all views: the sum of its blending weights, pixels.

    The weights are the gradient of the pictures' sum in the colours.
    """
    # Only in colours that stay above zero does the gradient show.
    sh = torch.ones(len(gaussians), 1, 3).requires_grad_()
    plain = Gaussians(*gaussians.detach().tensors()[:4], sh)
    total = torch.zeros(len(gaussians))
    for i in range(len(views)):
        render = rasterize(plain, views[i : i + 1], options)
        if not render.rgb.requires_grad:
            continue  # it sees none of them
        (gradient,) = torch.autograd.grad(render.rgb.sum(), sh)
        total += gradient[:, 0].sum(dim=1)
    return total


def nearest(means: Float[Tensor, "N 3"], keep: Int[Tensor, " M"]) -> Int[Tensor, " N"]:
    """For each Gaussian the position in `keep` of the nearest one kept; their own for those."""
    from scipy.spatial import KDTree

    points = means.double().numpy()
    owner = np.asarray(KDTree(points[keep.numpy()]).query(points, workers=-1)[1])
    owner[keep.numpy()] = np.arange(len(keep))
    return torch.from_numpy(owner)


def merged(gaussians: Gaussians, keep: Int[Tensor, " M"], owner: Int[Tensor, " N"]) -> Gaussians:
    """Each survivor with the mean, covariance and colour of all that it stands for, weighted by opacity × area.

    Args:
        gaussians: the scene, N of them.
        keep: the survivors.
        owner: for each of the N its survivor, as a position in `keep`.

    Returns:
        M Gaussians; opacities such that opacity × area is the sum of the group's, as far as opacities reach.
    """
    m = len(keep)
    mass = importance(gaussians).double()

    def total(values: Tensor) -> Tensor:
        return torch.zeros(m, *values.shape[1:], dtype=torch.float64).index_add_(0, owner, values)

    whole = total(mass).clamp_min(1e-300)
    share = (mass / whole[owner]).clamp(0, 1)
    means = total(share[:, None] * gaussians.means.double())
    flat = total(share[:, None] * gaussians.sh.double().flatten(1))
    cov = torch.zeros(m, 3, 3, dtype=torch.float64)
    for i in range(0, len(gaussians), _AT_ONCE):
        part = slice(i, i + _AT_ONCE)
        own = covariances(gaussians.quats[part].double(), gaussians.scales[part].double())
        away = gaussians.means[part].double() - means[owner[part]]
        spread = share[part, None, None] * (own + away[:, :, None] * away[:, None, :])
        cov.index_add_(0, owner[part], spread)
    return _from_moments(gaussians[keep], means, cov, whole, flat)


def _from_moments(kept: Gaussians, means: Tensor, cov: Tensor, mass: Tensor, sh: Tensor) -> Gaussians:
    """Survivors with new moments; those alone in their group keep every number."""
    alone = (mass / importance(kept).double().clamp_min(1e-300)) < 1 + 1e-9
    quats, scales = axes_of(cov)
    limit = kept.scales.double().amax(dim=1, keepdim=True) * _LARGEST_GROWTH
    scales = torch.minimum(scales, limit)
    log_scales = scales.clamp_min(1e-12).log().float()
    grown = Gaussians(means.float(), log_scales, quats.float(), torch.full_like(kept.opacity_logits, 20.0), kept.sh)
    opacity = (mass / importance(grown).double().clamp_min(1e-300)).clamp(1e-4, _OPACITY_MAX)
    changed = Gaussians(means.float(), log_scales, quats.float(), opacity.logit().float(), sh.float().view_as(kept.sh))
    return Gaussians(
        *(
            torch.where(alone.view(-1, *[1] * (new.ndim - 1)), old, new)
            for old, new in zip(kept.tensors(), changed.tensors(), strict=True)
        )
    )


def axes_of(cov: Float[Tensor, "M 3 3"]) -> tuple[Float[Tensor, "M 4"], Float[Tensor, "M 3"]]:
    """Rotations w x y z and standard deviations of symmetric matrices (float64): the inverse of R diag(s²) Rᵀ."""
    from scipy.spatial.transform import Rotation

    values, vectors = torch.linalg.eigh(cov)
    vectors = vectors * torch.linalg.det(vectors)[:, None, None].sign()
    quats = torch.from_numpy(Rotation.from_matrix(vectors.numpy()).as_quat())
    return quats[:, [3, 0, 1, 2]], values.clamp_min(0).sqrt()
