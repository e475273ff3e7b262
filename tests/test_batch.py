"""A batch: what its file may say, what its folders tell, and runs in this process with a tiny prior."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import torch
from tiny_bundled import SIDE, tiny_bundled

from gs_stein.batch import board, here, ledger, plan
from gs_stein.batch.__main__ import interrupts_later, main
from gs_stein.batch.options import BatchOptions, shard_of
from gs_stein.batch.page import write_page
from gs_stein.command import train
from gs_stein.gaussians.files import read_gaussians
from gs_stein.optimize import networks
from gs_stein.optimize.step import Controls
from gs_stein.run import checkpoint
from gs_stein.run.folder import working_in
from gs_stein.run.options import RunOptions


@pytest.fixture(scope="module")
def prior(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bundled(tmp_path_factory.mktemp("prior"))


def planned(path: Path, text: str, **options: Any) -> list[plan.Item]:
    path.write_text(text, encoding="utf-8")
    return plan.plan(BatchOptions(path, **options))


def settings(prior: Path, **more: Any) -> dict[str, Any]:
    """Of a run of a second."""
    return {
        "prompt": "a red armchair", "scene": False, "prior.model": str(prior), "iterations": 5, "views": 2,
        "start.count": 200, "cameras.resolution": SIDE, "refine.share": 0, **more,
    }  # fmt: skip


def write(path: Path, lines: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def call(lines: Path, output: Path, *more: str) -> int:
    return main([
        str(lines), "-o", str(output), "--address", "here", "--video-frames", "0", "--no-score",
        "--checkpoint-every", "2", *more,
    ])  # fmt: skip


def interrupt_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C, as soon as any run has done so many iterations."""
    told = board.Board.step

    def followed(self: board.Board, item: plan.Item, done: int, total: int) -> None:
        told(self, item, done, total)
        if done == step:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(board.Board, "step", followed)


THREE = {
    "a.yaml": "- a red armchair\n- prompt: a cozy living room\n  seed: 7\n  preset: preview\n"
    "  distill.guidance.scale: 2e1\n",
    "a.jsonl": '"a red armchair"\n\n{"prompt": "a cozy living room", "seed": 7, '
    '"distill": {"guidance": {"scale": 2e1}}, "preset": "preview"}\n',
    "a.json": '["a red armchair", {"prompt": "a cozy living room", "seed": 7, "preset": "preview",\n\t"distill": '
    '{"guidance": {"scale": 2e1}}}]',
    "a.csv": "\ufeffprompt,seed,distill.guidance.scale,preset\na red armchair,,,\na cozy living room,7,2e1,preview\n",
}


@pytest.mark.parametrize("name", THREE)
def test_all_formats_say_the_same(name: str, tmp_path: Path) -> None:
    chair, room = planned(tmp_path / name, THREE[name])
    assert (chair.name, chair.prompt, chair.seed, chair.scene) == ("a-red-armchair-s0", "a red armchair", 0, None)
    assert (room.name, room.preset, room.seed) == ("a-cozy-living-room-s7", "preview", 7)
    config = room.config()
    assert (config.scene, config.iterations, config.seed, config.distill.guidance.scale) == (True, 400, 7, 20.0)


def test_one_prompt_a_line_needs_no_format(tmp_path: Path) -> None:
    items = planned(tmp_path / "prompts", "# chairs\na red armchair\n\n  a blue sofa, small  \n", seeds=2)
    assert [item.name for item in items] == [
        "a-red-armchair-s0", "a-red-armchair-s1", "a-blue-sofa-small-s0", "a-blue-sofa-small-s1"
    ]  # fmt: skip
    assert items[2].where.endswith("prompts, line 4")


def test_a_grid_is_every_combination(tmp_path: Path) -> None:
    items = planned(tmp_path / "p.txt", "a red armchair\n", grid=("iterations=5,6", "distill.guidance.scale=1.5,20"))
    assert [item.name for item in items] == [
        f"a-red-armchair-s0-iterations={n}-distill.guidance.scale={scale}" for n in (5, 6) for scale in ("1.5", "20")
    ]
    assert [item.options["distill"]["guidance"]["scale"] for item in items] == [1.5, 20, 1.5, 20]
    seeds = planned(tmp_path / "p.txt", "a red armchair\n", grid=("seed=3,9",))
    assert [(item.name, item.seed) for item in seeds] == [("a-red-armchair-s3", 3), ("a-red-armchair-s9", 9)]


