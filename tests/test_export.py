"""One command from any splat file to any format: what is written, what it is worth, and mistakes in one line."""

from __future__ import annotations

import errno
import gzip
import importlib.util
import io
import os
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from scenes import orbit_views, random_scene

from gs_stein.cameras.options import OrbitCameras, RoomCameras
from gs_stein.command.main import main as command
from gs_stein.config.schema import Config
from gs_stein.export.__main__ import main, with_surface
from gs_stein.export.simplify import at_least, axes_of, cropped, decimated, merged, nearest, shares
from gs_stein.gaussians.files import FORMATS, read_scene, write_gaussians
from gs_stein.gaussians.formats.common import importance
from gs_stein.gaussians.initialise import initialise
from gs_stein.gaussians.model import SH_C0, Gaussians
from gs_stein.gaussians.options import RoomStart
from gs_stein.live.options import LiveOptions
from gs_stein.live.panels.export_tab import Scene, unused
from gs_stein.live.run_view import Live
from gs_stein.optimize.step import Controls
from gs_stein.rasterize.api import rasterize
from gs_stein.rasterize.many_views import render_views
from gs_stein.rasterize.options import RasterizeOptions
from gs_stein.rasterize.reference import covariances
from gs_stein.render.subject import Subject, psnr
from gs_stein.run import checkpoint
from gs_stein.run.folder import write_start

OPTIONS = RasterizeOptions()


def room(count: int = 3000, degree: int = 0) -> Gaussians:
    start = RoomStart(count=count, opacity=0.8, colour_noise=0.2)
    scene = initialise(start, torch.Generator().manual_seed(0), degree)
    return Gaussians(*scene.tensors()[:4], scene.sh + 0.05 * torch.randn(scene.sh.shape))


def cloud(count: int, degree: int = 1) -> Gaussians:
    return random_scene(count, degree).to(torch.float32)


@pytest.fixture
def room_file(tmp_path: Path) -> Path:
    write_gaussians(tmp_path / "room.ply", room(degree=2))
    return tmp_path / "room.ply"


def suffixes() -> list[str]:
    """Of every format that can be written here."""
    usd = importlib.util.find_spec("pxr") is not None
    return [row.suffixes[0] for row in FORMATS if row.name != "usd" or usd]


