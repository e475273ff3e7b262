"""A page of its own: one .html that shows the splats in any browser, from the disk, without a server or a network.

The page (`page/`) is ours: it sorts, projects and blends as our rasterizer does. A Gaussian takes 32 bytes, without
view dependence; `page/renderer.js` describes them.
"""

from __future__ import annotations

import base64
import html
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float, UInt32

from gs_stein.files import PACKAGE, atomic_file
from gs_stein.gaussians.formats.common import unit_quats, worth_writing
from gs_stein.gaussians.model import Gaussians, sh_to_rgb
from gs_stein.gaussians.options import ALPHA_MIN
from gs_stein.gaussians.orientation import to_axes
from gs_stein.gaussians.views import DARK, View, middle, views_of

_PAGE = PACKAGE / "gaussians" / "formats" / "page"
_LIMIT = 8_000_000
"""Gaussians in a page at most: what fits into the longest text that a browser takes."""
_LOW, _SPAN = -20.0, 32.0
"""Range of the logarithms of scales."""
_WHITEST = 4.0
"""Colours are held below it."""
_BLOCK = 3 << 18
"""Bytes of base64 at once; a multiple of three."""
_HELP = """Drag: turn. Right button, Shift or two fingers: shift. Wheel or pinch: nearer.
W A S D, arrows, Q, E: walk. 1 to 9: views. T: tour. L: turn the head instead of the scene. H: hide the buttons."""


def write_html(
    path: Path,
    gaussians: Gaussians,
    axes: str = "z-up",
    views: Sequence[View] = (),
    tour: Float[np.ndarray, "F 6"] | None = None,
    tour_seconds: float = 20.0,
    background: float = DARK,
    title: str | None = None,
    render_mode: Literal["default", "mip"] = "default",
) -> None:
    """Write a page that shows the scene right side up: named views, a tour, mouse, touch and keys.

    Args:
        path: the file; an old one is replaced in one step.
        gaussians: a scene of our world, on any device; view dependence is left out, and what is too faint to be seen.
        axes: the convention that the page's numbers are in; what is up on the screen does not depend on it.
        views: to choose from, in our world; the first one is shown at the beginning. By default those of `views_of`.
        tour: positions (metres), heading and pitch and vertical field of view (radians) along a path that is filmed,
            in our world (see `tour_of`); by default a turn around the scene, or on the spot inside a room.
        tour_seconds: how long it takes.
        background: grey level behind the splats, in [0, 1].
        title: of the page; by default the file's name.
        render_mode: "mip" for a scene trained with antialiasing.

    Raises:
        ValueError: there are no Gaussians that can be seen, more than fit into a page, a value is not finite, or the
            file cannot be written.
    """
    scene = worth_writing(path, Gaussians(*gaussians.tensors()[:4], gaussians.sh[:, :1]), axes)
    scene = scene[scene.opacities >= ALPHA_MIN]
    if len(scene) == 0:
        raise ValueError(f"{path}: every one of {len(gaussians)} Gaussians is too faint to be seen; nothing to write")
    if len(scene) > _LIMIT:
        raise ValueError(f"{path}: not written: {len(scene)} Gaussians are more than the {_LIMIT} of a page; use fewer")
    to_world = to_axes(axes).T
    means = (scene.means.double() @ to_world.T).numpy()
    found = middle(means)
    assert found is not None
    white = float(sh_to_rgb(scene.sh[:, 0]).max().clamp(1.0, _WHITEST))
    settings: dict[str, Any] = {
        "views": [vars(view) for view in views or views_of(means)],
        "tour": None if tour is None else [[round(v, 5) for v in row] for row in np.asarray(tour).tolist()],
        "tourCloses": tour is not None and _closes(tour),
        "tourSeconds": tour_seconds,
        "inside": found.empty,
        "size": 2 * max(found.half),
        "toWorld": to_world.tolist(),
        "background": min(max(float(background), 0.0), 1.0),
        "white": white,
        "dilation": 0.3,
        "antialiased": render_mode == "mip",
        "help": _HELP,
    }
    before, after = _page(title or Path(path).stem, settings).split("{{data}}")
    data = packed(scene, white).view(np.uint8).reshape(-1)
    with atomic_file(path) as file:
        file.write(before.encode())
        for i in range(0, len(data), _BLOCK):
            file.write(base64.b64encode(data[i : i + _BLOCK].data))
        file.write(after.encode())


