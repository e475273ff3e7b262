"""What browsers send to the controls of a page: anything; what everybody sees afterwards: values within bounds."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Iterator
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest
import viser
import zstandard
from viewer_support import PATIENCE, change, eventually, fake_training, hello, socket_of
from viser._gui_handles import GuiProgressBarHandle

from gs_stein.cameras.options import OrbitCameras
from gs_stein.live import inputs
from gs_stein.live.inputs import LONGEST_TEXT, MAX_UPLOAD, within_bounds
from gs_stein.live.options import LiveOptions
from gs_stein.live.panels.camera_tab import CameraTab
from gs_stein.live.poses import Pose, bounded, browser_camera
from gs_stein.live.run_view import Live
from gs_stein.live.server import close_server, open_server
from gs_stein.live.stage import Stage
from gs_stein.live.studio import Studio
from gs_stein.optimize.step import Controls

ANYTHING = (
    1e300, -1e300, math.nan, math.inf, -math.inf, 2**63, -1, 0, True, None, "", "x" * 5000, "a\x00b\x1b[2J",
    [], {}, [1e300, math.nan], [math.inf, -math.inf], [0.9, 0.1], [1, 2, 3], ["a", "b"], [[1]], b"\xff", {"a": 1},
)  # fmt: skip


@contextlib.contextmanager
def page(kind: str, folder) -> Iterator[viser.ViserServer]:
    if kind == "live":
        with Live(Controls(), "a ball", OrbitCameras(), options=LiveOptions(port=0), folder=folder) as live:
            live.publish(next(fake_training(1, count=20, resolution=8)))
            yield live.server
        return
    server = open_server("127.0.0.1", 0, "test")
    shown = Stage(server, LiveOptions(port=0)) if kind == "stage" else Studio(server, folder, LiveOptions(port=0))
    try:
        yield server
    finally:
        shown.close()
        close_server(server)


def inputs_of(server: viser.ViserServer) -> list:
    """Every control that holds a value; buttons and progress bars hold none."""
    handles = server.gui._gui_input_handle_from_uuid.values()
    return [h for h in handles if not h._impl.is_button and not isinstance(h, GuiProgressBarHandle)]


def replayed(server: viser.ViserServer) -> dict[str, object]:
    """What a page that comes late is told of the values of all controls."""
    values: dict[str, object] = {}
    with socket_of(server) as socket:
        while True:
            raw = socket.recv(timeout=PATIENCE)
            assert isinstance(raw, bytes)
            packed = raw[16 : 16 + int.from_bytes(raw[8:16], "little")]
            for message in msgspec.msgpack.decode(zstandard.ZstdDecompressor().decompress(packed))["messages"]:
                if message["type"] == "ReplayDoneMessage":
                    return values
                if message["type"] == "GuiUpdateMessage" and "value" in message["updates"]:
                    values[message["uuid"]] = message["updates"]["value"]


@pytest.mark.parametrize("kind", ["live", "stage", "studio"])
def test_whatever_is_sent_to_any_control_the_page_goes_on_for_everybody(kind, tmp_path):
    with page(kind, tmp_path) as server:
        probe = server.gui.add_text("probe", "")
        controls = [handle for handle in inputs_of(server) if handle is not probe]
        assert len(controls) >= 5
        before = {handle._impl.uuid: dataclasses.asdict(handle._impl.props) for handle in controls}
        with socket_of(server) as socket:
            socket.send(hello())
            eventually(server.get_clients, "somebody is there")
            for handle in controls:
                for value in ANYTHING:
                    socket.send(change(handle._impl.uuid, value))
                for name in ("visible", "removed", "props", "update_cb", "sync_cb", "is_button", "uuid", "nonsense"):
                    socket.send(change(handle._impl.uuid, 1, name))
                socket.send(change("no-such-control", 1))
            socket.send(change(probe._impl.uuid, "done"))
            eventually(lambda: probe.value == "done", "all of them are taken in")
        for handle in controls:
            if isinstance(handle, viser.GuiUploadButtonHandle):
                continue
            assert within_bounds(handle, handle._impl.value) == handle._impl.value, handle
            assert not handle._impl.removed
            assert set(dataclasses.asdict(handle._impl.props)) == set(before[handle._impl.uuid])
        told = replayed(server)
        for handle in controls:
            if (value := told.get(handle._impl.uuid)) is not None:
                value = tuple(value) if isinstance(value, list) else value
                assert value == within_bounds(handle, value), handle


@pytest.mark.slow
def test_values_are_brought_to_the_nearest_that_fits_also_where_they_were_typed():
    server = open_server("127.0.0.1", 0, "test")
    try:
        gui = server.gui
        seconds, seed = gui.add_number("Seconds", 6.0, min=1.0, max=60.0), gui.add_number("Seed", 0, min=0, max=99)
        free, kind = gui.add_number("Free", 0.0), gui.add_dropdown("Kind", ("a", "b"))
        text, flag = gui.add_text("Text", ""), gui.add_checkbox("Flag", False)
        pair = gui.add_multi_slider("Pair", 0.0, 1.0, 0.01, (0.2, 0.8))
        sent = [
            (seconds, 1e300, 60.0), (seconds, -5, 1.0), (seconds, math.nan, 1.0), (seconds, 7, 7.0), (seed, 1e300, 99),
            (seed, 3.0, 3), (seed, "4", 3), (free, -math.inf, -1e9), (kind, "c", "a"), (kind, "b", "b"), (kind, 1, "b"),
            (text, "a\tb\nc\x00\x7fd", "a\tb\ncd"), (text, "é" * 5000, "é" * LONGEST_TEXT), (text, 1, "é" * 4000),
            (flag, 1, True), (pair, [0.9, 0.1], (0.1, 0.9)), (pair, [5, -5], (0.0, 1.0)), (pair, [0.5], (0.0, 1.0)),
        ]  # fmt: skip
        changed = []
        seconds.on_update(lambda event: changed.append(event.target.value))
        with socket_of(server) as socket:
            socket.send(hello())
            eventually(server.get_clients, "somebody is there")
            for i, (handle, value, expected) in enumerate(sent):
                probe = gui.add_text(f"probe {i}", "")
                socket.send(change(handle._impl.uuid, value))
                socket.send(change(probe._impl.uuid, "done"))
                eventually(lambda probe=probe: probe.value == "done", "taken in")
                assert handle.value == expected, (i, value)
                assert type(handle.value) is type(expected)
            eventually(lambda: len(changed) == 3, "those that changed something are told")
        told = replayed(server)
        assert told[seconds._impl.uuid] == 7.0
        assert told[pair._impl.uuid] == [0.0, 1.0]
    finally:
        close_server(server)


def test_the_page_that_sent_too_much_is_told_what_holds():
    server = open_server("127.0.0.1", 0, "test")
    try:
        seconds = server.gui.add_number("Seconds", 6.0, min=1.0, max=60.0)
        with socket_of(server) as socket:
            socket.send(change(seconds._impl.uuid, 1e300))
            while True:
                raw = socket.recv(timeout=PATIENCE)
                assert isinstance(raw, bytes)
                packed = raw[16 : 16 + int.from_bytes(raw[8:16], "little")]
                messages = msgspec.msgpack.decode(zstandard.ZstdDecompressor().decompress(packed))["messages"]
                if {"type": "GuiUpdateMessage", "uuid": seconds._impl.uuid, "updates": {"value": 60.0}} in messages:
                    return
    finally:
        close_server(server)


def start(source: str, transfer: str, size: int, parts: int, name: str = "a.ply") -> bytes:
    return msgspec.msgpack.encode({
        "type": "FileTransferStartUpload", "source_component_uuid": source, "transfer_uuid": transfer, "filename": name,
        "mime_type": "", "part_count": parts, "size_bytes": size,
    })  # fmt: skip


def part(source: str, transfer: str, index: int, content: bytes) -> bytes:
    return msgspec.msgpack.encode({
        "type": "FileTransferPart", "source_component_uuid": source, "transfer_uuid": transfer, "part_index": index,
        "content": content,
    })  # fmt: skip


def test_uploads_are_for_upload_buttons_bounded_together_and_their_senders_own(monkeypatch):
    monkeypatch.setattr(inputs, "MAX_UPLOAD", 1000)
    server = open_server("127.0.0.1", 0, "test")
    try:
        gui = server.gui
        slider, button, probe = gui.add_slider("S", 0, 9, 1, 5), gui.add_upload_button("U"), gui.add_text("probe", "")
        source, got = button._impl.uuid, []
        button.on_upload(lambda event: got.append((event.target.value.name, event.target.value.content)))

        def taken(*messages: bytes, by) -> None:
            for message in messages:
                by.send(message)
            mark = str(int(probe.value or "0") + 1)
            by.send(change(probe._impl.uuid, mark))
            eventually(lambda: probe.value == mark, "taken in")

        with socket_of(server) as one, socket_of(server) as other:
            one.send(hello())
            eventually(server.get_clients, "somebody is there")
            taken(start(slider._impl.uuid, "a", 0, 0), by=one)
            taken(start(source, "b", 1001, 1), start(source, "c", 500, 400), start(source, "d", -1, 1), by=one)
            taken(start(source, "e", 5, 0), start(source, "f" * 999, 5, 1), start(source, "g", 5, 1, "n" * 999), by=one)
            assert slider.value == 5
            assert not gui._current_file_upload_states
            taken(start(source, "h", 600, 1), start(source, "i", 600, 1), by=one)
            taken(start(source, "h", 3, 1), part(source, "h", 0, b"x" * 600), by=other)
            assert list(gui._current_file_upload_states) == ["h"]
            assert not gui._current_file_upload_states["h"]["parts"]
            taken(part(source, "h", 0, b"y" * 601), part(source, "h", 0, b"z" * 600), by=one)
            eventually(lambda: got == [("a.ply", b"z" * 600)], "the sender's own part completes it")
    finally:
        close_server(server)
    assert MAX_UPLOAD == 1 << 30


# Cameras.
def camera(**changes) -> SimpleNamespace:
    usual = {
        "wxyz": (1.0, 0.0, 0.0, 0.0),
        "position": (0.0, 0.0, 0.0),
        "look_at": (0.0, 1.0, 0.0),
        "fov": 1.0,
        "aspect": 1.5,
    }
    return SimpleNamespace(**{**usual, **changes})


@pytest.mark.parametrize(
    "bad",
    [
        {"position": (math.nan, 0, 0)}, {"position": (1e300, 0, 0)}, {"look_at": (0, math.inf, 0)}, {"fov": math.nan},
        {"wxyz": (0, 0, 0, 0)}, {"wxyz": (math.nan, 0, 0, 1)}, {"wxyz": (math.inf, 0, 0, 0)},
    ],
)  # fmt: skip
def test_a_camera_that_is_none_draws_nothing(bad):
    with pytest.raises(RuntimeError):
        browser_camera(camera(**bad), 100)  # type: ignore[arg-type]


@pytest.mark.parametrize(("aspect", "width"), [(1e9, 1000), (-1.0, 10), (math.nan, 100), (1.5, 150), (math.inf, 100)])
def test_pictures_for_a_browser_stay_small(aspect, width):
    drawn = browser_camera(camera(aspect=aspect, fov=1e5), 100)  # type: ignore[arg-type]
    assert (drawn.width, drawn.height) == (width, 100)
    assert np.isfinite(drawn.Ks.numpy()).all()


def test_an_export_starts_from_a_view_that_can_be_one():
    assert bounded(Pose((0.0, 0.0, math.nan), (0.0, 1.0, 0.0), 1.0)) is None
    held = bounded(Pose((0.0, 0.0, 0.0), (0.0, 1.0, 0.0), 99.0))
    assert held is not None
    assert held.fov < math.pi


def test_a_path_has_only_so_many_keyframes_and_all_of_them_somewhere(monkeypatch):
    from gs_stein.live.panels import camera_tab

    monkeypatch.setattr(camera_tab, "_MOST", 3)
    server = open_server("127.0.0.1", 0, "test")
    try:
        tab = CameraTab(server, Pose((0.0, -3.0, 1.0), (0.0, 0.0, 0.0), 1.0), 0.15, training=False)
        for i in range(5):
            for bad in ({"position": (1e300, 0, 0)}, {"wxyz": (math.nan, 0, 0, 0)}, {"fov": 9.0}):
                tab._add(SimpleNamespace(camera=camera(**bad)))  # type: ignore[arg-type]
            tab._add(SimpleNamespace(camera=camera(position=(float(i), 0, 0))))  # type: ignore[arg-type]
        assert [keyframe.position[0] for keyframe in tab.keyframes] == [0.0, 1.0, 2.0]
    finally:
        close_server(server)
