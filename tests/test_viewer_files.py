"""Files in the viewer: every format, which way is up, and what happens while a large one is read. Without a browser."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
import typing
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from viewer_support import blob, eventually, moved

from gs_stein.command.view import Command, main
from gs_stein.gaussians.files import FORMATS, write_gaussians
from gs_stein.gaussians.formats.table import AXES
from gs_stein.gaussians.model import Gaussians
from gs_stein.live import remembered
from gs_stein.live.browse import browse
from gs_stein.live.disk import SUFFIXES, Source
from gs_stein.live.level import lies_on_its_side
from gs_stein.live.options import LiveOptions
from gs_stein.live.panels.up_control import words
from gs_stein.live.remembered import recall, remember
from gs_stein.live.rounds import Rounds
from gs_stein.live.server import close_server, open_server
from gs_stein.live.stage import Stage

ROOT = Path(__file__).resolve().parents[1]
BLUE = (0.1, 0.2, 0.9)


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory, monkeypatch) -> None:
    """Choices of these tests are kept apart from the user's own."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("home")))


def silent_ply(path: Path, gaussians: Gaussians, axes: str) -> Path:
    """A .ply without a word about its axes, as most are."""
    write_gaussians(path, gaussians, axes)
    data = path.read_bytes()
    lines = data.split(b"\n")
    path.write_bytes(b"\n".join(line for line in lines if not line.startswith(b"comment Vertical")))
    return path


def tall(rgb=BLUE) -> Gaussians:
    """A ball with one Gaussian high above it: tells up from everything else."""
    ball = blob(rgb, 60)
    ball.means[0] = torch.tensor([0.0, 0.0, 5.0])
    return ball


def peak(gaussians: Gaussians) -> list[int]:
    """Where the one Gaussian is that stands for up, in metres."""
    far = gaussians.means[gaussians.means.norm(dim=1).argmax()]
    return [round(v) for v in far.tolist()]


# What can be opened.
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_format_that_can_be_read_is_shown_upright(tmp_path, suffix):
    if suffix.startswith(".usd"):
        pytest.importorskip("pxr", reason="usd-core is not installed: pip install -e '.[dev]'")
    path = tmp_path / f"scene{suffix}"
    write_gaussians(path, tall())
    source = Source(path)
    loaded = source.load()
    assert loaded is not None
    assert len(loaded.gaussians) == 60
    assert peak(loaded.gaussians) == [0, 0, 5]
    assert (source.stem, source.is_run, source.finished) == ("scene", False, True)
    assert source.load() is None


def test_the_list_of_formats_is_the_tables_own():
    assert set(SUFFIXES) == {suffix for row in FORMATS if row.reads for suffix in row.suffixes}
    hints = typing.get_type_hints(Command, include_extras=False)
    assert set(typing.get_args(typing.get_args(hints["up"])[0])) == set(AXES)


