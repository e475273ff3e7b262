"""Scenes turned between conventions: the same colours along turned directions, the same picture from turned cameras."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scenes import orbit_views, random_scene

from gs_stein.gaussians.formats.table import AXES
from gs_stein.gaussians.orientation import (
    quaternion_of,
    quaternion_product,
    rotated,
    sh_rotation,
    sh_row_matrix,
    to_axes,
    turn_sh,
    turned_from,
    turned_to,
)
from gs_stein.rasterize.api import rasterize
from gs_stein.rasterize.reference import rotation_matrices
from gs_stein.rasterize.sh import sh_basis


def rotation(seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    q, r = torch.linalg.qr(torch.randn(3, 3, dtype=torch.float64, generator=generator))
    q = q * r.diagonal().sign()
    return q * torch.linalg.det(q).sign()


def directions(count: int = 60) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.nn.functional.normalize(torch.randn(count, 3, dtype=torch.float64, generator=generator), dim=1)


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.integers(0, 3))
def test_turned_harmonics_show_the_same_colour_along_turned_directions(seed: int, degree: int) -> None:
    turn, along = rotation(seed), directions()
    generator = torch.Generator().manual_seed(seed)
    sh = torch.randn(len(along), (degree + 1) ** 2, 3, dtype=torch.float64, generator=generator)

    def colours(coefficients: torch.Tensor, where: torch.Tensor) -> torch.Tensor:
        return torch.einsum("nk,nkc->nc", sh_basis(where, degree), coefficients)

    torch.testing.assert_close(colours(turn_sh(sh, turn), along @ turn.T), colours(sh, along), atol=1e-12, rtol=0)


def test_one_turn_after_another_is_their_product() -> None:
    a, b = rotation(1), rotation(2)
    torch.testing.assert_close(sh_rotation(a, 3) @ sh_rotation(b, 3), sh_rotation(a @ b, 3), atol=1e-12, rtol=0)
    matrix = sh_rotation(a, 3)
    torch.testing.assert_close(matrix @ matrix.T, torch.eye(16, dtype=torch.float64), atol=1e-12, rtol=0)


def test_rows_that_lie_by_colour_turn_alike() -> None:
    sh, turn = torch.randn(5, 16, 3, dtype=torch.float64), rotation(3)
    by_colour = sh.transpose(1, 2).reshape(5, 48)
    expected = turn_sh(sh, turn).reshape(5, 48)
    torch.testing.assert_close(by_colour @ sh_row_matrix(turn, 3, by_colour=True), expected, atol=1e-12, rtol=0)


@pytest.mark.parametrize("turn", [*AXES, 5, 6])
def test_a_turned_scene_is_the_same_picture_from_turned_cameras(turn: str | int) -> None:
    scene, views = random_scene(60, 3), orbit_views(2, 40)
    matrix = to_axes(turn) if isinstance(turn, str) else rotation(turn)
    viewmats = views.viewmats.clone()
    viewmats[:, :3, :3] = viewmats[:, :3, :3] @ matrix.T
    before = rasterize(scene, views)
    after = rasterize(rotated(scene, matrix), replace(views, viewmats=viewmats))
    assert float(before.rgb.std()) > 0.05, "there is something to see"
    torch.testing.assert_close(after.rgb, before.rgb, atol=1e-9, rtol=0)
    torch.testing.assert_close(after.depth, before.depth, atol=1e-8, rtol=0)


@pytest.mark.parametrize("axes", AXES)
def test_to_a_convention_and_back_changes_nothing_but_the_last_bits_of_harmonics(axes: str) -> None:
    scene = random_scene(50, 3).to(torch.float32)
    back = turned_from(turned_to(scene, axes), axes)
    for a, b in zip(back.tensors()[:4], scene.tensors()[:4], strict=True):
        assert torch.equal(a, b)
    assert torch.equal(back.sh[:, :1], scene.sh[:, :1])
    torch.testing.assert_close(back.sh, scene.sh, atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("axes", "east", "north", "up"),
    [
        ("z-up", (1, 0, 0), (0, 1, 0), (0, 0, 1)),
        ("y-down", (1, 0, 0), (0, 0, 1), (0, -1, 0)),
        ("y-up", (1, 0, 0), (0, 0, -1), (0, 1, 0)),
    ],
)
def test_conventions(axes: str, east: tuple[int, ...], north: tuple[int, ...], up: tuple[int, ...]) -> None:
    wanted = torch.tensor([east, north, up], dtype=torch.float64).T
    assert torch.equal(to_axes(axes), wanted)
    assert torch.linalg.det(wanted) == 1


@given(st.integers(0, 10_000))
def test_quaternions(seed: int) -> None:
    a, b = rotation(seed), rotation(seed + 1)
    quat = quaternion_product(quaternion_of(a), quaternion_of(b))
    torch.testing.assert_close(rotation_matrices(quat[None])[0], a @ b, atol=1e-12, rtol=0)


def test_half_a_turn_has_a_quaternion() -> None:
    half = torch.diag(torch.tensor([1.0, -1.0, -1.0], dtype=torch.float64))
    torch.testing.assert_close(quaternion_of(half).abs(), torch.tensor([0, 1.0, 0, 0], dtype=torch.float64))


def test_gradients_flow_through_a_turn() -> None:
    scene = random_scene(4, 2)
    turned = rotated(scene.requires_grad_(), rotation(0))
    sum(tensor.square().sum() for tensor in turned.tensors()).backward()
    for tensor in scene.tensors():
        # Lengths do not change when turned, so that their gradient is twice the numbers themselves.
        torch.testing.assert_close(tensor.grad, 2 * tensor.detach(), atol=1e-12, rtol=0)


@pytest.mark.parametrize("matrix", [torch.zeros(3, 3), 2 * torch.eye(3), torch.diag(torch.tensor([1.0, 1.0, -1.0]))])
def test_what_is_no_rotation_is_refused(matrix: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="is no rotation matrix"):
        rotated(random_scene(2), matrix)


def test_unknown_axes_are_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="axes: 'x-up' is no convention; give one of z-up, y-down, y-up"):
        to_axes("x-up")
    assert math.isclose(float(torch.linalg.det(to_axes("y-up"))), 1)
