"""Meshes of splats: closed, right side up, metric, coloured, with floors that a ball can roll on."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh

from gs_stein.cameras.options import OrbitCameras, RoomCameras
from gs_stein.export.__main__ import main
from gs_stein.gaussians.files import write_gaussians
from gs_stein.gaussians.formats.glb_file import read_glb
from gs_stein.gaussians.initialise import from_points
from gs_stein.gaussians.model import Gaussians
from gs_stein.mesh import fuse as fuse_module
from gs_stein.mesh.files import linear, write_mesh
from gs_stein.mesh.make import Made, make_mesh
from gs_stein.mesh.surface import Mesh, distance_to, ray_scene
from gs_stein.render.subject import Subject

open3d = pytest.importorskip("open3d", exc_type=ImportError)

BROWN, RED, BLUE = (0.6, 0.5, 0.3), (0.9, 0.1, 0.1), (0.1, 0.2, 0.8)
Corner = tuple[float, float, float]


def box(low: Corner, high: Corner, density: float, rgb: Corner, generator: torch.Generator) -> Gaussians:
    """Flat splats on the six faces of a box."""
    parts = []
    size = np.subtract(high, low)
    for axis in range(3):
        a, b = (i for i in range(3) if i != axis)
        count = max(30, int(density * size[a] * size[b]))
        for end in (low, high):
            points = torch.tensor(low) + torch.rand(count, 3, generator=generator) * torch.tensor(size).float()
            points[:, axis] = end[axis]
            normals = torch.eye(3)[axis].expand(count, 3)
            parts.append(from_points(points, torch.tensor(rgb).expand(count, 3).contiguous(), 0.97, normals, 0.15))
    return Gaussians.cat(parts)


def room_scene() -> Gaussians:
    """Four by three metres, 2.4 m high; a box of 50 cm, and a table of 70 cm on four legs."""
    g = torch.Generator().manual_seed(0)
    parts = [
        box((-2.0, -1.5, 0.0), (2.0, 1.5, 2.4), 500, BROWN, g),
        box((0.8, -0.3, 0.0), (1.4, 0.3, 0.5), 1000, RED, g),
        box((-1.6, -0.7, 0.62), (-0.7, 0.7, 0.7), 1000, BLUE, g),
    ]
    for x in (-1.55, -0.85):
        for y in (-0.65, 0.55):
            parts.append(box((x, y, 0.0), (x + 0.1, y + 0.1, 0.62), 3000, BLUE, g))
    return Gaussians.cat(parts)


def ball_scene(radius: float = 0.7) -> Gaussians:
    """Red above, blue below."""
    g = torch.Generator().manual_seed(0)
    normals = torch.nn.functional.normalize(torch.randn(6000, 3, generator=g), dim=1)
    colours = torch.where(normals[:, 2:] > 0, torch.tensor(RED), torch.tensor(BLUE))
    return from_points(radius * normals, colours, 0.97, normals, 0.15)


@pytest.fixture(scope="module")
def room() -> Made:
    subject = Subject(Path("room"), room_scene(), RoomCameras(size=(4.0, 3.0, 2.4), resolution=128))
    return make_mesh(subject, "surface", 40_000, 0.035)


@pytest.fixture(scope="module")
def ball() -> Made:
    return make_mesh(Subject(Path("ball"), ball_scene(), OrbitCameras(resolution=128)), "surface", 5000, 0.03)


def hits(mesh: Mesh, origins: np.ndarray, direction: Corner) -> np.ndarray:
    """Where rays first meet the mesh; infinity where they leave it."""
    rays = np.concatenate([origins, np.broadcast_to(direction, origins.shape)], axis=1).astype(np.float32)
    distance = ray_scene(mesh).cast_rays(open3d.core.Tensor(rays))["t_hit"].numpy()
    return origins + distance[:, None] * np.array(direction)


def grid_of(x: tuple[float, float], y: tuple[float, float], z: float, step: float = 0.05) -> np.ndarray:
    a, b = np.meshgrid(np.arange(x[0], x[1], step), np.arange(y[0], y[1], step))
    return np.stack([a.ravel(), b.ravel(), np.full(a.size, z)], axis=1)


@pytest.mark.slow
def test_a_room_is_closed_and_fits(room: Made) -> None:
    assert room.mesh.closed
    assert trimesh.Trimesh(room.mesh.vertices, room.mesh.triangles, process=False).is_watertight
    assert len(room.mesh.triangles) <= 40_000
    assert room.median < 0.02
    assert room.most < 0.06
    assert np.allclose(room.mesh.vertices.min(axis=0), (-2, -1.5, 0), atol=0.05)
    assert np.allclose(room.mesh.vertices.max(axis=0), (2, 1.5, 2.4), atol=0.05)


def test_a_ball_rolls_on_the_floor_the_box_and_the_table(room: Made) -> None:
    """Dropped anywhere from the right height, it meets what is below within some centimetres: there is no hole to fall through."""  # noqa: E501
    drops = grid_of((-1.9, 1.9), (-1.4, 1.4), 1.4)
    x, y = drops[:, 0], drops[:, 1]
    landed = hits(room.mesh, drops, (0.0, 0.0, -1.0))[:, 2]

    def over(low: tuple[float, float], high: tuple[float, float], margin: float) -> np.ndarray:
        return (x > low[0] - margin) & (x < high[0] + margin) & (y > low[1] - margin) & (y < high[1] + margin)

    box_, table = ((0.8, -0.3), (1.4, 0.3)), ((-1.6, -0.7), (-0.7, 0.7))
    assert np.abs(landed[over(*box_, -0.08)] - 0.5).max() < 0.04
    assert np.abs(landed[over(*table, -0.08)] - 0.7).max() < 0.04
    floor = ~over(*box_, 0.15) & ~over(*table, 0.15)
    assert floor.sum() > 2000
    assert np.abs(landed[floor]).max() < 0.065
    # Under the table is floor too, and one gets there.
    under = hits(room.mesh, grid_of((-1.4, -0.95), (-0.45, 0.45), 0.35), (0.0, 0.0, -1.0))[:, 2]
    assert np.abs(under).max() < 0.05
    # No way out through a wall or the ceiling.
    for direction, axis, wall in (((1.0, 0.0, 0.0), 0, 2.0), ((0.0, -1.0, 0.0), 1, -1.5), ((0.0, 0.0, 1.0), 2, 2.4)):
        met = hits(room.mesh, grid_of((-1.9, 1.9), (-1.4, 1.4), 1.2), direction)[:, axis]
        assert np.abs(met - wall).max() < 0.05


def test_a_rooms_triangles_face_inwards_and_carry_its_colours(room: Made) -> None:
    mesh = room.mesh
    floor = np.abs(mesh.vertices[:, 2]) < 0.02
    assert np.median(mesh.normals[floor, 2]) > 0.95
    top = (np.abs(mesh.vertices - (1.1, 0.0, 0.5)) < (0.2, 0.2, 0.03)).all(axis=1)
    assert top.sum() > 3
    assert np.allclose(np.median(mesh.colours[top], axis=0), RED, atol=0.06)
    far = floor & (np.abs(mesh.vertices[:, 1]) > 1.0)
    assert np.allclose(np.median(mesh.colours[far], axis=0), BROWN, atol=0.06)


def test_a_ball_is_a_ball(ball: Made) -> None:
    mesh = ball.mesh
    assert mesh.closed
    solid = trimesh.Trimesh(mesh.vertices, mesh.triangles, process=False)
    assert solid.is_watertight
    assert solid.volume == pytest.approx(4 / 3 * math.pi * 0.7**3, rel=0.08), "positive: its triangles face outwards"
    radius = np.linalg.norm(mesh.vertices, axis=1)
    assert np.percentile(np.abs(radius - 0.7), 99) < 0.05
    assert np.abs(radius - 0.7).max() < 0.15
    above, below = mesh.vertices[:, 2] > 0.3, mesh.vertices[:, 2] < -0.2
    assert np.allclose(np.median(mesh.colours[above], axis=0), RED, atol=0.06)
    assert np.allclose(np.median(mesh.colours[below], axis=0), BLUE, atol=0.06)
    assert ball.median < 0.02


@pytest.mark.slow
def test_a_scene_elsewhere_and_the_same_every_time() -> None:
    """Far from the origin, like other tools' files; and no result depends on which thread was first."""
    scene = ball_scene()
    scene = Gaussians(scene.means + torch.tensor([30.0, -20.0, 5.0]), *scene.tensors()[1:])
    subject = Subject(Path("ball"), scene, OrbitCameras(resolution=64), (30.0, -20.0, 5.0))
    first, second = (make_mesh(subject, "collider", 800, 0.06).mesh for _ in range(2))
    assert np.array_equal(first.vertices, second.vertices)
    assert np.array_equal(first.triangles, second.triangles)
    assert first.closed
    assert len(first.triangles) <= 800
    assert np.allclose(first.vertices.mean(axis=0), (30, -20, 5), atol=0.1)


