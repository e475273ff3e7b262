"""OpenUSD: .usda, .usdc and .usdz with a ParticleField3DGaussianSplat, which Omniverse and Isaac Sim render.

Scales and opacities are linear, coefficients raw and grouped by Gaussian. Needs usd-core (`pip install
'gs-stein[usd]'`).

Source: the schema of UsdVol in usd-core 26.11, pxr/usd/usdVol/schema.usda.
"""

from __future__ import annotations

import math
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein.files import atomic_file
from gs_stein.gaussians.formats.common import Content, first_line, read_bytes, unit_quats, worth_writing
from gs_stein.gaussians.formats.placing import Pieces, Place, from_linear, place_of
from gs_stein.gaussians.model import MAX_SH_DEGREE, Gaussians, rgb_to_sh

_UP = {"z-up": "Z", "y-up": "Y"}
_REACH = 3.0
"""Standard deviations that count as a splat's extent."""
_MODE = "gsSteinRenderMode"


def write_usd(
    path: Path, gaussians: Gaussians, axes: str = "z-up", render_mode: Literal["default", "mip"] = "default"
) -> None:
    """Write an OpenUSD stage in metres, 56 bytes a Gaussian at SH degree 0 (.usda: as text).

    Args:
        path: the file, .usda, .usdc or .usdz; an old one is replaced in one step.
        gaussians: a scene of our world, on any device.
        axes: "z-up" or "y-up", the two that a stage can say.
        render_mode: as in a standard .ply; "mip" is named in the layer's custom data.

    Raises:
        ValueError: usd-core is missing, there are no Gaussians, a value is not finite or a scale not below 3.4e38 m,
            such axes cannot be said, or the file cannot be written.
    """
    path = Path(path)
    scene = worth_writing(path, gaussians, axes)
    if axes not in _UP:
        raise ValueError(f"{path}: not written: OpenUSD cannot say {axes!r}; give one of {', '.join(_UP)}")
    if not bool(scene.scales.isfinite().all()):
        raise ValueError(f"{path}: not written: a scale of e^{scene.log_scales.max():.0f} m is too large for OpenUSD")
    pxr = _pxr(path)
    with tempfile.TemporaryDirectory(prefix="gs-stein-") as folder:
        # The package names its layer after this file.
        made = Path(folder) / (f"{path.stem}.usdc" if path.suffix.lower() == ".usdz" else f"{path.stem}{path.suffix}")
        try:
            _fill(pxr, made, scene, _UP[axes], render_mode)
            if path.suffix.lower() == ".usdz":
                package = Path(folder) / "package.usdz"
                if not pxr.UsdUtils.CreateNewUsdzPackage(pxr.Sdf.AssetPath(str(made)), str(package)):
                    raise ValueError(f"{path}: cannot be written (OpenUSD made no package)")
                made = package
        except pxr.Tf.ErrorException as error:
            raise ValueError(f"{path}: cannot be written ({_said(error)})") from error
        with atomic_file(path) as file, open(made, "rb") as source:
            shutil.copyfileobj(source, file, 1 << 20)


