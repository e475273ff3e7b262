"""How a command imports torch: without looking for garbage meanwhile. Free of torch."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def importing_torch() -> Iterator[None]:
    """Inside, Python looks for no garbage, and never among what was made there.

    With torch come half a million objects, all to stay; looking through them a few times is a tenth of a start. Where
    torch has been imported before, nothing is special.
    """
    if "torch" in sys.modules:
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
