"""Gaussians some rows at a time, as NumPy arrays on several threads.

Most of the time of reading and writing large scenes is the memory's: each number is touched while its block is in the
cache.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, TypeVar, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from gs_stein.gaussians.formats import harmonics
from gs_stein.gaussians.model import Gaussians
from gs_stein.gaussians.orientation import exchange_of, sh_rotation, sh_row_matrix

BLOCK = 1 << 14
"""Rows at a time: their numbers fit into the processor's last cache, and threads seldom wait for the interpreter."""
PACKED_BLOCK = 1 << 16
"""Rows at a time where numbers are made of bytes in many small operations: the longer each of these is, the less two
threads wait for the interpreter between them (2 M Gaussians of an .spz: 0.32 s at 2¹⁴ rows, 0.25 at 2¹⁵, 0.23 at 2¹⁶,
0.24 at 2¹⁷; a .ply, which is copied at the memory's speed, 0.38, 0.46, 0.47, 0.51)."""
_PRODUCT = 1 << 18
"""Multiplications at once: up to so many, OpenBLAS does not wake threads of its own, which would get into the way of
these (interface/gemm.c, SMP_THRESHOLD_MIN times GEMM_MULTITHREAD_THRESHOLD)."""
_T = TypeVar("_T")
_R = TypeVar("_R")


@dataclass(frozen=True)
class Block:
    """Some Gaussians of a file as float32 arrays; numbers may be infinite or NaN."""

    means: np.ndarray
    """(N, 3)."""
    log_scales: np.ndarray
    """(N, 3)."""
    quats: np.ndarray
    """(N, 4), w x y z."""
    opacity_logits: np.ndarray
    """(N,)."""
    colours: np.ndarray
    """(N, 3): the constant coefficient of the spherical harmonics."""
    rest: np.ndarray
    """(N, 3 (K − 1)): the higher ones; or bytes that stand for them, see `harmonics.of_bytes`."""
    by_colour: bool = False
    """Whether `rest` has all coefficients of red first, as .ply files do; else the three colours of a coefficient lie
    side by side."""

    @staticmethod
    def of(gaussians: Gaussians) -> Block:
        """The same numbers."""
        means, log_scales, quats, logits, sh = (tensor.numpy() for tensor in gaussians.tensors())
        return Block(means, log_scales, quats, logits, sh[:, 0], sh[:, 1:].reshape(len(sh), -1))


@runtime_checkable
class Rows(Protocol):
    """Gaussians that are made from the file when they are asked for, each once, some rows at a time, on any thread.

    Those with `packed = True` are made of bytes, in longer blocks.
    """

    @property
    def sh_degree(self) -> int:
        """Degree of the colours' view dependence."""
        ...

    def __len__(self) -> int: ...

    def block(self, index: slice, /) -> Block:
        """Some rows."""
        ...


def on_threads(work: Callable[[_T], _R], parts: Iterable[_T]) -> list[_R]:
    """What `work` makes of each part, on as many threads as torch takes; NumPy works without the interpreter's lock.

    Keep torch's own operations on many numbers out of it: they would wake all of torch's threads from each of these.
    """
    parts = list(parts)
    threads = min(torch.get_num_threads(), len(parts))
    if threads < 2:
        return [work(part) for part in parts]
    with ThreadPoolExecutor(threads, thread_name_prefix="formats") as pool:
        return list(pool.map(work, parts))


def on_blocks(work: Callable[[slice], _R], count: int, *, packed: bool = False) -> list[_R]:
    """What `work` makes of each block of `count` rows, on several threads (see `on_threads`)."""
    step = PACKED_BLOCK if packed else BLOCK
    return on_threads(work, [slice(start, start + step) for start in range(0, count, step)])


def fresh(*shape: int) -> Float[np.ndarray, ...]:
    """Memory for numbers, by NumPy, which asks the system for large pages: in pages of 4 KB, touching it for the first
    time takes longer than all the rest."""
    return np.empty(shape, np.float32)


def turned(
    count: int,
    sh_degree: int,
    rotation: Float[Tensor, "3 3"],
    block_of: Callable[[slice], Block],
    *,
    packed: bool = False,
) -> tuple[Gaussians, Bool[np.ndarray, " N"]]:
    """A scene of blocks that are turned, and which of the Gaussians had finite numbers only.

    Args:
        count: of all Gaussians.
        sh_degree: of all of them.
        rotation: one that only exchanges axes.
        block_of: makes the rows of a slice; called on several threads.
        packed: whether it makes them of bytes.
    """
    scene = [fresh(count, *shape) for shape in ((3,), (3,), (4,), (), ((sh_degree + 1) ** 2, 3))]
    finite, turn = np.ones(count, bool), _Turn(rotation, sh_degree, count)

    def work(part: slice) -> None:
        block, targets = block_of(part), [array[part] for array in scene]
        with np.errstate(over="ignore", invalid="ignore"):
            turn.into(targets, block)
        if block.rest.dtype == np.uint8:
            targets[-1] = block.colours  # the others of the harmonics are finite
        # A number that is not finite is none in whatever it is multiplied with either.
        if not all(np.isfinite(target).all() for target in targets):
            finite[part] = _finite(block)

    on_blocks(work, count, packed=packed)
    return Gaussians(*(torch.from_numpy(array) for array in scene)), finite


