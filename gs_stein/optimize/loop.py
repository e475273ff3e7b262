"""The whole algorithm: from a configuration to a scene, one `Step` an iteration.

    for step in optimize(config, state, controls):
        ...                       # show, log, save; pausing is not asking for the next step

Nothing here shows, logs or saves: callers do, from the steps.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from gs_stein import ranks
from gs_stein.config.check import check_shares
from gs_stein.config.schema import Config
from gs_stein.gaussians.model import Gaussians
from gs_stein.optimize.descend import descend
from gs_stein.optimize.eta import Eta
from gs_stein.optimize.phases import next_phase
from gs_stein.optimize.plan import draw_background, needs_normals, plan_step
from gs_stein.optimize.state import State
from gs_stein.optimize.step import Controls, Step
from gs_stein.rasterize.api import rasterize
from gs_stein.threads import denormals, start_threads

AGREE_EVERY = 100
"""Iterations after which several ranks compare what they hold."""


def optimize(
    config: Config, state: State, controls: Controls | None = None, watch: Callable[[float], None] | None = None
) -> Iterator[Step]:
    """Run the iterations that `state` has not finished yet.

    Args:
        config: what to do.
        state: where the run stands; changed in place.
        controls: what a viewer may change meanwhile; None: nothing.
        watch: where an iteration begins by denoising views for many seconds, told what share of that is done.

    Yields:
        One `Step` an iteration.

    Raises:
        FloatingPointError: too many steps in a row were not finite (one line).
        ValueError: this is one of several ranks, which do not do the same, or are gone (one line).
    """
    start_threads()  # of this thread, if it is another than the one that loaded the networks
    controls = Controls() if controls is None else controls
    check_shares(config, ranks.size())
    ranks.agree(state.description)
    denoiser, device, eta = state.priors.denoiser, state.priors.device, Eta()
    options = replace(config.rasterize, normals=needs_normals(config))
    while not (asked := ranks.of_first(controls)).stop and state.step < config.iterations:
        with denormals(flushed=True), ranks.at_work():
            began, before = time.perf_counter(), denoiser.evaluations
            plan = plan_step(config, asked, state.step, state.refiner.first)
            state.follow(plan, config)

            # Where we look from, and what is there.
            phase = next_phase(config, state, plan, watch)
            background = draw_background(config, state.generator).to(state.device)
            gaussians = Gaussians.from_parameters(state.parameters)
            cameras = phase.cameras[ranks.own(len(phase.cameras))]
            render = rasterize(gaussians, cameras.to(state.device), options, background)

            # What the prior thinks of it: dL/dx₀, with nothing differentiated through the denoiser.
            x0 = denoiser.encode(render.rgb.permute(0, 3, 1, 2).to(device))
            estimate = phase.estimate(x0.detach(), render)

            # One step downhill, on every attribute.
            losses = descend(config, state, phase, gaussians, render, background, x0, estimate)
            if not math.isfinite(losses.distill) or state.densifier.changes(state.step + 1):
                state.keep_finite()
            state.count_iteration(time.perf_counter() - began, denoiser.evaluations - before, eta)
        if state.step % AGREE_EVERY == 0:
            ranks.agree(state.description)
        yield Step(
            step=state.step, total=config.iterations, losses=losses, gaussians=state.gaussians, cameras=cameras,
            render=render.detach(), estimate=estimate, variance_ratio=state.distiller.variance_ratio,
            count=len(state.parameters["means"]), skipped=state.distiller.guard.skipped,
            reset=state.distiller.guard.reset, left_out=state.refiner.left_out,
            evaluations=state.evaluations, seconds=state.seconds,
            seconds_left=eta.left(config.iterations - state.step, state.evaluations_ahead),
        )  # fmt: skip
