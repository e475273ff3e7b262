"""How the renderer's kernels are compiled, and what many of them do."""

from __future__ import annotations

from typing import Any, no_type_check

from numba import njit
from numba.core import config

from gs_stein.files import spare_cache


def _storable() -> bool:
    """Whether compiled kernels can be kept for later processes: beside these files, or where Numba finds room else."""
    try:
        njit(cache=True)(_storable)
    except RuntimeError:
        settings: Any = config  # its attributes are made when it is imported
        settings.CACHE_DIR = str(spare_cache() or "")
        return bool(settings.CACHE_DIR)
    return True


TEXTURE_OPTIONS: dict[str, Any] = {"cache": _storable(), "nogil": True}
"""Of textures: strict, because patterns magnify the last bit of a coordinate."""
OPTIONS: dict[str, Any] = {**TEXTURE_OPTIONS, "error_model": "numpy", "fastmath": {"contract", "nsz", "arcp"}}
"""Of what aims rays and shades."""
PACKET_OPTIONS: dict[str, Any] = {**OPTIONS, "fastmath": {"contract", "nsz", "arcp", "reassoc"}}
"""Of what loops over the rays of a packet, or over boxes."""
INFINITY = 1e9
"""Metres; farther than anything."""


@njit(inline="always", **OPTIONS)
@no_type_check
def triple(image, v, u):
    """The three numbers of a pixel."""
    return image[v, u, 0], image[v, u, 1], image[v, u, 2]
