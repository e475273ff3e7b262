"""What all file formats share: what a reader returns, reading bytes, checking a scene before it is written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gs_stein.gaussians.formats.blocks import Block, Rows, turned
from gs_stein.gaussians.model import Gaussians
from gs_stein.gaussians.orientation import to_axes

LOGIT_MAX = 16.0
"""Where opacities of exactly 0 and 1 are held: the sigmoid is within 1.2e-7 of them, and finite."""
FARTHEST = 1e7
"""Metres along an axis, beyond which a Gaussian is left out where positions share a range: it would take the steps of
all others."""
FLAT = -13.815510557964274
"""The logarithm of a millionth: what a scale of exactly 0 becomes, so that a flat Gaussian stays one."""


@dataclass(frozen=True)
class Content:
    """What a reader found: the file's own numbers, in the file's axes, not yet cleaned."""

    gaussians: Gaussians | Rows
    """float32 on the CPU; numbers may be infinite or NaN."""
    axes: str | None = None
    """The convention that the file itself states, if it does."""
    render_mode: str = "default"
    """How it wants to be drawn, if it says so: default, mip (antialiased: with compensation) or 2dgs."""
    notes: tuple[str, ...] = ()
    """What the reader changed or left aside, a line each."""


def worth_writing(path: Path, gaussians: Gaussians, axes: str) -> Gaussians:
    """A scene of our world as detached float32 copies on the CPU in the file's axes, if it is worth a file.

    Raises:
        ValueError: there are no Gaussians, a value is not finite, or there are no such axes.
    """
    plain = Gaussians(*(tensor.detach().to(device="cpu", dtype=torch.float32) for tensor in gaussians.tensors()))
    rotation = to_axes(axes)
    if len(plain) == 0:
        raise ValueError(f"{path}: there are no Gaussians to write")
    scene, finite = turned(len(plain), plain.sh_degree, rotation, lambda part: Block.of(plain[part]))
    bad = np.flatnonzero(~finite)
    if len(bad):
        raise ValueError(
            f"{path}: not written: Gaussian {bad[0]} has a value that is not finite ({len(bad)} of {len(scene)} do)"
        )
    return scene


def within_reach(path: Path, means: np.ndarray) -> np.ndarray:
    """Which positions (N, 3) lie within ±`FARTHEST`, as a mask (N,).

    Raises:
        ValueError: none does.
    """
    near = np.abs(means).max(axis=1) <= FARTHEST
    if not near.any():
        raise ValueError(f"{path}: not written: every one of {len(means)} Gaussians lies beyond ±{FARTHEST:g} m")
    return near


def unit_quats(quats: Tensor) -> Tensor:
    """Quaternions of length one; one of length zero means no rotation."""
    # Divided by the largest component first: squares of very small or large ones would be lost.
    largest = quats.abs().amax(dim=-1, keepdim=True)
    quats = torch.where(largest > 0, quats / largest.clamp_min(1e-45), quats.new_tensor([1.0, 0.0, 0.0, 0.0]))
    return torch.nn.functional.normalize(quats, dim=-1)


def importance(gaussians: Gaussians) -> Tensor:
    """How much of a picture each Gaussian may fill: opacity times the area of its two longer axes.

    A picture shows areas, and what a flat Gaussian covers does not depend on how thin it is; a volume would count
    floors and walls for nothing. Source: our own; the order of .splat files (antimatter15/splat, convert.py) takes
    opacity times volume.
    """
    scales = gaussians.log_scales
    return (scales.sum(dim=1) - scales.amin(dim=1)).exp() * gaussians.opacities


def by_importance(gaussians: Gaussians) -> Tensor:
    """Indices (N,), most important Gaussian first; ties keep their order."""
    return torch.argsort(importance(gaussians), descending=True, stable=True)


def smallest_three(quats: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Unit quaternions (N, 4) without their largest component: its index (N,), and the other three in order (N, 3),
    with the sign that makes the largest one positive."""
    largest = np.abs(quats).argmax(axis=1)
    others = np.take_along_axis(quats, _OTHERS[largest], axis=1)
    sign = np.where(np.take_along_axis(quats, largest[:, None], axis=1) < 0, -1, 1).astype(quats.dtype)
    return largest, others * sign


def largest_filled_in(largest: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Unit quaternions (N, 4) from what `smallest_three` gives."""
    # Component after component, and by indices: choices that nobody can foresee take the processor twice as long.
    parts, quats = (np.empty((4, len(others)), others.dtype) for _ in range(2))
    parts[:3] = others.T
    first, second, third, left_out = parts
    np.sqrt(np.clip(1 - (first * first + second * second + third * third), 0, None), out=left_out)
    largest, rows = largest.astype(np.intp), np.arange(len(others))
    for places, component in zip(_PLACES * len(others), quats, strict=True):
        parts.take(places.take(largest) + rows, out=component, mode="clip")
    return quats.T


_OTHERS = np.array([[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]])
_PLACES = np.array([[3, 0, 0, 0], [0, 3, 1, 1], [1, 1, 3, 2], [2, 2, 2, 3]])
"""Where each component is, by the index of the largest: among the three others, or behind them."""


def morton_codes(means: np.ndarray) -> np.ndarray:
    """Codes (N,) whose order keeps neighbours together: 21 bits of each coordinate, interleaved."""
    low = means.min(axis=0).astype(np.float64)
    span = max(float((means.max(axis=0) - low).max()), 1e-30)
    cells = ((means - low) / span * ((1 << 21) - 1)).astype(np.uint64)
    for shift, mask in (
        (32, 0x1F00000000FFFF), (16, 0x1F0000FF0000FF), (8, 0x100F00F00F00F00F), (4, 0x10C30C30C30C30C3),
        (2, 0x1249249249249249),
    ):  # fmt: skip
        cells = (cells | (cells << np.uint64(shift))) & np.uint64(mask)
    return cells[:, 0] | (cells[:, 1] << np.uint64(1)) | (cells[:, 2] << np.uint64(2))


def read_bytes(path: Path, count: int = -1) -> bytes:
    """The first `count` bytes of a file (all by default).

    Raises:
        ValueError: one line with the file: missing, a folder, or unreadable.
    """
    try:
        with open(path, "rb") as file:
            return file.read(count)
    except FileNotFoundError:
        raise ValueError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise ValueError(f"{path}: is a folder, not a file") from None
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror or error})") from error


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let every ValueError that leaves the block start with the file's name; one of a library's tells of damage."""
    try:
        yield
    except ValueError as error:
        if str(error).startswith(f"{path}: "):
            raise
        raise ValueError(f"{path}: truncated or damaged ({first_line(error)})") from error


def first_line(error: BaseException) -> str:
    """The first line with words in what an exception says, or its name."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
