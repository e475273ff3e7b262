"""Pictures of scenes: RGB, depth, normals and labels of every view, ray traced.

Light is gathered once per pixel and surface: lamps, windows, the sun and ambient occlusion by rays (see
`visibility.py`), bounced light from a radiosity of the empty room (see `radiosity.py`). Textures and edges get 2×2
samples a pixel; only pixels on edges trace all four.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import no_type_check

import numpy as np
from jaxtyping import Float, Int, UInt8
from numba import njit

from gs_stein.types import Cameras
from gs_stein.world.builder import Scene
from gs_stein.world.render.arrays import TILE, Camera, Light, Picture, Sampling, SceneArrays, Surfaces, TileLists
from gs_stein.world.render.cull import bounds
from gs_stein.world.render.kernels import OPTIONS
from gs_stein.world.render.packet import PACKET
from gs_stein.world.render.pixels import fill_edges, fill_insides, tone_table
from gs_stein.world.render.primary import see
from gs_stein.world.render.radiosity import bounce
from gs_stein.world.render.shading import gather_light
from gs_stein.world.render.visibility import BAYER, SAMPLES, blur, gather_visibility

REACH_INDOORS, REACH_OUTDOORS = 0.7, 0.5
"""Metres within which things occlude bounced light."""
_TONES = tone_table()


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
def _render_view(scene, camera, sampling, surfaces, picture):
    """Fill `picture` with one view, and `surfaces` with what it sees; zeros on entry."""
    (height, width), n, count = surfaces.hits.shape, len(scene.shapes), len(scene.lights)
    tiles = ((height + TILE - 1) // TILE) * ((width + TILE - 1) // TILE)
    w = np.zeros(PACKET, np.float32)
    candidates = TileLists(np.empty((tiles, n), np.int32), np.empty(tiles, np.int32))
    see(scene, camera, w, candidates, surfaces, picture)
    seen, other = np.zeros((2, height, width, count + 1), np.float32)
    light = Light(np.zeros((height, width, count), np.float32), seen, np.zeros((height, width, 3), np.float32))
    gather_visibility(scene, sampling, w, surfaces, light)
    blur(seen, other, surfaces, True)
    blur(other, seen, surfaces, False)
    gather_light(scene, surfaces, light)
    edges = TileLists(np.empty((tiles, TILE * TILE), np.int32), np.empty(tiles, np.int32))
    fill_insides(scene, camera, surfaces, light, picture, edges)
    fill_edges(scene, camera, w, candidates, surfaces, light, picture, edges)


def _scene_arrays(scene: Scene) -> SceneArrays:
    """A scene as the kernels read it, with its bounced light."""
    bounced = bounce(scene)
    return SceneArrays(
        scene.shapes,
        scene.geometry,
        scene.geometry.astype(np.float32).ravel(),
        bounds(scene.shapes, scene.geometry),
        scene.casts,
        scene.material_ids,
        scene.thing_ids,
        scene.materials,
        scene.materials[scene.material_ids[-6:]],
        scene.lights,
        scene.room,
        scene.background,
        bounced.probes,
        bounced.exposure,
    )


def render(scene: Scene, cameras: Cameras) -> Views:
    """Ray trace V views of a scene.

    Args:
        scene: what to look at.
        cameras: V views of one size.

    Returns:
        Colour, depth, normals, labels and coverage of every view.
    """
    arrays = _scene_arrays(scene)
    sampling = Sampling(SAMPLES, BAYER, REACH_INDOORS if scene.room[0] > 0 else REACH_OUTDOORS)
    V, H, W = len(cameras), cameras.height, cameras.width
    rgb = np.zeros((V, H, W, 3), np.uint8)
    depth, alpha = np.zeros((V, H, W), np.float32), np.zeros((V, H, W), np.float32)
    normals, labels = np.zeros((V, H, W, 3), np.float32), np.zeros((V, H, W), np.int16)
    hits, ranges, points = np.zeros((H, W), np.int32), np.zeros((H, W), np.float32), np.zeros((H, W, 3), np.float32)
    viewmats, Ks = cameras.viewmats.double().numpy(), cameras.Ks.double().numpy()
    for v in range(V):
        R, translation, K = np.ascontiguousarray(viewmats[v, :3, :3]), viewmats[v, :3, 3], Ks[v]
        camera = Camera(-R.T @ translation, R, K[0, 0], K[1, 1], K[0, 2], K[1, 2])
        points[:] = 0
        picture = Picture(rgb[v], depth[v], labels[v], alpha[v], _TONES)
        _render_view(arrays, camera, sampling, Surfaces(hits, ranges, points, normals[v]), picture)
    return Views(rgb, depth, normals, labels, alpha)
