"""Splats in a scene graph: pieces, each where its node places it: turned, scaled alike in all directions, shifted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein.gaussians.formats.blocks import Block
from gs_stein.gaussians.model import Gaussians
from gs_stein.gaussians.orientation import rotated


@dataclass(frozen=True)
class Place:
    """A similarity transform."""

    rotation: Float[Tensor, "3 3"]
    scale: float
    shift: Float[Tensor, "xyz=3"]

    def move(self, gaussians: Gaussians) -> Gaussians:
        """Splats in their place, with their view-dependent colours."""
        means, log_scales, *rest = gaussians.tensors()
        turned = rotated(Gaussians(means * self.scale, log_scales + math.log(self.scale), *rest), self.rotation)
        return Gaussians(turned.means + self.shift, *turned.tensors()[1:])


def place_of(matrix: Float[np.ndarray, "4 4"], name: str) -> Place:
    """The similarity transform that a matrix is.

    Args:
        matrix: of columns, p' = matrix @ p.
        name: of its node, for errors.

    Raises:
        ValueError: it mirrors, has no size, or stretches unequally, which would need other splats.
    """
    remedy = "apply its transform where it was made"
    linear = matrix[:3, :3]
    scale = float(np.cbrt(np.linalg.det(linear)))
    if not (np.isfinite(matrix).all() and scale > 0):
        raise ValueError(f"{name} mirrors its splats or has no size; {remedy}")
    rotation = linear / scale
    if np.abs(rotation @ rotation.T - np.eye(3)).max() > 1e-4:
        raise ValueError(f"{name} stretches its splats unequally; {remedy}")
    # Rounded numbers in a file leave it a little off: the nearest rotation, and exchanges of axes exactly.
    u, _, vt = np.linalg.svd(rotation)
    nearest = u @ vt
    exact = nearest.round()
    if np.abs(nearest - exact).max() < 1e-7:
        nearest = exact
    with np.errstate(over="ignore"):  # what is too far for float32 is left out by whoever cleans the scene
        shift = matrix[:3, 3].astype(np.float32)
    return Place(torch.from_numpy(nearest), scale, torch.from_numpy(shift))


@runtime_checkable
class Piece(Protocol):
    """The splats of one node."""

    @property
    def sh_degree(self) -> int:
        """Degree of the colours' view dependence."""
        ...

    def __len__(self) -> int: ...

    def rows(self, index: slice, /) -> Gaussians:
        """Some of them, in their place."""
        ...


class Pieces:
    """All splats of a file, one piece after the other (`formats.blocks.Rows`)."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self._pieces = pieces
        self.sh_degree = max(piece.sh_degree for piece in pieces)

    def __len__(self) -> int:
        return sum(map(len, self._pieces))

    def block(self, index: slice) -> Block:
        """Some rows."""
        first, last, _ = index.indices(len(self))
        parts, start = [], 0
        for piece in self._pieces:
            low, high = max(first - start, 0), min(last - start, len(piece))
            if low < high:
                parts.append(piece.rows(slice(low, high)))
            start += len(piece)
        whole = parts[0] if len(parts) == 1 else Gaussians.cat(parts)
        return Block.of(whole.with_sh_degree(self.sh_degree))


def from_linear(
    means: Float[np.ndarray, "N 3"],
    xyzw: Float[np.ndarray, "N 4"],
    scales: Float[np.ndarray, "N 3"],
    opacities: Float[np.ndarray, " N"],
    sh: Float[np.ndarray, "N K 3"],
) -> Gaussians:
    """Splats from linear scales and opacities and quaternions x y z w, as scene graphs hold them.

    Negative scales become NaN; opacities a little outside [0, 1] are somebody's rounding.
    """
    # By NumPy: torch would wake its threads for a block of rows, which costs more than it gives.
    with np.errstate(divide="ignore", invalid="ignore"):
        opacities = opacities.clip(0, 1)
        logits = np.log(opacities) - np.log1p(-opacities)
        log_scales = np.log(scales)
    arrays = (means, log_scales, xyzw[:, [3, 0, 1, 2]], logits, sh)
    return Gaussians(*(torch.from_numpy(array) for array in arrays))
