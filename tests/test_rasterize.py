"""The compiled rasterizer against the specification, forward and backward, above all where it hurts."""

from __future__ import annotations

import errno
import functools
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numba
import numba.core.caching
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scenes import front_view, orbit_views, random_scene

from gs_stein.gaussians.model import Gaussians
from gs_stein.rasterize import cpu, cpu_layouts, team
from gs_stein.rasterize.api import rasterize
from gs_stein.rasterize.options import DEFAULTS, RasterizeOptions
from gs_stein.types import Cameras, Render

NAMES = ("means", "log_scales", "quats", "opacity_logits", "sh", "background", "means2d")


def run(
    scene: Gaussians, cameras: Cameras, options: RasterizeOptions, seed: int = 0
) -> tuple[Render, dict[str, torch.Tensor]]:
    """Render, and send a random gradient back; the same one for every dtype and backend."""
    g = torch.Generator().manual_seed(seed)
    dtype, shape = scene.dtype, (len(cameras), cameras.height, cameras.width)
    background = torch.rand(len(cameras), 3, generator=g, dtype=torch.float64).to(dtype).requires_grad_()
    incoming = [torch.randn(*shape, *last, generator=g, dtype=torch.float64).to(dtype) for last in ((3,), (), (), (3,))]
    leaf = Gaussians(*(tensor.detach().clone() for tensor in scene.tensors())).requires_grad_()
    render = rasterize(leaf, cameras, options, background)
    outputs = [render.rgb, render.depth, render.alpha]
    if render.normals is not None:
        outputs.append(render.normals)
    torch.autograd.backward(outputs, incoming[: len(outputs)])
    found = [*(tensor.grad for tensor in leaf.tensors()), background.grad, render.means2d.grad]
    assert all(gradient is not None for gradient in found)
    return render, dict(zip(NAMES, found, strict=True))


def compare(scene: Gaussians, cameras: Cameras, options: RasterizeOptions = DEFAULTS) -> Render:
    """cpu (float32) must agree with reference (float64).

    A contribution within rounding of 1/255 may be drawn by one and not by the other: up to one pixel in five hundred
    may differ by that much, all others not at all. Gradients may be twice as wrong as the reference's own in float32,
    should that be much.
    """
    exact, exact_gradients = run(scene, cameras, replace(options, backend="reference"))
    scene, cameras = scene.to(torch.float32), cameras.to(torch.float32)
    fast, gradients = run(scene, cameras, replace(options, backend="cpu"))
    rounded = run(scene, cameras, replace(options, backend="reference"))[1]
    assert fast.rgb.dtype == torch.float32
    near = max(1.0, float(exact.depth.detach().max()))
    for name, scale in (("rgb", 1.0), ("alpha", 1.0), ("depth", near), ("normals", 1.0)):
        a, b = getattr(exact, name), getattr(fast, name)
        assert (a is None) == (b is None)
        if a is None:
            continue
        if name == "depth":  # meaningless where next to nothing was hit
            a, b = a * (exact.alpha > 0.01), b * (exact.alpha > 0.01)
        difference = (a - b).abs() / scale
        assert b.isfinite().all(), name
        assert difference.max() < 2 / 255, f"{name}: {difference.max():.1e}"
        assert (difference > 1e-4).double().mean() <= 1 / 500, f"{name}: {(difference > 1e-4).sum()} pixels"
    assert ((exact.radii - fast.radii).abs() <= 1).all()
    assert (exact.visible != fast.visible).sum() <= 1 + exact.visible.numel() // 1000
    torch.testing.assert_close(fast.means2d[exact.visible].double(), exact.means2d[exact.visible], rtol=1e-5, atol=1e-3)
    for name, gradient in exact_gradients.items():
        error, usual = (gradient - gradients[name]).norm(), (gradient - rounded[name]).norm()
        assert gradients[name].isfinite().all(), name
        limit = max(2e-3 * gradient.norm(), 2 * usual) + 1e-6
        assert error <= limit, f"{name}: {error:.1e} of {gradient.norm():.1e}, in float32 {usual:.1e}"
    return fast


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
@pytest.mark.parametrize(("antialiased", "normals"), [(False, False), (True, True)])
def test_random_scenes(degree: int, antialiased: bool, normals: bool) -> None:
    options = RasterizeOptions(antialiased=antialiased, normals=normals)
    render = compare(random_scene(300, degree, seed=degree), orbit_views(3, 44), options)
    assert 0.2 < render.alpha.mean() < 0.99


def test_fewer_degrees_than_the_scene_has() -> None:
    compare(random_scene(100, 3), orbit_views(2, 30), RasterizeOptions(sh_degree=1))