def test_one_scene_in_every_format(room_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = [str(tmp_path / "out" / f"room{suffix}") for suffix in suffixes()]
    assert main([str(room_file), "-o", *names[:3], "-o", *names[3:]]) == 0
    clipped, plain, head, *rows = capsys.readouterr().out.splitlines()
    assert "have a base colour beyond 0 to 1" in clipped
    assert plain.startswith(f"{names[-1]}: a page shows the mean colour")
    assert head.split() == ["file", "size", "bytes/splat", "PSNR"]
    assert [row.split()[0] for row in rows] == names
    scene = read_scene(room_file).gaussians
    for name, row in zip(names, rows, strict=True):
        each, quality = float(row.split()[3]), " ".join(row.split()[4:])
        assert each == pytest.approx(Path(name).stat().st_size / len(scene), abs=0.06)
        if name.endswith(".html"):
            assert quality == "–"
            continue
        assert quality == "exact" or float(quality.split()[0]) > 27, row
        again = read_scene(Path(name)).gaussians
        # Upright: whatever the order, the centres lie where they were.
        for point in scene.means[:50]:
            assert float((again.means - point).norm(dim=1).min()) < 0.02
    assert "exact" in rows[0], "a .ply keeps every number"
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(Path(n).name for n in names)


def test_several_scenes_and_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "a-run"
    run.mkdir()
    write_start(run, Config(prompt="a room", scene=True, cameras=RoomCameras(resolution=16)))
    write_gaussians(run / "point_cloud.ply", room(500))
    write_gaussians(tmp_path / "chair.splat", cloud(300, 0))
    pattern = str(tmp_path / "out" / "{name}.spz")
    assert command(["export", str(run), str(tmp_path / "chair.splat"), "-o", pattern]) == 0
    assert len(read_scene(tmp_path / "out" / "a-run.spz").gaussians) == 500
    assert len(read_scene(tmp_path / "out" / "chair.spz").gaussians) == 300
    assert capsys.readouterr().out.count("PSNR") == 2


def test_a_run_that_goes_on_is_exported_as_it_stands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, out = tmp_path / "a-run", tmp_path / "out.html"
    run.mkdir()
    write_start(run, Config(prompt="a room", scene=True, cameras=RoomCameras(resolution=16)))
    assert main([str(run), "-o", str(out)]) == 2
    assert "has written neither point_cloud.ply nor a checkpoint yet" in capsys.readouterr().err
    (run / "checkpoints").mkdir()
    scene = room(500)
    content = {"parameters": scene.parameters(), "step": 7}
    (run / "checkpoints" / "step_0000007.pt").write_bytes(checkpoint.sealed(content))
    assert main([str(run), "-o", str(out), str(tmp_path / "out.ply")]) == 0
    assert "the run is not finished; this is its step_0000007.pt" in capsys.readouterr().err
    assert torch.equal(read_scene(tmp_path / "out.ply").gaussians.means, scene.means)
    # The page flies along the run's own video path, before its background.
    page = out.read_text()
    assert '"tour": [[' in page
    assert '"background": 0.5' in page


def test_smaller_scenes(room_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "small.ply"
    box = ["--crop", "-9", "-9", "-1", "0", "9", "9"]
    flags = [*box, "--min-opacity", "0.1", "--decimate", "700", "--sh-degree", "1"]
    assert main([str(room_file), "-o", str(out), *flags]) == 0
    said = capsys.readouterr().out
    scene = read_scene(out).gaussians
    whole = read_scene(room_file).gaussians
    inside = int((whole.means[:, 0] <= 0).sum())
    assert f"{inside} of 3000 Gaussians lie in the box" in said
    quality = re.search(r"decimated from \d+ to 700 Gaussians, ([\d.]+) dB against the whole", said)
    assert quality is not None
    assert 15 < float(quality[1]) < 60
    assert len(scene) == 700
    assert scene.sh_degree == 1
    assert float(scene.means[:, 0].max()) < 0.2


def test_options_reach_the_formats(room_file: Path, tmp_path: Path) -> None:
    ply, spz = tmp_path / "a.ply", tmp_path / "a.spz"
    flags = ["--axes", "z-up", "--pad-sh", "--spz-version", "3", "--no-compare"]
    assert main([str(room_file), "-o", str(ply), str(spz), *flags]) == 0
    header = ply.read_bytes()[:4000]
    assert b"Vertical axis: z" in header
    assert b"f_rest_44" in header
    assert gzip.decompress(spz.read_bytes())[:8] == b"NGSP\x03\x00\x00\x00"
    # Read with other axes, it lies on its side.
    assert main([str(ply), "-o", str(tmp_path / "b.ply"), "--from-axes", "y-up", "--no-compare"]) == 0
    a, b = (read_scene(tmp_path / name).gaussians.means for name in ("a.ply", "b.ply"))
    assert torch.allclose(b, torch.stack([a[:, 0], -a[:, 2], a[:, 1]], dim=1), atol=1e-5)


def test_one_bad_file_spares_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    huge = cloud(100)
    huge.log_scales[0, 0] = 90.0  # beyond what a .splat can hold
    write_gaussians(tmp_path / "huge.ply", huge)
    names = [str(tmp_path / name) for name in ("x.splat", "x.compressed.ply")]
    assert main([str(tmp_path / "huge.ply"), "-o", *names, "--no-compare"]) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith(f"error: {names[0]}")
    assert printed.err.count("\n") == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["huge.ply", "x.compressed.ply"]
    assert names[1] in printed.out


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ([], "nothing to write; give -o FILE"),
        (["-o", "a.xyz"], "a.xyz: no format of splats"),
        (["-o", "a.obj"], "add --mesh"),
        (["-o", "room.ply"], "is read, or written twice"),
        (["-o", "a.spz", "-o", "./a.spz"], "is read, or written twice"),
        (["-o", "."], "is a folder"),
        (["b.ply", "-o", "a.spz"], "put {name} into it, such as {name}.spz"),
        (["-o", "a.spz", "--mesh"], "a mesh cannot be written so"),
        (["-o", "a.compressed.ply", "--mesh"], "a mesh cannot be written so"),
        (["-o", "a.spz", "--decimate", "0"], "give 1 or more"),
        (["-o", "a.spz", "--min-opacity", "1"], "not between 0 and 1"),
        (["-o", "a.spz", "--min-opacity", "0.9999"], "the highest is 0."),
        (["-o", "a.spz", "--crop", "0", "0", "0", "0", "1", "1"], "the lower corner first"),
        (["-o", "a.spz", "--crop", "90", "90", "90", "91", "91", "91"], "the scene spans x -2."),
        (["-o", "room.ply/a.spz"], "cannot be made"),
        (["-o", "a.glb", "--mesh", "collider", "--triangles", "20001"], "20000 at most"),
        (["-o", "a.glb", "--mesh", "--voxel", "inf"], "no length"),
        (["-o", "a.spz", "--min-opacity", "nan"], "not between 0 and 1"),
        (["-o", "a.spz", "--crop", "nan", "0", "0", "1", "1", "1"], "is no box"),
        (["-o", "a.spz", "--triangles", "99"], "triangles: only a mesh has any"),
        (["-o", "a.spz", "--voxel", "0.1"], "voxel: only a mesh has any"),
        (["-o", "a.spz", "--pad-sh"], "none of the files is a .ply of splats"),
        (["-o", "a.ply", "--spz-version", "3"], "none of the files is an .spz"),
        (["-o", "{nme}.spz"], "{nme} stands for nothing"),
        (["-o", f"{'a' * 300}.spz"], "aaa.spz: is no usable path (File name too long)"),
        ([f"{'a' * 300}.ply", "-o", "{name}.spz"], "aaa.ply: is no usable path (File name too long)"),
    ],
)
def test_mistakes_are_one_line(
    arguments: list[str], fault: str, room_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch
) -> None:
    monkeypatch.chdir(room_file.parent)
    assert main(["room.ply", *arguments]) == 2
    error = capsys.readouterr().err
    assert fault in error
    assert error.count("\n") == 1
    assert [p.name for p in room_file.parent.iterdir()] == ["room.ply"]


