"""The adapter to gsplat: its call, checked without a GPU against the real signature and a stand-in made of gsplat's
own torch twins; and gpu against cpu wherever there is CUDA."""

from __future__ import annotations

import inspect
from typing import Any

import gsplat
import pytest
import torch
from gsplat.cuda import _torch_impl as twins
from scenes import orbit_views, random_scene
from torch import Tensor

from gs_stein.gaussians.model import Gaussians
from gs_stein.rasterize import gpu
from gs_stein.rasterize.api import rasterize
from gs_stein.rasterize.options import RasterizeOptions
from gs_stein.rasterize.reference import rasterize_reference


def stand_in(
    means: Tensor, quats: Tensor, scales: Tensor, opacities: Tensor, colors: Tensor, viewmats: Tensor, Ks: Tensor,
    width: int, height: int, near_plane: float, far_plane: float, eps2d: float, sh_degree: int | None, packed: bool,
    backgrounds: Tensor, render_mode: str, rasterize_mode: str,
) -> tuple[Tensor, Tensor, dict[str, Any]]:  # fmt: skip
    """`gsplat.rasterization` put together from its twins for projection, covariance and harmonics.

    The twin of the blending needs CUDA and nerfacc; its rule is written out here: gsplat/cuda/csrc,
    RasterizeToPixels3DGSFwd.cu.
    """
    assert render_mode == "RGB+ED"
    assert not packed
    n, views = len(means), len(viewmats)
    covars = twins._quat_scale_to_covar_preci(quats, scales, True, False)[0]
    radii, means2d, depths, conics, compensations = twins._fully_fused_projection(
        means, covars, viewmats, Ks, width, height, eps2d=eps2d, near_plane=near_plane, far_plane=far_plane,
        calc_compensations=rasterize_mode == "antialiased",
    )  # fmt: skip
    opacities = opacities.expand(views, n)
    if compensations is not None:
        opacities = opacities * compensations
    if sh_degree is None:
        assert colors.shape[:2] == (views, n)
    else:
        assert colors.shape == (n, colors.shape[1], 3)
        directions = means[None] - torch.inverse(viewmats)[:, None, :3, 3]
        colors = twins._spherical_harmonics(sh_degree, directions, colors.expand(views, -1, -1, -1))
        colors = torch.clamp_min(colors + 0.5, 0.0)
    colors = torch.cat([colors, depths[..., None]], dim=-1)
    backgrounds = torch.cat([backgrounds, torch.zeros(views, 1).to(backgrounds)], dim=-1)
    y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    pixels = torch.stack([x, y], dim=-1).to(means)
    images, alphas = [], []
    for v in range(views):
        T = torch.ones(height, width).to(means)
        done = torch.zeros(height, width, dtype=torch.bool)
        image = torch.zeros(height, width, colors.shape[-1]).to(means)
        for i in depths[v].argsort(stable=True).tolist():
            if not (radii[v, i] > 0).all():
                continue
            delta = means2d[v, i] - pixels
            c = conics[v, i]
            sigma = 0.5 * (c[0] * delta[..., 0] ** 2 + c[2] * delta[..., 1] ** 2) + c[1] * delta.prod(dim=-1)
            alpha = (opacities[v, i] * torch.exp(-sigma)).clamp_max(0.999)
            valid = (sigma >= 0) & (alpha >= 1 / 255) & ~done
            done = done | (valid & (T * (1 - alpha) <= 1e-4))
            alpha = torch.where(valid & ~done, alpha, 0.0)
            image = image + (alpha * T)[..., None] * colors[v, i]
            T = T * (1 - alpha)
        image = image + T[..., None] * backgrounds[v]
        alphas.append(1 - T[..., None])
        images.append(torch.cat([image[..., :-1], image[..., -1:] / (1 - T[..., None]).clamp_min(1e-10)], dim=-1))
    return torch.stack(images), torch.stack(alphas), {"means2d": means2d, "radii": radii}


