"""Every format: what comes back is what went in, within its steps; what a file is, and which way is up."""

from __future__ import annotations

import gzip
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from formats_support import check_close, in_order_of, scene, shape_error
from hypothesis import given
from hypothesis import strategies as st
from plyfile import PlyData, PlyElement

from gs_stein.config.schema import Config
from gs_stein.gaussians.files import FORMATS, format_of, read_gaussians, read_scene, write_gaussians
from gs_stein.gaussians.formats.common import importance, largest_filled_in, smallest_three
from gs_stein.gaussians.formats.compressed_ply import write_compressed_ply
from gs_stein.gaussians.formats.ply import write_ply
from gs_stein.gaussians.formats.sog import write_sog
from gs_stein.gaussians.formats.splat import write_splat
from gs_stein.gaussians.formats.spz import write_spz
from gs_stein.gaussians.formats.table import AXES
from gs_stein.gaussians.initialise import read_start
from gs_stein.gaussians.model import Gaussians
from gs_stein.gaussians.options import FileStart, PointsStart
from gs_stein.gaussians.orientation import turned_to
from gs_stein.run.folder import write_start

OURS = (".ply", ".compressed.ply", ".splat", ".spz", ".sog")
"""The formats that these tests know."""


def _floats(low: float, high: float) -> st.SearchStrategy[float]:
    # The rasterizer's process flushes denormal numbers to zero.
    return st.floats(low, high, allow_subnormal=False)


@pytest.mark.parametrize("axes", [None, *AXES])
@pytest.mark.parametrize("suffix", OURS)
def test_what_comes_back_is_what_went_in(tmp_path: Path, suffix: str, axes: str | None) -> None:
    original, path = scene(), tmp_path / f"a{suffix}"
    write_gaussians(path, original, axes)
    found = read_scene(path, axes)
    assert found.axes == (axes or format_of(path).axes)
    assert found.notes == ()
    check_close(found.gaussians, original, suffix)


@pytest.mark.parametrize("suffix", OURS)
@pytest.mark.parametrize("count", [1, 2, 257])
@pytest.mark.parametrize("degree", [0, 1, 2])
def test_small_scenes_of_every_degree(tmp_path: Path, suffix: str, count: int, degree: int) -> None:
    original, path = scene(count, degree), tmp_path / f"a{suffix}"
    write_gaussians(path, original)
    found = read_gaussians(path)
    assert len(found) == count
    assert found.sh_degree == (0 if suffix == ".splat" else degree)
    torch.testing.assert_close(in_order_of(found, original).means, original.means, atol=0.01, rtol=0)


@given(st.integers(0, 100), st.sampled_from(OURS), _floats(-2, 5.5), _floats(-60, 30), _floats(0, 12))
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, seed: int, suffix: str, place: float, log_size: float, logit: float
) -> None:
    """However far, small, large or opaque: the same number of Gaussians comes back, all finite."""
    like = scene(20, 1, seed)
    wild = Gaussians(
        like.means * 10**place, like.log_scales + log_size, like.quats * 0, like.opacity_logits + logit, like.sh
    )
    path = tmp_path_factory.mktemp("wild") / f"a{suffix}"
    write_gaussians(path, wild)
    found = read_gaussians(path)
    # A compressed .ply leaves out what cannot be seen.
    assert len(found) == (int((wild.opacities > 1 / 255).sum()) if suffix == ".compressed.ply" else len(wild))
    assert found.finite().all()


@pytest.mark.parametrize(
    ("suffix", "change", "message"),
    [
        (".splat", {"log_scales": 200.0}, "a scale of e\\^200 m is too large for a .splat"),
        (".spz", {"means": 1e9}, "a position of 1e\\+09 m is beyond the ±8388607 m of SPZ"),
    ],
)
def test_what_the_reader_would_refuse_is_not_written(
    tmp_path: Path, suffix: str, change: dict[str, float], message: str
) -> None:
    like = scene(4)
    fields = dict(zip(("means", "log_scales", "quats", "opacity_logits", "sh"), like.tensors(), strict=True))
    for name, value in change.items():
        fields[name] = torch.full_like(fields[name], value)
    with pytest.raises(ValueError, match=message):
        write_gaussians(tmp_path / f"a{suffix}", Gaussians(**fields))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("write", [write_ply, write_compressed_ply, write_splat, write_spz, write_sog])
