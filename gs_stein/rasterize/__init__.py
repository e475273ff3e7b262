"""Gaussians × cameras → Render: one function, three implementations of one specification.

`reference.py` is the specification (plain torch, float64-capable), `cpu.py` the compiled default, `gpu.py` the
adapter to gsplat's CUDA rasterizer.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gs_stein.rasterize.options import RasterizeOptions as RasterizeOptions

if TYPE_CHECKING:
    from gs_stein.rasterize.api import rasterize as rasterize
    from gs_stein.rasterize.normals import normals_from_depth as normals_from_depth
    from gs_stein.rasterize.normals import points_from_depth as points_from_depth

_WHERE = {"rasterize": "api", "normals_from_depth": "normals", "points_from_depth": "normals"}


def __getattr__(name: str) -> Any:
    """Import torch with the first function that needs it, not with the options (PEP 562)."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
