#!/usr/bin/env bash
# three.js 0.187 shows splats of a .glb too light: it takes the colours of KHR_gaussian_splatting, which are for display
# (colorSpace srgb_rec709_display), as linear light and encodes them once more, so that 0.5 arrives as 188 instead of
# 128. With renderer.outputColorSpace = LinearSRGBColorSpace they arrive as they are (but then everything else in the
# scene is too dark). Needs this package with its extra [dev], npm and Chromium; prints what is seen in both cases.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
npm install --silent --no-audit --no-fund --prefix "$work" three@0.187.0 >/dev/null

python3 - "$work" <<'PYTHON'
import functools, http.server, shutil, sys, threading
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from playwright.sync_api import sync_playwright

from gs_stein.gaussians.files import write_gaussians
from gs_stein.gaussians.model import Gaussians, rgb_to_sh

work = Path(sys.argv[1])
colour = torch.tensor([[0.5, 0.2, 0.8]])
large = Gaussians(torch.zeros(1, 3), torch.zeros(1, 3), torch.tensor([[1.0, 0, 0, 0]]), torch.full((1,), 9.0),
                  rgb_to_sh(colour)[:, None])
write_gaussians(work / "scene.glb", large)
(work / "page.html").write_text("""<!doctype html><style>body { margin: 0 }</style>
<script type="importmap">{"imports": {"three": "/node_modules/three/build/three.webgpu.js",
"three/webgpu": "/node_modules/three/build/three.webgpu.js", "three/tsl": "/node_modules/three/build/three.tsl.js",
"three/addons/": "/node_modules/three/examples/jsm/"}}</script>
<script type="module">
import * as THREE from "three/webgpu";
import { GLTFLoader } from "three/addons/loaders/GLTFLoader.js";
import { GLTFGaussianSplatLoaderExtension } from "three/addons/loaders/GLTFGaussianSplatLoaderExtension.js";
const renderer = new THREE.WebGPURenderer({ forceWebGL: true });
await renderer.init();
if (location.hash === "#linear") renderer.outputColorSpace = THREE.LinearSRGBColorSpace;
renderer.setSize(128, 128, false);
document.body.append(renderer.domElement);
const scene = new THREE.Scene(), camera = new THREE.PerspectiveCamera(40, 1, 0.1, 100);
camera.position.set(0, 0, 4);
const loader = new GLTFLoader();
loader.register((parser) => new GLTFGaussianSplatLoaderExtension(parser));
scene.add((await loader.loadAsync("/scene.glb")).scene);
renderer.setAnimationLoop(() => renderer.render(scene, camera));
for (let i = 0; i < 6; i++) await new Promise(requestAnimationFrame);
window.done = true;
</script>""")


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(work)))
threading.Thread(target=server.serve_forever, daemon=True).start()
chromium = next(p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p)
flags = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"]
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=chromium, args=["--headless=new", *flags],
                                         ignore_default_args=["--headless"])
    print("wanted          ", (colour[0] * 255).round().int().tolist())
    for name in ("", "linear"):
        page = browser.new_page(viewport={"width": 128, "height": 128})
        page.goto(f"http://127.0.0.1:{server.server_port}/page.html#{name}")
        page.wait_for_function("window.done", timeout=120_000)
        page.screenshot(path=work / "shot.png")
        page.close()
        seen = np.asarray(Image.open(work / "shot.png").convert("RGB"))[64, 64].tolist()
        print(f"{'output ' + (name or 'as usual'):16s}", seen)
    browser.close()
server.shutdown()
PYTHON
