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

from torch import Tensor

from gs_stein.cameras.sampling import sample_cameras
from gs_stein.config.schema import Config
from gs_stein.distill.distiller import Distiller
from gs_stein.distill.reuse import Held
from gs_stein.gaussians.model import Gaussians
from gs_stein.optimize.eta import Pace
from gs_stein.optimize.phases import fit_hull, pictured
from gs_stein.optimize.plan import background, needs_normals, render_size, solves_colours, steered, views_a_step
from gs_stein.optimize.state import State
from gs_stein.optimize.step import Controls, Losses, Step
from gs_stein.rasterize.api import rasterize
from gs_stein.types import Cameras, Render
from gs_stein.update import adam
from gs_stein.update.colours import keep_in_gamut, toward_views
from gs_stein.update.regularize import regularize
from gs_stein.update.visual_hull import carved, inside


def optimize(
    config: Config,
    state: State,
    controls: Controls | None = None,
    watch: Callable[[float], None] | None = None,
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
    """
    controls = Controls() if controls is None else controls
    denoiser, distiller, generator = state.priors.denoiser, state.distiller, state.generator
    refiner, device = state.refiner, state.priors.device
    pace = Pace()
    raster = replace(config.rasterize, normals=needs_normals(config))

    def rendered(cameras: Cameras) -> Tensor:
        """The scene as it stands, (V, 3, H, W), where the denoiser is."""
        colour = background(config, generator).to(state.device)
        render = rasterize(state.gaussians, cameras.to(state.device), config.rasterize, colour)
        return render.rgb.permute(0, 3, 1, 2).to(device)

    while state.step < config.iterations and not controls.stop:
        began, before = time.perf_counter(), denoiser.evaluations
        progress = state.step / config.iterations
        distilled = min(1.0, state.step / max(1, refiner.first))
        distiller.options = steered(config.distill, controls, distilled)
        state.prompts.change(controls.prompt)
        adam.set_rates(state.optimizers, config.rates, progress, controls.learning_rate)

        # Where we look from, and what is there.
        if (new := refiner.round(state.step, (controls.prompt, controls.guidance_scale))) is not None:
            refiner.prepare(new, rendered, state.prompts.at, config.cameras, generator, watch)
        elif refiner.aligns(state.step):
            refiner.align(rendered)
        if refiner.carves(state.step, new):
            fit_hull(config, state, sow=new is not None)
        target, held, part = None, None, None
        if state.step < refiner.first:
            side = render_size(config, distilled)
            held = state.held if state.held is not None and state.held.cameras.width == side else None
            if held is not None:
                part = held.part(config.distill.reuse_views)
                cameras = part.cameras
            else:
                cameras = sample_cameras(config.cameras, views_a_step(config, distilled), generator).resized(side, side)
        else:
            target = refiner.draw(config.views, generator)
            cameras = target.cameras
        behind = background(config, generator).to(state.device)
        gaussians = Gaussians.from_parameters(state.parameters)
        render = rasterize(gaussians, cameras.to(state.device), raster, behind)

        # What the prior thinks of it: dL/dx₀, with nothing differentiated through the denoiser.
        x0 = denoiser.encode(render.rgb.permute(0, 3, 1, 2).to(device))
        if target is not None:
            estimate = refiner.estimate(x0.detach(), target, distiller.guard)
        elif part is not None:
            estimate = part.at(x0.detach())
        else:
            text, negative = state.prompts.at(cameras)
            estimate = distiller(
                x0.detach(), text=text, negative=negative, empty=state.prompts.empty, cameras=cameras.to(device),
                generator=generator, progress=distilled, depth=render.depth.detach().to(device),
                normals=None if render.normals is None else render.normals.detach().to(device),
            )  # fmt: skip

        solving = target is None and solves_colours(config, state.step)
        if held is not None:
            state.held = held.followed()
        elif target is None and config.distill.reuse > 1 and estimate.finite:
            state.held = Held(cameras, x0.detach(), estimate, config.distill.reuse - 1)

        # One step downhill, on every attribute; densification looks at the gradients of every view.
        losses = Losses(distill=math.nan, gradient=math.nan)
        if estimate.finite:
            terms = regularize(config.regularize, gaussians, render, behind)
            handle = (x0 * estimate.grad).mean()
            loss = handle.to(state.device) + terms.total()
            if target is not None:
                loss = loss + refiner.depth_term(render, target)
            solved, standing, mended = None, None, None
            if target is not None and refiner.mends(state.step):
                shown = pictured(denoiser, target.x0, cameras).to(render.rgb)
                mended = toward_views(state.parameters["sh0"], render.rgb, shown, config.refine.mend)
            if solving:
                guess = pictured(denoiser, estimate.x0_hat, cameras).to(render.rgb)
                solved = state.colours.change(state.parameters["sh0"], render.rgb, guess)
                if config.rates.carve > 0:
                    standing = inside(gaussians.means.detach(), cameras.to(state.device), guess, behind)
            loss.backward()
            if adam.finite_gradients(state.parameters):
                if solved is not None:
                    state.parameters["sh0"].grad = None  # Adam leaves it alone
                    state.parameters["sh0"].data += solved
                    if standing is not None:
                        opacities = state.parameters["opacities"]
                        opacities.data = carved(opacities.data, standing, config.rates.carve)
                for optimizer in state.optimizers.values():
                    optimizer.step()
                if mended is not None:
                    state.parameters["sh0"].data += mended
                keep_in_gamut(state.parameters["sh0"])
                state.densifier.after_update(state.parameters, state.optimizers, render, state.step + 1, generator)
                losses = Losses(handle.item(), estimate.grad.square().mean().sqrt().item(), **terms.items())
            else:
                distiller.reject("the gradient of the Gaussians")
            for optimizer in state.optimizers.values():
                optimizer.zero_grad(set_to_none=True)

        state.step += 1
        spent, asked = time.perf_counter() - began, denoiser.evaluations - before
        state.seconds += spent
        state.evaluations += asked
        pace.add(spent, asked)
        distilling = max(0, refiner.first - state.step) * state.evaluations // state.step
        ahead = distilling + refiner.evaluations_after(state.step)
        yield Step(
            step=state.step,
            total=config.iterations,
            losses=losses,
            gaussians=state.gaussians,
            cameras=cameras,
            render=detached(render),
            estimate=estimate,
            variance_ratio=variance_ratio(distiller),
            count=len(state.parameters["means"]),
            skipped=distiller.guard.skipped,
            evaluations=state.evaluations,
            seconds=state.seconds,
            seconds_left=pace.left(config.iterations - state.step, ahead),
        )


def detached(render: Render) -> Render:
    """The same pictures outside the graph, so that whoever keeps a step does not keep the graph."""
    normals = None if render.normals is None else render.normals.detach()
    return replace(
        render, rgb=render.rgb.detach(), depth=render.depth.detach(), alpha=render.alpha.detach(), normals=normals,
        means2d=render.means2d.detach(),
    )  # fmt: skip


def variance_ratio(distiller: Distiller) -> float | None:
    """Second moment of the estimator over that of SDS on the same draws, over the timesteps seen so far."""
    ours, sds = distiller.meter.read().second_moment, distiller.meter_sds.read().second_moment
    seen = ours.isfinite() & sds.isfinite() & (sds > 0)
    return (ours[seen].sum() / sds[seen].sum()).item() if bool(seen.any()) else None
