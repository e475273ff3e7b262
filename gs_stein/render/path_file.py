"""Camera paths in JSON files."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import torch

from gs_stein.gaussians.formats.common import first_line, read_bytes
from gs_stein.live.camera_path import Keyframe, interpolate
from gs_stein.types import Cameras

HELP = (
    'give {"viewmats": [4×4 each], "Ks": [3×3 each], "width": W, "height": H}, one a frame, or '
    '{"keyframes": [{"wxyz": [w, x, y, z], "position": [x, y, z], "fov": radians}, …]}'
)


def read_path(path: Path, frames: int, width: int, height: int) -> Cameras:
    """Cameras of a JSON file, one a frame.

    Either matrices, one a frame ("viewmats" world to camera in OpenCV axes, "Ks" in pixels of a "width" × "height"
    picture), or the keyframes that the viewer records ("wxyz" camera to world, "position" in metres, "fov" vertical
    in radians), with a smooth path in between.

    Args:
        path: the file.
        frames: of a path through keyframes; matrices have as many as they are.
        width, height: of the pictures, pixels.

    Raises:
        ValueError: the file is missing or says something else.
    """
    data = read_bytes(path)
    try:
        tree = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: is no JSON ({first_line(error)}); {HELP}") from error
    tree = {"keyframes": tree} if isinstance(tree, list) else tree
    if not isinstance(tree, dict) or not ({"keyframes", "viewmats"} & set(tree)):
        raise ValueError(f"{path}: holds neither keyframes nor viewmats; {HELP}")
    try:
        if "keyframes" in tree:
            return interpolate([_keyframe(item) for item in tree["keyframes"]], frames, width, height)
        return _matrices(tree).resized(width, height)
    except (KeyError, TypeError, ValueError, IndexError, OverflowError, RuntimeError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else first_line(error)
        raise ValueError(f"{path}: {what}; {HELP}") from error


def _keyframe(item: Any) -> Keyframe:
    turn, place = ([float(v) for v in item[name]] for name in ("wxyz", "position"))
    fov = float(item["fov"])
    if len(turn) != 4 or len(place) != 3 or not all(map(math.isfinite, (*turn, *place))) or not any(turn):
        raise ValueError(f"a keyframe has wxyz {turn} and position {place}")
    if not 0.01 < fov < 3.1:
        raise ValueError(f"a keyframe's fov is {fov}, not between 0.01 and 3.1 radians")
    return Keyframe((turn[0], turn[1], turn[2], turn[3]), (place[0], place[1], place[2]), fov)


def _matrices(tree: dict[str, Any]) -> Cameras:
    viewmats = torch.tensor(tree["viewmats"], dtype=torch.float32)
    Ks = torch.tensor(tree["Ks"], dtype=torch.float32)
    Ks = Ks.expand(len(viewmats), 3, 3) if Ks.shape == (3, 3) else Ks
    width, height = int(tree["width"]), int(tree["height"])
    if (
        viewmats.shape[1:] != (4, 4)
        or Ks.shape != (len(viewmats), 3, 3)
        or len(viewmats) == 0
        or min(width, height) < 1
    ):
        raise ValueError(f"viewmats {tuple(viewmats.shape)} and Ks {tuple(Ks.shape)} are not one a frame")
    R = viewmats[:, :3, :3]
    if not bool(viewmats.isfinite().all() and Ks.isfinite().all()):
        raise ValueError("a matrix has a number that is not finite")
    if float((R @ R.transpose(1, 2) - torch.eye(3)).abs().max()) > 1e-2:
        raise ValueError("viewmats are no rotations and positions, world to camera")
    return Cameras(viewmats, Ks.contiguous(), width, height)
