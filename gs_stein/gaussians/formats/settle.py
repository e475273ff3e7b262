"""From what a reader found to a scene of our world: cleaned and turned, block by block."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from gs_stein.gaussians.formats.blocks import Block, Rows, turned
from gs_stein.gaussians.formats.common import FLAT, LOGIT_MAX
from gs_stein.gaussians.model import Gaussians
from gs_stein.gaussians.orientation import to_axes

_CLEANED = (
    "opacities of exactly 0 or 1 are held just inside",
    "scales of 0 become a millionth: flat",
    "rotations are zero and taken as none",
)


def settled(path: Path, rows: Gaussians | Rows, axes: str) -> tuple[Gaussians, list[str]]:
    """The scene in our world, finite, and what there is to say about the cleaning.

    Args:
        path: named in errors.
        rows: the file's own numbers.
        axes: the convention that they are in.

    Raises:
        ValueError: there are no Gaussians, or none whose numbers are finite.
    """
    n = len(rows)
    if n == 0:
        raise ValueError(f"{path}: holds no Gaussians")
    block_of = rows.block if isinstance(rows, Rows) else lambda part: Block.of(rows[part])
    counts: list[np.ndarray] = []

    def cleaned(part: slice) -> Block:
        block, found = _cleaned(block_of(part))
        counts.append(found)
        return block

    scene, finite = turned(n, rows.sh_degree, to_axes(axes).T, cleaned, packed=getattr(rows, "packed", False))
    notes = [
        f"{count} of {total} {words}"
        for count, total, words in zip(np.sum(counts, axis=0), (n, 3 * n, n), _CLEANED, strict=True)
        if count
    ]
    if not finite.all():
        left = n - int(np.count_nonzero(finite))
        if left == n:
            raise ValueError(f"{path}: every one of {left} Gaussians has a value that is not finite; nothing is left")
        notes.append(f"{left} of {n} Gaussians have a NaN or infinite number and are left out")
        scene = scene[torch.from_numpy(finite)]
    return scene, notes


def _cleaned(block: Block) -> tuple[Block, np.ndarray]:
    """Infinite opacities, scales of zero and rotations of length zero made usable, and how many of each there were."""
    logits, log_scales, quats = block.opacity_logits, block.log_scales, block.quats
    endless, flat = np.isinf(logits), log_scales == -np.inf
    still = functools.reduce(np.logical_and, (quats == 0).T)
    counts = np.array([np.count_nonzero(mask) for mask in (endless, flat, still)])
    if counts.any():
        block = replace(
            block,
            opacity_logits=np.where(endless, logits.clip(-LOGIT_MAX, LOGIT_MAX), logits),
            log_scales=np.where(flat, np.float32(FLAT), log_scales),
            quats=np.where(still[:, None], np.array([1, 0, 0, 0], np.float32), quats),
        )
    return block, counts
