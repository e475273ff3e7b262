"""The bench of batches: its arithmetic, whom it kills, and that finished runs are recognised. No run is made here."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from gs_stein.bench import scale


def test_overhead_is_what_lies_between_runs():
    assert scale.between([(0.0, 10.0), (11.0, 21.0), (21.0, 40.0)]) == pytest.approx(1 / 20)
    assert scale.between([(5.0, 10.0), (10.0, 15.0)]) == 0.0


def test_growth_is_one_where_every_run_takes_as_long_as_the_first():
    even = [(10.0 * i, 10.0 * i + 10) for i in range(6)]
    assert scale.growth(even) == pytest.approx(1.0)
    assert scale.growth([*even[:3], (30.0, 50.0), (50.0, 70.0), (70.0, 90.0)]) == pytest.approx(1.5)


def test_objects_come_again_with_other_seeds():
    lines = scale.wanted(100, 7)
    assert len({(line["prompt"], line["seed"]) for line in lines}) == 100
    assert {line["iterations"] for line in lines} == {7}
    assert lines[0]["seed"] == 0 < lines[-1]["seed"]


def test_it_kills_who_works_and_counts_what_no_checkpoint_holds(tmp_path: Path):
    run = tmp_path / "a-s0"
    (run / "checkpoints").mkdir(parents=True)
    assert scale.working(tmp_path, random.Random(0)) is None
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        (run / ".lock").write_text(str(process.pid))
        (run / "checkpoints" / "step_0000020.pt").touch()
        (run / "metrics.csv").write_text("step,seconds,gaussians,evaluations\n10,1,2,3\n30,1,2,3\n4")
        found = scale.working(tmp_path, random.Random(0))
        assert found == (run, process.pid)
        assert scale.kill(*found) == 10
        assert process.wait(30) != 0


def test_a_folder_of_finished_runs_is_recognised(tmp_path: Path):
    found = scale.recognition(tmp_path, scale.Options(finished=6))
    assert found["recognised"] == 6
    assert (tmp_path / "finished" / "index.html").is_file()


def test_a_command_that_fails_is_one_line():
    with pytest.raises(ValueError, match="failed: error: prompts: nothing cannot be read"):
        scale.finish([sys.executable, "-m", "gs_stein.batch", "nothing"])


@pytest.mark.occasional
def test_the_bench_runs(capsys):
    """All of it, quickly: minutes, on a Ray of its own."""
    assert scale.main(["--quick", "--json"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["kills_missing"] == found["driver_missing"] == found["driver_repeated_finished"] == 0
    assert found["kills_repeated_most"] <= found["kills_repeated_allowed"]
    assert {
        "workers_over_processes",
        "workers_2x1_over_1x2",
        "overhead",
        "growth",
        "ranks_over_processes",
    } <= found.keys()
