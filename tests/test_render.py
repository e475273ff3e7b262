"""Pictures, films and panoramas of splat files: the right things in the right places, no seams, errors in one line."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence

from gs_stein.cameras.options import OrbitCameras, RoomCameras
from gs_stein.cameras.sampling import heading
from gs_stein.command.main import main as command
from gs_stein.config.schema import Config
from gs_stein.gaussians.files import write_gaussians
from gs_stein.gaussians.initialise import initialise
from gs_stein.gaussians.model import Gaussians, rgb_to_sh
from gs_stein.gaussians.options import RoomStart
from gs_stein.rasterize.api import rasterize
from gs_stein.rasterize.options import RasterizeOptions
from gs_stein.render.__main__ import main
from gs_stein.render.countdown import Countdown
from gs_stein.render.panorama import cube_cameras, distances, equirectangular, face_side, fill_caps
from gs_stein.render.path_file import read_path
from gs_stein.render.subject import base_name, guessed, psnr, read_subject
from gs_stein.run.folder import write_start


def balls(centres: list[tuple[float, float, float]], colours: list[tuple[float, float, float]]) -> Gaussians:
    """Round opaque Gaussians of 12 cm."""
    n = len(centres)
    return Gaussians(
        torch.tensor(centres), torch.full((n, 3), math.log(0.12)), torch.tensor([[1.0, 0, 0, 0]]).repeat(n, 1),
        torch.full((n,), 5.0), rgb_to_sh(torch.tensor(colours))[:, None],
    )  # fmt: skip


AROUND = [(0.0, 2.0, 0.0), (2.0, 0.0, 0.0), (0.0, -2.0, 0.0), (-2.0, 0.0, 0.0), (0.0, 0.0, 2.0), (0.0, 0.0, -2.0)]
COLOURS = [(1.0, 0, 0), (0, 1.0, 0), (0, 0, 1.0), (1.0, 1.0, 0), (0, 1.0, 1.0), (1.0, 0, 1.0)]


def room(count: int = 6000) -> Gaussians:
    start = RoomStart(count=count, opacity=0.9, colour_noise=0.2)
    return initialise(start, torch.Generator().manual_seed(0))


@pytest.fixture
def room_file(tmp_path: Path) -> Path:
    write_gaussians(tmp_path / "room.ply", room())
    return tmp_path / "room.ply"


def panorama_of(scene: Gaussians, width: int, yaw: float = 0.0, position: tuple = (0.0, 0.0, 0.0)) -> torch.Tensor:
    cameras = cube_cameras(torch.tensor(position), face_side(width))
    render = rasterize(scene, cameras, RasterizeOptions())
    return equirectangular(render.rgb, cameras, width, width // 2, yaw)


@pytest.mark.parametrize("yaw", [0.0, 90.0, -135.0])
def test_a_panorama_shows_every_direction_where_it_belongs(yaw: float) -> None:
    width, height = 256, 128
    picture = panorama_of(balls(AROUND, COLOURS), width, yaw)
    assert picture.shape == (height, width, 3)
    for place, colour in zip(AROUND, COLOURS, strict=True):
        azimuth = math.degrees(math.atan2(place[0], place[1])) - yaw
        elevation = math.degrees(math.asin(place[2] / 2.0))
        column = int((azimuth + 180) / 360 * width) % width
        row = min(int((90 - elevation) / 180 * height), height - 1)
        assert torch.allclose(picture[row, column], torch.tensor(colour), atol=0.1), (place, picture[row, column])


def test_a_panorama_has_no_seams() -> None:
    """Edges of faces (here at 45°, 135°, …) step no more than their neighbourhood does."""
    picture = panorama_of(room(20_000), 512, position=(0.4, -0.3, 1.3))
    steps = (picture.roll(-1, 1) - picture).abs().mean(dim=(0, 2))
    seams = [63, 191, 319, 447]
    around = [steps[[s + d for d in (-4, -3, -2, 2, 3, 4)]].mean() for s in seams]
    assert max(float(steps[s] / a) for s, a in zip(seams, around, strict=True)) < 1.3


def test_straight_up_and_down_are_filled_from_around() -> None:
    """Dust there goes, what was looked at stays as it is, a wave around the ring fades as a harmonic one does."""
    height, width = 90, 180
    azimuth = (torch.arange(width) + 0.5) / width * 2 * math.pi
    ring = 0.5 + 0.3 * torch.stack([torch.cos(azimuth), torch.sin(2 * azimuth), torch.zeros(width)], dim=-1)
    picture = ring.expand(height, width, 3).clone()
    dust = torch.rand(height, width, 3, generator=torch.Generator().manual_seed(0))
    elevation = 90 - (torch.arange(height) + 0.5) / height * 180
    unseen = (elevation > 40) | (elevation < -50)
    picture[unseen] = dust[unseen]
    filled = fill_caps(picture, -56.0, 46.0)
    seen = (elevation < 40) & (elevation > -50)
    assert torch.equal(filled[seen], picture[seen])
    assert (filled[0] - 0.5).abs().max() < 0.05, "at the pole: the mean"
    assert (filled[-1] - 0.5).abs().max() < 0.05
    row = int((90 - 60) / 2)
    inwards = math.tan(math.radians(90 - elevation[row]) / 2) / math.tan(math.radians(50) / 2)
    expected = 0.5 + torch.tensor([inwards, inwards**2, 0.0]) * (ring - 0.5)
    assert (filled[row] - expected).abs().max() < 0.03
    assert torch.equal(fill_caps(picture, -90.0, 90.0), picture), "all of it was looked at"


def test_a_panorama_of_a_run_is_filled_unless_it_shall_not(room_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, out = room_file.parent, room_file.parent / "pano.png"
    room_file.rename(run / "point_cloud.ply")
    (run / "config.yaml").write_text("prompt: a room\ncameras: {kind: room, pitch: [-20, 8], fov: [64, 78]}\n")
    common = [str(run), "-o", str(out), "--size", "64"]
    assert main(common) == 0
    assert "above 47° and below -59° no camera" in capsys.readouterr().err
    filled = iio.imread(out).astype(float)
    assert main([*common, "--no-fill"]) == 0
    assert "no camera" not in capsys.readouterr().err
    left = iio.imread(out).astype(float)
    assert np.array_equal(filled[16:24], left[16:24])
    assert np.diff(filled[:3], axis=1).std() < 0.5 * np.diff(left[:3], axis=1).std()
    assert main([str(run / "point_cloud.ply"), "-o", str(out), "--size", "64"]) == 0
    assert "no camera" not in capsys.readouterr().err, "where the cameras of a lone file looked is not known"


def test_a_panoramas_distances_are_the_scenes() -> None:
    """From the middle of a sphere of many small Gaussians they are its radius in every direction."""
    generator = torch.Generator().manual_seed(0)
    direction = torch.nn.functional.normalize(torch.randn(20_000, 3, generator=generator), dim=-1)
    n = len(direction)
    scene = Gaussians(
        3 * direction, torch.full((n, 3), math.log(0.05)), torch.tensor([[1.0, 0, 0, 0]]).repeat(n, 1),
        torch.full((n,), 3.0), torch.zeros(n, 1, 3),
    )  # fmt: skip
    cameras = cube_cameras(torch.zeros(3), 96)
    depth = distances(rasterize(scene, cameras, RasterizeOptions()).depth, cameras)
    picture = equirectangular(depth[..., None], cameras, 128, 64)
    assert float((picture - 3).abs().max()) < 0.1


def test_a_room_is_seen_from_inside_and_a_ball_from_around() -> None:
    cameras, offset = guessed(room(), "auto")
    assert isinstance(cameras, RoomCameras)
    assert np.allclose(cameras.size, (5.0, 4.4, 2.6), atol=0.15)
    assert np.allclose(offset, (0, 0, 0), atol=0.1)
    generator = torch.Generator().manual_seed(0)
    points = 0.3 * torch.randn(3000, 3, generator=generator) + torch.tensor([4.0, 5.0, 6.0])
    ball = balls([(0.0, 0.0, 0.0)] * 3000, [(0.5, 0.5, 0.5)] * 3000)
    ball = Gaussians(points, *ball.tensors()[1:])
    cameras, offset = guessed(ball, "auto")
    assert isinstance(cameras, OrbitCameras)
    assert np.allclose(offset, (4, 5, 6), atol=0.3)
    assert isinstance(guessed(ball, "inside")[0], RoomCameras)
    assert isinstance(guessed(room(), "around")[0], OrbitCameras)


def test_an_upright_ring_is_looked_at_from_outside(tmp_path: Path, capsys) -> None:
    angle = torch.linspace(0, 2 * math.pi, 400)
    ring = balls([(0.0, 0.0, 0.0)] * 400, [(0.5, 0.5, 0.5)] * 400)
    ring = Gaussians(torch.stack([angle.cos(), torch.linspace(-0.3, 0.3, 400), angle.sin()], 1), *ring.tensors()[1:])
    assert isinstance(guessed(ring, "auto")[0], OrbitCameras)
    write_gaussians(tmp_path / "ring.ply", ring)
    away = ["--view", "0", "-9", "0", "0", "-20", "0"]
    for more, said in (([], False), (away, True)):
        main([str(tmp_path / "ring.ply"), "-o", str(tmp_path / "ring.png"), "--size", "32", *more])
        assert ("nothing of the scene is seen" in capsys.readouterr().err) == said


@pytest.mark.parametrize("size", [5e-4, 1e-2, 1.0])
def test_a_scene_fills_its_picture_however_small(size: float, tmp_path: Path) -> None:
    """A shell without a middle: so small, no camera could stand in it."""
    points = torch.nn.functional.normalize(torch.randn(2000, 3, generator=torch.Generator().manual_seed(0)), dim=1)
    shell = balls([(0.0, 0.0, 0.0)] * 2000, [(1.0, 0.0, 0.0)] * 2000)
    scales = torch.full((2000, 3), math.log(0.03 * size))
    write_gaussians(tmp_path / "s.ply", Gaussians(points * size / 2, scales, *shell.tensors()[2:]))
    flags = ["--size", "64", "--background", "0", "--look", "around" if size == 1 else "auto"]
    assert main([str(tmp_path / "s.ply"), "-o", str(tmp_path / "s.png"), *flags]) == 0
    red = iio.imread(tmp_path / "s.png")[..., 0] > 128
    assert 0.6 < red.mean() < 0.95


def test_a_runs_own_cameras_and_background_are_taken(tmp_path: Path) -> None:
    run = tmp_path / "a-run"
    run.mkdir()
    options = OrbitCameras(radius=(3.0, 3.1), resolution=32)
    write_start(run, Config(prompt="a ball", background="black", cameras=options))
    write_gaussians(run / "point_cloud.ply", room())
    subject = read_subject(run)
    assert subject.cameras == options
    assert subject.offset == (0.0, 0.0, 0.0)
    assert subject.background == 0.0
    assert subject.name == "a-run"
    assert subject.views(5).positions.norm(dim=1).mean() == pytest.approx(3.05, abs=0.06)
    assert torch.equal(subject.views(5).viewmats, subject.views(5).viewmats)
    assert isinstance(read_subject(run, look="inside").cameras, RoomCameras)


def test_what_a_file_is_called() -> None:
    assert base_name(Path("a/room.compressed.ply")) == "room"
    assert base_name(Path("a/chair.v2.SPZ")) == "chair.v2"
    assert base_name(Path("a/run-1")) == "run-1"


def test_a_view_is_what_the_rasterizer_shows(tmp_path: Path) -> None:
    """A red ball ahead, a green one right of it, a blue one above, in a file that a viewer would turn."""
    write_gaussians(
        tmp_path / "b.splat",
        balls([(0, 3.0, 0), (1.0, 3.0, 0), (0, 3.0, 1.0)], [(1.0, 0, 0), (0, 1.0, 0), (0, 0, 1.0)]),
    )
    out = tmp_path / "view.png"
    view = ["--view", "0", "0", "0", "0", "3", "0", "--fov", "60", "--background", "0", "--size", "90", "60"]
    assert main([str(tmp_path / "b.splat"), "-o", str(out), *view]) == 0
    picture = iio.imread(out)
    assert picture.shape == (60, 90, 3)
    focal = 30 / math.tan(math.radians(30))
    assert picture[30, 45].argmax() == 0
    assert picture[30, 45 + round(focal / 3)].argmax() == 1
    assert picture[30 - round(focal / 3), 45].argmax() == 2
    assert picture[2, 2].max() < 30


def test_files_of_every_kind(room_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film, pano = tmp_path / "t.mp4", tmp_path / "pano.png"
    assert main([str(room_file), "-o", str(film), "--frames", "3", "--size", "65", "49", "--depth"]) == 0
    assert "t.mp4: 3 frames of 128×48" in capsys.readouterr().out
    frames = np.stack(list(iio.imiter(film)))
    assert frames.shape == (3, 48, 128, 3)
    assert frames[0].std() > 5
    assert np.abs(frames[0].astype(float) - frames[1]).mean() > 2, "it turns"
    moving = tmp_path / "turn.webp"
    assert main([str(room_file), "-o", str(moving), "--frames", "3", "--fps", "15", "--size", "48"]) == 0
    assert "turn.webp: 3 frames of 48×48" in capsys.readouterr().out
    with Image.open(moving) as picture:
        assert (picture.n_frames, picture.size, picture.info["loop"]) == (3, (48, 48), 0)
        shown = [np.asarray(frame.convert("RGB"), float) for frame in ImageSequence.Iterator(picture)]
    assert np.abs(shown[0] - shown[1]).mean() > 2, "it turns"
    assert main([str(room_file), "-o", str(pano), "--size", "128", "--depth"]) == 0
    assert iio.imread(pano).shape == (128, 128, 3)
    assert command(["render", str(room_file), "-o", str(tmp_path / "x.png"), "--kind", "panorama", "--size", "64"]) == 0
    assert iio.imread(tmp_path / "x.png").shape == (32, 64, 3)
    assert "pano.png: 128×128" in capsys.readouterr().out
    assert {p.name for p in tmp_path.iterdir()} == {"room.ply", "t.mp4", "turn.webp", "pano.png", "x.png"}


def test_paths_of_matrices_and_of_keyframes(tmp_path: Path, room_file: Path) -> None:
    cameras = cube_cameras(torch.tensor([0.0, 0.0, 1.3]), 40, 90.0)[:4]
    path = tmp_path / "path.json"
    tree = {"viewmats": cameras.viewmats.tolist(), "Ks": cameras.Ks[0].tolist(), "width": 40, "height": 40}
    path.write_text(json.dumps(tree))
    read = read_path(path, 99, 80, 80)
    assert torch.equal(read.viewmats, cameras.viewmats)
    assert torch.allclose(read.Ks[:, 0, 0], 2 * cameras.Ks[:, 0, 0])
    assert main([str(room_file), "-o", str(tmp_path / "t.mp4"), "--path", str(path), "--size", "32"]) == 0
    assert len(list(iio.imiter(tmp_path / "t.mp4"))) == 4
    north = {"wxyz": [0.5**0.5, -(0.5**0.5), 0, 0], "position": [0, 0, 1], "fov": 1.0}
    path.write_text(json.dumps({"keyframes": [north, {**north, "position": [0, 2, 1]}]}))
    read = read_path(path, 3, 30, 20)
    assert torch.allclose(read.positions, torch.tensor([[0.0, 0, 1], [0, 1, 1], [0, 2, 1]]), atol=1e-5)
    ahead = heading(torch.zeros(1), torch.zeros(1))[0]
    assert torch.allclose(read.viewmats[:, 2, :3], ahead.expand(3, 3), atol=1e-5)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{", "is no JSON"),
        ("{}", "holds neither keyframes nor viewmats"),
        ('{"viewmats": [[1]]}', "'Ks' is missing"),
        ('[{"wxyz": [0, 0, 0, 0], "position": [0, 0, 0], "fov": 1}]', "a keyframe has wxyz"),
        ('[{"wxyz": [1, 0, 0, 0], "position": [0, 0, 0], "fov": 60}]', "not between"),
        ("[]", "the path is empty"),
        ("[" * 100_000, "is no JSON"),
        ('{"viewmats": [[1]], "Ks": [[1]], "width": Infinity, "height": 8}', "infinity"),
        ('{"viewmats": [[[2,0,0,0],[0,1,0,0],[0,0,1,0],[0,0,0,1]]], "Ks": [[[9,0,4],[0,9,4],[0,0,1]]], "width": 8,'
         ' "height": 8}', "no rotations"),
    ],
)  # fmt: skip
def test_bad_paths_are_one_line(text: str, fault: str, tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text(text)
    with pytest.raises(ValueError, match=fault) as caught:
        read_path(tmp_path / "p.json", 10, 8, 8)
    assert "\n" not in str(caught.value)
    assert "p.json" in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["-o", "x.png", "-o", "y.mp4"], "only one file can be drawn at a time"),
        (["-o", "x.gif"], "neither .mp4 nor .png"),
        (["-o", "x.png", "--kind", "film"], "a film cannot be a .png"),
        (["-o", "x.webp", "--kind", "view"], "a view cannot be a .webp; give -o a .png"),
        (["-o", "room.ply/x.png"], "cannot be made"),
        (["-o", "x.png", "--size", "4", "4"], "makes no picture"),
        (["-o", "x.png", "--fov", "179"], "not between 1 and 160"),
        (["-o", "x.png", "--path", "p.json"], "only a film follows one"),
        (["-o", "x.png", "--view", "1", "1", "1", "1", "1", "1"], "differs from the point"),
        (["-o", "x.mp4", "--background", "2"], "no grey level"),
        (["-o", "x.mp4", "--frames", "0"], "give 1 or more"),
        (["-o", "x.png", "--view", "nan", "0", "3", "0", "0", "0"], "is no place"),
        (["-o", "x.png", "--view", "0", "0", "3", "0", "inf", "0"], "is no place"),
        (["-o", "pano.png", "--view", "1e39", "0", "3", "0", "0", "0"], "is no place"),
        (["-o", "x.png", "--view", "1e8", "0", "0", "100000001", "0", "0"], "differs from the point"),
        (["-o", "x.png", "--fov", "nan"], "not between 1 and 160"),
        (["-o", "x.png", "--background", "inf"], "no grey level"),
        (["-o", "x.png", "--frames", "3"], "only a film has them"),
        (["-o", "pano.png", "--fov", "60"], "a panorama sees all around"),
        (["-o", f"{'a' * 300}.png"], "aaa.png: is no usable path (File name too long)"),
    ],
)
def test_mistakes_are_one_line(
    arguments: list[str], fault: str, room_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch
) -> None:
    monkeypatch.chdir(room_file.parent)
    assert main([str(room_file), *arguments]) == 2
    error = capsys.readouterr().err
    assert fault in error
    assert error.count("\n") == 1
    assert [p.name for p in room_file.parent.iterdir()] == ["room.ply"]


def test_progress_waits_two_seconds_and_then_tells_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("gs_stein.render.countdown.time.monotonic", lambda: now[0])
    stream = io.StringIO()
    bar = Countdown("frame", 10, stream)
    now[0] = 1.0
    bar.step()
    assert stream.getvalue() == ""
    now[0] = 4.0
    bar.step()
    assert stream.getvalue() == "frame 2/10  ETA 0:16\n"
    now[0] = 6.0
    bar.step()
    bar.end()
    assert stream.getvalue().count("\n") == 1, "where nobody watches, a line every ten seconds"
    now[0] = 60.0
    bar.step(7)
    assert stream.getvalue().count("\n") == 1, "after the last piece there is nothing to wait for"


def test_psnr() -> None:
    picture = torch.zeros(1, 4, 4, 3)
    assert psnr(picture, picture) == 99
    assert psnr(picture, picture + 0.1) == pytest.approx(20, abs=1e-4)
