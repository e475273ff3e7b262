"""The specification itself: against finite differences, and part by part against gsplat's own torch twins."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from gsplat.cuda import _torch_impl as twins
from hypothesis import given
from hypothesis import strategies as st
from scenes import front_view, orbit_views, random_scene

from gs_stein.gaussians.model import Gaussians, rgb_to_sh
from gs_stein.prior.depth import normals_from_depth
from gs_stein.rasterize.api import rasterize
from gs_stein.rasterize.options import RasterizeOptions
from gs_stein.rasterize.reference import covariances, facing_normals, project, rotation_matrices
from gs_stein.rasterize.sh import sh_basis, sh_colors

REFERENCE = RasterizeOptions(backend="reference")


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_spherical_harmonics_are_gsplats(degree: int) -> None:
    directions = torch.randn(200, 3, dtype=torch.float64)
    sh = torch.randn(200, 16, 3, dtype=torch.float64)
    theirs = (twins._spherical_harmonics(degree, directions, sh) + 0.5).clamp_min(0)
    torch.testing.assert_close(sh_colors(sh, directions, degree), theirs, rtol=0, atol=1e-12)
    assert (theirs == 0).any(), "the clamp must have been tried too"


def test_spherical_harmonics_are_orthonormal() -> None:
    # Gauss-Legendre in z times equal steps in azimuth integrates polynomials of this degree exactly.
    import numpy as np

    z, weight = (torch.from_numpy(a) for a in np.polynomial.legendre.leggauss(8))
    azimuth = torch.arange(16, dtype=torch.float64) * (2 * torch.pi / 16)
    r = (1 - z * z).sqrt()
    x, y = r[:, None] * azimuth.cos(), r[:, None] * azimuth.sin()
    directions = torch.stack([x, y, z[:, None].expand_as(x)], dim=-1)
    basis = sh_basis(directions, 3)
    gram = torch.einsum("zak,zal,z->kl", basis, basis, weight) * (2 * torch.pi / 16)
    torch.testing.assert_close(gram, torch.eye(16, dtype=torch.float64), atol=1e-12, rtol=0)


def test_rotations_and_covariances_are_gsplats() -> None:
    scene = random_scene(100)
    theirs = twins._quat_scale_to_covar_preci(scene.quats, scene.scales, True, False)[0]
    torch.testing.assert_close(covariances(scene.quats, scene.scales), theirs, rtol=1e-12, atol=0)
    R = rotation_matrices(scene.quats)
    torch.testing.assert_close(R @ R.mT, torch.eye(3, dtype=torch.float64).expand(100, 3, 3), atol=1e-12, rtol=0)
    assert (torch.linalg.det(R) > 0).all()


@pytest.mark.parametrize("eps2d", [0.3, 0.05])
@pytest.mark.parametrize("view", [0, 1, 2])
def test_projection_is_gsplats(view: int, eps2d: float) -> None:
    # Wide and off centre, so that the clamp of the linearisation acts on some.
    scene, cameras = random_scene(400, size=-1.5), orbit_views(3, 50)
    means = 2.0 * scene.means
    covars = covariances(scene.quats, scene.scales)
    options = RasterizeOptions(eps2d=eps2d, antialiased=True)
    ones = torch.ones(400, dtype=torch.float64)
    ours = project(means, covars, ones, cameras.viewmats[view], cameras.Ks[view], 50, 50, options)
    radii, means2d, depths, conics, compensations = (
        tensor[0]
        for tensor in twins._fully_fused_projection(
            means, covars, cameras.viewmats[view : view + 1], cameras.Ks[view : view + 1], 50, 50, eps2d=eps2d,
            calc_compensations=True,
        )
    )  # fmt: skip
    seen = (ours.radii > 0).all(dim=-1)
    assert 100 < seen.sum() < 400
    torch.testing.assert_close(ours.means2d[seen], means2d[seen])
    torch.testing.assert_close(ours.depths[seen], depths[seen])
    torch.testing.assert_close(ours.conics[seen], conics[seen])
    torch.testing.assert_close(ours.opacities[seen], compensations[seen])
    # The twin's radii know nothing of opacity; at opacity 1 and without compensation they are the same.
    assert (ours.radii[seen] <= radii[seen]).all()
    plain = replace(options, antialiased=False)
    ours = project(means, covars, ones, cameras.viewmats[view], cameras.Ks[view], 50, 50, plain)
    torch.testing.assert_close(ours.radii, radii, rtol=0, atol=1)
    assert torch.equal(ours.radii > 0, radii > 0)


@pytest.mark.parametrize("antialiased", [False, True])
def test_gradients_are_those_of_finite_differences(antialiased: bool) -> None:
    scene, cameras = random_scene(7, degree=2, seed=3), orbit_views(2, 12)
    background = torch.rand(2, 3, dtype=torch.float64)
    options = replace(REFERENCE, antialiased=antialiased, normals=True)

    def render(*raw: torch.Tensor) -> tuple[torch.Tensor, ...]:
        out = rasterize(Gaussians(*raw[:5]), cameras, options, raw[5])
        assert out.normals is not None
        return out.rgb, out.depth * (out.alpha.detach() > 0.05), out.alpha, out.normals

    raw = [tensor.clone().requires_grad_() for tensor in (*scene.tensors(), background)]
    assert torch.autograd.gradcheck(render, raw, eps=1e-6, atol=1e-5, rtol=1e-3, fast_mode=True)


def test_one_gaussian_is_its_formula() -> None:
    """A round, centred Gaussian in front of the camera: every pixel by hand."""
    distance, sigma, opacity = 2.0, 0.1, 0.8
    cameras = front_view(33, 33, distance)
    colour = torch.tensor([0.9, 0.4, 0.1], dtype=torch.float64)
    scene = Gaussians(
        torch.zeros(1, 3, dtype=torch.float64), torch.full((1, 3), sigma, dtype=torch.float64).log(),
        torch.eye(4, dtype=torch.float64)[:1], torch.tensor([opacity], dtype=torch.float64).logit(),
        rgb_to_sh(colour[None])[:, None],
    )  # fmt: skip
    render = rasterize(scene, cameras, REFERENCE, torch.ones(3, dtype=torch.float64))
    variance = (cameras.Ks[0, 0, 0] * sigma / distance) ** 2 + 0.3
    centre = torch.arange(33, dtype=torch.float64) + 0.5 - 16.5
    alpha = opacity * torch.exp(-(centre[:, None] ** 2 + centre**2) / (2 * variance))
    alpha = torch.where(alpha >= 1 / 255, alpha, 0)
    torch.testing.assert_close(render.alpha[0], alpha, atol=1e-9, rtol=0)
    torch.testing.assert_close(render.rgb[0], alpha[..., None] * colour + 1 - alpha[..., None], atol=1e-9, rtol=0)
    torch.testing.assert_close(render.depth[0], torch.where(alpha > 0, distance, 0.0).double(), atol=1e-9, rtol=0)
    assert render.radii.tolist() == [[int(torch.ceil(torch.sqrt(2 * torch.tensor(255 * opacity).log() * variance)))]]


def test_a_pixel_stops_before_the_limit() -> None:
    """Four layers of opacity 0.95: the fourth would leave 6e-6, so it is not drawn; its depth must not show."""
    layers = torch.tensor([0.0, 0.5, 1.0, 1.5], dtype=torch.float64)
    scene = Gaussians(
        torch.stack([torch.zeros(4).double(), layers, torch.zeros(4).double()], dim=-1),
        torch.full((4, 3), 3.0, dtype=torch.float64), torch.tensor([[1.0, 0, 0, 0]]).double().expand(4, 4),
        torch.full((4,), 0.95, dtype=torch.float64).logit(), torch.zeros(4, 1, 3, dtype=torch.float64),
    )  # fmt: skip
    render = rasterize(scene, front_view(3, 3), REFERENCE)
    left = (1 - render.alpha[0, 1, 1]).item()
    assert left == pytest.approx(0.05**3, rel=1e-2)


@given(st.integers(0, 1000))
def test_laws_of_compositing(seed: int) -> None:
    scene, cameras = random_scene(30, seed=seed), orbit_views(1, 14, seed=seed)
    order = torch.randperm(30, generator=torch.Generator().manual_seed(seed))
    black = rasterize(scene, cameras, REFERENCE)
    shuffled = rasterize(scene[order], cameras, REFERENCE)
    white = rasterize(scene, cameras, REFERENCE, torch.ones(3, dtype=torch.float64))
    torch.testing.assert_close(black.rgb, shuffled.rgb)
    torch.testing.assert_close(white.rgb - black.rgb, (1 - black.alpha)[..., None].expand_as(white.rgb))
    assert ((black.alpha >= 0) & (black.alpha < 1)).all()
    hit = black.alpha > 0
    depths = (scene.means @ cameras.viewmats[0, 2, :3]) + cameras.viewmats[0, 2, 3]
    assert (black.depth[hit] >= depths.min() - 1e-9).all()
    assert (black.depth[hit] <= depths.max() + 1e-9).all()


def test_normals_face_the_camera_and_follow_the_shortest_axis() -> None:
    scene = random_scene(300)
    to = scene.means - torch.tensor([0.0, -3.0, 0.0], dtype=torch.float64)
    normals = facing_normals(scene.quats, scene.log_scales, to)
    torch.testing.assert_close(normals.norm(dim=-1), torch.ones(300, dtype=torch.float64))
    assert ((normals * to).sum(dim=-1) <= 0).all()
    covars = covariances(scene.quats, scene.scales)
    along = torch.einsum("ni,nij,nj->n", normals, covars, normals)
    torch.testing.assert_close(along, scene.scales.amin(dim=-1) ** 2, rtol=1e-6, atol=0)


def test_normals_from_depth_of_a_plane() -> None:
    """Rendered depth of a slanted plane gives its normal, towards the camera, at the border too."""
    cameras = front_view(24, 20)
    normal = torch.nn.functional.normalize(torch.tensor([0.3, -1.0, 0.2], dtype=torch.float64), dim=0)
    directions, origins = cameras.rays(20, 24)
    along = ((-origins[:, None, None]) * normal).sum(-1) / (directions * normal).sum(-1)
    forward = cameras.viewmats[0, 2, :3]
    depth = along * (directions * forward).sum(-1)
    found = normals_from_depth(depth, cameras)
    torch.testing.assert_close(found[0], normal.expand(20, 24, 3), atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(near=0.0), "rasterize.near: 0.0"),
        (dict(near=2.0, far=1.0), "rasterize.near: 2.0"),
        (dict(eps2d=-1.0), "rasterize.eps2d: -1.0"),
        (dict(sh_degree=4), "rasterize.sh_degree: 4"),
    ],
)
def test_bad_options_name_themselves(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RasterizeOptions(**options)
