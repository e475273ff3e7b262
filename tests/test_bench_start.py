"""The bench of starts: its report, and what it says of a program that fails. What is tested is not the speed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import zstandard

from gs_stein.bench import start
from gs_stein.bench.__main__ import main


def test_medians_are_the_last_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    seconds = {"first_splats_s": [9.0, 4.0, 5.0], "help_s": [0.1, 0.3, 0.2], "viewer_s": [1.0, 1.0, 7.0]}
    monkeypatch.setattr(start, "measure", lambda options, folder: seconds)
    assert main(["start", "--json"]) == 0
    *table, last = capsys.readouterr().out.splitlines()
    assert json.loads(last) == {
        "first_splats_s": 5.0, "help_s": 0.2, "viewer_s": 1.0, "caches": "warm", "repeats": 3
    }  # fmt: skip
    assert [line.split()[0] for line in table[1:]] == list(seconds)
    assert all("goal" in line for line in table[1:])


def test_a_program_that_shows_nothing_is_told_with_its_reason(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"gs-stein view showed nothing: .*nowhere"):
        start.until_splats(("view", str(tmp_path / "nowhere")))
    with pytest.raises(ValueError, match=r"gs-stein train failed: .*--prompt"):
        start.until_done(("train", "--prompt", ""))


def test_a_scene_is_known_in_a_compressed_message() -> None:
    def message(described: bytes, count: int) -> bytes:
        packed = zstandard.compress(described)
        return len(described).to_bytes(8, "little") + len(packed).to_bytes(8, "little") + packed + bytes(32 * count)

    scene = " ".join(map(str, range(100))).encode() + b"/splats"
    assert b"/splats" not in message(scene, 2000), "as it is sent"
    assert start.brings_scene(message(scene, 2000))
    assert not start.brings_scene(message(scene, 1))
    assert not start.brings_scene(message(b"/cameras", 2000))


@pytest.mark.occasional
def test_a_file_is_shown(tmp_path: Path) -> None:
    from gs_stein.bench.files import scene_of
    from gs_stein.gaussians.files import write_gaussians

    write_gaussians(tmp_path / "a.ply", scene_of(20_000))
    assert 0.1 < start.until_splats(("view", str(tmp_path / "a.ply"))) < start._PATIENCE