def taken(scene: Gaussians, order: np.ndarray) -> Gaussians:
    """The Gaussians of these indices, in this order: `scene[order]` on several threads."""
    tensors = [tensor.contiguous().numpy() for tensor in scene.tensors()]
    found = [fresh(len(order), *array.shape[1:]) for array in tensors]

    def work(part: slice) -> None:
        for source, target in zip(tensors, found, strict=True):
            source.take(order[part], axis=0, out=target[part], mode="clip")

    on_blocks(work, len(order))
    return Gaussians(*(torch.from_numpy(array) for array in found))


def multiply(rows: np.ndarray, matrix: np.ndarray, out: np.ndarray) -> None:
    """out = rows @ matrix, on this thread only."""
    batch = max(_PRODUCT // matrix.size, 1)
    whole = len(rows) // batch * batch
    parts = [(array[:whole].reshape(-1, batch, array.shape[1]), array[whole:]) for array in (rows, out)]
    for source, target in zip(*parts, strict=True):
        np.matmul(source, matrix, out=target)


class _Turn:
    """A rotation that only exchanges axes, applied to blocks."""

    def __init__(self, rotation: Float[Tensor, "3 3"], sh_degree: int, count: int) -> None:
        self._order, self._signs = exchange_of(rotation)
        self._of_bytes = sh_rotation(rotation, sh_degree).numpy()[1:, 1:] if count >= harmonics.WORTH else None
        self._matrices = (
            None
            if torch.equal(rotation, torch.eye(3, dtype=rotation.dtype))
            else [_rest_matrices(rotation, sh_degree, way) for way in (False, True)]
        )

    def into(self, targets: list[np.ndarray], block: Block) -> None:
        """Write a block where it belongs: means, logarithms of scales, rotations, logits, harmonics."""
        means, log_scales, quats, logits, sh = targets
        for i, (source, sign) in enumerate(zip(self._order, self._signs, strict=True)):
            np.multiply(block.means[:, source], sign, out=means[:, i])
            log_scales[:, i] = block.log_scales[:, source]
            np.multiply(block.quats[:, 1 + source], sign, out=quats[:, 1 + i])
        quats[:, 0], logits[:] = block.quats[:, 0], block.opacity_logits
        source, in_bytes = block.rest, block.rest.dtype == np.uint8
        if in_bytes and sh.shape[1] > 1 and self._of_bytes is not None:
            return harmonics.turn_bytes(self._of_bytes, block.colours, source, sh)
        sh[:, 0], rest = block.colours, sh.reshape(len(sh), -1)[:, 3:]
        if sh.shape[1] == 1:
            return
        if in_bytes:
            source = harmonics.of_bytes(source)
        if self._matrices is not None:
            for which, matrix in self._matrices[block.by_colour]:
                multiply(source[:, which], matrix, rest[:, which])
        elif block.by_colour:
            sh[:, 1:] = source.reshape(len(sh), 3, -1).transpose(0, 2, 1)
        else:
            rest[:] = source


def _rest_matrices(rotation: Tensor, degree: int, by_colour: bool) -> list[tuple[slice, np.ndarray]]:
    """As `sh_row_matrix`, for `Block.rest`: which columns are multiplied by which matrix."""
    matrix = sh_row_matrix(rotation, degree, by_colour).float().numpy()
    constant = slice(None, None, (degree + 1) ** 2) if by_colour else slice(3)
    matrix = np.delete(matrix, constant, axis=0)[:, 3:]
    # Degrees do not mix: with the highest one apart, there is half as much to multiply.
    cuts = [0, len(matrix)] if by_colour else [0, 3 * (max(degree, 1) ** 2 - 1), len(matrix)]
    parts = [slice(*ends) for ends in itertools.pairwise(cuts)]
    return [(part, np.ascontiguousarray(matrix[part, part])) for part in parts if part.stop > part.start]


def _finite(block: Block) -> np.ndarray:
    """Mask (N,) of the Gaussians whose every number is finite."""
    mask = np.isfinite(block.opacity_logits)
    for numbers in (block.means, block.log_scales, block.quats, block.colours, block.rest):
        mask &= np.isfinite(numbers).all(axis=1)
    return mask
