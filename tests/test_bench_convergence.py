"""The convergence bench: what it compares, and its arithmetic."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from gs_stein.bench.convergence import __main__ as convergence
from gs_stein.bench.convergence import judge, runs
from gs_stein.bench.convergence.__main__ import main
from gs_stein.bench.convergence.arms import ARMS, configured
from gs_stein.bench.convergence.figures import compare, cost_to_reach, interval, score_at
from gs_stein.bench.convergence.options import Options
from gs_stein.bench.convergence.runs import Bench, Run, mark_steps
from gs_stein.config.schema import Config


def run(scores: list[float], seconds: list[float], arm: str = "sds") -> Run:
    return Run(arm, "a room", 0, 1.0, [int(10 * s) for s in seconds], seconds, scores, 0.1)


def test_arms_differ_in_the_estimator_alone():
    sds = configured("a room", True, "sds", 0, 100, "bundled")
    for arm in ARMS:
        other = configured("a room", True, arm, 0, 100, "bundled")
        assert (other.refine.share > 0) == ARMS[arm].refined
        assert (other.rates.solve_colours > 0) == ARMS[arm].solved
        other = replace(other, rates=replace(other.rates, solve_colours=0))
        if ARMS[arm].coarse:
            assert other.resolution.first > 0
            assert other.distill.timesteps.sampling == "golden"
            continue
        assert other.resolution.first == 0
        assert other.distill.timesteps == sds.distill.timesteps
        assert (other.rates, other.regularize, other.start) == (sds.rates, sds.regularize, sds.start)


def test_marks_are_dense_where_most_happens():
    marks = mark_steps(100, 10)
    assert marks == [1, 4, 9, 16, 25, 36, 49, 64, 81, 100]
    assert mark_steps(3, 12)[-1] == 3


def test_cost_of_reaching_a_score_is_interpolated():
    assert cost_to_reach(0.5, [0.0, 10.0, 20.0], [0.0, 0.0, 1.0]) == pytest.approx(15.0)
    assert cost_to_reach(0.5, [0.0, 10.0, 20.0], [0.0, 1.0, 0.0]) == 10.0  # nothing is there before the first mark
    assert cost_to_reach(2.0, [0.0, 10.0], [0.0, 1.0]) == math.inf
    assert score_at(5.0, run([0.0, 1.0], [0.0, 10.0])) == pytest.approx(0.5)
    assert score_at(99.0, run([0.0, 1.0], [0.0, 10.0])) == 1.0


def test_an_arm_that_is_twice_as_fast_has_a_multiplier_of_two():
    slow = [run([-8.0, -4.0, 0.0], [0.0, 10.0, 20.0])] * 3
    fast = [run([-8.0, -4.0, 0.0], [0.0, 5.0, 10.0], "fast")] * 3
    found = dict(compare("fast", fast, slow))
    assert found["compute_multiplier_fast"] == pytest.approx(2.0)
    assert found["iteration_cost_fast"] == pytest.approx(0.5)
    assert found["score_gain_equal_time_fast"] == pytest.approx(4.0)
    never = [run([-8.0, -7.0, -6.0], [0.0, 5.0, 10.0], "never")] * 3
    assert dict(compare("never", never, slow))["compute_multiplier_never"] == 0.0


def test_interval_holds_the_median():
    middle, low, high = interval([1.0, 2.0, 3.0, math.inf])
    assert low <= middle <= high
    assert middle == 2.0


@pytest.mark.occasional
def test_finished_runs_are_not_repeated(tmp_path, capsys, monkeypatch):
    # Pictures of nothing: how real renders look is not what this is about, and a hundred of them take a minute.
    monkeypatch.setattr(judge, "real_pictures", lambda scene: torch.rand(8, 3, 128, 128))
    arguments = ["--quick", "--json", "--arms", "coarse", "--iterations", "2", "--output", str(tmp_path)]
    assert main(arguments) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["compute_multiplier_sds"] in (1.0, None)  # None: two iterations may leave a worse score than none
    assert found["peak_mb_coarse"] > 100
    assert (tmp_path / "convergence.png").stat().st_size > 1000
    before = (tmp_path / "runs.jsonl").read_text()
    monkeypatch.setattr(convergence, "memory", lambda config: 200.0)  # measured anew in processes of their own
    assert main(arguments) == 0
    assert (tmp_path / "runs.jsonl").read_text() == before


def test_the_rate_that_is_good_all_along_wins(monkeypatch, tmp_path):
    """Not the one that only ends best: in the end, several rates may have got there."""
    options = Options(rates=(1.0, 2.0, 4.0), output=tmp_path)
    curves = {1.0: [-9.0, -8.0, 0.0], 2.0: [-9.0, -1.0, -0.1], 4.0: [-9.0, -0.5, -5.0]}
    bench = object.__new__(Bench)
    bench.options = options
    monkeypatch.setattr(bench, "make", lambda jobs: None)
    monkeypatch.setattr(bench, "run", lambda job: run(curves[job.rate], [0.0, 1.0, 2.0]))
    assert bench.tuned(["sds", "ssd"]) == {"sds": 2.0, "ssd": 2.0}
    bench.options = replace(options, rates=(4.0,))
    assert bench.tuned(["sds"]) == {"sds": 4.0}


def test_a_run_is_made_once_and_remembered(monkeypatch, tmp_path):
    made: list[runs.Job] = []

    def done(asked: tuple[runs.Job, Config, str]) -> Run:
        made.append(asked[0])
        return run([-9.0, -1.0], [0.0, 1.0], asked[0].arm)

    monkeypatch.setattr(runs, "done", done)
    monkeypatch.setattr(runs, "priors_of", lambda scene, model: SimpleNamespace(identity=f"prior {scene}"))
    jobs = [runs.Job(arm, "a room", 0, rate, 4, 2) for arm in ("sds", "ssd") for rate in (1.0, 2.0)]
    bench = Bench(Options(scenes=("a room",), output=tmp_path))
    bench.make([*jobs, jobs[0]])
    assert made == jobs
    assert bench.run(jobs[3]).arm == "ssd"
    again = Bench(Options(scenes=("a room",), output=tmp_path))
    again.make(jobs)
    assert (made, again.run(jobs[1])) == (jobs, bench.run(jobs[1]))
