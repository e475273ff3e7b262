""".glb with KHR_gaussian_splatting: round trips, files as others may lay them out, one line for every fault, and the
same scene in others' software: Khronos' validator and three.js.

What comes from npm lies in the folder that GS_STEIN_NPM names:
`npm install gltf-validator@2.0.0-dev.3.10 three@0.187.0`.
"""

from __future__ import annotations

import functools
import http.server
import json
import math
import os
import shutil
import struct
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from scenes import random_scene
from viewer_support import PATIENCE, blob, browser

from gs_stein.gaussians.files import read_scene, write_gaussians
from gs_stein.gaussians.formats.common import FLAT, LOGIT_MAX, unit_quats
from gs_stein.gaussians.formats.glb_file import read_glb
from gs_stein.gaussians.formats.gltf import write_gltf
from gs_stein.gaussians.model import Gaussians
from gs_stein.rasterize.reference import covariances, rotation_matrices
from gs_stein.rasterize.sh import sh_colors

EXTENSION = "KHR_gaussian_splatting"
KINDS = {"b": 5120, "B": 5121, "h": 5122, "H": 5123, "I": 5125, "f": 5126}


def scene(count: int = 20, degree: int = 3, seed: int = 0) -> Gaussians:
    return random_scene(count, degree, seed).to(torch.float32)


def assert_same(found: Gaussians, wanted: Gaussians, tolerance: float = 2e-6) -> None:
    """The same pictures: linear scales and opacities and unit quaternions round a little."""
    torch.testing.assert_close(found.means, wanted.means, rtol=0, atol=tolerance)
    torch.testing.assert_close(found.log_scales, wanted.log_scales, rtol=0, atol=max(tolerance, 2e-6))
    torch.testing.assert_close(found.opacities, wanted.opacities, rtol=0, atol=1e-6)
    turned = (unit_quats(found.quats) * unit_quats(wanted.quats)).sum(dim=1).abs()
    torch.testing.assert_close(turned, torch.ones(len(wanted)), rtol=0, atol=1e-5)
    torch.testing.assert_close(found.sh, wanted.sh, rtol=0, atol=max(tolerance, 2e-6))


def columns_of(gaussians: Gaussians) -> dict[str, np.ndarray]:
    """The attributes of a scene that is y up already, by the specification."""
    columns = {
        "POSITION": gaussians.means, f"{EXTENSION}:ROTATION": unit_quats(gaussians.quats)[:, [1, 2, 3, 0]],
        f"{EXTENSION}:SCALE": gaussians.scales, f"{EXTENSION}:OPACITY": gaussians.opacities[:, None],
    }  # fmt: skip
    names = [f"{EXTENSION}:SH_DEGREE_{d}_COEF_{i}" for d in range(gaussians.sh_degree + 1) for i in range(2 * d + 1)]
    columns |= {name: gaussians.sh[:, i] for i, name in enumerate(names)}
    return {name: column.numpy().astype("<f4") for name, column in columns.items()}