@pytest.mark.parametrize(("width", "height"), [(1, 1), (16, 16), (17, 16), (37, 23), (5, 70), (100, 3)])
def test_image_sizes(width: int, height: int) -> None:
    render = compare(random_scene(150), front_view(width, height), RasterizeOptions(normals=True))
    assert render.rgb.shape == (1, height, width, 3)


def test_outputs_that_nobody_asks_about_have_no_gradient() -> None:
    scene, cameras = random_scene(200).to(torch.float32), orbit_views(2, 40).to(torch.float32)
    for names in (("rgb",), ("depth", "alpha"), ("normals",)):
        found = []
        for outputs in (names, ("rgb", "depth", "alpha", "normals")):
            leaf = Gaussians(*(tensor.detach().clone() for tensor in scene.tensors())).requires_grad_()
            render = rasterize(leaf, cameras, RasterizeOptions(normals=True, backend="cpu"))
            pictures = [(name, getattr(render, name)) for name in outputs]
            incoming = [torch.ones_like(picture) * (name in names) for name, picture in pictures]
            torch.autograd.backward([picture for _, picture in pictures], incoming)
            found.append([*(tensor.grad for tensor in leaf.tensors()), render.means2d.grad])
        assert all(torch.equal(one, other) for one, other in zip(*found, strict=True)), names
        assert float(found[0][0].abs().max()) > 0


@pytest.mark.parametrize(("width", "height"), [(0, 5), (5, 0), (0, 0)])
def test_pictures_without_pixels(width: int, height: int) -> None:
    views = Cameras(orbit_views(2, 8).viewmats.float(), orbit_views(2, 8).Ks.float(), width, height)
    render = rasterize(random_scene(30).to(torch.float32), views, RasterizeOptions(backend="cpu"))
    assert render.rgb.shape == (2, height, width, 3)


def test_no_gaussians() -> None:
    render, gradients = run(random_scene(0).to(torch.float32), orbit_views(2, 20).to(torch.float32), RasterizeOptions())
    assert (render.alpha == 0).all()
    assert (render.depth == 0).all()
    assert render.means2d.shape == (2, 0, 2)
    assert gradients["sh"].shape == (0, 4, 3)
    assert (gradients["background"] != 0).all()
    compare(random_scene(0), orbit_views(2, 20), RasterizeOptions(normals=True))


def test_one_gaussian() -> None:
    compare(random_scene(1, seed=4, size=-1.0), front_view(40, 31), RasterizeOptions(normals=True))


def test_behind_the_camera_there_is_nothing() -> None:
    scene = random_scene(50)
    behind = replace(scene, means=scene.means * 0.2 + torch.tensor([0.0, -5.0, 0.0]))
    render = compare(behind, front_view(30, 30))
    assert not render.visible.any()
    _, gradients = run(behind.to(torch.float32), front_view(30, 30).to(torch.float32), RasterizeOptions())
    assert all((gradients[name] == 0).all() for name in NAMES if name != "background")


def test_around_the_near_plane() -> None:
    """Inside a cloud: most Gaussians at grazing angles, some just in front of the lens."""
    scene = random_scene(200, size=-3.0)
    render = compare(scene, front_view(40, 40, distance=0.3), RasterizeOptions(near=0.05))
    assert 0 < render.visible.sum() < 200


def test_smaller_than_a_pixel() -> None:
    for antialiased in (False, True):
        scene = random_scene(400, size=-6.0)
        loud = replace(scene, opacity_logits=scene.opacity_logits + 4)
        compare(loud, orbit_views(2, 40), RasterizeOptions(antialiased=antialiased))


def test_covering_the_image() -> None:
    scene = random_scene(20, size=1.5)
    render = compare(scene, front_view(50, 34, distance=8.0), RasterizeOptions(normals=True))
    assert (render.radii > 50).any()


def test_opacity_nought_and_one() -> None:
    scene = random_scene(60)
    logits = torch.tensor([-60.0, -5.6, 60.0], dtype=torch.float64).repeat(20)
    render = compare(replace(scene, opacity_logits=logits), front_view(40, 40))
    assert not render.visible[0, ::3].any(), "what cannot reach 1/255 is culled"
    assert render.alpha.max() > 0.998


def test_stacks_of_opaque_layers_end() -> None:
    scene = random_scene(300, size=-1.0)
    render = compare(replace(scene, opacity_logits=scene.opacity_logits.abs() + 3), front_view(40, 40))
    assert (render.alpha > 0.9985).double().mean() > 0.5, "most pixels must have stopped"


