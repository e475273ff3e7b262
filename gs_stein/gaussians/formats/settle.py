"""From what a reader found to a scene of our world: cleaned and turned, block by block.

Most of the time of reading a large file is the memory's: each number is touched once, while its block is in the cache.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from gs_stein.gaussians.formats.common import FLAT, LOGIT_MAX, Rows
from gs_stein.gaussians.model import Gaussians
from gs_stein.gaussians.orientation import sh_row_matrix, to_axes, turned_from

_BLOCK = 4096
"""Rows at a time: so few that torch does not wake its other threads for them, which costs more than it gives."""


def settled(path: Path, rows: Gaussians | Rows, axes: str) -> tuple[Gaussians, list[str]]:
    """The scene in our world, finite, and what there is to say about the cleaning.

    Args:
        path: named in errors.
        rows: the file's own numbers.
        axes: the convention that they are in.

    Raises:
        ValueError: there are no Gaussians, or none whose numbers are finite.
    """
    n, k = len(rows), (rows.sh_degree + 1) ** 2
    if n == 0:
        raise ValueError(f"{path}: holds no Gaussians")
    scene = Gaussians(*(torch.empty(n, *shape) for shape in ((3,), (3,), (4,), (), (k, 3))))
    keep, counts = torch.empty(n, dtype=torch.bool), torch.zeros(3, dtype=torch.int64)
    rotation = to_axes(axes).T
    matrices = [sh_row_matrix(rotation, rows.sh_degree, by_colour).float().numpy() for by_colour in (False, True)]
    for i in range(0, n, _BLOCK):
        part = slice(i, i + _BLOCK)
        block = _cleaned(rows[part], counts)
        keep[part] = _finite(block)
        small = Gaussians(block.means, block.log_scales, block.quats, block.opacity_logits, block.sh[:, :1])
        for target, tensor in zip(scene.tensors()[:4], turned_from(small, axes).tensors()[:4], strict=True):
            target[part] = tensor
        sh, target = block.sh.numpy(), scene.sh[part].numpy()
        if k == 1 or axes == "z-up":
            target[:] = sh
            continue
        by_colour = sh.transpose(0, 2, 1)
        lies_by_colour = by_colour.flags.c_contiguous
        flat = (by_colour if lies_by_colour else sh).reshape(-1, 3 * k)
        with np.errstate(invalid="ignore"):
            np.matmul(flat, matrices[lies_by_colour], out=target.reshape(-1, 3 * k))
    notes = [
        f"{int(count)} of {total} {words}"
        for count, total, words in zip(
            counts,
            (n, 3 * n, n),
            (
                "opacities of exactly 0 or 1 are held just inside",
                "scales of 0 become a millionth: flat",
                "rotations are zero and taken as none",
            ),
            strict=True,
        )
        if count
    ]
    if not bool(keep.all()):
        left = int((~keep).sum())
        if left == n:
            raise ValueError(f"{path}: every one of {left} Gaussians has a value that is not finite; nothing is left")
        notes.append(f"{left} of {n} Gaussians have a NaN or infinite number and are left out")
        scene = scene[keep]
    return scene, notes


def _cleaned(block: Gaussians, counts: Tensor) -> Gaussians:
    """Infinite opacities, scales of zero and rotations of length zero made usable; adds how many to `counts`."""
    logits, log_scales, quats = block.opacity_logits, block.log_scales, block.quats
    bounded = logits.isinf(), log_scales == -torch.inf, (quats == 0).all(dim=1)
    found = torch.stack([mask.sum() for mask in bounded])
    if not bool(found.any()):
        return block
    counts += found
    logits = torch.where(bounded[0], logits.clamp(-LOGIT_MAX, LOGIT_MAX), logits)
    log_scales = log_scales.masked_fill(bounded[1], FLAT)
    quats = torch.where(bounded[2][:, None], quats.new_tensor([1.0, 0.0, 0.0, 0.0]), quats)
    return Gaussians(block.means, log_scales, quats, logits, block.sh)


def _finite(block: Gaussians) -> Bool[Tensor, " N"]:
    """As `Gaussians.finite`, but in one pass over the memory as long as everything is."""
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(sum(tensor.numpy().sum() for tensor in block.tensors())):
            return torch.ones(len(block), dtype=torch.bool)
    return block.finite()