@pytest.mark.parametrize("antialiased", [False, True])
@pytest.mark.parametrize("normals", [False, True])
def test_the_adapter_over_gsplats_twins_is_the_reference(
    antialiased: bool, normals: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    signature = inspect.signature(gsplat.rasterization)

    def checked(*args: Any, **kwargs: Any) -> tuple[Tensor, Tensor, dict[str, Any]]:
        bound = signature.bind(*args, **kwargs)  # raises TypeError if the real one could not be called like this
        assert bound.arguments["width"] == 20
        return stand_in(*args, **kwargs)

    monkeypatch.setattr(gpu, "rasterization", checked)
    scene, cameras = random_scene(40, 2, seed=5), orbit_views(2, 20)
    scene.quats[3] = 0.0
    background = torch.rand(2, 3, dtype=torch.float64)
    weights = torch.randn(2, 20, 20, 8, dtype=torch.float64)
    found = []
    for implementation in (rasterize_reference, gpu.rasterize_gpu):
        leaf = Gaussians(*(tensor.clone() for tensor in scene.tensors())).requires_grad_()
        options = RasterizeOptions(antialiased=antialiased, normals=normals)
        render = implementation(leaf, cameras, options, background)
        render.means2d.retain_grad()
        images = torch.cat([render.rgb, render.depth[..., None], render.alpha[..., None]], dim=-1)
        if normals:
            assert render.normals is not None
            images = torch.cat([images, render.normals], dim=-1)
        else:
            assert render.normals is None
        (images * weights[..., : images.shape[-1]]).sum().backward()
        found.append((images, render, leaf))
    (exact, expected, leaf), (images, render, other) = found
    torch.testing.assert_close(images, exact, atol=1e-8, rtol=0)
    assert render.radii.shape == expected.radii.shape
    assert (render.radii >= expected.radii).all(), "the twin's radii know nothing of opacity"
    seen = expected.visible
    torch.testing.assert_close(render.means2d[seen], expected.means2d[seen])
    torch.testing.assert_close(render.means2d.grad[seen], expected.means2d.grad[seen])
    for a, b in zip(leaf.tensors(), other.tensors(), strict=True):
        # The views' rotations are orthonormal only to float32, and gsplat inverts them where we transpose.
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-5, atol=1e-6)


def test_nothing_is_rendered_without_gsplat(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(**_: Any) -> None:
        raise AssertionError("no kernel for an empty scene")

    monkeypatch.setattr(gpu, "rasterization", never)
    render = gpu.rasterize_gpu(random_scene(0), orbit_views(1, 8), RasterizeOptions(), torch.ones(1, 3).double())
    assert (render.rgb == 1).all()


@pytest.mark.gpu
@pytest.mark.parametrize("antialiased", [False, True])
def test_gpu_is_cpu(antialiased: bool) -> None:
    """Where there is CUDA: the same picture and the same gradients, within what float32 and its 1/255 steps allow."""
    scene, cameras = random_scene(2000, 3, size=-3.0).to(torch.float32), orbit_views(3, 75).to(torch.float32)
    background = torch.rand(3, 3)
    weights = torch.randn(3, 75, 75, 8)
    found = []
    for device in ("cpu", "cuda"):
        leaf = Gaussians(*(tensor.clone() for tensor in scene.to(device).tensors())).requires_grad_()
        options = RasterizeOptions(antialiased=antialiased, normals=True)
        render = rasterize(leaf, cameras.to(device), options, background.to(device))
        assert render.normals is not None
        images = torch.cat([render.rgb, render.depth[..., None], render.alpha[..., None], render.normals], dim=-1)
        (images * weights.to(device)).sum().backward()
        assert render.means2d.grad is not None
        gradients = [tensor.grad.cpu() for tensor in (*leaf.tensors(), render.means2d)]
        found.append((images.detach().cpu(), gradients, render.radii.cpu()))
    (a, gradients_a, radii_a), (b, gradients_b, radii_b) = found
    assert ((a - b).abs() > 1e-3).double().mean() < 1e-3
    assert ((radii_a - radii_b).abs() <= 1).all()
    for x, y in zip(gradients_a, gradients_b, strict=True):
        assert (x - y).norm() < 5e-3 * x.norm()
