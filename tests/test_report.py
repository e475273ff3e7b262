"""What a report says of the process, and of a run that is done."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from viewer_support import blob

from gs_stein.command import train
from gs_stein.config.schema import Config
from gs_stein.evaluate import of_true_pictures
from gs_stein.files import write_json
from gs_stein.optimize.state import State
from gs_stein.prior.options import DiffusionOptions
from gs_stein.run import report
from gs_stein.run.folder import write_start

PEAK = "from gs_stein.run.report import peak_memory; print(peak_memory())"


def test_the_peak_is_the_process_s_own_not_that_of_who_started_it() -> None:
    """Linux lets a child begin with the peak that its parent had when it was forked."""
    parent = f"import subprocess, sys; held = bytearray(900 << 20); subprocess.run([sys.executable, '-c', {PEAK!r}])"
    done = subprocess.run([sys.executable, "-c", parent], capture_output=True, text=True, timeout=120)
    assert 0.05 < float(done.stdout) < 0.85, done.stderr


def test_a_run_that_is_done_is_left_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = Config(prompt="a cat", iterations=40)
    write_start(tmp_path, config)
    assert not report.finished(tmp_path, config), "just begun"
    write_json(tmp_path / "report.json", {"steps": 40, "prompt": "a cat"})
    assert not report.finished(tmp_path, config), "somebody deleted its files"
    for name in ("point_cloud.ply", "preview.png"):
        (tmp_path / name).write_bytes(b"there")
    assert report.finished(tmp_path, config)
    assert not report.finished(tmp_path, replace(config, iterations=41)), "more was asked for"
    assert train.main(["--resume", str(tmp_path), "--no-viewer"]) == 0
    said = capsys.readouterr().out
    assert "all 40 iterations" in said
    assert f"--resume {tmp_path} --iterations 80" in said
    assert train.main(["--resume", str(tmp_path), "--no-viewer", "--iterations", "10"]) == 0
    assert "all 40 iterations" in capsys.readouterr().out, "fewer were asked for"
    assert train.main(["--resume", str(tmp_path), "--no-viewer", "--prompt", "a dog"]) == 0
    assert f"--resume {tmp_path} --prompt 'a dog' --iterations 80" in capsys.readouterr().out
    assert (tmp_path / "point_cloud.ply").read_bytes() == b"there"
    (tmp_path / "report.json").write_text('{"steps": "many"}')
    assert not report.finished(tmp_path, config)


def test_another_scene_leaves_no_evaluation_of_the_one_before(tmp_path: Path, monkeypatch) -> None:
    state = Mock(spec=State, gaussians=blob((0.9, 0.1, 0.1), 10))
    monkeypatch.setattr(report.pictures, "contact_sheet", lambda *_: np.zeros((4, 4, 3), np.uint8))
    (tmp_path / "evaluation.json").write_text("{}")
    for _ in range(2):  # also where there is none
        report.write_scene(tmp_path, Config(prompt="a ball"), state)
        assert {path.name for path in tmp_path.iterdir()} == {"point_cloud.ply", "preview.png"}


def test_the_scorer_is_quoted_only_where_it_can_tell() -> None:
    found = {"captions": 50, "views_top1": 0.5}
    assert train.scored({"skipped": "there is no scorer"}) is None
    assert train.scored(found) is None, "what it is worth there is not known"
    assert train.scored(found | {"kind": "kitchen", "views_top1_of_true": 0.19}) is None
    line = train.scored(found | {"kind": "cat", "views_top1_of_true": 1.0})
    assert line is not None
    assert "50% of the views; true pictures of 'cat' with their captions: 100%" in line
    bundled = DiffusionOptions(model="bundled")
    cat = of_true_pictures(Config(prompt="a black cat", prior=bundled))
    assert cat == {"kind": "cat", "views_top1_of_true": 1.0}
    assert of_true_pictures(Config(prompt="a dragon", prior=bundled)) == {}
    assert of_true_pictures(Config(prompt="a cat", prior=DiffusionOptions(model="sd15"))) == {}
