"""One Adam per attribute of the Gaussians, as gsplat's strategies want them, and their decaying rates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor
from torch.optim.adam import adam

from gs_stein.threads import start_threads
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


class Adam:
    """`torch.optim.Adam(fused=True)` of one parameter, bit for bit, with what gsplat's densification uses of it.

    To make one of torch's own imports torch's compiler, which takes a second or two; the function that both call does
    not.

    Args:
        parameter: what it descends on.
        name: of the parameter.
        lr: learning rate.
        betas: decay of the moments.
    """

    def __init__(self, parameter: torch.nn.Parameter, name: str, lr: float, betas: tuple[float, float]) -> None:
        self.betas = betas
        self.param_groups: list[dict[str, Any]] = [{"params": [parameter], "name": name, "lr": lr}]
        self.state: defaultdict[Tensor, dict[str, Tensor]] = defaultdict(dict)
        """By parameter: `step`, `exp_avg` and `exp_avg_sq`; nothing before the first step."""

    @torch.no_grad()
    def step(self) -> None:
        """One step along the gradient; none where there is no gradient."""
        (group,) = self.param_groups
        (parameter,) = group["params"]
        if parameter.grad is None:
            return
        state = self.state[parameter]
        if not state:
            state["step"] = torch.zeros((), device=parameter.device)
            state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(parameter), torch.zeros_like(parameter)
        adam(
            [parameter], [parameter.grad], [state["exp_avg"]], [state["exp_avg_sq"]], [], [state["step"]],
            fused=True, amsgrad=False, beta1=self.betas[0], beta2=self.betas[1], lr=group["lr"], weight_decay=0.0,
            eps=EPS, maximize=False,
        )  # fmt: skip

    def zero_grad(self) -> None:
        """Forget the gradient."""
        for parameter in self.param_groups[0]["params"]:
            parameter.grad = None


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


def make_optimizers(parameters: dict[str, torch.nn.Parameter], rates: LearningRates) -> dict[str, Adam]:
    """One Adam a parameter, each with the single parameter group that gsplat's densification replaces."""
    return {name: Adam(parameter, name, rate_of(rates, name)[0], rates.betas) for name, parameter in parameters.items()}


def set_rates(optimizers: dict[str, Adam], rates: LearningRates, progress: float, factor: float = 1.0) -> None:
    """Set every learning rate for a moment of the run.

    Args:
        optimizers: of `make_optimizers`; changed in place.
        rates: the pairs.
        progress: fraction of the run that is done.
        factor: on all of them.
    """
    for name, optimizer in optimizers.items():
        optimizer.param_groups[0]["lr"] = factor * learning_rate(rate_of(rates, name), progress, rates.decay_until)


def moments(parameters: dict[str, torch.nn.Parameter], optimizers: dict[str, Adam]) -> list[Tensor]:
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
    optimizers: dict[str, Adam],
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
def reset_broken(parameters: dict[str, torch.nn.Parameter], optimizers: dict[str, Adam]) -> int:
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


def state_dict(optimizers: dict[str, Adam]) -> dict[str, dict[str, Tensor]]:
    """Adam's moments and counts, by parameter."""
    saved = {}
    for name, optimizer in optimizers.items():
        state = optimizer.state[optimizer.param_groups[0]["params"][0]]
        saved[name] = {key: value.detach().clone() for key, value in state.items()}
    return saved


def load_state_dict(optimizers: dict[str, Adam], saved: dict[str, dict[str, Tensor]]) -> None:
    """The inverse of `state_dict`, bit for bit."""
    for name, optimizer in optimizers.items():
        parameter = optimizer.param_groups[0]["params"][0]
        optimizer.state[parameter] = {key: value.detach().clone() for key, value in saved[name].items()}