def test_a_model_folder_shows_its_newest_iteration_and_is_followed(tmp_path):
    def iteration(number: int, count: int) -> Path:
        path = tmp_path / "point_cloud" / f"iteration_{number}" / "point_cloud.ply"
        path.parent.mkdir(parents=True)
        write_gaussians(path, blob(BLUE, count))
        return path

    iteration(7000, 20)
    iteration(30000, 30)
    source = Source(tmp_path)
    loaded = source.load()
    assert loaded is not None
    assert (len(loaded.gaussians), source.is_run, source.folder, source.name) == (30, False, tmp_path, tmp_path.name)
    newest = iteration(40000, 40)
    whole = newest.read_bytes()
    newest.write_bytes(whole[:-100])
    assert source.load() is None, "it may still be written"
    newest.write_bytes(whole + b"")
    os.utime(newest, ns=(1, 1))
    assert source.load() is None
    loaded = source.load()
    assert loaded is not None
    assert len(loaded.gaussians) == 40


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("gone.ply", None, f"no such file or folder; give a splat file ({', '.join(SUFFIXES)}), a 3DGS model folder"),
        ("notes.txt", b"hello", "no format of splats has this suffix; give one of .ply"),
        ("scan.xyz", b"0 0 0", "a point cloud can be a start (--init)"),
        ("page.html", b"<html>", "which is only written"),
        ("photo.ply", b"\x89PNG\r\n\x1a\n", "is really a PNG picture"),
        ("scene.spz", b"ply\nformat", "is really a .ply; rename it so"),
    ],
)
def test_cheap_faults_are_one_line_before_anything_is_served(tmp_path, capsys, name, content, words):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    assert main([str(path), "--port", "0"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(f"error: {path}: ")
    assert words in shown.err
    assert shown.err.count("\n") == 1


def test_a_truncated_file_ends_the_command_without_an_address(tmp_path, capsys):
    path = tmp_path / "cut.ply"
    write_gaussians(path, blob(BLUE, 60))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"cut\.ply: truncated"):
        browse([path], LiveOptions(port=0), threading.Event())
    assert "Viewer:" not in capsys.readouterr().out


def test_a_fault_of_a_file_that_was_replaced_is_said_once(tmp_path):
    path = tmp_path / "a.ply"
    write_gaussians(path, blob(BLUE, 60))
    source = Source(path)
    assert source.load() is not None
    path.write_text("ply\nnonsense")
    assert source.load() is None, "it may still be written"
    with pytest.raises(ValueError, match=r"a\.ply"):
        source.load()
    assert source.load() is None


# Which way is up.
def test_turning_there_and_back_changes_no_place(tmp_path):
    source = Source(silent_ply(tmp_path / "a.ply", tall(), "z-up"))
    loaded = source.load()
    assert loaded is not None
    assert loaded.up is not None
    assert (loaded.up.own, loaded.up.own_from, peak(loaded.gaussians)) == ("y-down", "format", [0, 5, 0])
    ways = {"z-up": [0, 0, 5], "y-up": [0, -5, 0], "y-down": [0, 5, 0]}
    for axes, place in ways.items():
        turned = source.turned(loaded, axes)
        assert (peak(turned.gaussians), source.up) == (place, axes)
        back = source.turned(turned, None)
        assert source.up is None
        assert torch.equal(back.gaussians.means, loaded.gaussians.means)


def test_a_choice_outranks_the_files_word_and_is_kept_when_it_changes(tmp_path):
    path = tmp_path / "a.ply"
    write_gaussians(path, tall(), "z-up")
    silent = Source(path).load()
    assert silent is not None
    assert silent.up is not None
    assert (silent.up.own_from, peak(silent.gaussians)) == ("comment", [0, 0, 5])
    source = Source(path, up="y-down")
    loaded = source.load()
    assert loaded is not None
    assert loaded.up is not None
    assert (loaded.up.used, loaded.up.own, peak(loaded.gaussians)) == ("y-down", "z-up", [0, 5, 0])
    write_gaussians(path, Gaussians.cat([tall(), tall()]), "z-up")
    assert source.load() is None
    again = source.load()
    assert again is not None
    assert peak(again.gaussians) == [0, 5, 0]


def test_choices_are_remembered_beyond_the_session_and_can_be_forgotten(tmp_path):
    path, other = tmp_path / "a.ply", tmp_path / "b.ply"
    assert recall(path) is None
    remember(path, "z-up")
    remember(other, "y-up")
    assert (recall(path), recall(other)) == ("z-up", "y-up")
    assert recall(tmp_path / "sub" / ".." / "a.ply") == "z-up"
    remember(path, None)
    assert (recall(path), recall(other)) == (None, "y-up")


@pytest.mark.parametrize(
    "content", [b"", b"{half", b"[1, 2]", b'{"a": 5, "b": ["z-up"]}', b"\xff\xfe\x00", b"[" * 50_000]
)
def test_a_damaged_store_is_no_obstacle_and_is_replaced(tmp_path, content):
    remembered.store().parent.mkdir(parents=True)
    remembered.store().write_bytes(content)
    assert recall(tmp_path / "a") is None
    remember(tmp_path / "a", "y-up")
    assert recall(tmp_path / "a") == "y-up"
    assert json.loads(remembered.store().read_text()) == {str(tmp_path / "a"): "y-up"}


def test_the_store_stays_small_and_forgets_the_oldest(tmp_path, monkeypatch):
    monkeypatch.setattr(remembered, "_MOST", 3)
    for i in range(5):
        remember(tmp_path / str(i), "z-up")
    assert [recall(tmp_path / str(i)) for i in range(5)] == [None, None, "z-up", "z-up", "z-up"]


def test_a_home_that_cannot_be_written_costs_the_memory_only(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "file"))
    with pytest.raises(ValueError, match="cannot be made") as error:
        remember(tmp_path / "a", "z-up")
    assert "\n" not in str(error.value)
    path = tmp_path / "a.ply"
    write_gaussians(path, tall())
    with browsing([path], up="z-up"):
        eventually(lambda: "--up is not remembered" in capsys.readouterr().err, "a word about it")


