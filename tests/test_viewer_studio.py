"""The studio's form: what waits for its turn, how long it will take, what may be asked for."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from viewer_support import blob, eventually, moved

from gs_stein.config.presets import offered
from gs_stein.gaussians.formats.ply import write_ply
from gs_stein.live import jobs
from gs_stein.live import studio as module
from gs_stein.live.estimate import seconds_by_kind, words
from gs_stein.live.manage import deleted, renamed
from gs_stein.live.options import LiveOptions
from gs_stein.live.server import close_server, open_server
from gs_stein.live.studio import Studio, written_prompts
from gs_stein.run.folder import working_in


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
    said = words(known, {True: 1200, False: 1200})
    assert "a scene about 3:40 min (the median of earlier runs), an object not known yet" in said
    assert "a scene not known yet, an object about 42 s" in words(known, {True: 400, False: 400})


def test_the_form_says_it_for_its_preset(studio: Studio, tmp_path: Path) -> None:
    run = finished(tmp_path / "runs" / "a", False, 400, 42)
    (run / "config.yaml").write_text("prompt: x\n", encoding="utf-8")
    (run / "point_cloud.ply").write_bytes(b"x")
    studio.gallery.refresh(at_once=True)
    studio._preset.value = "preview"
    studio._estimate()
    assert "an object about 42 s" in studio._takes.content
    assert "a scene not known yet, elsewhere 1 to 5 min on one core" in studio._takes.content
    studio._preset.value = "default"
    studio._estimate()
    assert "an object not known yet, elsewhere 1 min and more" in studio._takes.content


def test_only_presets_that_fit_the_machine_are_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "gpu_gib", lambda: 12)
    assert jobs.presets() == [name for name in offered() if name in ("gpu-12gb", "gpu-8gb", "preview")]
    monkeypatch.undo()
    if not torch.cuda.is_available():
        assert jobs.presets() == ["preview"]


def stopped_run(output: Path, name: str, step: int = 180) -> Path:
    """As `gs-stein train` leaves a run of 400 iterations that was stopped."""
    run = output / name
    (run / "checkpoints").mkdir(parents=True)
    (run / "config.yaml").write_text("prompt: a red ball\niterations: 400\n", encoding="utf-8")
    write_ply(run / "point_cloud.ply", blob((0.9, 0.1, 0.1), 20))
    (run / "checkpoints" / f"step_{step:07d}.pt").write_bytes(b"x")
    return run


def shown(studio: Studio, run: Path) -> None:
    studio.gallery.refresh(at_once=True)
    studio._ask_for(run)
    studio.poll()


def press(button) -> None:
    moved(button, True)


def test_a_stopped_run_goes_on_as_it_was_begun_and_a_finished_one_half_as_long_again(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders: list[jobs.Order] = []

    def command(order, output, options, token):
        orders.append(order)
        return [sys.executable, "-c", ""]

    monkeypatch.setattr(module, "command", command)
    run = stopped_run(tmp_path / "runs", "ball")
    shown(studio, run)
    assert studio.actions._go_on.label == "Go on to step 400"
    press(studio.actions._go_on)
    studio.poll()
    (run / "checkpoints" / "step_0000400.pt").write_bytes(b"x")
    job = studio.job
    assert job is not None
    eventually(lambda: not job.going, "the first has ended")
    studio.poll()
    assert studio.actions._go_on.label == "Go on to step 600"
    press(studio.actions._go_on)
    studio.poll()
    assert [(order.resume, order.iterations) for order in orders] == [(run, None), (run, 600)]
    line = jobs.command(orders[1], tmp_path, LiveOptions(), token=False)
    assert {f"--resume={run}", "--iterations=600"} <= set(line)
    assert not any(part.startswith(("--prompt", "--seed", "--output")) for part in line)


def test_a_run_gets_another_name_and_one_that_cannot_be_is_refused(studio: Studio, tmp_path: Path) -> None:
    run, other = stopped_run(tmp_path / "runs", "ball"), stopped_run(tmp_path / "runs", "other")
    shown(studio, run)
    moved(studio.actions._name, "../My: ball")
    assert studio.actions._rename.visible
    press(studio.actions._rename)
    studio.poll()
    run = run.with_name("My- ball")
    assert studio.stage.run == run
    assert sorted(path.name for path in run.parent.iterdir()) == ["My- ball", "other"]
    for bad in ("other", " ", "trash", "..", "/"):
        with pytest.raises(ValueError, match="give"):
            renamed(run, bad)
    with working_in(other), pytest.raises(ValueError, match="still being worked on"):
        renamed(other, "new")


def test_the_trash_is_said_and_gives_back_what_it_was_given(studio: Studio, tmp_path: Path) -> None:
    run = stopped_run(tmp_path / "runs", "ball")
    shown(studio, run)
    press(studio.actions._delete)
    studio.poll()
    kept = tmp_path / "runs" / "trash" / "ball"
    assert studio.stage.run is None
    assert studio.gallery.listed == []
    assert (kept / "point_cloud.ply").is_file()
    assert deleted(stopped_run(tmp_path / "runs", "ball")) == kept.with_name("ball-2")
    kept.rename(run)
    studio.gallery.refresh(at_once=True)
    assert [path for path, _ in studio.gallery.listed] == [run]


def test_a_run_of_the_gallery_is_compared_with_the_one_that_is_shown(studio: Studio, tmp_path: Path) -> None:
    first, second = stopped_run(tmp_path / "runs", "first"), stopped_run(tmp_path / "runs", "second")
    shown(studio, first)
    for run, expected in ((first, [first]), (second, [first, second])):
        studio._ask_for(run, beside=True)
        studio.poll()
        assert [source.path for source in studio.stage._sources] == expected
    assert studio.stage._compare.visible


def test_what_it_does_not_know_is_said_beside_prompts_that_it_does(studio: Studio, monkeypatch) -> None:
    monkeypatch.setattr(module, "gpu_gib", lambda: 0)
    box = studio._advice
    moved(studio._prompt, "a red armchair")
    studio.poll()
    assert not box._lines.visible
    moved(studio._prompt, "a xylophone made of quinoa")
    studio.poll()
    assert box._lines.visible
    offers = [button.label for button in box._buttons if button.visible]
    assert len(offers) == 3
    press(box._buttons[1])
    assert studio._prompt.value == offers[1]
    studio.poll()
    assert not any(button.visible for button in box._buttons)
