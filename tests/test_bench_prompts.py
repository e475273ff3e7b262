"""The bench over the written list: what it keeps, how it sums up, what it draws. No run is made here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from gs_stein.batch import ledger
from gs_stein.batch.ledger import Outcome
from gs_stein.batch.plan import Item
from gs_stein.batch.work import Runner
from gs_stein.bench import prompts
from gs_stein.bench.prompts import Options, Result, summary, wanted
from gs_stein.config.schema import Config
from gs_stein.run.folder import slug


def result(kind: prompts.Kind, retrieval: float, ceiling: float, depth: float | None = 0.5) -> Result:
    return Result(kind, "x", Path(), retrieval, ceiling, 1.0, depth, 10.0, 0.5)


def write_run(folder: Path, retrieval: float, **asked: object) -> None:
    """What a judged run of a batch leaves, as far as the bench reads it."""
    folder.mkdir(parents=True)
    judged = {
        "retrieval": {"views_top1": retrieval, "together_top1": 1.0}, "retrieval_of_samples": {"views_top1": 0.5},
        "depth": {"skipped": "no estimator"},
    }  # fmt: skip
    (folder / "evaluation.json").write_text(json.dumps(judged))
    (folder / "report.json").write_text(json.dumps({"seconds": 42.0, "peak_memory_gib": 0.5}))
    (folder / "batch.json").write_text(json.dumps({"asked": asked, "began": 1.0, "ended": 2.0}))
    (folder / "point_cloud.ply").touch()
    Image.new("RGB", (64, 64), "red").save(folder / "preview.png")


def test_list_is_taken_part_by_part():
    everything = list(wanted(Options()))
    assert len(everything) == 44
    assert len(set(everything)) == 44
    some = list(wanted(Options(kinds=("objects", "scenes"), first=2)))
    assert [kind for kind, _ in some] == ["objects", "objects", "scenes", "scenes"]


def test_summary_divides_by_what_the_prior_reaches():
    found = summary([result("scenes", 0.4, 0.5), result("scenes", 0.1, 0.5), result("objects", 1.0, 1.0, None)])
    assert found["ratio_scenes"] == pytest.approx(0.5)
    assert found["share_at_goal_scenes"] == pytest.approx(0.5)
    assert found["ratio_objects"] == 1.0
    assert found["ratio_all"] == pytest.approx(0.75)
    assert found["prompts_all"] == 3
    assert found["depth_pearson_all"] == 0.5
    assert "ratio_landscapes" not in found


def test_judged_runs_are_read_and_not_repeated(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(Runner, "run", lambda *a: pytest.fail("ran again"))
    for (_, prompt), reached in zip(wanted(Options(kinds=("objects",), first=3)), (0.5, 0.25, 0.0), strict=True):
        write_run(
            tmp_path / f"{slug(prompt)}-s0-preset=preview", reached, prompt=prompt, scene=False, preset="preview",
            outdoors="auto", seed=0, options={},
        )  # fmt: skip
    arguments = ["--kinds", "objects", "--first", "3", "--output", str(tmp_path), "--json"]
    assert prompts.main(arguments) == 0
    said = capsys.readouterr().out
    found = json.loads(said.splitlines()[-1])
    assert found["ratio_objects"] == pytest.approx(0.5)
    assert "33% of 3 prompts" in said
    assert json.loads((tmp_path / "prompts.json").read_text()) == found
    with Image.open(tmp_path / "prompts.png") as page:
        assert page.size == (1200, 216)
        assert page.getpixel((10, 100)) == (255, 0, 0)


def test_runs_are_a_batch(tmp_path, monkeypatch):
    made: list[Config] = []

    def run(self: Runner, item: Item, controls: object, watch: object) -> Outcome:
        made.append(item.config())
        write_run(tmp_path / item.name, 0.5, **item.asked)
        return ledger.look(tmp_path, item)

    monkeypatch.setattr(Runner, "run", run)
    options = Options(kinds=("landscapes", "objects"), first=1, preset=None, seed=3, output=tmp_path)
    wished = list(wanted(options))
    folders = prompts.make(wished, options)
    assert [(config.prompt, config.scene, config.seed) for config in made] == [
        (wished[0][1], True, 3), (wished[1][1], False, 3),
    ]  # fmt: skip
    assert all((folder / "report.json").is_file() for folder in folders)
    assert prompts.make(wished, options) == folders
    assert len(made) == 2


def test_a_run_that_fails_is_one_line(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"prompts\.jsonl.*1.*preset: 'nowhere' is unknown"):
        prompts.main(["--kinds", "objects", "--first", "1", "--preset", "nowhere", "--output", str(tmp_path)])
    monkeypatch.setattr(Runner, "run", lambda self, item, *a: Outcome("failed", "no luck"))
    monkeypatch.setattr(ledger, "look", lambda output, item: Outcome("failed", "no luck"))
    with pytest.raises(ValueError, match="prompts: 'a red armchair' is failed: no luck"):
        prompts.main(["--kinds", "objects", "--first", "1", "--output", str(tmp_path)])
