"""The compiled rasterizer: float32, all cores, forward and backward, the same bits for any number of threads.

Two autograd functions share the work, cut where densification looks: `_Project` ends and `_Blend` begins at the
projected centres `means2d`. The kernels release the interpreter lock and run on as many threads as
`torch.get_num_threads()` allows.
"""

from __future__ import annotations

import math
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein.gaussians.model import Gaussians
from gs_stein.rasterize import team
from gs_stein.rasterize.cpu_bin import group_by_tile, list_pairs, sort_by_depth
from gs_stein.rasterize.cpu_blend import blend_forward
from gs_stein.rasterize.cpu_blend_backward import blend_backward, gather_gradients
from gs_stein.rasterize.cpu_layouts import (
    CHUNK,
    FEATURES,
    PAIR_GRADIENTS,
    TILE,
    BlendGradients,
    Chunks,
    ImageGradients,
    Images,
    Kept,
    Listed,
    Pairs,
    ProjectedGradients,
    Scene,
    Seen,
    Slices,
    Views,
)
from gs_stein.rasterize.cpu_project import pack_seen, project_forward
from gs_stein.rasterize.cpu_project_backward import project_backward
from gs_stein.rasterize.options import FOV_MARGIN, RasterizeOptions
from gs_stein.types import Cameras, Render

_KERNELS = 9
_SLICE, _SAMPLE = 2048, 16
"""Gaussians of one view that are worth a thread when they are sorted; one in so many says where slices lie."""
_PATIENCE, _NEXT = 4.0, 0.5
"""Seconds that first calls of kernels may take, all together and each one, before it is said that they are compiled."""
_first_calls: dict[Any, float] = {}
"""Seconds of the first call, by kernel."""


def _run(kernel: Callable[..., bool], work: int, *arguments: Any) -> None:
    """`team.run`, with a line on stderr if a first call takes long: it does only while kernels are not cached yet."""
    if kernel in _first_calls:
        team.run(kernel, work, *arguments)
        return
    which = f"kernel {len(_first_calls) + 1} of {_KERNELS}"

    def announce() -> None:
        print(f"gs_stein: compiling the CPU rasterizer, once on this machine: {which} …", file=sys.stderr, flush=True)

    timer = threading.Timer(max(_NEXT, _PATIENCE - sum(_first_calls.values())), announce)
    timer.daemon = True
    timer.start()
    began = time.monotonic()
    try:
        team.run(kernel, work, *arguments)
        _first_calls[kernel] = time.monotonic() - began
    finally:
        timer.cancel()


def _numpy(tensor: Tensor) -> np.ndarray:
    return tensor.detach().contiguous().numpy()


def _limits(Ks: np.ndarray, width: int, height: int) -> np.ndarray:
    """Per view: lowest and highest x/z, then y/z, at which the projection is linearised: somewhat beyond the edges."""
    limits = []
    for axis, size in enumerate((width, height)):
        focal, centre = Ks[:, axis, axis], Ks[:, axis, 2]
        margin = np.float32(0.5 * FOV_MARGIN * size) / focal
        limits += [-(centre / focal + margin), (size - centre) / focal + margin]
    return np.stack(limits, axis=1).astype(np.float32)


_nothing = np.zeros(0, np.float32)


def _zeros(shape: tuple[int, ...]) -> np.ndarray:
    """To be read only: the same memory every time."""
    global _nothing
    size, nothing = math.prod(shape), _nothing  # which another thread may replace meanwhile
    if nothing.size < size:
        _nothing = nothing = np.zeros(size, np.float32)
    return nothing[:size].reshape(shape)