@pytest.mark.slow
def test_a_collider_of_a_room_is_a_solid_block_with_a_room_in_it(tmp_path: Path) -> None:
    write_gaussians(tmp_path / "room.ply", room_scene())
    out = tmp_path / "c" / "room.obj"
    flags = ["--mesh", "collider", "--triangles", "3000", "--voxel", "0.06"]
    assert main([str(tmp_path / "room.ply"), "-o", str(out), *flags]) == 0
    read = trimesh.load(out, process=False, force="mesh")
    assert isinstance(read, trimesh.Trimesh)
    assert len(read.faces) <= 3000
    assert read.is_watertight
    # y is up in an .obj: four metres by 2.4 by three, and walls around.
    assert np.allclose(read.extents, (4.0, 2.4, 3.0), atol=1.0)
    assert (read.extents > (4.1, 2.5, 3.1)).all()
    inside = 4 * 3 * 2.4 - 0.6 * 0.6 * 0.5 - 0.9 * 1.4 * 0.08
    assert np.prod(read.extents) - read.volume == pytest.approx(inside, rel=0.06)


def test_files_are_upright_and_keep_colours(ball: Made, tmp_path: Path) -> None:
    mesh = ball.mesh
    turned = mesh.vertices[:, [0, 2, 1]] * (1, 1, -1)
    for suffix, expected in ((".glb", turned), (".obj", turned), (".ply", mesh.vertices)):
        write_mesh(tmp_path / f"m{suffix}", mesh)
        read = trimesh.load(tmp_path / f"m{suffix}", process=False, force="mesh")
        assert isinstance(read, trimesh.Trimesh)
        assert np.allclose(read.vertices, expected, atol=1e-4)
        assert np.array_equal(read.faces, mesh.triangles)
        if suffix == ".glb":  # trimesh drops the colours of meshes with a material
            colours = read_glb(tmp_path / "m.glb").accessor(2).values
            assert np.abs(colours - linear(mesh.colours)).max() < 1e-6
        else:
            colours = np.asarray(read.visual.vertex_colors)[:, :3] / 255  # pyright: ignore
            assert np.abs(colours - mesh.colours).max() < 0.01
    write_mesh(tmp_path / "z.glb", mesh, "z-up")
    read = trimesh.load(tmp_path / "z.glb", process=False, force="mesh")
    assert np.allclose(read.vertices, mesh.vertices, atol=1e-4)  # pyright: ignore
    with pytest.raises(ValueError, match=r"give one of \.glb, \.obj, \.ply"):
        write_mesh(tmp_path / "m.stl", mesh)


