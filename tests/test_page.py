"""The page of its own, opened from the disk in a real headless Chromium: it shows what our rasterizer draws."""

from __future__ import annotations

import base64
import json
import math
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scenes import orbit_views, random_scene
from viewer_support import FLAGS, PATIENCE, blob, eventually, require_browser

from gs_stein.cameras.options import OrbitCameras, RoomCameras
from gs_stein.cameras.paths import video_path
from gs_stein.cameras.sampling import heading, intrinsics
from gs_stein.gaussians.files import write_gaussians
from gs_stein.gaussians.formats.common import unit_quats
from gs_stein.gaussians.formats.html import packed, tour_of, write_html
from gs_stein.gaussians.model import Gaussians, rgb_to_sh, sh_to_rgb
from gs_stein.gaussians.views import View, views_of
from gs_stein.rasterize.api import rasterize
from gs_stein.rasterize.options import RasterizeOptions
from gs_stein.rasterize.reference import covariances
from gs_stein.types import Cameras

SIDE = 256
GREY = 0.3


@pytest.fixture(scope="module")
def chromium() -> Iterator:
    path = require_browser()
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile, sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile, executable_path=path, headless=True, args=FLAGS, ignore_default_args=["--headless"],
            viewport={"width": SIDE, "height": SIDE}, has_touch=True, timeout=PATIENCE * 1000,
        )  # fmt: skip
        context.set_default_timeout(PATIENCE * 1000)
        try:
            yield context
        finally:
            context.close()


@contextmanager
def opened(chromium, path: Path) -> Iterator:
    """The page, ready; fails if it reports an error or asks for anything but itself."""
    page = chromium.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("request", lambda request: None if request.url == path.as_uri() else problems.append(request.url))
    try:
        page.goto(path.as_uri())
        # Not `wait_for_function`: it polls by eval, which the page's policy forbids.
        eventually(lambda: page.evaluate("Boolean(window.splats && splats.ready)"), "the page is ready")
        yield page
        assert not problems
    finally:
        page.close()


def written(folder: Path, gaussians: Gaussians, **options: Any) -> Path:
    write_html(folder / "scene.html", gaussians, **options)
    return folder / "scene.html"


def picture(page, folder: Path) -> np.ndarray:
    """What the page shows at rest, without its buttons."""
    page.add_style_tag(content="#bar { display: none !important }")
    page.evaluate("splats.drawn()")
    page.screenshot(path=folder / "shot.png", timeout=PATIENCE * 1000)
    return np.asarray(Image.open(folder / "shot.png").convert("RGB")).astype(float) / 255


def expected(gaussians: Gaussians, matrix: Any, fov: float, antialiased: bool = False) -> np.ndarray:
    """What our rasterizer draws of the part that a page keeps."""
    K = intrinsics(torch.tensor([math.degrees(fov)]), SIDE, SIDE)
    cameras = Cameras(torch.as_tensor(matrix, dtype=torch.float32).reshape(1, 4, 4), K, SIDE, SIDE)
    options = RasterizeOptions(sh_degree=0, antialiased=antialiased)
    with torch.no_grad():
        return rasterize(gaussians, cameras, options, torch.full((3,), GREY)).rgb[0].clamp(0, 1).numpy()


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return -10 * math.log10(max(float(((a - b) ** 2).mean()), 1e-12))


def as_shown(page, gaussians: Gaussians, folder: Path) -> float:
    """PSNR between the page as it stands and our rasterizer with the page's camera."""
    shown = picture(page, folder)
    camera = page.evaluate("splats.camera()")
    return psnr(shown, expected(gaussians, camera["matrix"], camera["fov"]))


def colourful(count: int, size: float, seed: int = 0) -> Gaussians:
    """Strong colours, some above white, opaque and faint, thin and round."""
    generator = torch.Generator().manual_seed(seed)
    scene = random_scene(count, 2, seed, size).to(torch.float32)
    rgb = torch.rand(count, 3, generator=generator).round() * torch.rand(count, 1, generator=generator) * 1.3
    sh = torch.cat([rgb_to_sh(rgb)[:, None], scene.sh[:, 1:]], dim=1)
    return Gaussians(*scene.tensors()[:4], sh)