def test_folders_of_long_and_foreign_prompts_differ_and_stay(tmp_path: Path) -> None:
    long = "a cozy living room with a very large sofa and two lamps"
    text = f"{long}, one red\n{long}, one blue\n一张红色的扶手椅\n"
    names = [item.name for item in planned(tmp_path / "p.txt", text)]
    assert len(set(names)) == 3
    assert [item.name for item in planned(tmp_path / "p.txt", "\n".join(reversed(text.splitlines())))] == names[::-1]


def test_dots_and_nests_meet(tmp_path: Path) -> None:
    (item,) = planned(
        tmp_path / "p.yaml", "- {prompt: a chair, densify.cap: 900, densify: {kind: mcmc}, start.count: 7}"
    )
    assert item.options == {"densify": {"cap": 900, "kind": "mcmc"}, "start": {"count": 7}}
    (item,) = planned(tmp_path / "p.yaml", "- {prompt: a chair, densify: mcmc, densify.cap: 900}")
    assert item.config().densify.cap == 900


BAD = [
    ("p.yaml", "- a chair\n- iteratons: 5\n  prompt: a sofa\n", r"line 2: unknown key iteratons; did you mean it"),
    ("p.yaml", "- prompt: a chair\n  iterations: many\n", r"line 1: iterations is 'many'; give a whole number"),
    ("p.yaml", "- prompt: a chair\n  rates: {meens: 1}\n", r"line 1: unknown key rates\.meens; did you mean"),
    ("p.yaml", "- prompt: a chair\n  scene: maybe\n", r"line 1: scene: 'maybe'; give true, false"),
    ("p.yaml", "- prompt: a chair\n  name: ../out\n", r"line 1: name: '\.\./out' is no name"),
    ("p.yaml", "- prompt: a chair\n  preset: previw\n", r"line 1: preset: 'previw' is unknown; did you mean preview"),
    ("p.yaml", "- prompt: a chair\n  seed: -1\n", r"line 1: seed: -1 is no seed"),
    ("p.yaml", "- prompt: a chair\n  cameras: {kind: orbit}\n  scene: true\n", r"line 1: cameras: orbit cameras"),
    ("p.yaml", "- prompt: a chair\n  start: {flatness: 0.3}\n", r"line 1: scene: its settings fit a scene only"),
    ("p.yaml", "- prompt: a chair\n  densify: {cap: 9}\n  densify.cap.x: 1\n", r"line 1: densify\.cap\.x: cap is 9"),
    ("p.yaml", "- seed: 1\n", r"line 1: prompt: it is empty"),
    ("p.yaml", "- [1, 2]\n", r"line 1: '\[1, 2\]' is neither a sentence nor settings"),
    ("p.yaml", "prompt: a chair\n", r"p\.yaml holds a dict, not a list"),
    ("p.yaml", "- 'a chair\n", r"p\.yaml is not valid YAML"),
    ("p.yaml", "", r"p\.yaml holds no prompt"),
    ("p.jsonl", '{"prompt": "a chair"}\n{"prompt": \n', r"line 2: is no JSON"),
    ("p.csv", "prompt,seed\na chair,1\na sofa, small,2\n", r"line 3: has 3 cells, not 2"),
    ("p.csv", "text,seed\na chair,1\n", r"line 1: 'text,seed' names no columns"),
    ("p.csv", 'prompt,seed\n"a chair,1\n', r"is no CSV"),
    ("p.csv", 'prompt,seed\na chair,!!bool x\n', r"line 2: seed: '!!bool x'; give a whole number"),
    ("p.jsonl", json.dumps({"prompt": "a", f"rates{'.a' * 5000}": 1}), r"line 1: its settings are nested too deeply"),
    ("p.jsonl", json.dumps({"prompt": "a", "seed": [1] * 999}), r"line 1: seed: \[1, 1[^…]{,400}…$"),
    ("p.yaml", "- prompt: a chair\n  seed: 1\n  seed: 2\n", r"is not valid YAML \('seed' is given twice.* line 3"),
    ("p.jsonl", '{"prompt": "a", "rates": {"means": 1, "means": 2}}', r"line 1: is no JSON \('means' is given twice\)"),
    ("p.json", '[\n"a chair",\n{"sed": 1}]', r"entry 2: unknown key sed; did you mean seed"),
    ("p.json", '{"prompt": "a"}\n{"prompt": "b"}', r"is no JSON \(Extra data.*save one object a line as \.jsonl"),
    ("p.json", '{"prompt": "a"}', r"holds a dict, not a list"),
    ("p.yaml", "- prompt: a chair\n  prior_device: gpu\n", r"line 1: prior_device: 'gpu' is no device; give auto, cpu"),
    ("p.json", " ", r"p\.json holds no prompt"),
    ("p.tsv", "prompt\tseed\na\t1\n", r"p\.tsv is no list that can be read; save it as \.yaml, \.jsonl"),
    ("p.csv", "prompt;seed\na;1\n", r"'prompt;seed' names no columns; .* with commas between them"),
    ("p.txt", 'a chair\n{"prompt": "a"}\n', r"line 2: '\{\"prompt\": \"a\"\}' is no sentence; save JSON as \.jsonl"),
    ("p.txt", "- a chair\n", r"line 1: '- a chair' is no sentence; save JSON as \.jsonl, YAML as \.yaml"),
    ("p.txt", "a\0 \0c\0", r"p\.txt holds zeros between its letters, as UTF-16 does; save it as UTF-8"),
    ("p.txt", "a chair\na sofa\na chair\n", r"line 3: name: its folder would be a-chair-s0, as that of .*line 1; give"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "said"), BAD)
