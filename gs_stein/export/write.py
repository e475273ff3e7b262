"""Scenes into files, and what each file is worth: its size, and how its pictures differ from the original's."""

from __future__ import annotations

import inspect
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein.export.simplify import at_least, cropped, decimated
from gs_stein.gaussians.files import format_of, read_scene, write_gaussians
from gs_stein.gaussians.formats.html import tour_of
from gs_stein.gaussians.formats.limits import beyond
from gs_stein.gaussians.model import Gaussians, sh_to_rgb
from gs_stein.rasterize.many_views import render_views
from gs_stein.render.countdown import Countdown
from gs_stein.render.subject import Subject, guessed, make_folder, psnr, read_subject
from gs_stein.types import Cameras

if TYPE_CHECKING:
    from gs_stein.export.__main__ import Options

VIEWS = 8
"""Pictures that are compared."""
_DECIMATE_VIEWS = 24
"""Views that importance is measured in."""
_SIDE = 128
"""Pixels of the pictures' side at least."""
_TOUR = 120
"""Cameras along the tour of a run's page."""


@dataclass(frozen=True)
class Job:
    """A scene and the files that are made of it."""

    scene: Path
    files: tuple[Path, ...]


@dataclass(frozen=True)
class Row:
    """A line of the summary."""

    path: Path
    size: int
    """Bytes."""
    splats: int
    psnr: float | None
    """dB; None if it was not measured."""

    def line(self, width: int) -> str:
        """For people."""
        quality = "–" if self.psnr is None else "exact" if self.psnr >= 99 else f"{self.psnr:.1f} dB"
        size = f"{self.size / 1e6:.2f} MB" if self.size >= 1e5 else f"{self.size / 1e3:.1f} kB"
        return f"{self.path!s:{width}s} {size:>11s} {self.size / self.splats:11.1f} {quality:>9s}"


def write_files(jobs: list[Job], options: Options) -> int:
    """Write every file and print a table.

    Args:
        jobs: what goes where.
        options: of the command.

    Returns:
        The exit status: 2 if a file could not be written, else 0.
    """
    status = 0
    for job in jobs:
        subject, whole = prepared(job.scene, options)
        for path in job.files:
            if format_of(path).name == "html" and subject.gaussians.sh_degree > 0:
                print(f"{path}: a page shows the mean colour of each Gaussian, not how it changes with the view")
        rows = []
        with Countdown("file", len(job.files)) as bar:
            views = _views(subject)
            pictures = _pictures(whole, subject, views) if options.compare else None
            for path in job.files:
                try:
                    rows.append(_written(path, subject, options, views, pictures))
                except ValueError as error:
                    bar.end()
                    print(f"error: {error}", file=sys.stderr)
                    status = 2
                bar.step()
        if rows:
            width = max(len(str(row.path)) for row in rows)
            print(f"{'file':{width}s} {'size':>11s} {'bytes/splat':>11s} {'PSNR':>9s}")
            for row in rows:
                print(row.line(width))
    return status


def prepared(path: Path, options: Options) -> tuple[Subject, Gaussians]:
    """Read a scene, and make it as small as was asked for; says what was done.

    Returns:
        The scene to write, and the one that it is compared with: cropped, but otherwise whole.
    """
    subject = read_subject(path, options.from_axes, options.look)
    for note in subject.notes:
        print(f"note: {note}", file=sys.stderr)
    if options.crop is not None:
        whole = len(subject.gaussians)
        part = cropped(subject.gaussians, options.crop[:3], options.crop[3:])
        subject = replace(subject, gaussians=part)
        if not subject.of_a_run:
            cameras, offset = guessed(part, options.look)
            subject = replace(subject, cameras=cameras, offset=offset)
        print(f"{path}: {len(part)} of {whole} Gaussians lie in the box")
    whole = scene = subject.gaussians
    if options.min_opacity > 0:
        scene = at_least(scene, options.min_opacity)
        print(f"{path}: {len(scene)} of {len(whole)} Gaussians have an opacity of {options.min_opacity:g} or more")
    if options.decimate is not None and options.decimate < len(scene):
        before = len(scene)
        scene = decimated(scene, options.decimate, subject.views(_DECIMATE_VIEWS), subject.rasterize)
        line = f"{path}: decimated from {before} to {len(scene)} Gaussians"
        if options.compare:
            views = _views(subject)
            pair = (_pictures(gaussians, subject, views) for gaussians in (scene, whole))
            line += f", {psnr(*pair):.1f} dB against the whole"
        print(line)
    if options.sh_degree is not None and options.sh_degree < scene.sh_degree:
        scene = scene.with_sh_degree(options.sh_degree)
    if clipped := int(((sh_to_rgb(scene.sh[:, 0]) - 0.5).abs() > 0.5 + 1e-3).any(dim=1).sum()):
        print(f"{path}: {clipped} of {len(scene)} Gaussians have a base colour beyond 0 to 1, which some viewers clip")
    return replace(subject, gaussians=scene), whole


def _views(subject: Subject) -> Cameras:
    views = subject.views(VIEWS)
    scale = max(1.0, _SIDE / views.height)
    return views.resized(round(views.width * scale), round(views.height * scale))


def _pictures(gaussians: Gaussians, subject: Subject, views: Cameras) -> Float[Tensor, "V H W 3"]:
    renders = render_views(gaussians, views, subject.rasterize, subject.background)
    return torch.cat([render.rgb for render in renders])


def _written(
    path: Path, subject: Subject, options: Options, views: Cameras, pictures: Float[Tensor, "V H W 3"] | None
) -> Row:
    make_folder(path.parent)
    row = format_of(path)
    known = inspect.signature(row.function("write")).parameters
    given = {
        "render_mode": subject.render_mode, "pad_sh": options.pad_sh, "version": options.spz_version,
        "title": subject.name,
    }  # fmt: skip
    if subject.of_a_run:
        film = subject.film(_TOUR)
        fov = 2 * torch.atan(0.5 * film.height / film.Ks[:, 1, 1])
        tour = tour_of(film.viewmats.double().numpy(), fov.double().numpy())
        given |= {"background": subject.background, "tour": tour}
    write_gaussians(path, subject.gaussians, options.axes, **{k: v for k, v in given.items() if k in known})
    for line in beyond(row, subject.gaussians, options.axes):
        print(f"{path}: {line}")
    if row.reads and options.axes not in (None, row.axes) and read_scene(path).axes != options.axes:
        print(f"{path}: nothing in it says {options.axes}; readers need --from-axes {options.axes}")
    quality = None
    if pictures is not None and row.reads:
        again = read_scene(path, options.axes).gaussians
        quality = psnr(_pictures(again, subject, views), pictures)
    return Row(path, path.stat().st_size, len(subject.gaussians), quality)
