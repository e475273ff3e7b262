"""The first scene of a run. What comes from a file is brought to where the cameras look, and what was done is said."""

from __future__ import annotations

import math
from dataclasses import replace

import torch

from gs_stein.cameras.options import CameraOptions, OrbitCameras, RoomCameras
from gs_stein.cameras.sampling import sample_cameras
from gs_stein.config.schema import Config
from gs_stein.gaussians.initialise import initialise, read_start
from gs_stein.gaussians.model import Gaussians
from gs_stein.gaussians.options import BallStart, FileStart, PointsStart
from gs_stein.types import Cameras

_VIEWS = 32
_GRID = 15
"""Cells along each side of a view."""
_SEEN = 0.01
"""Share of the views' cells that must hold something: about two cells a view."""
_OUTER = (0.02, 0.98)
"""Quantiles that the extent is measured between, so that stragglers do not count."""
_STEP = 1.5
"""Metres above or below a scene from which cameras may look at it: ground without anything on it has no height."""
_PROPORTION = 3.0
"""A scene whose width differs from the room's by more than this factor is in another unit."""


def first_scene(config: Config, generator: torch.Generator) -> tuple[Gaussians, tuple[str, ...]]:
    """Make or read what `config.start` says.

    Args:
        config: of the run.
        generator: the only source of randomness (CPU); a file needs none.

    Returns:
        float32 Gaussians on the CPU, and what was changed or left aside of a file, a line each.

    Raises:
        ValueError: an option is out of range, or the file is bad.
    """
    if not isinstance(config.start, FileStart | PointsStart):
        return initialise(config.start, generator, config.sh_degree), ()
    gaussians, notes = read_start(config.start, config.sh_degree)
    gaussians, moved = fitted(gaussians, config.cameras)
    return gaussians, tuple(f"{config.start.path}: {note}" for note in (*notes, *moved))


def fitted(gaussians: Gaussians, options: CameraOptions) -> tuple[Gaussians, list[str]]:
    """The scene, moved and scaled if a run's cameras would miss it, and a line that says so.

    Objects come to the middle of the cameras' sphere, scenes to the middle of the room's floor. Nothing is turned.

    Args:
        gaussians: the scene.
        options: of the cameras that the run draws.
    """
    means = gaussians.means.double()
    low, high = torch.quantile(_some(means), torch.tensor(_OUTER, dtype=torch.float64), dim=0)
    cameras = sample_cameras(options, _VIEWS, torch.Generator().manual_seed(0))
    if cells_filled(gaussians, cameras) < _SEEN:
        why = "the cameras would see next to nothing of it"
    elif isinstance(options, OrbitCameras) and float(means.norm(dim=1).median()) > options.radius[0]:
        why = "the cameras would stand inside the object"
    elif isinstance(options, RoomCameras) and not low[2] - _STEP <= sum(options.height) / 2 <= high[2] + _STEP:
        why = "the cameras would look at it from above or below"
    else:
        return gaussians, []
    middle = (low + high) / 2
    if isinstance(options, OrbitCameras):
        anchor = middle
        reach = float(torch.quantile(_some((means - middle).norm(dim=1)), _OUTER[1]))
        scale = BallStart().radius / reach if reach > 0 else 1.0
    else:
        anchor = torch.stack([middle[0], middle[1], low[2]])
        ratio = float((high - low)[:2].max()) / max(options.size[:2])
        scale = 1 / ratio if ratio > _PROPORTION or 0 < ratio < 1 / _PROPORTION else 1.0
    moved = replace(
        gaussians, means=((means - anchor) * scale).float(), log_scales=gaussians.log_scales + math.log(scale)
    )
    # Adding nothing takes away the sign of zeros.
    x, y, z = (round(-length, 4) + 0.0 for length in anchor.tolist())
    return moved, [f"{why}: moved by ({x:g}, {y:g}, {z:g}) m, then scaled by {scale:.4g}"]


def cells_filled(gaussians: Gaussians, cameras: Cameras) -> float:
    """Mean share of the cells of a coarse grid over each view in which the centre of a Gaussian lies.

    Args:
        gaussians: N of them.
        cameras: the views.
    """
    means = _some(gaussians.means.double())
    filled = 0.0
    for view, K in zip(cameras.viewmats.double(), cameras.Ks.double(), strict=True):
        points = means @ view[:3, :3].T + view[:3, 3]
        points = points[points[:, 2] > 0.01]
        pixels = points @ K.T
        across = (pixels[:, 0] / pixels[:, 2] * _GRID / cameras.width).floor()
        down = (pixels[:, 1] / pixels[:, 2] * _GRID / cameras.height).floor()
        inside = (across >= 0) & (across < _GRID) & (down >= 0) & (down < _GRID)
        filled += len(torch.unique((down * _GRID + across)[inside])) / _GRID**2
    return filled / len(cameras)


def _some(values: torch.Tensor, most: int = 20_000) -> torch.Tensor:
    """An even sample of the rows: enough for a quantile, and `torch.quantile` takes no more than 16 million."""
    return values[:: max(1, len(values) // most)]