def test_a_malformed_line_is_named_before_anything_starts(name: str, text: str, said: str, tmp_path, capsys) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert call(tmp_path / name, tmp_path / "out") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(said, line), line
    assert not (tmp_path / "out").exists()


def test_other_mistakes_are_one_line_too(tmp_path: Path, capsys) -> None:
    file = tmp_path / "p.txt"
    file.write_text("a chair\n")
    for more, said in (
        (("--grid", "iterations"), r"grid: 'iterations' is no grid"),
        (("--grid", "iterations=0"), r"line 1 with --grid iterations=0: iterations: 0 is below 1"),
        (("--grid", "iterations=5,5"), r"line 1 with --grid iterations=5; leave a value out"),
        (("--grid", "iterations=!!bool x"), r"grid: 'iterations=!!bool x' is no grid"),
        (("--seeds", "1000000000"), r"seeds, grid: they ask for 1e\+09 runs"),
        (("--shard", "3/3"), r"shard: '3/3' is no part"),
        (("-o", "s3://bucket/night"), r"output: s3:/bucket/night is an address; give a folder"),
        (("-o", "S3://bucket/night"), r"output: S3:/bucket/night is an address; give a folder"),
        (("--video-frames", "-1"), r"run\.video_frames, video_size: -1"),
        (("--checkpoint-every", "0"), r"run\.checkpoint_every: 0 is below 1"),
        (("-o", str(file)), r"output: .*p\.txt cannot be written to"),
    ):
        assert call(file, tmp_path / "out", *more) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert re.search(said, line), line
    for more, said in (
        (("--seeds", "0"), "seeds: 0 is too few"),
        (("--gpus-per-run", "1.5"), "gpus_per_run: 1.5"),
        (("--gpus-per-run", "-1"), "gpus_per_run: -1"),
    ):
        with pytest.raises(SystemExit, match="2"):
            call(file, tmp_path / "out", *more)
        assert said in capsys.readouterr().err
    assert call(tmp_path / "nothing.txt", tmp_path / "out") == 2
    assert "nothing.txt cannot be read (No such file or directory)" in capsys.readouterr().err


def test_arrays_of_slurm_are_shards() -> None:
    def of(task: int, count: int, first: int, last: int) -> tuple[int, int]:
        names = ("ID", "COUNT", "MIN", "MAX")
        return shard_of(
            "auto", {f"SLURM_ARRAY_TASK_{n}": str(v) for n, v in zip(names, (task, count, first, last), strict=True)}
        )

    assert [of(task, 4, 1, 4) for task in (1, 4)] == [(0, 4), (3, 4)]
    assert [of(task, 3, 0, 8) for task in (0, 4, 8)] == [(0, 3), (1, 3), (2, 3)]
    assert of(5, 1, 5, 5) == (0, 1)
    assert shard_of("auto", {}) == (0, 1)
    assert shard_of("2/3", {"SLURM_ARRAY_TASK_ID": "0"}) == (2, 3)
    with pytest.raises(ValueError, match="SLURM_ARRAY_TASK_COUNT=None"):
        shard_of("auto", {"SLURM_ARRAY_TASK_ID": "1"})


def test_shards_share_everything_and_nothing_twice(tmp_path: Path) -> None:
    items = planned(tmp_path / "p.txt", "a chair\na sofa\na lamp\na table\n", seeds=3)
    parts = [items[index::5] for index in range(5)]
    assert sorted(item.name for part in parts for item in part) == sorted(item.name for item in items)


