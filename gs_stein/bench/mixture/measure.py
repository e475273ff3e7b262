"""Samples of every arm at a frozen scene, on the same draws."""

from __future__ import annotations

import torch
from torch import Tensor

from gs_stein.bench import analysis
from gs_stein.bench.mixture.stage import RandomGeometry, Scene, Stage
from gs_stein.distill import estimators
from gs_stein.distill.baselines import Constant, Depth, Normal, phi_and_gradient
from gs_stein.distill.coefficients import Coefficients
from gs_stein.distill.draw import Draw
from gs_stein.distill.lora import LoraScore
from gs_stein.distill.options import VSD, CoefficientOptions
from gs_stein.prior.options import TimestepOptions
from gs_stein.prior.schedule import sample_timesteps

FITTED = {
    "fitted": (("h 1",), False),
    "phi only": (("h depth",), False),
    "{1, depth}": (("h 1", "h depth"), False),
    "{1, normal}": (("h 1", "h normal"), False),
    "{1, depth, normal}": (("h 1", "h depth", "h normal"), False),
    "printed": (("h 1", "h printed"), False),
    "spectral": (("h 1",), True),
    "ssd": (("h 1", "h depth"), True),
    "ssd + normal": (("h 1", "h depth", "h normal"), True),
}
"""The fitted arms: their control variates, and whether coefficients are spectral."""


def control_variates(geometry: RandomGeometry, draw: Draw) -> dict[str, Tensor]:
    """Every control variate once; the arms share them. "phi …" and "grad …" are what they were made of."""
    found = {"h 1": Constant().variate(draw)}
    for name, baseline in (("depth", Depth(geometry.depth)), ("normal", Normal(geometry.normals))):
        phi, gradient = phi_and_gradient(baseline, draw)
        found |= {f"phi {name}": phi.expand_as(draw.eps), f"grad {name}": gradient}
        found[f"h {name}"] = draw.eps * phi - draw.noise_scale() * gradient
    found["h printed"] = draw.eps * found["phi depth"] + found["grad depth"]
    return found


def fresh_coefficients() -> dict[str, Coefficients]:
    """Coefficients of the fitted arms, from disjoint draws only: leave-one-out is off."""
    fit = CoefficientOptions(half_life=1000.0, leave_one_out=False)
    return {
        name: Coefficients(
            fit,
            len(keys),
            torch.tensor([float(key == "h 1") for key in keys]),
            spectral=spectral,
            num_timesteps=1000,
        )
        for name, (keys, spectral) in FITTED.items()
    }


def measure(stage: Stage, scene: Scene, timesteps: int, noises: int, fits: int, seed: int) -> dict[str, Tensor]:
    """Samples (cameras, timesteps, noises, C, h, w) of every arm, and "h …" of every control variate."""
    generator = torch.Generator().manual_seed(seed)
    x0, schedule = scene.x0, stage.prior.schedule
    arms = fresh_coefficients()
    for _ in range(fits):
        t, _ = sample_timesteps(schedule, TimestepOptions(), 8, 0.0, generator)
        draw, eps_hat = stage.draw(x0, t, generator, twins=False)
        variates = control_variates(stage.geometry, draw)
        for name, arm in arms.items():
            arm.update(eps_hat, [variates[key] for key in FITTED[name][0]], draw)
    lora = LoraScore(VSD(rank=4, learning_rate=3e-3, steps=4 * fits, samples=4), stage.prior, len(stage.prior.means))
    lora.train(x0, stage.text, stage.negative, None, TimestepOptions().window(0.0), generator)

    grid, _ = sample_timesteps(schedule, TimestepOptions(), timesteps, 0.0, generator)
    draw, eps_hat = stage.draw(x0, grid.repeat_interleave(noises), generator, twins=True)
    residuals = {"raw": estimators.raw(eps_hat), "sds": estimators.sds(eps_hat, draw)}
    residuals["vsd"] = estimators.vsd(eps_hat, lora.predict(draw.x_t, draw.t, stage.text, None))
    lora.close()
    residuals |= control_variates(stage.geometry, draw)
    for name, arm in arms.items():
        residuals[name] = arm.residual(eps_hat, [residuals[key] for key in FITTED[name][0]], draw, update=False)
    half = len(draw.t) // 2
    omega = draw.weight.view(-1, 1, 1, 1, 1)
    weighted = {n: value if n.startswith("phi") else omega * value for n, value in residuals.items()}
    samples = {
        name: value[:half].unflatten(0, (timesteps, noises)).permute(2, 0, 1, 3, 4, 5)
        for name, value in weighted.items()
    }
    for name, base in (("sds + antithetic", "sds"), ("ssd + antithetic", "ssd")):
        pair = 0.5 * (weighted[base][:half] + weighted[base][half:])
        samples[name] = pair.unflatten(0, (timesteps, noises)).permute(2, 0, 1, 3, 4, 5)
    return samples


def zscores(samples: dict[str, Tensor], name: str) -> float:
    """Largest |z| of the mean of one variate: in all directions together, and along E∇φ."""
    source, h = "depth" if name == "printed" else name, samples[f"h {name}"]
    along = analysis.z_along(h, samples["h 1"], samples[f"phi {source}"][..., 0, 0, 0], samples[f"grad {source}"])
    return max(abs(analysis.z_of_mean(h)), abs(along))
