"""From a render to a gradient: score distillation by SDS, VSD and SSD as one family."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gs_stein.distill.options import SDS as SDS
from gs_stein.distill.options import SSD as SSD
from gs_stein.distill.options import VSD as VSD
from gs_stein.distill.options import Baseline as Baseline
from gs_stein.distill.options import CoefficientOptions as CoefficientOptions
from gs_stein.distill.options import DistillOptions as DistillOptions
from gs_stein.distill.options import FittedSDS as FittedSDS
from gs_stein.distill.options import Raw as Raw

if TYPE_CHECKING:
    from gs_stein.distill.distiller import Distiller as Distiller
    from gs_stein.distill.distiller import Estimate as Estimate


def __getattr__(name: str) -> Any:
    """Import torch with the first use of the distiller, not with the options (PEP 562)."""
    if name not in ("Distiller", "Estimate"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.distiller"), name)