def _fill(pxr: SimpleNamespace, path: Path, scene: Gaussians, up: str, render_mode: str) -> None:
    """Make the stage in a file."""
    stage, arrays = pxr.Usd.Stage.CreateNew(str(path)), pxr.Vt
    pxr.UsdGeom.SetStageUpAxis(stage, up)
    pxr.UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    if render_mode != "default":
        stage.GetRootLayer().customLayerData = {_MODE: render_mode}
    root = pxr.UsdGeom.Xform.Define(stage, "/scene")
    stage.SetDefaultPrim(root.GetPrim())
    splats = pxr.UsdVol.ParticleField3DGaussianSplat.Define(stage, "/scene/splats")
    quats, sh = unit_quats(scene.quats), scene.sh.reshape(-1, 3).contiguous()
    columns = {
        "Positions": arrays.Vec3fArray.FromNumpy(scene.means.contiguous().numpy()),
        # In memory a quaternion of theirs is x y z w.
        "Orientations": arrays.QuatfArray.FromNumpy(quats[:, [1, 2, 3, 0]].contiguous().numpy()),
        "Scales": arrays.Vec3fArray.FromNumpy(scene.scales.contiguous().numpy()),
        "Opacities": arrays.FloatArray.FromNumpy(scene.opacities.contiguous().numpy()),
        "RadianceSphericalHarmonicsDegree": scene.sh_degree,
        "RadianceSphericalHarmonicsCoefficients": arrays.Vec3fArray.FromNumpy(sh.numpy()),
        "Extent": arrays.Vec3fArray.FromNumpy(_extent(scene, quats).numpy()),
        "SortingModeHint": "zDepth",
        "ProjectionModeHint": "perspective",
    }
    for name, value in columns.items():
        getattr(splats, f"Create{name}Attr")(value)
    stage.GetRootLayer().Save()


