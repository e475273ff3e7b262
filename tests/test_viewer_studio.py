"""The studio's form: what waits for its turn, how long it will take, what may be asked for."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from viewer_support import eventually

from gs_stein.config.presets import offered
from gs_stein.live import jobs
from gs_stein.live import studio as module
from gs_stein.live.estimate import seconds_by_kind, words
from gs_stein.live.options import LiveOptions
from gs_stein.live.server import close_server, open_server
from gs_stein.live.studio import Studio, written_prompts


@pytest.fixture
def studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Studio]:
    def command(order, output, options, token):
        return [sys.executable, "-c", "import time; time.sleep(600)" if order.prompt == "long" else ""]

    monkeypatch.setattr(module, "command", command)
    server = open_server("127.0.0.1", 0, "studio")
    page = Studio(server, tmp_path / "runs", LiveOptions(port=0))
    yield page
    page.close()
    close_server(server)


def test_what_is_asked_for_during_a_run_waits_for_its_turn(studio: Studio) -> None:
    def press(prompt: str) -> None:
        studio._prompt.value = prompt
        studio._generate()

    press("long")
    press("one")
    press("two")
    first = studio.job
    assert first is not None
    assert [order.prompt for order in studio._waiting] == ["one", "two"]
    studio.poll()
    assert "waits: one" in studio._said.content
    assert studio._forget.visible
    first.end()
    seen = []

    def done() -> bool:
        studio.poll()
        if studio.job not in seen:
            seen.append(studio.job)
        return studio.job is not None and not studio.job.going and not studio._waiting and not studio._stop.visible

    eventually(done, "all have had their turn")
    assert len(seen) == 3 - (first not in seen)
    assert not studio._forget.visible
    studio._waiting.extend([studio.order()] * module._LONGEST_QUEUE)  # type: ignore
    studio._start(studio._waiting[0])
    press("long")
    assert len(studio._waiting) <= module._LONGEST_QUEUE


def test_the_prompts_it_knows_fill_the_form(studio: Studio) -> None:
    assert len(written_prompts()) == 44
    studio._known.value = "a red armchair"
    studio._take_known()
    assert studio._prompt.value == "a red armchair"
    studio._known.value = module._OWN
    studio._take_known()
    assert studio._prompt.value == "a red armchair"


def finished(folder: Path, scene: bool, iterations: int, seconds: float) -> Path:
    folder.mkdir(parents=True)
    report = {"seconds": seconds, "settings": {"scene": scene, "iterations": iterations}}
    (folder / "report.json").write_text(json.dumps(report), encoding="utf-8")
    return folder


def test_an_estimate_is_the_median_of_earlier_runs_of_the_kind(tmp_path: Path) -> None:
    runs = [finished(tmp_path / f"run-{i}", True, 1200, seconds) for i, seconds in enumerate((100, 220, 300))]
    runs.append(finished(tmp_path / "preview", False, 400, 42))
    for name, content in (("a", "["), ("b", "{}"), ("c", '{"seconds": 1e999, "settings": {"scene": 1}}'), ("d", "[3]")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "report.json").write_text(content, encoding="utf-8")
    known = seconds_by_kind([*runs, *(tmp_path / name for name in "abcd"), tmp_path / "nowhere"])
    assert known == {(True, 1200): 220, (False, 400): 42}
    assert "a scene about 3:40 min, an object not known yet" in words(known, {True: 1200, False: 1200})
    assert "a scene not known yet, an object about 42 s" in words(known, {True: 400, False: 400})


def test_the_form_says_it_for_its_preset(studio: Studio, tmp_path: Path) -> None:
    run = finished(tmp_path / "runs" / "a", False, 400, 42)
    (run / "config.yaml").write_text("prompt: x\n", encoding="utf-8")
    (run / "point_cloud.ply").write_bytes(b"x")
    studio.gallery.refresh(at_once=True)
    studio._preset.value = "preview"
    studio._estimate()
    assert "an object about 42 s" in studio._takes.content
    studio._preset.value = "default"
    studio._estimate()
    assert "an object not known yet" in studio._takes.content


def test_only_presets_that_fit_the_machine_are_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "gpu_gib", lambda: 12)
    assert jobs.presets() == [name for name in offered() if name in ("gpu-12gb", "gpu-8gb", "preview")]
    monkeypatch.undo()
    if not torch.cuda.is_available():
        assert jobs.presets() == ["preview"]