class Builder:
    """A .glb laid out by hand."""

    def __init__(self) -> None:
        self.document: dict[str, Any] = {
            "asset": {"version": "2.0"}, "extensionsUsed": [EXTENSION], "accessors": [], "bufferViews": [],
            "meshes": [], "nodes": [], "scenes": [{"nodes": []}], "scene": 0,
        }  # fmt: skip
        self.binary = b""

    def accessor(self, array: np.ndarray, normalized: bool = False, stride: int = 0, shift: int = 0) -> int:
        rows = [row.tobytes() for row in array]
        stride = stride or len(rows[0])
        start = len(self.binary)
        self.binary += b"\xee" * shift + b"".join(row.ljust(stride, b"\xdd") for row in rows)
        self.binary += b"\0" * (-len(self.binary) % 4)
        view = {"buffer": 0, "byteOffset": start, "byteLength": len(self.binary) - start}
        view |= {"byteStride": stride} if stride != len(rows[0]) else {}
        self.document["bufferViews"].append(view)
        kind = {1: "SCALAR", 3: "VEC3", 4: "VEC4"}[array.shape[1]]
        self.document["accessors"].append({
            "bufferView": len(self.document["bufferViews"]) - 1, "byteOffset": shift, "count": len(array),
            "componentType": KINDS[array.dtype.char], "type": kind, "normalized": normalized,
        })  # fmt: skip
        return len(self.document["accessors"]) - 1

    def primitive(self, gaussians: Gaussians, **replaced: int) -> dict[str, Any]:
        attributes = {
            name: replaced[short] if (short := name.rpartition(":")[2]) in replaced else self.accessor(column)
            for name, column in columns_of(gaussians).items()
        }
        extension = {"kernel": "ellipse", "colorSpace": "srgb_rec709_display"}
        return {"attributes": attributes, "mode": 0, "extensions": {EXTENSION: extension}}

    def mesh(self, *primitives: dict[str, Any]) -> int:
        self.document["meshes"].append({"primitives": list(primitives)})
        return len(self.document["meshes"]) - 1

    def node(self, root: bool = True, **fields: Any) -> int:
        self.document["nodes"].append(fields)
        if root:
            self.document["scenes"][0]["nodes"].append(len(self.document["nodes"]) - 1)
        return len(self.document["nodes"]) - 1

    def write(self, path: Path) -> Path:
        document = self.document | {"buffers": [{"byteLength": len(self.binary)}]}
        text = json.dumps(document).encode()
        text += b" " * (-len(text) % 4)
        length = 28 + len(text) + len(self.binary)
        path.write_bytes(
            struct.pack("<4s4I", b"glTF", 2, length, len(text), 0x4E4F534A) + text
            + struct.pack("<2I", len(self.binary), 0x004E4942) + self.binary
        )  # fmt: skip
        return path


def y_up(path: Path) -> Gaussians:
    """The file's own numbers."""
    return read_scene(path, axes="z-up").gaussians


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
@pytest.mark.parametrize("axes", ["y-up", "z-up", "y-down"])
def test_round_trip_in_any_axes(tmp_path: Path, degree: int, axes: str) -> None:
    original = scene(50, degree)
    write_gaussians(tmp_path / "a.glb", original, axes)
    found = read_scene(tmp_path / "a.glb")
    assert (found.axes, found.axes_from) == (axes, "format" if axes == "y-up" else "comment")
    assert found.notes == ()
    assert_same(found.gaussians, original)


def test_the_layout_is_the_specification_s(tmp_path: Path) -> None:
    original = scene(7, 1)
    write_gaussians(tmp_path / "a.glb", original)
    glb = read_glb(tmp_path / "a.glb")
    (primitive,) = glb.document["meshes"][0]["primitives"]
    assert glb.document["extensionsUsed"] == [EXTENSION]
    assert "extensionsRequired" not in glb.document
    assert primitive["mode"] == 0
    assert primitive["extensions"] == {EXTENSION: {"kernel": "ellipse", "colorSpace": "srgb_rec709_display"}}
    # World (x, y, z) stands in the file as (x, z, -y).
    turned = Gaussians(original.means[:, [0, 2, 1]] * torch.tensor([1.0, 1, -1]), *original.tensors()[1:])
    wanted = columns_of(turned)
    assert list(primitive["attributes"]) == list(wanted)
    got = {name: glb.accessor(i).values for name, i in primitive["attributes"].items()}
    assert np.array_equal(got["POSITION"], wanted["POSITION"])
    assert np.array_equal(got[f"{EXTENSION}:SH_DEGREE_0_COEF_0"], original.sh[:, 0].numpy())
    np.testing.assert_allclose(got[f"{EXTENSION}:OPACITY"], wanted[f"{EXTENSION}:OPACITY"], rtol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(got[f"{EXTENSION}:ROTATION"], axis=1), 1, atol=1e-6)
    # Sorted: between conventions a Gaussian's own axes are exchanged with its scales.
    wanted_scales = np.sort(wanted[f"{EXTENSION}:SCALE"], axis=1)
    np.testing.assert_allclose(np.sort(got[f"{EXTENSION}:SCALE"], axis=1), wanted_scales, rtol=1e-6)
    bounds = glb.document["accessors"][primitive["attributes"]["POSITION"]]
    assert np.array_equal(np.float32(bounds["min"]), got["POSITION"].min(axis=0))
    assert np.array_equal(np.float32(bounds["max"]), got["POSITION"].max(axis=0))
    size = (tmp_path / "a.glb").stat().st_size
    assert size % 4 == 0
    assert size == struct.unpack_from("<I", (tmp_path / "a.glb").read_bytes(), 8)[0]
    assert len(glb.binary) == 7 * (44 + 12 * 4)


