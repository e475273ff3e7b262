"""The one function of this room: it picks the implementation."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein.gaussians.model import Gaussians
from gs_stein.rasterize.options import DEFAULTS, RasterizeOptions
from gs_stein.types import Cameras, Render


def rasterize(
    gaussians: Gaussians,
    cameras: Cameras,
    options: RasterizeOptions = DEFAULTS,
    background: Float[Tensor, "channels=3"] | Float[Tensor, "V 3"] | None = None,
) -> Render:
    """Rasterize N Gaussians from V cameras; differentiable in every field of the Gaussians and in the background.

    `Render.means2d` retains its gradient, so that after `backward()` densification finds it in
    `render.means2d.grad` (loss per pixel of movement, one row a view and Gaussian). Cameras get no gradient.

    Args:
        gaussians: the scene.
        cameras: the views; same device and dtype as the scene.
        options: near plane, antialiasing, normals, and which implementation.
        background: colour behind everything, one or one a view; black if None.

    Returns:
        Images, depths and what densification needs; see `gs_stein.types.Render`.

    Raises:
        ValueError: the scene, cameras, background or backend do not fit together.

    Source: the conventions of gsplat 1.5.3's `rasterization` (render mode "RGB+ED").
    """
    like = gaussians.means
    if len(cameras) == 0:
        raise ValueError("cameras: there are none; give at least one view")
    if cameras.viewmats.device != like.device or cameras.Ks.device != like.device:
        raise ValueError(f"cameras: on {cameras.viewmats.device}, the Gaussians on {like.device}; move one with .to()")
    if background is None:
        background = like.new_zeros(len(cameras), 3)
    elif background.shape not in ((3,), (len(cameras), 3)):
        raise ValueError(f"background: shape {tuple(background.shape)} fits no view; give (3,) or ({len(cameras)}, 3)")
    background = background.to(like).expand(len(cameras), 3)
    if cameras.viewmats.dtype != like.dtype or cameras.Ks.dtype != like.dtype:
        cameras = cameras.to(like.dtype)

    backend = options.backend
    if backend == "auto":
        backend = "reference" if like.dtype == torch.float64 else "gpu" if like.is_cuda else "cpu"
    if backend == "gpu":
        if not like.is_cuda or like.dtype != torch.float32:
            raise ValueError(
                f"rasterize.backend: 'gpu' works on float32 tensors on a CUDA device, these are {like.dtype} on "
                f"{like.device}; convert with .to() or take 'auto'"
            )
        from gs_stein.rasterize.gpu import rasterize_gpu as implementation
    elif backend == "cpu":
        from gs_stein.rasterize.cpu import rasterize_cpu as implementation
    else:
        from gs_stein.rasterize.reference import rasterize_reference as implementation
    render = implementation(gaussians, cameras, options, background)
    if render.means2d.requires_grad:
        render.means2d.retain_grad()
    return render
