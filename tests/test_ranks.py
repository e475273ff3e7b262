"""One run on several processes: it is the run of one process, whoever goes on with it, and it ends in one line."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_bundled import SIDE, tiny_bundled

from gs_stein import ranks
from gs_stein.cameras.options import OrbitCameras
from gs_stein.command.beside import COURTESY, let_first_speak
from gs_stein.command.train import main
from gs_stein.config.check import check_shares
from gs_stein.config.schema import Config, ResolutionSchedule
from gs_stein.config.serialize import to_yaml
from gs_stein.distill.options import VSD, DistillOptions, Estimator
from gs_stein.gaussians.options import BallStart
from gs_stein.prior.guidance import predict
from gs_stein.prior.mixture import MixturePrior
from gs_stein.prior.options import DiffusionOptions
from gs_stein.prior.sampling import groups, over_groups
from gs_stein.refine.options import RefineOptions
from gs_stein.types import Cameras, TextEmbedding
from gs_stein.update.options import GradientDensify, LearningRates, RegularizeOptions

ROOT = Path(__file__).resolve().parents[1]
STEPS, TAKEN_OVER = 12, 8
"""Iterations of a run, and after how many somebody else goes on: refinement has begun, densification goes on."""


def configured(prior: Path, **distill: Any) -> Config:
    """A run that does everything that ranks share out, in a dozen iterations."""
    return Config(
        prompt="a chair", iterations=STEPS, views=4, background="studio", cameras=OrbitCameras(resolution=SIDE),
        start=BallStart(count=200), prior=DiffusionOptions(model=str(prior)),
        distill=DistillOptions(reuse=2, reuse_views=2, **distill),
        densify=GradientDensify(start=0.0, stop=1.0, every=3, share=0.1),
        # Rotations of round Gaussians have no gradient but rounding, which Adam would follow at full speed.
        rates=LearningRates(solve_colours=1, prune_outside_hull=0.5, quats=(0.0, 0.0)),
        regularize=RegularizeOptions(depth_tv=0.1, haze=0.1),
        refine=RefineOptions(
            share=0.5, shortest=3, views=(4, 8), group=4, anchors=1, steps=2, eta=0.5, seed_in_hull=0.1,
            prune_outside_hull=0.5, prune_every=2, register_views=1, blend_colours=0.5, blend_every=2,
        ),
    )  # fmt: skip


def flags(folder: Path, config: Config) -> list[str]:
    file = folder.with_suffix(".yaml")
    file.write_text(to_yaml(config), encoding="utf-8")
    return ["--config", str(file), "--output", str(folder), *QUICK]


QUICK = ("--no-viewer", "--no-score", "--video-frames", "0", "--checkpoint-every", "4", "--keep-checkpoints", "9")


def torchrun(*command: str) -> subprocess.CompletedProcess[str]:
    """A script and its arguments in two ranks on this machine, with a thread each."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *command],
        env=environment, capture_output=True, encoding="utf-8", timeout=300, cwd=ROOT,
    )  # fmt: skip


def only(folder: Path) -> Path:
    (run,) = folder.iterdir()
    return run


def content(run: Path) -> dict[str, Any]:
    return torch.load(run / "checkpoints" / f"step_{STEPS:07d}.pt", weights_only=True)


def assert_same(run: Path, other: Path) -> None:
    """Same draws to the bit, same counts, Gaussians that differ by rounding."""
    a, b = content(run), content(other)
    assert (a["step"], a["evaluations"]) == (b["step"], b["evaluations"])
    assert torch.equal(a["generator"], b["generator"])
    for name, values in a["parameters"].items():
        torch.testing.assert_close(values, b["parameters"][name], rtol=0.0, atol=1e-3, msg=name)
    for name, values in a["densifier"].items():
        torch.testing.assert_close(values, b["densifier"][name], rtol=1e-3, atol=1e-3, msg=name)
    moments = a["distiller"]["estimator"].get("moments")
    if moments is not None:
        torch.testing.assert_close(moments, b["distiller"]["estimator"]["moments"], rtol=1e-4, atol=1e-6)


def taken_over(run: Path, folder: Path) -> Path:
    """A copy of a run as it was before its last iterations."""
    shutil.copytree(run, folder)
    (folder / "report.json").unlink()
    for path in (folder / "checkpoints").glob("step_*.pt"):
        if int(path.stem.split("_")[1]) > TAKEN_OVER:
            path.unlink()
    return folder


