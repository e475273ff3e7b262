"""The table of benches: every name leads somewhere, and what is asked wrongly is answered."""

from __future__ import annotations

import importlib

import pytest

from gs_stein.bench.__main__ import BENCHES, MIXTURE, main


@pytest.mark.parametrize("module", [*(module for module, _ in BENCHES.values()), MIXTURE])
def test_every_name_leads_to_a_bench(module: str) -> None:
    assert callable(importlib.import_module(module).main)


@pytest.mark.parametrize(
    ("arguments", "own"),
    [([], "--stages"), (["--prior", "mixture"], "--geometry-price"), (["--prior=mixture"], "--geometry-price")],
)
def test_a_prior_with_a_known_score_has_options_of_its_own(
    arguments: list[str], own: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["variance", *arguments, "--help"])
    assert ended.value.code == 0
    assert own in capsys.readouterr().out


def test_names_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    listed = capsys.readouterr().out
    assert all(f"  {name} " in listed for name in BENCHES)
    assert main(["speed"]) == 2
    assert f"there is no 'speed'; give one of {', '.join(BENCHES)}" in capsys.readouterr().err
