"""The layout of a packet of 64 rays.

Rays travel in packets of `LANES`, stored field by field in one flat float32 buffer: LLVM then sees a single base
pointer with constant offsets and vectorises the loops over lanes without alias checks. Kernels are single-threaded
and release the interpreter lock; several processes share a machine.
"""

from __future__ import annotations

import numpy as np

LANES = 64
OX, OY, OZ, DX, DY, DZ, T, HIT = (LANES * k for k in range(8))
"""Fields of a packet, `LANES` numbers each: origins, unit directions, nearest distance so far, what was hit there."""
SCRATCH = 8 * LANES
"""Where the fields begin that `trace.meet` works in."""
FAR = 17 * LANES
"""How far each shadow ray goes."""
PACKET = 18 * LANES
"""Size of the buffer."""
F0, F1 = np.float32(0), np.float32(1)
TINY = np.float32(1e-9)
