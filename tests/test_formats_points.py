"""Point clouds of every kind that people have: what is read, scaled, moved, ignored, and said."""

from __future__ import annotations

import codecs
from pathlib import Path

import numpy as np
import pytest
import torch
from plyfile import PlyData, PlyElement

from gs_stein.gaussians.files import read_gaussians
from gs_stein.gaussians.formats.points import is_point_cloud, read_point_cloud
from gs_stein.gaussians.initialise import initialise
from gs_stein.gaussians.options import FileStart, PointsStart

XYZ = np.random.default_rng(0).uniform(-1, 1, (50, 3))
BYTES = np.random.default_rng(1).integers(0, 256, (50, 3))
RGB = BYTES / 255


def close(found: torch.Tensor, wanted: np.ndarray, atol: float = 1e-6) -> bool:
    return bool(np.allclose(found.numpy(), wanted, rtol=0, atol=atol))


@pytest.mark.parametrize(
    ("colours", "said"),
    [(RGB, ()), (BYTES.astype(float), ("colours of 0 to 255 are scaled to 0 to 1",))],
)
def test_arrays_of_six_columns(tmp_path: Path, colours: np.ndarray, said: tuple[str, ...]) -> None:
    np.save(tmp_path / "a.npy", np.concatenate([XYZ, colours], axis=1))
    cloud = read_point_cloud(tmp_path / "a.npy")
    assert close(cloud.points, XYZ)
    assert close(cloud.rgb, RGB)
    assert cloud.notes == said


@pytest.mark.parametrize("points", ["points", "coords", "xyz", "means"])
@pytest.mark.parametrize("colours", ["colors", "rgb", "RGB letters"])
def test_archives_are_read_by_name_and_say_what_they_ignore(tmp_path: Path, points: str, colours: str) -> None:
    letters = dict(zip("RGB", RGB.T, strict=True)) if colours == "RGB letters" else {colours: RGB}
    # The first array is another one on purpose.
    np.savez(tmp_path / "a.npz", allow_pickle=False, labels=np.zeros((50, 3)), **letters, **{points: XYZ})
    cloud = read_point_cloud(tmp_path / "a.npz")
    assert close(cloud.points, XYZ)
    assert close(cloud.rgb, RGB)
    assert cloud.notes[0].startswith("ignored: ")
    assert "labels" in cloud.notes[0]


def ply(path: Path, kind: str = "f4", colour: str = "u1", text: bool = False, faces: bool = True) -> None:
    fields = [
        *((name, kind) for name in "xyz"),
        *((name, colour) for name in ("red", "green", "blue")),
        ("alpha", "u1"),
    ]
    table = np.zeros(50, fields)
    for i, name in enumerate("xyz"):
        table[name] = XYZ[:, i]
    for i, name in enumerate(("red", "green", "blue")):
        table[name] = BYTES[:, i] if colour == "u1" else RGB[:, i]
    elements = [PlyElement.describe(table, "vertex")]
    if faces:
        face = np.empty(2, [("vertex_indices", "O")])
        face["vertex_indices"] = [np.array([0, 1, 2]), np.array([0, 2, 3])]
        elements.append(PlyElement.describe(face, "face", val_types={"vertex_indices": "i4"}))
    PlyData(elements, text=text, byte_order=">" if kind == "f8" else "<").write(path)


@pytest.mark.parametrize("kind", ["f4", "f8"])
@pytest.mark.parametrize("colour", ["u1", "f4"])
@pytest.mark.parametrize("text", [False, True])
def test_a_ply_without_scales_is_points(tmp_path: Path, kind: str, colour: str, text: bool) -> None:
    path = tmp_path / "a.ply"
    ply(path, kind, colour, text)
    assert is_point_cloud(path)
    cloud = read_point_cloud(path)
    assert close(cloud.points, XYZ)
    assert close(cloud.rgb, RGB)
    assert cloud.notes == ("ignored: alpha",)
    scene = initialise(FileStart(path), torch.Generator(), 1)
    assert len(scene) == 50
    assert torch.equal(scene.means, cloud.points)
    assert torch.equal(scene.sh, initialise(PointsStart(path), torch.Generator(), 1).sh)
    with pytest.raises(ValueError, match=r"is no file of Gaussians.*a point cloud can be a start"):
        read_gaussians(path)