def test_degenerate_quaternions_and_scales() -> None:
    scene = random_scene(80)
    quats, log_scales = scene.quats.clone(), scene.log_scales.clone()
    quats[::4] = 0.0
    quats[1::4] *= 1e-4
    quats[2::4] *= 1e4
    log_scales[:20, 0] = -20.0  # discs
    log_scales[20:40, :2] = -15.0  # needles
    log_scales[40:50] = -25.0  # points
    scene = replace(scene, quats=quats, log_scales=log_scales)
    render = compare(scene, front_view(48, 48), RasterizeOptions(normals=True))
    assert render.visible.any()


def test_long_needles() -> None:
    """Three metres long, millimetres thick, in all directions: exact tile tests and thin conics."""
    scene = random_scene(60)
    log_scales = torch.tensor([0.5, -6.0, -6.0], dtype=torch.float64).expand(60, 3)
    compare(replace(scene, log_scales=log_scales.clone()), front_view(90, 70))


def test_equal_depths_keep_their_order() -> None:
    scene = random_scene(40)
    means = scene.means.clone()
    means[:, 1] = 0.0  # one plane across the view: every depth the same
    compare(replace(scene, means=means), front_view(36, 36))


def test_not_finite_is_not_drawn_and_not_learned() -> None:
    scene = random_scene(60)
    bad = Gaussians(*(tensor.clone() for tensor in scene.tensors()))
    bad.means[0], bad.means[1, 1] = torch.nan, torch.inf
    bad.log_scales[2], bad.log_scales[3, 0] = torch.nan, 800.0
    bad.quats[4, 2], bad.opacity_logits[5] = torch.nan, torch.nan
    for cameras in (front_view(30, 30), orbit_views(2, 30)):
        for backend, dtype in (("reference", torch.float64), ("cpu", torch.float32)):
            options = RasterizeOptions(backend=backend)
            render, gradients = run(bad.to(dtype), cameras.to(dtype), options)
            alone, expected = run(scene[list(range(6, 60))].to(dtype), cameras.to(dtype), options)
            torch.testing.assert_close(render.rgb, alone.rgb)
            assert not render.visible[:, :6].any()
            for name in NAMES[:5]:
                assert (gradients[name][:6] == 0).all(), name
                torch.testing.assert_close(gradients[name][6:], expected[name], rtol=1e-4, atol=1e-5)


@given(st.integers(0, 10_000), st.integers(1, 60), st.integers(1, 50), st.integers(1, 50), st.booleans())
def test_any_small_scene(seed: int, count: int, width: int, height: int, antialiased: bool) -> None:
    g = torch.Generator().manual_seed(seed)
    size = float(torch.empty(1).uniform_(-6, 0.5, generator=g))
    compare(random_scene(count, 1, seed, size), front_view(width, height), RasterizeOptions(antialiased=antialiased))


def all_bits(scene: Gaussians, cameras: Cameras) -> list[bytes]:
    render, gradients = run(scene, cameras, RasterizeOptions(normals=True, backend="cpu"))
    images = [render.rgb, render.depth, render.alpha, render.normals, render.means2d, render.radii]
    tensors = [*images, *gradients.values()]
    return [tensor.detach().numpy().tobytes() for tensor in tensors if tensor is not None]


def test_the_same_bits_on_any_number_of_threads() -> None:
    scene, cameras = random_scene(6000, 1, size=-3.5).to(torch.float32), orbit_views(3, 75).to(torch.float32)
    found = {}
    for threads in (1, 2, 3, 7):
        torch.set_num_threads(threads)
        found[threads] = all_bits(scene, cameras)
    torch.set_num_threads(1)
    assert found[1] == all_bits(scene, cameras), "not even the same twice"
    for threads, bits in found.items():
        assert bits == found[1], f"{threads} threads"


def test_one_view_is_sorted_by_several_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    scene, cameras = random_scene(9000, 0, size=-3.5).to(torch.float32), front_view(90, 75).to(torch.float32)
    scene.means[::3, 1] = 0.25  # a wall: a third is equally far away
    sliced, found = [], []
    whole = cpu._sliced
    monkeypatch.setattr(cpu, "_sliced", lambda *arguments: sliced.append(whole(*arguments)) or sliced[-1])
    for threads in (1, 4):
        torch.set_num_threads(threads)
        monkeypatch.setattr(cpu, "_SLICE", 10**9 if threads == 1 else 1000)
        found.append(all_bits(scene, cameras))
    torch.set_num_threads(1)
    assert found[0] == found[1]
    one, several = (sliced[0].ranges[0], sliced[-1].ranges[0])
    assert len(one) == 1
    assert len(several) > 4
    assert (several[1:, 0] == several[:-1, 1]).all(), "without gaps"
    assert several[-1, 1] == one[0, 1] == len(sliced[0].items)
    assert (sliced[0].items == sliced[-1].items).all()


