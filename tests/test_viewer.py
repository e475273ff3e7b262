"""The viewer without a browser: what is copied, shown, refused and written."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_bundled import SIDE, tiny_bundled
from viewer_support import blob, eventually, fake_training, moved, socket_of

from gs_stein.bench.viewer import watchers
from gs_stein.cameras.options import OrbitCameras, RoomCameras
from gs_stein.cameras.sampling import look_at, orbit
from gs_stein.config.schema import Config
from gs_stein.gaussians.formats.ply import write_ply
from gs_stein.gaussians.model import Gaussians, sh_to_rgb
from gs_stein.gaussians.options import BallStart
from gs_stein.live.camera_path import Keyframe, catmull_rom, interpolate
from gs_stein.live.disk import Source
from gs_stein.live.door import admitted
from gs_stein.live.files import file_name, save_video
from gs_stein.live.html import duration, rows
from gs_stein.live.options import LiveOptions
from gs_stein.live.panels.plots import smooth, thinned
from gs_stein.live.panels.run_panel import RunPanel, SteerTab
from gs_stein.live.pause import Gate
from gs_stein.live.poses import camera_at, camera_from, home, home_of_points, picture, pose_of
from gs_stein.live.run_view import Live
from gs_stein.live.server import close_server, describe, free_port, open_server
from gs_stein.live.snapshot import History, snapshot_of
from gs_stein.live.splats import copied, sample, to_splats
from gs_stein.live.stage import both_seen, halved
from gs_stein.optimize.loop import optimize
from gs_stein.optimize.networks import load_priors
from gs_stein.optimize.state import State, begin
from gs_stein.optimize.step import Controls
from gs_stein.prior.options import DiffusionOptions
from gs_stein.rasterize.api import rasterize
from gs_stein.rasterize.options import RasterizeOptions
from gs_stein.refine.options import RefineOptions
from gs_stein.run.checkpoint import FORMAT, sealed
from gs_stein.types import Cameras
from gs_stein.update.options import MCMCDensify

ROOT = Path(__file__).resolve().parents[1]


def random_gaussians(count: int, seed: int = 0, degree: int = 1) -> Gaussians:
    g = torch.Generator().manual_seed(seed)
    return Gaussians(
        torch.randn(count, 3, generator=g), torch.randn(count, 3, generator=g) - 2, torch.randn(count, 4, generator=g),
        torch.randn(count, generator=g), torch.randn(count, (degree + 1) ** 2, 3, generator=g),
    )  # fmt: skip


# What a browser gets.
def test_splats_are_the_activated_gaussians():
    gaussians = random_gaussians(50)
    gaussians.opacity_logits[:] = gaussians.opacity_logits.abs()
    splats = to_splats(gaussians)
    assert len(splats) == 50
    q = torch.nn.functional.normalize(gaussians.quats.double(), dim=-1)
    w, x, y, z = q.unbind(-1)
    # The rotation of a quaternion applied to the basis, by v + 2w(u×v) + 2u×(u×v).
    u = torch.stack([x, y, z], -1)[:, None].expand(-1, 3, -1)
    basis = torch.eye(3, dtype=torch.float64).expand(50, 3, 3)
    cross = torch.linalg.cross(u, basis)
    R = (basis + 2 * w[:, None, None] * cross + 2 * torch.linalg.cross(u, cross)).transpose(1, 2)
    expected = R @ torch.diag_embed(gaussians.scales.double() ** 2) @ R.transpose(1, 2)
    np.testing.assert_allclose(splats.covariances, expected.numpy(), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(splats.opacities[:, 0], gaussians.opacities.numpy(), rtol=1e-5)
    np.testing.assert_allclose(splats.rgbs, sh_to_rgb(gaussians.sh[:, 0]).clamp(0, 1).numpy(), atol=1e-6)
    np.testing.assert_array_equal(splats.centers, gaussians.means.numpy())


def test_broken_and_invisible_gaussians_never_reach_the_browser():
    gaussians = random_gaussians(20)
    gaussians.opacity_logits[:] = 1.0
    gaussians.means[0, 1] = math.nan
    gaussians.log_scales[1] = math.inf
    gaussians.sh[2, 0, 0] = -math.inf
    gaussians.quats[3] = 0.0
    gaussians.log_scales[4] = 90.0
    gaussians.opacity_logits[5] = -20.0
    splats = to_splats(gaussians)
    assert splats.broken == 3
    assert len(splats) == 16
    for array in (splats.centers, splats.covariances, splats.rgbs, splats.opacities):
        assert np.isfinite(array).all()
    assert np.isfinite(splats.covariances.astype(np.float16)).all()


def test_copies_share_no_memory_and_a_sample_is_even():
    gaussians = random_gaussians(1000)
    whole, part = copied(gaussians), copied(gaussians, 100, view_dependent=False)
    assert part.sh.shape == (100, 1, 3)
    index = sample(1000, 100)
    assert index is not None
    assert torch.equal(part.means, gaussians.means[torch.from_numpy(index)])
    assert len(set(index.tolist())) == 100
    assert 350 < index.mean() < 650
    before = whole.means.clone()
    gaussians.means.add_(1.0)
    assert torch.equal(whole.means, before)
    assert sample(100, 100) is None


# Cameras.
def test_home_views_stand_where_people_expect():
    room = home(RoomCameras())
    assert room.position[:2] == pytest.approx((0.0, -0.55))  # in the southern half of where cameras stand
    assert 1.2 < room.position[2] < 1.7
    assert room.look_at[1] > room.position[1]
    around = home(OrbitCameras())
    assert around.look_at == (0.0, 0.0, 0.0)
    assert around.position[1] < -2.0
    assert around.position[2] > 0.0
    # Without settings: from outside for a ball, from inside for a shell.
    ball = np.random.default_rng(0).normal(size=(2000, 3))
    shell = ball / np.linalg.norm(ball, axis=1, keepdims=True)
    assert np.linalg.norm(home_of_points(ball).position) > 3.0
    assert np.linalg.norm(home_of_points(shell + np.array([5.0, 0, 0])).position - np.array([5.0, 0, 0])) < 0.2


def test_cameras_survive_the_way_to_the_browser_and_back():
    from gs_stein.live.layers import orientation

    cameras = orbit(
        torch.tensor([30.0, 200.0]),
        torch.tensor([10.0, -20.0]),
        torch.tensor([2.0, 3.0]),
        torch.tensor([40.0, 60.0]),
        64,
    )
    for i in range(2):
        pose = pose_of(cameras, i)
        back = camera_from(orientation(cameras, i), np.array(pose.position), pose.fov, 64, 64)
        torch.testing.assert_close(back.viewmats[0], cameras.viewmats[i], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(back.Ks[0], cameras.Ks[i], rtol=1e-4, atol=1e-3)


def test_half_an_image_is_the_middle_of_the_whole():
    cameras = camera_at(home(OrbitCameras()), 64, 32)
    half = halved(cameras)
    scene, background = blob((1.0, 0.0, 0.0)), torch.zeros(3)
    assert picture(scene, half, "RGB").shape == (32, 32, 3)
    # In floats, which say more than bytes: where a place is counted from decides its last bits.
    whole, part = (rasterize(scene, some, RasterizeOptions(), background).rgb[0] for some in (cameras, half))
    torch.testing.assert_close(part, whole[:, 16:48], rtol=0, atol=2e-5)


def test_a_second_scene_comes_into_view_from_outside_only():
    view = both_seen(home(OrbitCameras()), 1.2)
    assert view is not None
    assert view.look_at[0] == pytest.approx(0.6)
    camera = camera_at(view, 160, 90)
    for x in (-0.5, 0.5, 0.7, 1.7):
        point = camera.viewmats[0] @ torch.tensor([x, 0.0, 0.0, 1.0])
        pixel = camera.Ks[0] @ point[:3]
        assert 0 < pixel[0] / pixel[2] < 160
    assert both_seen(home(RoomCameras()), 6.0) is None


@pytest.mark.parametrize("layer", ["RGB", "Depth", "Normals", "Alpha"])
def test_layers_show_the_object_and_nothing_around_it(layer):
    image = picture(blob((0.9, 0.2, 0.1)), camera_at(home(OrbitCameras()), 48, 48), layer)
    assert image[24, 24].max() > 60
    assert image[0, 0].tolist() == ([20] * 3 if layer == "RGB" else [0] * 3)  # the page's own grey; nothing


def test_scenes_stand_before_the_grey_they_were_made_before(tmp_path):
    camera, haze = camera_at(home(OrbitCameras()), 48, 48), blob((0.85, 0.85, 0.85))
    image = picture(haze, camera, "RGB", background=0.85)
    assert np.ptp(image) <= 2, "what has the background's colour is not seen"
    assert np.ptp(picture(haze, camera, "RGB")) > 150
    assert save_video(haze, Cameras(camera.viewmats, camera.Ks, 48, 48), tmp_path / "a.mp4", background=0.85)
    import imageio.v3 as iio

    film = iio.imread(tmp_path / "a.mp4")
    assert abs(film.mean() - 217) < 4


def test_paths_pass_through_their_keyframes():
    R = look_at(torch.tensor([[0.0, 0, 0]] * 3), torch.tensor([[1.0, 0, 0], [0, 1, 0.2], [-1, 0.3, 0]]))
    from viser.transforms import SO3

    places = [(0.0, 0.0, 0.0), (1.0, 0.0, 1.0), (1.0, 2.0, 1.0)]
    frames = [
        Keyframe(tuple(SO3.from_matrix(R[i, :3, :3].double().numpy().T).wxyz), places[i], 0.8 + 0.2 * i)
        for i in range(3)
    ]
    cameras = interpolate(frames, 21, 32, 18)
    for i, k in ((0, 0), (10, 1), (20, 2)):
        torch.testing.assert_close(cameras.positions[i], torch.tensor(places[k]), atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(cameras.viewmats[i, :3, :3], R[k, :3, :3], atol=1e-3, rtol=1e-3)
        assert pose_of(cameras, i).fov == pytest.approx(frames[k].fov, abs=1e-3)
    # No jumps: neighbouring frames are near each other, in place and direction.
    steps = (cameras.positions[1:] - cameras.positions[:-1]).norm(dim=1)
    assert steps.max() < 0.4
    turns = (cameras.viewmats[1:, 2, :3] * cameras.viewmats[:-1, 2, :3]).sum(dim=1)
    assert turns.min() > 0.85


def test_paths_of_one_or_repeated_keyframes_stand_still():
    one = Keyframe((1.0, 0.0, 0.0, 0.0), (1.0, 2.0, 3.0), 1.0)
    for frames in ([one], [one, one, one]):
        cameras = interpolate(frames, 5, 16, 16)
        torch.testing.assert_close(cameras.positions, torch.tensor([[1.0, 2, 3]] * 5), atol=1e-5, rtol=0)
    # Turning on the spot is a path too.
    turned = Keyframe((math.sqrt(0.5), 0.0, math.sqrt(0.5), 0.0), (1.0, 2.0, 3.0), 1.0)
    cameras = interpolate([one, turned], 5, 16, 16)
    torch.testing.assert_close(cameras.positions, torch.tensor([[1.0, 2, 3]] * 5), atol=1e-5, rtol=0)
    with pytest.raises(ValueError, match="keyframes: the path is empty"):
        interpolate([], 5, 16, 16)


def test_catmull_rom_is_straight_on_a_line():
    points = np.array([[0.0, 0, 0], [1, 0, 0], [3, 0, 0], [3.5, 0, 0]])
    curve = catmull_rom(points, np.linspace(0, 3, 31))
    np.testing.assert_allclose(curve[:, 1:], 0.0, atol=1e-12)
    assert (np.diff(curve[:, 0]) > 0).all()


# Records.
def test_history_thins_itself_and_keeps_its_columns_together():
    history = History(limit=100)
    for step in fake_training(total=1000, count=5, views=1, resolution=4):
        history.add(step)
        if step.step == 300:
            break
    table = history.table()
    assert table.shape[1] <= 101
    assert table[0, -1] > 290
    assert (np.diff(table[0]) > 0).all()
    speed = history.speed()
    assert speed is not None
    assert speed > 0


def test_thinning_and_smoothing_keep_ends_and_means():
    table = np.vstack([np.arange(1000.0), np.ones(1000)])
    assert thinned(table, 100)[0, -1] == 999
    assert thinned(table, 100).shape[1] == 100
    assert (np.diff(thinned(table, 100)[0]) > 0).all()
    np.testing.assert_allclose(smooth(table)[1], 1.0)
    spiked = np.vstack([np.arange(40.0), np.where(np.arange(40) == 20, np.nan, 2.0)])
    assert smooth(spiked).shape == (2, 39)


def test_status_is_escaped_text():
    shown = rows([("Prompt", "<img src=x onerror=alert(1)>")])
    assert "<img" not in shown
    assert "&lt;img" in shown
    assert [duration(s) for s in (5.0, 65.0, 3725.0, None, math.inf)] == ["5 s", "1:05 min", "1:02 h", "…", "…"]


# Pausing.
def test_the_gate_stops_steps_and_lets_single_ones_through():
    gate, done = Gate(), []
    assert gate.wait(lambda: False) < 0.5

    def loop() -> None:
        for i in range(6):
            done.append(i)
            gate.wait(lambda: False)

    gate.pause()
    thread = threading.Thread(target=loop)
    thread.start()
    eventually(lambda: len(done) == 1, "the step that was under way")
    time.sleep(0.3)
    assert len(done) == 1
    gate.one_step()
    eventually(lambda: len(done) == 2, "one step")
    time.sleep(0.3)
    assert len(done) == 2
    gate.one_step()
    gate.one_step()
    eventually(lambda: len(done) == 4, "two more steps")
    gate.resume()
    thread.join(20)
    assert len(done) == 6


def test_waiting_ends_from_outside_and_does_the_work_of_its_thread():
    gate, stop, worked = Gate(), threading.Event(), []
    gate.pause()
    thread = threading.Thread(target=lambda: gate.wait(stop.is_set, lambda: worked.append(threading.current_thread())))
    thread.start()
    eventually(lambda: len(worked) > 1, "work while paused")
    stop.set()
    thread.join(20)
    assert not thread.is_alive()
    assert set(worked) == {thread}


# The server.
def test_the_page_is_local_and_has_no_share_tunnel():
    from viser import _messages

    server = open_server("127.0.0.1", 0, "test")
    try:
        handlers = server._websock_server._incoming_handlers
        assert _messages.ShareUrlRequest not in handlers
        assert _messages.ShareUrlDisconnect not in handlers
        assert server.get_host() == "127.0.0.1"
        port = server.get_port()
        assert f"ssh -N -L {port}:127.0.0.1:{port}" in describe(server)
        assert free_port("127.0.0.1", port) != port
    finally:
        close_server(server)


@pytest.mark.parametrize(
    ("origin", "host", "expected"),
    [
        (None, "127.0.0.1:8080", True),
        ("http://127.0.0.1:8080", "127.0.0.1:8080", True),
        ("http://localhost:9000", "localhost:9000", True),
        ("http://localhost:8080", "127.0.0.1:8080", True),
        ("http://localhost:3000", "localhost:8080", False),
        ("https://evil.example", "127.0.0.1:8080", False),
        ("http://evil.example:8080", "evil.example:8080", False),
        ("null", "127.0.0.1:8080", False),
        ("http://127.0.0.1:8080", None, False),
    ],
)
def test_only_pages_of_this_server_may_connect(origin, host, expected):
    assert admitted(origin, host, local=True) is expected


def test_a_served_name_admits_its_own_pages_only():
    assert admitted("http://box.lan:8080", "box.lan:8080", local=False)
    assert not admitted("http://evil.example", "box.lan:8080", local=False)


def test_a_stranger_page_is_turned_away_before_it_has_a_socket():
    import viser
    from websockets.exceptions import InvalidStatus
    from websockets.sync.client import connect
    from websockets.typing import Origin, Subprotocol

    server = open_server("127.0.0.1", 0, "test")
    url, protocol = f"ws://127.0.0.1:{server.get_port()}", [Subprotocol(f"viser-v{viser.__version__}")]
    try:
        with (
            pytest.raises(InvalidStatus) as refused,
            connect(url, origin=Origin("https://evil.example"), subprotocols=protocol, open_timeout=30),
        ):
            pass
        assert refused.value.response.status_code == 403
        own = Origin(f"http://127.0.0.1:{server.get_port()}")
        with connect(url, origin=own, subprotocols=protocol, open_timeout=30) as socket:
            assert len(socket.recv(timeout=30)) > 0
    finally:
        close_server(server)


@pytest.mark.parametrize(
    ("host", "port", "words"),
    [("no.such.host.invalid", 8080, "host: no.such.host.invalid"), ("203.0.113.7", 8080, "host, port: nothing from")],
)
def test_addresses_that_cannot_be_served_are_one_line(host, port, words):
    with pytest.raises(ValueError, match=words) as error:
        open_server(host, port, "test")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "bad", [{"port": 70000}, {"port": -1}, {"max_splats": 0}, {"updates": 0.0}, {"updates": math.nan}, {"share": 0.0}]
)
def test_options_out_of_range_name_their_field(bad):
    with pytest.raises(ValueError, match=f"^{next(iter(bad))}: "):
        LiveOptions(**bad)


# A run, watched by nobody or by something that fails.
def train(live: Live | None, steps: int = 25) -> Gaussians:
    last = None
    for last in fake_training(steps, count=60, resolution=16, rasterized=True):
        if live is not None:
            live.publish(last)
            live.wait_while_paused()
    assert last is not None
    return copied(last.gaussians)


def test_a_run_has_the_same_bits_with_and_without_a_viewer():
    torch.manual_seed(7)
    alone = train(None)
    global_alone = torch.rand(3)
    torch.manual_seed(7)
    with Live(Controls(), "x", OrbitCameras(), options=LiveOptions(port=0, updates=1000.0, share=1.0)) as live:
        watched = train(live)
    assert torch.equal(global_alone, torch.rand(3))
    for a, b in zip(alone.tensors(), watched.tensors(), strict=True):
        assert torch.equal(a, b)


def test_a_watched_run_of_the_real_loop_has_the_same_bits(tmp_path):
    prior = tiny_bundled(tmp_path)
    config = Config(
        prompt="a red chair", iterations=8, views=2, cameras=OrbitCameras(resolution=SIDE), start=BallStart(count=150),
        prior=DiffusionOptions(model=str(prior)), densify=MCMCDensify(cap=200, start=0.0, stop=1.0, every=3),
        refine=RefineOptions(share=0.5, rounds=2, steps=1, depth=1.0),
    )  # fmt: skip

    def run(watched: bool) -> tuple[State, int]:
        priors, seen = load_priors(config), 0
        state = begin(config, priors)
        if not watched:
            for _ in optimize(config, state):
                pass
            return state, seen
        live = Live(
            Controls(), config.prompt, config.cameras, options=LiveOptions(port=0, updates=1000.0, share=1.0),
            denoiser=priors.denoiser, depth_estimator=priors.depth,
        )  # fmt: skip
        with live, watchers(live.address, 1):
            eventually(live.server.get_clients, "somebody watches")
            for step in optimize(config, state):
                live._look_due = 0.0
                live.publish(step, state.distiller)
                assert live._guess is not None
                seen += live._latest is not None and live._latest.step == step.step
            assert not live._broken
        return state, seen

    alone, _ = run(watched=False)
    watched, seen = run(watched=True)
    assert seen >= 4
    assert alone.step == watched.step == 8
    assert alone.evaluations == watched.evaluations
    assert torch.equal(alone.generator.get_state(), watched.generator.get_state())
    for name, tensor in alone.parameters.items():
        assert torch.equal(tensor, watched.parameters[name]), name


def test_a_failing_viewer_harms_nothing(monkeypatch, caplog):

    def fail(*_, **__):
        raise RuntimeError("broken on purpose")

    with Live(Controls(), "x", OrbitCameras(), options=LiveOptions(port=0)) as live:
        from gs_stein.live import run_view

        monkeypatch.setattr(run_view, "snapshot_of", fail)
        live._gate.pause()
        done = train(live, 5)
    assert len(done) == 60
    assert "the run goes on without it" in caplog.text


def test_publishing_copies_rarely():
    with Live(Controls(), "x", OrbitCameras(), options=LiveOptions(port=0)) as live:
        taken = []
        take = live._take
        live._take = lambda now: (taken.append(now), take(now))  # type: ignore[method-assign]
        step = next(fake_training(1, count=20, resolution=8))
        for _ in range(200):
            live.publish(step)
        assert 1 <= len(taken) <= 3


def test_exports_come_from_the_step_the_training_thread_hands_over(tmp_path):
    controls = Controls()
    with Live(controls, "x", OrbitCameras(), options=LiveOptions(port=0, max_splats=10), folder=tmp_path) as live:
        steps = fake_training(3, count=60, resolution=8)
        live.publish(next(steps))
        got = []
        thread = threading.Thread(target=lambda: got.append(live._whole_scene()))
        thread.start()
        eventually(live._whole_wanted.is_set, "the request")
        step = next(steps)
        live.publish(step)
        thread.join(20)
        assert len(got[0].gaussians) == 60
        assert torch.equal(got[0].gaussians.sh, step.gaussians.sh)
        assert got[0].name == file_name(tmp_path.name, 2)
        assert file_name("a-cozy-room-20261130-040217-3", 2) == "a-cozy-room-step-000002"
        assert file_name("garden: ¿?") == "garden"
        assert file_name("¿?") == "scene"
        assert live._latest is not None
        assert len(live._latest.gaussians) == 10


# Files.
def test_sources_follow_a_growing_run(tmp_path):
    (tmp_path / "config.yaml").write_text("prompt: a red ball\niterations: 40\n")
    source = Source(tmp_path)
    assert source.load() is None
    assert not source.finished
    assert source.prompt == "a red ball"
    (tmp_path / "checkpoints").mkdir()
    first = blob((1.0, 0.0, 0.0), 10)
    written = sealed({"format": FORMAT, "parameters": dict(first.parameters()), "step": 20})
    (tmp_path / "checkpoints" / "step_0000020.pt").write_bytes(written)
    loaded = source.load()
    assert loaded is not None
    assert loaded.step == 20
    assert torch.equal(loaded.gaussians.means, first.means)
    assert source.load() is None
    (tmp_path / "checkpoints" / "step_0000030.pt").write_bytes(b"half a file")
    assert source.load() is None
    time.sleep(0.02)
    write_ply(tmp_path / "point_cloud.ply", blob((0.0, 1.0, 0.0), 12))
    (tmp_path / "report.json").write_text(json.dumps({}))
    loaded = source.load()
    assert loaded is not None
    assert len(loaded.gaussians) == 12
    assert source.finished


def test_a_run_whose_checkpoints_are_of_another_version_shows_its_scene(tmp_path):
    (tmp_path / "config.yaml").write_text("prompt: a ball\n")
    write_ply(tmp_path / "point_cloud.ply", blob((0.0, 1.0, 0.0), 12))
    time.sleep(0.02)
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "step_0000020.pt").write_bytes(b"of another version")
    source = Source(tmp_path)
    loaded = source.load()
    assert loaded is not None
    assert (loaded.origin, len(loaded.gaussians)) == ("point_cloud.ply", 12)
    assert source.load() is None


def test_runs_of_other_versions_open(tmp_path):
    settings = "prompt: a chair\nbackground: studio\ncameras: orbit\nrefine: {views: many}\nan_option_of_tomorrow: 3\n"
    (tmp_path / "config.yaml").write_text(settings)
    write_ply(tmp_path / "point_cloud.ply", blob((0.0, 1.0, 0.0), 12))
    source = Source(tmp_path)
    assert (source.prompt, source.background) == ("a chair", 127 / 255)
    assert source.is_object
    assert source.load() is not None


# The knobs.
def test_the_timesteps_slider_follows_the_run_until_somebody_holds_it():
    server, controls = open_server("127.0.0.1", 0, "test"), Controls()
    try:
        steer = SteerTab(server, controls, 4.0, (0.97, 0.999))
        steer.follow((0.6, 0.75))
        assert steer._range.value == (0.6, 0.75)
        assert controls.t_min is None, "following holds nothing"
        moved(steer._range, (0.3, 0.5))
        assert (controls.t_min, controls.t_max) == (0.3, 0.5)
        steer.follow((0.55, 0.7))
        assert steer._range.value == (0.3, 0.5)
        assert "timesteps held" in steer._told.content
        assert steer._factor.label == "Learning ×1"
        moved(steer._factor, -1.0)
        assert steer._factor.label == "Learning ×0.1"
        steer._reset()
        assert controls.t_min is None
        assert steer._range.value == (0.55, 0.7)
        steer.follow(None)
        assert steer._range.disabled
        assert "refines" in steer._told.content
    finally:
        close_server(server)


def test_the_panel_says_at_once_that_a_run_stands_or_ends():
    server, controls, gate = open_server("127.0.0.1", 0, "test"), Controls(), Gate()
    try:
        panel, history = RunPanel(server, controls, gate, "x", 100), History()
        step = next(fake_training(1, count=20, resolution=8))
        panel.show(snapshot_of(step, None, 0, 100), history)
        assert "paused" not in panel._table.content
        for share in (0.25, 0.5, None):
            panel.denoising = share
            panel.refresh()
            assert ("denoising views" in panel._table.content) == (share is not None)
            assert share is None or f"{share:.0%}" in panel._table.content
        panel.toggle()
        assert "paused" in panel._table.content
        panel._stop_run()
        assert "stopping" in panel._table.content
    finally:
        close_server(server)


@pytest.mark.parametrize("name", ["nothing.ply", "notes.txt", "empty_folder"])
def test_what_is_no_scene_is_refused_in_one_line(tmp_path, name):
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "empty_folder").mkdir()
    with pytest.raises(ValueError, match=name) as error:
        Source(tmp_path / name)
    assert "\n" not in str(error.value)


def test_the_command_line_answers_quickly_and_in_one_line(tmp_path):
    code = "import sys, viewer; sys.exit(viewer.main(['--help']))"
    shown = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert shown.returncode == 0
    assert "--max-splats" in shown.stdout
    heavy = "import sys, viewer; sys.exit(len({'torch', 'viser', 'numba', 'matplotlib'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", heavy], cwd=ROOT, timeout=120).returncode == 0
    bad = tmp_path / "bad.ply"
    bad.write_text("hello")
    command = [sys.executable, "viewer.py", str(bad), "--port", "0"]
    failed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert failed.returncode == 2
    assert failed.stderr.startswith("error: ")
    assert failed.stderr.count("\n") == 1


def test_a_page_that_is_open_keeps_no_server_alive() -> None:
    """Browsers also open connections ahead of time, through which they ask nothing."""
    import socket

    server = open_server("127.0.0.1", 0, "test")
    thread = server._websock_server._server_thread
    with socket.create_connection(("127.0.0.1", server.get_port())), socket_of(server):
        close_server(server)
    assert thread is not None
    assert not thread.is_alive()