TEXTS = {
    "cloudcompare.xyz": "\n".join(f"{x} {y} {z} {r} {g} {b}" for (x, y, z), (r, g, b) in zip(XYZ, BYTES, strict=True)),
    "cloudcompare.asc": "//X Y Z R G B Scalar\n"
    + "\n".join(f"{x} {y} {z} {r} {g} {b} 7" for (x, y, z), (r, g, b) in zip(XYZ, BYTES, strict=True)),
    "comma.csv": "B,G,R,Z,Y,X\n"
    + "\n".join(f"{b},{g},{r},{z},{y},{x}" for (x, y, z), (r, g, b) in zip(XYZ, BYTES, strict=True)),
    "leica.pts": "50\n"
    + "\n".join(f"{x} {y} {z} -1200 {r} {g} {b}" for (x, y, z), (r, g, b) in zip(XYZ, BYTES, strict=True)),
    "geomagic.asc": "# Geomagic Studio\n# New Model\n"
    + "\n".join(f"{x}\t{y}\t{z}\t{r}\t{g}\t{b}" for (x, y, z), (r, g, b) in zip(XYZ, BYTES, strict=True)),
}


@pytest.mark.parametrize("name", TEXTS)
def test_text(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(TEXTS[name])
    cloud = read_point_cloud(tmp_path / name)
    assert close(cloud.points, XYZ)
    assert close(cloud.rgb, RGB)


def test_normals_are_not_taken_for_colours(tmp_path: Path) -> None:
    normals = XYZ / np.linalg.norm(XYZ, axis=1, keepdims=True)
    np.savetxt(tmp_path / "a.xyz", np.concatenate([XYZ, normals], axis=1))
    cloud = read_point_cloud(tmp_path / "a.xyz")
    assert (cloud.rgb == 0.5).all()
    assert cloud.notes == ("ignored: normals",)


def test_colmap(tmp_path: Path) -> None:
    rows = [f"{i} {x} {y} {z} {r} {g} {b} 0.5 1 2 3 4"[: 200 if i % 2 else None]
            for i, ((x, y, z), (r, g, b)) in enumerate(zip(XYZ, BYTES, strict=True))]  # fmt: skip
    head = "# 3D point list with one line of data per point:\n#   POINT3D_ID, X, Y, Z, R, G, B, ERROR, TRACK[]\n"
    (tmp_path / "points3D.txt").write_text(head + "\n".join(rows))
    cloud = read_point_cloud(tmp_path / "points3D.txt")
    # y is down in the cameras' axes, forward is our north.
    assert close(cloud.points, np.stack([XYZ[:, 0], XYZ[:, 2], -XYZ[:, 1]], axis=1))
    assert close(cloud.rgb, RGB)
    assert "COLMAP" in cloud.notes[0]


def test_map_coordinates_are_moved_in_double_precision(tmp_path: Path) -> None:
    far = np.array([500_000.0, 4_649_000.0, 120.0])
    np.save(tmp_path / "a.npy", XYZ + far)
    cloud = read_point_cloud(tmp_path / "a.npy")
    assert close(cloud.points.double() + torch.tensor(cloud.shift, dtype=torch.float64), XYZ + far, 1e-6)
    assert float(cloud.points.abs().max()) < 1.3
    assert cloud.notes[0].startswith("map coordinates: the middle (")


def test_millimetres_become_metres(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", XYZ * 2000)
    cloud = read_point_cloud(tmp_path / "a.npy")
    assert close(cloud.points, XYZ * 2, 1e-5)
    assert cloud.scale == 0.001
    assert "taken for millimetres" in cloud.notes[0]


def test_numbers_of_no_scene_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", XYZ * 1e7)
    with pytest.raises(ValueError, match=r"a\.npy: its points spread over 1\.\d+e\+07, too far for metres"):
        read_point_cloud(tmp_path / "a.npy")
    np.save(tmp_path / "b.npy", np.concatenate([XYZ, RGB * 1e6], axis=1))
    with pytest.raises(ValueError, match="is neither a fraction nor a byte"):
        read_point_cloud(tmp_path / "b.npy")


def test_rows_with_nan_are_left_out(tmp_path: Path) -> None:
    holed = XYZ.copy()
    holed[[3, 7], 1] = np.nan, np.inf
    np.save(tmp_path / "a.npy", holed)
    cloud = read_point_cloud(tmp_path / "a.npy")
    assert len(cloud.points) == 48
    assert cloud.notes == ("2 of 50 points have a NaN or infinite coordinate and are left out",)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.xyz", "1 2\n3 4\n", "holds no points"),
        ("b.xyz", "", "holds no points"),
        ("c.xyz", "1 2 3\n4 5\n", "rows of different lengths"),
        ("points3D.txt", "1 2 3\n", "is no points3D.txt of COLMAP"),
        ("d.ply", "ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nend_header\n1\n", "holds no points"),
    ],
)
def test_faults_are_one_line(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=message) as caught:
        read_point_cloud(tmp_path / name)
    assert str(caught.value).startswith(f"{tmp_path / name}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_arrays_with_named_fields(tmp_path: Path, suffix: str) -> None:
    table = np.zeros(50, [(name, "f8") for name in "xyz"] + [(name, "u1") for name in ("red", "green", "blue")])
    for i, name in enumerate(table.dtype.names or ()):
        table[name] = XYZ[:, i] if i < 3 else BYTES[:, i - 3]
    path = tmp_path / f"a{suffix}"
    np.save(path, table) if suffix == ".npy" else np.savez(path, cloud=table)
    cloud = read_point_cloud(path)
    assert close(cloud.points, XYZ)
    assert close(cloud.rgb, RGB)


@pytest.mark.parametrize(
    ("name", "said"), [("pts", "ignored: camera"), ("other", "the points are those of 'other'; ignored: camera")]
)
def test_of_several_arrays_the_one_like_points_is_taken(tmp_path: Path, name: str, said: str) -> None:
    np.savez(tmp_path / "a.npz", allow_pickle=False, **{"camera": np.eye(4), name: XYZ})
    cloud = read_point_cloud(tmp_path / "a.npz")
    assert close(cloud.points, XYZ)
    assert "; ".join(cloud.notes) == said


def test_colours_with_opacities_keep_their_colours(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", points=XYZ, colors=np.concatenate([RGB, np.ones((50, 1))], axis=1))
    cloud = read_point_cloud(tmp_path / "a.npz")
    assert close(cloud.rgb, RGB)
    assert cloud.notes == ("ignored: the opacities in 'colors'",)


def test_no_array_is_told_without_advice_to_run_it(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    (tmp_path / "b.npy").write_bytes(bytes(300))
    (tmp_path / "c.npz").write_bytes(b"words")
    for name, why in (("a.npy", "holds Python objects"), ("b.npy", "not begin like"), ("c.npz", "not begin like")):
        with pytest.raises(ValueError, match=why) as caught:
            read_point_cloud(tmp_path / name)
        assert "pickle" not in str(caught.value)


@pytest.mark.parametrize("between", [";", "; ", "\t", "  "])
@pytest.mark.parametrize("head", ["", "x;y;z;red;green;blue\n"])
def test_decimal_commas(tmp_path: Path, between: str, head: str) -> None:
    rows = [
        between.join([*(f"{v:.6f}".replace(".", ",") for v in p), *map(str, c)])
        for p, c in zip(XYZ, BYTES, strict=True)
    ]
    (tmp_path / "a.csv").write_text(head + "\n".join(rows) + "\n")
    cloud = read_point_cloud(tmp_path / "a.csv")
    assert close(cloud.points, XYZ, 1e-6)
    assert close(cloud.rgb, RGB)


@pytest.mark.parametrize("row", ["1,2,3", "1, 2, 3", "1 2 3,255 0 0", "-1,2,3,255,0,0", "1.0,2.0,3.0", "1.5;2.5;3.5"])
def test_commas_between_numbers_stay_so(tmp_path: Path, row: str) -> None:
    (tmp_path / "a.csv").write_text(f"{row}\n" * 4)
    expected = [float(word) for word in row.replace(",", " ").replace(";", " ").split()]
    assert read_point_cloud(tmp_path / "a.csv").points[0].tolist() == expected[:3]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32"])
def test_text_of_windows_says_its_encoding(tmp_path: Path, encoding: str) -> None:
    text = "x;y;z;red;green;blue\n" + "\n".join(
        f"{x};{y};{z};{r};{g};{b}" for (x, y, z), (r, g, b) in zip(XYZ, BYTES, strict=True)
    )
    mark = codecs.BOM_UTF16_BE if encoding == "utf-16-be" else b""
    (tmp_path / "a.csv").write_bytes(mark + text.encode(encoding))
    cloud = read_point_cloud(tmp_path / "a.csv")
    assert close(cloud.points, XYZ)
    assert close(cloud.rgb, RGB)
    (tmp_path / "b.csv").write_bytes(text.encode("utf-16-le"))
    with pytest.raises(ValueError, match=r"b\.csv: is no text in UTF-8: it holds bytes of zero; save it as UTF-8$"):
        read_point_cloud(tmp_path / "b.csv")


@pytest.mark.parametrize(
    "rows",
    [
        "0,5;1.5;2,25\n-1;2;3\n",
        "0.5 1,5 2,25\n-1 2 3\n",
        "0,5 1.5 2.25\n-1,0 2,0 3,0\n",
        '"0,5","1,5","2,25"\n"-1","2","3"\n',
        '"Z","Y","X"\n2.25,1.5,0.5\n3,2,-1\n',
    ],
)
def test_decimal_commas_beside_points_and_quotes(tmp_path: Path, rows: str) -> None:
    (tmp_path / "a.csv").write_text(rows)
    assert read_point_cloud(tmp_path / "a.csv").points.tolist() == [[0.5, 1.5, 2.25], [-1, 2, 3]]


def test_the_row_that_differs_is_shown(tmp_path: Path) -> None:
    (tmp_path / "a.xyz").write_text("1 2 3\n4 5 6\n7 8 9 10\n")
    with pytest.raises(ValueError, match=r"rows of different lengths: 3 numbers in the first, 4 in '7 8 9 10'"):
        read_point_cloud(tmp_path / "a.xyz")


def test_normals_in_an_array_are_not_taken_for_colours(tmp_path: Path) -> None:
    table = np.concatenate([XYZ, XYZ / np.linalg.norm(XYZ, axis=1, keepdims=True)], axis=1)
    np.save(tmp_path / "a.npy", table)
    assert read_point_cloud(tmp_path / "a.npy").notes == ("ignored: normals",)
    np.savez(tmp_path / "b.npz", points=table, colors=RGB)
    cloud = read_point_cloud(tmp_path / "b.npz")
    assert cloud.notes == ("ignored: further columns of 'points'",)
    assert close(cloud.rgb, RGB)


def test_colours_below_0_are_said(tmp_path: Path) -> None:
    table = np.concatenate([XYZ, RGB], axis=1)
    table[3, 4] = -0.5
    np.save(tmp_path / "a.npy", table)
    cloud = read_point_cloud(tmp_path / "a.npy")
    assert cloud.notes == ("1 of 50 points have a colour below 0, which is held at 0",)
    assert float(cloud.rgb[3, 1]) == 0


def test_the_binary_of_colmap_is_told_how_to_become_text(tmp_path: Path) -> None:
    (tmp_path / "points3D.bin").write_bytes(bytes(59))
    with pytest.raises(ValueError, match=r"is COLMAP's binary; make a points3D\.txt of it with"):
        read_point_cloud(tmp_path / "points3D.bin")
