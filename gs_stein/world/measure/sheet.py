"""Contact sheets of the world: `python -m gs_stein.world.measure.sheet --output sheet.png`.

Rows are scenes, columns yaw angles (azimuths of objects).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from gs_stein.cameras.options import OrbitCameras
from gs_stein.cameras.sampling import inside, orbit
from gs_stein.images import write_png
from gs_stein.types import Cameras
from gs_stein.world.builder import Scene
from gs_stein.world.captions import captions
from gs_stein.world.command import run_command
from gs_stein.world.render.render import render
from gs_stein.world.scenes import draw_scene


def turn(scene: Scene, views: int, resolution: int) -> Cameras:
    """One turn in the middle of a room, or around an object."""
    full = torch.full((views,), 1.0)
    if isinstance(scene.cameras, OrbitCameras):
        return orbit(360 * torch.arange(views) / views, 22 * full, 2.6 * full, 48 * full, resolution)
    return inside(
        torch.tensor([[0.0, -0.1, 1.5]]).expand(views, 3),
        360 * torch.arange(views) / views,
        -8 * full,
        72 * full,
        resolution,
    )


def sheet(scenes: list[Scene], views: int = 8, resolution: int = 128) -> np.ndarray:
    """Pictures of S scenes from all sides, (S·resolution, views·resolution, 3) uint8."""
    return np.concatenate([np.concatenate(list(render(s, turn(s, views, resolution)).rgb), axis=1) for s in scenes])


@dataclass(frozen=True)
class Options:
    """Draw scenes of the world from all sides, and print a caption of each."""

    output: Path
    """Picture to write."""
    kind: str | None = None
    """Kind of scene; None: the mixture."""
    seed: int = 0
    """Of the first row; the others follow."""
    rows: int = 8
    """Scenes."""
    views: int = 8
    """Columns."""
    resolution: int = 128
    """Side of a view in pixels."""


def main(options: Options) -> None:
    """Draw and write a sheet."""
    scenes = [draw_scene(options.seed + k, options.kind) for k in range(options.rows)]
    for k, scene in enumerate(scenes):
        print(f"{options.seed + k}: {scene.style} {scene.time}: {captions(scene, k, 1)[0]}")
    options.output.parent.mkdir(parents=True, exist_ok=True)
    write_png(options.output, sheet(scenes, options.views, options.resolution))


if __name__ == "__main__":
    run_command(main, Options, __doc__)
