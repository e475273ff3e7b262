"""OpenUSD by its own library: what the schema asks for is there, stages as others make them are read, one line for
every fault."""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scenes import random_scene

from gs_stein.gaussians.files import read_scene, write_gaussians
from gs_stein.gaussians.formats.common import LOGIT_MAX, unit_quats
from gs_stein.gaussians.formats.usd import write_usd
from gs_stein.gaussians.model import Gaussians
from gs_stein.rasterize.reference import covariances, rotation_matrices
from gs_stein.rasterize.sh import sh_colors

if os.environ.get("GS_STEIN_REQUIRE_ALL") != "1":
    pytest.importorskip("pxr", reason="usd-core is not installed: pip install -e '.[usd]'")
from pxr import Gf, Usd, UsdGeom, UsdValidation, UsdVol, Vt


def scene(count: int = 20, degree: int = 3, seed: int = 0) -> Gaussians:
    return random_scene(count, degree, seed).to(torch.float32)


def assert_same(found: Gaussians, wanted: Gaussians, tolerance: float = 2e-6) -> None:
    torch.testing.assert_close(found.means, wanted.means, rtol=0, atol=tolerance)
    torch.testing.assert_close(found.log_scales, wanted.log_scales, rtol=0, atol=max(tolerance, 2e-6))
    torch.testing.assert_close(found.opacities, wanted.opacities, rtol=0, atol=max(tolerance, 1e-6))
    turned = (unit_quats(found.quats) * unit_quats(wanted.quats)).sum(dim=1).abs()
    torch.testing.assert_close(turned, torch.ones(len(wanted)), rtol=0, atol=max(tolerance, 1e-5))
    torch.testing.assert_close(found.sh, wanted.sh, rtol=0, atol=tolerance)


def stage_of(up: str = "Z", unit: float | None = 1.0) -> Any:
    stage = Usd.Stage.CreateInMemory()
    UsdGeom.SetStageUpAxis(stage, up)
    if unit is not None:
        UsdGeom.SetStageMetersPerUnit(stage, unit)
    return stage


def place(stage: Any, path: str, gaussians: Gaussians) -> Any:
    """Splats made by the library's own types, value by value."""
    splats = UsdVol.ParticleField3DGaussianSplat.Define(stage, path)
    splats.CreatePositionsAttr([Gf.Vec3f(*row) for row in gaussians.means.tolist()])
    splats.CreateOrientationsAttr([Gf.Quatf(w, x, y, z) for w, x, y, z in unit_quats(gaussians.quats).tolist()])
    splats.CreateScalesAttr([Gf.Vec3f(*row) for row in gaussians.scales.tolist()])
    splats.CreateOpacitiesAttr(gaussians.opacities.tolist())
    splats.CreateRadianceSphericalHarmonicsDegreeAttr(gaussians.sh_degree)
    splats.CreateRadianceSphericalHarmonicsCoefficientsAttr(
        [Gf.Vec3f(*c) for row in gaussians.sh.tolist() for c in row]
    )
    return splats


def saved(stage: Any, path: Path) -> Path:
    stage.GetRootLayer().Export(str(path))
    return path


@pytest.mark.parametrize("suffix", [".usda", ".usdc", ".usdz"])
@pytest.mark.parametrize("axes", ["z-up", "y-up"])
@pytest.mark.parametrize("degree", [0, 1, 3])
def test_round_trip(tmp_path: Path, suffix: str, axes: str, degree: int) -> None:
    original = scene(50, degree)
    path = tmp_path / f"room{suffix}"
    write_gaussians(path, original, axes, render_mode="mip")
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    found = read_scene(path)
    assert (found.axes, found.axes_from, found.notes) == (axes, "comment", ())
    assert found.render_mode == "mip"
    assert_same(found.gaussians, original)


