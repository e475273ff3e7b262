"""The bench of files: its figures and its one line of JSON. What is tested is the report, not the speed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gs_stein.bench import files
from gs_stein.bench.__main__ import main
from gs_stein.gaussians.files import FORMATS, write_gaussians


@pytest.mark.occasional
def test_the_last_line_holds_the_figures(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["files", "--json", "--count", "20000", "--export-count", "2000", "--repeats", "1"]) == 0
    *table, last = capsys.readouterr().out.splitlines()
    figures = json.loads(last)
    assert set(files.GOALS) <= set(figures)
    assert len(table) == len(figures)
    assert all(figures[key] > 0 for key in files.GOALS if key != "peak_over_file")
    assert sum("goal" in line for line in table) == len(files.GOALS)
    written = sum(value for key, value in figures.items() if key.startswith("write_seconds"))
    assert figures["export_all_seconds_1m"] == pytest.approx(500 * written, rel=0.02)
    assert len([key for key in figures if key.startswith("write_seconds")]) >= len(FORMATS) - 1, "usd may be missing"


@pytest.mark.occasional
def test_peak_memory_is_measured(tmp_path: Path) -> None:
    """A file of 25 MB whose content is held once as float32: about one file's size, and no less."""
    write_gaussians(tmp_path / "a.ply", files.scene_of(100_000))
    assert 0.9 < files.peak_over_file(tmp_path / "a.ply") < 6


def test_nothing_to_measure() -> None:
    with pytest.raises(ValueError, match="must be 1 or more"):
        files.main(["--repeats", "0"])
