"""The front door for Python."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tiny_bundled import tiny_bundled

import gs_stein
from gs_stein.command.parse import parse
from gs_stein.gaussians.files import read_gaussians

SMALL = {"views": 2, "cameras": {"resolution": 16}, "start": {"count": 200}, "refine": {"share": 0.0}}


@pytest.fixture(scope="module")
def prior(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_bundled(tmp_path_factory.mktemp("prior")))


def test_a_sentence_becomes_a_scene(prior: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scene = gs_stein.generate("a room", scene=True, iterations=3, prior={"model": prior}, **SMALL)
    assert "step 3/3" in capsys.readouterr().err
    assert scene.config.prior.model == prior
    for name in ("room.ply", "new/room.spz"):
        assert scene.save(tmp_path / name) == tmp_path / name
        assert len(read_gaussians(tmp_path / name)) == len(scene.gaussians)
    assert scene.contact_sheet().std() > 1
    again = gs_stein.generate("a room", scene=True, iterations=3, prior={"model": prior}, progress=False, **SMALL)
    assert capsys.readouterr().err == ""
    assert torch.equal(again.gaussians.means, scene.gaussians.means)


def test_the_loop_can_be_left(prior: str) -> None:
    config = gs_stein.configure("a room", scene=True, iterations=50, prior={"model": prior}, **SMALL)
    assert [step.step for step in itertools.islice(gs_stein.steps(config), 2)] == [1, 2]


def test_a_configuration_is_the_command_lines() -> None:
    config = gs_stein.configure("a kitchen", scene=True, preset="preview", densify="none", sh_degree=1)
    flags = ["--prompt", "a kitchen", "--scene", "--preset", "preview", "--densify-kind", "none", "--sh-degree", "1"]
    assert config == parse(flags).config
    assert gs_stein.configure("a kitchen", preset="preview").scene
    assert not gs_stein.configure("a red armchair").scene


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"iteration": 3}, "iteration"),
        ({"iterations": 0}, "iterations: 0"),
        ({"preset": "prevew"}, "did you mean preview"),
        ({"rates": {"mean": 1}}, "rates"),
    ],
)
def test_mistakes_name_the_field(options: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        gs_stein.configure("a room", **options)


REFUSED = """
import gs_stein
for call in (
    lambda: gs_stein.configure(None), lambda: gs_stein.generate(["a", "room"]),
    lambda: gs_stein.configure("a room", scene="yes"), lambda: next(gs_stein.steps("x")),
    lambda: next(gs_stein.steps(gs_stein.Config())),
):
    try:
        call()
    except ValueError as error:
        print(error)
"""


def test_what_is_no_sentence_or_configuration_is_refused() -> None:
    """In a process of its own, where nothing checks types before we do."""
    done = subprocess.run([sys.executable, "-c", REFUSED], capture_output=True, text=True, check=True)
    assert [line.split(";")[0] for line in done.stdout.splitlines()] == [
        "prompt: None is no text",
        "prompt: ['a', 'room'] is no text",
        "scene: 'yes' is neither True nor False nor None",
        "config: 'x' is no Config",
        "prompt: it is empty",
    ]


def test_importing_it_loads_no_torch() -> None:
    code = "import sys, gs_stein; dir(gs_stein); print('torch' in sys.modules, hasattr(gs_stein, 'nothing'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
