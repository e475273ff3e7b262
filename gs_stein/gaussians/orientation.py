"""Which way is up: the axes of file formats, and scenes turned with their spherical harmonics.

Our world is x east, y north, z up. Names of other conventions, as maps of our (x, y, z):

* "z-up": (x, y, z), ours; nerfstudio and OpenUSD files that say Z.
* "y-down": (x, −z, y), that is x right, y down, z forward: .ply, compressed .ply, .splat and .sog.
* "y-up": (x, z, −y), that is x right, y up, z towards the viewer: glTF, and SPZ ("right up back") by its specification.
"""

from __future__ import annotations

import functools
import math

import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein.gaussians.formats.table import AXES
from gs_stein.gaussians.model import Gaussians

_TO_AXES = {
    "z-up": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "y-down": ((1, 0, 0), (0, 0, -1), (0, 1, 0)),
    "y-up": ((1, 0, 0), (0, 0, 1), (0, -1, 0)),
}


def to_axes(axes: str) -> Float[Tensor, "3 3"]:
    """The rotation (float64) from our world to a convention: p_file = R @ p_world; its transpose leads back.

    Raises:
        ValueError: there is no such convention.
    """
    if axes not in _TO_AXES:
        raise ValueError(f"axes: {axes!r} is no convention; give one of {', '.join(AXES)}")
    return torch.tensor(_TO_AXES[axes], dtype=torch.float64)


def turned_to(gaussians: Gaussians, axes: str) -> Gaussians:
    """A scene of our world in the axes of a convention (see `rotated`)."""
    return rotated(gaussians, to_axes(axes))


def turned_from(gaussians: Gaussians, axes: str) -> Gaussians:
    """A scene in the axes of a convention, brought into our world (see `rotated`)."""
    return rotated(gaussians, to_axes(axes).T)


def rotated(gaussians: Gaussians, rotation: Float[Tensor, "3 3"]) -> Gaussians:
    """The scene turned about the origin: positions, rotations and view-dependent colours.

    Between conventions, whose rotations only exchange axes, nothing but the harmonics of degree 2 and 3 is rounded:
    the Gaussians' own axes are exchanged alike (R → P R Pᵀ, and the scales permuted), which is the same Gaussian.

    Args:
        gaussians: the scene; gradients flow through.
        rotation: a proper rotation matrix.

    Raises:
        ValueError: it is no rotation.
    """
    rotation = rotation.detach().to("cpu", torch.float64)
    if torch.dist(rotation @ rotation.T, torch.eye(3, dtype=torch.float64)) > 1e-5 or torch.linalg.det(rotation) < 0:
        raise ValueError(f"rotation: {rotation.tolist()} is no rotation matrix; give an orthonormal one without mirror")
    if torch.equal(rotation, torch.eye(3, dtype=torch.float64)):
        return gaussians
    if bool((rotation == rotation.round()).all()):
        order, signs = exchange_of(rotation)
        means = torch.stack([gaussians.means[:, i] * sign for i, sign in zip(order, signs, strict=True)], dim=1)
        log_scales = torch.stack([gaussians.log_scales[:, i] for i in order], dim=1)
        w, *vector = gaussians.quats.unbind(-1)
        quats = torch.stack([w, *(vector[i] * sign for i, sign in zip(order, signs, strict=True))], dim=1)
    else:
        means = gaussians.means @ rotation.T.to(gaussians.means)
        log_scales = gaussians.log_scales
        quats = quaternion_product(quaternion_of(rotation).to(gaussians.quats), gaussians.quats)
    sh = turn_sh(gaussians.sh, rotation)
    return Gaussians(means, log_scales, quats, gaussians.opacity_logits, sh)


def exchange_of(rotation: Float[Tensor, "3 3"]) -> tuple[list[int], list[float]]:
    """A rotation that only exchanges axes: of each new axis, which old one it is and with which sign."""
    return rotation.abs().argmax(dim=1).tolist(), rotation.sum(dim=1).tolist()


def turn_sh(sh: Float[Tensor, "N K 3"], rotation: Float[Tensor, "3 3"]) -> Float[Tensor, "N K 3"]:
    """Coefficients that show, along turned directions, the colours that the old ones show along the old directions.

    Args:
        sh: coefficients as in `Gaussians.sh`; finite.
        rotation: the turn.
    """
    n, k, _ = sh.shape
    if k == 1:
        return sh
    return (sh.reshape(n, 3 * k) @ sh_row_matrix(rotation, math.isqrt(k) - 1).to(sh)).reshape(n, k, 3)


def sh_row_matrix(rotation: Float[Tensor, "3 3"], degree: int, by_colour: bool = False) -> Float[Tensor, "K3 K3"]:
    """The matrix (float64) M that turns a row of all 3 K coefficients of a Gaussian at once: turned = row @ M.

    Args:
        rotation: the turn.
        degree: 0 to 3.
        by_colour: the row that is turned has all coefficients of red first, as .ply files do; the turned one has the
            three colours of each coefficient side by side in any case.
    """
    matrix = torch.kron(sh_rotation(rotation, degree), torch.eye(3, dtype=torch.float64)).T
    if by_colour:
        matrix = matrix.reshape(-1, 3, len(matrix)).transpose(0, 1).reshape(len(matrix), -1)
    return matrix.contiguous()


