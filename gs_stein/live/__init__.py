"""The browser's side of a run: a page served by viser that shows splats as they grow, and steers.

`training.py` is what `train.py` calls, `browse.py` opens files and runs, `studio.py` starts runs; the rest are their
parts. This room reads what others make and sets flags; nothing imports it but the two commands.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gs_stein.live.options import LiveOptions as LiveOptions

if TYPE_CHECKING:
    from gs_stein.live.training import Live as Live

_WHERE = {"Live": "training"}


def __getattr__(name: str) -> Any:
    """Import torch with the first class that needs it, not with the options (PEP 562)."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
