"""Cameras: conventions, sampling laws, and paths."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gs_stein.cameras.options import OrbitCameras, RoomCameras
from gs_stein.cameras.paths import look_around_path, orbit_path, video_path
from gs_stein.cameras.sampling import heading, inside, intrinsics, look_at, orbit, sample_cameras, standing_region
from gs_stein.types import Cameras


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pixel(cameras: Cameras, point: list[float]) -> torch.Tensor:
    """Where a world point appears, and its depth, in every view."""
    local = torch.einsum("vij,j->vi", cameras.viewmats[:, :3, :3], torch.tensor(point)) + cameras.viewmats[:, :3, 3]
    uvw = torch.einsum("vij,vj->vi", cameras.Ks, local)
    return torch.cat([uvw[:, :2] / uvw[:, 2:], local[:, 2:]], dim=1)


def is_rigid(cameras: Cameras) -> bool:
    R = cameras.viewmats[:, :3, :3]
    eye = torch.eye(3).expand_as(R)
    last = torch.tensor([0.0, 0.0, 0.0, 1.0]).expand(len(cameras), 4)
    return (
        torch.allclose(R @ R.mT, eye, atol=1e-5)
        and torch.allclose(torch.linalg.det(R), torch.ones(len(cameras)), atol=1e-5)
        and torch.equal(cameras.viewmats[:, 3], last)
    )


def azimuths(cameras: Cameras) -> torch.Tensor:
    """Compass yaw of each view direction, degrees in [0, 360)."""
    forward = cameras.viewmats[:, 2, :3]
    return torch.rad2deg(torch.atan2(forward[:, 0], forward[:, 1])) % 360


def one(value: float) -> torch.Tensor:
    return torch.tensor([value])


def test_the_front_of_an_object_faces_south() -> None:
    camera = orbit(one(0.0), one(0.0), one(2.5), one(50.0), 100)
    torch.testing.assert_close(camera.positions, torch.tensor([[0.0, -2.5, 0.0]]))
    torch.testing.assert_close(pixel(camera, [0.0, 0.0, 0.0]), torch.tensor([[50.0, 50.0, 2.5]]))
    u, v, _ = pixel(camera, [0.3, 0.0, 0.2])[0]  # east is right, up is up (v grows downwards)
    assert u > 50
    assert v < 50
    right = orbit(one(90.0), one(0.0), one(2.0), one(50.0), 100)
    torch.testing.assert_close(right.positions, torch.tensor([[2.0, 0.0, 0.0]]), atol=1e-6, rtol=0)
    above = orbit(one(0.0), one(30.0), one(2.0), one(50.0), 100)
    assert above.positions[0, 2] == pytest.approx(1.0, abs=1e-5)


def test_the_field_of_view_is_vertical() -> None:
    """A point half a field of view above the axis lies on the upper edge, whatever the width."""
    K = intrinsics(one(60.0), 200, 100)
    viewmats = look_at(torch.zeros(1, 3), heading(one(0.0), one(0.0)))
    camera = Cameras(viewmats, K, 200, 100)
    u, v, _ = pixel(camera, [0.0, 1.0, float(torch.tan(torch.deg2rad(torch.tensor(30.0))))])[0]
    assert v == pytest.approx(0.0, abs=1e-3)
    assert u == pytest.approx(100.0)


@pytest.mark.parametrize(
    ("yaw", "pitch", "expected"),
    [(0, 0, [0, 1, 0]), (90, 0, [1, 0, 0]), (180, 0, [0, -1, 0]), (0, 90, [0, 0, 1]), (0, -90, [0, 0, -1])],
)
def test_headings_are_compass_headings(yaw: float, pitch: float, expected: list[float]) -> None:
    torch.testing.assert_close(
        heading(one(float(yaw)), one(float(pitch))), torch.tensor([expected]).float(), atol=1e-6, rtol=0
    )


@given(
    *(st.floats(*ends, allow_subnormal=False) for ends in [(-3, 3), (-3, 3), (-3, 3), (0, 360), (-90, 90), (20, 100)])
)
def test_cameras_are_rigid_and_upright(x: float, y: float, z: float, yaw: float, pitch: float, fov: float) -> None:
    camera = inside(torch.tensor([[x, y, z]]), one(yaw), one(pitch), one(fov), 64)
    assert is_rigid(camera)
    torch.testing.assert_close(camera.positions, torch.tensor([[x, y, z]]), atol=1e-4, rtol=0)
    if abs(pitch) < 89.5:
        assert camera.viewmats[0, 0, 2].abs() < 1e-4, "the horizon is level"
        assert camera.viewmats[0, 1, 2] < 0, "and not upside down"


def test_straight_up_and_down_are_defined() -> None:
    camera = inside(torch.zeros(2, 3), torch.zeros(2), torch.tensor([90.0, -90.0]), torch.full((2,), 60.0), 10)
    assert is_rigid(camera)
    assert camera.viewmats.isfinite().all()


@given(st.integers(1, 16), st.integers(0, 1000))
def test_orbits_are_stratified_and_within_range(views: int, seed: int) -> None:
    options = OrbitCameras(elevation=(-10.0, 40.0), radius=(2.0, 3.0), fov=(40.0, 60.0))
    cameras = sample_cameras(options, views, generator(seed))
    assert is_rigid(cameras)
    radius = cameras.positions.norm(dim=1)
    assert ((radius >= 2.0 - 1e-4) & (radius <= 3.0 + 1e-4)).all()
    elevation = torch.rad2deg(torch.asin(cameras.positions[:, 2] / radius))
    assert ((elevation >= -10.01) & (elevation <= 40.01)).all()
    fov = 2 * torch.rad2deg(torch.atan(64 / cameras.Ks[:, 1, 1]))
    assert ((fov >= 39.99) & (fov <= 60.01)).all()
    at = torch.rad2deg(torch.atan2(cameras.positions[:, 0], -cameras.positions[:, 1])) + 180
    sector = (at / (360 / views)).floor().long().clamp(0, views - 1)
    assert sorted(sector.tolist()) == list(range(views)), "one camera a sector"
    assert torch.allclose(pixel(cameras, [0.0, 0.0, 0.0])[:, :2], torch.full((views, 2), 64.0), atol=1e-2)


@given(st.integers(1, 3), st.integers(1, 4), st.integers(0, 1000))
def test_cameras_of_a_group_stand_evenly_all_round_at_one_height(groups: int, group: int, seed: int) -> None:
    views = groups * group
    cameras = sample_cameras(OrbitCameras(elevation=(-10.0, 40.0)), views, generator(seed), group)
    at = torch.rad2deg(torch.atan2(cameras.positions[:, 0], -cameras.positions[:, 1]))
    sector = ((at + 180) / (360 / views)).floor().long().clamp(0, views - 1)
    assert sorted(sector.tolist()) == list(range(views)), "one camera a sector, as without groups"
    for first in range(groups):  # every so manieth is of one group
        own = slice(first, None, groups)
        assert torch.allclose(at[own].diff() % 360, torch.full((group - 1,), 360 / group), atol=1e-2)
        assert torch.allclose(cameras.positions[own, 2], cameras.positions[first, 2], atol=1e-5)
        assert torch.equal(cameras.Ks[own], cameras.Ks[first].expand(group, 3, 3))
    alone = sample_cameras(OrbitCameras(), views, generator(seed))
    assert torch.equal(alone.viewmats, sample_cameras(OrbitCameras(), views, generator(seed), 1).viewmats)


def test_views_that_make_no_groups_are_refused() -> None:
    with pytest.raises(ValueError, match=r"views: 6 make no groups of 4; use --views 4, or a multiple"):
        sample_cameras(OrbitCameras(), 6, generator(), 4)


@given(st.integers(1, 16), st.integers(0, 1000), st.floats(2.0, 8.0), st.floats(2.0, 8.0), st.floats(0.1, 1.0))
def test_rooms_are_never_left(views: int, seed: int, width: float, depth: float, region: float) -> None:
    options = RoomCameras(size=(width, depth, 2.4), region=(region, region), margin=0.4)
    cameras = sample_cameras(options, views, generator(seed))
    p = cameras.positions
    assert is_rigid(cameras)
    assert (p[:, 0].abs() <= width / 2 - 0.4 + 1e-4).all()
    assert (p[:, 1].abs() <= depth / 2 - 0.4 + 1e-4).all()
    assert ((p[:, 2] >= 0.4 - 1e-4) & (p[:, 2] <= 2.0 + 1e-4)).all()
    assert (p[:, 0].abs() <= width * region / 2 + 1e-4).all()
    sector = (azimuths(cameras) / (360 / views)).floor().long().clamp(0, views - 1)
    assert sorted(sector.tolist()) == list(range(views)), "one camera a sector"
    pitch = torch.rad2deg(torch.asin(cameras.viewmats[:, 2, 2]))
    assert ((pitch >= -20.01) & (pitch <= 8.01)).all()


def test_a_room_too_small_to_stand_in_is_refused() -> None:
    with pytest.raises(ValueError, match=r"cameras.margin: 0.9 m leaves no place to stand"):
        sample_cameras(RoomCameras(size=(1.5, 4.0, 2.5), margin=0.9), 1, generator())
    with pytest.raises(ValueError, match="leaves no place"):
        standing_region(RoomCameras(size=(5.0, 5.0, 1.0), margin=0.6))


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (OrbitCameras, dict(elevation=(40.0, 10.0)), r"cameras.elevation: 40 to 10 degrees is no range"),
        (OrbitCameras, dict(radius=(0.0, 2.0)), "cameras.radius: 0 to 2 metres"),
        (OrbitCameras, dict(fov=(40.0, 180.0)), "cameras.fov: 40 to 180 degrees"),
        (OrbitCameras, dict(azimuth=(float("nan"), 0.0)), "cameras.azimuth: nan to 0"),
        (OrbitCameras, dict(resolution=0), "cameras.resolution: 0 pixels"),
        (RoomCameras, dict(size=(5.0, 0.0, 2.0)), "cameras.size"),
        (RoomCameras, dict(size=(5.0, float("nan"), 2.0)), "cameras.size"),
        (RoomCameras, dict(size=(5.0, 4.0, float("inf"))), "cameras.size"),
        (RoomCameras, dict(region=(0.5, 1.5)), "cameras.region"),
        (RoomCameras, dict(region=(0.5, float("nan"))), "cameras.region"),
        (RoomCameras, dict(margin=-0.1), "cameras.margin: -0.1 m"),
        (RoomCameras, dict(pitch=(-100.0, 0.0)), "cameras.pitch: -100 to 0 degrees"),
    ],
)
def test_bad_ranges_name_themselves(kind: type, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        kind(**options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("options", [OrbitCameras(), RoomCameras()])
def test_sampling_is_a_function_of_its_arguments(options: OrbitCameras | RoomCameras) -> None:
    a, b = (sample_cameras(options, 4, generator(7)) for _ in range(2))
    assert torch.equal(a.viewmats, b.viewmats)
    assert torch.equal(a.Ks, b.Ks)
    assert not torch.equal(a.viewmats, sample_cameras(options, 4, generator(8)).viewmats)


@pytest.mark.parametrize("options", [OrbitCameras(), RoomCameras()])
def test_videos_close_their_turn(options: OrbitCameras | RoomCameras) -> None:
    path = video_path(options, 36)
    assert is_rigid(path)
    turned = azimuths(path)
    steps = (turned.roll(-1) - turned + 180) % 360 - 180
    assert torch.allclose(steps.abs(), torch.full((36,), 10.0), atol=0.1), "even steps, the last one back to the first"
    moves = (path.positions.roll(-1, dims=0) - path.positions).norm(dim=1)
    assert moves.max() < 3 * moves.mean(), "no jump"


def test_paths_stay_in_the_room() -> None:
    options = RoomCameras()
    low, high = (torch.tensor(corner) for corner in standing_region(options))
    path = look_around_path(options, 20)
    assert (path.positions >= low - 1e-4).all()
    assert (path.positions <= high + 1e-4).all()
    assert len(orbit_path(OrbitCameras(), 5)) == 5


def test_resizing_keeps_the_view() -> None:
    camera = orbit(one(20.0), one(10.0), one(2.5), one(50.0), 100)
    large = camera.resized(300, 200)
    small_at, large_at = (pixel(c, [0.2, 0.3, -0.1])[0] for c in (camera, large))
    torch.testing.assert_close(large_at[:2], small_at[:2] * torch.tensor([3.0, 2.0]), rtol=1e-5, atol=1e-3)
    assert (large.width, large.height) == (300, 200)


def test_rays_point_at_their_pixels() -> None:
    camera = orbit(one(20.0), one(10.0), one(2.5), one(50.0), 12)
    directions, origins = camera.rays(12, 12)
    torch.testing.assert_close(directions.norm(dim=-1), torch.ones(1, 12, 12))
    point = origins[0] + 1.7 * directions[0, 3, 8]
    torch.testing.assert_close(pixel(camera, point.tolist())[0, :2], torch.tensor([8.5, 3.5]), atol=1e-3, rtol=0)
    coarse, _ = camera.rays(6, 6)
    middle = torch.nn.functional.normalize(directions[0, 6:8, 8:10].mean(dim=(0, 1)), dim=0)
    torch.testing.assert_close(coarse[0, 3, 4], middle, atol=1e-3, rtol=0)


def test_slices_of_a_batch() -> None:
    cameras = sample_cameras(OrbitCameras(), 5, generator())
    assert len(cameras[1:3]) == 2
    assert torch.equal(cameras[[4, 0]].viewmats[1], cameras.viewmats[0])
    assert cameras.to(torch.float64).Ks.dtype == torch.float64