def test_no_scene_and_a_missing_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-o", str(tmp_path / "a.spz")]) == 2
    assert "give splat files or folders of runs first" in capsys.readouterr().err
    assert main([str(tmp_path / "none.ply"), "-o", str(tmp_path / "a.spz")]) == 2
    assert "none.ply: no such file" in capsys.readouterr().err
    assert main([]) == 2
    assert "scenes: there are none" in capsys.readouterr().err
    (tmp_path / "loop.ply").symlink_to("loop.ply")
    assert main([str(tmp_path / "loop.ply"), "-o", str(tmp_path / "a.spz")]) == 2
    assert "loop.ply: is no usable path" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("number", "status", "said"),
    [(errno.EPIPE, 0, ""), (errno.ENOSPC, 2, "error: standard output: cannot be written (No space left on device)\n")],
)
def test_files_are_written_whoever_reads_the_table(
    number: int, status: int, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch
) -> None:
    for name in "ab":
        write_gaussians(tmp_path / f"{name}.ply", cloud(20))

    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr("sys.stdout", Closed())
    names = [str(tmp_path / "a.ply"), str(tmp_path / "b.ply"), "-o", str(tmp_path / "{name}.splat")]
    assert main([*names, "--no-compare"]) == status
    assert capsys.readouterr().err == said
    assert (tmp_path / "a.splat").is_file()
    assert (tmp_path / "b.splat").is_file()


def test_axes_that_a_file_cannot_say_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_gaussians(tmp_path / "a.ply", cloud(300))
    names = [str(tmp_path / f"b{suffix}") for suffix in (".ply", ".sog", ".splat", ".spz", ".glb")]
    assert main([str(tmp_path / "a.ply"), "-o", *names, "--axes", "y-up", "--no-compare"]) == 0
    told = [line for line in capsys.readouterr().out.splitlines() if "--from-axes" in line]
    assert told == [f"{name}: nothing in it says y-up; readers need --from-axes y-up" for name in names[:3]]
    assert main([str(tmp_path / "a.ply"), "-o", names[0], "--axes", "z-up", "--no-compare"]) == 0
    assert "--from-axes" not in capsys.readouterr().out


def test_mesh_alone_means_the_surface() -> None:
    assert with_surface(["a", "--mesh"]) == ["a", "--mesh=surface"]
    assert with_surface(["--mesh", "a.ply", "-o", "x"]) == ["--mesh=surface", "a.ply", "-o", "x"]
    assert with_surface(["--mesh", "collider", "a"]) == ["--mesh", "collider", "a"]
    assert with_surface(["--mesh=collider"]) == ["--mesh=collider"]


def test_crop_keeps_the_faces_of_the_box() -> None:
    scene = cloud(4)
    scene.means[:] = torch.tensor([[0.0, 0, 0], [1, 1, 1], [0.5, 0.5, 1.01], [-0.01, 0, 0]])
    assert cropped(scene, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)).means.tolist() == [[0, 0, 0], [1, 1, 1]]
    scene.opacity_logits[:] = torch.tensor([-9.0, 0.0, 1.0, 2.0])
    assert len(at_least(scene, 0.5)) == 3