def test_what_the_schema_asks_for(tmp_path: Path) -> None:
    original = scene(9, 2)
    path = tmp_path / "room.usdz"
    write_gaussians(path, original)
    stage = Usd.Stage.Open(str(path))
    assert UsdGeom.GetStageUpAxis(stage) == "Z"
    assert UsdGeom.StageHasAuthoredMetersPerUnit(stage)
    assert UsdGeom.GetStageMetersPerUnit(stage) == 1
    root = stage.GetDefaultPrim()
    (prim,) = [p for p in stage.Traverse() if p.IsA(UsdVol.ParticleField3DGaussianSplat)]
    assert prim.GetPath().HasPrefix(root.GetPath())
    splats = UsdVol.ParticleField3DGaussianSplat(prim)
    assert np.array_equal(np.array(splats.GetPositionsAttr().Get()), original.means.numpy())
    quats = [(q.real, *q.imaginary) for q in splats.GetOrientationsAttr().Get()]
    np.testing.assert_allclose(quats, unit_quats(original.quats).numpy(), atol=1e-7)
    np.testing.assert_allclose(np.array(splats.GetScalesAttr().Get()), original.scales.numpy(), rtol=1e-6)
    np.testing.assert_allclose(np.array(splats.GetOpacitiesAttr().Get()), original.opacities.numpy(), rtol=1e-6)
    assert splats.GetRadianceSphericalHarmonicsDegreeAttr().Get() == 2
    coefficients = np.array(splats.GetRadianceSphericalHarmonicsCoefficientsAttr().Get())
    assert np.array_equal(coefficients, original.sh.reshape(-1, 3).numpy()), "grouped by particle"
    hint = splats.GetSortingModeHintAttr()
    assert hint.HasAuthoredValue()
    assert hint.Get() == "zDepth"
    reach = 3 * covariances(original.quats, original.scales).diagonal(dim1=1, dim2=2).sqrt()
    box = torch.stack([(original.means - reach).amin(dim=0), (original.means + reach).amax(dim=0)])
    np.testing.assert_allclose(np.array(splats.GetExtentAttr().Get()), box.numpy(), rtol=1e-5, atol=1e-6)
    bounds = UsdGeom.BBoxCache(Usd.TimeCode.Default(), ["default"]).ComputeWorldBound(root).ComputeAlignedRange()
    np.testing.assert_allclose([list(bounds.GetMin()), list(bounds.GetMax())], box.numpy(), rtol=1e-5, atol=1e-6)
    for name in ("positionsh", "orientationsh", "scalesh", "opacitiesh", "radiance:sphericalHarmonicsCoefficientsh"):
        assert not prim.GetAttribute(name).HasAuthoredValue(), "float or half, never both"
    validators = UsdValidation.ValidationRegistry().GetOrLoadAllValidators()
    assert len(validators) > 10
    assert [error.GetMessage() for error in UsdValidation.ValidationContext(validators).Validate(stage)] == []


