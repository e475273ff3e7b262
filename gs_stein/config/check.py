"""Options that do not fit together, found before anything is loaded."""

from __future__ import annotations

from gs_stein.cameras.options import OrbitCameras, RoomCameras
from gs_stein.config.schema import Config
from gs_stein.gaussians.options import RoomStart


def check_prompt(prompt: str) -> None:
    """Raise ValueError if nothing is asked for."""
    if not prompt.strip():
        raise ValueError('prompt: it is empty; say what to make, e.g. --prompt "a cozy living room"')


def check_together(config: Config) -> None:
    """Check what no single room can: what one option asks of another.

    Raises:
        ValueError: one line with the fields, their values, and what to do.
    """
    check_prompt(config.prompt)
    match config.cameras, config.start:
        case RoomCameras(size=inside), RoomStart(size=built) if inside != built:
            raise ValueError(f"start.size: a room of {built} m is not cameras.size {inside}; make them equal")
    if isinstance(config.cameras, OrbitCameras) and config.scene:
        raise ValueError("cameras: orbit cameras look at an object from outside; with --scene use kind: room")
    hull = {
        "rates.prune_outside_hull": config.rates.prune_outside_hull,
        "refine.prune_outside_hull": config.refine.prune_outside_hull,
        "refine.seed_in_hull": config.refine.seed_in_hull,
    }
    asked = [f"{name}: {value}" for name, value in hull.items() if value > 0]
    if asked and config.background == "random":
        verb, remedy = ("needs", "0") if len(asked) == 1 else ("need", "0 for each")
        raise ValueError(
            f"{', '.join(asked)} {verb} one background to tell what stands before it; choose another background than "
            f"random, or {remedy}"
        )


def check_shares(config: Config, ranks: int) -> None:
    """Check that every iteration's views can be shared out evenly.

    Args:
        config: of the run.
        ranks: processes that work on it together.

    Raises:
        ValueError: one line with the field, its value, and what to do.
    """
    options, guess = config.refine, config.distill
    counted = {"views": [config.views], "resolution.views": [config.resolution.views]}
    if guess.reuse > 1 and guess.reuse_views:
        counted["distill.reuse_views"] = [
            len(range(first, views, every))
            for views in {config.views, config.resolution.views or config.views}
            for every in (-(-views // guess.reuse_views),)
            for first in range(every)
        ]
    if options.share > 0:
        first, later = options.views
        if min(options.views) < ranks:
            raise ValueError(f"refine.views: {first}, {later} are too few for {ranks} ranks; give {ranks} or more")
        fitted = (first, later, later + min(options.anchors, first))
        counted["refine.views"] = [min(config.views, views) for views in fitted]
    for name, numbers in counted.items():
        for number in numbers:
            if number % ranks:
                raise ValueError(
                    f"{name}: {number} views a step cannot be shared out evenly to {ranks} ranks; give a multiple of "
                    f"{ranks}, or start another number of ranks (--nproc-per-node)"
                )
