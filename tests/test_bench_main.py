"""The comparison with an earlier build: what it runs, what it measures, what it says when something is wrong."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from gs_stein.bench import main_job
from gs_stein.bench.main_job import Build, Options, compare, mean_and_error, other_build, train

TRAIN = """
import json, pathlib, sys, time
print("at", sys.argv)
options = dict(argument[2:].split("=") for argument in sys.argv[1:] if "=" in argument)
if "sofa" in options["prompt"]:
    sys.exit("prior: there is none")
held = bytearray({megabytes} << 20)
time.sleep({seconds})
run = pathlib.Path(options["output"], "run")
run.mkdir(parents=True)
(run / "report.json").write_text(json.dumps({{"arguments": sys.argv[1:]}}))
"""


def build(root: Path, seconds: float, megabytes: int) -> Build:
    """A tree whose training takes so long and so much."""
    root.mkdir()
    (root / "train.py").write_text(TRAIN.format(seconds=seconds, megabytes=megabytes), encoding="utf-8")
    return Build(root.name, Path(sys.executable), root)


def test_a_run_is_made_once_and_its_process_is_measured(tmp_path: Path) -> None:
    made = build(tmp_path / "a", 0.3, 300)
    run = train(made, "room", "preview", 5, tmp_path / "runs")
    process = json.loads((run / "process.json").read_text())
    assert process["seconds"] > 0.3
    assert 0.3 < process["peak_gib"] < 1
    arguments = json.loads((run / "report.json").read_text())["arguments"]
    assert {"--prompt=a cozy living room", "--scene", "--preset=preview", "--seed=5"} < set(arguments)
    (made.root / "train.py").unlink()
    assert train(made, "room", "preview", 5, tmp_path / "runs") == run


def test_a_failed_run_says_its_last_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(main_job.PROMPTS, "room", "a sofa")
    with pytest.raises(ValueError, match=r"a, 'a sofa' failed: prior: there is none"):
        train(build(tmp_path / "a", 0, 0), "room", "default", 0, tmp_path)


def test_ratios_are_of_pairs_and_quality_is_compared_prompt_by_prompt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Judging stands in for rendering: the other scenes score 0.1 less in one job and 0.3 less in the other."""
    less = {"room": 0.1, "object": 0.3}

    def measured(run: Path, config: Path) -> dict[str, float]:
        assert config.is_relative_to(tmp_path / "runs")
        job, other = run.parent.name.split("-")[0], run.parent.name.endswith("-old")
        seconds = {"room": 10.0, "object": 4.0}[job] * (4 if other else 1)
        quality = dict.fromkeys(main_job.QUALITY, 0.5 - less[job] * other)
        return {"seconds": seconds, "peak_gib": 2.0 if other else 1.0, **quality}

    monkeypatch.setattr(main_job, "measured", measured)
    options = Options("x", ("room", "object"), ("default",), 2, raster=False, output=tmp_path / "runs")
    found = compare(options, build(tmp_path / "old", 0, 0), build(tmp_path / "new", 0, 0))
    assert found["room_seconds_ratio"] == found["object_seconds_ratio"] == 0.25
    assert found["memory_ratio"] == 0.5
    assert found["scorer_difference"] == pytest.approx(0.2)
    assert found["scorer_difference_error"] == pytest.approx(mean_and_error([0.1, 0.3, 0.1, 0.3])[1], abs=1e-4)
    assert found["object_default_other_seconds"] == 16
    assert len(list((tmp_path / "runs").iterdir())) == 8


def test_without_jobs_only_the_rasterizers_are_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main_job, "raster_milliseconds", lambda builds, rounds: [80.0, 40.0])
    one = Build("a", Path(sys.executable), tmp_path)
    assert compare(Options("x", ()), one, one) == {
        "raster_ms_other": 80, "raster_ms_this": 40, "raster_ratio": 0.5,
    }  # fmt: skip


def test_the_other_build_is_a_commit_of_this_repository(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="against: git"):
        other_build(Options("no-such-commit", output=tmp_path))


def test_errors_of_one_value_are_unknown() -> None:
    mean, error = mean_and_error([0.25])
    assert mean == 0.25
    assert error != error
