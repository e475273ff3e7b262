#!/usr/bin/env bash
# three.js 0.187 shows splats of a .glb too light: it takes the colours of KHR_gaussian_splatting, which are for display
# (colorSpace srgb_rec709_display), as linear light and encodes them once more, so that 0.5 arrives as 188 instead of
# 128. With renderer.outputColorSpace = LinearSRGBColorSpace they arrive as they are (but then everything else in the
# scene is too dark). Needs npm and Chromium; prints what is seen in both cases,
# and fails if that has changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
npm install --silent --no-audit --no-fund --prefix "$work" three@0.187.0 >/dev/null
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet playwright==1.65.2 pillow==13.0.0

"$work/venv/bin/python" - "$work" <<'PYTHON'
import functools, http.server, json, shutil, struct, sys, threading
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

work = Path(sys.argv[1])
colour = (0.5, 0.2, 0.8)
# One opaque splat of a metre around the origin, by KHR_gaussian_splatting.
name = "KHR_gaussian_splatting:"
values = {"POSITION": (0, 0, 0), f"{name}ROTATION": (0, 0, 0, 1), f"{name}SCALE": (1, 1, 1), f"{name}OPACITY": (0.9999,),
          f"{name}SH_DEGREE_0_COEF_0": [(c - 0.5) / 0.28209479177387814 for c in colour]}
data, views, accessors, attributes = b"", [], [], {}
for key, value in values.items():
    attributes[key] = len(accessors)
    views.append({"buffer": 0, "byteOffset": len(data), "byteLength": 4 * len(value)})
    accessors.append({"bufferView": len(views) - 1, "componentType": 5126, "count": 1,
                      "type": {1: "SCALAR", 3: "VEC3", 4: "VEC4"}[len(value)]})
    data += struct.pack(f"<{len(value)}f", *value)
accessors[0] |= {"min": [0, 0, 0], "max": [0, 0, 0]}
splats = {"kernel": "ellipse", "colorSpace": "srgb_rec709_display"}
gltf = {"asset": {"version": "2.0"}, "extensionsUsed": ["KHR_gaussian_splatting"], "scene": 0,
        "scenes": [{"nodes": [0]}], "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"mode": 0, "attributes": attributes, "extensions": {"KHR_gaussian_splatting": splats}}]}],
        "buffers": [{"byteLength": len(data)}], "bufferViews": views, "accessors": accessors}
text = json.dumps(gltf).encode()
text += b" " * (-len(text) % 4)
chunks = struct.pack("<II", len(text), 0x4E4F534A) + text + struct.pack("<II", len(data), 0x004E4942) + data
(work / "scene.glb").write_bytes(struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks)
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
    wanted, found = [round(255 * c) for c in colour], {}
    print("wanted          ", wanted)
    for name in ("", "linear"):
        page = browser.new_page(viewport={"width": 128, "height": 128})
        page.goto(f"http://127.0.0.1:{server.server_port}/page.html#{name}")
        page.wait_for_function("window.done", timeout=120_000)
        page.screenshot(path=work / "shot.png")
        page.close()
        seen = found[name] = list(Image.open(work / "shot.png").convert("RGB").getpixel((64, 64)))
        print(f"{'output ' + (name or 'as usual'):16s}", seen)
    browser.close()
server.shutdown()
light = found[""][0] > wanted[0] + 40 and abs(found["linear"][0] - wanted[0]) < 8
sys.exit(0 if light else "changed")
PYTHON