def test_linear_light() -> None:
    """The curve of IEC 61966-2-1, at values known by heart."""
    assert np.allclose(linear(np.array([0.0, 0.04045, 0.5, 1.0])), [0, 0.0031308, 0.214041, 1], atol=1e-6)


def test_closed_is_said_only_of_closed_meshes() -> None:
    vertices = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    triangles = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]])

    def mesh(triangles: np.ndarray) -> Mesh:
        return Mesh(vertices, triangles, np.zeros((4, 3)))

    assert mesh(triangles).closed
    assert not mesh(triangles[:3]).closed
    assert not mesh(np.concatenate([triangles[:3], triangles[3:, ::-1]])).closed, "one faces the other way"
    assert not mesh(np.concatenate([triangles, triangles])).closed, "four triangles at an edge"
    assert np.allclose(distance_to(mesh(triangles), np.array([[0.0, 0, -2], [0.1, 0.1, 0.1]])), [2, 0.1], atol=1e-6)


def test_depth_between_pixels_is_exact_on_planes() -> None:
    """A floor seen at a flat angle: inverse depth is linear in the pixels."""
    v, u = np.meshgrid(np.arange(8) + 0.5, np.arange(10) + 0.5, indexing="ij")
    picture = (0.2 + 0.003 * u + 0.002 * v).astype(np.float32)
    at_u, at_v = np.array([2.2, 5.0, 9.1], np.float32), np.array([3.9, 1.0, 6.6], np.float32)
    found = fuse_module._between_pixels(picture.ravel(), at_u, at_v, 10, 8)
    assert np.allclose(found, 0.2 + 0.003 * at_u + 0.002 * at_v, rtol=1e-5)
    picture[:, 5:] = 1.0  # something else in front
    near_edge = fuse_module._between_pixels(
        picture.ravel(), np.array([4.9, 5.2], np.float32), np.full(2, 4.0, np.float32), 10, 8
    )
    assert near_edge[1] == 1.0
    assert near_edge[0] < 0.3