def test_shares_are_blending_weights() -> None:
    """Together they are the pictures' opacity; alone in front, a Gaussian's share is its own picture."""
    scene, views = cloud(200), orbit_views(3, 48).to(torch.float32)
    found = shares(scene, views, OPTIONS)
    alpha = float(rasterize(scene, views, OPTIONS).alpha.sum())
    assert float(found.sum()) == pytest.approx(3 * SH_C0 * alpha, rel=1e-3)
    assert bool((found >= 0).all())
    one = scene[[7]]
    alone = float(rasterize(one, views, OPTIONS).alpha.sum())
    assert float(shares(one, views, OPTIONS)) == pytest.approx(3 * SH_C0 * alone, rel=1e-3)


def test_axes_of_a_covariance() -> None:
    scene = cloud(50).to(torch.float64)
    cov = covariances(scene.quats, scene.scales)
    quats, scales = axes_of(cov)
    assert torch.allclose(covariances(quats, scales), cov, atol=1e-12)
    assert torch.allclose(scales, scene.scales.sort(dim=1).values, rtol=1e-6)


def test_merging_keeps_what_it_should() -> None:
    """Two halves of a disc become the disc; a Gaussian that nobody joins keeps every bit."""
    left, right, far = [-0.1, 0.0, 0.0], [0.1, 0.0, 0.0], [5.0, 0.0, 0.0]
    scene = Gaussians(
        torch.tensor([left, right, far]), torch.tensor([[0.1, 0.1, 0.01]]).repeat(3, 1).log(),
        torch.tensor([[1.0, 0, 0, 0], [-2.0, 0, 0, 0], [0.3, 0.4, 0.1, 0.2]]), torch.tensor([-1.0, -1.0, 1.0]),
        torch.tensor([0.0, 1.0, 0.5])[:, None, None].repeat(1, 1, 3),
    )  # fmt: skip
    keep = torch.tensor([0, 2])
    owner = nearest(scene.means, keep)
    assert owner.tolist() == [0, 0, 1]
    small = merged(scene, keep, owner)
    assert torch.allclose(small.means[0], torch.zeros(3), atol=1e-6)
    assert torch.allclose(small.sh[0], torch.full((1, 3), 0.5))
    assert torch.allclose(small.scales[0].sort().values, torch.tensor([0.01, 0.1, 0.02**0.5]), rtol=1e-4)
    assert float(importance(small)[0]) == pytest.approx(float(importance(scene)[:2].sum()), rel=1e-4)
    for new, old in zip(small.tensors(), scene.tensors(), strict=True):
        assert torch.equal(new[1], old[2])


def test_decimation_beats_dropping() -> None:
    scene = room(4000)
    smooth = torch.cat([scene.means, 2 * scene.means], dim=1).sin()[:, None, [0, 4, 2]]
    scene = Gaussians(*scene.tensors()[:4], smooth)
    subject = Subject(Path("x"), scene, RoomCameras(resolution=96))
    views, seen = subject.film(8), subject.views(12)

    def pictures(gaussians: Gaussians) -> torch.Tensor:
        return torch.cat([r.rgb for r in render_views(gaussians, views, OPTIONS)])

    small = decimated(scene, 1000, seen, OPTIONS)
    assert len(small) == 1000
    most = torch.topk(importance(scene), 1000).indices
    whole = pictures(scene)
    assert psnr(pictures(small), whole) > psnr(pictures(scene[most]), whole) + 3
    assert decimated(scene, 4000, seen, OPTIONS) is scene
    for tensor, again in zip(small.tensors(), decimated(scene, 1000, seen, OPTIONS).tensors(), strict=True):
        assert torch.equal(tensor, again), "the same every time"
    assert np.isfinite(small.log_scales.numpy()).all()


def test_the_viewers_export_tab_writes_every_format(tmp_path: Path) -> None:
    """Those of the table, each from its own button or from the list."""
    with Live(Controls(), "x", OrbitCameras(), options=LiveOptions(port=0), folder=tmp_path) as live:
        tab = live._export
        assert tab is not None
        assert set(tab._format.options) == {row.title for row in FORMATS} - {"standard .ply", "a page of its own"}
        scene = Scene(cloud(50), "step-1")
        for row in FORMATS:
            if row.title in tab._format.options and row.name != "usd":
                tab._format.value = row.title
                path = unused(tmp_path / f"step-1{tab._suffix()}")
                assert tab._other(scene, path, tab._camera.home)
                assert len(read_scene(path).gaussians) == 50
        tab._format.value = "something a client made up"
        assert tab._suffix() == ".compressed.ply"
    assert unused(tmp_path / "step-1.compressed.ply") == tmp_path / "step-1-2.compressed.ply"
    assert unused(tmp_path / "new.ply") == tmp_path / "new.ply"