def test_the_same_bits_without_openmp(monkeypatch: pytest.MonkeyPatch) -> None:
    scene, cameras = random_scene(6000, 1, size=-3.5).to(torch.float32), orbit_views(3, 75).to(torch.float32)
    torch.set_num_threads(3)
    expected = all_bits(scene, cameras)
    ours, calls = team.own_threads, []

    @type(ours)
    def counted(*arguments: int) -> None:
        calls.append(arguments[2])
        ours(*arguments)

    monkeypatch.setattr(team, "parallel", team.address(counted))
    assert all_bits(scene, cameras) == expected
    assert len(calls) == 9, "one call a kernel"
    assert max(calls) == 3


@pytest.mark.occasional
def test_the_same_bits_from_the_cache_as_when_just_compiled(tmp_path: Path) -> None:
    code = """
import hashlib, torch
from scenes import orbit_views, random_scene
from test_rasterize import all_bits
scene, cameras = random_scene(2000, 2, size=-3.0).to(torch.float32), orbit_views(2, 50).to(torch.float32)
print(*(hashlib.sha256(bits).hexdigest() for bits in all_bits(scene, cameras)))
"""
    where = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(Path(__file__).parent)}
    compiled, cached = (
        subprocess.run([sys.executable, "-c", code], env=where, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    )
    assert compiled == cached


def test_views_of_a_batch_are_those_taken_one_by_one() -> None:
    scene, cameras = random_scene(500).to(torch.float32), orbit_views(4, 40).to(torch.float32)
    together = rasterize(scene, cameras)
    for i in range(4):
        alone = rasterize(scene, cameras[[i]])
        assert torch.equal(together.rgb[i], alone.rgb[0])
        assert torch.equal(together.radii[i], alone.radii[0])


def test_two_threads_may_rasterize_at_once() -> None:
    """As a viewer does while a training runs."""
    torch.set_num_threads(2)
    scenes = [random_scene(800, seed=i).to(torch.float32) for i in range(2)]
    cameras = orbit_views(2, 60).to(torch.float32)
    expected = [all_bits(scene, cameras) for scene in scenes]
    found: list[list[bytes]] = [[], []]

    def work(which: int) -> None:
        for _ in range(5):
            found[which] = all_bits(scenes[which], cameras)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == expected


def test_means2d_receive_the_gradient_of_moving_on_screen() -> None:
    """Moving the principal point moves every centre with it: its gradient is the sum of theirs."""
    scene, cameras = random_scene(120, 0), front_view(40, 40)
    scene = replace(scene, means=0.3 * scene.means)  # no centre so far out that its shape depends on K
    weight = torch.rand(1, 40, 40, 3, dtype=torch.float64)
    Ks = cameras.Ks.clone().requires_grad_()
    exact = rasterize(scene, replace(cameras, Ks=Ks), RasterizeOptions(backend="reference"))
    (exact.rgb * weight).sum().backward()
    assert Ks.grad is not None
    render = rasterize(scene.to(torch.float32).requires_grad_(), cameras.to(torch.float32))
    (render.rgb * weight.float()).sum().backward()
    assert render.means2d.grad is not None
    found = render.means2d.grad.sum(dim=(0, 1)).double()
    torch.testing.assert_close(found, Ks.grad[0, :2, 2], rtol=1e-3, atol=1e-3)
    assert (render.means2d.grad[0][~render.visible[0]] == 0).all()


def test_a_gradient_from_depth_alone() -> None:
    scene, cameras = random_scene(100), orbit_views(1, 30)
    found = []
    for backend, dtype in (("reference", torch.float64), ("cpu", torch.float32)):
        leaf = scene.to(dtype).clone().requires_grad_() if dtype == torch.float32 else scene.clone().requires_grad_()
        (rasterize(leaf, cameras.to(dtype), RasterizeOptions(backend=backend)).depth ** 2).mean().backward()
        found.append(leaf.means.grad)
    assert (found[0] - found[1]).norm() < 2e-3 * found[0].norm()


def test_without_gradients_nothing_is_kept() -> None:
    scene, cameras = random_scene(50).to(torch.float32), orbit_views(1, 20).to(torch.float32)
    render = rasterize(scene, cameras)
    assert not render.rgb.requires_grad
    assert render.means2d.grad is None


def test_float64_goes_to_the_reference_and_float32_to_the_kernels() -> None:
    scene, cameras = random_scene(20), orbit_views(1, 20)
    assert rasterize(scene, cameras).rgb.dtype == torch.float64
    fast = scene.to(torch.float32)
    assert torch.equal(rasterize(fast, cameras).rgb, rasterize(fast, cameras, RasterizeOptions(backend="cpu")).rgb)
    with pytest.raises(ValueError, match=r"rasterize.backend: 'cpu' works on float32 tensors on the CPU"):
        rasterize(scene, cameras, RasterizeOptions(backend="cpu"))
    with pytest.raises(ValueError, match=r"rasterize.backend: 'gpu' works on float32 tensors on a CUDA device.*'auto'"):
        rasterize(fast, cameras, RasterizeOptions(backend="gpu"))


def test_what_does_not_fit_together_is_said_in_one_line() -> None:
    scene, cameras = random_scene(5), orbit_views(2, 10)
    with pytest.raises(ValueError, match="background: shape"):
        rasterize(scene, cameras, background=torch.zeros(3, 3, dtype=torch.float64))
    with pytest.raises(ValueError, match="cameras: there are none"):
        rasterize(scene, cameras[[]])


def test_a_kernel_is_compiled_anew_when_any_file_of_the_folder_changed(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))

    def hits() -> int:
        kernel = cpu_layouts.jitted(_doubled)
        assert kernel(3) == 6
        return sum(kernel.stats.cache_hits.values())

    assert [hits(), hits()] == [0, 1]
    (tmp_path / "part.py").write_text("a = 1\n")
    before = cpu_layouts.stamp_of(tmp_path)
    (tmp_path / "part.py").write_text("a = 2\n")
    assert cpu_layouts.stamp_of(tmp_path) != before
    monkeypatch.setattr(cpu_layouts, "_STAMP", before)
    assert [hits(), hits()] == [0, 1]