def test_faults_leave_the_old_file(tmp_path: Path, write: Callable[..., None]) -> None:
    path = tmp_path / "old"
    path.write_bytes(b"old")
    bad = scene(4)
    bad.means[2, 0] = torch.inf
    with pytest.raises(ValueError, match="not written: Gaussian 2"):
        write(path, bad)
    with pytest.raises(ValueError, match="no Gaussians to write"):
        write(path, scene(4)[:0])
    with pytest.raises(ValueError, match="'up' is no convention"):
        write(path, scene(4), axes="up")
    with pytest.raises(ValueError, match="cannot be written"):
        write(tmp_path / "nowhere" / "a", scene(4))
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["old"]


def test_a_splat_file_starts_with_what_matters_and_is_rounded(tmp_path: Path) -> None:
    original = scene(200, 0)
    write_splat(tmp_path / "a.splat", original)
    found = read_gaussians(tmp_path / "a.splat")
    order = torch.argsort(importance(original), descending=True)
    assert torch.equal(found.means, original.means[order])
    shown = 255 * (0.5 + 0.28209479177387814 * (found.sh[:, 0] - original.sh[order, 0])) - 127.5
    inside = (original.sh[order, 0].abs() * 0.28209479177387814 < 0.5).all(dim=1)
    assert float(shown[inside].abs().max()) <= 0.501
    assert abs(float(shown[inside].mean())) < 0.1, "truncation would make it half a level darker"


def test_a_scale_of_zero_in_a_splat_becomes_flat(tmp_path: Path) -> None:
    path = tmp_path / "a.splat"
    write_splat(path, scene(3, 0))
    data = bytearray(path.read_bytes())
    data[12:16] = bytes(4)
    path.write_bytes(data)
    found = read_scene(path)
    assert found.notes == ("1 of 9 scales of 0 become a millionth: flat",)
    assert float(found.gaussians.scales.min()) == pytest.approx(1e-6)


def test_the_three_smallest_components_bring_back_the_fourth() -> None:
    quats = torch.nn.functional.normalize(torch.randn(100, 4), dim=1).numpy()
    back = largest_filled_in(*smallest_three(quats))
    assert np.abs(np.abs((back * quats).sum(axis=1)) - 1).max() < 1e-6


# Which way is up.


def test_headers_say_the_axes_and_readers_believe_them(tmp_path: Path) -> None:
    original = scene(20, 1)
    for suffix in (".ply", ".compressed.ply"):
        path = tmp_path / f"a{suffix}"
        for axes, word in (("y-down", b"comment Vertical axis: y\n"), ("z-up", b"comment Vertical axis: z\n")):
            write_gaussians(path, original, axes, render_mode="mip")
            assert word in path.read_bytes()
            found = read_scene(path)
            assert (found.axes, found.axes_from, found.render_mode) == (axes, "comment", "mip")
            torch.testing.assert_close(found.gaussians.means.sum(), original.means.sum(), atol=0.05, rtol=0)


def test_a_render_mode_that_is_not_understood_is_said(tmp_path: Path) -> None:
    scene = read_scene(without_comments(tmp_path, comment="SplatRenderMode: wavelet"))
    assert scene.render_mode == "default"
    assert "the header's render mode 'wavelet' is not understood; the default one is taken" in scene.notes


@pytest.mark.parametrize("comment", ["Vertical Axis: z", "vertical axis : Z", "VERTICAL AXIS:z "])
def test_other_spellings(tmp_path: Path, comment: str) -> None:
    path = without_comments(tmp_path, comment=comment)
    assert read_scene(path).axes == "z-up"


def without_comments(folder: Path, name: str = "point_cloud.ply", comment: str = "") -> Path:
    """A file as this program wrote before headers said the axes."""
    path = folder / name
    write_ply(path, scene(5, 0), axes="z-up")
    lines = path.read_bytes().replace(b"comment Vertical axis: z\ncomment SplatRenderMode: default\n", b"")
    path.write_bytes(lines.replace(b"1.0\n", f"1.0\ncomment {comment}\n".encode(), 1) if comment else lines)
    return path


