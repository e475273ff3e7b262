"""Damaged files in a run's folder, and beside it: read rightly, or refused in one line with their name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from gs_stein.bench import prompts
from gs_stein.bench.chaos.inputs import INPUTS, fresh, run_config
from gs_stein.bench.convergence.runs import Run, remembered
from gs_stein.config.serialize import read_config, to_yaml
from gs_stein.evaluate import read_report
from gs_stein.files import PACKAGE, json_text, read_json, write_json
from gs_stein.live.disk import Source
from gs_stein.live.remembered import recall, remember
from gs_stein.run import checkpoint
from gs_stein.run.metrics import COLUMNS, kept_rows, read_metrics

KINDS = {kind.name: kind for kind in INPUTS}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    KINDS["report.json"].make(tmp_path)
    return tmp_path


def test_a_good_run_is_read(run: Path) -> None:
    assert read_report(run)["seconds"] == 1.5
    assert len(kept_rows(run / "metrics.csv", 8)) == 20
    judged = prompts.read("objects", "class 1", run)
    assert (judged.retrieval, judged.together, judged.depth, judged.seconds) == (0.5, 1.0, 0.5, 1.5)
    assert read_config(run / "config.yaml") == run_config()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"seconds": "x"}', 'seconds is "x", not a number'),
        (b'{"steps": [1]}', "steps is .1., not a number"),
        (b'{"peak_memory_gib": NaN}', "peak_memory_gib is NaN, not a number"),
        (b'{"seconds": true}', "seconds is true, not a number"),
        (b"[1, 2]", "holds a list instead of named values"),
        (b'{"seconds": 1', "is no JSON, or damaged"),
        (b"[" * 100_000, "is no JSON, or damaged"),
        (b"\xff\xfe\xff", "is no JSON, or damaged"),
        (b'{"a": "' + b"x" * (5 << 20) + b'"}', "is larger than 4 MiB"),
    ],
)
def test_a_report_that_is_none(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "report.json"
    assert read_report(tmp_path) == {}
    path.write_bytes(content)
    with pytest.raises(ValueError, match=said) as caught:
        read_report(tmp_path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"retrieval": None}, "evaluation.json: retrieval.views_top1 is no number"),
        (
            {"retrieval_of_samples": {"views_top1": "x"}},
            "evaluation.json: retrieval_of_samples.views_top1 is no number",
        ),
        ({"depth": 3}, "evaluation.json: depth.pearson is no number"),
    ],
)
def test_a_judgement_that_is_none(run: Path, change: dict, said: str) -> None:
    path = run / "evaluation.json"
    write_json(path, {**read_json(path), **change})
    with pytest.raises(ValueError, match=said):
        prompts.read("objects", "class 1", run)


def test_a_skipped_depth_is_none(run: Path) -> None:
    path = run / "evaluation.json"
    write_json(path, {**read_json(path), "depth": {"skipped": "no estimator"}})
    assert prompts.read("objects", "class 1", run).depth is None


def test_rows_of_no_iteration_are_left_out(tmp_path: Path) -> None:
    path, rest = tmp_path / "metrics.csv", "," + ",".join(["1"] * (len(COLUMNS) - 1))
    steps = ["1", "x", "3", "9", "-2", "9" * 40, "", "٣", "4"]
    path.write_text("\n".join([",".join(COLUMNS), *(step + rest for step in steps), "5,0"]) + "\n", encoding="utf-8")
    assert [row["step"] for row in kept_rows(path, 8)] == ["1", "3", "4"]


@pytest.mark.parametrize("content", [b"step,t\n1,\xff\n", b'step,t\n"' + b"x" * 200_000 + b'"\n'])
def test_metrics_that_are_no_table(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "metrics.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"cannot be read \(.*\); move it away to go on without it") as caught:
        read_metrics(path)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize("written", ["scenes: 3", "scenes: [1, 2]", "scenes: ['']", "objects: [a]"])
def test_a_list_of_prompts_that_is_none(tmp_path: Path, written: str) -> None:
    path = tmp_path / "prompts.yaml"
    path.write_text(written, encoding="utf-8")
    with pytest.raises(ValueError, match=f"{path}: scenes is no list of sentences"):
        list(prompts.wanted(prompts.Options(kinds=("scenes",)), path))


def test_a_configuration_names_its_file(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    for text in ("iterationsx: 3", "iterations: x", "sh_degree: 9", f"rates: {{means: 1{'0' * 400}}}"):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match=rf"\(in {path}\)$"):
            read_config(path)


def test_the_viewer_believes_no_checkpoint_whose_checksum_is_wrong(tmp_path: Path) -> None:
    state = fresh()
    path = checkpoint.save(tmp_path, state)
    loaded = Source(tmp_path).load()
    assert loaded is not None
    torch.testing.assert_close(loaded.gaussians.means, state.gaussians.means.detach())
    data = bytearray(path.read_bytes())
    means = state.parameters["means"].detach().numpy().tobytes()
    data[data.index(means) + 2] ^= 1
    path.write_bytes(data)
    assert Source(tmp_path).load() is None, "of a run it may be half written"


@pytest.mark.parametrize("name", ["/a.ply", "/\udcff.ply"])
def test_choices_are_remembered_beside_damage(tmp_path: Path, name: str) -> None:
    kept = tmp_path / "deep" / "up.json"
    remember(Path(name), "y-up", kept)
    assert recall(Path(name), kept) == "y-up"
    kept.write_text(json.dumps({**read_json(kept), "/b": ["y-up"], "/c": "sideways", "/d": None}), encoding="utf-8")
    assert [recall(Path(path), kept) for path in (name, "/b", "/c", "/d")] == ["y-up", None, None, None]
    kept.write_bytes(b"\xff")
    assert recall(Path(name), kept) is None
    remember(Path(name), "z-up", kept)
    assert recall(Path(name), kept) == "z-up"


def test_a_benchs_line_that_was_cut_short_is_run_again() -> None:
    one = Run("ssd", "a chair", 0, 1.0, [1], [0.5], [0.1], 0.2)
    line = json.dumps({"key": "k", "run": vars(one)})
    assert remembered(line) == ("k", one)
    assert [remembered(text) for text in (line[:-9], "", "3", '{"key": 1}', '{"key": 1, "run": {"x": 1}}')] == [
        None
    ] * 5


def test_names_of_no_encoding_are_written_as_json_has_it() -> None:
    assert json.loads(json_text({"run": "ä\udcff"})) == {"run": "ä\udcff"}
    assert "ä" in json_text({"run": "ä\udcff"})


@pytest.mark.parametrize("flag", ["--prompt", "--config"])
def test_prompts_that_are_not_utf_8(tmp_path: Path, flag: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b'prompt: "caf\\ud800"\n')
    value = b"caf\xe9" if flag == "--prompt" else os.fsencode(path)
    command = [os.fsencode(sys.executable), b"train.py", flag.encode(), value, b"--no-viewer"]
    done = subprocess.run(command, cwd=PACKAGE.parent, capture_output=True, timeout=60)
    assert done.returncode == 2
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("error: prompt: 'caf\\ud")
    assert line.endswith("is not UTF-8; write it in a terminal or file that is")


def test_text_that_is_not_utf_8_stands_in_no_configuration(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    text = to_yaml(run_config())
    assert "front: ', front view'" in text
    path.write_text(text.replace("front: ', front view'", 'front: "\\ud800"'), encoding="utf-8")
    with pytest.raises(ValueError, match="is not UTF-8; write it"):
        read_config(path)
