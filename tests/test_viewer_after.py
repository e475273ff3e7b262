"""What becomes of a run's page when the run has ended."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from viewer_support import blob, eventually, fake_training, hello, socket_of

from gs_stein.cameras.options import OrbitCameras
from gs_stein.gaussians.formats.ply import write_ply
from gs_stein.live import after
from gs_stein.live.after import serve_finished
from gs_stein.live.options import LiveOptions
from gs_stein.live.run_view import Live
from gs_stein.optimize.step import Controls


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "config.yaml").write_text("prompt: a green ball\niterations: 20\n", encoding="utf-8")
    (tmp_path / "report.json").write_text("{}", encoding="utf-8")
    write_ply(tmp_path / "point_cloud.ply", blob((0.1, 0.8, 0.2)))
    return tmp_path


def test_it_becomes_the_page_of_a_finished_run_until_its_browsers_leave(run: Path, monkeypatch) -> None:
    monkeypatch.setattr(after, "_ALONE", 0.3)
    live = Live(Controls(), "a green ball", OrbitCameras(), options=LiveOptions(port=0), folder=run)
    for step in fake_training(20):
        live.publish(step)
    shown: list[str] = []
    html = live.server.gui.add_html
    monkeypatch.setattr(live.server.gui, "add_html", lambda content, **more: (shown.append(content), html(content))[1])
    assert not live.watched
    with socket_of(live.server) as socket:
        socket.send(hello())
        eventually(lambda: live.watched, "a browser is there")
        live.finish(str(run))
        arguments = (live.release(), run, LiveOptions(port=0), True, ["Go on: train --resume x"])
        ended = threading.Event()
        serving = threading.Thread(target=serve_finished, args=(*arguments, ended))
        serving.start()
        stages = []
        load = after.Stage.poll
        monkeypatch.setattr(after.Stage, "poll", lambda stage: (stages.append(stage), load(stage))[1])
        eventually(lambda: stages and stages[-1]._loaded, "the scene is opened")
        assert len(stages[-1]._loaded[0].gaussians) == 300
        assert "a green ball" in stages[-1]._title.content
        assert any("Go on: train --resume x" in content for content in shown)
        live.publish(step)  # nobody listens any more, and nothing is raised
        assert serving.is_alive()
    serving.join(30)
    assert not serving.is_alive()


def test_it_stays_until_it_is_ended_if_that_is_asked_for(run: Path, monkeypatch) -> None:
    monkeypatch.setattr(after, "_ALONE", 0.0)
    live = Live(Controls(), "a green ball", OrbitCameras(), options=LiveOptions(port=0), folder=run)
    ended = threading.Event()
    serving = threading.Thread(
        target=serve_finished, args=(live.release(), run, LiveOptions(port=0), False, [], ended)
    )  # fmt: skip
    serving.start()
    serving.join(2.5)
    assert serving.is_alive()
    ended.set()
    serving.join(30)
    assert not serving.is_alive()
