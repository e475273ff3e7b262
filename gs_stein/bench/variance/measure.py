"""What one frozen scene shows of every arm, and what an iteration of each costs."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein.bench import analysis
from gs_stein.bench.variance.arms import ARMS, FITTED, PARAMETRIC, UNBIASED, configured
from gs_stein.bench.variance.frozen import Stage
from gs_stein.bench.variance.options import Options
from gs_stein.distill import estimators
from gs_stein.distill.coefficients import Coefficients
from gs_stein.distill.lora import LoraScore
from gs_stein.distill.options import VSD, CoefficientOptions
from gs_stein.optimize.networks import load_priors
from gs_stein.optimize.state import begin


@dataclass(frozen=True)
class Found:
    """What one frozen scene showed."""

    progress: float
    """Where along its run the scene was frozen."""
    times: Float[Tensor, " draws"]
    """Noise levels t/T of the draws: one for each set of cameras and timestep."""
    latent: dict[str, Float[Tensor, " draws"]]
    """Variance over noises of the latents' gradient, at each of them."""
    means: dict[str, tuple[float, float]]
    """Shift of the mean against SDS, and cosine."""
    z: dict[str, float]
    """z-score of the mean of what an arm takes off beyond SDS: about N(0, 1) where that is of zero mean."""
    attributes: dict[str, dict[str, float]]
    """Variance over noises of the Gaussians' gradient by arm and attribute, as Adam scales it."""
    parts: dict[str, analysis.Components]
    """Of all attributes together: camera, timestep, noise."""


def fit(stage: Stage, fits: int, generator: torch.Generator) -> tuple[dict[str, Coefficients], LoraScore]:
    """Coefficients and LoRA at a frozen scene, on draws of their own."""
    how = CoefficientOptions(half_life=1000.0, leave_one_out=False)
    denoiser = stage.priors.denoiser
    steps = stage.schedule.num_timesteps
    expected = {"1": 1.0, "learned": 1.0, "learned_prompt": stage.config.distill.guidance.scale}
    arms = {
        name: Coefficients(
            how,
            len(keys),
            torch.tensor([expected.get(key, 0.0) for key in keys]),
            spectral=spectral,
            num_timesteps=steps,
        )
        for name, (keys, spectral) in FITTED.items()
    }
    lora = LoraScore(VSD(rank=4), denoiser, denoiser.embed([""]).tokens.shape[-1])
    window = stage.config.distill.timesteps.window(stage.frozen.progress)
    for _ in range(fits):
        cameras, _, x0, depth = stage.look(generator)
        draw, guess, text = stage.draw(x0.detach(), stage.times(1, generator), generator, cameras, depth, twins=False)
        variates = stage.variates(draw)
        for name, arm in arms.items():
            arm.update(guess, [variates[key] for key in FITTED[name][0]], draw)
        stage.learned.learn(guess, draw)
        lora.train(x0.detach(), text, stage.prompts.empty, cameras, window, generator)
    return arms, lora


