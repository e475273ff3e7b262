"""The viewer in a real headless Chromium. Everything is waited for, nothing is timed."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from viewer_support import (
    FLAGS,
    PATIENCE,
    blob,
    click,
    eventually,
    fake_training,
    mean_colour,
    open_tab,
    pixels,
    require_browser,
)

from gs_stein.cameras.options import OrbitCameras
from gs_stein.gaussians.formats.ply import write_ply
from gs_stein.live.disk import Source
from gs_stein.live.files import save_page
from gs_stein.live.options import LiveOptions
from gs_stein.live.poses import home
from gs_stein.live.run_view import Live
from gs_stein.live.server import close_server, open_server
from gs_stein.live.stage import Stage
from gs_stein.optimize.step import Controls

pytestmark = pytest.mark.slow

RED, GREEN = 0, 1
HOSTILE = "<img src=x onerror='window.hacked=1'><script>window.hacked=1</script>{window.hacked=1} `x` [a](javascript:1)"


@pytest.fixture(scope="module")
def chromium() -> Iterator:
    """One Chromium for all tests of this file; each opens pages of its own."""
    path = require_browser()
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile, sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile, executable_path=path, headless=True, args=FLAGS, ignore_default_args=["--headless"],
            viewport={"width": 320, "height": 240}, timeout=PATIENCE * 1000,
        )  # fmt: skip
        context.set_default_timeout(PATIENCE * 1000)
        try:
            yield context
        finally:
            context.close()


@contextlib.contextmanager
def page_at(chromium, url: str) -> Iterator:
    page = chromium.new_page()
    try:
        page.goto(url)
        yield page
    finally:
        page.close()


@contextlib.contextmanager
def training(live: Live, standing: threading.Event | None = None, **options) -> Iterator[list[int]]:
    """A fake run on a thread of its own; yields the list of its finished steps, stops it at the end.

    Args:
        standing: set once the run waits, not merely was told to: an iteration may be under way when Pause is pressed.
    """
    done: list[int] = []

    def waiting() -> bool:
        if standing is not None:
            standing.set()
        return False

    def run() -> None:
        for step in fake_training(count=60, resolution=12, views=1, rest=0.05, controls=live._controls, **options):
            live.publish(step)
            done.append(step.step)
            live.wait_while_paused(waiting)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield done
    finally:
        live._controls.stop = True
        live._gate.poke()
        thread.join(PATIENCE)
        assert not thread.is_alive()


def watched(folder: Path | None = None, prompt: str = "a ball") -> Live:
    return Live(Controls(), prompt, OrbitCameras(), options=LiveOptions(port=0, share=1.0), folder=folder)


def joined(server, count: int = 1) -> None:
    eventually(lambda: len(server.get_clients()) >= count, f"{count} browsers connected")


def strongest(server, number: int = -1) -> int | None:
    """The channel that dominates what a browser draws."""
    colour = mean_colour(pixels(server, number))
    order = np.argsort(colour)
    return int(order[-1]) if colour[order[-1]] > 1.5 * colour[order[-2]] else None


def test_colours_arrive_change_without_reload_and_late_joiners_see_them(chromium):
    with watched() as live, page_at(chromium, f"{live.address}/?fixedDpr=1") as page:
        joined(live.server)
        page.evaluate("window.marker = 42")
        steps = fake_training(total=100, count=60, resolution=12, views=1)
        live.publish(next(steps))
        eventually(lambda: strongest(live.server) == RED, "a red ball")
        for step in steps:
            live.publish(step)
        live.finish("nowhere")
        eventually(lambda: strongest(live.server) == GREEN, "the ball turned green")
        assert page.evaluate("window.marker") == 42
        with page_at(chromium, f"{live.address}/?fixedDpr=1"):
            joined(live.server, 2)
            eventually(lambda: strongest(live.server) == GREEN, "the second browser sees the green ball")


@pytest.mark.occasional
def test_pause_step_resume_and_stop_by_their_buttons(chromium):
    stands = threading.Event()
    with watched() as live, training(live, stands, total=100_000) as done, page_at(chromium, live.address) as page:
        joined(live.server)
        click(page.get_by_role("button", name="Pause"))
        eventually(stands.is_set, "the run stands")
        assert live.paused
        eventually(lambda: live._shown is not None and live._shown.step == done[-1], "the step that stands is shown")
        count = len(done)
        page.wait_for_timeout(1500)
        assert len(done) == count
        click(page.get_by_role("button", name="One step"))
        eventually(lambda: len(done) == count + 1, "one more step")
        page.wait_for_timeout(800)
        assert len(done) == count + 1
        click(page.get_by_role("button", name="Resume"))
        eventually(lambda: len(done) > count + 5, "going again")
        click(page.get_by_role("button", name="Stop and save"))
        eventually(lambda: live._controls.stop, "stop reaches the trainer")


def test_the_prompt_reaches_the_trainer_and_hostile_text_is_only_shown(chromium):
    with watched(prompt=HOSTILE) as live, page_at(chromium, live.address) as page:
        joined(live.server)
        live.publish(next(fake_training(total=1, count=20, resolution=8, views=1)))
        live.tell(HOSTILE, HOSTILE)
        box = page.locator("textarea").first
        box.wait_for(state="attached")
        assert box.input_value() == HOSTILE
        box.fill("a green ball " + HOSTILE)
        click(page.get_by_role("button", name="Use this prompt from now on"))
        eventually(lambda: live._controls.prompt is not None, "the prompt arrives")
        assert live._controls.prompt == "a green ball " + HOSTILE
        page.get_by_text("Prompt changed").first.wait_for(state="attached")
        assert page.evaluate("window.hacked") is None


@pytest.mark.occasional
def test_a_browser_that_dies_harms_nothing(chromium):
    del chromium  # only asks for one to be there
    with watched() as live, training(live, total=100_000) as done:
        # A process of its own, killed while it is being fed.
        code = textwrap.dedent("""
            import sys, time
            sys.path.insert(0, sys.argv[2])
            from viewer_support import browser
            with browser(sys.argv[1]) as page:
                print("open", flush=True)
                time.sleep(600)
        """)
        import subprocess

        process = subprocess.Popen(
            [sys.executable, "-c", code, live.address, str(Path(__file__).parent)], start_new_session=True
        )
        try:
            joined(live.server)
            eventually(lambda: live._shown is not None, "it sees something")
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        before = len(done)
        eventually(lambda: len(done) > before + 20, "training goes on")
        eventually(lambda: not live.server.get_clients(), "its end is noticed")
        assert not live._broken


def test_an_exported_page_opens_from_the_disk(chromium, tmp_path):
    path = tmp_path / "scene.html"
    save_page(blob((0.1, 0.2, 0.95)), path, home(OrbitCameras()))
    assert [p.name for p in tmp_path.iterdir()] == ["scene.html"]
    assert not re.search("127.0.0.1|localhost|https?:", path.read_text(encoding="utf-8"))
    with page_at(chromium, path.as_uri()) as page:

        def blue() -> bool:
            page.wait_for_timeout(500)
            image = screenshot(page, tmp_path)[105:135, 140:180].reshape(-1, 3).mean(axis=0)
            return image[2] > 100 and image[2] > 2 * image[0]

        eventually(blue, "blue splats in the middle of the page")


@pytest.mark.occasional
def test_a_run_is_seen_before_the_grey_it_was_made_before(chromium, tmp_path):
    settings = "prompt: a ball\nbackground: studio\ncameras: orbit\n"
    (tmp_path / "config.yaml").write_text(settings)
    write_ply(tmp_path / "point_cloud.ply", blob((0.1, 0.2, 0.95), 60))

    def corner(page) -> float:
        page.wait_for_timeout(300)
        return float(screenshot(page, tmp_path)[-10:, :10].mean())

    with staged(tmp_path) as (server, stage, url), page_at(chromium, f"{url}/?fixedDpr=1") as page:
        joined(server)
        eventually(lambda: abs(corner(page) - 127) < 3, "the studio's grey in a corner")
        stage._layers.choose("Alpha")
        eventually(lambda: corner(page) < 5, "nothing there")
        stage._layers.choose("Splats (in the browser)")
        eventually(lambda: abs(corner(page) - 127) < 3, "the grey again")
    save_page(blob((0.1, 0.2, 0.95)), tmp_path / "scene.html", home(OrbitCameras()), background=0.85)
    with page_at(chromium, (tmp_path / "scene.html").as_uri()) as page:
        eventually(lambda: abs(corner(page) - 217) < 3, "the grey in a page of its own")


def screenshot(page, folder: Path) -> np.ndarray:
    # The note that rendering is done in software would cover most of so small a page.
    page.add_style_tag(content="[class*=Notification] { display: none !important }")
    page.screenshot(path=folder / "shot.png", timeout=PATIENCE * 1000)
    return np.asarray(Image.open(folder / "shot.png").convert("RGB")).astype(float)


def test_export_buttons_write_into_the_run_folder_and_offer_the_file(chromium, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    with watched(run) as live, training(live, total=100_000), page_at(chromium, live.address) as page:
        joined(live.server)
        open_tab(page, "Export")
        eventually(lambda: live._shown is not None, "there is a scene")
        with page.expect_download() as download:
            click(page.get_by_role("button", name="Save .ply"))
        exports = list((run / "exports").iterdir())
        assert [path.suffix for path in exports] == [".ply"]
        assert re.fullmatch(r"run-step-\d{6}\.ply", exports[0].name)
        assert download.value.suggested_filename == exports[0].name
        assert Path(download.value.path()).read_bytes() == exports[0].read_bytes()
        with page.expect_download() as download:
            click(page.get_by_role("button", name="Save picture"))
        with Image.open(download.value.path()) as picture:
            assert picture.size == (1440, 1080), "the window's shape, in the height that was chosen"
            middle = np.asarray(picture.convert("RGB"))[500:580, 680:760].reshape(-1, 3).mean(axis=0)
        assert max(middle[:2]) > 2 * middle[2], "the ball, on its way from red to green"
        scene = Source(exports[0]).load()
        assert scene is not None
        assert len(scene.gaussians) == 60
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run"]


@pytest.mark.occasional
def test_the_page_button_saves_the_view_and_the_path_with_the_scene(chromium, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    with watched(run) as live, training(live, total=100_000), page_at(chromium, live.address) as page:
        joined(live.server)
        open_tab(page, "Export")
        client = next(iter(live.server.get_clients().values()))
        client.camera.position, client.camera.look_at = (1.5, -2.0, 0.5), (0.0, 0.0, 0.1)
        eventually(lambda: live._shown is not None, "there is a scene")
        click(page.get_by_role("button", name="Save web page (.html)"))
        eventually(lambda: list((run / "exports").glob("*.html")), "the page is written")
        (saved,) = (run / "exports").iterdir()
    with page_at(chromium, saved.as_uri()) as page:
        # Not `wait_for_function`: it polls by eval, which the page's policy forbids.
        eventually(lambda: page.evaluate("Boolean(window.splats && splats.ready)"), "the page is ready")
        assert np.allclose(page.evaluate("splats.camera().position"), (1.5, -2.0, 0.5), atol=1e-2)
        image = screenshot(page, tmp_path)[100:140, 140:180].reshape(-1, 3).mean(axis=0)
        assert max(image[:2]) > 80, "the ball, on its way from red to green"
        tour = page.evaluate("settings.tour")
        assert len(tour) == 6 * 24
        assert np.allclose(np.linalg.norm(np.array(tour)[:, :3], axis=1), 2.6, atol=1e-3), "the run's own orbit"


@contextlib.contextmanager
def staged(*paths: Path) -> Iterator[tuple]:
    server = open_server("127.0.0.1", 0, "test")
    stage = Stage(server, LiveOptions(port=0))
    try:
        stage.open([Source(path) for path in paths])
        yield server, stage, f"http://127.0.0.1:{server.get_port()}"
    finally:
        stage.close()
        close_server(server)


def upload(page, path: Path) -> None:
    """Give the button's hidden input a file: browsers open a chooser only after a real mouse click."""
    page.get_by_role("button", name="Open a splat file").wait_for(state="attached")
    page.locator("input[type=file]").first.set_input_files(path)


