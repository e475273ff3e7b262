"""The short help names what exists."""

from __future__ import annotations

import re

import pytest

from gs_stein.command import usage
from gs_stein.command.parse import parse
from gs_stein.command.train import main
from gs_stein.config.presets import preset_file
from gs_stein.config.serialize import read_yaml


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_it_is_short_and_comes_first(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--prompt", "", flag], command="python train.py") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("usage: train.py [-h]")
    assert len(lines) <= 30
    assert max(map(len, lines)) <= 120


def test_every_flag_and_preset_in_it_exists(capsys: pytest.CaptureFixture[str]) -> None:
    text = usage.usage("gs-stein train")
    with pytest.raises(SystemExit):
        parse([usage.ALL])
    whole = capsys.readouterr().out
    named = set(re.findall(r"--[a-z-]+", text)) - {usage.ALL, "--object"}
    assert len(named) >= 10
    assert [flag for flag in named if not re.search(rf"{flag}\b", whole)] == []
    assert "--cameras.azimuth" in whole
    presets = re.search(r"--preset NAME +(.*):", text)
    assert presets is not None
    assert "preview" in presets[1]
    for name in presets[1].split(", "):
        preset_file(name)
    numbers = re.search(r"--iterations N.*?(\d+) for scenes, (\d+) for objects, (\d+) with", text)
    assert numbers is not None
    steps = [read_yaml(preset_file(name))["iterations"] for name in ("scene", "object", "preview")]
    assert [int(number) for number in numbers.groups()] == steps


@pytest.mark.parametrize(
    ("flags", "said"),
    [(["--prompt"], "--prompt"), (["--config"], "--config"), (["--estimator", "foo"], "foo"), (["--outdoors"], "")],
)
def test_no_mistake_ends_the_program_without_a_word(
    flags: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also in what is read first, since it decides which options there are."""
    with pytest.raises(SystemExit) as ended:
        parse(flags)
    assert ended.value.code == 2
    output = capsys.readouterr()
    assert said in output.err
    assert output.err.strip()
