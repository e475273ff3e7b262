"""Meshes in files, each right side up where its kind is opened: .glb and .obj with y up, .ply with z up.

Blender, three.js and game engines take .glb and .obj as y up. A .ply of a mesh has no convention; what opens it
(Blender, MeshLab, CloudCompare, robotics) shows z up, unlike viewers of splats.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np

from gs_stein.files import write_atomically
from gs_stein.gaussians.orientation import to_axes
from gs_stein.mesh.surface import Mesh

AXES = {".glb": "y-up", ".obj": "y-up", ".ply": "z-up"}
"""Suffix → the convention that it is written in."""
_FLOAT, _UINT, _VERTICES, _INDICES = 5126, 5125, 34962, 34963


def write_mesh(path: Path, mesh: Mesh, axes: str | None = None) -> None:
    """Write a mesh with normals and vertex colours, whole or not at all.

    Args:
        path: .glb, .obj or .ply; an old file is replaced in one step.
        mesh: in our world.
        axes: the convention to write in instead of the suffix's own.

    Raises:
        ValueError: no such suffix or axes, or the file cannot be written.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in AXES:
        raise ValueError(f"{path}: a mesh cannot be written so; give one of {', '.join(AXES)}")
    rotation = to_axes(AXES[suffix] if axes is None else axes).numpy()
    vertices, normals = mesh.vertices @ rotation.T, mesh.normals @ rotation.T
    table = np.concatenate([vertices, normals, mesh.colours], axis=1).astype("<f4")
    make = {".glb": _glb, ".obj": _obj, ".ply": _ply}[suffix]
    write_atomically(Path(path), make(table, mesh.triangles, AXES[suffix] if axes is None else axes))


def linear(colours: np.ndarray) -> np.ndarray:
    """Display values (sRGB) in [0, 1] as linear light, which glTF's COLOR_0 holds."""
    return np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)


def _glb(table: np.ndarray, triangles: np.ndarray, axes: str) -> bytes:
    """The colours hold the light already: an unlit material shows them as they are."""
    columns = [table[:, :3], table[:, 3:6], linear(table[:, 6:].astype(np.float64)).astype("<f4")]
    parts = [np.ascontiguousarray(column).tobytes() for column in columns] + [triangles.astype("<u4").tobytes()]
    views, start = [], 0
    for i, part in enumerate(parts):
        views.append(
            {"buffer": 0, "byteOffset": start, "byteLength": len(part), "target": _VERTICES if i < 3 else _INDICES}
        )
        start += len(part)
    accessors = [{"bufferView": i, "componentType": _FLOAT, "count": len(table), "type": "VEC3"} for i in range(3)] + [
        {"bufferView": 3, "componentType": _UINT, "count": triangles.size, "type": "SCALAR"}
    ]
    accessors[0] |= {"min": table[:, :3].min(axis=0).tolist(), "max": table[:, :3].max(axis=0).tolist()}
    primitive = {"attributes": {"POSITION": 0, "NORMAL": 1, "COLOR_0": 2}, "indices": 3, "material": 0, "mode": 4}
    document = {
        "asset": {"version": "2.0", "generator": f"gs_stein, metres, {axes}"},
        "extensionsUsed": ["KHR_materials_unlit"],
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [primitive]}],
        "materials": [{
            "pbrMetallicRoughness": {"metallicFactor": 0, "roughnessFactor": 1},
            "extensions": {"KHR_materials_unlit": {}},
        }],
        "accessors": accessors,
        "bufferViews": views,
        "buffers": [{"byteLength": start}],
    }  # fmt: skip
    text = json.dumps(document, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    head = struct.pack("<4s2I", b"glTF", 2, 28 + len(text) + start)
    chunks = struct.pack("<2I", len(text), 0x4E4F534A) + text + struct.pack("<2I", start, 0x004E4942)
    return b"".join([head, chunks, *parts])


def _obj(table: np.ndarray, triangles: np.ndarray, axes: str) -> bytes:
    """Colours behind the positions, as MeshLab, Blender and Open3D read them."""
    lines = [f"# gs_stein, metres, {axes}; v x y z red green blue"]
    lines += ["v {:.6g} {:.6g} {:.6g} {:.4f} {:.4f} {:.4f}".format(*row) for row in table[:, [0, 1, 2, 6, 7, 8]]]
    lines += ["vn {:.4f} {:.4f} {:.4f}".format(*row) for row in table[:, 3:6]]
    lines += ["f {0}//{0} {1}//{1} {2}//{2}".format(*row) for row in (triangles + 1).tolist()]
    return ("\n".join(lines) + "\n").encode()


def _ply(table: np.ndarray, triangles: np.ndarray, axes: str) -> bytes:
    """Colours as bytes, which is what everybody expects."""
    names = ("x", "y", "z", "nx", "ny", "nz")
    vertices = np.empty(len(table), [*((name, "<f4") for name in names), ("rgb", "u1", 3)])
    for i, name in enumerate(names):
        vertices[name] = table[:, i]
    vertices["rgb"] = np.rint(table[:, 6:] * 255).clip(0, 255)
    faces = np.empty(len(triangles), [("count", "u1"), ("corners", "<i4", 3)])
    faces["count"], faces["corners"] = 3, triangles
    header = [
        "ply", "format binary_little_endian 1.0", f"comment gs_stein, metres, {axes}",
        f"element vertex {len(table)}", *(f"property float {name}" for name in names),
        *(f"property uchar {name}" for name in ("red", "green", "blue")),
        f"element face {len(triangles)}", "property list uchar int vertex_indices", "end_header", "",
    ]  # fmt: skip
    return "\n".join(header).encode() + vertices.tobytes() + faces.tobytes()