def test_uploads_are_shown_if_they_are_splats_and_refused_otherwise(chromium, tmp_path):
    write_ply(tmp_path / "red.ply", blob((0.9, 0.05, 0.05)))
    write_ply(tmp_path / "green.ply", blob((0.05, 0.9, 0.05)))
    (tmp_path / "bad.ply").write_text("ply\nformat nonsense")
    (tmp_path / "evil.html").write_text("<script>window.hacked=1</script>")
    with staged(tmp_path / "red.ply") as (server, stage, url), page_at(chromium, f"{url}/?fixedDpr=1") as page:
        joined(server)
        eventually(lambda: strongest(server) == RED, "the opened file")
        open_tab(page, "Open")
        for bad, why in (("evil.html", "Give a file with one of"), ("bad.ply", "bad.ply: has a header that is no")):
            upload(page, tmp_path / bad)

            def refused(why: str = why) -> bool:
                assert not stage.poll()
                return page.get_by_text(why).count() > 0

            eventually(refused, f"{bad} is refused")
        upload(page, tmp_path / "green.ply")
        eventually(stage.poll, "the upload is taken")
        eventually(lambda: strongest(server) == GREEN, "the uploaded splats")
        assert page.evaluate("window.hacked") is None


@pytest.mark.occasional
def test_two_runs_side_by_side_and_the_layers(chromium, tmp_path):
    write_ply(tmp_path / "red.ply", blob((0.9, 0.05, 0.05)))
    write_ply(tmp_path / "green.ply", blob((0.05, 0.9, 0.05)))
    paths = (tmp_path / "red.ply", tmp_path / "green.ply")
    with staged(*paths) as (server, stage, url), page_at(chromium, f"{url}/?fixedDpr=1") as page:
        joined(server)
        # The panel covers the right of so small a page; the render does not show it.
        page.locator("canvas").first.wait_for(state="attached")

        def split() -> bool:
            image = pixels(server)[..., :3].astype(float)
            left, right = (
                part.reshape(-1, 3).mean(axis=0) for part in (image[100:140, 60:100], image[100:140, 220:260])
            )
            return left[0] > 3 * left[1] and left[0] > 80 and right[1] > 3 * right[0] and right[1] > 80

        eventually(split, "red on the left, green on the right")
        stage._compare.value = "Second"
        stage._layers.choose("Splats (in the browser)")
        eventually(lambda: strongest(server) == GREEN, "only the second")


