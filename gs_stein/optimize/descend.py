"""One step downhill: from a gradient of the latents to changed Gaussians."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein import ranks
from gs_stein.config.schema import Config
from gs_stein.distill.distiller import Estimate
from gs_stein.gaussians.model import Gaussians
from gs_stein.optimize.phases import ClosedForm, Phase
from gs_stein.optimize.state import State
from gs_stein.optimize.step import Losses
from gs_stein.types import Render
from gs_stein.update.colours import keep_in_gamut
from gs_stein.update.regularize import regularize
from gs_stein.update.visual_hull import prune_outside_hull


def descend(
    config: Config,
    state: State,
    phase: Phase,
    gaussians: Gaussians,
    render: Render,
    background: Float[Tensor, 3],
    x0: Float[Tensor, "v C h w"],
    estimate: Estimate,
) -> Losses:
    """Regularise, differentiate, change the Gaussians, densify; a step that is not finite changes nothing.

    Args:
        config: of the run.
        state: changed in place.
        phase: of this iteration.
        gaussians: with the graph to the parameters.
        render: of them.
        background: behind them.
        x0: the encoded renders of this rank's views, with their graph.
        estimate: dL/dx₀ of the same.

    Returns:
        The terms of the loss; NaN where the step was skipped.

    Raises:
        FloatingPointError: too many steps in a row were not finite (one line).
    """
    losses = Losses(distill=math.nan, gradient=math.nan)
    if not estimate.finite:
        return losses
    terms = regularize(config.regularize, gaussians, render, background)
    handle = (x0 * estimate.grad).mean()
    loss = handle.to(state.device) + terms.total() + phase.extra_loss(render)
    seen = state.colours.weight
    edits = phase.closed_form(gaussians, render, estimate, background)
    render.means2d.grad = None  # of the pictures, if colours were solved for; densification wants that of the loss
    loss.backward()
    means = ranks.average_gradients(
        state.parameters.values(),
        {"distill": handle.item(), "gradient": estimate.grad.square().mean().item(), **terms.items()},
    )
    guard, gradients = state.distiller.guard, [parameter.grad for parameter in state.parameters.values()]
    if guard.finite("the gradient of the Gaussians", *gradients) and guard.finite("the decoded guess", *edits.all()):
        change(config, state, edits)
        # Densification looks at the gradients of every view, and draws Gaussians by opacities that must be numbers.
        state.keep_finite()
        state.densifier.after_update(state.parameters, state.optimizers, render, state.step + 1, state.generator)
        losses = Losses(**means | {"gradient": math.sqrt(means["gradient"])})
    else:
        state.colours.weight, state.reused = seen, None
    for optimizer in state.optimizers.values():
        optimizer.zero_grad()
    return losses


@torch.no_grad()
def change(config: Config, state: State, edits: ClosedForm) -> None:
    """Adam's step on every attribute, between the changes that are made in closed form."""
    colours, opacities = state.parameters["sh0"], state.parameters["opacities"]
    if edits.solved is not None:
        colours.grad = None  # Adam leaves them alone
        colours += edits.solved
    if edits.inside is not None:
        opacities.copy_(prune_outside_hull(opacities, edits.inside, config.rates.prune_outside_hull))
    for optimizer in state.optimizers.values():
        optimizer.step()
    if edits.blended is not None:
        colours += edits.blended
    keep_in_gamut(colours)
