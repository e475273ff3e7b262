"""Checkpoints changed at random: refused with one line, and the state left as it was; or good to go on from."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from gs_stein.bench.chaos.damage import content_changed
from gs_stein.bench.chaos.inputs import fresh, run_config
from gs_stein.optimize.loop import optimize
from gs_stein.optimize.state import State
from gs_stein.run import checkpoint
from gs_stein.update import adam

CONFIG = run_config()


@pytest.fixture(scope="module", params=[2, pytest.param(6, marks=pytest.mark.slow)])
def good(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with one checkpoint: while a guess is followed, and while views are refined."""
    run, state = tmp_path_factory.mktemp("run"), fresh()
    for step in optimize(CONFIG, state):
        if step.step == request.param:
            checkpoint.save(run, state)
            break
    return run


def numbers(state: State) -> Iterator[torch.Tensor]:
    """What tells two states apart."""
    yield from (parameter.detach().clone() for parameter in state.parameters.values())
    yield from (x for moments in adam.state_dict(state.optimizers).values() for x in moments.values())
    yield state.generator.get_state()
    yield state.distiller.meter.sums.clone()
    yield torch.tensor([state.step, state.evaluations, state.distiller.guard.skipped])
    for targets in (state.refiner.state_dict()[name] for name in ("targets", "anchors")):
        yield torch.zeros(0) if targets is None else targets["x0"]


def same(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    return len(one) == len(other) and all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def restored(path: Path) -> State | None:
    """The state that a checkpoint makes; None if it is refused, with one line, by a state that stays as it was."""
    state, said = fresh(), ""
    before = list(numbers(state))
    try:
        checkpoint.restore(path, state, CONFIG)
    except ValueError as error:
        said = str(error)
    if not said:
        return state
    assert "\n" not in said
    assert said.startswith("resume: ")
    assert same(before, list(numbers(state)))
    return None


def byte_changed(data: bytes, dice: random.Random) -> bytes:
    changed = bytearray(data)
    changed[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    return bytes(changed)


def cut(data: bytes, dice: random.Random) -> bytes:
    return data[: dice.randrange(len(data))]


def hole(data: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(data))
    size = len(data[at : at + 512])
    return data[:at] + dice.randbytes(size) + data[at + size :]


def longer(data: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(data))
    return data[:at] + dice.randbytes(7) + data[at:]


@pytest.mark.parametrize("change", [byte_changed, cut, hole, longer])
def test_changed_bytes_are_refused(good: Path, tmp_path: Path, change: Callable[[bytes, random.Random], bytes]) -> None:
    dice, data = random.Random(1), checkpoint.checkpoints(good)[-1].read_bytes()
    path = tmp_path / "step_0000009.pt"
    for _ in range(15):
        path.write_bytes(change(data, dice))
        assert restored(path) is None


def test_what_is_not_ours_is_refused_or_can_be_gone_on_from(good: Path, tmp_path: Path) -> None:
    """Its checksum is right: counts that could be ours are taken, and the run comes to its end."""
    content = torch.load(checkpoint.checkpoints(good)[-1], weights_only=True)
    dice, path, taken = random.Random(2), tmp_path / "step_0000009.pt", 0
    path.write_bytes(checkpoint.sealed(content))
    assert restored(path) is not None
    for _ in range(120):
        path.write_bytes(checkpoint.sealed(content_changed(content, dice)))
        state = restored(path)
        if state is None:
            continue
        taken += 1
        for step in optimize(CONFIG, state):
            assert bool(step.gaussians.finite().all())
    assert taken < 40


def test_the_one_before_is_taken_and_later_ones_are_left(good: Path, tmp_path: Path) -> None:
    content = torch.load(checkpoint.checkpoints(good)[-1], weights_only=True)
    folder = checkpoint.folder_of(tmp_path)
    folder.mkdir()
    (folder / "step_0000001.pt").write_bytes(checkpoint.sealed(content))
    means = content["parameters"]["means"].clone()
    means[3, 1] = torch.nan
    poisoned = {**content, "parameters": {**content["parameters"], "means": means}}
    (folder / "step_0000007.pt").write_bytes(checkpoint.sealed(poisoned))
    state, said = fresh(), []
    found = checkpoint.restore_latest(tmp_path, state, CONFIG, said.append)
    assert found == folder / "step_0000001.pt"
    (line,) = said
    assert "step_0000007.pt is damaged (parameters.means is not finite); the one before is taken" in line
    new = checkpoint.save(tmp_path, state, keep=1)
    assert [path.name for path in checkpoint.checkpoints(tmp_path)] == [new.name, "step_0000007.pt"]


@pytest.mark.parametrize("poison", ["parameter", "moment", "meter"])
def test_what_is_not_finite_is_not_saved(tmp_path: Path, poison: str) -> None:
    state = fresh()
    before = checkpoint.save(tmp_path, state).read_bytes()
    next(optimize(CONFIG, state))
    quats, optimizer = state.parameters["quats"], state.optimizers["quats"]
    if poison == "parameter":
        quats.data[2, 1] = torch.inf
    elif poison == "moment":
        optimizer.state[quats]["exp_avg_sq"][2, 1] = torch.nan
    else:
        state.distiller.meter.sums[0, 0] = torch.inf
    with pytest.raises(ValueError, match="not finite after step 1; the one before is kept"):
        checkpoint.save(tmp_path, state, keep=1)
    assert [path.read_bytes() for path in checkpoint.folder_of(tmp_path).iterdir()] == [before]
