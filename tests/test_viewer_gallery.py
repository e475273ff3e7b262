"""The studio's gallery: what lies in folders of runs, whole or damaged, and how rarely it is looked at."""

from __future__ import annotations

import os
import struct
import sys
import zlib
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import viser
from PIL import Image
from viewer_support import blob, eventually

from gs_stein.gaussians.formats.ply import write_ply
from gs_stein.live import gallery, html
from gs_stein.live.gallery import RunList, preview
from gs_stein.live.jobs import Job
from gs_stein.live.options import LiveOptions
from gs_stein.live.server import close_server, open_server
from gs_stein.live.studio import EXAMPLE, Studio


def run_in(output: Path, name: str, picture: bool = True) -> Path:
    run = output / name
    run.mkdir(parents=True)
    (run / "config.yaml").write_text("prompt: a red ball\n")
    write_ply(run / "point_cloud.ply", blob((1.0, 0.0, 0.0), 10))
    if picture:
        Image.new("RGB", (64, 32), "red").save(run / "preview.png")
    return run


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def headed(width: int, height: int) -> bytes:
    """The beginning of a picture that says how large it is, and hardly any of its content."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\x00" * 16)) + chunk(b"IEND", b"")


def whole() -> bytes:
    import io

    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 40, 3), dtype=np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


DAMAGED = {
    "empty": b"",
    "text": b"hello",
    "cut": whole()[:500],
    "header only": whole()[:20],
    "turned bytes": whole()[:60] + bytes(b ^ 0xFF for b in whole()[60:400]) + whole()[400:],
    "too many pixels": headed(60_000, 60_000),
    "more than is shown": headed(8_000, 8_000),
    "no pixels": headed(0, 10),
    "a bad chunk": whole()[:33] + chunk(b"zTXt", b"a" * 40) + whole()[33:],
    "no palette": b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 4, 8, 3, 9, 9, 9)),
}


@contextmanager
def studio(output: Path):
    server = open_server("127.0.0.1", 0, "test")
    page = Studio(server, output, LiveOptions(port=0))
    try:
        yield page
    finally:
        page.close()
        close_server(server)


def test_whatever_a_preview_is_the_studio_and_its_run_go_on(tmp_path):
    for name, content in DAMAGED.items():
        (run_in(tmp_path, f"run {name}", picture=False) / "preview.png").write_bytes(content)
    (run_in(tmp_path, "a folder", picture=False) / "preview.png").mkdir()
    os.mkfifo(run_in(tmp_path, "a pipe", picture=False) / "preview.png")
    (run_in(tmp_path, "nowhere", picture=False) / "preview.png").symlink_to("nothing")
    for limit in (8, 100):
        runs = RunList(tmp_path).latest(limit)
        assert len(runs) == min(limit, len(DAMAGED) + 3)
        assert all(preview(run) is None for run in runs if run.name != "run a bad chunk")
    with studio(tmp_path) as page:
        page.job = Job([sys.executable, "-c", "import time; time.sleep(600)"])
        for _ in range(3):
            page.poll()
            page.gallery.refresh(at_once=True)
        assert page.job.going
        assert len(page.gallery.listed) == 8


def test_a_preview_is_small_whatever_its_shape(tmp_path, monkeypatch):
    run = run_in(tmp_path, "run")
    shown = preview(run)
    assert shown is not None
    assert shown.shape == (160, 320, 3)
    assert (shown == (255, 0, 0)).all()
    Image.new("L", (1, 9000)).save(run / "preview.png")
    shown = preview(run)
    assert shown is not None
    assert shown.shape == (1280, 320, 3)
    monkeypatch.setattr(gallery, "_BYTES", 20)
    assert preview(run) is None
    monkeypatch.undo()
    Image.new("RGB", (8, 8)).save(run / "preview.png", format="BMP")
    assert preview(run) is None


def test_settings_that_cannot_be_read_are_a_note_and_no_end(tmp_path):
    run = run_in(tmp_path, "run")
    with studio(tmp_path) as page:
        for content in (b"prompt: [", b"\xff\xfe", b"- 1", b"cameras: {kind: 3}", b"prompt: [" * 50, b"iterations: {}"):
            (run / "config.yaml").write_bytes(content)
            page._ask_for(run)
            page.poll()
            assert page.stage._sources == []
        (run / "config.yaml").write_text("prompt: a ball\n")
        (run / "metrics.csv").write_text(
            "step,gradient\n1," + "9" * 200_000 + "\n"
        )  # a field longer than a reader takes
        page._ask_for(run)
        page.poll()
        page.poll()


def test_only_what_has_changed_is_looked_at_again(tmp_path, monkeypatch):
    looked: list[str] = []
    decoded: list[str] = []
    look, decode = gallery._set_up, gallery.preview
    monkeypatch.setattr(gallery, "_set_up", lambda folder: (looked.append(folder.name), look(folder))[1])
    monkeypatch.setattr(gallery, "preview", lambda run, *rest: (decoded.append(run.name), decode(run, *rest))[1])
    for i in range(3):
        run_in(tmp_path, f"run-{i}")
        os.utime(tmp_path / f"run-{i}" / "config.yaml", ns=(0, 10**9 * (i + 1)))
    (tmp_path / "notes").mkdir()
    (tmp_path / "file.txt").write_text("x")
    with studio(tmp_path) as page:
        assert [run.name for run, _ in page.gallery.listed] == ["run-2", "run-1", "run-0"]
        assert sorted(looked) == ["notes", "run-0", "run-1", "run-2"]
        assert sorted(decoded) == ["run-0", "run-1", "run-2"]
        looked.clear()
        decoded.clear()
        for _ in range(3):
            page.gallery.refresh(at_once=True)
        assert looked == ["notes"] * 3, "a folder without a scene may get its first checkpoint"
        assert decoded == []
        Image.new("RGB", (64, 32), "blue").save(tmp_path / "run-1" / "other.png")
        os.replace(tmp_path / "run-1" / "other.png", tmp_path / "run-1" / "preview.png")
        run_in(tmp_path, "run-3", picture=False)
        page.gallery.refresh(at_once=True)
        assert sorted(decoded) == ["run-1", "run-3"]
        assert page.gallery.listed[0][0].name == "run-3"
        (tmp_path / "run-2").rename(tmp_path.parent / "elsewhere")
        (tmp_path / "notes" / "checkpoints").mkdir()
        (tmp_path / "notes" / "config.yaml").write_text("prompt: x\n")
        (tmp_path / "notes" / "checkpoints" / "step_0000020.pt").write_bytes(b"x")
        page.gallery.refresh(at_once=True)
        names = [run.name for run, _ in page.gallery.listed]
        assert "run-2" not in names
        assert "notes" in names


def test_looking_takes_a_small_share_of_the_time(tmp_path, monkeypatch):
    with studio(tmp_path / "not yet there") as page:
        calls = []
        latest = page.gallery._runs.latest

        def slow(*limit: int) -> list[Path]:
            calls.append(gallery.time.monotonic())
            eventually(lambda: gallery.time.monotonic() > calls[-1] + 0.1, "a slow disk")
            return latest(*limit)

        monkeypatch.setattr(page.gallery._runs, "latest", slow)
        page.gallery.refresh(at_once=True)
        for _ in range(5):
            page.gallery.refresh()
        assert len(calls) == 1
        assert page.gallery._due > calls[0] + 0.1 / gallery._SHARE


def test_names_and_texts_that_no_browser_could_be_sent(tmp_path):
    run = run_in(tmp_path, os.fsdecode(b"r\xfcn"))
    (run / "config.yaml").write_text('prompt: "half a \\ud800 character"\n')
    assert html.printable("\ud800") == "?"
    assert len(html.printable("x" * 10**6)) == html.LONGEST
    with studio(tmp_path) as page:
        page._ask_for(run)
        page.poll()
        assert page.stage._sources[0].path == run
        assert "half a ? character" in page.stage._title.content
        page.stage._title.content.encode()
        (folder,) = page.gallery._folders
        (name,) = [child.content for child in folder._children.values() if isinstance(child, viser.GuiHtmlHandle)]
        assert name == html.heading("r?n")


def test_the_studio_begins_with_the_last_run_and_an_empty_stage_only_where_there_is_none(tmp_path):
    with studio(tmp_path) as page:
        page.poll()
        assert page.stage._sources[0].path == EXAMPLE
        assert "an example that comes with gs_stein" in page.stage._title.content
        assert len(page.stage._first_gaussians() or ()) > 10_000
        assert page.stage._folder() is None, "nothing is written into the package"
        assert EXAMPLE.stat().st_size <= 1_500_000
    for i, name in enumerate(("older", "newer", "damaged")):
        os.utime(run_in(tmp_path, name) / "config.yaml", ns=(0, 10**9 * (i + 1)))
    with studio(tmp_path) as page:
        page.poll()
        assert page.stage._sources[0].name == "damaged"
    (tmp_path / "damaged" / "config.yaml").write_text("prompt: [")
    with studio(tmp_path) as page:
        page.poll()
        assert page.stage._sources == []
        page._ask_for(tmp_path / "newer")
        page.poll()
        assert page.stage._sources[0].name == "newer"


@pytest.mark.parametrize("name", ["config.yaml", "point_cloud.ply"])
def test_a_folder_that_lacks_a_file_is_no_run(tmp_path, name):
    run = run_in(tmp_path, "run")
    runs = RunList(tmp_path)
    assert runs.latest() == [run]
    (run / name).unlink()
    assert runs.latest() == []
