"""Every example runs as it stands, in a short version, and does what it says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from gs_stein.gaussians.files import read_gaussians

EXAMPLES = Path(__file__).parent.parent / "examples"


def example(name: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name), *arguments], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_from_python(tmp_path: Path) -> None:
    said = example("01_from_python.py", "3", str(tmp_path / "chair.ply"))
    assert "3/3: 8000 Gaussians" in said
    assert len(read_gaussians(tmp_path / "chair.ply")) == 8000


def test_own_estimator() -> None:
    """b = 1 is SDS; without a control variate the estimate is noisier."""
    ratios = [float(found) for found in re.findall(r"SDS (\d+\.\d+)", example("02_own_estimator.py", "12"))]
    assert len(ratios) == 3
    assert ratios[2] == pytest.approx(1.0)
    assert ratios[0] > ratios[1] > 1.0


def test_own_prior() -> None:
    said = example("03_own_prior.py", "400")
    assert float(re.findall(r"picture: (\d\.\d+)", said)[0]) < 0.05


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_examples_are_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 60