@pytest.mark.parametrize(("count", "size", "mode"), [(3000, -3.0, "default"), (20000, -5.0, "mip")])
@pytest.mark.parametrize("axes", ["z-up", "y-down"])
def test_after_moving_it_shows_what_our_rasterizer_draws(chromium, tmp_path, count, size, mode, axes) -> None:
    scene = colourful(count, size)
    cameras = orbit_views(3, SIDE).to(torch.float32)
    views = [(cameras.viewmats[i], 2 * math.atan(0.5 * SIDE / float(cameras.Ks[i, 1, 1]))) for i in range(3)]
    # From amid the splats, with the head on one side.
    roll = torch.tensor([[0.0, -1, 0, 0.1], [0.6, 0, -0.8, 0], [0.8, 0, 0.6, 0.2], [0, 0, 0, 1]])
    with opened(chromium, written(tmp_path, scene, axes=axes, background=GREY, render_mode=mode)) as page:
        for matrix, fov in (*views, (roll, 1.2)):
            page.evaluate("([matrix, fov]) => splats.setCamera(matrix, fov)", [matrix.tolist(), fov])
            want = expected(scene, matrix, fov, antialiased=mode == "mip")
            assert want.std() > 0.08
            assert psnr(picture(page, tmp_path), want) > 45


def test_nearer_splats_hide_farther_ones_from_every_side(chromium, tmp_path) -> None:
    flat = Gaussians(
        means=torch.tensor([[0.0, -0.2, 0], [0.0, 0.2, 0]]), log_scales=torch.tensor([[0.0, -5, 0]] * 2),
        quats=torch.tensor([[1.0, 0, 0, 0]] * 2), opacity_logits=torch.full((2,), 9.0),
        sh=rgb_to_sh(torch.tensor([[0.9, 0.1, 0.1], [0.1, 0.1, 0.9]]))[:, None],
    )  # fmt: skip
    views = [
        View("South", (0.0, -3.0, 0.0), (0.0, 0.0, 0.0), 0.8),
        View("North", (0.0, 3.0, 0.0), (0.0, 0.0, 0.0), 0.8),
    ]
    with opened(chromium, written(tmp_path, flat, views=views)) as page:
        red = picture(page, tmp_path)[128, 128]
        page.evaluate("splats.go({name: '', position: [0, 3, 0], target: [0, 0, 0], fov: 0.8})")
        eventually(lambda: abs(page.evaluate("splats.camera().position[1]") - 3) < 1e-9, "the other side")
        blue = picture(page, tmp_path)[128, 128]
    np.testing.assert_allclose(red, [0.9, 0.1, 0.1], atol=0.02)
    np.testing.assert_allclose(blue, [0.1, 0.1, 0.9], atol=0.02)


@pytest.mark.parametrize("axes", ["z-up", "y-down", "y-up"])
def test_it_opens_right_side_up(chromium, tmp_path, axes) -> None:
    """Red up, green right, blue towards the viewer."""

    def ball(rgb: tuple[float, float, float], place: tuple[float, float, float]) -> Gaussians:
        small = blob(rgb, 200)
        return Gaussians(0.3 * small.means + torch.tensor(place), *small.tensors()[1:])

    parts = [
        ball((0.9, 0, 0), (0.0, 0.0, 1.0)),
        ball((0, 0.9, 0), (1.0, 0.0, 0.0)),
        ball((0, 0, 0.9), (0.0, -1.0, 0.0)),
    ]
    write_gaussians(tmp_path / "scene.html", Gaussians.cat(parts), axes)
    with opened(chromium, tmp_path / "scene.html") as page:
        image = picture(page, tmp_path)
    seen = [np.argwhere(image[..., channel] > 0.6) for channel in range(3)]
    assert min(map(len, seen)) > 200
    places = [pixels.mean(axis=0) for pixels in seen]
    assert places[0][0] < min(places[1][0], places[2][0]) - 30
    assert places[1][1] > max(places[0][1], places[2][1]) + 30