def test_old_runs_stay_what_they_were_and_other_files_are_the_formats(tmp_path: Path) -> None:
    path = without_comments(tmp_path)
    found = read_scene(path)
    assert (found.axes, found.axes_from) == ("y-down", "format")
    (tmp_path / "config.yaml").write_text("model: something else\n")
    assert read_scene(path).axes_from == "format"
    write_start(tmp_path, Config())
    found = read_scene(path)
    assert (found.axes, found.axes_from) == ("z-up", "run")
    assert torch.equal(found.gaussians.means, scene(5, 0).means)
    given_axes = read_scene(path, axes="y-up")
    assert (given_axes.axes, given_axes.axes_from) == ("y-up", "given")
    assert torch.equal(turned_to(given_axes.gaussians, "y-up").means, scene(5, 0).means)


def test_model_folders_of_3dgs_open_with_their_newest_iteration(tmp_path: Path) -> None:
    for iteration, count in (("7000", 4), ("30000", 6), ("900", 5)):
        folder = tmp_path / "model" / "point_cloud" / f"iteration_{iteration}"
        folder.mkdir(parents=True)
        write_ply(folder / "point_cloud.ply", scene(count, 0))
    assert len(read_gaussians(tmp_path / "model")) == 6
    assert len(read_gaussians(tmp_path / "model" / "point_cloud")) == 6
    assert read_scene(tmp_path / "model").path.parent.name == "iteration_30000"
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="is a folder, not a file, and holds no point_cloud"):
        read_gaussians(tmp_path / "empty")


# What a file really is.


def zipped(name: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(name, b"something")

    return make


DISGUISES: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "lfs": (
        "a.ply",
        lambda p: p.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"),
        "git lfs pull",
    ),
    "zip": ("a.ply", zipped("room.ply"), "a zip archive; unpack it first"),
    "gzip": ("a.ply", lambda p: p.write_bytes(gzip.compress(b"ply\nformat")), "compressed by gzip; unpack it"),
    "gzip of spz 4": (
        "a.spz",
        lambda p: (write_spz(p, scene(3)), p.write_bytes(gzip.compress(p.read_bytes()))),
        "by gzip",
    ),
    "spz 4": ("a.ply", lambda p: write_spz(p, scene(3)), "an .spz; rename it so"),
    "spz 3": ("a.splat", lambda p: write_spz(p, scene(3), version=3), "an .spz; rename it so"),
    "sog": ("a.spz", lambda p: write_sog(p, scene(3)), "a .sog; rename it so"),
    "ply": ("a.sog", lambda p: write_ply(p, scene(3)), "a .ply; rename it so"),
    "page": ("a.ply", lambda p: p.write_text("\n<!DOCTYPE html><html>404"), "a web page"),
    "glb": ("a.ply", lambda p: p.write_bytes(b"glTF" + bytes(20)), "a .glb; rename it so"),
    "usdz": ("a.ply", zipped("scene.usdc"), "a .usdz; rename it so"),
    "usda": ("a.usdc", lambda p: p.write_text("#usda 1.0"), "a .usda, OpenUSD as text; rename it so"),
    "cut zip": ("a.ply", lambda p: p.write_bytes(b"PK\x03\x04" + bytes(99)), "truncated or damaged; fetch it again"),
    "array": ("a.ply", lambda p: np.save(p.open("wb"), np.zeros((3, 3))), "a NumPy array"),
}


@pytest.mark.parametrize("case", DISGUISES)
def test_what_only_looks_like_it_is_named_for_what_it_is(tmp_path: Path, case: str) -> None:
    name, make, message = DISGUISES[case]
    make(tmp_path / name)
    with pytest.raises(ValueError, match=message) as caught:
        read_gaussians(tmp_path / name)
    assert str(caught.value).startswith(f"{tmp_path / name}: is really ")