def measure(stage: Stage, options: Options, seed: int) -> Found:
    """Every arm on the same cameras × timesteps × noises."""
    generator = torch.Generator().manual_seed(seed)
    arms, lora = fit(stage, options.fits, generator)
    latent: dict[str, list[Tensor]] = {}
    gradients: dict[str, list[Tensor]] = {}
    widths: dict[str, int] = {}
    levels: list[float] = []
    for _ in range(options.groups):
        cameras, parameters, x0, depth = stage.look(generator)
        here: dict[str, list[Tensor]] = {}
        inner: dict[str, list[Tensor]] = {}
        for t in stage.times(options.timesteps, generator):
            draw, guess, text = stage.draw(x0.detach(), t.repeat(options.noises), generator, cameras, depth, twins=True)
            variates = stage.variates(draw)
            levels.append(float(t) / stage.schedule.num_timesteps)
            residuals = {
                "sds": estimators.sds(guess, draw),
                "vsd": estimators.vsd(guess, lora.predict(draw.x_t, draw.t, text, cameras)),
            }
            for name, arm in arms.items():
                residuals[name] = arm.residual(guess, [variates[k] for k in FITTED[name][0]], draw, update=False)
            if options.references:
                best = stage.jacobians(draw, cameras, options.references, generator)
                residuals |= {name: estimators.sds(guess, draw) - value for name, value in best.items()}
            weighted = {name: draw.weight.view(-1, 1, 1, 1, 1) * value for name, value in residuals.items()}
            samples = {name: value[: options.noises] for name, value in weighted.items()}
            for name in ("sds", "ssd", "learned"):
                samples[f"{name}_antithetic"] = weighted[name].unflatten(0, (2, -1)).mean(0)
            for name, value in samples.items():
                here.setdefault(name, []).append(value)
                if name in PARAMETRIC:
                    rows = []
                    for sample in value:
                        found = torch.autograd.grad(x0, list(parameters.values()), sample / sample.numel(), True)
                        rows.append(torch.cat([g.flatten() for g in found]))
                    inner.setdefault(name, []).append(torch.stack(rows))
        widths = {key: value.numel() for key, value in parameters.items()}
        for name, values in here.items():
            latent.setdefault(name, []).append(torch.stack(values))
        for name, values in inner.items():
            gradients.setdefault(name, []).append(torch.stack(values))
    lora.close()
    stacked = {name: torch.stack(values) for name, values in latent.items()}  # C T N V c h w
    scaled = preconditioned({n: torch.stack(v) for n, v in gradients.items()}, stage.frozen.second, widths)
    return Found(
        stage.frozen.progress,
        torch.tensor(levels),
        {n: analysis.noise_variance(v).flatten(2).mean(2).flatten() for n, v in stacked.items()},
        {n: analysis.mean_shift(v, stacked["sds"]) for n, v in stacked.items()},
        {n: analysis.z_of_mean(stacked[n] - stacked["sds"]) for n in UNBIASED},
        {n: by_attribute(analysis.noise_variance(v).mean(0), widths) for n, v in scaled.items()},
        {n: analysis.components(v) for n, v in scaled.items()},
    )


def preconditioned(
    gradients: dict[str, Tensor], second: dict[str, Tensor], widths: dict[str, int]
) -> dict[str, Tensor]:
    """Gradients over the root of Adam's second moment (of SDS's own gradients before the first step).

    Gaussians whose second moment is below a thousandth of their attribute's mean are hardly ever seen; Adam's ε is for
    them, and so is this floor.
    """
    own = gradients["sds"].square().flatten(0, 2).mean(0).split(list(widths.values()))
    scales = []
    for key, seen in zip(widths, own, strict=True):
        moment = second[key].flatten() if key in second else seen
        scales.append(moment.clamp_min(1e-3 * float(moment.mean()) + 1e-30).rsqrt())
    scale = torch.cat(scales)
    return {name: value * scale for name, value in gradients.items()}


def by_attribute(variance: Float[Tensor, " D"], widths: dict[str, int]) -> dict[str, float]:
    """Mean of each attribute's share of a long vector."""
    return {k: float(v.mean()) for k, v in zip(widths, variance.split(list(widths.values())), strict=True) if len(v)}


def price(options: Options, prompt: str, scene: bool) -> dict[str, float]:
    """Seconds of an iteration of the main loop over SDS's in the same turn: medians. (Memory: `bench convergence`.)"""
    from gs_stein.optimize.loop import optimize

    runs = {}
    for name, kind in ARMS.items():
        config = configured(prompt, scene, kind, options)
        # Full-size pictures throughout: the coarse start of a run is short and cheap for every arm.
        length = kind.reuse * (3 + options.repeats)
        config = replace(config, iterations=length, resolution=replace(config.resolution, first=0))
        state = begin(config, load_priors(config))  # a prior each, for VSD changes its own
        runs[name] = (state, optimize(config, state))
        for _ in range(3 * kind.reuse):  # compile, warm up
            next(runs[name][1])
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(options.repeats):
        for name, (state, steps) in runs.items():
            before = state.seconds
            for _ in range(ARMS[name].reuse):
                next(steps)
            seconds[name].append((state.seconds - before) / ARMS[name].reuse)
    for state, _ in runs.values():
        state.distiller.close()
    return {
        name: statistics.median(own / sds for own, sds in zip(values, seconds["sds"], strict=True))
        for name, values in seconds.items()
    }
