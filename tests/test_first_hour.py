"""The first hour of somebody new, task by task, as README has it: each from the command line to what it leaves."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from test_page import chromium as chromium
from test_page import opened, picture, psnr
from test_steering import FIRST, SECOND, run, started
from tiny_bundled import tiny_bundled
from viewer_support import PATIENCE, click, eventually

from gs_stein import doctor
from gs_stein.config.serialize import read_config
from gs_stein.export.__main__ import main as export
from gs_stein.gaussians.files import read_gaussians
from gs_stein.live import poses
from gs_stein.live.manage import steps_to_go
from gs_stein.optimize.step import Controls
from gs_stein.prior.checkpoints.registry import bundled_folder
from gs_stein.render.__main__ import main as render
from gs_stein.run.steering import NAME, Steering
from gs_stein.types import Cameras

ROOT = Path(__file__).parents[1]
FOREIGN = "a xylophone made of quinoa"


@pytest.fixture(scope="module")
def prior(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny network that says of itself that it knows what the bundled one knows."""
    folder = tiny_bundled(tmp_path_factory.mktemp("prior"))
    shutil.copytree(bundled_folder() / "captions", folder / "captions")
    return folder


@pytest.fixture(scope="module")
def room(prior: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of the first command."""
    return started(prior, tmp_path_factory.mktemp("runs"))


@contextmanager
def serving(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A command that serves a page, and the page's address; stopped as by Ctrl-C."""
    process = subprocess.Popen(
        [sys.executable, "-u", *arguments, "--port", "0"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        found = next(filter(None, (re.match(r"Viewer: (http://\S+)", line) for line in process.stdout)))
        yield process, found[1]
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)


@contextmanager
def page_at(chromium, address: str) -> Iterator:
    """A page of the browser, as large as a laptop's window."""
    page = chromium.new_page()
    try:
        page.set_viewport_size({"width": 1280, "height": 800})
        page.goto(f"{address}/?fixedDpr=1")
        yield page
    finally:
        page.close()


def test_1_the_doctor_says_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor.main([]) == 0
    said = capsys.readouterr().out
    assert re.search("^ok +packages +Python .*required packages", said)
    assert "FAIL" not in said


def test_2_the_first_command_leaves_a_scene_and_says_where(prior: Path, tmp_path: Path, capsys) -> None:
    folder = started(prior, tmp_path)
    assert {"point_cloud.ply", "preview.png", "config.yaml", "report.json"} <= {path.name for path in folder.iterdir()}
    assert re.search(rf"^look +gs-stein view {re.escape(str(folder))}$", capsys.readouterr().out, re.MULTILINE)


def test_3_a_prompt_from_outside_its_world_is_told_before_minutes_are_spent(prior: Path, tmp_path: Path, capsys):
    started(prior, tmp_path / "known")
    known = capsys.readouterr().out
    started(prior, tmp_path / "foreign", "--prompt", FOREIGN)
    foreign = capsys.readouterr().out
    assert "the nearest thing it knows" not in known
    assert foreign.index("the nearest thing it knows") < foreign.index("\nfolder ")


def test_4_and_5_a_stopped_run_goes_on_also_with_another_prompt(prior: Path, tmp_path: Path, monkeypatch) -> None:
    follow = Steering.follow

    def stopped(self: Steering, controls: Controls, held: Controls, step: int) -> None:
        controls.stop = step == 5
        follow(self, controls, held, step)

    monkeypatch.setattr(Steering, "follow", stopped)
    same, other = started(prior, tmp_path / "same"), started(prior, tmp_path / "other")
    monkeypatch.undo()
    assert steps_to_go(same) == steps_to_go(other) == (5, 8)
    run(["--resume", str(same)])
    run(["--resume", str(other), "--prompt", SECOND])
    for folder, prompt in ((same, FIRST), (other, SECOND)):
        assert steps_to_go(folder) == (8, 8)
        assert read_config(folder / "config.yaml").prompt == prompt
        assert json.loads((folder / "report.json").read_text(encoding="utf-8"))["prompt"] == prompt
    scenes = [read_gaussians(folder / "point_cloud.ply").sh for folder in (same, other)]
    assert scenes[0].shape != scenes[1].shape or bool((scenes[0] != scenes[1]).any())


@pytest.mark.slow
def test_6_another_prompt_on_the_page_while_it_runs(chromium, prior: Path, tmp_path: Path) -> None:
    line = (
        "train.py", "--prompt", FOREIGN, "--object", "--model", str(prior), "--iterations", "100000", "--start.count",
        "200", "--cameras.resolution", "32", "--no-score", "--video-frames", "0", "--serve", "no", "--output",
        str(tmp_path),
    )  # fmt: skip
    with serving(*line) as (process, address), page_at(chromium, address) as page:
        page.wait_for_function(f"document.title == '{FOREIGN} – gs_stein'", timeout=PATIENCE * 1000)
        page.get_by_text("the nearest thing it knows").first.wait_for(timeout=PATIENCE * 1000)
        offers = page.get_by_role("button", name=re.compile("^(a|an|the) "))
        offered = offers.first.inner_text()
        click(offers)
        (folder,) = tmp_path.iterdir()
        eventually(lambda: (folder / NAME).is_file() and offered in (folder / NAME).read_text(), "it is noted")
        click(page.get_by_role("button", name="Stop and save"))
        process.communicate(timeout=PATIENCE)
    assert read_config(folder / "config.yaml").prompt == offered
    assert json.loads((folder / "report.json").read_text(encoding="utf-8"))["prompt"] == offered


@pytest.mark.slow
def test_7_the_exported_page_shows_from_the_disk_what_our_rasterizer_draws(chromium, room: Path, tmp_path) -> None:
    page_file = tmp_path / "room.html"
    assert export([str(room), "-o", str(page_file)]) == 0
    scene = read_gaussians(room / "point_cloud.ply")
    with opened(chromium, page_file) as page:
        for position in ([0, 0, 1.4], [0.5, -0.5, 1.2]):
            view = {"name": "", "position": position, "target": [0, 2, 1], "fov": 1.2}
            page.evaluate("view => splats.go(view)", view)
            at = np.array(position)
            eventually(lambda at=at: np.allclose(page.evaluate("splats.camera().position"), at, atol=1e-6), "there")
            seen = picture(page, tmp_path)
            camera = page.evaluate("splats.camera()")
            pose = poses.Pose((*map(float, position),), (0.0, 2.0, 1.0), camera["fov"])  # type: ignore[arg-type]
            cameras = poses.camera_at(pose, *seen.shape[1::-1])
            assert isinstance(cameras, Cameras)
            want = poses.picture(scene, cameras, "RGB", page.evaluate("settings.background")) / 255
            assert psnr(seen, want) > 35


@pytest.mark.slow
def test_8_and_9_results_are_found_opened_and_compared(chromium, room: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(room, other)
    settings = (other / "config.yaml").read_text(encoding="utf-8").replace(FIRST, SECOND)
    (other / "config.yaml").write_text(settings, encoding="utf-8")
    with (
        serving("viewer.py", str(room), str(other)) as (_, address),
        page_at(chromium, address) as page,
    ):
        named = f"document.title.startsWith('{FIRST} | {SECOND}')"
        page.wait_for_function(named, timeout=PATIENCE * 1000)
        page.get_by_text("Compare").first.wait_for(timeout=PATIENCE * 1000)


def test_10_a_film_along_a_path(room: Path, tmp_path: Path) -> None:
    film = tmp_path / "walk.mp4"
    assert render([str(room), "-o", str(film), "--frames", "4", "--size", "64", "64"]) == 0
    assert film.stat().st_size > 500
