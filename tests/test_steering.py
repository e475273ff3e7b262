"""What is changed while a run goes on is noted, kept by resumption, and can be done again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from tiny_bundled import tiny_bundled

from gs_stein.command.train import main
from gs_stein.config.schema import Config
from gs_stein.config.serialize import read_config
from gs_stein.gaussians.files import read_gaussians
from gs_stein.gaussians.model import Gaussians
from gs_stein.optimize.step import Controls
from gs_stein.run.steering import NAME, Asked, Steering, read_steering

FIRST, SECOND = "a cozy living room", "a modern kitchen"
HEADER = "step,prompt,guidance_scale,t_min,t_max,learning_rate\n"


@pytest.fixture(scope="module")
def prior(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bundled(tmp_path_factory.mktemp("prior"))


def run(arguments: list[str], output: Path | None = None) -> Path:
    common = ["--no-viewer", "--no-score", "--video-frames", "0"]
    assert main([*arguments, *common, *([] if output is None else ["--output", str(output)])]) == 0
    return Path() if output is None else next(output.iterdir())


def started(prior: Path, output: Path, *more: str) -> Path:
    return run(
        ["--prompt", FIRST, "--scene", "--model", str(prior), "--iterations", "8", "--views", "2", "--start.count",
         "200", "--cameras.resolution", "32", "--refine.share", "0.5", "--refine.shortest", "4", "--refine.steps", "2",
         "--refine.views", "4", "4", *more], output,
    )  # fmt: skip


def scene(run: Path) -> Gaussians:
    return read_gaussians(run / "point_cloud.ply")


def same(a: Path, b: Path) -> bool:
    return all(torch.equal(x, y) for x, y in zip(scene(a).tensors(), scene(b).tensors(), strict=True))


def test_a_steered_run_is_noted_and_can_be_repeated(prior: Path, tmp_path: Path) -> None:
    file = tmp_path / "steering.csv"
    file.write_text(f"{HEADER}2,{FIRST},5.0,,,0.5\n6,{SECOND},5.0,,,\n", encoding="utf-8")
    steered = started(prior, tmp_path / "steered", "--steering", str(file))
    first, second, third = Asked(FIRST), Asked(FIRST, 5.0, learning_rate=0.5), Asked(SECOND, 5.0)
    assert read_steering(steered / NAME) == [(0, first), (2, second), (6, third)]
    assert read_config(steered / "config.yaml").prompt == SECOND
    report = json.loads((steered / "report.json").read_text(encoding="utf-8"))
    assert report["prompt"] == report["settings"]["prompt"] == SECOND
    plain = started(prior, tmp_path / "plain")
    assert not (plain / NAME).exists()
    assert not same(steered, plain)
    again = run(
        ["--config", str(steered / "config.yaml"), "--steering", str(steered / NAME)], tmp_path / "again"
    )  # fmt: skip
    assert same(steered, again)


def test_resumption_goes_on_as_it_was_steered(prior: Path, tmp_path: Path, monkeypatch) -> None:
    file = tmp_path / "steering.csv"
    file.write_text(f"{HEADER}2,{FIRST},5.0,0.2,0.9,0.5\n", encoding="utf-8")
    whole = started(prior, tmp_path / "whole", "--steering", str(file))
    follow = Steering.follow

    def stopped(self: Steering, controls: Controls, held: Controls, step: int) -> None:
        controls.stop = step == 5
        follow(self, controls, held, step)

    monkeypatch.setattr(Steering, "follow", stopped)
    begun = started(prior, tmp_path / "begun", "--steering", str(file))
    monkeypatch.undo()
    assert not same(whole, begun)
    run(["--resume", str(begun)])
    assert same(whole, begun)


def test_another_prompt_at_resumption_starts_the_round_anew(prior: Path, tmp_path: Path, monkeypatch) -> None:
    def evaluations(*more: str) -> tuple[int, Path]:
        follow = Steering.follow

        def stopped(self: Steering, controls: Controls, held: Controls, step: int) -> None:
            controls.stop = step == 6
            follow(self, controls, held, step)

        monkeypatch.setattr(Steering, "follow", stopped)
        folder = started(prior, tmp_path / f"run{len(more)}")
        monkeypatch.undo()
        run(["--resume", str(folder), *more])
        return json.loads((folder / "report.json").read_text(encoding="utf-8"))["denoiser_evaluations"], folder

    (same_prompt, _), (other, folder) = evaluations(), evaluations("--prompt", SECOND)
    assert other > same_prompt
    assert read_config(folder / "config.yaml").prompt == SECOND
    assert read_steering(folder / NAME) == [(0, Asked(FIRST)), (6, Asked(SECOND))]


def test_a_change_that_no_checkpoint_saw_is_made_again(tmp_path: Path) -> None:
    text = f"{HEADER}0,{FIRST},,,,\n3,{FIRST},7.0,,,\n40,{FIRST},9.0,,,2.0\n"
    (tmp_path / NAME).write_text(text, encoding="utf-8")
    steering, controls, held = Steering(tmp_path, Config(prompt=FIRST), 20, FIRST), Controls(), Controls()
    assert steering.last == Asked(FIRST, 7.0)
    assert steering.resume(controls) == "steered as before: guidance_scale 9, learning_rate 2"
    steering.follow(controls, held, 20)
    assert (held.guidance_scale, held.learning_rate, held.prompt) == (9.0, 2.0, FIRST)
    assert [step for step, _ in read_steering(tmp_path / NAME)] == [0, 3, 20]


def test_a_repeated_change_that_no_checkpoint_saw_waits_for_its_time(tmp_path: Path) -> None:
    """A run that repeats another's changes was killed behind two of them, and its last checkpoint is before both."""
    run, file = tmp_path / "run", tmp_path / "changes.csv"
    run.mkdir()
    file.write_text(f"{HEADER}0,{FIRST},,,,\n3,{FIRST},4.0,,,\n5,{SECOND},4.0,,,\n", encoding="utf-8")
    (run / NAME).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    steering = Steering(run, Config(prompt=SECOND), 2, SECOND, repeated=file)
    controls, held = Controls(), Controls()
    assert steering.resume(controls) is None
    for step, wanted in ((2, Asked(FIRST)), (3, Asked(FIRST, 4.0)), (4, Asked(FIRST, 4.0)), (5, Asked(SECOND, 4.0))):
        steering.follow(controls, held, step)
        assert Asked.of(held, SECOND) == wanted, step
    assert read_steering(run / NAME) == read_steering(file)


