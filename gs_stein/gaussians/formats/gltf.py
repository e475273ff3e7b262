"""Splats in glTF: a .glb whose points carry the ratified extension KHR_gaussian_splatting, uncompressed.

Scales and opacities are linear, rotations unit quaternions x y z w, harmonics the raw coefficients, one column each.

Source: https://github.com/KhronosGroup/glTF/tree/main/extensions/2.0/Khronos/KHR_gaussian_splatting
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from gs_stein import __version__
from gs_stein.gaussians.formats.common import Content, first_line, unit_quats, worth_writing
from gs_stein.gaussians.formats.glb_file import Accessor, GlbFile, item, read_glb, write_glb
from gs_stein.gaussians.formats.placing import Pieces, Place, from_linear, place_of
from gs_stein.gaussians.formats.table import AXES
from gs_stein.gaussians.model import MAX_SH_DEGREE, Gaussians

_EXTENSION = "KHR_gaussian_splatting"
_UNDERSTOOD = {_EXTENSION, "KHR_mesh_quantization"}
"""Extensions that a file may require."""
_COLOURS = "srgb_rec709_display"
_POINTS = 0


def write_gltf(
    path: Path, gaussians: Gaussians, axes: str = "y-up", render_mode: Literal["default", "mip"] = "default"
) -> None:
    """Write a .glb with KHR_gaussian_splatting, 56 bytes a Gaussian at SH degree 0 and 236 at 3; nothing is rounded
    but what making scales and opacities linear costs.

    Args:
        path: the file; an old one is replaced in one step.
        gaussians: a scene of our world, on any device.
        axes: the convention to write in; glTF knows only "y-up", others are named in asset.extras.
        render_mode: as in a standard .ply; "mip" is named in asset.extras.

    Raises:
        ValueError: there are no Gaussians, a value is not finite or a scale not below 3.4e38 m, or the file cannot be
            written.
    """
    scene = worth_writing(path, gaussians, axes)
    scales = scene.scales.numpy()
    if not np.isfinite(scales).all():
        raise ValueError(f"{path}: not written: a scale of e^{scene.log_scales.max():.0f} m is too large for a .glb")
    columns = {
        "POSITION": scene.means.numpy(),
        _name("ROTATION"): unit_quats(scene.quats)[:, [1, 2, 3, 0]].numpy(),
        _name("SCALE"): scales,
        _name("OPACITY"): scene.opacities[:, None].numpy(),
    }
    columns |= {name: scene.sh[:, i].numpy() for i, name in enumerate(_harmonics(scene.sh_degree))}
    said = {"axes": axes} if axes != "y-up" else {}
    said |= {"renderMode": render_mode} if render_mode != "default" else {}
    asset: dict[str, Any] = {"version": "2.0", "generator": f"gs_stein {__version__}"}
    primitive = {
        "attributes": {name: i for i, name in enumerate(columns)},
        "mode": _POINTS,
        "extensions": {_EXTENSION: {"kernel": "ellipse", "colorSpace": _COLOURS}},
    }
    document = {
        "asset": asset | ({"extras": {"gs_stein": said}} if said else {}),
        "extensionsUsed": [_EXTENSION],
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "name": "splats"}],
        "meshes": [{"primitives": [primitive]}],
    }
    write_glb(path, document, list(columns.values()))


def read_gltf(path: Path) -> Content:
    """Read the splats of a .glb where its scene places them; meshes in it are left aside.

    Raises:
        ValueError: one line with the file and its fault: truncated, compressed, sparse, without splats, a needed
            attribute missing, counts that do not fit, or a node that stretches or mirrors.
    """
    glb = read_glb(path)
    try:
        return _content(glb)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        # A ValueError of ours says all; whatever else happens comes from JSON that is not as the specification says.
        words = first_line(error) if isinstance(error, ValueError) else f"is no valid glTF ({error!r:.80})"
        raise ValueError(f"{path}: {words}") from error


def _content(glb: GlbFile) -> Content:
    document = glb.document
    if unknown := set(document.get("extensionsRequired", ())) - _UNDERSTOOD:
        raise ValueError(f"needs {', '.join(sorted(unknown))}, which is not read; export it without compression")
    notes, pieces, others = set(), [], 0
    for place, mesh in _placed(document):
        for primitive in mesh["primitives"]:
            extension = primitive.get("extensions", {}).get(_EXTENSION)
            if extension is None:
                others += 1
                continue
            if more := extension.get("extensions"):
                raise ValueError(f"its splats are in {', '.join(more)}, which is not read; export them plainly")
            if (kernel := extension.get("kernel", "ellipse")) != "ellipse":
                raise ValueError(f"its splats have the kernel {kernel!r}; only 'ellipse' is known")
            if (colours := extension.get("colorSpace", _COLOURS)) != _COLOURS:
                notes.add(f"colours are {colours} and are taken as if they were {_COLOURS}")
            pieces.append(_piece(glb, primitive, place))
    if not pieces:
        raise ValueError(f"holds no splats ({_EXTENSION}){f' but {others} other primitives' if others else ''}")
    if others:
        notes.add(f"{others} primitives without splats are left aside")
    said = document.get("asset", {}).get("extras", {})
    said = said.get("gs_stein", {}) if isinstance(said, dict) else {}
    axes = said.get("axes") if said.get("axes") in AXES else None
    return Content(Pieces(pieces), axes, "mip" if said.get("renderMode") == "mip" else "default", tuple(sorted(notes)))


@dataclass(frozen=True)
class _Piece:
    """The splats of one primitive, and where a node places them."""

    columns: list[Accessor]
    """Means, rotations, scales, opacities, then the harmonics."""
    place: Place

    def __len__(self) -> int:
        return len(self.columns[0].values)

    @property
    def sh_degree(self) -> int:
        return math.isqrt(len(self.columns) - 4) - 1

    def rows(self, index: slice) -> Gaussians:
        means, quats, scales, opacities, *sh = (column.numbers(index) for column in self.columns)
        if self.columns[3].values.dtype.itemsize == 1:
            opacities = opacities.clip(0.5 / 255, 1 - 0.5 / 255)  # 0 and 1 stand for half a step inside
        return self.place.move(from_linear(means, quats, scales, opacities[:, 0], np.stack(sh, axis=1)))


def _piece(glb: GlbFile, primitive: dict[str, Any], place: Place) -> _Piece:
    if primitive.get("mode", 4) != _POINTS:
        raise ValueError(f"its splats are no points: mode {primitive.get('mode', 4)} instead of {_POINTS}")
    attributes = primitive["attributes"]
    needed = {"POSITION": 3, _name("ROTATION"): 4, _name("SCALE"): 3, _name("OPACITY"): 1}
    degree = max(d for d in range(MAX_SH_DEGREE + 1) if d == 0 or _name(f"SH_DEGREE_{d}_COEF_0") in attributes)
    needed |= dict.fromkeys(_harmonics(degree), 3)
    if missing := [name for name in needed if name not in attributes]:
        raise ValueError(f"its splats lack {', '.join(missing)}")
    columns = [glb.accessor(attributes[name]) for name in needed]
    for (name, width), column in zip(needed.items(), columns, strict=True):
        if column.values.shape != (len(columns[0].values), width):
            raise ValueError(
                f"{name} has {len(column.values)} rows of {column.values.shape[1]}, not {len(columns[0].values)} "
                f"of {width}"
            )
    return _Piece(columns, place)


def _placed(document: dict[str, Any]) -> Iterator[tuple[Place, dict[str, Any]]]:
    """The meshes of the scene, and where they stand."""
    nodes, scenes = document.get("nodes", []), document.get("scenes", [])
    if scenes:
        roots = item(document, "scenes", document.get("scene", 0)).get("nodes", [])
    else:
        inner = {child for node in nodes for child in node.get("children", ())}
        roots = [i for i in range(len(nodes)) if i not in inner]
    waiting, left = [(np.eye(4), root) for root in reversed(roots)], len(nodes)
    while waiting:
        above, index = waiting.pop()
        if left == 0:
            raise ValueError("its nodes are no tree")
        left -= 1
        node = item(document, "nodes", index)
        matrix = above @ _matrix(node)
        if "mesh" in node:
            yield place_of(matrix, f"node {index}"), item(document, "meshes", node["mesh"])
        waiting += [(matrix, child) for child in reversed(node.get("children", ()))]


def _matrix(node: dict[str, Any]) -> np.ndarray:
    if "matrix" in node:
        return np.array(node["matrix"], np.float64).reshape(4, 4).T
    x, y, z, w = np.array(node.get("rotation", (0, 0, 0, 1)), np.float64)
    matrix = np.eye(4)
    matrix[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    matrix[:3, :3] *= np.array(node.get("scale", (1, 1, 1)), np.float64)
    matrix[:3, 3] = node.get("translation", (0, 0, 0))
    return matrix


def _name(what: str) -> str:
    return f"{_EXTENSION}:{what}"


def _harmonics(degree: int) -> list[str]:
    return [_name(f"SH_DEGREE_{d}_COEF_{i}") for d in range(degree + 1) for i in range(2 * d + 1)]
