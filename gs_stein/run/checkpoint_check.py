"""What a checkpoint has to hold to be ours: keys, types, shapes that agree with each other, and finite numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from jaxtyping import Float, Float32, Float64, UInt8, jaxtyped
from torch import Tensor

from gs_stein.distill.nonfinite import all_finite
from gs_stein.optimize.state import State
from gs_stein.update.options import GradientDensify


@dataclass(frozen=True)
class Maybe:
    """What may also be missing: None, or empty."""

    kind: Any


class Nothing:
    """The kind of what should not be there: nothing is of it."""


NUMBER = (float, int)


def views(tag: str) -> tuple[dict[str, Any], Any]:
    """The cameras of some views, and their latents; the tag names sizes that are their own."""
    cameras = {
        "viewmats": Float[Tensor, f"V{tag} 4 4"],
        "Ks": Float[Tensor, f"V{tag} 3 3"],
        "width": int,
        "height": int,
    }
    return cameras, Float[Tensor, f"V{tag} C h{tag} w{tag}"]


def targets(tag: str) -> Maybe:
    """Refined views."""
    cameras, latents = views(tag)
    return Maybe({"cameras": cameras, "x0": latents, "depth": Maybe(Float[Tensor, f"V{tag} a b"])})


def reused() -> Maybe:
    """A guess that is followed."""
    cameras, latents = views("_reused")
    estimate = {
        "grad": latents, "x0_hat": latents, "eps_hat": latents, "t": Float[Tensor, " B"], "finite": bool,
        "evaluations": int, "lora_loss": Maybe(NUMBER), "stiffness": (Float[Tensor, "V_reused 1 1 1"], *NUMBER),
    }  # fmt: skip
    return Maybe({"cameras": cameras, "x0": latents, "estimate": estimate, "left": int})


def distilled(state: State) -> dict[str, Any]:
    """What the estimator remembers; a network that it trains refuses by itself what does not fit."""
    meter, learned = {"sums": Float64[Tensor, f"5 {state.distiller.meter.bins}"]}, dict
    if (fit := getattr(state.distiller.estimator, "coefficients", None)) is not None:
        bins, size = fit.options.bins, fit.count + 1
        moments = Float64[Tensor, f"{bins} P {size} {size}"]
        learned = Maybe({"moments": moments, "pixels": Float64[Tensor, f"{bins} P"]})
        network = getattr(state.distiller.estimator, "learned", None)
        if network is not None and network.learns:
            learned = {"coefficients": learned, "learned": {"network": dict, "optimizer": dict}}
    guard = {"skipped": int, "reset": int, "in_a_row": int, "good": int}
    return {"estimator": learned, "meter": meter, "meter_sds": meter, "guard": guard, "phase": Maybe(NUMBER)}


def expected(state: State) -> dict[str, Any]:
    """What a checkpoint holds: a nest of dictionaries that end in types. Equal letters are equal sizes."""
    scene = {n: Float32[Tensor, " ".join(["N", *map(str, p.shape[1:])])] for n, p in state.parameters.items()}
    grows = isinstance(state.densifier.options, GradientDensify)
    sums = {"grad2d": Float32[Tensor, " N"], "count": Float32[Tensor, " N"]} if grows else {}
    return {
        "format": int, "prior": str, "threads": int, "settings": Maybe(str),
        "step": int, "seconds": NUMBER, "evaluations": int,
        "generator": UInt8[Tensor, str(len(state.generator.get_state()))],
        "parameters": scene,
        "optimizers": {
            n: Maybe({"step": Float32[Tensor, ""], "exp_avg": kind, "exp_avg_sq": kind}) for n, kind in scene.items()
        },
        "densifier": Maybe(sums),
        "distiller": distilled(state),
        "refiner": {
            **{name: targets(f"_{name}") for name in ("denoised", "targets", "anchors")},
            "left_out": int, "prompt": Maybe(str), "guidance": Maybe(NUMBER),
            "flow": Maybe(Float32[Tensor, "V_targets 2 h_flow w_flow"]),
        },
        "colours": Maybe(Float32[Tensor, "N_before 1 3"]),
        "reused": reused(),
    }  # fmt: skip


def leaves_of(value: Any, kind: Any, where: str) -> Iterator[tuple[str, Any, Any]]:
    """Every value of a nest with its place and what it should be."""
    if isinstance(kind, Maybe):
        if value is None or value == {}:
            return
        kind = kind.kind
    if not isinstance(kind, dict):
        yield where, value, kind
    elif not isinstance(value, dict) or value.keys() != kind.keys():
        yield where, value, Nothing
    else:
        for key, item in kind.items():
            yield from leaves_of(value[key], item, f"{where}.{key}" if where else key)


def check(content: Any, state: State) -> None:
    """Refuse what is not the content of a checkpoint of such a run, or not finite.

    Args:
        content: as `gs_stein.run.checkpoint` writes it.
        state: fresh from `begin`.

    Raises:
        ValueError: where it is wrong, in a few words.
    """
    with jaxtyped("context"):
        for where, value, kind in leaves_of(content, expected(state), ""):
            if not isinstance(value, kind):
                raise ValueError(f"{where or 'its content'} does not fit this run")
    if (where := not_finite(content)) is not None:
        raise ValueError(f"{where} is not finite")


def not_finite(value: Any, where: str = "") -> str | None:
    """The first place in a nest of dictionaries and lists where a number is infinite or NaN; None if there is none."""
    if isinstance(value, Tensor):
        return where if value.is_floating_point() and not all_finite(value) else None
    if isinstance(value, float):
        return None if math.isfinite(value) else where
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, (list, tuple)) else ()
    for key, item in items:
        if (found := not_finite(item, f"{where}.{key}" if where else str(key))) is not None:
            return found
    return None
