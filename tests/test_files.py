"""Files of Gaussians: exact round trips, other tools' files, one line for every fault, and writes that are atomic."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from plyfile import PlyData, PlyElement
from scenes import random_scene

from gs_stein import files
from gs_stein.cameras.options import OrbitCameras
from gs_stein.files import write_atomically
from gs_stein.gaussians.files import read_gaussians, read_scene
from gs_stein.gaussians.formats.compressed_ply import write_compressed_ply
from gs_stein.gaussians.formats.ply import write_ply
from gs_stein.gaussians.formats.points import read_point_cloud
from gs_stein.gaussians.formats.splat import write_splat
from gs_stein.gaussians.model import Gaussians
from gs_stein.images import depth_colours, depth_range, write_png
from gs_stein.live.files import save_page
from gs_stein.live.poses import home
from gs_stein.run.report import write_json
from gs_stein.run.video import write_video

STANDARD = (
    ["x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2"]
    + [f"f_rest_{i}" for i in range(45)]
    + ["opacity", "scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"]
)


def scene(count: int = 20, degree: int = 3, seed: int = 0) -> Gaussians:
    return random_scene(count, degree, seed).to(torch.float32)


def same(a: Gaussians, b: Gaussians) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.tensors(), b.tensors(), strict=True))


def near(a: Gaussians, b: Gaussians, sh: float) -> bool:
    """The same but for so much in the harmonics."""
    return same(a.with_sh_degree(0), b.with_sh_degree(0)) and float((a.sh - b.sh).abs().max()) <= sh


def nearest(a: Gaussians, b: Gaussians) -> Gaussians:
    """The Gaussians of a in the order of b (lossy formats sort)."""
    return a[torch.cdist(b.means.double(), a.means.double()).argmin(dim=1)]


@given(st.integers(1, 40), st.integers(0, 3), st.integers(0, 1000))
def test_ply_keeps_every_bit(tmp_path_factory: pytest.TempPathFactory, count: int, degree: int, seed: int) -> None:
    path = tmp_path_factory.mktemp("ply") / "scene.ply"
    original = scene(count, degree, seed)
    for axes in ("y-down", "z-up"):
        write_ply(path, original, axes)
        # Turning rounds harmonics of degree 2 and 3, and nothing else.
        assert near(read_gaussians(path), original, 0 if axes == "z-up" or degree < 2 else 1e-6)
        write_ply(path, original, axes, pad_sh=True)
        padded = original.with_sh_degree(3)
        assert near(read_gaussians(path), padded, 0 if axes == "z-up" or degree < 2 else 1e-6)


def test_ply_is_the_standard_layout(tmp_path: Path) -> None:
    path = tmp_path / "scene.ply"
    original = scene(7, 3)
    write_ply(path, original, axes="z-up")
    header, _, body = path.read_bytes().partition(b"end_header\n")
    lines = header.decode("ascii").splitlines()
    assert lines[:2] == ["ply", "format binary_little_endian 1.0"]
    assert lines[2:4] == ["comment Vertical axis: z", "comment SplatRenderMode: default"]
    assert lines[4] == "element vertex 7"
    assert lines[5:] == [f"property float {name}" for name in STANDARD]
    table = np.frombuffer(body, "<f4").reshape(7, 62)
    assert np.array_equal(table[:, :3], original.means.numpy())
    # f_rest runs through the coefficients of red, then of green, then of blue.
    assert np.array_equal(table[:, 9:24], original.sh[:, 1:, 0].numpy())
    assert np.array_equal(table[:, 39:54], original.sh[:, 1:, 2].numpy())
    assert np.array_equal(table[:, 54], original.opacity_logits.numpy())
    assert np.array_equal(table[:, 58:], original.quats.numpy())
    write_ply(path, scene(7, 0), pad_sh=True)
    assert len(PlyData.read(path)["vertex"].properties) == 62
    write_ply(path, scene(7, 0))
    assert len(PlyData.read(path)["vertex"].properties) == 17


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
@pytest.mark.parametrize("style", ["doubles", "ascii", "big endian", "extra properties", "no normals"])
def test_other_tools_files(tmp_path: Path, degree: int, style: str) -> None:
    original = scene(9, degree)
    rest = original.sh[:, 1:].permute(0, 2, 1).reshape(9, -1)
    columns = {f"f_dc_{i}": original.sh[:, 0, i] for i in range(3)}
    columns |= {f"rot_{i}": original.quats[:, i] for i in range(4)} | {"opacity": original.opacity_logits}
    columns |= {f"f_rest_{i}": rest[:, i] for i in reversed(range(rest.shape[1]))}
    columns |= {f"scale_{i}": original.log_scales[:, i] for i in range(3)}
    columns |= dict(zip("xyz", original.means.T, strict=True))
    if style == "extra properties":
        columns |= {"confidence": torch.ones(9), "nx": torch.full((9,), torch.nan)}
    table = np.empty(9, [(name, "f8" if style == "doubles" else "f4") for name in columns])
    for name, column in columns.items():
        table[name] = column.numpy()
    extra = [PlyElement.describe(np.zeros(2, [("k", "i4")]), "camera")] if style == "extra properties" else []
    ply = PlyData([PlyElement.describe(table, "vertex"), *extra], text=style == "ascii")
    ply.byte_order = ">" if style == "big endian" else "="
    ply.write(tmp_path / "other.ply")
    found = read_scene(tmp_path / "other.ply", axes="z-up").gaussians
    for a, b in zip(found.tensors(), original.tensors(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-6 if style == "ascii" else 0, atol=0)


def test_splat(tmp_path: Path) -> None:
    original = scene(300, 2)
    write_splat(tmp_path / "a.splat", original)
    assert (tmp_path / "a.splat").stat().st_size == 32 * 300
    found = read_gaussians(tmp_path / "a.splat")
    expected = nearest(original, found)
    assert torch.equal(found.means, expected.means)
    torch.testing.assert_close(found.log_scales, expected.log_scales, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(found.opacities, expected.opacities, atol=1 / 255, rtol=0)
    shown, wanted = (0.5 + 0.28209479177387814 * s.sh[:, 0] for s in (found, expected))
    torch.testing.assert_close(shown, wanted.clamp(0, 1), atol=1.01 / 255, rtol=0)
    turned = torch.nn.functional.cosine_similarity(found.quats, expected.quats).abs()
    assert turned.min() > 0.999


@pytest.mark.parametrize("degree", [0, 1, 3])
@pytest.mark.parametrize("count", [1, 257, 700])
def test_compressed_ply(tmp_path: Path, degree: int, count: int) -> None:
    original = scene(count, degree)
    original.opacity_logits[0] = -20.0 if count > 1 else 1.0  # too faint to be worth a place
    write_compressed_ply(tmp_path / "a.ply", original)
    found = read_gaussians(tmp_path / "a.ply")
    visible = original.opacities > 1 / 255
    assert len(found) == int(visible.sum())
    assert found.sh_degree == degree
    expected = nearest(original[visible], found)
    torch.testing.assert_close(found.means, expected.means, atol=0.01, rtol=0)
    torch.testing.assert_close(found.log_scales, expected.log_scales, atol=0.01, rtol=0)
    torch.testing.assert_close(found.opacities, expected.opacities, atol=1 / 255, rtol=0)
    torch.testing.assert_close(found.sh, expected.sh, atol=0.05, rtol=0)
    assert torch.nn.functional.cosine_similarity(found.quats, expected.quats).abs().min() > 0.999


def damaged(tmp_path: Path, **changes: object) -> Path:
    """A good file with one column replaced, dropped (None) or added."""
    path = tmp_path / "bad.ply"
    write_ply(path, scene(5, 1))
    table = PlyData.read(path, mmap=False)["vertex"].data
    columns = {name: table[name].copy() for name in table.dtype.names}
    for name, change in changes.items():
        if change is None:
            del columns[name]
        elif name in columns:
            columns[name][3] = change
        else:
            columns[name] = np.zeros(5, np.float32)
    new = np.empty(5, [(name, "f4") for name in columns])
    for name, column in columns.items():
        new[name] = column
    PlyData([PlyElement.describe(new, "vertex")]).write(path)
    return path


def bytes_of(tmp_path: Path, edit: object = None, name: str = "bad.ply") -> Path:
    path = tmp_path / name
    write_ply(path, scene(5, 1))
    path.write_bytes(edit(path.read_bytes()))  # pyright: ignore
    return path


def as_text(tmp_path: Path, old: bytes, new: bytes) -> Path:
    """A good ascii file with one edit."""
    path = tmp_path / "bad.ply"
    write_ply(path, scene(5, 1))
    ply = PlyData.read(path, mmap=False)
    ply.text = True
    ply.write(path)
    path.write_bytes(path.read_bytes().replace(old, new))
    return path


def listed(tmp_path: Path) -> Path:
    """A good file, but that every x is a list of two."""
    path = tmp_path / "bad.ply"
    write_ply(path, scene(5, 1))
    table = PlyData.read(path, mmap=False)["vertex"].data
    new = np.empty(5, [(name, "O" if name == "x" else "f4") for name in table.dtype.names])
    for name in table.dtype.names:
        for i, value in enumerate(table[name]):
            new[name][i] = np.array([value, value]) if name == "x" else value
    PlyData([PlyElement.describe(new, "vertex", len_types={"x": "u1"}, val_types={"x": "f4"})]).write(path)
    return path


BAD = {
    "missing": (lambda t: t / "nowhere.ply", "no such file"),
    "folder": (lambda t: t, "is a folder"),
    "text": (lambda t: bytes_of(t, lambda b: b"once upon a time\nthere was"), "is no PLY file"),
    "empty": (lambda t: bytes_of(t, lambda b: b""), "is no PLY file"),
    "header only in part": (lambda t: bytes_of(t, lambda b: b[:80]), "header"),
    "nonsense header": (lambda t: bytes_of(t, lambda b: b"ply\nformat of my own\nend_header\n"), "header"),
    "truncated": (lambda t: bytes_of(t, lambda b: b[:-3]), "truncated"),
    "huge count": (
        lambda t: bytes_of(t, lambda b: b.replace(b"vertex 5", b"vertex 99999999999")),
        "promises 99999999999",
    ),
    "too small a count": (lambda t: bytes_of(t, lambda b: b.replace(b"vertex 5", b"vertex 4")), "counts do not fit"),
    "too small a count in text": (
        lambda t: as_text(t, b"vertex 5", b"vertex 4"),
        "counts do not fit: 1 line is left over",
    ),
    "truncated text": (lambda t: as_text(t, b"vertex 5", b"vertex 6"), "truncated"),
    "no vertices": (
        lambda t: bytes_of(t, lambda b: b.replace(b"element vertex", b"element corner")),
        "element 'vertex'",
    ),
    "no opacity": (lambda t: damaged(t, opacity=None), "lacks the property 'opacity'"),
    "no rotation": (lambda t: damaged(t, rot_2=None, rot_3=None), "lacks the properties 'rot_2', 'rot_3'"),
    "a list": (lambda t: listed(t), "its property 'x' is a list"),
    "odd harmonics": (lambda t: damaged(t, f_rest_9=1), "has 10 properties f_rest_"),
    "points only": (
        lambda t: damaged(t, **{n: None for n in STANDARD[6:] if not n.startswith("f_rest") or int(n[7:]) < 9}),
        "lacks the properties 'scale_0', 'scale_1'",
    ),
    "half a splat": (lambda t: bytes_of(t, lambda b: b[-33:], "bad.splat"), "no multiple of 32"),
    "no splats": (lambda t: bytes_of(t, lambda b: b"", "bad.splat"), "holds no Gaussians"),
}


@pytest.mark.parametrize("case", BAD)
def test_every_fault_is_one_line_with_the_file(tmp_path: Path, case: str) -> None:
    make, message = BAD[case]
    path = make(tmp_path)
    with pytest.raises(ValueError, match=message) as caught:
        read_gaussians(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert "\n" not in text


@pytest.mark.parametrize("change", [{"scale_1": np.nan}, {"f_rest_4": np.inf}, {"x": -np.inf}, {"scale_0": np.inf}])
def test_a_gaussian_that_is_not_finite_is_left_out_with_a_note(tmp_path: Path, change: dict[str, float]) -> None:
    path = damaged(tmp_path, **change)
    found = read_scene(path)
    assert near(found.gaussians, scene(5, 1)[[0, 1, 2, 4]], 0)
    assert found.notes == ("1 of 5 Gaussians have a NaN or infinite number and are left out",)


def test_nothing_finite_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bad.ply"
    table = np.full(4, np.nan, [(name, "f4") for name in STANDARD])
    PlyData([PlyElement.describe(table, "vertex")]).write(path)
    with pytest.raises(ValueError, match="every one of 4 Gaussians has a value that is not finite"):
        read_gaussians(path)


def test_no_gaussians_in_a_ply(tmp_path: Path) -> None:
    path = tmp_path / "none.ply"
    table = np.empty(0, [(name, "f4") for name in STANDARD])
    PlyData([PlyElement.describe(table, "vertex")]).write(path)
    with pytest.raises(ValueError, match="holds no Gaussians"):
        read_gaussians(path)


def test_compressed_counts_that_do_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "c.ply"
    write_compressed_ply(path, scene(300, 1))
    ply = PlyData.read(path, mmap=False)
    ply["chunk"].data = ply["chunk"].data[:1]
    ply.write(path)
    with pytest.raises(ValueError, match="1 chunks for 300 Gaussians"):
        read_gaussians(path)


@given(st.binary(max_size=200), st.integers(0, 400), st.booleans())
def test_damage_never_raises_anything_else(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes, where: int, splat: bool
) -> None:
    """Bytes overwritten anywhere: read, or refused in one line."""
    path = tmp_path_factory.mktemp("noise") / ("n.splat" if splat else "n.ply")
    write_ply(path, scene(3, 0))
    data = path.read_bytes()
    path.write_bytes(data[:where] + noise + data[where + len(noise) :])
    try:
        assert read_gaussians(path).finite().all()
    except ValueError as error:
        assert str(error).startswith(f"{path}: ")  # noqa: PT017
        assert "\n" not in str(error)  # noqa: PT017


@pytest.mark.parametrize("write", [write_ply, write_splat, write_compressed_ply])
def test_what_is_not_worth_a_file_is_not_written(tmp_path: Path, write: object) -> None:
    path = tmp_path / "old"
    path.write_bytes(b"old")
    bad = scene(4)
    bad.means[2, 0] = torch.nan
    with pytest.raises(ValueError, match="not written: Gaussian 2"):
        write(path, bad)  # pyright: ignore
    with pytest.raises(ValueError, match="no Gaussians to write"):
        write(path, scene(0))  # pyright: ignore
    with pytest.raises(ValueError, match="cannot be written"):
        write(tmp_path / "nowhere" / "x", scene(4))  # pyright: ignore
    assert path.read_bytes() == b"old"


def test_nothing_visible_makes_no_compressed_file(tmp_path: Path) -> None:
    faint = scene(4)
    faint.opacity_logits[:] = -30.0
    with pytest.raises(ValueError, match="too faint"):
        write_compressed_ply(tmp_path / "f.ply", faint)


def frames(count: int) -> Iterator[np.ndarray]:
    return (np.full((32, 32, 3), 10 * i, np.uint8) for i in range(count))


def test_without_ffmpeg_one_line_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> str:
        raise RuntimeError("No ffmpeg exe could be found.")

    monkeypatch.setattr("imageio_ffmpeg.get_ffmpeg_exe", missing)
    with pytest.raises(ValueError, match=r"video\.mp4: no ffmpeg to write it with; install one"):
        write_video(tmp_path / "video.mp4", frames(3))
    assert not list(tmp_path.iterdir())


WRITERS: dict[str, Callable[[Path, int], object]] = {
    "scene.ply": lambda path, count: write_ply(path, scene(count)),
    "scene.splat": lambda path, count: write_splat(path, scene(count)),
    "small.ply": lambda path, count: write_compressed_ply(path, scene(count)),
    "preview.png": lambda path, count: write_png(path, np.zeros((count, 8, 3), np.uint8)),
    "video.mp4": lambda path, count: write_video(path, frames(count)),
    "page.html": lambda path, count: save_page(scene(count), path, home(OrbitCameras())),
    "report.json": lambda path, count: write_json(path, {"count": count}),
}
"""Everything that writes a file of a run: makes one of a size."""


@pytest.mark.parametrize("moment", ["fsync", "replace"])
@pytest.mark.parametrize("name", WRITERS)
def test_an_interrupted_write_leaves_the_old_file(
    tmp_path: Path, name: str, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, write = tmp_path / name, WRITERS[name]
    write(path, 5)
    before = path.read_bytes()

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    # ffmpeg syncs its own file, if at all.
    monkeypatch.setattr(os, "replace" if name == "video.mp4" else moment, stop)
    with pytest.raises(KeyboardInterrupt):
        write(path, 9)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [name], "no litter"
    monkeypatch.undo()
    write(path, 9)
    assert path.read_bytes() != before


def test_two_threads_may_write_the_same_file(tmp_path: Path) -> None:
    """As a training and its viewer may: the file is one of theirs, never a mixture."""
    contents = [bytes([i]) * 3_000_000 for i in range(4)]

    def write(content: bytes) -> None:
        for _ in range(5):
            write_atomically(tmp_path / "a", content)
            assert (tmp_path / "a").read_bytes() in contents

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, contents))
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_gradients_and_double_precision_do_not_matter(tmp_path: Path) -> None:
    leaf = random_scene(5, 1).requires_grad_()
    write_ply(tmp_path / "a.ply", leaf)
    assert same(read_gaussians(tmp_path / "a.ply"), leaf.detach().to(torch.float32))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.npy", b"no array", "not an array that numpy can read"),
        ("b.npy", np.zeros((4, 5)), "give N×3 or N×6 numbers"),
        ("c.npy", np.zeros((0, 3)), "holds no points"),
        ("d.npy", np.array([[0.0, np.inf, 2], [0, np.nan, 0]]), "every one of 2 points has a value that is not finite"),
        ("e.npy", np.array([["a", "b", "c"]]), "give N×3 or N×6 numbers"),
    ],
)
def test_bad_points(tmp_path: Path, name: str, content: bytes | np.ndarray, message: str) -> None:
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        np.save(path, content)
    with pytest.raises(ValueError, match=message) as caught:
        read_point_cloud(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_points_without_open3d_say_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "open3d", None)
    kinds = "FIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nCOUNT 1 1 1"
    head = f"VERSION 0.7\n{kinds}\nWIDTH 1\nHEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS 1\nDATA ascii\n"
    (tmp_path / "cloud.pcd").write_text(f"{head}1 2 3\n")
    with pytest.raises(ValueError, match=r"cloud.pcd: needs open3d.*libusb.*give the points as .npy"):
        read_point_cloud(tmp_path / "cloud.pcd")


def test_writes_are_complete(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a", b"x" * 100)
    write_atomically(tmp_path / "a", b"y")
    assert (tmp_path / "a").read_bytes() == b"y"
    assert files.write_atomically is files.write_atomically


def test_depth_is_coloured_by_its_logarithm() -> None:
    depth, alpha = torch.tensor([[[1.0, 10.0, 100.0, 5.0]]]), torch.tensor([[[1.0, 1.0, 1.0, 0.0]]])
    near, middle, far, empty = depth_colours(depth, alpha, 1.0, 100.0)[0, 0].tolist()
    assert near[0] > near[2], "warm is near"
    assert middle[1] > max(middle[0], middle[2]), "ten is half way, which turbo shows green"
    assert far[2] > far[0]
    assert empty == [0, 0, 0]
    low, high = depth_range(depth, alpha)
    assert 1.0 <= low < high <= 100.0
    nothing = torch.zeros(1, 2, 2)
    assert (depth_colours(nothing, nothing, *depth_range(nothing, nothing)) == 0).all()
