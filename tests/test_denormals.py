"""Denormal numbers are zero wherever an optimiser runs: on some processors a step takes twenty times as long."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

HALVE = "import torch; print(int(((torch.full((4_000_000,), 1e-38) * 0.5) != 0).sum()))"


@pytest.mark.parametrize("module", ["gs_stein.update.adam", "gs_stein.world.training.run"])
def test_importing_an_optimiser_flushes_denormals_in_every_thread(module: str) -> None:
    def left(code: str) -> int:
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=True)
        return int(done.stdout)

    if not torch.set_flush_denormal(True):
        pytest.skip("this processor cannot flush denormals")
    assert left(HALVE) == 4_000_000
    assert left(f"import {module}\n{HALVE}") == 0