def test_the_render_mode_survives(tmp_path: Path) -> None:
    for mode in ("default", "mip"):
        write_gaussians(tmp_path / "a.glb", scene(3), render_mode=mode)
        assert read_scene(tmp_path / "a.glb").render_mode == mode


@pytest.mark.parametrize("as_matrix", [False, True])
@pytest.mark.parametrize("nested", [False, True])
def test_nodes_turn_scale_and_shift_splats_with_their_colours(tmp_path: Path, as_matrix: bool, nested: bool) -> None:
    original = scene(30, 3).to(torch.float64)
    generator = torch.Generator().manual_seed(3)
    quat = torch.nn.functional.normalize(torch.randn(1, 4, generator=generator, dtype=torch.float64), dim=1)
    rotation = rotation_matrices(quat)[0]
    w, x, y, z = quat[0].tolist()
    size, shift = 2.5, torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64)
    builder = Builder()
    mesh = builder.mesh(builder.primitive(original.to(torch.float32)))
    if as_matrix:
        matrix = torch.eye(4, dtype=torch.float64)
        matrix[:3, :3], matrix[:3, 3] = size * rotation, shift
        placed: dict[str, Any] = {"matrix": matrix.T.flatten().tolist()}  # column by column
    else:
        placed = {"rotation": [x, y, z, w], "scale": [size] * 3, "translation": shift.tolist()}
    if nested:
        child = builder.node(root=False, mesh=mesh, rotation=[0, 0, math.sin(0.3), math.cos(0.3)])
        builder.node(children=[child], **placed)
        c, s = math.cos(0.6), math.sin(0.6)
        inner = torch.tensor([[c, -s, 0], [s, c, 0], [0, 0, 1]], dtype=torch.float64)
    else:
        builder.node(mesh=mesh, **placed)
        inner = torch.eye(3, dtype=torch.float64)
    found = y_up(builder.write(tmp_path / "a.glb")).to(torch.float64)
    turn = rotation @ inner
    torch.testing.assert_close(found.means, size * original.means @ turn.T + shift, rtol=0, atol=1e-5)
    wanted = size**2 * turn @ covariances(original.quats, original.scales) @ turn.T
    torch.testing.assert_close(covariances(found.quats, found.scales), wanted, rtol=1e-4, atol=1e-6)
    directions = torch.randn(30, 3, generator=generator, dtype=torch.float64)
    shown = sh_colors(found.sh, directions @ turn.T, 3)
    torch.testing.assert_close(shown, sh_colors(original.sh, directions, 3), rtol=0, atol=1e-5)


def test_several_primitives_and_instances_in_the_order_of_the_scene(tmp_path: Path) -> None:
    first, second, third = scene(5, 1, 1), scene(4, 0, 2), scene(3, 2, 3)
    builder = Builder()
    one = builder.mesh(builder.primitive(first), builder.primitive(second))
    two = builder.mesh(builder.primitive(third), {"attributes": {"POSITION": 0}, "mode": 0})
    builder.node(mesh=one)
    builder.node(mesh=two, translation=[0, 5, 0])
    builder.node(mesh=one, scale=[2, 2, 2])
    builder.document["meshes"].append({"primitives": [{"attributes": {"POSITION": 999}}]})  # nobody shows it
    found = read_scene(builder.write(tmp_path / "a.glb"), axes="z-up")
    assert found.notes == ("1 primitives without splats are left aside",)
    moved = Gaussians(third.means + torch.tensor([0.0, 5, 0]), *third.tensors()[1:])
    grown = [Gaussians(2 * g.means, g.log_scales + math.log(2), *g.tensors()[2:]) for g in (first, second)]
    assert_same(found.gaussians, Gaussians.cat([first, second, moved, *grown]))
    assert found.gaussians.sh_degree == 2


def test_many_splats_in_pieces_that_straddle_blocks(tmp_path: Path) -> None:
    parts = [scene(5000, 0, 1), scene(7000, 0, 2), scene(9000, 0, 3)]
    builder = Builder()
    builder.node(mesh=builder.mesh(*map(builder.primitive, parts)))
    assert_same(y_up(builder.write(tmp_path / "a.glb")), Gaussians.cat(parts))