def test_the_studio_starts_a_run_and_shows_it(chromium, tmp_path, monkeypatch):
    from gs_stein.live import studio

    # Stands for train.py: takes the same order, makes a run's folder.
    fake = tmp_path / "fake_train.py"
    fake.write_text(
        textwrap.dedent("""
        import sys, time
        from pathlib import Path
        sys.path.insert(0, sys.argv[1])
        from viewer_support import blob
        run = Path(sys.argv[2]) / "a-run"
        (run / "checkpoints").mkdir(parents=True)
        (run / "config.yaml").write_text("prompt: '" + sys.argv[3] + "'\\niterations: 40\\n")
        print(f"folder      {run}", flush=True)
        from gs_stein.run.checkpoint import FORMAT, sealed
        scene = {"format": FORMAT, "parameters": dict(blob((0.05, 0.9, 0.05)).parameters()), "step": 20}
        (run / "checkpoints" / "step_0000020.pt").write_bytes(sealed(scene))
        time.sleep(600)
    """)
    )
    orders = []

    def command(order, output, options, token):
        orders.append(order)
        return [sys.executable, str(fake), str(Path(__file__).parent), str(output), order.prompt]

    monkeypatch.setattr(studio, "command", command)
    server = open_server("127.0.0.1", 0, "studio")
    studio = studio.Studio(server, tmp_path / "runs", LiveOptions(port=0))
    try:
        with page_at(chromium, f"http://127.0.0.1:{server.get_port()}/?fixedDpr=1") as page:
            joined(server)
            page.locator("textarea").first.fill("a green ball")
            eventually(lambda: studio._prompt.value == "a green ball", "the prompt arrives")
            click(page.get_by_role("button", name="Generate"))

            def shown() -> bool:
                studio.poll()
                run = studio.stage.run  # until then an example is shown
                return run is not None and run.name == "a-run" and studio.stage._loaded[0] is not None

            eventually(shown, "the run is opened")
            eventually(lambda: strongest(server) == GREEN, "its splats are seen")
            assert orders[0].prompt == "a green ball"
            assert orders[0].scene is None, "as the prompt sounds"
            job = studio.job
            assert job is not None
            assert job.going
            pressed = 0.0

            def stopped() -> bool:
                nonlocal pressed
                studio.poll()
                stop = page.get_by_role("button", name="Stop and save")
                # On a busy machine the page may draw its buttons anew under a click, which is lost then.
                if job.going and time.monotonic() - pressed > 10 and stop.count():
                    click(stop)
                    pressed = time.monotonic()
                return not job.going

            eventually(stopped, "the run is stopped")
            page.get_by_role("tab", name="Gallery").first.wait_for(state="attached")
            assert [run.name for run, _ in studio.gallery.listed] == ["a-run"]
    finally:
        studio.close()
        close_server(server)


