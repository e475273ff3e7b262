"""Scenes and clouds to start from: brought to where the cameras look, or refused; a resumed run needs no file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from gs_stein.cameras.options import OrbitCameras, RoomCameras
from gs_stein.cameras.sampling import sample_cameras
from gs_stein.command.parse import start_of
from gs_stein.config.schema import Config
from gs_stein.gaussians.files import FORMATS, write_gaussians
from gs_stein.gaussians.initialise import from_points, initialise
from gs_stein.gaussians.model import Gaussians
from gs_stein.gaussians.options import FileStart, PointsStart, RoomStart
from gs_stein.optimize.start import cells_filled, first_scene

BALL = np.random.default_rng(0).normal(size=(2000, 3))
BALL *= 0.7 / np.linalg.norm(BALL, axis=1, keepdims=True)
OBJECT = Config(prompt="x", cameras=OrbitCameras())
ROOM = Config(prompt="x", scene=True, cameras=RoomCameras(), start=RoomStart())


def of_points(tmp_path: Path, points: np.ndarray, config: Config) -> tuple[Gaussians, tuple[str, ...]]:
    path = tmp_path / "cloud.npy"
    np.save(path, points)
    return first_scene(replace(config, start=PointsStart(path)), torch.Generator())


def coverage(scene: Gaussians, config: Config) -> float:
    return cells_filled(scene, sample_cameras(config.cameras, 32, torch.Generator().manual_seed(1)))


def test_what_the_cameras_see_is_left_where_it_is(tmp_path: Path) -> None:
    scene, notes = of_points(tmp_path, BALL, OBJECT)
    assert notes == ()
    assert torch.equal(scene.means, torch.from_numpy(BALL).float())
    room = initialise(RoomStart(count=3000), torch.Generator().manual_seed(0)).means
    scene, notes = of_points(tmp_path, room.numpy(), ROOM)
    assert notes == ()
    assert torch.equal(scene.means, room)


@pytest.mark.parametrize(
    ("scale", "shift"),
    [(1.0, (30.0, 40.0, 0.0)), (0.003, (0, 0, 0)), (20.0, (0, 0, 0)), (150.0, (60, 0, 0)), (1.0, (4.4e5, 5.8e6, 90))],
)
def test_objects_elsewhere_or_in_another_unit_come_to_the_middle(
    tmp_path: Path, scale: float, shift: tuple[float, ...]
) -> None:
    scene, notes = of_points(tmp_path, BALL * scale + np.array(shift), OBJECT)
    assert notes
    assert "moved" in notes[-1]
    # Of map coordinates the reader takes care, and a size that can be one in metres stays.
    size = 0.7 if "map" in notes[0] else 0.8
    torch.testing.assert_close(scene.means.norm(dim=1).median(), torch.tensor(size), atol=0.02, rtol=0)
    assert coverage(scene, OBJECT) > 0.2
    # The Gaussians grow with the distances between them.
    neighbours = from_points(scene.means, torch.full((len(scene), 3), 0.5), 0.5).log_scales
    torch.testing.assert_close(scene.log_scales, neighbours, atol=0.02, rtol=0)


@pytest.mark.parametrize(
    ("scale", "shift"), [(1.0, (60.0, 0.0, -20.0)), (0.01, (9.0, 9.0, 9.0)), (15.0, (0, 0, -60.0))]
)
def test_rooms_elsewhere_stand_on_the_middle_of_the_floor(
    tmp_path: Path, scale: float, shift: tuple[float, ...]
) -> None:
    room = initialise(RoomStart(count=3000), torch.Generator().manual_seed(0)).means.double().numpy()
    scene, notes = of_points(tmp_path, room * scale + np.array(shift), ROOM)
    assert "moved" in notes[-1]
    low, high = scene.means.amin(dim=0), scene.means.amax(dim=0)
    assert abs(float(low[2])) < 0.1
    torch.testing.assert_close(high - low, torch.tensor([5.0, 4.4, 2.6]), atol=0.3, rtol=0)
    assert coverage(scene, ROOM) > 0.2


def test_a_single_point_comes_to_the_middle(tmp_path: Path) -> None:
    scene, _ = of_points(tmp_path, np.array([[80.0, 0.0, 0.0]]), OBJECT)
    assert scene.means.tolist() == [[0.0, 0.0, 0.0]]


def test_scenes_of_gaussians_are_moved_as_points_are(tmp_path: Path) -> None:
    scene = from_points(torch.from_numpy(BALL).float(), torch.full((2000, 3), 0.5), 0.5)
    far = replace(scene, means=scene.means + torch.tensor([50.0, 0.0, 0.0]))
    path = tmp_path / "far.spz"
    write_gaussians(path, far)
    found, notes = first_scene(replace(OBJECT, start=FileStart(path)), torch.Generator())
    assert notes[-1].startswith(f"{path}: the cameras would")
    assert float(found.means.mean(dim=0).norm()) < 0.05


def test_every_format_of_splats_and_folders_make_a_start(tmp_path: Path) -> None:
    for row in FORMATS:
        for suffix in row.suffixes:
            assert isinstance(start_of(Path(f"a{suffix}")), FileStart if row.reads else PointsStart)
    assert isinstance(start_of(tmp_path), FileStart)
    assert isinstance(start_of(Path("points3D.txt")), PointsStart)


def test_what_the_reader_says_reaches_the_run(tmp_path: Path) -> None:
    points = np.concatenate([BALL, [[np.nan, 0, 0]]])
    _, notes = of_points(tmp_path, points, OBJECT)
    assert notes == (f"{tmp_path / 'cloud.npy'}: 1 of 2001 points have a NaN or infinite coordinate and are left out",)
