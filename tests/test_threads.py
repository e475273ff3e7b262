"""The same bits whatever the number of threads; and denormal numbers are zero where an optimiser runs, since on some
processors a step takes twenty times as long, and nowhere else, since others break then."""

from __future__ import annotations

import hashlib
import multiprocessing
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from gs_stein.cameras.options import RoomCameras
from gs_stein.cameras.sampling import sample_cameras
from gs_stein.config.presets import preset_file
from gs_stein.config.serialize import read_config
from gs_stein.gaussians.initialise import neighbour_distances
from gs_stein.optimize.loop import optimize
from gs_stein.optimize.networks import load_priors
from gs_stein.optimize.state import begin
from gs_stein.prior.checkpoints.load import load_prior
from gs_stein.prior.options import DiffusionOptions, Precision
from gs_stein.threads import denormals

HALVE = (  # the product of two normal numbers is denormal; looked at as bits, for who flushes takes it for zero
    "print(int(((torch.full((4_000_000,), 1e-30) * torch.full((4_000_000,), 1e-10)).view(torch.int32) != 0).sum()))"
)


def left(code: str) -> int:
    """What the last line of a program of its own prints: how many of four million products were not flushed."""
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
        "import gs_stein.update.adam\nfrom gs_stein.threads import denormals\n"
        f"with denormals(flushed=True):\n    {HALVE}\n"
    )
    assert left(found) == 0
    assert left(f"import gs_stein.update.adam\ntorch.set_num_threads(1)\n{HALVE}") == 4_000_000


@pytest.mark.slow
def test_a_run_flushes_denormals_in_every_thread_whatever_it_does_first() -> None:
    """A prompt was understood before torch's threads were started to flush: one half of Adam's numbers was."""
    asked = "from gs_stein.command.parse import parse\nparse(['--prompt', 'a red chair'], 'train.py')\n"
    within = f"from gs_stein.threads import denormals\nwith denormals(flushed=True):\n    {HALVE}"
    assert left(f"torch.set_num_threads(2)\n{asked}{within}") == 0
    assert left(f"torch.set_num_threads(2)\ntorch.ones(4_000_000)\n{asked}{within}") == 2_000_000  # too late


def with_threads(count: int, work: Callable[[], Tensor]) -> Tensor:
    """What is worked out on so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        return work()
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("threads", [2, 3, 4])
def test_networks_say_the_same_on_any_number_of_threads(threads: int) -> None:
    prior = load_prior(DiffusionOptions(model="bundled", precision=Precision.FP32), torch.device("cpu"))
    cameras = sample_cameras(RoomCameras(resolution=64), 4, torch.Generator().manual_seed(0))
    noise = torch.randn(1, 4, 32, 8, 8, generator=torch.Generator().manual_seed(1))

    def work() -> Tensor:
        text = prior.embed(["a cozy living room with a red sofa"])
        with torch.no_grad():
            eps = prior.predict(noise, torch.full((1,), 600.0), [text], cameras)
            return torch.cat([text.tokens.flatten(), eps.flatten(), prior.decode(eps[0]).flatten()])

    assert torch.equal(with_threads(1, work), with_threads(threads, work))


@pytest.mark.slow
def scene_of(threads: int) -> str:
    """Hash of a short run: more Gaussians than torch gives to one thread, distilled, denoised and densified."""
    torch.set_num_threads(threads)
    config = read_config(preset_file("preview"), read_config(preset_file("scene")))
    config = replace(
        config, prompt="a cozy living room", iterations=10, start=replace(config.start, count=40_000),
        prior=replace(config.prior, model="bundled"), refine=replace(config.refine, rounds=2, shortest=1, steps=2),
    )  # fmt: skip
    state = begin(config, load_priors(config))
    for _ in optimize(config, state):
        pass
    return hashlib.sha256(b"".join(v.detach().numpy().tobytes() for v in state.parameters.values())).hexdigest()


def test_a_run_makes_the_same_scene_on_any_number_of_threads() -> None:
    """In processes of its own: threads that other tests have started do not flush denormals."""
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        one, two = pool.map(scene_of, (1, 2), chunksize=1)
    assert one == two


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