@pytest.mark.occasional
def test_runs_that_appear_while_another_tab_is_open_are_whole_in_the_gallery(chromium, tmp_path):
    from gs_stein.live.studio import Studio

    def add(name: str) -> None:
        run = tmp_path / name
        run.mkdir()
        (run / "config.yaml").write_text(f"prompt: {name}\n")
        write_ply(run / "point_cloud.ply", blob((0.1, 0.2, 0.95), 20))
        Image.new("RGB", (64, 64), "red").save(run / "preview.png")

    add("first")
    server = open_server("127.0.0.1", 0, "gs_stein studio")
    studio = Studio(server, tmp_path, LiveOptions(port=0))
    try:
        studio.poll()
        with page_at(chromium, f"http://127.0.0.1:{server.get_port()}/?fixedDpr=1") as page:
            page.set_viewport_size({"width": 1280, "height": 800})
            joined(server)
            page.wait_for_function("document.title == 'first – gs_stein'")
            open_tab(page, "Gallery")
            open_tab(page, "Camera")
            add("a-name-that-is-far-too-long-for-one-line-of-the-panel-" + 60 * "x")
            studio.gallery.refresh(at_once=True)
            page.wait_for_timeout(500)
            open_tab(page, "Gallery")
            sizes = """[...document.querySelectorAll('img')].filter(e => e.src.startsWith('blob:'))
                .map(e => e.getBoundingClientRect()).map(r => [r.width, r.height, r.top])"""
            eventually(lambda: len(page.evaluate(sizes)) == 2, "both pictures")
            (width, height, top), (_, second, below) = page.evaluate(sizes)
            assert min(width, height, second) > 250
            assert below > top + height
            long = page.get_by_text("a-name-that-is-far", exact=False).last.bounding_box()
            assert long is not None
            assert long["height"] > 30, "broken into lines"
            assert long["y"] + long["height"] <= min(top, below) + 1
    finally:
        studio.close()
        close_server(server)
