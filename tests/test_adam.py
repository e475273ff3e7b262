"""Adam of the Gaussians: torch's own, bit for bit, without the second that it takes to make one of those."""

from __future__ import annotations

import subprocess
import sys

import torch

from gs_stein.update import adam
from gs_stein.update.options import LearningRates

RATES = LearningRates()


def test_its_steps_are_those_of_torch() -> None:
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(500, 3, generator=generator)
    ours, theirs = torch.nn.Parameter(start.clone()), torch.nn.Parameter(start.clone())
    optimizer = adam.make_optimizers({"means": ours}, RATES)["means"]
    other = torch.optim.Adam([theirs], lr=RATES.means[0], eps=adam.EPS, betas=RATES.betas, fused=True)
    for step in range(12):
        gradient = torch.randn(500, 3, generator=generator)
        ours.grad, theirs.grad = (None, None) if step == 5 else (gradient, gradient.clone())
        rate = 1e-3 * 0.9**step
        optimizer.param_groups[0]["lr"] = other.param_groups[0]["lr"] = rate
        optimizer.step()
        other.step()
        assert torch.equal(ours, theirs)
    assert optimizer.state[ours].keys() == other.state[theirs].keys()
    assert all(torch.equal(moment, other.state[theirs][key]) for key, moment in optimizer.state[ours].items())
    optimizer.zero_grad()
    assert ours.grad is None


def test_without_a_gradient_there_is_no_memory() -> None:
    parameter = torch.nn.Parameter(torch.ones(4))
    optimizer = adam.make_optimizers({"opacities": parameter}, RATES)["opacities"]
    optimizer.step()
    assert torch.equal(parameter, torch.ones(4))
    assert adam.state_dict({"opacities": optimizer}) == {"opacities": {}}


def test_its_steps_leave_the_compiler_alone() -> None:
    code = (
        "import sys, torch; from gs_stein.update import adam, options; p = torch.nn.Parameter(torch.ones(4)); "
        "p.grad = torch.ones(4); adam.make_optimizers({'sh0': p}, options.LearningRates())['sh0'].step(); "
        "print('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"
