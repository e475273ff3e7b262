"""Files of scenes against the disk: reading in units of numpy.fromfile of the same bytes, memory in units of the file.

Every time is the shortest of several that alternate with their unit, so that a busy machine spoils as little as
possible. Where a machine lends its memory on demand (virtual ones do), the unit of a small file varies by a factor of
three with whether the memory was used just before: judge a ratio by the unit's seconds beside it. Peak memory is a
fresh process's (VmHWM) minus that of one that only imports.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch

from gs_stein.gaussians.files import FORMATS, read_scene, write_gaussians
from gs_stein.gaussians.model import Gaussians

GOALS = {
    "ply_read_over_fromfile": 4.0,
    "spz_read_over_fromfile": 25.0,
    "compressed_read_over_fromfile": 25.0,
    "peak_over_file": 3.0,
    "export_all_seconds_1m": 30.0,
}
"""What must not be exceeded at the default numbers of Gaussians."""
_PEAK = """
import sys
from pathlib import Path
from gs_stein.gaussians.files import read_scene
import gs_stein.gaussians.formats.ply
import torch, numpy
if len(sys.argv) > 1:
    scene = read_scene(Path(sys.argv[1]))
print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
"""


@dataclass(frozen=True)
class Options:
    """Speed and memory of reading and writing scenes."""

    json: bool = False
    """Print the figures as one JSON object on the last line."""
    count: int = 2_000_000
    """Gaussians in the files that are read; of SH degree 3, 248 bytes each in a standard .ply."""
    export_count: int = 1_000_000
    """Gaussians that are written in every format."""
    repeats: int = 5
    """Times each file is read; the shortest counts."""

    def check(self) -> None:
        """Raise ValueError for numbers that measure nothing."""
        if min(self.count, self.export_count, self.repeats) < 1:
            raise ValueError("bench files: count, export-count and repeats must be 1 or more")


def scene_of(count: int, seed: int = 0) -> Gaussians:
    """A room's worth of Gaussians, every number of which looks like a trained scene's."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    return Gaussians(
        3 * normal(count, 3), 0.7 * normal(count, 3) - 4.5, normal(count, 4), 2 * normal(count),
        0.2 * normal(count, 16, 3),
    )  # fmt: skip


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def read_and_fromfile(path: Path, repeats: int) -> tuple[float, float]:
    """Seconds of reading a scene, and of numpy reading its bytes; both the shortest of several."""
    ours, unit = [], []
    for _ in range(repeats):
        unit.append(seconds(lambda: np.fromfile(path, np.uint8)))
        ours.append(seconds(lambda: read_scene(path)))
    return min(ours), min(unit)


def fill_seconds(scene: Gaussians, repeats: int) -> float:
    """Seconds of filling as much fresh memory as a scene takes, on one thread; the shortest of several."""
    size = sum(tensor.nbytes for tensor in scene.tensors())
    return min(seconds(lambda: np.full(size, 1, np.uint8)) for _ in range(repeats))


def peak_over_file(path: Path) -> float:
    """Peak memory of a process that reads a scene, without what its imports need, in units of the file."""

    def peak(*arguments: str) -> int:
        command = [sys.executable, "-c", _PEAK, *arguments]
        return 1024 * int(subprocess.run(command, check=True, capture_output=True).stdout)

    return (peak(str(path)) - peak()) / path.stat().st_size


def export_all(scene: Gaussians, folder: Path) -> dict[str, float]:
    """Seconds of writing a scene in every format that can be written here."""
    taken = {}
    for row in FORMATS:
        path = folder / f"all{row.suffixes[0]}"
        try:
            taken[row.suffixes[0]] = seconds(lambda path=path: write_gaussians(path, scene))
        except ValueError as error:  # a format whose library is not installed
            print(f"{row.title}: left out ({error})", file=sys.stderr)
        path.unlink(missing_ok=True)
    return taken


def measure(options: Options) -> dict[str, float]:
    """The figures, and the seconds behind them."""
    found: dict[str, float] = {}
    whole = 1.0
    with tempfile.TemporaryDirectory(prefix="gs-stein-bench-") as temporary:
        folder = Path(temporary)
        scene = scene_of(options.count)
        for key, suffix in (("ply", ".ply"), ("spz", ".spz"), ("compressed", ".compressed.ply")):
            path = folder / f"scene{suffix}"
            write_gaussians(path, scene)
            ours, unit = read_and_fromfile(path, options.repeats)
            found[f"{key}_read_over_fromfile"], found[f"{key}_read_seconds"] = ours / unit, ours
            found[f"{key}_fromfile_seconds"] = unit
            # What no reader goes below: as much fresh memory as the scene takes, filled once.
            found[f"{key}_memory_over_fromfile"] = fill_seconds(scene, options.repeats) / unit
            if key == "ply":
                whole = unit
                found["peak_over_file"] = peak_over_file(path)
            else:
                # The same scene's bytes as they are in a standard .ply: what is made in memory.
                found[f"{key}_read_over_fromfile_of_ply"] = ours / whole
            path.unlink()
        del scene
        taken = export_all(scene_of(options.export_count), folder)
    found["export_all_seconds_1m"] = sum(taken.values()) * 1e6 / options.export_count
    return found | {f"write_seconds{suffix}": value for suffix, value in taken.items()}


def main(argv: list[str] | None = None) -> int:
    """Entry point of `python -m gs_stein.bench files`."""
    import tyro

    options = tyro.cli(Annotated[Options, tyro.conf.arg(name="")], args=argv, description=__doc__)
    options.check()
    found = measure(options)
    for key, value in found.items():
        goal = f"   (goal: at most {GOALS[key]:g})" if key in GOALS else ""
        print(f"{key:32s} {value:9.2f}{goal}")
    if options.json:
        print(json.dumps({key: round(value, 4) for key, value in found.items()}))
    return 0