@pytest.mark.parametrize(
    ("flags", "fault"),
    [
        (["--voxel", "0.0001"], "more than 200 million voxels"),
        (["--look", "inside"], "no clear place inside"),
        (["--voxel", "-1"], "no length"),
        (["--voxel", "1"], "too long for this scene; give 0."),
        (["--triangles", "3"], "4 or more"),
    ],
)
def test_mistakes_are_one_line(
    flags: list[str], fault: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch
) -> None:
    monkeypatch.setattr("gs_stein.mesh.views._SIDE", 48)
    solid = ball_scene()
    g = torch.Generator().manual_seed(0)
    solid = Gaussians(solid.means * torch.rand(len(solid), 1, generator=g), *solid.tensors()[1:])
    write_gaussians(tmp_path / "ball.ply", solid)
    assert main([str(tmp_path / "ball.ply"), "-o", str(tmp_path / "m.glb"), "--mesh", *flags]) == 2
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert fault in errors[0]
    assert [p.name for p in tmp_path.iterdir()] == ["ball.ply"]


def test_a_faint_scene_and_a_missing_library(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    scene = ball_scene()
    faint = Gaussians(*scene.tensors()[:3], torch.full((len(scene),), -9.0), scene.sh)
    write_gaussians(tmp_path / "faint.ply", faint)
    monkeypatch.setattr("gs_stein.mesh.views._SIDE", 48)
    arguments = [str(tmp_path / "faint.ply"), "-o", str(tmp_path / "m.glb"), "--mesh", "--look", "around"]
    assert main(arguments) == 2
    assert "next to nothing that is more than half opaque" in capsys.readouterr().err
    assert main([*arguments[:-1], "inside"]) == 2
    assert "next to nothing that is more than half opaque" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "open3d", None)
    assert main(arguments) == 2
    assert "apt install libusb-1.0-0" in capsys.readouterr().err


def test_more_triangles_than_asked_for_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch
) -> None:
    monkeypatch.setattr("gs_stein.mesh.views._SIDE", 48)
    monkeypatch.setattr("gs_stein.mesh.make.with_triangles", lambda mesh, count: mesh)
    write_gaussians(tmp_path / "ball.ply", ball_scene())
    flags = ["--mesh", "collider", "--triangles", "4", "--voxel", "0.1004", "--look", "around"]
    assert main([str(tmp_path / "ball.ply"), "-o", str(tmp_path / "m.glb"), *flags]) == 0
    printed = capsys.readouterr()
    count = printed.out.split("m.glb: ")[1].split()[0]
    assert f"ball.ply: {count} triangles, not 4: it cannot be simplified further" in printed.err
    # Three digits, however small a scene is.
    assert "cells of 100 mm" in printed.out