@contextmanager
def browsing(paths: list[Path], **options) -> Iterator[None]:
    """`viewer.py` on a thread, until the block ends."""
    ended = threading.Event()
    thread = threading.Thread(target=browse, args=(paths, LiveOptions(port=0), ended), kwargs=options)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(30)
        assert not thread.is_alive()


def test_the_command_line_says_up_and_it_is_kept_for_the_next_time(tmp_path, capsys):
    path = silent_ply(tmp_path / "a.ply", tall(), "z-up")
    with browsing([path], up="z-up"):
        eventually(lambda: recall(path) == "z-up", "the choice is kept")
    assert "Viewer: http://127.0.0.1:" in capsys.readouterr().out


@pytest.mark.parametrize("paths", [["run"], []])
def test_up_is_refused_where_there_is_no_file(tmp_path, capsys, paths):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.yaml").write_text("prompt: a red ball\n")
    assert main([*(str(tmp_path / path) for path in paths), "--up", "y-up", "--port", "0"]) == 2
    shown = capsys.readouterr().err
    assert shown.startswith("error: up: ")
    assert shown.count("\n") == 1


def test_up_concerns_the_file_that_is_compared_with_a_run(tmp_path):
    run, path = tmp_path / "run", silent_ply(tmp_path / "a.ply", tall(), "z-up")
    run.mkdir()
    (run / "config.yaml").write_text("prompt: a red ball\n")
    write_gaussians(run / "point_cloud.ply", tall())
    with browsing([run, path], up="z-up"):
        eventually(lambda: recall(path) == "z-up", "the choice is kept")
    assert recall(run) is None


def box(width: float, depth: float, height: float) -> Gaussians:
    """The surface of a box, metres: a meadow, a room, a shelf."""
    g = torch.Generator().manual_seed(0)
    points, side = 2 * torch.rand(6000, 3, generator=g) - 1, torch.randint(3, (6000,), generator=g)
    points[torch.arange(6000), side] = points[torch.arange(6000), side].sign()
    scene = blob(BLUE, 6000)
    scene.means[:] = points * torch.tensor([width, depth, height]) / 2
    return scene


@pytest.mark.parametrize(
    ("size", "told"), [((30.0, 25.0, 3.0), True), ((5.0, 4.4, 2.6), True), ((0.9, 0.3, 1.5), False)]
)
def test_meadows_and_rooms_on_their_sides_are_noticed_and_shelves_left_alone(tmp_path, size, told):
    upright = box(*size)
    for axes in AXES:
        assert lies_on_its_side(upright, axes) == ()
    source = Source(silent_ply(tmp_path / "a.ply", upright, "z-up"))
    loaded = source.load()
    assert loaded is not None
    assert loaded.up is not None
    assert loaded.up.better == (("z-up",) if told else ())
    assert loaded.up.used == "y-down", "it is a hint and turns nothing"
    turned = source.turned(loaded, "z-up")
    assert turned.up is not None
    assert turned.up.better == ()
    with staged() as stage:
        lines = stage.open([Source(tmp_path / "a.ply")])
        hint = "a.ply: seems to lie on its side; choose Up: z up"
        assert lines == ([hint] if told else [])
        assert ("seems to lie on its side" in stage._title.content) == told