@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
@pytest.mark.parametrize("kept", [0, 40])
def test_a_damaged_kernel_is_compiled_anew(monkeypatch, tmp_path: Path, suffix: str, kept: int) -> None:
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))

    def hits() -> int:
        kernel = cpu_layouts.jitted(_doubled)
        assert kernel(3) == 6
        return sum(kernel.stats.cache_hits.values())

    hits()
    (file,) = tmp_path.rglob(f"*.{suffix}")
    file.write_bytes(file.read_bytes()[:kept])
    assert [hits(), hits()] == [0, 1]


def test_a_kernel_whose_code_cannot_be_read_is_compiled_anew(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    assert cpu_layouts.jitted(_doubled)(3) == 6

    def broken(self, target, payload) -> None:
        raise RuntimeError("LLVM bitcode parsing error")

    with monkeypatch.context() as patch:
        patch.setattr(numba.core.caching.CompileResultCacheImpl, "rebuild", broken)
        assert cpu_layouts.jitted(_doubled)(3) == 6


def test_a_kernel_that_cannot_be_kept_is_used_all_the_same(monkeypatch, tmp_path: Path) -> None:
    def full(self, path: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", path)

    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(numba.core.caching.IndexDataCacheFile, "_open_for_write", full)
    assert cpu_layouts.jitted(_doubled)(5) == 10
    assert not list(tmp_path.rglob("*.nb?"))


def test_while_kernels_are_compiled_it_is_said_which(monkeypatch, capsys) -> None:
    quick, slow, following, last = (functools.partial(time.sleep, seconds) for seconds in (0.0, 1.0, 0.6, 0.0))
    monkeypatch.setattr(cpu.team, "run", lambda kernel, work: kernel())
    monkeypatch.setattr(cpu, "_first_calls", {})
    monkeypatch.setattr(cpu, "_PATIENCE", 0.2)
    monkeypatch.setattr(cpu, "_NEXT", 0.05)
    for kernel in (quick, slow, following, last, slow):
        cpu._run(kernel, 1)
    line = "gs_stein: compiling the CPU rasterizer, once on this machine: kernel {} of 9 …\n"
    assert capsys.readouterr().err == line.format(2) + line.format(3)


def test_kernels_are_compiled_where_no_cache_can_be_written(monkeypatch) -> None:
    def nowhere(self, function) -> None:
        raise RuntimeError("cannot cache function: no locator available")

    monkeypatch.setattr(numba.core.caching.FunctionCache, "__init__", nowhere)
    assert cpu_layouts.jitted(_doubled)(4) == 8


def _doubled(number: int) -> int:
    return 2 * number
