"""Copies of a scene that the page may keep, and the arrays that a browser draws."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32, Int

from gs_stein.gaussians.model import SH_C0, Gaussians

_LARGEST = 200.0
"""Metres. The browser takes covariances as half floats, which end at 65504 = 256²."""
_INVISIBLE = 1.0 / 255.0


@dataclass(frozen=True)
class Splats:
    """What a browser draws: no view dependence, every number finite and in range."""

    centers: Float32[np.ndarray, "N 3"]
    """Metres."""
    covariances: Float32[np.ndarray, "N 3 3"]
    """Metres²."""
    rgbs: Float32[np.ndarray, "N 3"]
    """In [0, 1]."""
    opacities: Float32[np.ndarray, "N 1"]
    """In [0, 1]."""
    total: int
    """Gaussians of the scene they were taken from."""
    broken: int = 0
    """Gaussians left out because a number of theirs is not finite."""

    def __len__(self) -> int:
        return self.centers.shape[0]


def sample(count: int, limit: int) -> Int[np.ndarray, " n"] | None:
    """An even sample of `limit` out of `count` Gaussians, the same at every call; None if all fit."""
    if count <= limit:
        return None
    return np.sort(np.random.default_rng(count).choice(count, limit, replace=False))


def copied(gaussians: Gaussians, limit: int | None = None, view_dependent: bool = True) -> Gaussians:
    """A detached copy on the CPU that shares no memory.

    Args:
        gaussians: a live scene.
        limit: keep an even sample of so many; None: all.
        view_dependent: with `limit`, keep also the part of the colours that a browser cannot show.
    """
    if limit is not None:
        index = sample(len(gaussians), limit)
        sh = gaussians.sh if view_dependent else gaussians.sh[:, :1]
        parts = (gaussians.means, gaussians.log_scales, gaussians.quats, gaussians.opacity_logits, sh)
        if index is not None:
            chosen = torch.from_numpy(index).to(gaussians.device)
            parts = tuple(part.detach().index_select(0, chosen) for part in parts)
        gaussians = Gaussians(*parts)
    return Gaussians(*(tensor.detach().to("cpu", copy=True) for tensor in gaussians.tensors()))


def to_splats(gaussians: Gaussians, total: int | None = None) -> Splats:
    """The arrays a browser draws; Gaussians that are broken or invisible are left out.

    Args:
        gaussians: a copy that nobody changes meanwhile.
        total: Gaussians of the whole scene, if this is a sample.
    """
    # numpy, not torch: torch would wake its thread pool, which the training needs.
    means, log_scales, quats, logits, sh = (
        tensor.detach().cpu().numpy().astype(np.float32, copy=False) for tensor in gaussians.tensors()
    )
    colours = sh[:, 0]
    good = np.isfinite(logits)
    for array in (means, log_scales, quats, colours):
        good &= np.isfinite(array).all(axis=1)
    broken = int(len(good) - good.sum())
    with np.errstate(over="ignore"):
        opacities = 1.0 / (1.0 + np.exp(-logits))
    keep = good & (opacities >= _INVISIBLE)
    scales = np.exp(np.minimum(log_scales[keep], np.float32(math.log(_LARGEST))))
    rotated = _rotations(quats[keep]) * scales[:, None, :]
    return Splats(
        centers=np.ascontiguousarray(means[keep]),
        covariances=rotated @ rotated.transpose(0, 2, 1),
        rgbs=np.clip(0.5 + SH_C0 * colours[keep], 0.0, 1.0).astype(np.float32),
        opacities=opacities[keep, None].astype(np.float32),
        total=len(gaussians) if total is None else total,
        broken=broken,
    )


def _rotations(quats: Float[np.ndarray, "N 4"]) -> Float[np.ndarray, "N 3 3"]:
    """Rotation matrices of quaternions (w, x, y, z) of any length; a zero quaternion does not turn."""
    norm = np.linalg.norm(quats, axis=1, keepdims=True)
    w, x, y, z = np.where(norm > 0, quats / np.maximum(norm, 1e-30), np.array([1, 0, 0, 0], np.float32)).T
    rows = [
        1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y),
        2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x),
        2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y),
    ]  # fmt: skip
    return np.stack(rows, axis=1).reshape(-1, 3, 3).astype(np.float32)
