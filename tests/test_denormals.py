"""Denormal numbers are zero where an optimiser runs, since on some processors a step takes twenty times as long; and
nowhere else, since others break then."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from gs_stein.gaussians.denormals import denormals
from gs_stein.gaussians.initialise import neighbour_distances

HALVE = "print(int(((torch.full((4_000_000,), 1e-38) * 0.5) != 0).sum()))"


def left(code: str) -> int:
    """What the last line of a program of its own prints: how many of four million halves were not flushed."""
    done = subprocess.run(
        [sys.executable, "-c", f"import torch\n{code}"], capture_output=True, text=True, timeout=300, check=True
    )
    return int(done.stdout)


@pytest.fixture(autouse=True)
def _able() -> None:
    if not torch.set_flush_denormal(True):
        pytest.skip("this processor cannot flush denormals")
    torch.set_flush_denormal(False)


@pytest.mark.slow
def test_training_a_prior_flushes_denormals_in_every_thread() -> None:
    assert left(HALVE) == 4_000_000
    assert left(f"import gs_stein.world.training.run\n{HALVE}") == 0


def test_the_loop_flushes_denormals_in_every_thread_and_hands_its_own_back() -> None:
    found = (
        "import gs_stein.update.adam\nfrom gs_stein.gaussians.denormals import denormals\n"
        f"with denormals(flushed=True):\n    {HALVE}\n"
    )
    assert left(found) == 0
    assert left(f"import gs_stein.update.adam\ntorch.set_num_threads(1)\n{HALVE}") == 4_000_000


def flushing() -> bool:
    return bool((torch.full((1,), 1e-38) * 0.5) == 0)


def test_what_was_set_before_is_set_again() -> None:
    for outer in (False, True):
        torch.set_flush_denormal(outer)
        for inner in (False, True):
            with denormals(inner):
                assert flushing() == inner
            assert flushing() == outer
    torch.set_flush_denormal(False)
    with pytest.raises(KeyError), denormals(flushed=True):
        raise KeyError
    assert not flushing()


def test_neighbours_of_a_level_floor_are_found_while_denormals_are_flushed() -> None:
    """SciPy's tree halves between 0 and the number next to it: the process died there without a word."""
    points = np.random.default_rng(0).uniform(-2, 2, (20_000, 3))
    points[:10_000, 2] = 0
    with denormals(flushed=True):
        flushed = neighbour_distances(torch.from_numpy(points))
    assert torch.equal(flushed, neighbour_distances(torch.from_numpy(points)))
    assert float(flushed.median()) < 0.1
