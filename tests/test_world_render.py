"""The renderer against geometry that can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gs_stein.cameras.options import OrbitCameras, RoomCameras
from gs_stein.cameras.sampling import inside, orbit, sample_cameras
from gs_stein.world.builder import Builder, Scene, rotation
from gs_stein.world.materials import BANDS, MIRROR, PLAID, STRIPES, TILES, WAINSCOT, Material
from gs_stein.world.render.arrays import Box, Face
from gs_stein.world.render.cull import bounds, cull_box, cull_frustum, cull_shaft
from gs_stein.world.render.render import render
from gs_stein.world.render.textures import albedo
from gs_stein.world.scenes import draw_scene

RED = Material(c1=(0.6, 0.05, 0.05), c2=(0.6, 0.05, 0.05), c3=(0.6, 0.05, 0.05), colour="red")
BLUE = Material(c1=(0.05, 0.05, 0.6), c2=(0.05, 0.05, 0.6), c3=(0.05, 0.05, 0.6), colour="blue")
GREY = Material(colour="grey")


def _studio(b: Builder) -> Scene:
    b.sun((-0.5, -0.7, 1.0), (1, 1, 1), 0.8, 0.2)
    return b.scene("test", "", "day", OrbitCameras(), None, ((0.9,) * 3, (0.9,) * 3), ((0.7,) * 3, (0.4,) * 3), 1.0)


def _views(count: int = 3, resolution: int = 48):
    f = torch.full((count,), 1.0)
    return orbit(360 * torch.arange(count) / count + 20, 25 * f, 2.6 * f, 48 * f, resolution)


def _points(cameras, depth: np.ndarray) -> np.ndarray:
    """World points of a depth image."""
    directions, origins = cameras.rays(cameras.height, cameras.width)
    forward = cameras.viewmats[:, 2, :3]
    along = torch.einsum("vhwc,vc->vhw", directions, forward)
    return (origins[:, None, None] + directions * (torch.from_numpy(depth) / along)[..., None]).numpy()


def test_sphere_depth_normals_and_labels():
    b = Builder(np.random.default_rng(0))
    with b.thing("ball", RED, "paint"):
        b.ellipsoid(0.1, -0.05, 0.2, 0.6, 0.6, 0.6, RED)
    cameras = _views()
    views = render(_studio(b), cameras)
    hit = views.depth > 0
    assert (hit == (views.labels == 1)).all()
    points = _points(cameras, views.depth)[hit] - [0.1, -0.05, 0.2]
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), 0.6, atol=2e-3)
    np.testing.assert_allclose(views.normals[hit], points / 0.6, atol=2e-2)
    # the silhouette covers what a sphere of that size covers, and half-covered pixels are on its rim
    directions, origins = cameras.rays(48, 48)
    to = torch.tensor([0.1, -0.05, 0.2]) - origins
    miss = torch.linalg.cross(directions, to[:, None, None].expand_as(directions), dim=-1).norm(dim=-1).numpy()
    assert (views.alpha[miss < 0.57] == 1).all()
    assert (views.alpha[miss > 0.63] == 0).all()
    assert ((views.alpha > 0) & (views.alpha < 1)).sum() > 50
    assert (views.rgb[hit][:, 0].astype(int) > views.rgb[hit][:, 2]).all()


def test_background_is_plain_and_the_same_for_all_objects():
    pictures = [render(draw_scene(1, kind), _views(2)) for kind in ("car", "tree")]
    colours = np.concatenate([p.rgb[p.alpha == 0] for p in pictures])
    assert len(np.unique(colours, axis=0)) == 1
    assert colours[0].tolist() == [127, 127, 127]  # BACKGROUNDS["studio"]
    assert all((p.depth[p.alpha == 0] == 0).all() and (p.labels[p.alpha == 0] == 0).all() for p in pictures)


def test_empty_room_depth_is_that_of_the_box():
    b = Builder(np.random.default_rng(0))
    with b.thing("walls", GREY, "paint", True) as walls:
        pass
    b.lamp(0.0, 0.0, 2.2, (1, 1, 1), 1.0)
    options = RoomCameras(resolution=48)
    scene = b.scene("test", "", "night", options, [(GREY, walls.id)] * 6)
    cameras = sample_cameras(options, 4, torch.Generator().manual_seed(0))
    views = render(scene, cameras)
    points = _points(cameras, views.depth)
    half = np.array([2.5, 2.2, 1.3])
    off = np.abs(np.abs(points - [0, 0, 1.3]) - half)
    np.testing.assert_allclose(off.min(-1), 0, atol=2e-3)
    face = off.argmin(-1)
    clear = np.sort(off, -1)[..., 1] > 0.02
    axis = np.abs(views.normals).argmax(-1)
    assert (axis == face)[clear].all()
    assert (views.labels == walls.id).all()
    assert (views.alpha == 1).all()


@pytest.mark.parametrize("shape", ["box", "rounded", "cone", "cylinder", "frustum", "torus", "cut", "turned"])
def test_hits_lie_on_the_surface_they_say(shape):
    b = Builder(np.random.default_rng(0))
    with b.thing("first", RED, "paint"):
        if shape == "box":
            b.box(0, 0, -0.5, 1.0, 0.8, 1.0, RED)
        elif shape == "rounded":
            b.box(0, 0, -0.5, 1.0, 0.8, 1.0, RED, 0.15)
        elif shape == "cone":
            b.cone(0, 0, -0.5, 0.5, 1.0, RED, 0.3)
        elif shape == "cylinder":
            b.cone(0, 0, -0.5, 0.5, 1.0, RED)
        elif shape == "frustum":
            b.frustum(0, 0, -0.5, 1.0, 0.8, 1.0, RED, 0.5, 0.0)
        elif shape == "torus":
            b.torus(0, 0, 0, 0.45, 0.15, RED)
        elif shape == "cut":
            b.ellipsoid(0, 0, 0, 0.6, 0.6, 0.6, RED, cut=0.0)
        else:
            b.box(0, 0, -0.5, 1.0, 0.8, 1.0, RED, 0.0, rotation(yaw=30, pitch=20, roll=-15))
    cameras = _views(4)
    views = render(_studio(b), cameras)
    hit = views.depth > 0
    assert hit.mean() > 0.05
    p = _points(cameras, views.depth)[hit].astype(np.float64)
    if shape == "turned":
        p = p @ np.array(rotation(yaw=30, pitch=20, roll=-15))
    x, y, z = p.T
    r = np.hypot(x, y)
    half = np.array([0.5, 0.4, 0.5])
    if shape in ("box", "turned"):
        distance = (np.abs(p) - half).max(1)
    elif shape == "rounded":
        q = np.abs(p) - half + 0.15
        distance = np.linalg.norm(np.maximum(q, 0), axis=1) + np.minimum(q.max(1), 0) - 0.15
    elif shape in ("cone", "cylinder"):
        k = 0.3 if shape == "cone" else 1.0
        distance = np.maximum(np.abs(z) - 0.5, r - 0.5 * ((1 + k) / 2 + (k - 1) / 2 * z / 0.5))
    elif shape == "frustum":
        w = z / 0.5
        distance = np.maximum(
            np.abs(z) - 0.5, np.maximum(np.abs(x) - 0.5 * (0.75 - 0.25 * w), np.abs(y) - 0.4 * (0.5 - 0.5 * w))
        )
    elif shape == "torus":
        distance = np.hypot(r - 0.45, z) - 0.15
    else:
        distance = np.maximum(np.linalg.norm(p, axis=1) - 0.6, -z)
    assert np.abs(distance).max() < 6e-3
    # normals are unit and face the camera
    n = views.normals[hit]
    np.testing.assert_allclose(np.linalg.norm(n, axis=1), 1.0, atol=1e-3)
    directions, _ = cameras.rays(48, 48)
    assert ((directions.numpy()[hit] * n).sum(1) < 1e-3).all()


def test_nearer_things_hide_farther_ones():
    b = Builder(np.random.default_rng(0))
    with b.thing("back", RED, "paint"):
        b.box(0, 0.4, -0.6, 1.2, 0.1, 1.2, RED)
    with b.thing("front", BLUE, "paint"):
        b.box(0, -0.4, -0.3, 0.6, 0.1, 0.6, BLUE)
    f = torch.ones(2)
    views = render(_studio(b), orbit(torch.tensor([0.0, 180.0]), 0 * f, 2.6 * f, 48 * f, 48))
    assert views.labels[0, 24, 24] == 2
    assert (views.labels[0] == 1).any()
    assert not (views.labels[1] == 2).any()


def test_lamp_light_falls_off_and_things_cast_shadows():
    def floor(with_table: bool) -> np.ndarray:
        b = Builder(np.random.default_rng(0))
        with b.thing("walls", GREY, "paint", True) as walls:
            pass
        if with_table:
            with b.thing("table", GREY, "wood"):
                b.box(0, 1.2, 0.7, 0.8, 0.8, 0.05, GREY)
        b.lamp(0.0, 1.2, 2.2, (1, 1, 1), 1.0, 0.05)
        scene = b.scene("test", "", "night", RoomCameras(), [(GREY, walls.id)] * 6)
        cameras = inside(
            torch.tensor([[0.0, -1.0, 1.5]]), torch.zeros(1), torch.full((1,), -20.0), torch.full((1,), 75.0), 64
        )
        return (render(scene, cameras).rgb[0] / 255.0).mean(-1) ** 2.2  # linear light, about

    lit, shaded = floor(False), floor(True)
    assert shaded[58, 32] == pytest.approx(lit[58, 32], rel=0.25)
    below = np.s_[36:40, 28:36]  # on the floor under the table
    assert shaded[below].min() < 0.75 * lit[below].mean()


def test_pictures_are_smooth_where_nothing_changes():
    """Plain walls show no grain: neighbouring pixels of one wall differ by a level or two."""
    grain = []
    for seed in range(40):
        scene = draw_scene(seed, "bedroom")
        walls = scene.thing("walls")
        if walls is None or walls.material != "paint":
            continue
        cameras = sample_cameras(RoomCameras(), 2, torch.Generator().manual_seed(seed))
        views = render(scene, cameras)
        same = np.ones(views.labels[:, 1:-1, 1:-1].shape, bool)
        for i in range(3):
            for j in range(3):
                h, w = views.labels.shape[1:]
                same &= views.labels[:, i : h - 2 + i, j : w - 2 + j] == walls.id
                same &= (views.normals[:, i : h - 2 + i, j : w - 2 + j] * views.normals[:, 1:-1, 1:-1]).sum(-1) > 0.99
        rgb = views.rgb.astype(float).mean(-1)
        curve = rgb[:, 1:-1, :-2] + rgb[:, 1:-1, 2:] - 2 * rgb[:, 1:-1, 1:-1]
        grain.append(np.abs(curve[same]).mean())
        if len(grain) == 5:
            break
    assert np.median(grain) < 0.8


def test_rendering_is_deterministic_and_any_size():
    scene = draw_scene(3, "kitchen")
    cameras = sample_cameras(RoomCameras(resolution=44), 2, torch.Generator().manual_seed(1))
    first, again = render(scene, cameras), render(scene, cameras)
    np.testing.assert_array_equal(first.rgb, again.rgb)
    assert first.rgb.shape == (2, 44, 44, 3)
    assert first.rgb.dtype == np.uint8
    assert first.labels.dtype == np.int16
    assert (first.depth > 0).all()
    wide = render(scene, cameras.resized(66, 44))
    assert wide.depth.shape == (2, 44, 66)
    assert {t.id for t in scene.things} >= set(np.unique(first.labels)) - {0}


@pytest.mark.parametrize(
    ("texture", "p", "point", "expected"),
    [
        (STRIPES, (0.4,), (0.1, 0.0), 0),
        (STRIPES, (0.4,), (0.3, 0.0), 1),
        (STRIPES, (0.4, 1.0), (0.0, 0.3), 1),
        (TILES, (0.5,), (0.25, 0.25), 0),
        (TILES, (0.5,), (0.75, 0.25), 1),
        (TILES, (0.5,), (0.5, 0.25), 2),
        (BANDS, (2.0,), (0.0, -0.5), 0),
        (BANDS, (2.0,), (0.0, 0.5), 1),
        (PLAID, (1.0,), (0.7, 0.7), 0),
        (PLAID, (1.0,), (0.2, 0.2), 1),
        (WAINSCOT, (0.9, 0.14), (0.07, -0.5), 1),
        (WAINSCOT, (0.9, 0.14), (0.07, -0.07), 2),
        (WAINSCOT, (0.9, 0.14), (0.07, 0.5), 0),
        (MIRROR, (), (0.3, 0.3), 0),
    ],
)
def test_textures_show_their_colours_where_they_should(texture, p, point, expected):
    """On the south face of a box two metres wide, at metres from its middle."""
    colours = ((0.8, 0.1, 0.1), (0.1, 0.8, 0.1), (0.1, 0.1, 0.8))
    row = Material(texture, *colours, (*p, *(4 - len(p)) * (0.0,))).row()
    face = Face((point[0], -1.0, point[1]), (1.0, 1.0, 1.0), 1, -1.0)
    colour, slope = albedo(np.array(row, np.float64), face)
    assert slope == 0.0
    # tiles and joints differ a little in brightness
    assert np.linalg.norm(np.subtract(colours, colour), axis=1).argmin() == expected
    assert np.linalg.norm(np.subtract(colours[expected], colour)) < 0.25


def test_culling_keeps_whatever_a_ray_can_meet():
    """Rays between two boxes, rays within one and rays through a window of an eye, against many small boxes."""
    rng = np.random.default_rng(0)
    b = Builder(rng)
    for x, y, z in rng.uniform(-3, 3, (300, 3)):
        b.box(x, y, z, 0.3, 0.2, 0.4, RED, turn=rotation(yaw=40 * x, pitch=30 * y))
    scene = _studio(b)
    n = len(scene.shapes)
    boxes = bounds(scene.shapes, scene.geometry)
    centre, half = boxes.reshape(2, 3, n).transpose(0, 2, 1)
    mask, chosen, wanted = np.empty(n, np.float32), np.empty(n, np.int32), np.ones(n, bool)
    wanted[::7] = False

    def met(start: np.ndarray, end: np.ndarray) -> np.ndarray:
        """Which boxes any of the segments passes through, judged at points along them."""
        points = start + (end - start) * np.linspace(0, 1, 120)[:, None, None]
        return (np.abs(points.reshape(-1, 1, 3) - centre) < half).all(-1).any(0)

    def check(count: int, expected: np.ndarray) -> None:
        listed = np.isin(np.arange(n), chosen[:count])
        assert listed[expected & wanted].all()
        assert not listed[~wanted].any()
        assert expected.sum() > 3
        assert count < 0.6 * n  # it rules something out

    here, there = Box(np.full(3, -2.0), np.full(3, -1.5)), Box(np.array([1.0, -0.5, 1.0]), np.array([1.5, 0.5, 2.0]))
    from_here, to_there = (rng.uniform(box.low, box.high, (200, 3)) for box in (here, there))
    check(cull_shaft(boxes, wanted, here, there, mask, chosen), met(from_here, to_there))
    check(cull_box(boxes, wanted, there, mask, chosen), met(to_there, to_there[::-1]))
    eye = np.array([-3.5, 0.2, 0.1])
    planes = np.array([[-0.5, -1.0, 0], [-0.5, 1.0, 0], [-0.5, 0, -1.0], [-0.5, 0, 1.0]])
    far = np.stack([np.full(200, 6.0), *(0.5 * 6.0 * rng.uniform(-1, 1, (2, 200)))], axis=1)
    check(cull_frustum(boxes, wanted, eye, planes, mask, chosen), met(eye + np.zeros((200, 3)), eye + far))
