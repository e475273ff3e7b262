"""Scenes in files: read by suffix into our world, and written by suffix in each format's own axes.

`FORMATS` is the one table suffix → format. A reader returns the file's own numbers (`Content`); here they are cleaned,
and turned so that z is up.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gs_stein.gaussians.formats.common import Content, naming
from gs_stein.gaussians.formats.settle import settled
from gs_stein.gaussians.formats.sniff import refuse_disguise
from gs_stein.gaussians.formats.table import FORMATS as FORMATS
from gs_stein.gaussians.formats.table import Format as Format
from gs_stein.gaussians.formats.table import format_of as format_of
from gs_stein.gaussians.model import Gaussians
from gs_stein.gaussians.orientation import to_axes


@dataclass(frozen=True)
class SceneFile:
    """A scene that was read from a file."""

    path: Path
    """The file itself, also where a folder was given."""
    format: str
    """Its row in the table."""
    gaussians: Gaussians
    """float32 on the CPU, finite, in our world: z up, metres."""
    axes: str
    """The convention that the file's numbers were in; one of `formats.table.AXES`."""
    axes_from: Literal["given", "comment", "run", "format"]
    """How that was known: asked for, said by the file, a run of ours from before files said it, or the format's way."""
    render_mode: str = "default"
    """How the file wants to be drawn: default, mip (antialiased) or 2dgs."""
    notes: tuple[str, ...] = ()
    """What was changed or left aside while reading, one line each, without the file's name."""


def read_gaussians(path: Path) -> Gaussians:
    """Read a scene in any format of the table; `read_scene` also says what was changed on the way.

    Returns:
        float32 Gaussians on the CPU in our world (z up, metres), of the SH degree that the file has.

    Raises:
        ValueError: as `read_scene`.
    """
    return read_scene(path).gaussians


def read_scene(path: Path, axes: str | None = None) -> SceneFile:
    """Read a scene in any format of the table, or the newest iteration of a 3DGS model folder, into our world.

    Infinite opacities are clamped, scales of 0 become very small, and Gaussians with a NaN or another infinite number
    are left out; the notes say how many.

    Args:
        path: the file or folder.
        axes: the convention that its numbers are in; by default what the file says, else the format's own.

    Raises:
        ValueError: one line with the file and its fault: missing, no such format, something else than its suffix
            says, truncated, without a needed property, counts that do not fit, or no Gaussians at all.
    """
    path = scene_path(path)
    row = format_of(path, "read")
    refuse_disguise(path, row)
    if not row.reads:
        raise ValueError(f"{path}: is {row.title}, which is only written; give the file that it was made from")
    if axes is not None:
        to_axes(axes)
    with naming(path):
        content: Content = row.function("read")(path)
    if axes is not None:
        used, known = axes, "given"
    elif content.axes is not None:
        used, known = content.axes, "comment"
    elif _of_an_old_run(path):
        used, known = "z-up", "run"
    else:
        used, known = row.axes, "format"
    with naming(path):
        gaussians, notes = settled(path, content.gaussians, used)
    return SceneFile(path, row.name, gaussians, used, known, content.render_mode, (*content.notes, *notes))


def write_gaussians(path: Path, gaussians: Gaussians, axes: str | None = None, **options: object) -> None:
    """Write a scene in the format of the suffix, whole or not at all.

    Args:
        path: the file; an old one is replaced in one step.
        gaussians: a scene of our world, on any device.
        axes: the convention to write in instead of the format's own.
        options: what the format's own `write_NAME` takes besides.

    Raises:
        ValueError: no such format or axes, there are no Gaussians, a value is not finite or does not fit into the
            format, or the file cannot be written.
    """
    path = Path(path)
    row = format_of(path)
    row.function("write")(path, gaussians, row.axes if axes is None else axes, **options)


def scene_path(path: Path) -> Path:
    """The file itself: of a 3DGS model folder (point_cloud/iteration_N/point_cloud.ply) the newest iteration's, of a
    run's folder its point_cloud.ply.

    Raises:
        ValueError: a folder that holds neither.
    """
    path = Path(path)
    if not path.is_dir():
        return path
    for folder in (path / "point_cloud", path):
        found = [
            (int(match[1]), file)
            for file in folder.glob("iteration_*/point_cloud.ply")
            if (match := re.fullmatch(r"iteration_(\d+)", file.parent.name))
        ]
        if found:
            return max(found)[1]
    if (path / "point_cloud.ply").is_file():
        return path / "point_cloud.ply"
    if (path / "meta.json").is_file():
        raise ValueError(f"{path}: is the folder of an unpacked SOG; zip its files into one .sog and give that")
    raise ValueError(
        f"{path}: is a folder, not a file, and holds no point_cloud.ply (nor point_cloud/iteration_N/ with one)"
    )


def _of_an_old_run(path: Path) -> bool:
    """Whether a .ply lies beside the config.yaml of a run of ours; that it says nothing about axes makes it an old
    one, whose z is up."""
    if path.suffix.lower() != ".ply":
        return False
    try:
        text = (path.parent / "config.yaml").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return all(re.search(rf"^{key}:", text, re.MULTILINE) for key in ("prompt", "distill", "start"))