def test_56_bytes_a_gaussian_at_degree_0(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    noisy = scene(3000, 3)
    noisy = Gaussians(*noisy.tensors()[:4], torch.randn(3000, 16, 3, generator=generator)).with_sh_degree(0)
    write_gaussians(tmp_path / "a.usdc", noisy)
    assert (tmp_path / "a.usdc").stat().st_size < 56 * 3000 + 4000
    assert_same(read_scene(tmp_path / "a.usdc").gaussians, noisy)


@pytest.mark.parametrize("up", ["Y", "Z"])
def test_places_and_units_of_others_stages(tmp_path: Path, up: str) -> None:
    """Turned, scaled and shifted, below another transform, in centimetres."""
    original = scene(30, 3).to(torch.float64)
    generator = torch.Generator().manual_seed(4)
    quat = torch.nn.functional.normalize(torch.randn(1, 4, generator=generator, dtype=torch.float64), dim=1)
    turn, size, shift = rotation_matrices(quat)[0], 2.0, torch.tensor([10.0, -20.0, 30.0], dtype=torch.float64)
    stage = stage_of(up, 0.01)
    outer = UsdGeom.Xform.Define(stage, "/outer")
    outer.AddTranslateOp().Set(Gf.Vec3d(*shift.tolist()))
    inner = UsdGeom.Xformable(place(stage, "/outer/splats", original))
    inner.AddOrientOp(UsdGeom.XformOp.PrecisionDouble).Set(Gf.Quatd(*quat[0].tolist()))
    inner.AddScaleOp().Set(Gf.Vec3f(size))
    found = read_scene(saved(stage, tmp_path / "a.usda"))
    assert found.axes == {"Y": "y-up", "Z": "z-up"}[up]
    assert found.notes == ("a unit of the stage is 0.01 m; the scene is scaled to metres",)
    got = read_scene(tmp_path / "a.usda", axes="z-up").gaussians.to(torch.float64)
    torch.testing.assert_close(got.means, 0.01 * (size * original.means @ turn.T + shift), rtol=0, atol=1e-6)
    wanted = (0.01 * size) ** 2 * turn @ covariances(original.quats, original.scales) @ turn.T
    torch.testing.assert_close(covariances(got.quats, got.scales), wanted, rtol=1e-4, atol=1e-10)
    directions = torch.randn(30, 3, generator=generator, dtype=torch.float64)
    shown = sh_colors(got.sh, directions @ turn.T, 3)
    torch.testing.assert_close(shown, sh_colors(original.sh, directions, 3), rtol=0, atol=1e-5)
    if up == "Y":
        torch.testing.assert_close(found.gaussians.means[:, 2].double(), got.means[:, 1], rtol=0, atol=1e-6)


def test_several_prims_and_instances(tmp_path: Path) -> None:
    first, second = scene(5, 1, 1), scene(4, 0, 2)
    stage = stage_of()
    place(stage, "/a", first)
    UsdGeom.Mesh.Define(stage, "/mesh")
    stage.CreateClassPrim("/_class")
    place(stage, "/_class/splats", second)
    for i in range(2):
        copy = UsdGeom.Xform.Define(stage, f"/copy{i}")
        copy.GetPrim().GetInherits().AddInherit("/_class")
        copy.GetPrim().SetInstanceable(True)
        copy.AddTranslateOp().Set(Gf.Vec3d(0, 0, i))
    found = read_scene(saved(stage, tmp_path / "a.usdc"))
    moved = Gaussians(second.means + torch.tensor([0.0, 0, 1]), *second.tensors()[1:])
    assert found.notes == ()
    assert_same(found.gaussians, Gaussians.cat([first, second, moved]))


def test_halves_are_read_where_there_are_no_floats(tmp_path: Path) -> None:
    original = scene(30, 1)
    stage = stage_of()
    splats = UsdVol.ParticleField3DGaussianSplat.Define(stage, "/a")
    quats = unit_quats(original.quats)[:, [1, 2, 3, 0]]
    splats.CreatePositionshAttr(Vt.Vec3hArray.FromNumpy(original.means.half().numpy()))
    splats.CreateOrientationshAttr(Vt.QuathArray.FromNumpy(quats.half().numpy()))
    splats.CreateScaleshAttr(Vt.Vec3hArray.FromNumpy(original.scales.half().numpy()))
    splats.CreateOpacitieshAttr(Vt.HalfArray.FromNumpy(original.opacities.half().numpy()))
    splats.CreateRadianceSphericalHarmonicsDegreeAttr(1)
    sh = Vt.Vec3hArray.FromNumpy(original.sh.half().reshape(-1, 3).numpy())
    splats.CreateRadianceSphericalHarmonicsCoefficientshAttr(sh)
    assert_same(read_scene(saved(stage, tmp_path / "a.usdc")).gaussians, original, 2e-3)


def test_what_is_left_out_is_as_the_schema_says(tmp_path: Path) -> None:
    stage = stage_of(unit=None)
    splats = UsdVol.ParticleField3DGaussianSplat.Define(stage, "/a")
    splats.CreatePositionsAttr([Gf.Vec3f(1, 2, 3), Gf.Vec3f(4, 5, 6)])
    found = read_scene(saved(stage, tmp_path / "a.usda"))
    wanted = Gaussians(
        torch.tensor([[1.0, 2, 3], [4, 5, 6]]), torch.zeros(2, 3), torch.tensor([[1.0, 0, 0, 0]] * 2),
        torch.full((2,), LOGIT_MAX), torch.zeros(2, 1, 3),
    )  # fmt: skip
    assert_same(found.gaussians, wanted)
    assert found.notes[0] == "the stage does not say its unit; metres are taken"
    assert sum("the schema's default is taken" in note for note in found.notes) == 4


def test_values_that_move_are_read_at_their_beginning(tmp_path: Path) -> None:
    original = scene(5, 0)
    stage = stage_of()
    splats = place(stage, "/a", original)
    splats.GetPositionsAttr().Clear()
    for time in (3.0, 4.0):
        rows = [Gf.Vec3f(*row) for row in (original.means + time - 3).tolist()]
        splats.GetPositionsAttr().Set(rows, time)
    assert_same(read_scene(saved(stage, tmp_path / "a.usda")).gaussians, original)


def test_more_values_than_positions_are_left_aside(tmp_path: Path) -> None:
    original = scene(5, 0)
    stage = stage_of()
    place(stage, "/a", original).GetPositionsAttr().Set([Gf.Vec3f(*row) for row in original.means[:3].tolist()])
    found = read_scene(saved(stage, tmp_path / "a.usda"))
    assert_same(found.gaussians, original[:3])
    assert "/a has 5 opacities; only the first 3 are meant" in found.notes


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("short", "/a has 4 scales for 5 positions, which need 5"),
        ("degree", "/a has 5 radiance:sphericalHarmonicsCoefficients for 5 positions, which need 80"),
        ("absurd", "/a has spherical harmonics of degree -1"),
        ("mirrored", "/a mirrors its splats or has no size; apply its transform where it was made"),
        ("stretched", "/a stretches its splats unequally; apply its transform where it was made"),
        ("mesh", "holds no Gaussian splats (no ParticleField3DGaussianSplat with positions)"),
        ("none", "holds no Gaussian splats (no ParticleField3DGaussianSplat with positions)"),
    ],
)
def test_one_line_for_every_fault(tmp_path: Path, fault: str, message: str) -> None:
    stage = stage_of()
    if fault == "mesh":
        UsdGeom.Mesh.Define(stage, "/a")
    else:
        splats = place(stage, "/a", scene(5, 0))
        if fault == "short":
            splats.GetScalesAttr().Set([Gf.Vec3f(1)] * 4)
        elif fault in ("degree", "absurd"):
            splats.GetRadianceSphericalHarmonicsDegreeAttr().Set(3 if fault == "degree" else -1)
        elif fault == "none":
            splats.GetPositionsAttr().Set([])
        else:
            UsdGeom.Xformable(splats).AddScaleOp().Set(Gf.Vec3f(-1 if fault == "mirrored" else 2, 1, 1))
    path = saved(stage, tmp_path / "bad.usda")
    with pytest.raises(ValueError, match=r"bad\.usda") as caught:
        read_scene(path)
    assert str(caught.value) == f"{path}: {message}"


