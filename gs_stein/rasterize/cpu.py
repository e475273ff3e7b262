"""The compiled rasterizer: float32, all cores, forward and backward, the same bits for any number of threads.

Two autograd functions share the work, cut where densification looks: `_Project` ends and `_Blend` begins at the
projected centres `means2d`. The kernels release the interpreter lock and run on as many threads as
`torch.get_num_threads()` allows.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein.gaussians.model import Gaussians
from gs_stein.rasterize import cpu_blend, cpu_project, team
from gs_stein.rasterize.options import RasterizeOptions
from gs_stein.types import Cameras, Render

_compiled: set[str] = set()


@contextmanager
def _announce_compiling(what: str) -> Iterator[None]:
    """One line on stderr if a first call takes long, which it does only while the kernels are not cached yet."""
    if what in _compiled:
        yield
        return

    def announce() -> None:
        print(f"gs_stein: compiling the CPU rasterizer ({what}), once on this machine …", file=sys.stderr, flush=True)

    timer = threading.Timer(4.0, announce)
    timer.daemon = True
    timer.start()
    try:
        yield
        _compiled.add(what)
    finally:
        timer.cancel()


@dataclass(frozen=True)
class _Views:
    """Everything that is no tensor with a gradient."""

    viewmats: np.ndarray
    Ks: np.ndarray
    width: int
    height: int
    degree: int
    options: RasterizeOptions

    @property
    def tiles_x(self) -> int:
        return -(-self.width // cpu_blend.TILE)

    @property
    def tiles_y(self) -> int:
        return -(-self.height // cpu_blend.TILE)


@dataclass
class _Seen:
    """What the projection found: M seen (view, Gaussian) combinations, view after view, each by index."""

    extents: np.ndarray
    item_views: np.ndarray
    item_ids: np.ndarray
    items: np.ndarray
    view_starts: np.ndarray
    pair_starts: np.ndarray
    radii: Tensor


def _numpy(tensor: Tensor) -> np.ndarray:
    return tensor.detach().contiguous().numpy()


class _Project(torch.autograd.Function):
    """Raw parameters → means2d (V, N, 2), features (M, 13)."""

    @staticmethod
    def forward(
        ctx: Any, means: Tensor, log_scales: Tensor, quats: Tensor, logits: Tensor, sh: Tensor, views: _Views,
        box: list[_Seen],
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        raw = [_numpy(tensor) for tensor in (means, log_scales, quats, logits, sh)]
        n, v, options = means.shape[0], views.viewmats.shape[0], views.options
        chunks = -(-n // cpu_project.CHUNK)
        means2d, radii = torch.empty(v, n, 2), torch.empty(v, n, dtype=torch.int32)
        items = np.empty((v, n), np.int32)
        seen_features = np.empty((v, n, cpu_blend.FEATURES), np.float32)
        seen_extents, seen_ids = np.empty((v, n, 2), np.float32), np.empty((v, n), np.int32)
        counts, bounds = np.zeros((v, chunks), np.int64), np.zeros((v, chunks), np.int64)
        team.run(
            cpu_project.project_forward, 1 + n * v // 2048, *raw, views.viewmats, views.Ks, views.width,
            views.height, np.float32(options.near), np.float32(options.far), np.float32(options.eps2d),
            options.antialiased, views.degree, seen_features, seen_extents, seen_ids, counts, bounds, means2d.numpy(),
            radii.numpy(), items,
        )  # fmt: skip
        ends = counts.reshape(-1).cumsum()
        m = int(ends[-1]) if len(ends) else 0
        starts = (ends - counts.reshape(-1)).reshape(v, chunks)
        features = torch.empty(m, cpu_blend.FEATURES)
        seen = _Seen(
            extents=np.empty((m, 2), np.float32),
            item_views=np.empty(m, np.int32),
            item_ids=np.empty(m, np.int32),
            items=items,
            view_starts=np.concatenate([[0], counts.sum(axis=1).cumsum()]),
            pair_starts=np.concatenate([[0], bounds.sum(axis=1).cumsum()]),
            radii=radii,
        )
        team.run(
            cpu_project.pack_seen, 1 + m // 8192, starts, counts, seen_features, seen_extents, seen_ids,
            features.numpy(), seen.extents, seen.item_views, seen.item_ids, items,
        )  # fmt: skip
        box.append(seen)
        ctx.save_for_backward(means, log_scales, quats, logits, sh, features)
        ctx.views, ctx.items = views, items
        return means2d, features

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor | None, ...]:
        v_means2d, v_features = gradients
        *parameters, features = ctx.saved_tensors
        views: _Views = ctx.views
        raw = [_numpy(tensor) for tensor in parameters]
        out = [torch.empty(tensor.shape) for tensor in parameters]
        team.run(
            cpu_project.project_backward, 1 + len(features) // 512, *raw, views.viewmats, views.Ks, views.width,
            views.height, np.float32(views.options.eps2d), views.options.antialiased, views.degree, ctx.items,
            _numpy(features), _numpy(v_means2d), _numpy(v_features), *(tensor.numpy() for tensor in out),
        )  # fmt: skip
        return (*out, None, None)


class _Blend(torch.autograd.Function):
    """means2d, features, background → rgb, depth, alpha, normals."""

    @staticmethod
    def forward(
        ctx: Any, means2d: Tensor, features: Tensor, background: Tensor, views: _Views, seen: _Seen
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        v, width, height, with_normals = means2d.shape[0], views.width, views.height, views.options.normals
        tiles_x, tiles_y = views.tiles_x, views.tiles_y
        tiles, pairs = tiles_x * tiles_y, int(seen.pair_starts[-1])
        tile_ranges = np.empty((v, tiles, 2), np.int64)
        pair_items, pair_rows = np.empty(pairs, np.int32), np.empty(pairs, np.uint8)
        item_ranges, pair_slots = np.empty((features.shape[0], 2), np.int64), np.empty(pairs, np.int32)
        f = features.detach().numpy()
        team.run(
            cpu_blend.sort_and_bin, v, seen.view_starts, f, seen.extents, tiles_x, tiles_y, seen.pair_starts,
            tile_ranges, pair_items, pair_rows, item_ranges, pair_slots,
        )  # fmt: skip
        # Long tiles first, dealt out like cards: every share is about the same.
        lengths = (tile_ranges[..., 1] - tile_ranges[..., 0]).reshape(-1)
        order = np.argsort(-lengths, kind="stable")
        rgb, depth = torch.empty(v, height, width, 3), torch.empty(v, height, width)
        alpha = torch.empty(v, height, width)
        normals = torch.empty((v, height, width, 3) if with_normals else (0, 0, 0, 3))
        planes = np.empty((v * tiles, 512), np.float32)
        back = _numpy(background)
        team.run(
            cpu_blend.blend_forward, v * tiles, order, tiles_x, tiles_y, width, height, with_normals, f,
            tile_ranges, pair_items, pair_rows, back, rgb.numpy(), depth.numpy(), alpha.numpy(), normals.numpy(),
            planes,
        )  # fmt: skip
        ctx.save_for_backward(features, background, depth)
        ctx.views, ctx.seen, ctx.shape = views, seen, means2d.shape
        ctx.binned = (order, tile_ranges, pair_items, pair_rows, item_ranges, pair_slots, planes)
        return rgb, depth, alpha, normals

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor | None, ...]:
        with _announce_compiling("backward"):
            return _Blend._backward(ctx, *gradients)

    @staticmethod
    def _backward(ctx: Any, *gradients: Any) -> tuple[Tensor | None, ...]:
        features, background, depth = ctx.saved_tensors
        views: _Views = ctx.views
        seen: _Seen = ctx.seen
        order, tile_ranges, pair_items, pair_rows, item_ranges, pair_slots, planes = ctx.binned
        f = features.detach().numpy()
        v, tiles = ctx.shape[0], views.tiles_x * views.tiles_y
        pair_gradients = np.empty((len(pair_items), cpu_blend.PAIR_GRADIENTS), np.float32)
        v_background = np.empty((v, tiles, 3), np.float32)
        incoming = [_numpy(gradient) for gradient in gradients]
        team.run(
            cpu_blend.blend_backward, v * tiles, order, views.tiles_x, views.tiles_y, views.width, views.height,
            views.options.normals, f, tile_ranges, pair_items, pair_rows, pair_slots, _numpy(background),
            _numpy(depth), planes,
            *incoming, pair_gradients, v_background,
        )  # fmt: skip
        v_features, v_means2d = torch.empty_like(features), torch.zeros(ctx.shape)
        team.run(
            cpu_blend.gather_gradients, 1 + len(f) // 2048, views.options.normals, f, item_ranges, pair_gradients,
            seen.item_views, seen.item_ids, v_features.numpy(), v_means2d.numpy(),
        )  # fmt: skip
        return v_means2d, v_features, torch.from_numpy(v_background.sum(axis=1)), None, None


def rasterize_cpu(
    gaussians: Gaussians, cameras: Cameras, options: RasterizeOptions, background: Float[Tensor, "V 3"]
) -> Render:
    """Rasterize with compiled kernels. See `gs_stein.rasterize.api.rasterize`.

    Raises:
        ValueError: the tensors are not float32 on the CPU.
    """
    if gaussians.dtype != torch.float32 or gaussians.device.type != "cpu":
        raise ValueError(
            f"rasterize.backend: 'cpu' works on float32 tensors on the CPU, these are {gaussians.dtype} on "
            f"{gaussians.device}; convert with .to() or take 'reference'"
        )
    degree = gaussians.sh_degree if options.sh_degree is None else min(options.sh_degree, gaussians.sh_degree)
    views = _Views(_numpy(cameras.viewmats), _numpy(cameras.Ks), cameras.width, cameras.height, degree, options)
    box: list[_Seen] = []
    with _announce_compiling("forward"):
        means2d, features = _Project.apply(*gaussians.tensors(), views, box)
        (seen,) = box
        rgb, depth, alpha, normals = _Blend.apply(means2d, features, background, views, seen)
    return Render(rgb, depth, alpha, normals if options.normals else None, means2d, seen.radii)
