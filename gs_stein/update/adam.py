"""One Adam per attribute of the Gaussians, as gsplat's strategies want them, and their decaying rates."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Int
from torch import Tensor

from gs_stein.gaussians.denormals import start_threads
from gs_stein.update.options import LearningRates

EPS = 1e-15
"""Adam's floor: the gradient of a single Gaussian is tiny, and its size means nothing in distillation."""

LARGEST = 1e18
"""Of a number or moment of a Gaussian: its square is still one, and so is a sum of many. (Float32 ends at 3e38.)"""
FAINT = -4.6
"""Logit of the opacity, 1 %, that a Gaussian keeps which had to be put right."""

# Moments of Gaussians that no view shows decay to denormal numbers. The loop flushes them in its own thread; torch's
# threads, which share its work, have to be started so before anything else starts them.
start_threads()


def learning_rate(start_end: tuple[float, float], progress: float, until: float = 1.0) -> float:
    """Exponential decay from start (progress 0) to end (progress `until` and after)."""
    start, end = start_end
    if start == 0:
        return 0.0
    done = min(max(progress / until, 0.0), 1.0)
    return start ** (1 - done) * end**done


def rate_of(rates: LearningRates, name: str) -> tuple[float, float]:
    """The (start, end) of a parameter of `Gaussians.parameters`."""
    return {
        "means": rates.means, "scales": rates.scales, "quats": rates.quats, "opacities": rates.opacities,
        "sh0": rates.sh0, "shN": rates.shN,
    }[name]  # fmt: skip


def make_optimizers(
    parameters: dict[str, torch.nn.Parameter], rates: LearningRates
) -> dict[str, torch.optim.Optimizer]:
    """One Adam a parameter, each with the single parameter group that gsplat's densification replaces."""
    return {
        name: torch.optim.Adam(
            [{"params": [parameter], "name": name}], lr=rate_of(rates, name)[0], eps=EPS, betas=rates.betas, fused=True
        )
        for name, parameter in parameters.items()
    }


def set_rates(
    optimizers: dict[str, torch.optim.Optimizer], rates: LearningRates, progress: float, factor: float = 1.0
) -> None:
    """Set every learning rate for a moment of the run.

    Args:
        optimizers: of `make_optimizers`; changed in place.
        rates: the pairs.
        progress: fraction of the run that is done.
        factor: on all of them.
    """
    for name, optimizer in optimizers.items():
        optimizer.param_groups[0]["lr"] = factor * learning_rate(rate_of(rates, name), progress, rates.decay_until)


def moments(parameters: dict[str, torch.nn.Parameter], optimizers: dict[str, torch.optim.Optimizer]) -> list[Tensor]:
    """Adam's memory of the Gaussians, one a row: live tensors, none before the first step."""
    return [
        moment
        for name, parameter in parameters.items()
        for moment in optimizers[name].state[parameter].values()
        if moment.shape == parameter.shape
    ]


@torch.no_grad()
def put(
    parameters: dict[str, torch.nn.Parameter],
    optimizers: dict[str, torch.optim.Optimizer],
    places: Int[Tensor, " n"],
    others: Mapping[str, Tensor],
) -> None:
    """Replace some Gaussians by others, with no memory of the gradients of those before.

    Args:
        parameters: changed in place.
        optimizers: one a parameter; so are their moments.
        places: which Gaussians.
        others: parameters of as many.
    """
    for name, parameter in parameters.items():
        parameter[places] = others[name].to(parameter)
    for moment in moments(parameters, optimizers):
        moment[places] = 0


@torch.no_grad()
def reset_broken(parameters: dict[str, torch.nn.Parameter], optimizers: dict[str, torch.optim.Optimizer]) -> int:
    """Put Gaussians right that have a number, or a moment, that is not finite, or too large to be reckoned with.

    One without place, size or colour becomes a faint copy of another one, which densification may move elsewhere. All
    lose their moments.

    Args:
        parameters: changed in place.
        optimizers: one a parameter; so are their moments.

    Returns:
        How many there were.

    Raises:
        FloatingPointError: no Gaussian is finite.
    """
    lost, forgetful = (
        torch.stack([(t.abs() <= LARGEST).reshape(len(t), -1).all(1) for t in tensors]).all(0).logical_not()
        for tensors in (parameters.values(), [*parameters.values(), *moments(parameters, optimizers)])
    )
    healthy, places = lost.logical_not().nonzero()[:, 0], lost.nonzero()[:, 0]
    if len(healthy) == 0:
        raise FloatingPointError("no Gaussian is finite any more; lower the learning rates or use full precision")
    following = healthy[torch.searchsorted(healthy, places).clamp_max(len(healthy) - 1)]
    others = {name: parameter[following] for name, parameter in parameters.items()}
    others["opacities"] = others["opacities"].clamp_max(FAINT)
    put(parameters, optimizers, places, others)
    for moment in moments(parameters, optimizers):
        moment[forgetful] = 0
    return int(forgetful.sum())


def state_dict(optimizers: dict[str, torch.optim.Optimizer]) -> dict[str, dict[str, Tensor]]:
    """Adam's moments and counts, by parameter."""
    saved = {}
    for name, optimizer in optimizers.items():
        state = optimizer.state[optimizer.param_groups[0]["params"][0]]
        saved[name] = {key: value.detach().clone() for key, value in state.items()}
    return saved


def load_state_dict(optimizers: dict[str, torch.optim.Optimizer], saved: dict[str, dict[str, Tensor]]) -> None:
    """The inverse of `state_dict`, bit for bit."""
    for name, optimizer in optimizers.items():
        parameter = optimizer.param_groups[0]["params"][0]
        optimizer.state[parameter] = {key: value.detach().clone() for key, value in saved[name].items()}
