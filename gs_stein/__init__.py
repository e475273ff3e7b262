"""gs_stein: from a sentence to a 3D scene of Gaussian splats, by Stein Score Distillation."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from gs_stein.api import Generated, configure, generate, steps
    from gs_stein.config.schema import Config

_HOMES = {
    "Config": "gs_stein.config.schema", "Generated": "gs_stein.api", "configure": "gs_stein.api",
    "generate": "gs_stein.api", "steps": "gs_stein.api",
}  # fmt: skip
__all__ = ["Config", "Generated", "configure", "generate", "steps"]


def __getattr__(name: str) -> Any:
    """The front door, imported when it is used: `import gs_stein` alone stays free of torch."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
