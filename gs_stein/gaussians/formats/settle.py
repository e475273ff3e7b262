"""From what a reader found to a scene of our world: cleaned and turned, block by block on several threads.

Most of the time of reading a large file is the memory's: each number is touched while its block is in the cache.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gs_stein.gaussians.formats.common import FLAT, LOGIT_MAX, Block, Rows, on_threads
from gs_stein.gaussians.model import Gaussians
from gs_stein.gaussians.orientation import exchange_of, sh_row_matrix, to_axes

_BLOCK = 1 << 14
"""Rows at a time: their numbers fit into the processor's last cache, and threads seldom wait for the interpreter."""
_PRODUCT = 64
"""Rows that are multiplied by a matrix at once: so few that the BLAS does not wake threads of its own for them, which
would get into the way of these."""
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
    n, k = len(rows), (rows.sh_degree + 1) ** 2
    if n == 0:
        raise ValueError(f"{path}: holds no Gaussians")
    # By NumPy, which asks the system for large pages: in pages of 4 KB, fresh memory takes longer than all the rest.
    scene = [np.empty((n, *shape), np.float32) for shape in ((3,), (3,), (4,), (), (k, 3))]
    keep = np.ones(n, bool)
    turn = _Turn(axes, rows.sh_degree)
    block_of = rows.block if isinstance(rows, Rows) else lambda part: Block.of(rows[part])

    def settle(start: int) -> np.ndarray:
        part = slice(start, start + _BLOCK)
        block, counts = _cleaned(block_of(part))
        targets = [array[part] for array in scene]
        turn.into(targets, block)
        # A number that is not finite is none in whatever it is multiplied with either.
        if not all(np.isfinite(target).all() for target in targets):
            keep[part] = _finite(block)
        return counts

    counts = np.sum(on_threads(settle, range(0, n, _BLOCK)), axis=0)
    totals = (n, 3 * n, n)
    notes = [
        f"{count} of {total} {words}" for count, total, words in zip(counts, totals, _CLEANED, strict=True) if count
    ]
    found = Gaussians(*(torch.from_numpy(array) for array in scene))
    if not keep.all():
        left = n - int(np.count_nonzero(keep))
        if left == n:
            raise ValueError(f"{path}: every one of {left} Gaussians has a value that is not finite; nothing is left")
        notes.append(f"{left} of {n} Gaussians have a NaN or infinite number and are left out")
        found = found[torch.from_numpy(keep)]
    return found, notes


class _Turn:
    """From a file's axes into our world's."""

    def __init__(self, axes: str, sh_degree: int) -> None:
        rotation = to_axes(axes).T
        self._order, self._signs = exchange_of(rotation)
        self._matrices = None if axes == "z-up" else [_rest_matrix(rotation, sh_degree, way) for way in (False, True)]

    def into(self, targets: list[np.ndarray], block: Block) -> None:
        """Write a block where it belongs: means, logarithms of scales, rotations, logits, harmonics."""
        means, log_scales, quats, logits, sh = targets
        for i, (source, sign) in enumerate(zip(self._order, self._signs, strict=True)):
            np.multiply(block.means[:, source], sign, out=means[:, i])
            log_scales[:, i] = block.log_scales[:, source]
            np.multiply(block.quats[:, 1 + source], sign, out=quats[:, 1 + i])
        quats[:, 0], logits[:], sh[:, 0] = block.quats[:, 0], block.opacity_logits, block.colours
        if sh.shape[1] == 1:
            return
        rest = sh.reshape(len(sh), -1)[:, 3:]
        if self._matrices is not None:
            _multiply(block.rest, self._matrices[block.by_colour], rest)
        elif block.by_colour:
            sh[:, 1:] = block.rest.reshape(len(sh), 3, -1).transpose(0, 2, 1)
        else:
            rest[:] = block.rest


def _rest_matrix(rotation: Tensor, degree: int, by_colour: bool) -> np.ndarray:
    """As `sh_row_matrix`, for `Block.rest`."""
    matrix = sh_row_matrix(rotation, degree, by_colour).float().numpy()
    constant = slice(None, None, (degree + 1) ** 2) if by_colour else slice(3)
    return np.ascontiguousarray(np.delete(matrix, constant, axis=0)[:, 3:])


def _multiply(rows: np.ndarray, matrix: np.ndarray, out: np.ndarray) -> None:
    """out = rows @ matrix."""
    whole = len(rows) // _PRODUCT * _PRODUCT
    shape = (-1, _PRODUCT, len(matrix))
    with np.errstate(over="ignore", invalid="ignore"):
        np.matmul(rows[:whole].reshape(shape), matrix, out=out[:whole].reshape(shape))
        np.matmul(rows[whole:], matrix, out=out[whole:])


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


def _finite(block: Block) -> np.ndarray:
    """Mask (N,) of the Gaussians whose every number is finite."""
    mask = np.isfinite(block.opacity_logits)
    for numbers in (block.means, block.log_scales, block.quats, block.colours, block.rest):
        mask &= np.isfinite(numbers).all(axis=1)
    return mask
