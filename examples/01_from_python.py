"""A scene from Python: the loop is yours, gs_stein makes the steps.

python examples/01_from_python.py [ITERATIONS] [OUTPUT.ply]
"""

import sys
from dataclasses import replace
from pathlib import Path

from gs_stein.config.presets import preset_file
from gs_stein.config.serialize import read_config
from gs_stein.gaussians.files import write_gaussians
from gs_stein.optimize.loop import optimize
from gs_stein.optimize.networks import load_priors
from gs_stein.optimize.state import begin

iterations = int(sys.argv[1]) if len(sys.argv) > 1 else 100
output = Path(sys.argv[2]) if len(sys.argv) > 2 else Path("chair.ply")

# A preset, and what shall be different. Every option of the command line is a field of this object.
config = read_config(preset_file("object"))
config = replace(config, prompt="a wooden chair", iterations=iterations, prior=replace(config.prior, model="bundled"))

priors = load_priors(config)  # the networks, which never change
state = begin(config, priors)  # the Gaussians and everything else that an iteration hands to the next
for step in optimize(config, state):
    if step.step % 20 == 0 or step.step == step.total:
        print(f"{step.step}/{step.total}: {step.count} Gaussians, gradient {step.losses.gradient:.3f}", flush=True)

write_gaussians(output, state.gaussians)  # the suffix chooses the format
print(f"wrote {output}")
