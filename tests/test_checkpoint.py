"""A resumed run ends with the numbers of an uninterrupted one, bit for bit; damaged and foreign files are refused."""

from __future__ import annotations

import errno
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny_bundled import SIDE, tiny_bundled

from gs_stein import files
from gs_stein.cameras.options import OrbitCameras, RoomCameras
from gs_stein.config.schema import Config
from gs_stein.distill.options import SDS, SSD, VSD, Baseline, DistillOptions, Estimator
from gs_stein.gaussians.options import BallStart, RoomStart
from gs_stein.optimize.loop import optimize
from gs_stein.optimize.networks import Priors, load_priors
from gs_stein.optimize.state import State, begin
from gs_stein.prior.bundled import MultiViewDenoiser
from gs_stein.prior.mixture import MixturePrior
from gs_stein.prior.options import DiffusionOptions, TimestepOptions
from gs_stein.refine.options import RefineOptions
from gs_stein.run import checkpoint
from gs_stein.update import adam
from gs_stein.update.options import Densify, GradientDensify, LearningRates, MCMCDensify, RegularizeOptions

STEPS = 8


@pytest.fixture(scope="module")
def prior(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bundled(tmp_path_factory.mktemp("prior"))


def config_of(prior: Path | str, estimator: Estimator, densify: Densify, **more) -> Config:
    base = Config(
        prompt="class 1" if prior == "" else "a red chair",
        scene=True,
        iterations=STEPS,
        views=2,
        cameras=RoomCameras(resolution=SIDE),
        start=RoomStart(count=150),
        prior=DiffusionOptions(model=str(prior)),
        distill=DistillOptions(
            estimator=estimator,
            importance=True,
            timesteps=TimestepOptions(sampling="golden", anneal="linear", t_max_end=0.6),
        ),
        densify=densify,
        regularize=RegularizeOptions(
            depth_tv=0.1, opacity=0.01, scale=0.1, anisotropy=0.1, sparsity=0.01, range=0.1, haze=0.1
        ),
    )
    return replace(base, **more)


def everything(state: State) -> dict[str, torch.Tensor]:
    """All tensors of a state, by path."""
    found: dict[str, torch.Tensor] = {"generator": state.generator.get_state()}

    def walk(path: str, value: object) -> None:
        if isinstance(value, torch.Tensor):
            found[path] = value.detach().clone()
        elif isinstance(value, dict):
            for key, item in value.items():
                walk(f"{path}/{key}", item)
        elif isinstance(value, (list, tuple)):
            for i, item in enumerate(value):
                walk(f"{path}/{i}", item)
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            found[path] = torch.tensor(value, dtype=torch.float64)

    walk("parameters", dict(state.parameters))
    walk("optimizers", adam.state_dict(state.optimizers))
    walk("densifier", state.densifier.state_dict())
    walk("distiller", state.distiller.state_dict())
    walk("refiner", state.refiner.state_dict())
    walk("colours", state.colours.weight)
    walk("held", None if state.reused is None else state.reused.state_dict())
    walk("counts", {"step": state.step, "evaluations": state.evaluations})
    return found


CASES = {
    "ssd-mcmc": (SSD((Baseline.SPECTRAL, Baseline.DEPTH)), MCMCDensify(cap=200, start=0.0, stop=1.0, every=3)),
    "ssd-normal-gradient": (SSD((Baseline.CONSTANT, Baseline.NORMAL)), GradientDensify(start=0.0, stop=1.0, every=3)),
    "learned": (SSD((Baseline.SPECTRAL, Baseline.LEARNED)), MCMCDensify(cap=200, start=0.0, stop=1.0, every=3)),
    "vsd": (VSD(rank=2, warmup=3), GradientDensify(start=0.0, stop=1.0, every=3)),
    "sds": (SDS(), MCMCDensify(start=0.0, stop=1.0, every=3)),
}
REFINED = {
    "ssd-mcmc": RefineOptions(
        share=0.75, rounds=2, views=(3, 3), group=2, anchors=1, steps=2, register_views=2, depth=1.0
    ),
    "sds": RefineOptions(share=0.5, rounds=1, views=(2, 2), steps=2),  # saved where refinement begins
}


@pytest.mark.parametrize("case", CASES)
def test_resume_is_bit_for_bit(case: str, prior: Path, tmp_path: Path) -> None:
    # The checkpoint is written while colours are being solved for, or while a guess is followed.
    reuse = 3 if case == "ssd-normal-gradient" else 1
    solved = LearningRates(solve_colours=6 if reuse == 1 else 2)
    config = config_of(prior, *CASES[case], refine=REFINED.get(case, RefineOptions()), rates=solved)
    config = replace(config, distill=replace(config.distill, reuse=reuse, reuse_views=1))

    def fresh() -> State:
        return begin(config, load_priors(config))

    straight = fresh()
    for _ in optimize(config, straight):
        pass

    first = fresh()
    for step in optimize(config, first):
        if step.step == 4:
            checkpoint.save(tmp_path, first)
            break
    assert (first.reused is not None) == (reuse > 1)
    first.distiller.close()
    second = fresh()
    torch.manual_seed(12345)  # nothing may depend on the global generator
    assert checkpoint.restore_latest(tmp_path, second, config) is not None
    assert second.step == 4
    for _ in optimize(config, second):
        pass

    wanted, got = everything(straight), everything(second)
    assert wanted.keys() == got.keys()
    for path, value in wanted.items():
        assert torch.equal(value.nan_to_num(), got[path].nan_to_num()), path
    assert straight.step == second.step == STEPS


def tiny_state() -> tuple[Config, State]:
    start, cameras = BallStart(count=20), OrbitCameras(resolution=8)
    config = config_of("", SDS(), MCMCDensify(), scene=False, cameras=cameras, start=start)
    config = replace(config, view_prompts=replace(config.view_prompts, enabled=False))
    return config, begin(config, Priors(MixturePrior((3, 8, 8))))


def test_keeps_the_latest_and_leaves_nothing_else(tmp_path: Path) -> None:
    config, state = tiny_state()
    for _ in optimize(config, state):
        checkpoint.save(tmp_path, state, keep=2)
    names = sorted(path.name for path in checkpoint.folder_of(tmp_path).iterdir())
    assert names == [f"step_{STEPS - 1:07d}.pt", f"step_{STEPS:07d}.pt"]


def test_a_full_disk_leaves_the_last_good_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config, state = tiny_state()
    good = checkpoint.save(tmp_path, state)
    content = good.read_bytes()
    next(optimize(config, state))

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(ValueError, match="No space left") as caught:
        checkpoint.save(tmp_path, state, keep=1)
    assert checkpoint.is_disk_full(caught.value)
    assert [path.read_bytes() for path in checkpoint.folder_of(tmp_path).iterdir()] == [content]
    assert not checkpoint.is_disk_full(ValueError("another"))


def test_falls_back_on_the_one_before(tmp_path: Path) -> None:
    config, state = tiny_state()
    for step in optimize(config, state):
        if step.step in (2, 5):
            checkpoint.save(tmp_path, state)
    latest = checkpoint.checkpoints(tmp_path)[-1]
    latest.write_bytes(latest.read_bytes()[:1000])
    config, state = tiny_state()
    found = checkpoint.restore_latest(tmp_path, state, config)
    assert found is not None
    assert found.name == "step_0000002.pt"
    assert state.step == 2
    found.write_bytes(b"")
    with pytest.raises(ValueError, match="is damaged"):
        checkpoint.restore_latest(tmp_path, state, config)


def test_no_checkpoint_is_no_error(tmp_path: Path) -> None:
    config, state = tiny_state()
    assert checkpoint.restore_latest(tmp_path, state, config) is None


def test_another_number_of_threads_is_said_and_no_fault(tmp_path: Path) -> None:
    config, state = tiny_state()
    said: list[str] = []
    path = checkpoint.save(tmp_path, state)
    assert checkpoint.restore_latest(tmp_path, state, config, said.append) == path
    assert said == []
    content, here = checkpoint.read(path), torch.get_num_threads()
    assert content["threads"] == here
    path.write_bytes(checkpoint.sealed({**content, "threads": here + 1}))
    assert checkpoint.restore_latest(tmp_path, state, config, said.append) == path
    assert len(said) == 1
    assert said[0].startswith(f"resume: {here} threads here, {here + 1} before: ")
    network = MultiViewDenoiser(channels=3, width=32, depth=1, text_blocks=1)
    vars(state.priors.denoiser)["network"] = network  # whose bits do not depend on threads
    checkpoint.restore_latest(tmp_path, state, config, said.append)
    assert len(said) == 1


def test_other_settings_than_before_are_said_in_a_line(tmp_path: Path) -> None:
    config, state = tiny_state()
    said: list[str] = []
    checkpoint.save(tmp_path, state, config=config)
    checkpoint.restore_latest(tmp_path, state, config, said.append)
    assert said == []
    other = replace(config, iterations=99, distill=replace(config.distill, clip=2.0))
    checkpoint.restore_latest(tmp_path, state, other, said.append)
    assert said == [f"resume: other settings than until step 0: iterations 99 ({config.iterations} before), "
                    f"distill.clip 2.0 ({config.distill.clip} before)"]  # fmt: skip
    said.clear()
    state.prompts.change("class 0")  # as somebody does on the page; config.yaml names it from then on
    checkpoint.save(tmp_path, state, config=config)
    checkpoint.restore_latest(tmp_path, state, replace(config, prompt="class 0"), said.append)
    assert said == []


def test_another_prior_or_format_is_refused(tmp_path: Path) -> None:
    config, state = tiny_state()
    path = checkpoint.save(tmp_path, state)
    content = torch.load(path, weights_only=True)
    path.write_bytes(checkpoint.sealed({**content, "prior": "another"}))
    with pytest.raises(ValueError, match="made with the prior 'another'"):
        checkpoint.restore_latest(tmp_path, state, config)
    path.write_bytes(checkpoint.sealed({**content, "format": 99}))
    with pytest.raises(ValueError, match="has format 99"):
        checkpoint.restore_latest(tmp_path, state, config)
    torch.save({**content, "format": 99}, path)  # earlier versions wrote no checksum
    with pytest.raises(ValueError, match="has format 99"):
        checkpoint.restore_latest(tmp_path, state, config)