def test_what_a_file_says_itself_is_not_doubted(tmp_path):
    write_gaussians(tmp_path / "a.ply", box(3.0, 25.0, 30.0))
    write_gaussians(tmp_path / "b.ply", box(30.0, 3.0, 25.0))
    for name in ("a.ply", "b.ply"):
        loaded = Source(tmp_path / name).load()
        assert loaded is not None
        assert loaded.up is not None
        assert (loaded.up.own_from, loaded.up.better) == ("comment", ())


def test_few_or_faint_gaussians_say_nothing():
    meadow = box(30.0, 3.0, 25.0)
    assert lies_on_its_side(meadow, "y-down") == ("z-up",)
    assert lies_on_its_side(meadow, "z-up") == ("y-down", "y-up")
    assert lies_on_its_side(meadow[:50], "y-down") == ()
    meadow.opacity_logits[:] = -9.0
    assert lies_on_its_side(meadow, "y-down") == ()


# The page.
@contextmanager
def staged(*sources: Source) -> Iterator[Stage]:
    server = open_server("127.0.0.1", 0, "test")
    stage = Stage(server, LiveOptions(port=0))
    try:
        if sources:
            stage.open(list(sources))
        yield stage
    finally:
        stage.close()
        close_server(server)


def test_the_control_turns_the_scene_moves_the_camera_home_and_is_remembered(tmp_path):
    path = silent_ply(tmp_path / "a.ply", tall(), "z-up")
    with staged(Source(path)) as stage:
        control = stage._ups[0]._choice
        assert control.visible
        assert not stage._ups[1]._choice.visible
        assert control.options == ("Automatic (y down, usual)", *(words(axes) for axes in AXES))
        before = stage._camera.home
        moved(control, "z up")
        assert stage.poll()
        assert peak(scene_of(stage)) == [0, 0, 5]
        assert stage._camera.home != before
        assert stage._server.initial_camera.position == pytest.approx(stage._camera.home.position)
        assert recall(path) == "z-up"
        assert not stage.poll()
    with staged(Source(path, recall(path))) as stage:
        control = stage._ups[0]._choice
        assert (control.value, peak(scene_of(stage))) == ("z up", [0, 0, 5])
        moved(control, control.options[0])
        assert stage.poll()
        assert peak(scene_of(stage)) == [0, 5, 0]
        assert recall(path) is None
        moved(control, "<script>")  # a client may send anything
        stage.poll()
        assert peak(scene_of(stage)) == [0, 5, 0]
        assert control.value == control.options[0]


def scene_of(stage: Stage, number: int = 0) -> Gaussians:
    loaded = stage._pair()[number]
    assert loaded is not None
    return loaded.gaussians


def test_two_files_have_each_their_own_up(tmp_path):
    first, second = silent_ply(tmp_path / "a.ply", tall(), "z-up"), tmp_path / "b.spz"
    write_gaussians(second, tall())
    with staged(Source(first), Source(second)) as stage:
        labels = [control._choice.value for control in stage._ups]
        assert labels == ["Automatic (y down, usual)", "Automatic (y up, usual)"]
        home = stage._camera.home
        moved(stage._ups[1]._choice, "y down")
        assert stage.poll()
        assert (peak(scene_of(stage, 0)), peak(scene_of(stage, 1))) == ([0, 5, 0], [0, 0, -5])
        assert stage._camera.home == home
        moved(stage._ups[0]._choice, "z up")
        assert stage.poll()
        assert (peak(scene_of(stage, 0)), peak(scene_of(stage, 1))) == ([0, 0, 5], [0, 0, -5])
        assert (recall(first), recall(second)) == ("z-up", "y-down")


def test_runs_have_no_such_control(tmp_path):
    (tmp_path / "config.yaml").write_text("prompt: a red ball\n")
    write_gaussians(tmp_path / "point_cloud.ply", tall())
    with staged(Source(tmp_path)) as stage:
        assert not any(control._choice.visible for control in stage._ups)
        assert peak(scene_of(stage)) == [0, 0, 5]