def test_a_batch_is_what_separate_runs_are_and_goes_on_where_it_was(prior, tmp_path, monkeypatch, capsys) -> None:
    """Three runs, of which two share their networks; the first is interrupted."""
    one = settings(prior)
    lines = write(
        tmp_path / "p.jsonl", [one, one | {"seed": 1}, one | {"prompt": "a room", "distill.estimator": "sds"}]
    )
    with monkeypatch.context() as patched:
        interrupt_at(3, patched)
        assert call(lines, tmp_path / "out") == 130
    said = capsys.readouterr().out
    assert f"go on with: gs-stein batch {lines}" in said
    stopped = tmp_path / "out" / "a-red-armchair-s0"
    assert checkpoint.checkpoints(stopped)[-1].name == "step_0000003.pt"
    assert "0 of 3 runs are there" in said

    loaded = []
    load = networks.load_priors
    monkeypatch.setattr(networks, "load_priors", lambda *of: (loaded.append(of[0]), load(*of))[1])
    assert call(lines, tmp_path / "out") == 0
    assert "3 runs in" in (said := capsys.readouterr().out)
    assert "0 are there, 1 begun, 0 failed, 2 new" in said
    assert [config.prompt for config in loaded] == ["a red armchair", "a room"], "two runs share their networks"
    assert call(lines, tmp_path / "out") == 0
    assert len(loaded) == 2, "nothing is done twice"
    assert "3 are there, 0 begun, 0 failed, 0 new" in capsys.readouterr().out

    flags = [
        "--prompt", "a red armchair", "--object", "--model", str(prior), "--iterations", "5", "--views", "2",
        "--start.count", "200", "--cameras.resolution", str(SIDE), "--refine.share", "0", "--seed", "1",
        "--output", str(tmp_path / "alone"), "--no-viewer", "--video-frames", "0", "--no-score",
    ]  # fmt: skip
    assert train.main(flags) == 0
    (alone,) = (tmp_path / "alone").iterdir()
    for name, other in (("a-red-armchair-s1", alone),):
        a, b = (read_gaussians(run / "point_cloud.ply") for run in (tmp_path / "out" / name, other))
        assert all(torch.equal(x, y) for x, y in zip(a.tensors(), b.tensors(), strict=True))
        assert (tmp_path / "out" / name / "config.yaml").read_text() == (other / "config.yaml").read_text()

    # Other settings under the same name are never taken for what is there, nor written over it.
    write(lines, [one | {"iterations": 6}])
    assert call(lines, tmp_path / "out") == 2
    assert re.search(r'a-red-armchair-s0: holds a run with .*"iterations": 5.*not', capsys.readouterr().err)


def test_a_failure_ends_no_batch_and_is_tried_again_on_demand(prior, tmp_path, monkeypatch, capsys) -> None:
    one = settings(prior)
    cloud = tmp_path / "cloud.npy"
    missing = {key: value for key, value in one.items() if key != "start.count"}
    missing |= {"prompt": "a lamp", "start": {"kind": "points", "path": str(cloud)}}
    lines = write(tmp_path / "p.jsonl", [missing, one])
    assert call(lines, tmp_path / "out") == 1
    said = capsys.readouterr().out
    assert re.search(rf"failed +a-lamp-s0: .*{cloud}", said)
    assert "1 of 2 runs are there" in said
    page = (tmp_path / "out" / "index.html").read_text()
    assert 'class="failed"' in page
    assert str(cloud) in page

    import numpy as np

    np.save(cloud, np.random.default_rng(0).uniform(-0.4, 0.4, (200, 3)))
    assert call(lines, tmp_path / "out") == 1, "not without being asked"
    assert "--retry-failed tries those again" in (said := capsys.readouterr().out)
    assert "2 runs in" in said
    assert ": 1 is there, 0 begun, 1 failed, 0 new" in said
    assert call(lines, tmp_path / "out", "--retry-failed") == 0
    assert not (tmp_path / "out" / "a-lamp-s0" / ledger.FAILED).exists()


def test_a_file_in_another_encoding_is_told_with_its_line(tmp_path: Path) -> None:
    for name, begin in (("p.txt", b""), ("p.yaml", b"- "), ("p.csv", b"prompt\n")):
        (tmp_path / name).write_bytes(begin + b"a chair\n" * 3000 + "a café\n".encode("latin-1"))
        line = 3001 + begin.count(b"\n")
        with pytest.raises(ValueError, match=rf"not UTF-8 \(line {line}\)"):
            plan.plan(BatchOptions(tmp_path / name))


