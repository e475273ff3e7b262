"""Contact sheets of the world: rows are scenes, columns yaw angles (or azimuths)."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from gs_stein.cameras.options import OrbitCameras
from gs_stein.cameras.sampling import inside, orbit
from gs_stein.types import Cameras
from gs_stein.world.builder import Scene
from gs_stein.world.captions import captions
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


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Contact sheet of the procedural world")
    parser.add_argument("--output", type=Path, required=True, help="picture to write")
    parser.add_argument("--kind", default=None, help="kind of scene (default: the mixture)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first row")
    parser.add_argument("--rows", type=int, default=8)
    parser.add_argument("--views", type=int, default=8)
    parser.add_argument("--resolution", type=int, default=128)
    options = parser.parse_args()
    scenes = [draw_scene(options.seed + k, options.kind) for k in range(options.rows)]
    for k, scene in enumerate(scenes):
        print(f"{options.seed + k}: {scene.style} {scene.time}: {captions(scene, k, 1)[0]}")
    partial = options.output.with_name(options.output.name + ".part")
    Image.fromarray(sheet(scenes, options.views, options.resolution)).save(partial, format="PNG")
    os.replace(partial, options.output)


if __name__ == "__main__":
    main()