class _Spare:
    """Memory that the next call uses again: fresh memory comes page by page, which can take longer than the work."""

    MOST = 2**27
    """Bytes; more is not kept."""

    def __init__(self) -> None:
        self._kept: deque[np.ndarray] = deque(maxlen=1)

    def take(self, count: int) -> np.ndarray:
        """So many float32 of any content, from the beginning of a cache line on; to be given back."""
        try:
            memory = self._kept.pop()
        except IndexError:  # the first call, or another thread has it
            memory = np.empty(0, np.float32)
        if memory.size < count:
            memory = np.empty(count + count // 4 + 16, np.float32)
            memory = memory[-memory.ctypes.data % 64 // 4 :]
        return memory

    def give_back(self, memory: np.ndarray) -> None:
        """Keep it for the next call."""
        if memory.nbytes <= self.MOST:
            self._kept.append(memory)


_chunk_memory, _pair_memory = _Spare(), _Spare()


class _Project(torch.autograd.Function):
    """Raw parameters → means2d (V, N, 2), features (M, 13)."""

    @staticmethod
    def forward(
        ctx: Any, means: Tensor, log_scales: Tensor, quats: Tensor, logits: Tensor, sh: Tensor, views: Views,
        box: list[tuple[Seen, Tensor]],
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        scene = Scene(*(_numpy(tensor) for tensor in (means, log_scales, quats, logits, sh)))
        n, v = means.shape[0], len(views.viewmats)
        means2d, radii = torch.empty(v, n, 2), torch.empty(v, n, dtype=torch.int32)
        counts = np.zeros((v, -(-n // CHUNK)), np.int64)
        room = _chunk_memory.take(v * n * (FEATURES + 3))
        features, extents, ids = np.split(room[: v * n * (FEATURES + 3)], [v * n * FEATURES, v * n * (FEATURES + 2)])
        chunks = Chunks(
            features=features.reshape(v, n, FEATURES),
            extents=extents.reshape(v, n, 2),
            ids=ids.view(np.int32).reshape(v, n),
            counts=counts,
            pair_bounds=np.zeros_like(counts),
        )
        _run(project_forward, 1 + n * v // 2048, scene, views, chunks, means2d.numpy(), radii.numpy())
        starts, slots = (np.concatenate([[0], x.reshape(-1).cumsum()]) for x in (counts, chunks.pair_bounds))
        m = int(starts[-1])
        features = torch.empty(m, FEATURES)
        seen = Seen(
            extents=np.empty((m, 2), np.float32),
            ids=np.empty(m, np.int32),
            view_starts=np.concatenate([[0], counts.sum(axis=1).cumsum()]),
            chunk_starts=starts,
            slot_starts=slots,
        )
        _run(pack_seen, 1 + m // 8192, starts[:-1].reshape(counts.shape), chunks, features.numpy(), seen)
        _chunk_memory.give_back(room)
        box.append((seen, radii))
        ctx.save_for_backward(means, log_scales, quats, logits, sh, features)
        ctx.views, ctx.seen = views, seen
        return means2d, features

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor | None, ...]:
        v_means2d, v_features = gradients
        *parameters, features = ctx.saved_tensors
        scene = Scene(*(_numpy(tensor) for tensor in parameters))
        out = [torch.empty(tensor.shape) for tensor in parameters]
        _run(
            project_backward, 1 + len(features) // 512, scene, ctx.views, ctx.seen, _numpy(features),
            ProjectedGradients(_numpy(v_means2d), _numpy(v_features)), Scene(*(tensor.numpy() for tensor in out)),
        )  # fmt: skip
        return (*out, None, None)


def _sliced(keys: np.ndarray, seen: Seen, tiles: int) -> Slices:
    """Slices for as many shares as threads will want, about equally full; where they lie does not change any order."""
    v, m, threads = len(seen.view_starts) - 1, len(keys), torch.get_num_threads()
    parts = max(1, min(-(-2 * threads // v), m // (v * _SLICE))) if threads > 1 else 1
    bounds = np.zeros((v, parts + 1), np.int64)
    bounds[:, -1] = 2**32
    if parts > 1:
        for view in range(v):
            some = np.sort(keys[seen.view_starts[view] : seen.view_starts[view + 1]][::_SAMPLE])
            if len(some):
                bounds[view, 1:-1] = some[len(some) * np.arange(1, parts) // parts]
    counts = np.empty((v, parts, tiles), np.int64)
    return Slices(bounds, np.empty((v, parts, 2), np.int64), np.empty(m, np.int32), counts, np.empty_like(counts))


class _Blend(torch.autograd.Function):
    """means2d, features, background → rgb, depth, alpha, normals."""

    @staticmethod
    def forward(
        ctx: Any, means2d: Tensor, features: Tensor, background: Tensor, views: Views, seen: Seen
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        v, width, height = means2d.shape[0], views.width, views.height
        tiles, slots = views.tiles_x * views.tiles_y, int(seen.slot_starts[-1])
        listed = Listed(
            item_ranges=np.empty((features.shape[0], 2), np.int64),
            tiles=np.empty(slots, np.int32),
            rows=np.empty(slots, np.uint8),
            columns=np.empty(slots, np.uint8),
            depths=np.empty(len(features), np.float32),
        )
        f = features.detach().numpy()
        _run(list_pairs, 1 + len(f) // 2048, views, f, seen, listed)
        keys = listed.depths.view(np.uint32)
        slices = _sliced(keys, seen, tiles)
        parts = v * slices.counts.shape[1]
        _run(sort_by_depth, parts, keys, seen, listed, slices)
        # Where the pairs of each slice begin in the list of each tile: those of nearer slices come first.
        by_tile = slices.counts.transpose(0, 2, 1)
        ends = by_tile.reshape(-1).cumsum().reshape(by_tile.shape)
        slices.places[:] = (ends - by_tile).transpose(0, 2, 1)
        count = int(slices.counts.sum())
        pairs = Pairs(
            items=np.empty(count, np.int32),
            rows=np.empty(count, np.uint8),
            columns=np.empty(count, np.uint8),
            slots=np.empty(count, np.int32),
            tile_ranges=np.stack([slices.places[:, 0], ends[..., -1]], axis=-1),
            order=np.empty(v * tiles, np.int64),
        )
        _run(group_by_tile, parts, listed, slices, pairs)
        # Long tiles first, dealt out like cards: every share is about the same.
        lengths = (pairs.tile_ranges[..., 1] - pairs.tile_ranges[..., 0]).reshape(-1)
        pairs.order[:] = np.argsort(-lengths, kind="stable")
        rgb, depth = torch.empty(v, height, width, 3), torch.empty(v, height, width)
        alpha = torch.empty(v, height, width)
        normals = torch.empty((v, height, width, 3) if views.normals else (0, 0, 0, 3))
        planes = np.empty((v * tiles, 512), np.float32)
        images = Images(rgb.numpy(), depth.numpy(), alpha.numpy(), normals.numpy(), planes)
        _run(blend_forward, v * tiles, views, f, pairs, _numpy(background), images)
        ctx.save_for_backward(features, background, depth)
        ctx.views, ctx.seen, ctx.shape, ctx.pairs, ctx.planes = views, seen, means2d.shape, pairs, planes
        ctx.slots = listed.item_ranges
        ctx.set_materialize_grads(False)
        return rgb, depth, alpha, normals

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor | None, ...]:
        features, background, depth = ctx.saved_tensors
        views, pairs = ctx.views, ctx.pairs
        f = features.detach().numpy()
        v, tiles = ctx.shape[0], views.tiles_x * views.tiles_y
        kept = Kept(_numpy(background), _numpy(depth), ctx.planes)
        shapes = (*depth.shape, 3), depth.shape, depth.shape, (*depth.shape, 3) if views.normals else (0, 0, 0, 3)
        incoming = ImageGradients(
            *(_zeros(shape) if x is None else _numpy(x) for x, shape in zip(gradients, shapes, strict=True))
        )
        slots = int(ctx.seen.slot_starts[-1])
        room = _pair_memory.take(slots * PAIR_GRADIENTS)
        found = BlendGradients(
            room[: slots * PAIR_GRADIENTS].reshape(slots, PAIR_GRADIENTS), np.empty((v, tiles, 3), np.float32)
        )
        _run(blend_backward, v * tiles, views, f, pairs, kept, incoming, found)
        v_features, v_means2d = torch.empty_like(features), torch.empty(ctx.shape)
        _run(
            gather_gradients, 1 + v_means2d.numel() // 8192, views, f, ctx.seen, ctx.slots, found.pairs,
            ProjectedGradients(v_means2d.numpy(), v_features.numpy()),
        )  # fmt: skip
        _pair_memory.give_back(room)
        return v_means2d, v_features, torch.from_numpy(found.background.sum(axis=1)), None, None


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
    width, height = cameras.width, cameras.height
    viewmats, Ks = _numpy(cameras.viewmats), _numpy(cameras.Ks)
    views = Views(
        viewmats=viewmats,
        Ks=Ks,
        width=width,
        height=height,
        tiles_x=-(-width // TILE),
        tiles_y=-(-height // TILE),
        limits=_limits(Ks, width, height),
        positions=-np.einsum("vij,vi->vj", viewmats[:, :3, :3], viewmats[:, :3, 3]),
        near=np.float32(options.near),
        far=np.float32(options.far),
        eps2d=np.float32(options.eps2d),
        antialiased=options.antialiased,
        normals=options.normals,
        degree=degree,
    )
    box: list[tuple[Seen, Tensor]] = []
    means2d, features = _Project.apply(*gaussians.tensors(), views, box)
    ((seen, radii),) = box
    rgb, depth, alpha, normals = _Blend.apply(means2d, features, background, views, seen)
    return Render(rgb, depth, alpha, normals if options.normals else None, means2d, radii)
