"""NaN, infinity, huge numbers and zero from every network, and in every parameter, gradient and moment.

Runs of sixteen iterations on a prior whose score is known, so that a run takes a fraction of a second: half of them
distil, then come two rounds of refinement with all that there is. A number is put somewhere for one iteration, or for
all of them. A run has to keep its scene finite in every step; it may end early, in one line, only where the numbers
never become better or nothing finite is left.
"""

from __future__ import annotations

import contextlib
import math
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein.bench.chaos.disks import spread
from gs_stein.cameras.options import OrbitCameras
from gs_stein.config.schema import Config
from gs_stein.distill.options import SDS, SSD, DistillOptions
from gs_stein.gaussians.options import BallStart
from gs_stein.optimize import loop, phases
from gs_stein.optimize.networks import Priors
from gs_stein.optimize.state import State, begin
from gs_stein.prior.mixture import MixturePrior
from gs_stein.prior.options import GuidanceOptions
from gs_stein.refine.options import RefineOptions
from gs_stein.run import checkpoint
from gs_stein.run.report import make_report
from gs_stein.text.options import ViewPrompts
from gs_stein.types import Cameras
from gs_stein.update import visual_hull
from gs_stein.update.options import LearningRates, MCMCDensify, NoDensify

SIDE, STEPS = 8, 16
CONFIG = Config(
    prompt="class 1", iterations=STEPS, views=2, cameras=OrbitCameras(resolution=SIDE), start=BallStart(count=100),
    distill=DistillOptions(estimator=SDS(), max_skips=4), densify=NoDensify(), background="grey",
    view_prompts=ViewPrompts(enabled=False),
    refine=RefineOptions(
        share=0.5, rounds=2, shortest=1, views=(2, 2), group=2, anchors=1, steps=2, level=(0.5, 0.5),
        prune_outside_hull=0.5, seed_in_hull=0.1,
    ),
)  # fmt: skip
"""A run of half distillation, half refinement in two rounds."""
EVERYTHING = replace(
    CONFIG, densify=MCMCDensify(cap=120, start=0.0, every=3), rates=LearningRates(solve_colours=2),
    distill=DistillOptions(
        estimator=SSD(), max_skips=4, reuse=2, guidance=GuidanceOptions(scale=3.0), clip=1.0,
    ),
    refine=replace(CONFIG.refine, eta=1.0, register_views=1, blend_colours=0.1, blend_every=2, depth=1.0),
)  # fmt: skip
"""The same with whatever else may be switched on."""
PLACES_IN_HULL = 2000
"""That are tried when Gaussians are sown: with as many as runs try, half of the time would go there."""
VALUES = (math.nan, math.inf, -math.inf, 3e38, -1e18, 0.0)
MOMENTS: dict[str, Callable[[int], bool]] = {
    "first": lambda step: step == 0, "distilling": lambda step: step == 5, "first round": lambda step: step == 8,
    "fitting": lambda step: step == 10, "second round": lambda step: step == 12, "last": lambda step: step == 15,
    "always": lambda step: True,
}  # fmt: skip
"""Iterations finished, and whether a number is put somewhere in the next."""


class ShapeDepth:
    """A depth estimator that takes what is bright for near."""

    def __call__(
        self, x_t: Float[Tensor, "B V C h w"], t: Float[Tensor, " B"], cameras: Cameras | None
    ) -> Float[Tensor, "B V h w"]:
        return self.estimate(x_t)

    def estimate(self, x_t: Float[Tensor, "B V C h w"]) -> Float[Tensor, "B V h w"]:
        """Larger is farther."""
        return 1.0 - x_t.mean(2)


def begun(config: Config = CONFIG) -> State:
    """A run before its first iteration."""
    return begin(config, Priors(MixturePrior((3, SIDE, SIDE)), ShapeDepth()))


