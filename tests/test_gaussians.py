"""The container of raw parameters, and the starts."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scenes import random_scene

from gs_stein.gaussians.initialise import from_points, initialise, neighbour_distances
from gs_stein.gaussians.model import Gaussians, rgb_to_sh, sh_to_rgb
from gs_stein.gaussians.options import BallStart, FileStart, OutdoorStart, PointsStart, RoomStart, Start
from gs_stein.rasterize.reference import rotation_matrices


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_activations() -> None:
    scene = random_scene(10, 2)
    torch.testing.assert_close(scene.scales, torch.exp(scene.log_scales))
    torch.testing.assert_close(scene.opacities, 1 / (1 + torch.exp(-scene.opacity_logits)))
    assert (len(scene), scene.count, scene.sh_degree) == (10, 10, 2)
    rgb = torch.rand(5, 3)
    torch.testing.assert_close(sh_to_rgb(rgb_to_sh(rgb)), rgb)


@pytest.mark.parametrize("degree", [0, 1, 3])
def test_parameters_are_leaves_of_the_scene(degree: int) -> None:
    scene = random_scene(6, degree)
    parameters = scene.parameters()
    names = {"means", "scales", "quats", "opacities", "sh0"} | ({"shN"} if degree else set())
    assert set(parameters) == names
    assert all(p.is_leaf and p.requires_grad and p.is_contiguous() for p in parameters.values())
    back = Gaussians.from_parameters(parameters)
    for a, b in zip(back.tensors(), scene.tensors(), strict=True):
        assert torch.equal(a, b)
    sum((tensor**2).sum() for tensor in back.tensors()).backward()
    for name, parameter in parameters.items():
        assert parameter.grad is not None, name
        torch.testing.assert_close(parameter.grad, 2 * parameter.detach())
    with torch.no_grad():
        parameters["means"].add_(1.0)
    assert not torch.equal(parameters["means"], scene.means), "the optimiser must not write into the scene it came from"


@given(st.integers(0, 3), st.integers(0, 3))
def test_padding_and_cutting_the_harmonics(before: int, after: int) -> None:
    scene = random_scene(4, before)
    other = scene.with_sh_degree(after)
    shared = min(scene.sh.shape[1], other.sh.shape[1])
    assert other.sh_degree == after
    assert torch.equal(other.sh[:, :shared], scene.sh[:, :shared])
    assert (other.sh[:, shared:] == 0).all()


def test_selecting_and_joining() -> None:
    a, b = random_scene(5, 1), random_scene(3, 2, seed=1)
    both = Gaussians.cat([a, b])
    assert (len(both), both.sh_degree) == (8, 2)
    assert torch.equal(both[5:].sh, b.sh)
    assert torch.equal(both[torch.arange(8) < 5].means, a.means)
    a.means[2, 1] = torch.nan
    assert a.finite().tolist() == [True, True, False, True, True]


def test_shapes_that_do_not_fit_are_named() -> None:
    scene = random_scene(4)

    def build(**changes: torch.Tensor) -> None:
        """As the constructor does outside the tests, where nothing else checks shapes first."""
        made = object.__new__(Gaussians)
        for name in ("means", "log_scales", "quats", "opacity_logits", "sh"):
            object.__setattr__(made, name, changes.get(name, getattr(scene, name)))
        made.__post_init__()

    build()
    with pytest.raises(ValueError, match=r"Gaussians.quats: shape \(3, 4\) does not fit 4 means; give \(4, 4\)"):
        build(quats=scene.quats[:3])
    with pytest.raises(ValueError, match=r"K = 1, 4, 9 or 16"):
        build(sh=scene.sh[:, :3])
    with pytest.raises(ValueError, match="sh_degree: 4"):
        scene.with_sh_degree(4)


def test_a_ball() -> None:
    start = BallStart(count=3000, radius=0.7, opacity=0.3)
    scene = initialise(start, generator(), sh_degree=2)
    radius = scene.means.norm(dim=1)
    assert radius.max() <= 0.7
    # Even in volume: half of the points within 0.5^(1/3) of the radius.
    assert (radius < 0.7 * 0.5 ** (1 / 3)).float().mean() == pytest.approx(0.5, abs=0.04)
    torch.testing.assert_close(scene.opacities, torch.full((3000,), 0.3))
    assert (scene.sh_degree, scene.dtype) == (2, torch.float32)
    assert torch.equal(scene.means, initialise(start, generator(), 2).means), "same seed, same scene"
    assert not torch.equal(scene.means, initialise(start, generator(1), 2).means)


def test_a_room_shell() -> None:
    size = (5.0, 4.0, 2.5)
    scene = initialise(RoomStart(count=4000, size=size, depth_noise=0.01, flatness=0.1), generator())
    half = torch.tensor([2.5, 2.0, 1.25])
    centred = scene.means - torch.tensor([0.0, 0.0, 1.25])
    assert (centred.abs() <= half + 1e-5).all(), "nothing outside the room"
    gap, axis = (half - centred.abs()).min(dim=1)
    assert gap.max() < 0.06
    # Each surface has its share by area: the floor and ceiling 20 m² each of 85 m².
    for a, area in enumerate((4.0 * 2.5, 5.0 * 2.5, 5.0 * 4.0)):
        for sign in (-1, 1):
            share = ((axis == a) & (centred[:, a] * sign > 0)).float().mean()
            assert share == pytest.approx(area / 85.0, abs=0.03)
    # Flat along the wall: the shortest axis is the wall's normal.
    shortest = rotation_matrices(scene.quats)[:, :, 2]
    clear = gap < 0.02
    normal = torch.nn.functional.one_hot(axis, 3).float()
    agree = (shortest * normal).sum(dim=1).abs()
    assert (agree[clear] > 0.99).float().mean() > 0.97  # but for the edges, where the nearest wall may be another
    torch.testing.assert_close(scene.scales[:, 2] / scene.scales[:, 0], torch.full((4000,), 0.1))
    rough = initialise(RoomStart(count=500, size=size, depth_noise=9.0), generator()).means
    assert ((rough - torch.tensor([0.0, 0.0, 1.25])).abs() <= half + 1e-5).all(), "not even when it is very rough"


def test_outdoors_is_level_ground_a_dome_and_faint_things_between() -> None:
    start = OutdoorStart(count=4000, eye=1.6, air=(2.0, 8.0), air_share=0.4, dome=20.0, elevation=(-60.0, 40.0))
    scene = initialise(start, generator())
    assert len(scene) == 4000
    eye = torch.tensor([0.0, 0.0, 1.6])
    offset = scene.means - eye
    distance = offset.norm(dim=1)
    sight = torch.nn.functional.normalize(offset, dim=1)
    normals = rotation_matrices(scene.quats)[:, :, 2]
    hanging = scene.opacities < 0.3
    ground = ~hanging & (scene.means[:, 2].abs() < 1e-4)
    dome = ~hanging & ~ground
    torch.testing.assert_close(distance[dome], torch.full((int(dome.sum()),), 20.0))
    torch.testing.assert_close(scene.opacities[hanging], torch.full((int(hanging.sum()),), start.air_opacity))
    assert ((distance[hanging] >= 2.0 - 1e-4) & (distance[hanging] <= 8.0 + 1e-4)).all()
    assert (scene.means[:, 2] > -1e-4).all(), "nothing is below the ground"
    assert (distance[ground] < 20.0).all()
    assert (normals[ground, 2] > 0.999).all()
    facing = (normals * -sight).sum(1)[~ground]
    torch.testing.assert_close(facing, torch.ones_like(facing), atol=1e-3, rtol=0)
    elevation = torch.rad2deg(torch.asin(sight[:, 2]))
    assert elevation.min() > -60.01
    assert elevation.max() < 40.01
    # As many in every direction (a chi-squared test of eight sectors; 24.3 is passed once in a thousand seeds).
    sectors = torch.histc(torch.atan2(sight[:, 1], sight[:, 0]), bins=8, min=-math.pi, max=math.pi)
    assert ((sectors - 500) ** 2 / 500).sum() < 24.3
    # Neighbours in the picture touch, at any distance: those in the air are as large as seen from the eye.
    above = hanging & (sight[:, 2] > 0.2)  # lower, the ground lets only near ones be
    seen = scene.scales[:, 0] / distance
    assert torch.corrcoef(torch.stack([seen, distance])[:, above])[0, 1].abs() < 0.1


def test_outdoors_with_nothing_in_the_air() -> None:
    scene = initialise(OutdoorStart(count=300, air_share=0.0), generator())
    assert len(scene) == 300
    torch.testing.assert_close(scene.opacities, torch.full((300,), 0.5))


def test_normals_straight_down_are_no_exception() -> None:
    normals = torch.tensor([[0.0, 0.0, -1.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    scene = from_points(torch.eye(3), torch.full((3, 3), 0.5), 0.5, normals, 0.1)
    torch.testing.assert_close(rotation_matrices(scene.quats)[:, :, 2], normals)


def test_sizes_come_from_the_neighbours() -> None:
    x, y, z = torch.meshgrid(*3 * [torch.arange(5.0)], indexing="ij")
    grid = 0.25 * torch.stack([x, y, z], dim=-1).reshape(-1, 3)
    torch.testing.assert_close(neighbour_distances(grid), torch.full((125,), 0.25))
    assert neighbour_distances(torch.zeros(1, 3)).tolist() == pytest.approx([0.1])
    assert neighbour_distances(torch.ones(4, 3)).tolist() == pytest.approx([0.1] * 4)
    twins = torch.tensor([[0.0, 0, 0]] * 4 + [[1.0, 0, 0]])
    assert (neighbour_distances(twins) > 0).all(), "coinciding points still get a size"


def test_points_from_numpy(tmp_path: Path) -> None:
    points = np.random.default_rng(0).normal(size=(50, 3))
    np.save(tmp_path / "a.npy", points)
    scene = initialise(PointsStart(tmp_path / "a.npy", opacity=0.25), generator())
    torch.testing.assert_close(scene.means, torch.from_numpy(points).float())
    torch.testing.assert_close(sh_to_rgb(scene.sh[:, 0]), torch.full((50, 3), 0.5))
    coloured = np.concatenate([points, np.full((50, 3), 0.75)], axis=1)
    np.savez(tmp_path / "b.npz", coloured)
    scene = initialise(PointsStart(tmp_path / "b.npz"), generator(), 1)
    torch.testing.assert_close(sh_to_rgb(scene.sh[:, 0]), torch.full((50, 3), 0.75))
    assert scene.sh_degree == 1


def test_points_from_open3d(tmp_path: Path) -> None:
    try:
        import open3d
    except (ImportError, OSError) as error:
        pytest.skip(f"open3d does not load: {error}")
    points = np.random.default_rng(0).normal(size=(40, 3))
    cloud = open3d.geometry.PointCloud(open3d.utility.Vector3dVector(points))
    cloud.colors = open3d.utility.Vector3dVector(np.full((40, 3), 0.2))
    path = tmp_path / "cloud.ply"
    open3d.io.write_point_cloud(str(path), cloud)
    scene = initialise(PointsStart(path), generator())
    torch.testing.assert_close(scene.means, torch.from_numpy(points).float())
    torch.testing.assert_close(sh_to_rgb(scene.sh[:, 0]), torch.full((40, 3), 0.2), atol=0.005, rtol=0)


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (BallStart(count=0), "start.count: 0"),
        (BallStart(opacity=1.0), "start.opacity: 1.0"),
        (RoomStart(opacity=0.0), "start.opacity: 0.0"),
        (RoomStart(size=(3.0, 0.0, 2.0)), "start.size"),
        (RoomStart(size=(3.0, math.nan, 2.0)), "start.size"),
        (RoomStart(flatness=0.0), "start.flatness: 0.0"),
        (RoomStart(flatness=math.inf), "start.flatness: inf"),
        (RoomStart(depth_noise=-0.1), "start.depth_noise: -0.1"),
        (OutdoorStart(eye=-1.0), "start.eye, dome: -1.0, 30.0"),
        (OutdoorStart(dome=math.inf), "start.eye, dome: 1.5, inf"),
        (OutdoorStart(elevation=(10.0, -10.0)), "start.elevation"),
        (OutdoorStart(air=(9.0, 2.0)), "start.air: "),
        (OutdoorStart(air=(2.0, 40.0)), "start.air: "),
        (OutdoorStart(air_share=1.5), "start.air_share: 1.5"),
        (OutdoorStart(air_opacity=math.nan), "start.air_opacity: nan"),
        (OutdoorStart(flatness=0.0), "start.flatness: 0.0"),
        (BallStart(radius=math.inf), "start.radius: inf"),
        (BallStart(grey=math.nan), "start.grey: nan"),
        (BallStart(grey=1.5), "start.grey: 1.5"),
        (BallStart(colour_noise=-0.1), "start.colour_noise: -0.1"),
        (FileStart(Path("nowhere.ply")), "nowhere.ply: no such file"),
        (PointsStart(Path("nowhere.npy")), "nowhere.npy: no such file"),
    ],
)
def test_bad_starts_name_themselves(start: Start, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        initialise(start, generator())
    assert "\n" not in str(caught.value)


def test_a_single_gaussian() -> None:
    scene = initialise(BallStart(count=1), generator())
    assert scene.finite().all()
    assert math.isclose(float(scene.scales[0, 0]), 0.1, rel_tol=1e-5)
