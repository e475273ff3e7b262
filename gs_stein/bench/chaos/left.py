"""What is left of a run: whether it is whole, and whether it is to the bit what another one left."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

VARYING = ("seconds", "seconds_per_step", "peak_memory_gib", "machine")
"""What a report may say otherwise of the same run."""


def hidden(run: Path) -> list[str]:
    """Files that are half written, or say that somebody works there."""
    return [f"{path.relative_to(run)} is left" for path in sorted(run.rglob(".*"))]


def broken(run: Path) -> list[str]:
    """Files that cannot be read, each with what is wrong; none is missing by that."""
    from PIL import Image

    from gs_stein.config.serialize import read_config
    from gs_stein.gaussians.files import read_gaussians
    from gs_stein.run.checkpoint import checkpoints, read
    from gs_stein.run.metrics import read_metrics
    from gs_stein.run.steering import read_steering

    readers: list[tuple[Path, Any]] = [
        (run / "config.yaml", read_config),
        (run / "metrics.csv", read_metrics),
        (run / "steering.csv", read_steering),
        (run / "point_cloud.ply", read_gaussians),
        *((run / name, lambda path: Image.open(path).load()) for name in ("preview.png", "depth.png")),
        (run / "report.json", lambda path: json.loads(path.read_text(encoding="utf-8"))),
        (run / "video.mp4", _frames),
        *((path, read) for path in checkpoints(run)),
    ]
    found = []
    for path, reader in readers:
        if path.exists():
            try:
                reader(path)
            except Exception as error:  # whatever a file that is half written does to its reader
                found.append(f"{path.name} cannot be read ({type(error).__name__}: {error})")
    return found


def parameters_differ(run: Path, other: Path) -> list[str]:
    """Names of what the last checkpoints of two runs do not have in common, bit for bit."""
    import torch

    from gs_stein.run.checkpoint import checkpoints, read

    ours, theirs = ([read(path) for path in checkpoints(path)[-1:]] for path in (run, other))
    if not (ours and theirs):
        return ["there is no checkpoint"]
    one, two = ours[0], theirs[0]
    if one["step"] != two["step"]:
        return [f"it ended at step {one['step']}, not {two['step']}"]
    names = one["parameters"].keys() | two["parameters"].keys()
    return [
        f"{name} differ"
        for name in sorted(names)
        if not torch.equal(one["parameters"].get(name, torch.empty(0)), two["parameters"].get(name, torch.empty(0)))
    ]


def files_differ(run: Path, other: Path) -> list[str]:
    """Files of two finished runs that do not say the same, times and machine aside."""
    found = [
        f"{name} differs"
        for name in ("point_cloud.ply", "preview.png", "depth.png", "video.mp4", "config.yaml", "steering.csv")
        if _bytes(run / name) != _bytes(other / name)
    ]
    for name, told in (("metrics.csv", _rows), ("report.json", _report)):
        one, two = (told(folder / name) for folder in (run, other))
        if one != two:
            found.append(f"{name} says otherwise")
    return found


def faults(run: Path, other: Path) -> list[str]:
    """Everything that a finished run has otherwise than one to which nothing happened."""
    return hidden(run) + parameters_differ(run, other) + files_differ(run, other)


def _frames(path: Path) -> None:
    import imageio_ffmpeg

    if not imageio_ffmpeg.count_frames_and_secs(str(path))[0]:
        raise ValueError("it holds no frame")


def _bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def _rows(path: Path) -> list[dict[str, str]] | None:
    if not path.exists():
        return None
    rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]


def _report(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    return {k: v for k, v in json.loads(path.read_text(encoding="utf-8")).items() if k not in VARYING}