@pytest.mark.parametrize("case", DISGUISES)
@pytest.mark.parametrize("suffix", [".ply", ".npy", ".npz", ".xyz", ".csv", ".pcd", ".las"])
def test_points_to_start_from_are_looked_at_just_so(tmp_path: Path, case: str, suffix: str) -> None:
    _, make, message = DISGUISES[case]
    path = tmp_path / f"a{suffix}"
    make(path)
    if suffix in {"ply": ".ply", "array": ".npy .npz"}.get(case, ""):
        return
    if suffix in (".npy", ".npz") and case in ("zip", "cut zip"):
        message = (
            "no .npz, which has only .npy files in it: it has room.ply" if case == "zip" else "truncated or damaged"
        )
    with pytest.raises(ValueError, match=message) as caught:
        read_start(FileStart(path) if suffix == ".ply" else PointsStart(path))
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize("suffix", [".sog", ".usdz"])
@pytest.mark.parametrize("missing", [1, 200])
def test_a_package_that_lacks_its_end_is_truncated(tmp_path: Path, suffix: str, missing: int) -> None:
    path = tmp_path / f"a{suffix}"
    write_gaussians(path, scene(50))
    path.write_bytes(path.read_bytes()[:-missing])
    with pytest.raises(ValueError, match=rf"a\{suffix}: truncated or damaged \(the list of contents"):
        read_gaussians(path)


@pytest.mark.parametrize(("suffix", "needed"), [(".sog", "a meta.json"), (".usdz", "a .usdc or .usda as the first")])
def test_a_package_without_what_it_needs(tmp_path: Path, suffix: str, needed: str) -> None:
    zipped("room.ply")(tmp_path / f"a{suffix}")
    with pytest.raises(ValueError, match=f"no {suffix}, which has {needed}.*it has room.ply"):
        read_gaussians(tmp_path / f"a{suffix}")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a.ply.gz", r"is packed \(\.gz\); unpack it first"),
        ("a.ZIP", r"is packed \(\.zip\); unpack it first"),
        ("sog/meta.json", "is part of an unpacked SOG; zip the files of its folder"),
        ("sog", "is the folder of an unpacked SOG; zip its files"),
        ("a.html", "which is only written"),
        ("a.xyz", r"give one of \.ply.*\.usda; a point cloud can be a start \(--init\)$"),
    ],
)
def test_what_is_to_be_read_has_other_advice_than_what_is_written(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "sog").mkdir()
    for file in ("sog/meta.json", "a.ply.gz", "a.ZIP", "a.html", "a.xyz"):
        (tmp_path / file).write_text("{}")
    with pytest.raises(ValueError, match=message):
        read_gaussians(tmp_path / name)


def test_where_there_is_no_folder_one_has_to_be_made(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"a\.ply: cannot be written: there is no folder .*nowhere; make it first"):
        write_gaussians(tmp_path / "nowhere" / "a.ply", scene(3))
    with pytest.raises(ValueError, match=r"give one of .*\.html$"):
        write_gaussians(tmp_path / "a.xyz", scene(3))


def test_unknown_suffixes_are_refused_with_the_known_ones(tmp_path: Path) -> None:
    (tmp_path / "a.ksplat").touch()
    with pytest.raises(ValueError, match=r"a\.ksplat: no format of splats has this suffix; give one of \.ply, "):
        read_gaussians(tmp_path / "a.ksplat")
    with pytest.raises(ValueError, match=r"b\.ksplat: there is no such file or folder; check the path"):
        read_gaussians(tmp_path / "b.ksplat")
    with pytest.raises(ValueError, match="no format of splats"):
        write_gaussians(tmp_path / "a", scene(3))
    assert format_of(Path("ROOM.Compressed.PLY")).name == "compressed_ply"
    assert len({suffix for row in FORMATS for suffix in row.suffixes}) == sum(len(row.suffixes) for row in FORMATS)
    assert {row.axes for row in FORMATS} <= set(AXES)


# SPZ.


@pytest.mark.parametrize("version", [3, 4])
def test_spz_says_antialiasing_and_other_axes(tmp_path: Path, version: int) -> None:
    path = tmp_path / "a.spz"
    write_gaussians(path, scene(50), axes="z-up", version=version, render_mode="mip")
    found = read_scene(path)
    assert found.render_mode == "mip"
    # Only version 4 has a place for it.
    assert (found.axes, found.axes_from) == (("z-up", "comment") if version == 4 else ("y-up", "format"))