def test_without_scenes_the_nodes_that_have_no_parent_are_shown(tmp_path: Path) -> None:
    builder = Builder()
    child = builder.node(root=False, mesh=builder.mesh(builder.primitive(scene(5))))
    builder.node(root=False, children=[child], translation=[1, 0, 0])
    del builder.document["scenes"], builder.document["scene"]
    original = scene(5)
    moved = Gaussians(original.means + torch.tensor([1.0, 0, 0]), *original.tensors()[1:])
    assert_same(y_up(builder.write(tmp_path / "a.glb")), moved)


def test_strides_and_offsets(tmp_path: Path) -> None:
    original = scene(9, 0)
    columns = columns_of(original)
    builder = Builder()
    replaced = {
        name.rpartition(":")[2]: builder.accessor(column, stride=28, shift=8) for name, column in columns.items()
    }
    builder.node(mesh=builder.mesh(builder.primitive(original, **replaced)))
    assert_same(y_up(builder.write(tmp_path / "a.glb")), original)


@pytest.mark.parametrize(("kind", "steps"), [("i1", 127), ("i2", 32767)])
def test_quantised_attributes(tmp_path: Path, kind: str, steps: int) -> None:
    original = scene(40, 0)
    columns = columns_of(original)
    unsigned, most = ("u1", 255) if kind == "i1" else ("u2", 65535)
    builder = Builder()
    width = 4 if kind == "i1" else 8  # rows start at multiples of four bytes
    replaced = {
        "ROTATION": builder.accessor(np.rint(columns[f"{EXTENSION}:ROTATION"] * steps).astype(kind), True, 2 * width),
        "OPACITY": builder.accessor(np.rint(columns[f"{EXTENSION}:OPACITY"] * most).astype(unsigned), True, 4),
        "SCALE": builder.accessor(np.full((40, 3), 3, kind), False, width),
    }
    builder.node(mesh=builder.mesh(builder.primitive(original, **replaced)))
    found = y_up(builder.write(tmp_path / "a.glb"))
    torch.testing.assert_close(found.opacities, original.opacities, rtol=0, atol=0.51 / most)
    turned = (unit_quats(found.quats.double()) * unit_quats(original.quats.double())).sum(dim=1).abs()
    assert float(turned.min()) > math.cos(2 / steps)
    torch.testing.assert_close(found.scales, torch.full((40, 3), 3.0))
    assert bool(found.finite().all())


def test_the_lowest_normalised_integer_is_minus_one(tmp_path: Path) -> None:
    builder = Builder()
    rotation = builder.accessor(np.array([[-128, 0, 0, 127]], "i1"), True)
    builder.node(mesh=builder.mesh(builder.primitive(scene(1), ROTATION=rotation)))
    assert torch.equal(y_up(builder.write(tmp_path / "a.glb")).quats, torch.tensor([[1.0, -1.0, 0, 0]]))


def test_opacities_of_0_and_1_and_flat_splats_are_kept(tmp_path: Path) -> None:
    original = scene(4, 0)
    builder = Builder()
    opacity = builder.accessor(np.array([[0], [1], [1.0000002], [0.5]], "<f4"))
    scale = builder.accessor(np.array([[0.1, 0.1, 0]] * 4, "<f4"))
    builder.node(mesh=builder.mesh(builder.primitive(original, OPACITY=opacity, SCALE=scale)))
    found = read_scene(builder.write(tmp_path / "a.glb"), axes="z-up")
    assert torch.equal(found.gaussians.opacity_logits, torch.tensor([-LOGIT_MAX, LOGIT_MAX, LOGIT_MAX, 0]))
    torch.testing.assert_close(found.gaussians.log_scales[:, 2], torch.full((4,), FLAT))
    assert [note[:6] for note in found.notes] == ["3 of 4", "4 of 1"]


def test_what_an_unusual_colour_space_means_is_said(tmp_path: Path) -> None:
    builder = Builder()
    primitive = builder.primitive(scene(2))
    primitive["extensions"][EXTENSION]["colorSpace"] = "lin_rec709_display"
    builder.node(mesh=builder.mesh(primitive))
    (note,) = read_scene(builder.write(tmp_path / "a.glb")).notes
    assert note.startswith("colours are lin_rec709_display")