def test_mouse_wheel_and_keys_move_the_camera_and_the_picture_follows(chromium, tmp_path) -> None:
    scene = colourful(2000, -3.0)
    views = [View("Start", (0.0, -3.0, 0.0), (0.0, 0.0, 0.0), 0.9)]
    with opened(chromium, written(tmp_path, scene, views=views, background=GREY)) as page:
        picture(page, tmp_path)
        page.mouse.move(100, 100)

        def drag(button: str = "left") -> dict:
            page.mouse.move(100, 100)
            page.mouse.down(button=button)
            page.mouse.move(120, 110, steps=4)
            page.mouse.up(button=button)
            return page.evaluate("splats.camera()")

        # The scene follows the hand: to the right and its top towards the viewer, who comes round by the left and up.
        turned = drag()
        assert turned["position"][0] < -0.5
        assert turned["position"][2] > 0.3
        assert np.allclose(turned["target"], 0, atol=1e-9)
        assert math.isclose(np.linalg.norm(turned["position"]), 3, rel_tol=1e-9)
        assert as_shown(page, scene, tmp_path) > 45
        page.mouse.wheel(0, 300)
        eventually(lambda: np.linalg.norm(page.evaluate("splats.camera().position")) > 4, "farther away")
        before = page.evaluate("splats.camera()")
        shifted = drag("right")
        axes = np.array(before["matrix"]).reshape(4, 4)[:3, :3]
        moved = axes @ (np.array(shifted["position"]) - before["position"])
        metres = 2 * np.linalg.norm(before["position"]) * math.tan(0.45) / SIDE
        np.testing.assert_allclose(moved, [-20 * metres, -10 * metres, 0], atol=1e-9)
        assert as_shown(page, scene, tmp_path) > 45
        page.keyboard.press("l")
        looked = drag()
        np.testing.assert_allclose(looked["position"], shifted["position"], atol=1e-12)
        assert not np.allclose(looked["target"], shifted["target"], atol=0.1)
        page.keyboard.down("w")
        ahead = np.array(looked["target"]) - looked["position"]
        eventually(
            lambda: ahead @ (np.array(page.evaluate("splats.camera().position")) - looked["position"]) > 0.2, "ahead"
        )
        page.keyboard.up("w")
        assert as_shown(page, scene, tmp_path) > 45


def test_fingers_turn_and_pinch(chromium, tmp_path) -> None:
    views = [View("Start", (0.0, -3.0, 0.0), (0.0, 0.0, 0.0), 0.9)]
    with opened(chromium, written(tmp_path, blob((0.9, 0.1, 0.1)), views=views)) as page:
        session = chromium.new_cdp_session(page)

        def touch(kind: str, *points: tuple[float, float]) -> None:
            fingers = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)]
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})

        touch("touchStart", (100, 100))
        for x in (110, 120, 130):
            touch("touchMove", (x, 100))
        touch("touchEnd")
        eventually(lambda: page.evaluate("splats.camera().position[0]") < -0.5, "turned")
        touch("touchStart", (110, 120), (150, 120))
        for half in (30, 40, 60):
            touch("touchMove", (130 - half, 120), (130 + half, 120))
        touch("touchEnd")
        eventually(lambda: np.linalg.norm(page.evaluate("splats.camera().position")) < 1.5, "nearer")