def packed(scene: Gaussians, white: float) -> UInt32[np.ndarray, "N 8"]:
    """Eight words a Gaussian, as the page's renderer reads them.

    Args:
        scene: in the page's axes, degree 0.
        white: what the largest colour stands for.
    """
    words = np.empty((len(scene), 8), "<u4")
    words[:, :3] = scene.means.contiguous().numpy().view("<u4")
    rgb = _steps(sh_to_rgb(scene.sh[:, 0]) / white, 1023)
    words[:, 3] = rgb[:, 0] | rgb[:, 1] << 10 | rgb[:, 2] << 20
    quats = (unit_quats(scene.quats)[:, [1, 2, 3, 0]] * 32767).round().to(torch.int16)
    words[:, 4:6] = quats.contiguous().numpy().view("<u4")
    fractions = torch.cat([(scene.log_scales - _LOW) / _SPAN, scene.opacities[:, None]], dim=1)
    words[:, 6:] = np.ascontiguousarray(_steps(fractions, 65535).astype("<u2")).view("<u4")
    return words


def tour_of(viewmats: Float[np.ndarray, "F 4 4"], fov: Float[np.ndarray, " F"]) -> Float[np.ndarray, "F 6"]:
    """A path of cameras as `write_html` takes it; roll is left out.

    Args:
        viewmats: world-to-camera matrices, OpenCV axes.
        fov: vertical fields of view, radians.
    """
    rotation, shift = viewmats[:, :3, :3], viewmats[:, :3, 3]
    positions = -np.einsum("fij,fi->fj", rotation, shift)
    ahead = rotation[:, 2]
    pitch = np.arcsin(ahead[:, 2].clip(-1, 1))
    # From the right-hand side, which is level, rather than from ahead: a camera may look straight down.
    yaw = np.arctan2(-rotation[:, 0, 1], rotation[:, 0, 0])
    return np.concatenate([positions, yaw[:, None], pitch[:, None], fov[:, None]], axis=1)


def _closes(tour: Float[np.ndarray, "F 6"]) -> bool:
    """Whether the step from the end to the beginning is like the others."""
    if len(tour) < 3:
        return False
    steps = np.linalg.norm(np.diff(np.concatenate([tour, tour[:1]])[:, :3], axis=0), axis=1)
    turns = np.diff(np.concatenate([tour, tour[:1]])[:, 3])
    turns = np.abs((turns + math.pi) % (2 * math.pi) - math.pi)
    return bool(steps[-1] <= 2 * steps[:-1].max() + 1e-6 and turns[-1] <= 2 * turns[:-1].max() + 1e-6)


def _page(title: str, settings: dict[str, Any]) -> str:
    """The page but for its splats."""
    script = "".join((_PAGE / name).read_text(encoding="utf-8") for name in ("renderer.js", "controls.js"))
    grey = round(255 * settings["background"])
    # Whatever a title holds, it ends neither the element that it stands in nor becomes a placeholder.
    parts = {
        "title": html.escape(title).replace("{", "&#123;"),
        "background": f"rgb({grey}, {grey}, {grey})",
        "settings": json.dumps(settings, allow_nan=False).replace("<", "\\u003c").replace("{{", "{ {"),
        "script": script,
    }
    page = (_PAGE / "index.html").read_text(encoding="utf-8")
    for name, text in parts.items():
        page = page.replace("{{" + name + "}}", text)
    return page


def _steps(fractions: torch.Tensor, most: int) -> np.ndarray:
    return (fractions.clamp(0, 1) * most).round().to(torch.int32).numpy().astype(np.uint32)
