"""The one table of file formats: which suffix is which format, and in whose axes it is written. Free of torch.

To add a format, write `formats/NAME.py` with `read_NAME` and `write_NAME` beside each other, and add a row.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

AXES = ("z-up", "y-down", "y-up")
"""Names of the conventions for axes; `gs_stein.gaussians.orientation` has their matrices."""


@dataclass(frozen=True)
class Limits:
    """What a format can say; `formats.limits` counts what lies beyond."""

    leaves_out_the_faint: bool = False
    """Gaussians with an opacity below 1/255, which no rasterizer draws."""
    farthest: float = math.inf
    """Metres along an axis; what lies beyond is left out."""
    log_scales: tuple[float, float] = (-math.inf, math.inf)
    """Where logarithms of standard deviations (metres) are held."""
    colours: float = math.inf
    """Where coefficients of base colours are held, with either sign."""
    harmonics: float = math.inf
    """Where coefficients of degree 1 and above are held, with either sign."""


@dataclass(frozen=True)
class Format:
    """One file format: a row of the table."""

    name: str
    """Of the module in formats/, and the end of its functions `read_NAME` and `write_NAME`."""
    suffixes: tuple[str, ...]
    """Lower-case ends of file names; the first one is usual."""
    axes: str
    """The convention that it is written in, and read in unless the file says otherwise; one of `AXES`."""
    title: str
    """For people."""
    reads: bool = True
    """Whether scenes can be read from it."""
    limits: Limits = Limits()
    """What it can say, if not everything."""

    def function(self, verb: str) -> Callable[..., Any]:
        """`read_NAME(path) -> Content` or `write_NAME(path, gaussians, axes=..., **options)`, imported when asked for.

        Args:
            verb: "read" or "write".
        """
        module = importlib.import_module(f"gs_stein.gaussians.formats.{self.name}")
        return getattr(module, f"{verb}_{self.name}")


FORMATS: tuple[Format, ...] = (
    Format("ply", (".ply",), "y-down", "standard .ply"),
    Format("compressed_ply", (".compressed.ply",), "y-down", "compressed .ply (SuperSplat)",
           limits=Limits(True, farthest=1e7, log_scales=(-20.0, 20.0), colours=16.0, harmonics=4.0)),
    Format("splat", (".splat",), "y-down", ".splat (antimatter15)"),
    Format("spz", (".spz",), "y-up", "SPZ (Niantic)",
           limits=Limits(log_scales=(-10.0, 5.9375), colours=0.5 / 0.15, harmonics=1.0)),
    Format("sog", (".sog",), "y-down", "SOG (PlayCanvas)",
           limits=Limits(farthest=1e7, log_scales=(-20.0, 20.0), colours=16.0, harmonics=4.0)),
    Format("gltf", (".glb",), "y-up", "glTF with KHR_gaussian_splatting"),
    Format("usd", (".usdz", ".usdc", ".usda"), "z-up", "OpenUSD"),
    Format("html", (".html",), "z-up", "a page of its own", reads=False,
           limits=Limits(True, log_scales=(-20.0, 12.0))),
)  # fmt: skip
"""Every format, in the order in which --help lists them."""


_PACKED = (".gz", ".tgz", ".zip", ".zst", ".7z", ".rar", ".tar", ".bz2", ".xz")


def format_of(path: Path, verb: Literal["read", "write"] = "write") -> Format:
    """The row of a file by the end of its name; the longest suffix that fits wins.

    Args:
        path: the file, which need not exist.
        verb: what is to be done with it, for the list in the error's line.

    Raises:
        ValueError: no format has it; the line lists those that are known, or says that there is no such file.
    """
    name = Path(path).name.lower()
    fitting = [(len(suffix), row) for row in FORMATS for suffix in row.suffixes if name.endswith(suffix)]
    if not fitting:
        packed = next((end for end in _PACKED if name.endswith(end)), None)
        if packed and verb == "read":
            raise ValueError(f"{path}: is packed ({packed}); unpack it first and give the file inside")
        if name == "meta.json" and verb == "read":
            raise ValueError(
                f"{path}: is part of an unpacked SOG; zip the files of its folder into one .sog and give that"
            )
        if verb == "read" and not Path(path).exists():
            raise ValueError(f"{path}: there is no such file or folder; check the path")
        known = ", ".join(end for row in FORMATS if row.reads or verb == "write" for end in row.suffixes)
        start = "; a point cloud can be a start (--init)" if verb == "read" else ""
        raise ValueError(f"{path}: no format of splats has this suffix; give one of {known}{start}")
    return max(fitting, key=lambda pair: pair[0])[1]