@pytest.mark.parametrize("suffix", [".usda", ".usdc", ".usdz"])
@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_damaged_files(tmp_path: Path, suffix: str, part: float) -> None:
    path = tmp_path / f"a{suffix}"
    write_gaussians(path, scene(300))
    data = path.read_bytes()
    path.write_bytes(data[: math.floor(part * len(data))])
    with pytest.raises(ValueError, match=rf"a\{suffix}: (is|truncated or) damaged") as caught:
        read_scene(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", [".usda", ".usdc", ".usdz"])
@pytest.mark.parametrize("content", [b"", bytes(300), b"some words, and no stage at all " * 10, b"#usda 1.0\n(\n"])
def test_what_is_no_stage_is_told_in_words(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r": is (damaged, or no OpenUSD stage \(.*\w.*\)|really a \.usda)") as caught:
        read_scene(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "at line" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bytes_that_are_no_text_are_told_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.usda"
    write_usd(path, scene(300))
    data = path.read_bytes()
    for place in (60, 300, 600, len(data) // 2):
        path.write_bytes(data[:place] + b"\xdf\xff" + data[place + 2 :])
        try:
            read_scene(path)
        except ValueError as error:
            assert str(error).startswith(f"{path}: ")  # noqa: PT017
            assert "\n" not in str(error)  # noqa: PT017


def test_what_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"a\.usdz: not written: OpenUSD cannot say 'y-down'; give one of z-up, y-up"):
        write_usd(tmp_path / "a.usdz", scene(3), "y-down")
    huge = scene(3)
    huge.log_scales[1, 0] = 89.0
    with pytest.raises(ValueError, match=r"a\.usdc: not written: a scale of e\^89 m is too large"):
        write_usd(tmp_path / "a.usdc", huge)
    with pytest.raises(ValueError, match=r"a\.usda: cannot be written: there is no folder .*nowhere; make it"):
        write_usd(tmp_path / "nowhere" / "a.usda", scene(3))
    assert not list(tmp_path.iterdir())


def test_an_old_file_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.usdz"
    write_usd(path, scene(3))
    before = path.read_bytes()

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", stop)
    with pytest.raises(KeyboardInterrupt):
        write_usd(path, scene(9))
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.usdz"]


def test_without_usd_core_one_line_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_usd(tmp_path / "a.usda", scene(3))
    monkeypatch.setitem(sys.modules, "pxr", None)
    message = r"\.usda: needs usd-core 26\.3 or newer; run pip install 'gs-stein\[usd\]'"
    for act in (lambda: write_usd(tmp_path / "b.usda", scene(3)), lambda: read_scene(tmp_path / "a.usda")):
        with pytest.raises(ValueError, match=message):
            act()