def test_notes_are_shown_and_printed(tmp_path):
    path = tmp_path / "a.ply"
    scene = blob(BLUE, 60)
    write_gaussians(path, scene)
    data = bytearray(path.read_bytes())
    start = data.index(b"end_header\n") + len(b"end_header\n")
    data[start : start + 4] = np.float32(math.nan).tobytes()
    path.write_bytes(data)
    with staged() as stage:
        lines = stage.open([Source(path)])
        assert lines == ["a.ply: 1 of 60 Gaussians have a NaN or infinite number and are left out"]
        assert "1 of 60 Gaussians have a NaN" in stage._title.content


@pytest.mark.parametrize("name", ["scene.spz", "Röhre (1).compressed.ply", "scene.SOG", "scene.glb"])
def test_uploads_of_every_format_are_taken(tmp_path, name):
    path = tmp_path / name.lower()
    write_gaussians(path, tall())
    with staged() as stage:
        stage._upload(name, path.read_bytes())
        assert stage.poll()
        assert peak(scene_of(stage)) == [0, 0, 5]
        assert stage._folder() is None, "files made of it are offered to the browser only"
        assert not stage.poll()
        moved(stage._ups[0]._choice, "z up")
        assert stage.poll()
        assert not remembered.store().exists()
        assert not [file for file in Path(stage._uploads.name).rglob("*") if file.is_file()]


@pytest.mark.parametrize("name", ["cut.ply", "cut.spz", "disguised.sog", "notes.txt", "page.html", "../../up.ply", ""])
def test_bad_uploads_are_refused_and_leave_what_is_shown(tmp_path, monkeypatch, name):
    from gs_stein.live import stage as module

    said: list[str] = []
    monkeypatch.setattr(module, "notify", lambda server, title, body, *_: said.append(f"{title}: {body}"))
    shown = tmp_path / "shown.ply"
    write_gaussians(shown, tall())
    content = b"hello"
    if name.startswith("cut"):
        write_gaussians(tmp_path / name, tall())
        content = (tmp_path / name).read_bytes()[:-30]
    elif name == "disguised.sog":
        content = shown.read_bytes()
    with staged(Source(shown)) as stage:
        stage._upload(name, content)
        assert not stage.poll()
        assert len(said) == 1
        assert said[0].startswith("Refused: ")
        assert "\n" not in said[0]
        assert stage._uploads.name not in said[0]
        assert "shown.ply" in stage._title.content
        assert not [file for file in Path(stage._uploads.name).rglob("*") if file.is_file()]


def test_a_reader_that_fails_on_an_upload_does_not_end_the_page(tmp_path, monkeypatch):
    from gs_stein.live import disk

    def fail(_: Path) -> None:
        raise EOFError

    write_gaussians(tmp_path / "a.sog", tall())
    with staged() as stage:
        stage._upload("a.sog", (tmp_path / "a.sog").read_bytes())
        with monkeypatch.context() as patched:
            patched.setattr(disk, "read_scene", fail)
            assert not stage.poll()
        assert "Nothing opened yet" in stage._title.content


# Long work.
def test_rounds_hand_over_their_faults_and_end_whatever_they_are_busy_with():
    def fail() -> None:
        raise ValueError("broken on purpose")

    ended = threading.Event()
    rounds = Rounds(ended, fail, fail)
    with pytest.raises(ValueError, match="on purpose"):
        rounds.begun(30.0)
    assert ended.is_set()
    ended, release = threading.Event(), threading.Event()
    rounds = Rounds(ended, release.wait, fail)
    try:
        rounds.begun(0.01)  # still busy: no fault
        ended.set()
        before = time.monotonic()
        rounds.wait()
        assert time.monotonic() - before < 10
    finally:
        release.set()


def test_ctrl_c_is_answered_while_a_file_is_read(tmp_path):
    path = tmp_path / "a.ply"
    write_gaussians(path, blob(BLUE, 60))
    slow = "import gs_stein.live.disk as disk, sys, time; disk.read_scene = lambda *_: time.sleep(300); "
    code = slow + "from gs_stein.command.view import main; sys.exit(main(sys.argv[1:]))"
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(path), "--port", "0"], cwd=ROOT, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("Viewer: ")
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, errors) == (0, "")
