"""What somebody changed while a run went on stands in the curves of its page, and in words beside them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from viewer_support import blob, eventually, fake_training, hello, socket_of

from gs_stein.cameras.options import OrbitCameras
from gs_stein.gaussians.formats.ply import write_ply
from gs_stein.live.disk import Source
from gs_stein.live.options import LiveOptions
from gs_stein.live.panels.plots import CHANGED, Plot, told_changes, with_marks
from gs_stein.live.run_view import Live
from gs_stein.live.server import close_server, open_server
from gs_stein.live.stage import Stage
from gs_stein.optimize.step import Controls
from gs_stein.run.metrics import COLUMNS
from gs_stein.run.steering import NAME, changes

STEERED = """step,prompt,guidance_scale,t_min,t_max,learning_rate
0,a ball,,,,
20,a ball,20.0,,,
30,a ball,20.0,0.2,0.5,10.0
40,a <b>cube</b>,,,,
"""


def steered_run(folder: Path, text: str = STEERED) -> Path:
    """The folder of a finished run of 50 steps."""
    folder.mkdir()
    (folder / "config.yaml").write_text("prompt: a ball\niterations: 50\ndistill: {guidance: {scale: 7.5}}\n")
    rows = [",".join({"step": str(i), "gradient": "0.5", "variance_ratio": "0.9"}.get(c, "0") for c in COLUMNS)
            for i in range(1, 51)]  # fmt: skip
    (folder / "metrics.csv").write_text("\n".join([",".join(COLUMNS), *rows]) + "\n")
    (folder / NAME).write_text(text)
    write_ply(folder / "point_cloud.ply", blob((1.0, 0.0, 0.0), 12))
    (folder / "report.json").write_text("{}")
    return folder


def marks_of(plot: Plot) -> list[float]:
    """Where a chart has vertical lines."""
    handle = plot._handle  # another one as soon as there are lines, or none any more
    data, series = handle.data, handle.series
    assert len(data) == len(series)
    return [] if series[-1]["label"] != CHANGED else data[0][data[-1] > 0].tolist()


def test_changes_are_told_in_words(tmp_path: Path) -> None:
    run = steered_run(tmp_path / "run")
    assert changes(run, 7.5) == [
        (20, "guidance 7.5 → 20"),
        (30, "timesteps as configured → 0.20 to 0.50; learning rates ×1 → ×10"),
        (40, "prompt “a ball” → “a <b>cube</b>”; guidance 20 → 7.5; timesteps 0.20 to 0.50 → as configured; "
             "learning rates ×10 → ×1"),
    ]  # fmt: skip
    assert changes(run)[0] == (20, "guidance as configured → 20")
    long = STEERED.replace("a ball", "ball " * 40)
    assert max(len(words) for _, words in changes(steered_run(tmp_path / "long", long))) < 250
    assert changes(None) == changes(tmp_path) == changes(steered_run(tmp_path / "broken", "step\n1\n")) == []


def test_only_the_latest_of_many_changes_are_told() -> None:
    told = told_changes([(step, f"guidance {step} → {step + 1}") for step in range(30)])
    assert "step 29:" in told
    assert "step 21:" not in told
    assert "22 earlier" in told
    assert told_changes([]) == ""


def test_a_mark_is_a_spike_and_leaves_the_curves_alone() -> None:
    table = np.array([[0.0, 10.0, 20.0], [1.0, 3.0, 3.0]])
    x, curve, spike = with_marks(table, [5.0, 20.0])
    assert x.tolist() == [0, 5, 5, 5, 10, 20, 20, 20, 20]
    assert curve.tolist() == [1, 2, 2, 2, 3, 3, 3, 3, 3]
    assert spike.tolist() == [-1, -1, 1, -1, -1, -1, -1, 1, -1]


def test_a_finished_runs_curves_are_marked_and_anothers_are_not(tmp_path: Path) -> None:
    run, plain = steered_run(tmp_path / "run"), steered_run(tmp_path / "plain", STEERED[: STEERED.index("20,")])
    server = open_server("127.0.0.1", 0, "test")
    stage = Stage(server, LiveOptions())
    try:
        stage.open([Source(run)])
        plots = stage._plots
        assert marks_of(plots._gradient) == marks_of(plots._ratio) == [20, 30, 40]
        assert "guidance 7.5 → 20" in plots._changed.content
        assert "&lt;b&gt;" in plots._changed.content
        assert "<b>" not in plots._changed.content
        order = plots._gradient._handle.order
        stage.open([Source(plain)])
        assert marks_of(plots._gradient) == []
        assert plots._changed.content == ""
        assert plots._gradient._handle.order == order, "it stays where it was"
    finally:
        stage.close()
        close_server(server)


@pytest.mark.parametrize("at", [5, 5000])
def test_a_change_on_the_live_page_shows_while_it_runs(tmp_path: Path, at: int) -> None:
    """One beyond the last step drawn so far waits for its curve."""
    options = LiveOptions(port=0, share=1.0)
    with (
        Live(Controls(), "a ball", OrbitCameras(), guidance_scale=7.5, options=options, folder=tmp_path) as live,
        socket_of(live.server) as socket,
    ):
        socket.send(hello())
        eventually(lambda: live.watched, "a browser")
        for step in fake_training(20, count=20, resolution=8, rest=0.01):
            if step.step == 10:
                text = STEERED.replace("20,", f"{at},", 1)
                (tmp_path / NAME).write_text(text[: text.index("30,")])
            live.publish(step)
        live.finish("there")
        eventually(lambda: "guidance 7.5 → 20" in live._plots._changed.content, "the change in words")
        expected = [at] if at < 20 else []
        eventually(lambda: marks_of(live._plots._gradient) == expected, "the line in the curve")