def poisoning(function: Callable, calls: Callable[[int], bool], value: float = math.nan) -> Callable:
    """The same function, whose answers to some of its calls have one number that is not finite."""
    count = iter(range(10**9))

    def poisoned(*arguments: Any, **more: Any) -> Tensor:
        answer = function(*arguments, **more).clone(memory_format=torch.contiguous_format)
        if calls(next(count)):
            answer.view(-1)[answer.numel() // 2] = value
        return answer

    return poisoned


@dataclass(frozen=True)
class Injection:
    """What is put where, and when."""

    place: str
    value: float
    moment: str
    whole: bool
    """Everything there instead of one number (of one Gaussian)."""


def spoilt(tensor: Tensor, injection: Injection) -> Tensor:
    """A copy with the number in it; differentiable like the tensor."""
    here = torch.full((tensor.numel(),), injection.whole)
    here[len(here) // 2] = True
    return torch.where(here.view(tensor.shape), torch.full_like(tensor, injection.value), tensor)


@contextlib.contextmanager
def injected(state: State, injection: Injection) -> Iterator[None]:
    """While entered, a network or the rasterizer answers with the number where it shall."""
    room, _, name = injection.place.partition(".")
    now, places = MOMENTS[injection.moment], visual_hull.PLACES
    undo: list[Callable[[], None]] = [lambda: setattr(visual_hull, "PLACES", places)]
    visual_hull.PLACES = PLACES_IN_HULL

    def through(owner: Any, attribute: str, change: Callable[[Any], Any]) -> None:
        before = getattr(owner, attribute)
        setattr(owner, attribute, lambda *a, **m: change(before(*a, **m)) if now(state.step) else before(*a, **m))
        undo.append(lambda: setattr(owner, attribute, before))

    if room in ("denoiser", "depth"):
        through(getattr(state.priors, room), name, lambda answer: spoilt(answer, injection))
    elif room == "render":
        for module in (loop, phases):
            through(module, "rasterize", lambda r: replace(r, **{name: spoilt(getattr(r, name), injection)}))
    elif room == "gradient":
        # Adopted parameters are others: the hook is put on those of the moment.
        hook = lambda grad: spoilt(grad, injection) if now(state.step) else grad  # noqa: E731
        handle = state.parameters[name].register_hook(hook)
        undo.append(handle.remove)
    try:
        yield
    finally:
        for step in undo:
            step()


@torch.no_grad()
def put(state: State, injection: Injection) -> None:
    """Between two iterations, spoil what one hands to the next."""
    room, _, name = injection.place.partition(".")
    tensors: list[Tensor] = []
    if room == "parameters":
        tensors = [state.parameters[name].data]
    elif room == "moments":
        means = state.parameters["means"]
        tensors = [state.optimizers["means"].state[means][name]] if state.optimizers["means"].state else []
    for tensor in tensors:
        tensor.copy_(spoilt(tensor, injection))


PLACES = (
    "denoiser.predict", "denoiser.encode", "denoiser.decode", "depth.estimate", "render.rgb", "render.depth",
    "render.alpha", "gradient.means", "gradient.sh0", "gradient.opacities",
    *(f"parameters.{name}" for name in ("means", "scales", "quats", "opacities", "sh0")),
    "moments.exp_avg", "moments.exp_avg_sq",
)  # fmt: skip
"""Where numbers are put. (Refined views and guesses that are reused are looked at when they are made.)"""


def injections() -> list[Injection]:
    """All there are."""
    return [
        Injection(place, value, moment, whole)
        for place in PLACES
        for moment in MOMENTS
        for value in VALUES
        for whole in (False, True)
    ]


def fault(injection: Injection, config: Config, folder: Path) -> str | None:
    """Run with it; what was wrong, None if nothing was."""
    state, now = begun(config), MOMENTS[injection.moment]
    said = ""
    try:
        with injected(state, injection):
            if now(0):
                put(state, injection)
            for step in loop.optimize(config, state):
                if not bool(step.gaussians.finite().all()):
                    return f"the scene of step {step.step} is not finite"
                if now(state.step):
                    put(state, injection)
            # What was put there last is nobody's answer: the run's own last step shall look at it.
            state.keep_finite()
    except FloatingPointError as error:
        said = str(error)
        if "\n" in said or not said:
            return f"it ended with {len(said.splitlines())} lines"
        if injection.moment != "always" and not (injection.whole and "no Gaussian" in said):
            return f"one bad iteration ended the run: {said}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    try:
        checkpoint.save(folder, state)
        make_report(config, (), state)
    except ValueError as error:
        if not said:  # else what was put there last has not been looked at, and the checkpoint before is kept
            return str(error)
    return None


def judged(injection: Injection, everything: bool, folder: Path) -> str | None:
    """As `fault`; in a worker, which has a folder of its own."""
    folder = folder / str(os.getpid())
    folder.mkdir(exist_ok=True)
    return fault(injection, EVERYTHING if everything else CONFIG, folder)


def measure(
    found: dict[str, float], pool: Executor, folder: Path, wanted: int, progress: Callable[[int, int], None]
) -> None:
    """Put every number everywhere, in runs with little and with everything switched on.

    Args:
        found: takes the figures, as they are found: `injections`; `not_finite_kept`: how many of them ended otherwise
            than they should.
        pool: of workers.
        folder: for their checkpoints.
        wanted: how many; 0: all.
        progress: told how many are done, of how many.
    """
    all_ = [(injection, everything) for injection in injections() for everything in (False, True)]
    chosen = [all_[number - 1] for number in spread(len(all_), wanted)]
    futures = {pool.submit(judged, *case, folder): case for case in chosen}
    found |= {"injections": 0.0, "not_finite_kept": 0.0}
    for done, future in enumerate(as_completed(futures), 1):
        injection, everything = futures[future]
        found["injections"] += 1
        if (wrong := future.result()) is not None:
            found["not_finite_kept"] += 1
            kind = "everything" if everything else "plain"
            print(f"not_finite: {injection} ({kind}): {wrong}", file=sys.stderr, flush=True)
        progress(done, len(chosen))
