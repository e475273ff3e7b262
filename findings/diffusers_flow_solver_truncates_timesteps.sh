#!/usr/bin/env bash
# diffusers 0.42.1: the sampler that SANA's folders name (DPMSolverMultistepScheduler with flow sigmas) hands the network
# timesteps that are truncated to integers, 1000 σ without its fraction, while the state holds noise of σ itself; the
# other flow sampler, FlowMatchEulerDiscreteScheduler, hands on 1000 σ as it is. Whoever compares a step of theirs with
# the formula differs by up to a thousandth in t.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/python" -m pip install --quiet --disable-pip-version-check diffusers==0.42.1 torch==2.13.0 scipy==1.16.3

"$work/env/bin/python" - <<'PYTHON'
import sys

import diffusers
from diffusers import DPMSolverMultistepScheduler, FlowMatchEulerDiscreteScheduler

solver = DPMSolverMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0)
euler = FlowMatchEulerDiscreteScheduler(shift=3.0)
off = {}
for sampler in (solver, euler):
    sampler.set_timesteps(20)
    wanted = 1000 * sampler.sigmas[:20]
    name = type(sampler).__name__
    off[name] = float((wanted - sampler.timesteps).abs().max())
    print(f"diffusers {diffusers.__version__} {name}: t of {sampler.timesteps.dtype}, 5th is {sampler.timesteps[4].item():.4f}, 1000 sigma {wanted[4].item():.4f}, at most {off[name]:.3f} apart")
solver_off, euler_off = off.values()
sys.exit(0 if solver_off > 0.7 and euler_off < 1e-3 else "changed")
PYTHON