def test_a_folder_of_another_batch_is_left_as_it_is(tmp_path: Path) -> None:
    """Both were started at once with different settings; the other one was first."""
    theirs, ours = (
        planned(tmp_path / "p.yaml", f"- {{prompt: a chair, views: 2, iterations: {n}}}")[0] for n in (5, 6)
    )
    finished(tmp_path, theirs)
    outcome = here.Runner(tmp_path, RunOptions(viewer=False)).run(ours, Controls(), lambda *_: None)
    assert outcome.state == "failed"
    # Only what differs, even where it stands among much else.
    assert 'holds a run with {"options": {"iterations": 5}}, not {"options": {"iterations": 6}}; move' in outcome.reason
    assert ledger.look(tmp_path, theirs).state == "finished"


def test_a_mark_that_its_writer_left_empty_is_written(tmp_path: Path) -> None:
    (tmp_path / ledger.MARK).touch()
    assert ledger.open_output(tmp_path)
    assert ledger.open_output(tmp_path) == (tmp_path / ledger.MARK).read_text()


def test_nobody_works_where_another_process_does(prior, tmp_path, capsys, monkeypatch) -> None:
    lines = write(tmp_path / "p.jsonl", [settings(prior), settings(prior, seed=1)])
    (tmp_path / "out" / "a-red-armchair-s0").mkdir(parents=True)
    with working_in(tmp_path / "out" / "a-red-armchair-s0"):
        assert call(lines, tmp_path / "out") == 1
    said = capsys.readouterr().out
    assert "1 of 2 runs are there" in said
    assert "1 is being worked on by other processes" in said
    assert call(lines, tmp_path / "out") == 0


def test_an_interrupt_while_libraries_are_imported_waits_for_their_end() -> None:
    before, done = signal.getsignal(signal.SIGINT), []

    def imports() -> None:
        with interrupts_later():
            os.kill(os.getpid(), signal.SIGINT)
            done.append("imported")

    with pytest.raises(KeyboardInterrupt):
        imports()
    assert done
    assert signal.getsignal(signal.SIGINT) is before


def test_a_full_disk_ends_the_batch(prior, tmp_path, capsys, monkeypatch) -> None:
    lines = write(tmp_path / "p.jsonl", [settings(prior), settings(prior, seed=1)])
    full = ledger.Outcome("failed", "no space left on device", full_disk=True)
    monkeypatch.setattr(here.Runner, "run", lambda *_: full)
    assert call(lines, tmp_path / "out") == 2
    assert "no space left on device; free some space, and give the same command" in capsys.readouterr().err


def finished(output: Path, item: plan.Item) -> None:
    """What a finished run leaves, as far as anybody looks."""
    folder = output / item.name
    folder.mkdir(parents=True)
    ledger.end(folder, ledger.begin(folder, item), ["a note & more"])
    (folder / "report.json").write_text(json.dumps({"seconds": 61.0, "scorer": {"views_top1": 0.75}}))
    (folder / "point_cloud.ply").touch()


def test_what_is_finished_needs_asked_report_and_end(tmp_path: Path) -> None:
    (item,) = planned(tmp_path / "p.txt", "a chair\n")
    assert ledger.look(tmp_path, item).state == "new"
    finished(tmp_path, item)
    found = ledger.look(tmp_path, item)
    assert (found.state, found.seconds, found.score, found.notes) == ("finished", 61.0, 0.75, ("a note & more",))
    report = tmp_path / item.name / "report.json"
    whole = report.read_text()
    report.write_text('{"seconds": NaN, "scorer": {"views_top1": Infinity}}')
    found = ledger.look(tmp_path, item)
    assert (found.seconds, found.score) == (0.0, None), "which can be shown"
    report.write_text(whole[:20])
    assert ledger.look(tmp_path, item).state == "half"
    report.write_text(whole)
    assert ledger.look(tmp_path, item).state == "finished"
    (tmp_path / item.name / "point_cloud.ply").unlink()
    assert ledger.look(tmp_path, item).state == "half", "its scene is made again"
    (tmp_path / item.name / "point_cloud.ply").touch()
    ledger.begin(tmp_path / item.name, item)
    assert ledger.look(tmp_path, item).state == "half"
    asked = tmp_path / item.name / ledger.ASKED
    asked.write_text("{")
    with pytest.raises(ValueError, match=rf"batch\.json: is no JSON.*; move .*{item.name} away"):
        ledger.look(tmp_path, item)
    asked.unlink()
    with pytest.raises(ValueError, match="holds something that no batch has made"):
        ledger.look(tmp_path, item)