@pytest.mark.parametrize("version", [1, 2])
def test_older_spz(tmp_path: Path, version: int) -> None:
    """Written here by hand: positions as half floats (1) or fixed point (2), rotations as three bytes."""
    n, path = 40, tmp_path / "a.spz"
    original = scene(n, 1)
    quats = torch.nn.functional.normalize(original.quats, dim=1)
    quats = quats * quats[:, :1].sign()
    if version == 1:
        positions = original.means.numpy().astype("<f2").tobytes()
    else:
        fixed = [round(float(x) * 4096) for x in original.means.flatten()]
        positions = b"".join(struct.pack("<i", x)[:3] for x in fixed)

    def code(values: torch.Tensor) -> bytes:
        return values.round().clamp(0, 255).to(torch.uint8).numpy().tobytes()

    body = struct.pack("<4sIIBBBB", b"NGSP", version, n, 1, 12, 0, 0) + positions + code(original.opacities * 255)
    body += code(original.sh[:, 0] * 0.15 * 255 + 127.5) + code((original.log_scales + 10) * 16)
    body += code(quats[:, 1:] * 127.5 + 127.5) + code(original.sh[:, 1:] * 128 + 128)
    path.write_bytes(gzip.compress(body))
    found = turned_to(read_gaussians(path), "y-up")
    torch.testing.assert_close(found.means, original.means, atol=2e-3, rtol=1e-3)
    torch.testing.assert_close(found.sh[:, 1:], original.sh[:, 1:], atol=0.5 / 128 + 1e-5, rtol=0)
    # Three bytes leave the fourth component to what is missing to one: up to ten degrees.
    assert shape_error(found, Gaussians(*original.tensors()[:2], quats, *original.tensors()[3:])) < 0.5


def test_spz_of_degree_4_is_read_as_3(tmp_path: Path) -> None:
    path = tmp_path / "a.spz"
    write_spz(path, scene(7, 3), version=3)
    data = bytearray(zlib.decompress(path.read_bytes(), 31))
    data[12] = 4
    start = 16 + 7 * (9 + 1 + 3 + 3 + 4)
    rest = np.frombuffer(bytes(data[start:]), np.uint8).reshape(7, 15, 3)
    wide = np.concatenate([rest, np.full((7, 9, 3), 200, np.uint8)], axis=1)
    path.write_bytes(gzip.compress(bytes(data[:start]) + wide.tobytes()))
    found = read_scene(path)
    assert found.notes == ("spherical harmonics above degree 3 are left out",)
    write_spz(tmp_path / "b.spz", scene(7, 3), version=3)
    assert torch.equal(found.gaussians.sh, read_gaussians(tmp_path / "b.spz").sh)