def test_named_views_and_the_tour(chromium, tmp_path) -> None:
    views = [
        View("Start", (0.0, -3.0, 0.0), (0.0, 0.0, 0.0), 0.9),
        View("From <above>", (0.0, -0.01, 5.0), (0.0, 0.0, 0.0), 0.7),
    ]
    cameras = video_path(RoomCameras(), 48)
    fov = 2 * torch.atan(0.5 * cameras.height / cameras.Ks[:, 1, 1])
    tour = tour_of(cameras.viewmats.double().numpy(), fov.double().numpy())
    path = written(tmp_path, blob((0.9, 0.1, 0.1)), views=views, tour=tour, tour_seconds=2.0)
    with opened(chromium, path) as page:

        def where() -> np.ndarray:
            return np.array(page.evaluate("splats.camera().position"))

        page.get_by_role("button", name="From <above>").dispatch_event("click")
        eventually(lambda: np.allclose(where(), [0, -0.01, 5]), "the view from above")
        page.keyboard.press("1")
        eventually(lambda: np.allclose(where(), [0, -3, 0]), "the start")
        button = page.get_by_role("button", name="Tour")
        button.dispatch_event("click")
        eventually(lambda: button.get_attribute("aria-pressed") == "true", "the button says so")
        seen = set()

        def everywhere() -> bool:
            away = np.linalg.norm(tour[:, :3] - where(), axis=1)
            assert away.min() < 0.25 or not seen, "it left its path"
            if away.min() < 0.05:
                seen.add(int(away.argmin()) // 12)
            return len(seen) == 4

        eventually(everywhere, "all quarters of the path")
        page.mouse.click(20, 20)
        assert button.get_attribute("aria-pressed") == "false"
        stands = where()
        page.wait_for_timeout(200)
        assert np.array_equal(where(), stands)


def test_without_a_path_the_tour_turns_around_the_scene(chromium, tmp_path) -> None:
    with opened(chromium, written(tmp_path, blob((0.9, 0.1, 0.1)), tour_seconds=3.0)) as page:
        start = page.evaluate("splats.camera()")
        page.keyboard.press("t")
        eventually(lambda: page.evaluate("splats.camera().position[1]") > start["target"][1] + 0.5, "behind it")
        now = page.evaluate("splats.camera()")
        np.testing.assert_allclose(now["target"], start["target"], atol=1e-6)
        assert math.isclose(now["position"][2], start["position"][2], abs_tol=1e-6)


HOSTILE = "</title></script><script>window.hacked=1</script><img src=x onerror=window.hacked=1>{{data}}{{script}}"


def test_hostile_names_are_only_shown_and_nothing_outside_is_named(chromium, tmp_path) -> None:
    views = [View(HOSTILE, (0.0, -3.0, 0.0), (0.0, 0.0, 0.0), 0.9)]
    path = written(tmp_path, blob((0.9, 0.1, 0.1)), title=HOSTILE, views=views)
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"(?i)\b(https?|wss?|ftp):|//\w+\.\w", text)
    assert "default-src 'none'" in text
    with opened(chromium, path) as page:
        assert page.title() == HOSTILE
        assert page.evaluate("window.hacked") is None
        assert page.evaluate("splats.count") == 300
        np.testing.assert_allclose(picture(page, tmp_path)[128, 128], [0.9, 0.1, 0.1], atol=0.02)


def test_a_lost_graphics_card_comes_back(chromium, tmp_path) -> None:
    scene = colourful(500, -3.0)
    with opened(chromium, written(tmp_path, scene, background=GREY)) as page:
        page.evaluate("window.card = renderer.gl.getExtension('WEBGL_lose_context'); card.loseContext()")
        eventually(lambda: page.evaluate("renderer.gl.isContextLost()"), "lost")
        page.evaluate("card.restoreContext()")
        eventually(lambda: not page.evaluate("renderer.gl.isContextLost()"), "back")
        assert as_shown(page, scene, tmp_path) > 45


def settings_of(path: Path) -> dict[str, Any]:
    found = re.search(r'id="settings">(.*?)</script>', path.read_text(encoding="utf-8"))
    assert found is not None
    return json.loads(found[1])


def words_of(path: Path) -> np.ndarray:
    found = re.search(r'id="data">(.*?)</script>', path.read_text(encoding="utf-8"))
    assert found is not None
    return np.frombuffer(base64.b64decode(found[1]), "<u4").reshape(-1, 8)


def test_32_bytes_a_gaussian_without_the_faint_ones(tmp_path: Path) -> None:
    scene = colourful(700, -3.0)
    scene.opacity_logits[:100] = -20.0
    path = written(tmp_path, scene)
    kept = scene[(scene.opacities >= 1 / 255).nonzero()[:, 0]]
    words = words_of(path)
    assert len(words) == len(kept) < 610
    assert np.array_equal(words[:, :3].view("<f4"), kept.means.numpy())
    assert np.array_equal(words, packed(kept, settings_of(path)["white"]))
    assert path.stat().st_size < len(kept) * 32 * 4 / 3 + 40_000