class Addresses(HTMLParser):
    """All addresses in a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in ("src", "href")]


def test_the_page_shows_what_is_there_and_leads_nowhere_else(tmp_path: Path) -> None:
    items = planned(tmp_path / "p.jsonl", '{"prompt": "<b>a chair</b> & \\"more\\"", "name": "a.b"}\n"a sofa"\n')
    finished(tmp_path, items[0])
    (tmp_path / "a.b-s0" / "point_cloud.ply").touch()  # and no video
    outcomes = {item.name: ledger.look(tmp_path, item) for item in items}
    write_page(tmp_path, items, outcomes, "1 of 2 done", going=False)
    page = (tmp_path / "index.html").read_text()
    assert "<b>" not in page
    assert all(text in page for text in ("&lt;b&gt;a chair", "scorer 75%", "1:01", "a note &amp; more", "waits"))
    parser = Addresses()
    parser.feed(page)
    there = {"a.b-s0/point_cloud.ply", "a.b-s0/report.json"}
    assert {unquote(address) for address in parser.found} == there
    (tmp_path / "a.b-s0" / "preview.png").touch()
    write_page(tmp_path, items, outcomes, "1 of 2 done", going=False)
    parser.feed((tmp_path / "index.html").read_text())
    assert {unquote(address) for address in parser.found} == there | {"a.b-s0/preview.png"}
    assert "http-equiv" not in page
    write_page(tmp_path, items, outcomes, "", going=True)
    assert 'http-equiv="refresh"' in (tmp_path / "index.html").read_text()


def test_a_failure_before_anything_could_be_noted_leaves_a_run_new(tmp_path: Path) -> None:
    (item,) = planned(tmp_path / "p.txt", "a chair\n")
    (tmp_path / item.name).mkdir()
    ledger.fail(tmp_path / item.name, "no space left")  # batch.json could not be written for the same reason
    assert ledger.look(tmp_path, item).state == "new"
    ledger.begin(tmp_path / item.name, item)
    ledger.fail(tmp_path / item.name, "no space left")
    assert ledger.look(tmp_path, item).state == "failed"


def test_a_page_that_cannot_be_written_fails_no_run(tmp_path: Path) -> None:
    items = planned(tmp_path / "p.txt", "a chair\n")
    shown = board.Board(tmp_path / "gone", items, {items[0].name: ledger.Outcome("new")}, items)
    shown.started(items[0])
    shown.step(items[0], 1, 2)
    with pytest.raises(ValueError, match="there is no folder"):
        shown.write_page(going=False)


def test_a_run_does_not_fail_since_nobody_reads_what_is_printed(prior: Path, tmp_path: Path, monkeypatch) -> None:
    unread, ours = os.pipe()
    os.close(unread)
    with open(ours, "w", encoding="utf-8") as pipe:
        monkeypatch.setattr(sys, "stdout", pipe)
        monkeypatch.setattr(sys, "stderr", pipe)
        assert call(write(tmp_path / "a.jsonl", [settings(prior)]), tmp_path / "runs") == 0
        pipe.write("and nor does whatever is printed then")
    assert "point_cloud.ply" in (tmp_path / "runs" / "index.html").read_text()


def test_the_table_counts_and_estimates(tmp_path: Path, monkeypatch) -> None:
    items = planned(tmp_path / "p.txt", "a chair\na sofa\na lamp\na table\n")
    clock = [100.0]
    monkeypatch.setattr(board.time, "monotonic", lambda: clock[0])
    shown = board.Board(tmp_path, items, {item.name: ledger.Outcome("new") for item in items}, items)
    shown.started(items[0])
    assert shown.line() == "0 of 4 done  1 running  3 waiting  ETA …"
    clock[0] += 10
    shown.step(items[0], 1, 10)
    shown.step(items[0], 5, 10)
    assert shown.line().endswith("ETA 1:10"), "half a run took ten seconds, three and a half are left"
    shown.ended(items[0], ledger.Outcome("finished"))
    shown.ended(items[1], ledger.Outcome("failed", "why"))
    shown.started(items[2])
    assert shown.line() == "1 of 4 done  1 running  1 failed  1 waiting  ETA 0:20"
