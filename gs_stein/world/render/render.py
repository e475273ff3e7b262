"""Pictures of scenes: RGB, depth, normals and labels of every view, ray traced.

Light is gathered once per pixel and surface: lamps, windows, the sun and ambient occlusion by rays (see
`visibility.py`), bounced light from a radiosity of the empty room (see `light.py`). Textures and edges get 2×2 samples
a pixel; only pixels on edges trace all four.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import no_type_check

import numpy as np
from jaxtyping import Float, Int, UInt8
from numba import njit

from gs_stein.types import Cameras
from gs_stein.world.builder import Scene
from gs_stein.world.render.pixels import _TONES, _fill_edges, _fill_insides
from gs_stein.world.render.primary import _see
from gs_stein.world.render.radiosity import bounce
from gs_stein.world.render.shading import _gather_light
from gs_stein.world.render.trace import LANES, PACKET, bounds
from gs_stein.world.render.visibility import BAYER, OPTIONS, REACH, SAMPLES, TILE, blur, gather_visibility


@dataclass(frozen=True)
class Views:
    """V rendered views."""

    rgb: UInt8[np.ndarray, "V H W 3"]
    """Tone-mapped sRGB."""
    depth: Float[np.ndarray, "V H W"]
    """Camera z in metres; 0 where nothing was hit."""
    normals: Float[np.ndarray, "V H W 3"]
    """World-space unit normals, facing the camera; 0 where nothing was hit."""
    labels: Int[np.ndarray, "V H W"]
    """Thing ids; 0 for none."""
    alpha: Float[np.ndarray, "V H W"]
    """Share of the pixel that something covers."""


@njit(**OPTIONS)
@no_type_check
def _render_view(
    shapes, geometry, g, boxes, casts, material_ids, thing_ids, materials, lights, room, background, probes, exposure,
    samples, bayer, tones, reach, eye, R, fx, fy, cx, cy, rgb, depth, normals, labels, alpha
):  # fmt: skip
    n, height, width, count = len(shapes), depth.shape[0], depth.shape[1], len(lights)
    tiles = ((height + TILE - 1) // TILE) * ((width + TILE - 1) // TILE)
    w = np.zeros(PACKET + LANES, np.float32)
    lists, counts = np.empty((tiles, n), np.int32), np.empty(tiles, np.int32)
    hits, ranges = np.empty((height, width), np.int32), np.empty((height, width), np.float32)
    points = np.zeros((height, width, 3), np.float32)
    _see(
        shapes, geometry, g, boxes, material_ids, thing_ids, materials, room, eye, R, fx, fy, cx, cy, w, lists,
        counts, hits, ranges, points, normals, depth, labels
    )  # fmt: skip
    seen, other = np.zeros((2, height, width, count + 1), np.float32)
    direct = np.zeros((height, width, count), np.float32)
    gather_visibility(
        shapes, g, boxes, casts, room, lights, samples, bayer, reach, w, hits, points, normals, direct, seen
    )
    blur(seen, other, hits, points, normals, True)
    blur(other, seen, hits, points, normals, False)
    light = np.zeros((height, width, 3), np.float32)
    _gather_light(
        shapes, geometry, material_ids, materials, lights, room, probes, hits, points, normals, direct, seen, light
    )
    edges, edge_counts = np.empty((tiles, TILE * TILE), np.int32), np.empty(tiles, np.int32)
    _fill_insides(
        shapes, geometry, material_ids, materials, lights, room, background, probes, exposure, tones, eye, R, fx, fy,
        cx, cy, hits, ranges, points, normals, depth, light, rgb, alpha, edges, edge_counts,
    )  # fmt: skip
    _fill_edges(
        shapes, geometry, g, material_ids, materials, lights, room, background, probes, exposure, tones, eye, R, fx, fy,
        cx, cy, w, lists, counts, hits, normals, light, seen, rgb, alpha, edges, edge_counts,
    )  # fmt: skip


def render(scene: Scene, cameras: Cameras) -> Views:
    """Ray trace V views of a scene.

    Args:
        scene: what to look at.
        cameras: V views of one size.

    Returns:
        Colour, depth, normals, labels and coverage of every view.
    """
    light = bounce(scene)
    boxes, flat = bounds(scene.shapes, scene.geometry), scene.geometry.astype(np.float32).ravel()
    V, H, W = len(cameras), cameras.height, cameras.width
    rgb = np.zeros((V, H, W, 3), np.uint8)
    depth, alpha = np.zeros((V, H, W), np.float32), np.zeros((V, H, W), np.float32)
    normals, labels = np.zeros((V, H, W, 3), np.float32), np.zeros((V, H, W), np.int16)
    viewmats, Ks = cameras.viewmats.double().numpy(), cameras.Ks.double().numpy()
    for v in range(V):
        R, translation, K = np.ascontiguousarray(viewmats[v, :3, :3]), viewmats[v, :3, 3], Ks[v]
        _render_view(
            scene.shapes, scene.geometry, flat, boxes, scene.casts, scene.material_ids, scene.thing_ids,
            scene.materials, scene.lights, scene.room, scene.background, light.probes, light.exposure, SAMPLES, BAYER,
            _TONES, REACH if scene.room[0] > 0 else 0.5, -R.T @ translation, R, K[0, 0], K[1, 1], K[0, 2], K[1, 2],
            rgb[v], depth[v], normals[v], labels[v], alpha[v]
        )  # fmt: skip
    return Views(rgb, depth, normals, labels, alpha)