@pytest.fixture(scope="module")
def prior(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bundled(tmp_path_factory.mktemp("prior"))


@pytest.fixture(scope="module")
def alone(prior: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of one process."""
    folder = tmp_path_factory.mktemp("alone") / "runs"
    assert main(flags(folder, configured(prior))) == 0
    return only(folder)


@pytest.fixture(scope="module")
def two(prior: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The run of two ranks, and what they printed."""
    folder = tmp_path_factory.mktemp("two") / "runs"
    done = torchrun("train.py", *flags(folder, configured(prior)))
    assert done.returncode == 0, done.stderr
    return only(folder), done.stdout


@pytest.mark.slow
def test_two_ranks_make_the_run_of_one(alone: Path, two: tuple[Path, str]):
    assert len(content(alone)["parameters"]["means"]) > 200
    assert_same(alone, two[0])


@pytest.mark.slow
def test_only_the_first_rank_prints_and_writes(alone: Path, two: tuple[Path, str]):
    run, said = two
    assert said.count("folder ") == said.count("done in") == 1
    assert {path.name for path in run.iterdir()} == {path.name for path in alone.iterdir()}


@pytest.mark.slow
def test_one_process_goes_on_with_the_run_of_two(alone: Path, two: tuple[Path, str], tmp_path: Path):
    run = taken_over(two[0], tmp_path / "run")
    assert main(["--resume", str(run), *QUICK]) == 0
    assert_same(alone, run)


@pytest.mark.occasional
def test_two_go_on_with_the_run_of_one(alone: Path, tmp_path: Path):
    run = taken_over(alone, tmp_path / "run")
    done = torchrun("train.py", "--resume", str(run), *QUICK)
    assert done.returncode == 0, done.stderr
    assert_same(alone, run)
    again = torchrun("train.py", "--resume", str(run), *QUICK)
    assert (again.returncode, again.stderr.count("error")) == (0, 0)
    assert again.stdout.count(f"all {STEPS} iterations") == 1


@pytest.mark.slow
def test_ranks_that_were_told_different_things_say_so_and_begin_nothing(prior: Path, tmp_path: Path):
    script = tmp_path / "apart.py"
    script.write_text(
        "import os, sys\nfrom gs_stein.command.train import main\n"
        "sys.exit(main([*sys.argv[1:], '--start.count', str(200 + int(os.environ['RANK']))]))\n"
    )
    done = torchrun(str(script), *flags(tmp_path / "runs", configured(prior)))
    assert done.returncode != 0
    line = "error: ranks: start.count is 200 in rank 0 and 201 in rank 1; give all the same command"
    assert done.stderr.count(line) == 2
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_a_mistake_that_all_ranks_make_is_told_once(prior: Path, tmp_path: Path):
    done = torchrun("train.py", *flags(tmp_path / "runs", configured(prior)), "--views", "3")
    assert done.returncode != 0
    assert done.stderr.count("error: views: 3 views a step cannot be shared out evenly to 2 ranks") == 1


def test_a_rank_beside_another_lets_that_one_speak_first(monkeypatch: pytest.MonkeyPatch, capsys):
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "any")
    for place, waits in (("0", 0), ("1", 1)):
        monkeypatch.setenv("LOCAL_RANK", place)
        waited.clear()
        assert main(["--config", "/nowhere.yaml"]) == 2
        assert capsys.readouterr().err == "error: config: there is no file /nowhere.yaml; check the path\n"
        assert waited == [COURTESY] * waits
        with pytest.raises(SystemExit, match="2"):
            main(["--prompt", "a chair", "--iterations", "many"])
        assert waited == [COURTESY] * 2 * waits
        assert main(["--help"]) == 0
        assert ("usage:" in capsys.readouterr().out) is (place == "0")
        let_first_speak(ranks.LostError("another rank is gone"))
        let_first_speak(ranks.ApartError("views is 4 in rank 0 and 6 in rank 1"))
        assert len(waited) == 2 * waits, "what is about the other ranks is told at once"


@pytest.mark.slow
def test_a_rank_that_dies_ends_the_others_in_one_line_and_leaves_the_checkpoint(prior: Path, tmp_path: Path):
    script = tmp_path / "mortal.py"
    script.write_text(
        "import os, sys\nfrom gs_stein.command.train import main\nfrom gs_stein.optimize import loop\n"
        "before = loop.plan_step\n"
        "def plan_step(config, controls, step, first):\n"
        "    if step == 9 and os.environ['RANK'] == '1': os.kill(os.getpid(), 9)\n"
        "    return before(config, controls, step, first)\n"
        "loop.plan_step = plan_step\nsys.exit(main())\n"
    )
    done = torchrun(str(script), *flags(tmp_path / "runs", configured(prior)))
    assert done.returncode != 0
    assert done.stderr.count("error: ranks: another rank is gone") == 1
    run = only(tmp_path / "runs")
    assert [path.name for path in sorted((run / "checkpoints").iterdir())] == ["step_0000004.pt", "step_0000008.pt"]
    assert main(["--resume", str(run), *QUICK]) == 0


@pytest.mark.occasional
def test_a_lora_is_trained_alike_in_all_ranks(prior: Path, tmp_path: Path):
    estimator: Estimator = VSD(rank=2, samples=2)
    config = configured(prior, estimator=estimator)
    assert main(flags(tmp_path / "alone", config)) == 0
    done = torchrun("train.py", *flags(tmp_path / "two", config))
    assert done.returncode == 0, done.stderr
    assert_same(only(tmp_path / "alone"), only(tmp_path / "two"))


def test_a_process_by_itself_is_left_as_it_is():
    x = torch.ones(3, requires_grad=True)
    (2 * x).sum().backward()
    with ranks.joined(), ranks.at_work():
        assert (ranks.rank(), ranks.size(), ranks.count(), ranks.own(5)) == (0, 1, 1, slice(0, 5))
        assert ranks.total(x)[0] is ranks.whole(x, 3) is ranks.of_first(x) is x
        assert ranks.average_gradients([x], {"loss": 2.0}) == {"loss": 2.0}
        ranks.agree(lambda: pytest.fail("nobody is there to agree with"))
    assert x.grad is not None
    assert x.grad.tolist() == [2.0] * 3


@pytest.fixture
def in_turn(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Has every rank of some do something, one after the other; what each adds to a sum is all that it sees of it."""

    def of_each(count: int, work: Any) -> list[Any]:
        found = []
        for rank in range(count):
            monkeypatch.setattr(ranks, "rank", lambda rank=rank: rank)
            monkeypatch.setattr(ranks, "size", lambda: count)
            monkeypatch.setattr(ranks, "total", lambda *parts: parts)
            with ranks.at_work():
                found.append(work())
        return found

    return of_each


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_shares_are_everything_once(in_turn: Any, count: int):
    shares = in_turn(count, lambda: list(range(11))[ranks.own(11)])
    assert [one for share in shares for one in share] == list(range(11))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
    parts = in_turn(count, lambda: ranks.whole(torch.arange(22).view(2, 11)[:, ranks.own(11)], 11, dim=1))
    assert torch.equal(torch.stack(parts).sum(0), torch.arange(22).view(2, 11))


class Watched(MixturePrior):
    """A denoiser that notes whom it was asked about: views of a group answer with the group's sum."""

    def __init__(self, together: int) -> None:
        super().__init__((3, 2, 2))
        self.together, self.asked = together, []

    def predict(self, x_t: Any, t: Any, text: list[TextEmbedding], cameras: Cameras | None) -> Any:
        B, V = x_t.shape[:2]
        assert len(t) == len(text) == B
        assert cameras is not None
        assert len(cameras) == V
        self.evaluations += B * V
        self.asked.append(B * V)
        apart = V // self.together if self.together else 1
        # Groups are made up of every n-th view.
        summed = x_t.unflatten(1, (-1, apart)).sum(1)
        tokens = torch.stack([one.expand(V).tokens.sum((1, 2)) for one in text])
        return summed.repeat(1, V // apart, 1, 1, 1) + t[:, None, None, None, None] + tokens[..., None, None, None]


@pytest.mark.parametrize(
    ("together", "count", "asked"),
    [
        (1, 2, [8, 8]),
        (1, 4, [4, 4, 4, 4]),
        (4, 2, [8, 8]),
        (0, 2, [8, 8]),
        (4, 4, [8, 8]),
        (0, 3, [8, 8]),
        (1, 3, [8, 8]),
    ],
)
def test_the_prior_is_asked_about_everything_once(in_turn: Any, together: int, count: int, asked: list[int]):
    x_t, t = torch.randn(2, 8, 1, 2, 2), torch.tensor([3.0, 5.0])
    text = [TextEmbedding(torch.randn(n, 2, 3), torch.ones(n, 2, dtype=torch.bool)) for n in (1, 8)]
    cameras = Cameras(torch.eye(4).repeat(8, 1, 1), torch.eye(3).repeat(8, 1, 1), 2, 2)
    expected = Watched(together).predict(x_t, t, text, cameras)
    denoiser = Watched(together)
    parts = in_turn(count, lambda: predict(denoiser, x_t, t, text, cameras))
    torch.testing.assert_close(torch.stack(parts).sum(0), expected)
    assert denoiser.asked == asked
    assert denoiser.evaluations == 16 * count  # each counts what all were asked for


@pytest.mark.parametrize("count", [1, 2, 3, 4, 6])
def test_groups_of_refined_views_are_asked_about_once(in_turn: Any, count: int):
    asked: list[int] = []
    x, todo = torch.randn(1, 11, 1, 2, 2), groups(11, 4, 1, torch.Generator().manual_seed(0))

    def ask(some: Any) -> Any:
        assert ranks.count() == 1  # one group is nobody else's
        asked.append(len(some))
        return 2 * x[:, some]

    parts = in_turn(count, lambda: over_groups(Watched(0), x, todo, 1, ask))
    torch.testing.assert_close(torch.stack(parts).sum(0)[:, 1:], 2 * x[:, 1:])
    assert not torch.stack(parts).sum(0)[:, 0].any()
    assert len(asked) == len(todo) == 4


def test_ranks_that_differ_are_told_in_what(in_turn: Any, monkeypatch: pytest.MonkeyPatch):
    def gather(said: list[Any], mine: dict[str, int], group: object) -> None:
        said[:] = [{"views": 4, "seed": 0}, {"views": 4, "seed": 0}, {"views": 4}]

    monkeypatch.setattr(torch.distributed, "all_gather_object", gather)
    monkeypatch.setattr(ranks, "size", lambda: 3)
    with pytest.raises(ValueError, match="ranks: seed is 0 in rank 0 and 'nothing' in rank 2; give all the same"):
        ranks.agree(dict)


def test_what_the_first_rank_stumbles_over_alone_ends_the_others_too(monkeypatch: pytest.MonkeyPatch):
    said: list[str] = []

    def of_first(value: str) -> str:
        said.append(value)
        return said[0]

    monkeypatch.setattr(ranks, "of_first", of_first)
    monkeypatch.setattr(ranks, "rank", lambda: min(len(said), 1))

    def fail() -> None:
        raise OSError("no space")

    for kind in (OSError, ValueError):
        with pytest.raises(kind, match="no space"):
            ranks.by_first(fail)
    said.clear()
    assert [ranks.by_first(lambda: 3), ranks.by_first(fail)] == [3, None]
    assert said == ["", ""]


def test_a_fingerprint_sees_every_bit():
    x = torch.randn(50, 3)
    changed = x.clone()
    changed.view(torch.int32)[7, 1] ^= 1
    assert ranks.fingerprint([x]) == ranks.fingerprint([x.flip(0)]) != ranks.fingerprint([changed])


@pytest.mark.parametrize(
    ("config", "ranks_", "message"),
    [
        (Config(views=3), 2, "views: 3 views a step cannot be shared out evenly to 2 ranks; give a multiple of 2"),
        (Config(views=4, resolution=ResolutionSchedule(64, 0.5, 6)), 4, "resolution.views: 6 views a step"),
        (Config(views=4, distill=DistillOptions(reuse=3, reuse_views=2)), 4, "distill.reuse_views: 2 views a step"),
        (Config(views=8, distill=DistillOptions(reuse=3, reuse_views=3)), 2, "distill.reuse_views: 3 views a step"),
        (Config(views=8, refine=RefineOptions(share=0.5, views=(8, 4))), 8, "refine.views: 8, 4 are too few for 8"),
        (Config(views=8, refine=RefineOptions(share=0.5, views=(5, 24))), 2, "refine.views: 5 views a step"),
    ],
)
def test_what_cannot_be_shared_out_is_refused(config: Config, ranks_: int, message: str):
    with pytest.raises(ValueError, match=message):
        check_shares(config, ranks_)
    check_shares(config, 1)