@pytest.mark.parametrize("suffix", [".spz", ".sog"])
@given(noise=st.binary(max_size=60), where=_floats(0, 1))
def test_damage_is_read_or_refused_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, noise: bytes, where: float
) -> None:
    path = tmp_path_factory.mktemp("noise") / f"a{suffix}"
    write_gaussians(path, scene(30, 1))
    data = path.read_bytes()
    start = int(where * len(data))
    path.write_bytes((data[:start] + noise + data[start + len(noise) :])[: len(data) - len(noise) // 7])
    try:
        assert read_gaussians(path).finite().all()
    except ValueError as error:
        assert str(error).startswith(f"{path}: ")  # noqa: PT017
        assert "\n" not in str(error)  # noqa: PT017


def test_sog_keeps_a_palette_for_many_gaussians(tmp_path: Path) -> None:
    """More than the palette has rows: those that are alike share one."""
    n, path = 70_000, tmp_path / "a.sog"
    kinds = torch.randn(50, 4, 3) * 0.3
    which = torch.arange(n) % 50
    like = scene(n, 1)
    original = Gaussians(like.means, like.log_scales, like.quats, like.opacity_logits, kinds[which])
    write_sog(path, original)
    found = read_gaussians(path)
    assert len(found) == n
    # Whatever the order, the turned harmonics of degree 1 are 50 kinds again.
    lengths = found.sh[:, 1:].square().sum(dim=(1, 2)).sqrt()
    wanted = original.sh[:, 1:].square().sum(dim=(1, 2)).sqrt()
    assert float((lengths.sort().values - wanted.sort().values).abs().mean()) < 0.02


# What other tools' .ply files are like.


def ascii_ply(path: Path, bom: bytes = b"", comment: bytes = b"", blank: bytes = b"") -> None:
    write_ply(path, scene(5, 1))
    ply = PlyData.read(path, mmap=False)
    ply.text = True
    ply.comments = []
    ply.write(path)
    head, _, body = path.read_bytes().partition(b"\n")
    path.write_bytes(bom + head + b"\n" + body.replace(b"1.0\n", b"1.0\n" + comment + blank, 1))


@pytest.mark.parametrize(
    "oddity",
    [
        {"bom": b"\xef\xbb\xbf"},
        {"comment": "comment café\n".encode("latin-1")},
        {"comment": "comment 部屋\n".encode()},
        {"blank": b"\n  \n"},
        {"comment": b"comment\tVertical axis: y\nobj_info\n"},
    ],
)
def test_headers_of_every_kind(tmp_path: Path, oddity: dict[str, bytes]) -> None:
    ascii_ply(tmp_path / "a.ply", **oddity)
    torch.testing.assert_close(read_gaussians(tmp_path / "a.ply").means, scene(5, 1).means, rtol=1e-5, atol=1e-6)


def test_words_of_a_header_may_have_tabs_between_and_its_last_line_may_end_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "a.ply"
    write_ply(path, scene(5, 1))
    head, _, body = path.read_bytes().partition(b"end_header\n")
    for lines in (head.replace(b" ", b"\t"), head.replace(b"\n", b"\r\n")):
        path.write_bytes(lines + b"end_header\n" + body)
        assert torch.equal(read_gaussians(path).means, scene(5, 1).means)


def test_lines_may_end_as_on_windows(tmp_path: Path) -> None:
    ascii_ply(tmp_path / "a.ply")
    (tmp_path / "a.ply").write_bytes((tmp_path / "a.ply").read_bytes().replace(b"\n", b"\r\n"))
    assert len(read_gaussians(tmp_path / "a.ply")) == 5


def vertices(path: Path) -> np.ndarray:
    write_ply(path, scene(6, 0))
    return PlyData.read(path, mmap=False)["vertex"].data


def write_table(path: Path, columns: dict[str, np.ndarray], before: list[PlyElement] | None = None) -> None:
    table = np.empty(6, [(name, column.dtype) for name, column in columns.items()])
    for name, column in columns.items():
        table[name] = column
    faces = np.empty(2, [("vertex_indices", "O")])
    faces["vertex_indices"] = [np.arange(3), np.arange(4)]
    after = PlyElement.describe(faces, "face", val_types={"vertex_indices": "i4"})
    PlyData([*(before or []), PlyElement.describe(table, "vertex"), after]).write(path)


def test_elements_before_and_lists_after_and_an_odd_byte_between(tmp_path: Path) -> None:
    table = vertices(tmp_path / "a.ply")
    columns = {"flag": np.zeros(6, np.uint8), **{name: table[name] for name in table.dtype.names}}
    write_table(tmp_path / "a.ply", columns, [PlyElement.describe(np.zeros(3, [("focal", "f8")]), "camera")])
    found = read_scene(tmp_path / "a.ply").gaussians
    assert torch.equal(found.means, scene(6, 0).means)
    assert torch.equal(found.quats, scene(6, 0).quats)


def test_lists_before_the_vertices(tmp_path: Path) -> None:
    table = vertices(tmp_path / "a.ply")
    lists = np.empty(2, [("ids", "O")])
    lists["ids"] = [np.arange(3), np.arange(1)]
    before = PlyElement.describe(lists, "group", val_types={"ids": "i4"})
    write_table(tmp_path / "a.ply", {name: table[name] for name in table.dtype.names}, [before])
    assert torch.equal(read_gaussians(tmp_path / "a.ply").means, scene(6, 0).means)


def test_2dgs_without_a_third_scale_is_flat(tmp_path: Path) -> None:
    table = vertices(tmp_path / "a.ply")
    write_table(tmp_path / "a.ply", {name: table[name] for name in table.dtype.names if name != "scale_2"})
    found = read_scene(tmp_path / "a.ply")
    assert found.render_mode == "2dgs"
    assert found.notes[0] == "there is no scale_2: flat Gaussians of 2DGS"
    assert torch.equal((found.gaussians.scales < 2e-6).sum(dim=1), torch.ones(6, dtype=torch.int64))


def test_red_green_blue_instead_of_f_dc(tmp_path: Path) -> None:
    table = vertices(tmp_path / "a.ply")
    for kind, white in ((np.uint8, 255), (np.float32, 1), (np.float64, 255)):
        kept = {name: table[name] for name in table.dtype.names if not name.startswith("f_dc")}
        kept |= {name: (np.linspace(0, white, 6)).astype(kind) for name in ("red", "green", "blue")}
        write_table(tmp_path / "a.ply", kept)
        found = read_scene(tmp_path / "a.ply")
        assert found.notes == ("colours are red, green and blue instead of f_dc_0..2",)
        shown = 0.5 + 0.28209479177387814 * found.gaussians.sh[:, 0, 0]
        torch.testing.assert_close(shown, torch.linspace(0, 1, 6), atol=0.003, rtol=0)


def test_degree_4_is_read_as_3(tmp_path: Path) -> None:
    table = vertices(tmp_path / "a.ply")
    columns = {name: table[name] for name in table.dtype.names}
    columns |= {f"f_rest_{i}": np.full(6, i / 100, np.float32) for i in range(72)}
    write_table(tmp_path / "a.ply", columns)
    found = read_scene(tmp_path / "a.ply", axes="z-up")
    assert found.notes == ("spherical harmonics above degree 3 are left out",)
    # 24 coefficients a colour in the file, of which 15 are kept.
    for colour in range(3):
        wanted = torch.arange(24 * colour, 24 * colour + 15) / 100
        torch.testing.assert_close(found.gaussians.sh[0, 1:, colour], wanted)


def test_infinite_opacities_and_flat_scales_are_kept_with_a_note(tmp_path: Path) -> None:
    table = vertices(tmp_path / "a.ply")
    table["opacity"][:2] = np.inf, -np.inf
    table["scale_0"][3] = -np.inf
    table["rot_0"][4] = table["rot_1"][4] = table["rot_2"][4] = table["rot_3"][4] = 0
    PlyData([PlyElement.describe(table, "vertex")]).write(tmp_path / "a.ply")
    found = read_scene(tmp_path / "a.ply")
    assert found.notes == (
        "2 of 6 opacities of exactly 0 or 1 are held just inside",
        "1 of 18 scales of 0 become a millionth: flat",
        "1 of 6 rotations are zero and taken as none",
    )
    assert float(found.gaussians.opacities[0]) > 0.999
    assert float(found.gaussians.opacities[1]) < 0.001
    assert found.gaussians.finite().all()


def test_alpha_0_and_255_of_a_compressed_ply(tmp_path: Path) -> None:
    """Which other converters read as infinite logits."""
    path = tmp_path / "a.compressed.ply"
    original = scene(3, 1)
    original.opacity_logits[:] = torch.tensor([-5.0, 0.0, 20.0])
    write_compressed_ply(path, original)
    ply = PlyData.read(path, mmap=False)
    ply["vertex"].data["packed_color"][:2] &= 0xFFFFFF00
    ply["sh"].data["f_rest_0"][:] = 0, 255, 128
    ply.write(path)
    found = read_scene(path, axes="z-up")
    assert found.notes == ()
    assert found.gaussians.finite().all()
    # Bytes 0 and 255 are the ends, the others the middles of their steps.
    assert found.gaussians.sh[:, 1, 0].tolist() == pytest.approx([-4, 4, 8 * (128.5 / 256 - 0.5)])
