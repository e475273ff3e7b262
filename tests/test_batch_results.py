"""Finished runs at an address: copied whole, recognised there, said in one line where it cannot be."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import fsspec
import pytest
from test_batch import call, settings, write
from tiny_bundled import tiny_bundled

from gs_stein.batch import here, ledger
from gs_stein.batch.options import BatchOptions
from gs_stein.batch.plan import plan
from gs_stein.batch.results import Results
from gs_stein.batch.work import Runner
from gs_stein.gaussians.files import read_gaussians


@pytest.fixture(scope="module")
def prior(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bundled(tmp_path_factory.mktemp("prior"))


def test_finished_runs_are_copied_and_recognised_where_they_went(prior: Path, tmp_path: Path, monkeypatch, capsys):
    lines, there = write(tmp_path / "a.jsonl", [settings(prior), settings(prior, seed=1)]), tmp_path / "there"
    address = there.as_uri()
    assert call(lines, tmp_path / "one", "--results", address) == 0
    names = ["a-red-armchair-s0", "a-red-armchair-s1"]
    assert sorted(path.name for path in there.iterdir()) == [*names, "index.html"]
    own = {path.name for path in (tmp_path / "one" / names[0]).iterdir()} - {"checkpoints", ".lock"}
    assert {path.name for path in (there / names[0]).iterdir()} == own
    assert len(read_gaussians(there / names[1] / "point_cloud.ply")) == 200

    # Another machine, which has nothing of it, finds them; what is missing there is made.
    shutil.rmtree(there / names[1])
    made: list[str] = []
    run = Runner.run

    def watched(self: Runner, item, controls, watch):
        made.append(item.name)
        return run(self, item, controls, watch)

    monkeypatch.setattr(here.Runner, "run", watched)
    capsys.readouterr()
    assert call(lines, tmp_path / "two", "--results", address) == 0
    assert made == names[1:]
    assert "1 is there" in capsys.readouterr().out
    page = (there / "index.html").read_text()
    assert page.count("point_cloud.ply") == 2

    # A copy that was cut short is made again, without a new run.
    (there / names[0] / "batch.json").unlink()
    monkeypatch.setattr(Runner, "_work", lambda *a: pytest.fail("made again"))
    assert call(lines, tmp_path / "one", "--results", address) == 0
    assert (there / names[0] / "batch.json").exists()


def test_a_run_that_cannot_be_copied_is_kept_and_tried_again(prior: Path, tmp_path: Path, monkeypatch, capsys):
    lines, address = write(tmp_path / "a.jsonl", [settings(prior)]), (tmp_path / "there").as_uri()
    put = Results.put
    monkeypatch.setattr(Results, "put", lambda self, run: (_ for _ in ()).throw(ValueError("results: gone")))
    assert call(lines, tmp_path / "runs", "--results", address) == 1
    said = capsys.readouterr().out
    assert "failed      a-red-armchair-s0: results: gone" in said
    assert "1 could not be copied; the same command tries that again" in said
    assert "--retry-failed" not in said
    monkeypatch.setattr(Results, "put", put)
    monkeypatch.setattr(Runner, "_work", lambda *a: pytest.fail("made again"))
    assert call(lines, tmp_path / "runs", "--results", address) == 0


def test_the_folder_of_the_runs_themselves_is_no_other_place(tmp_path: Path, capsys):
    lines = write(tmp_path / "a.jsonl", [{"prompt": "a red armchair"}])
    assert call(lines, tmp_path / "runs", "--results", f"{(tmp_path / 'runs').as_uri()}/") == 2
    assert "is the folder that -o names; leave one of the two out" in capsys.readouterr().err
    assert not Results("memory://runs").is_folder(Path("/runs"))


def test_what_others_have_put_there_is_left_as_it_is(tmp_path: Path):
    (item,) = plan(BatchOptions(write(tmp_path / "a.jsonl", [{"prompt": "a red armchair", "seed": 3}])))
    results = Results("memory://night")
    results.check()
    assert results.finished([item]) == {}
    files = fsspec.filesystem("memory")
    files.pipe(f"/night/{item.name}/batch.json", json.dumps({"asked": item.asked, "ended": 2.0}).encode())
    assert results.finished([item]) == {}, "without a report it is not all there"
    files.pipe(f"/night/{item.name}/report.json", b'{"seconds": 4.0')
    assert results.finished([item]) == {}, "cut short"
    files.pipe(f"/night/{item.name}/report.json", b'{"seconds": 4.0}')
    assert results.finished([item]) == {item.name: ledger.Outcome("finished", seconds=4.0)}
    files.pipe(f"/night/{item.name}/batch.json", json.dumps({"asked": {**item.asked, "seed": 4}}).encode())
    with pytest.raises(ValueError, match=r'memory://night/a-red-armchair-s3: holds a run with \{"seed": 4\}'):
        results.finished([item])


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("night", "results: 'night' is no address; give one such as s3://bucket/night"),
        ("nonsense://night", "results: nonsense://night is no address that can be used"),
        ("file://night/there", "results: 'file://night/there' is no absolute path; give one with three slashes"),
        ("file://", "results: 'file://' is no absolute path"),
        ("://night", "results: '://night' is no absolute path"),
        ("file:///proc/nowhere/night", "results: file:///proc/nowhere/night cannot be written to"),
    ],
)
def test_an_address_where_nothing_can_be_put_is_one_line(address: str, said: str, tmp_path: Path, capsys):
    lines = write(tmp_path / "a.jsonl", [{"prompt": "a red armchair"}])
    assert call(lines, tmp_path / "runs", "--results", address) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {said}")
    assert error.count("\n") == 1