def quaternion_of(rotation: Float[Tensor, "3 3"]) -> Float[Tensor, "quat=4"]:
    """The unit quaternion w x y z of a rotation matrix, w ≥ 0."""
    # The eigenvector of the largest eigenvalue of Bar-Itzhack's matrix: no case distinctions.
    r = rotation.double()
    k = torch.zeros(4, 4, dtype=torch.float64)
    k[0, 0] = r.trace()
    k[1:, 0] = k[0, 1:] = torch.stack([r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1]])
    k[1:, 1:] = r + r.T - r.trace() * torch.eye(3, dtype=torch.float64)
    quat = torch.linalg.eigh(k).eigenvectors[:, -1]
    return torch.where(quat[0] < 0, -quat, quat)


def quaternion_product(a: Float[Tensor, "*#n 4"], b: Float[Tensor, "*#n 4"]) -> Float[Tensor, "*n 4"]:
    """Hamilton's product of quaternions w x y z: the rotation b, then a."""
    aw, ax, ay, az = a.unbind(-1)
    bw, bx, by, bz = b.unbind(-1)
    return torch.stack(
        [
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ],
        dim=-1,
    )


def sh_rotation(rotation: Float[Tensor, "3 3"], degree: int) -> Float[Tensor, "K K"]:
    """The matrix (float64) that turns coefficients of real spherical harmonics, K = (degree + 1)².

    Block by block, each from the one before it.

    Args:
        rotation: the turn R of directions.
        degree: 0 to 3.

    Returns:
        M with Σ basis(R d) · (M c) = Σ basis(d) · c for every direction d, in the order and signs of 3DGS files.

    Source: Ivanic and Ruedenberg, "Rotation Matrices for Real Spherical Harmonics", J. Phys. Chem. 100 (1996), with
    the corrections of 102 (1998), table 2; 3DGS adds the Condon–Shortley sign (−1)^m.
    """
    return _sh_rotation(tuple(rotation.double().flatten().tolist()), degree)


@functools.lru_cache(maxsize=32)
def _sh_rotation(entries: tuple[float, ...], degree: int) -> Float[Tensor, "K K"]:
    r = torch.tensor(entries, dtype=torch.float64).reshape(3, 3)
    blocks = [torch.ones(1, 1, dtype=torch.float64)]
    if degree >= 1:
        blocks.append(r[[1, 2, 0]][:, [1, 2, 0]])  # y, z, x: orders −1, 0, 1
    for level in range(2, degree + 1):
        blocks.append(_next_block(blocks[1], blocks[-1], level))
    m = torch.block_diag(*blocks)
    signs = torch.tensor([(-1.0) ** order for level in range(degree + 1) for order in range(-level, level + 1)])
    return signs.double()[:, None] * m * signs.double()


def _next_block(first: Tensor, last: Tensor, level: int) -> Tensor:
    """The block of degree `level` from those of degree 1 and `level` − 1."""

    def p(i: int, a: int, b: int) -> float:
        def one(n: int) -> float:
            return float(first[i + 1, n + 1])

        def old(n: int) -> float:
            return float(last[a + level - 1, n + level - 1])

        if b == -level:
            return one(1) * old(1 - level) + one(-1) * old(level - 1)
        if b == level:
            return one(1) * old(level - 1) - one(-1) * old(1 - level)
        return one(0) * old(b)

    block = torch.empty(2 * level + 1, 2 * level + 1, dtype=torch.float64)
    for m in range(-level, level + 1):
        for n in range(-level, level + 1):
            below = (level + n) * (level - n) if abs(n) < level else 2 * level * (2 * level - 1)
            size = abs(m)
            value = 0.0
            if size < level:
                value += math.sqrt((level + m) * (level - m) / below) * p(0, m, n)
            v = 0.5 * math.sqrt((1 + (m == 0)) * (level + size - 1) * (level + size) / below) * (1 - 2 * (m == 0))
            if m == 0:
                value += v * (p(1, 1, n) + p(-1, -1, n))
            elif m > 0:
                value += v * p(1, m - 1, n) * math.sqrt(1 + (m == 1))
                value -= v * p(-1, 1 - m, n) if m > 1 else 0.0
            else:
                value += v * p(1, m + 1, n) if m < -1 else 0.0
                value += v * p(-1, -m - 1, n) * math.sqrt(1 + (m == -1))
            if 0 < size < level - 1:
                w = -0.5 * math.sqrt((level - size - 1) * (level - size) / below)
                outer = (p(1, m + 1, n) + p(-1, -m - 1, n)) if m > 0 else (p(1, m - 1, n) - p(-1, 1 - m, n))
                value += w * outer
            block[m + level, n + level] = value
    return block