@pytest.mark.parametrize(
    "content", ["", "3", HEADER + "x,a,,,,\n", HEADER + "1,a,nan,,,\n", HEADER + "1,,,,,\n", HEADER + "1,a\n"]
)
def test_what_is_no_such_file_is_one_line(tmp_path: Path, content: str) -> None:
    path = tmp_path / NAME
    path.write_text(content, encoding="utf-8")
    if content in ("", "3"):
        assert read_steering(path) == []
        return
    with pytest.raises(ValueError, match=r"^steering: .*csv") as caught:
        read_steering(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="cannot be read"):
        read_steering(tmp_path)


@pytest.mark.parametrize("row", ["-1,a,,,,", "1,a,,,,-2"])
def test_neither_steps_nor_learning_rates_are_negative(tmp_path: Path, row: str) -> None:
    (tmp_path / NAME).write_text(f"{HEADER}{row}\n", encoding="utf-8")
    with pytest.raises(ValueError, match="line 2, is no row"):
        read_steering(tmp_path / NAME)


def test_a_spreadsheets_mark_before_the_header_is_skipped(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text(f"{HEADER}1,a,,,,\n", encoding="utf-8-sig")
    assert read_steering(tmp_path / NAME) == [(1, Asked("a"))]


def test_a_wrong_file_is_told_before_a_folder_is_made(prior: Path, tmp_path: Path, capsys) -> None:
    common = ["--prompt", FIRST, "--scene", "--model", str(prior), "--no-viewer", "--output", str(tmp_path / "runs")]
    assert main([*common, "--steering", str(tmp_path / "none.csv")]) == 2
    assert "none.csv cannot be read" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()