def _extent(scene: Gaussians, quats: Float[Tensor, "N 4"]) -> Float[Tensor, "2 3"]:
    """Lowest and highest corner of what the splats reach."""
    w, x, y, z = quats.unbind(1)
    rows = (
        (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    )
    reach = torch.stack([(torch.stack(row, dim=1) * scene.scales).norm(dim=1) for row in rows], dim=1) * _REACH
    return torch.stack([(scene.means - reach).amin(dim=0), (scene.means + reach).amax(dim=0)])


def read_usd(path: Path) -> Content:
    """Read all Gaussian splats of a stage where it places them, in metres.

    Raises:
        ValueError: one line with the file and its fault: usd-core is missing, no stage, without splats, an attribute
            that is too short, or a transform that stretches or mirrors.
    """
    read_bytes(path, 1)
    pxr = _pxr(path)
    try:
        stage = pxr.Usd.Stage.Open(str(path))
    except (pxr.Tf.ErrorException, RuntimeError) as error:
        raise ValueError(f"{path}: is damaged, or no OpenUSD stage ({_said(error)})") from error
    notes, pieces, unit = [], [], 1.0
    if pxr.UsdGeom.StageHasAuthoredMetersPerUnit(stage):
        unit = float(pxr.UsdGeom.GetStageMetersPerUnit(stage))
        if unit != 1.0:
            notes.append(f"a unit of the stage is {unit:g} m; the scene is scaled to metres")
    else:
        notes.append("the stage does not say its unit; metres are taken")
    cache = pxr.UsdGeom.XformCache(pxr.Usd.TimeCode.EarliestTime())
    try:
        for prim in stage.Traverse(pxr.Usd.TraverseInstanceProxies()):
            if prim.IsA(pxr.UsdVol.ParticleField3DGaussianSplat):
                matrix = np.array(cache.GetLocalToWorldTransform(prim), np.float64).T
                place = place_of(np.diag([unit, unit, unit, 1.0]) @ matrix, str(prim.GetPath()))
                pieces += _piece(pxr, prim, place, notes)
        axes = {up: name for name, up in _UP.items()}[str(pxr.UsdGeom.GetStageUpAxis(stage))]
    except KeyError as error:
        raise ValueError(f"{path}: an up axis of {error} is not possible; Y or Z is") from error
    except (ValueError, RuntimeError, pxr.Tf.ErrorException) as error:
        raise ValueError(f"{path}: {_said(error)}") from error
    if not pieces:
        raise ValueError(f"{path}: holds no Gaussian splats (no ParticleField3DGaussianSplat with positions)")
    mode = "mip" if stage.GetRootLayer().customLayerData.get(_MODE) == "mip" else "default"
    return Content(Pieces(pieces), axes, mode, tuple(notes))


@dataclass(frozen=True)
class _Piece:
    """The splats of one prim, in arrays that OpenUSD holds."""

    means: np.ndarray
    quats: np.ndarray
    scales: np.ndarray
    opacities: np.ndarray
    sh: np.ndarray
    place: Place

    def __len__(self) -> int:
        return len(self.means)

    @property
    def sh_degree(self) -> int:
        return math.isqrt(self.sh.shape[1]) - 1

    def rows(self, index: slice) -> Gaussians:
        arrays = (self.means, self.quats, self.scales, self.opacities, self.sh)
        return self.place.move(from_linear(*(array[index].astype(np.float32) for array in arrays)))


def _piece(pxr: SimpleNamespace, prim: Any, place: Place, notes: list[str]) -> list[_Piece]:
    """The arrays of a prim, if it has positions; what else it leaves out is as the schema says."""
    means = _array(pxr, prim, "positions", 1, 0, notes)
    if means is None:
        return []
    n = len(means)
    degree = int(prim.GetAttribute("radiance:sphericalHarmonicsDegree").Get())
    if not 0 <= degree <= 10:
        raise ValueError(f"{prim.GetPath()} has spherical harmonics of degree {degree}")
    quats, scales, opacities = (
        _array(pxr, prim, name, 1, n, notes) for name in ("orientations", "scales", "opacities")
    )
    sh = _array(pxr, prim, "radiance:sphericalHarmonicsCoefficients", (degree + 1) ** 2, n, notes)
    if sh is None:
        grey = np.full((1, 1, 3), float(rgb_to_sh(torch.full((1, 3), 0.5))[0, 0]), np.float32)
        sh = np.broadcast_to(grey, (n, 1, 3))
    elif degree > MAX_SH_DEGREE:
        notes.append(f"spherical harmonics above degree {MAX_SH_DEGREE} are left out")
    piece = _Piece(
        means,
        np.broadcast_to(np.array([0, 0, 0, 1], np.float32), (n, 4)) if quats is None else quats,
        np.ones((n, 3), np.float32) if scales is None else scales,
        np.ones(n, np.float32) if opacities is None else opacities,
        sh.reshape(n, -1, 3)[:, : (MAX_SH_DEGREE + 1) ** 2], place,
    )  # fmt: skip
    return [piece]


def _array(pxr: SimpleNamespace, prim: Any, name: str, each: int, count: int, notes: list[str]) -> np.ndarray | None:
    """An attribute in floats, or else in halves, for `count` Gaussians (0: however many); None if there is none."""
    first = pxr.Usd.TimeCode.EarliestTime()
    value = prim.GetAttribute(name).Get(first)
    if value is None or len(value) == 0:
        value = prim.GetAttribute(f"{name}h").Get(first)
    if value is None or len(value) == 0:
        if count:
            notes.append(f"{prim.GetPath()} has no {name}; the schema's default is taken")
        return None
    if count and len(value) < each * count:
        raise ValueError(f"{prim.GetPath()} has {len(value)} {name} for {count} positions, which need {each * count}")
    if count and len(value) > each * count:
        notes.append(f"{prim.GetPath()} has {len(value)} {name}; only the first {each * count} are meant")
    array = np.asarray(value)
    return array[: each * count] if count else array


def _said(error: BaseException) -> str:
    """The words of an error of OpenUSD, without the place in its source that they come from."""
    line = first_line(error)
    found = re.fullmatch(r"Error in .* at line \d+ in file .* : '(.*?)'?", line)
    return found[1] if found else line


def _pxr(path: Path) -> SimpleNamespace:
    """The modules of usd-core that are needed."""
    try:
        from pxr import Sdf, Tf, Usd, UsdGeom, UsdUtils, UsdVol, Vt
    except ImportError:
        UsdVol = None
    if not hasattr(UsdVol, "ParticleField3DGaussianSplat"):
        raise ValueError(f"{path}: needs usd-core 26.3 or newer; run pip install 'gs-stein[usd]'")
    return SimpleNamespace(Sdf=Sdf, Tf=Tf, Usd=Usd, UsdGeom=UsdGeom, UsdUtils=UsdUtils, UsdVol=UsdVol, Vt=Vt)
