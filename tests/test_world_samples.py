"""Sheets of samples, and of the world: a row a prompt or a scene, eight views a row unless told otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from tiny_bundled import tiny_bundled

from gs_stein.world.measure import sheet
from gs_stein.world.training import samples


@pytest.mark.parametrize(("rooms", "objects"), [(("a room",), ("a car", "a mug")), ((), ("a mug",)), (("a room",), ())])
def test_a_sheet_has_a_row_a_prompt(tmp_path: Path, rooms: tuple[str, ...], objects: tuple[str, ...]) -> None:
    prior = tiny_bundled(tmp_path / "tiny")
    out = tmp_path / "sheets" / "sheet.png"
    samples.main(samples.Options(str(prior), out, rooms, objects, steps=2))
    with Image.open(out) as picture:
        side = picture.width // 8
        assert picture.size == (8 * side, (len(rooms) + len(objects)) * side)
    assert [path.name for path in out.parent.iterdir()] == ["sheet.png"]


def test_an_unknown_prior_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there is no folder"):
        samples.main(samples.Options(str(tmp_path / "nowhere"), tmp_path / "sheet.png"))


def test_a_sheet_of_the_world_has_a_row_a_scene(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "sheets" / "world.png"
    sheet.main(sheet.Options(out, "mug", seed=3, rows=2, views=3, resolution=32))
    with Image.open(out) as picture:
        assert picture.size == (3 * 32, 2 * 32)
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == ["3", "4"]