def broken(fault: str) -> Builder:
    builder = Builder()
    primitive = builder.primitive(scene(6, 1))
    builder.node(mesh=builder.mesh(primitive))
    document, extension = builder.document, primitive["extensions"][EXTENSION]
    first = document["accessors"][0]
    match fault:
        case "spz":
            extension["extensions"] = {"KHR_gaussian_splatting_compression_spz_2": {"bufferView": 0}}
        case "draco":
            document["extensionsRequired"] = ["KHR_draco_mesh_compression"]
        case "meshopt":
            document["bufferViews"][0]["extensions"] = {"EXT_meshopt_compression": {}}
        case "sparse":
            first["sparse"] = {"count": 1}
        case "no data":
            del first["bufferView"]
        case "kernel":
            extension["kernel"] = "customShape"
        case "mode":
            del primitive["mode"]
        case "mesh":
            del primitive["extensions"]
        case "scale":
            del primitive["attributes"][f"{EXTENSION}:SCALE"]
        case "degree":
            del primitive["attributes"][f"{EXTENSION}:SH_DEGREE_1_COEF_1"]
        case "counts":
            document["accessors"][2]["count"] = 5
        case "width":
            document["accessors"][1] |= {"type": "VEC3"}
        case "beyond":
            document["bufferViews"][3]["byteLength"] = 8
        case "negative":
            first["count"] = -3
        case "stride":
            document["bufferViews"][0]["byteStride"] = 4
        case "endless":
            document["nodes"][0]["translation"] = [0, 1e39, 0]
        case "elsewhere":
            document["bufferViews"][0]["buffer"] = 1
        case "stretched":
            document["nodes"][0]["scale"] = [1, 1, 2]
        case "mirrored":
            document["nodes"][0]["scale"] = [-1, 1, 1]
        case "circle":
            document["nodes"][0]["children"] = [0]
        case "number":
            document["nodes"][0]["mesh"] = 7
        case "nonsense":
            document["meshes"][0]["primitives"] = 3
        case _:
            raise AssertionError(fault)
    return builder


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("spz", "its splats are in KHR_gaussian_splatting_compression_spz_2, which is not read; export them plainly"),
        ("draco", "needs KHR_draco_mesh_compression, which is not read; export it without compression"),
        ("meshopt", "accessor 0 is compressed by EXT_meshopt_compression; export it plainly"),
        ("sparse", "accessor 0 is sparse; export it without sparse accessors"),
        ("no data", "accessor 0 is sparse; export it without sparse accessors"),
        ("kernel", "its splats have the kernel 'customShape'; only 'ellipse' is known"),
        ("mode", "its splats are no points: mode 4 instead of 0"),
        ("mesh", "holds no splats (KHR_gaussian_splatting) but 1 other primitives"),
        ("scale", "its splats lack KHR_gaussian_splatting:SCALE"),
        ("degree", "its splats lack KHR_gaussian_splatting:SH_DEGREE_1_COEF_1"),
        ("counts", "KHR_gaussian_splatting:SCALE has 5 rows of 3, not 6 of 3"),
        ("width", "KHR_gaussian_splatting:ROTATION has 6 rows of 3, not 6 of 4"),
        ("beyond", "accessor 3 reaches beyond the end of the data: truncated, or wrong counts"),
        ("negative", "accessor 0 has a count or place that is no whole number"),
        ("stride", "accessor 0 has rows of 12 bytes every 4 bytes"),
        ("endless", "every one of 6 Gaussians has a value that is not finite; nothing is left"),
        ("elsewhere", "accessor 0 keeps its data outside this file; export all in one .glb"),
        ("stretched", "node 0 stretches its splats unequally; apply its transform where it was made"),
        ("mirrored", "node 0 mirrors its splats or has no size; apply its transform where it was made"),
        ("circle", "its nodes are no tree"),
        ("number", "meshes has no number 7"),
        ("nonsense", "is no valid glTF (TypeError"),
    ],
)
def test_one_line_for_every_fault(tmp_path: Path, fault: str, message: str) -> None:
    path = broken(fault).write(tmp_path / "bad.glb")
    with pytest.raises(ValueError, match=r"bad\.glb") as caught:
        read_scene(path)
    assert str(caught.value).startswith(f"{path}: {message}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("left", [0, 3, 11, 19, 25, 400, 2000, 5000])
def test_truncated_files(tmp_path: Path, left: int) -> None:
    write_gaussians(tmp_path / "a.glb", scene(30))
    data = (tmp_path / "a.glb").read_bytes()
    assert len(data) > 5000
    (tmp_path / "a.glb").write_bytes(data[:left])
    with pytest.raises(ValueError, match=r"a\.glb: (truncated: |is no \.glb)"):
        read_scene(tmp_path / "a.glb")


def test_version_1_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.glb").write_bytes(struct.pack("<4s4I", b"glTF", 1, 20, 0, 0))
    with pytest.raises(ValueError, match=r"a\.glb: is glTF version 1; only version 2 has splats"):
        read_scene(tmp_path / "a.glb")


def test_scales_that_overflow_are_not_written(tmp_path: Path) -> None:
    huge = scene(3)
    huge.log_scales[1, 0] = 89.0
    with pytest.raises(ValueError, match=r"a\.glb: not written: a scale of e\^89 m is too large"):
        write_gltf(tmp_path / "a.glb", huge)
    assert not list(tmp_path.iterdir())


def npm_folder() -> Path:
    """Where the tools from npm are; skips without them."""
    folder = Path(os.environ.get("GS_STEIN_NPM", "/nowhere"))
    if shutil.which("node") is None or not (folder / "node_modules" / "three").is_dir():
        pytest.skip("set GS_STEIN_NPM to a folder with gltf-validator@2.0.0-dev.3.10 and three@0.187.0, and have node")
    return folder


def in_node(script: str, name: str, *arguments: str) -> Any:
    """What a module prints as JSON; it may import what is installed in the folder."""
    file = npm_folder() / name
    file.write_text(script)
    done = subprocess.run(["node", str(file), *arguments], capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


VALIDATE = """
import { readFileSync } from "node:fs";
import validator from "gltf-validator";
const report = await validator.validateBytes(new Uint8Array(readFileSync(process.argv[2])), { maxIssues: 0 });
console.log(JSON.stringify(report));
"""
LOAD = """
import { readFileSync } from "node:fs";
import { GLTFLoader } from "three/addons/loaders/GLTFLoader.js";
import { GLTFGaussianSplatLoaderExtension } from "three/addons/loaders/GLTFGaussianSplatLoaderExtension.js";
const bytes = readFileSync(process.argv[2]);
const loader = new GLTFLoader();
let got = null;
loader.register((parser) => new GLTFGaussianSplatLoaderExtension(parser));
const gltf = await loader.parseAsync(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length), "");
gltf.scene.traverse((object) => { if (object.isGaussianSplat) got = object; });
const geometry = got.splatGeometry;
const columns = {};
for (const [name, attribute] of Object.entries(geometry.attributes)) columns[name] = Array.from(attribute.array);
console.log(JSON.stringify(columns));
"""


@pytest.mark.parametrize("degree", [0, 3])
def test_khronos_validator_only_dislikes_the_colons(tmp_path: Path, degree: int) -> None:
    write_gaussians(tmp_path / "a.glb", scene(50, degree))
    report = in_node(VALIDATE, "validate.mjs", str(tmp_path / "a.glb"))
    found = {(message["code"], message["severity"]) for message in report["issues"]["messages"]}
    # The extension itself asks for these names, and is newer than the validator.
    assert found == {("MESH_PRIMITIVE_INVALID_ATTRIBUTE", 0), ("UNSUPPORTED_EXTENSION", 2)}
    assert report["issues"]["numErrors"] == 3 + (degree + 1) ** 2
    assert report["info"]["totalVertexCount"] == 50


def test_three_loads_the_same_splats(tmp_path: Path) -> None:
    original = scene(50, 3)
    write_gaussians(tmp_path / "a.glb", original)
    found = {name: np.array(values) for name, values in in_node(LOAD, "load.mjs", str(tmp_path / "a.glb")).items()}
    turn = torch.tensor([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
    np.testing.assert_allclose(found["position"].reshape(-1, 3), (original.means @ turn.T).numpy(), atol=1e-6)
    wanted = (turn @ covariances(original.quats, original.scales) @ turn.T).numpy()
    shape = found["covariance"].reshape(-1, 6)
    np.testing.assert_allclose(shape, wanted[:, [0, 0, 0, 1, 1, 2], [0, 1, 2, 1, 2, 2]], rtol=1e-4, atol=1e-6)
    bytes_ = found["color"].reshape(-1, 4)
    colours = (0.5 + 0.28209479177387814 * original.sh[:, 0]).clamp(0, 1)
    np.testing.assert_allclose(bytes_ / 255, torch.cat([colours, original.opacities[:, None]], 1), atol=1.01 / 255)
    assert {"sphericalHarmonics1", "sphericalHarmonics2", "sphericalHarmonics3"} <= found.keys()


PAGE = """<!doctype html><meta charset="utf-8"><style>html, body { margin: 0; background: #000 }</style>
<script type="importmap">{"imports": {"three": "/three/build/three.webgpu.js",
"three/webgpu": "/three/build/three.webgpu.js", "three/tsl": "/three/build/three.tsl.js",
"three/addons/": "/three/examples/jsm/"}}</script>
<script type="module">
import * as THREE from "three/webgpu";
import { GLTFLoader } from "three/addons/loaders/GLTFLoader.js";
import { GLTFGaussianSplatLoaderExtension } from "three/addons/loaders/GLTFGaussianSplatLoaderExtension.js";
try {
  const renderer = new THREE.WebGPURenderer({ forceWebGL: true });
  await renderer.init();
  renderer.setSize(240, 240, false);
  document.body.append(renderer.domElement);
  const scene = new THREE.Scene();
  scene.background = new THREE.Color(0);
  const camera = new THREE.PerspectiveCamera(40, 1, 0.1, 100);
  camera.position.set(0, 0, 4);
  const loader = new GLTFLoader();
  loader.register((parser) => new GLTFGaussianSplatLoaderExtension(parser));
  scene.add((await loader.loadAsync("/scene.glb")).scene);
  renderer.setAnimationLoop(() => renderer.render(scene, camera));
  for (let i = 0; i < 6; i++) await new Promise(requestAnimationFrame);
  window.done = "drawn";
} catch (error) {
  window.done = String(error.stack || error);
}
</script>
"""


class Handler(http.server.SimpleHTTPRequestHandler):
    def translate_path(self, path: str) -> str:
        if path.startswith("/three/"):
            return str(npm_folder() / "node_modules" / path[1:])
        return super().translate_path(path)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/page.html"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def ball(rgb: tuple[float, float, float], place: tuple[float, float, float]) -> Gaussians:
    small = blob(rgb, 200, size=0.06)
    return Gaussians(0.3 * small.means + torch.tensor(place), *small.tensors()[1:])


def test_three_shows_it_right_side_up(tmp_path: Path) -> None:
    """Red up, green right, blue towards a viewer who stands in the south, where our cameras begin."""
    npm_folder()
    parts = [ball((0.9, 0.0, 0.0), (0.0, 0.0, 0.8)), ball((0.0, 0.9, 0.0), (0.8, 0.0, 0.0))]
    write_gaussians(tmp_path / "scene.glb", Gaussians.cat([*parts, ball((0.0, 0.0, 0.9), (0.0, -0.8, 0.0))]))
    (tmp_path / "page.html").write_text(PAGE)
    with served(tmp_path) as url, browser(url) as page:
        page.wait_for_function("window.done", timeout=PATIENCE * 1000)
        assert page.evaluate("window.done") == "drawn"
        page.screenshot(path=tmp_path / "shot.png", timeout=PATIENCE * 1000)
    image = np.asarray(Image.open(tmp_path / "shot.png").convert("RGB")).astype(float)[:, :240]
    places = {}
    for channel, name in enumerate(("red", "green", "blue")):
        rows, columns = np.nonzero((image[..., channel] > 150) & (image.sum(axis=2) < 1.5 * image[..., channel]))
        assert len(rows) > 200, name
        places[name] = (columns.mean(), rows.mean(), len(rows))
    x, y, size = places["blue"]
    assert abs(x - 120) < 12
    assert abs(y - 120) < 12
    assert abs(places["red"][0] - 120) < 12
    assert places["red"][1] < y - 40
    assert places["green"][0] > x + 40
    assert abs(places["green"][1] - 120) < 12
    assert size > 1.15 * places["red"][2], "the nearest ball is the largest"
