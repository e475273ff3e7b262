"""The bench of the rasterizer: its picture, its figures, its one line of JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from gs_stein.bench import raster
from gs_stein.bench.__main__ import main
from gs_stein.bench.scenes import room_scene, room_views


def test_the_picture_of_a_room_shell_is_the_references(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "shell.png"
    assert main(["raster", "--picture", str(path), "--json"]) == 0
    worst = json.loads(capsys.readouterr().out.splitlines()[-1])["largest_difference"]
    assert 0 < worst < 1e-4
    picture = Image.open(path)
    assert picture.size == (3 * 128, 128)
    assert len(set(picture.crop((0, 0, 128, 128)).getdata())) > 1000, "there is something to see"
    assert raster.main(["--picture", str(path), "--tolerance", "0"]) == 1


def test_the_last_line_holds_the_figures(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    # A hundredth of the Gaussians: what is tested is the report, not the speed.
    monkeypatch.setattr(raster, "room_scene", lambda count: room_scene(count // 100))
    assert main(["raster", "--json", "--repeats", "1"]) == 0
    *table, last = capsys.readouterr().out.splitlines()
    figures = json.loads(last)
    goals = {"fwd_bwd_over_matmul", "fwd_bwd_small_over_matmul", "growth_1m_over_100k", "threads_2_over_1"}
    assert goals | {"peak_mb_1m"} <= set(figures)
    assert all(figures[key] > 0 for key in goals)
    assert len(table) == len(raster.GOALS) + 1
    assert 0 < figures["pairs"] <= figures["rows"] <= 16 * figures["pairs"]


def test_work_is_counted() -> None:
    case = raster.Case(room_scene(500).requires_grad_(), room_views(2, 40), 1)
    pairs, rows = case.work()
    assert 500 < pairs < 2 * 9 * 500
    assert pairs <= rows <= 16 * pairs
    assert case.run() > 0
    assert case.scene.means.grad is not None


def test_no_repeats_measure_nothing() -> None:
    with pytest.raises(ValueError, match="repeats: 0 runs"):
        raster.main(["--repeats", "0"])