@given(st.integers(0, 1000))
def test_what_packing_rounds(seed: int) -> None:
    scene = colourful(50, -3.0, seed)
    words = packed(scene, 1.5)
    rgb = np.stack([words[:, 3] >> shift & 1023 for shift in (0, 10, 20)], axis=1) / 1023 * 1.5
    np.testing.assert_allclose(rgb, sh_to_rgb(scene.sh[:, 0]), atol=0.51 / 1023 * 1.5)
    xyzw = words[:, 4:6].copy().view("<i2") / 32767
    wxyz = torch.from_numpy(xyzw[:, [3, 0, 1, 2]]).float()
    last = words[:, 6:].copy().view("<u2") / 65535
    torch.testing.assert_close(unit_quats(wxyz), unit_quats(scene.quats), rtol=0, atol=1e-4)
    scales = torch.from_numpy(np.exp(last[:, :3] * 32 - 20)).float()
    torch.testing.assert_close(scales, scene.scales, rtol=3e-4, atol=0)
    np.testing.assert_allclose(last[:, 3], scene.opacities, atol=0.51 / 65535)
    wanted = covariances(scene.quats, scene.scales)
    torch.testing.assert_close(covariances(wxyz, scales), wanted, rtol=0.01, atol=1e-3 * float(wanted.max()))


def test_faults_are_one_line_and_leave_no_file(tmp_path: Path) -> None:
    scene = colourful(5, -3.0)
    faint = Gaussians(*scene.tensors()[:3], torch.full((5,), -9.0), scene.sh)
    with pytest.raises(ValueError, match=r"scene\.html: every one of 5 Gaussians is too faint to be seen"):
        written(tmp_path, faint)
    with pytest.raises(ValueError, match=r"scene\.html: there are no Gaussians to write"):
        written(tmp_path, scene[:0])
    scene.means[3, 1] = torch.nan
    with pytest.raises(ValueError, match=r"scene\.html: not written: Gaussian 3 has a value that is not finite"):
        written(tmp_path, scene)
    with pytest.raises(ValueError, match=r"axes: 'x-up' is no convention"):
        written(tmp_path, colourful(5, -3.0), axes="x-up")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("options", [OrbitCameras(), RoomCameras()])
def test_a_path_of_cameras_becomes_heading_and_pitch(options: OrbitCameras | RoomCameras) -> None:
    cameras = video_path(options, 24)
    tour = torch.from_numpy(tour_of(cameras.viewmats.double().numpy(), np.full(24, 0.8)))
    torch.testing.assert_close(tour[:, :3].float(), cameras.positions, rtol=0, atol=1e-5)
    ahead = heading(torch.rad2deg(tour[:, 3]), torch.rad2deg(tour[:, 4]))
    torch.testing.assert_close(ahead.float(), cameras.viewmats[:, 2, :3], rtol=0, atol=1e-5)
    assert tour[0, 5] == 0.8


def test_whether_a_tour_closes_is_seen_from_its_steps(tmp_path: Path) -> None:
    cameras = video_path(OrbitCameras(), 24)
    tour = tour_of(cameras.viewmats.double().numpy(), np.full(24, 0.8))
    for part, closes in ((tour, True), (tour[:12], False)):
        assert settings_of(written(tmp_path, blob((0.9, 0.1, 0.1)), tour=part))["tourCloses"] is closes


def test_views_stand_around_a_thing_and_inside_a_room() -> None:
    rng = np.random.default_rng(0)
    ball = rng.normal(size=(500, 3))
    directions = ball / np.linalg.norm(ball, axis=1, keepdims=True)
    shell = 3 * directions / np.abs(directions).max(axis=1, keepdims=True)
    around, inside = views_of(ball), views_of(shell)
    assert [view.name for view in around] == ["Front", "Left", "Back", "Right", "Top"]
    assert [view.name for view in inside] == ["North", "East", "South", "West"]
    assert around[0].position[1] < -3
    assert around[1].position[0] < -3
    assert around[4].position[2] > 3
    assert all(np.linalg.norm(view.position) < 0.3 for view in inside)
    assert inside[1].target[0] > inside[1].position[0]
    assert len(views_of(np.full((3, 3), np.nan))) == 1


def test_a_browser_that_cannot_draw_is_told_so_until_the_end(chromium, tmp_path: Path) -> None:
    page = chromium.new_page()
    try:
        page.add_init_script("HTMLCanvasElement.prototype.getContext = () => null")
        page.goto(written(tmp_path, colourful(20, 0.1)).as_uri())
        said = "document.body.innerText.includes('no WebGL 2')"
        eventually(lambda: page.evaluate(said), "the page says what is missing")
        page.mouse.click(SIDE / 2, SIDE / 3)
        assert page.evaluate(said)
        page.get_by_title("Help").click()
        assert not page.evaluate(said)
        page.get_by_title("Help").click()
        assert page.evaluate(said)
    finally:
        page.close()
