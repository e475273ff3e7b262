"""Scenes into files of meshes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gs_stein.export.write import Job, prepared
from gs_stein.mesh.files import AXES, write_mesh
from gs_stein.mesh.make import TRIANGLES, make_mesh
from gs_stein.render.countdown import Countdown
from gs_stein.render.subject import make_folder

if TYPE_CHECKING:
    from gs_stein.export.__main__ import Options


def write_meshes(jobs: list[Job], options: Options) -> int:
    """Make a mesh of every scene and write its files.

    Args:
        jobs: what goes where.
        options: of the command.

    Returns:
        The exit status: 2 if a file could not be written, else 0.
    """
    assert options.mesh is not None
    status = 0
    for job in jobs:
        subject, _ = prepared(job.scene, options)
        bar: list[Countdown] = []

        def progress(done: int, total: int, bar: list[Countdown] = bar) -> None:
            if not bar:
                bar.append(Countdown("view", total))
            bar[0].step()
            if done == total:
                bar[0].end()
                print("fusing and decimating …", file=sys.stderr)

        made = make_mesh(subject, options.mesh, options.triangles, options.voxel, progress)
        most, count = options.triangles or TRIANGLES[options.mesh], len(made.mesh.triangles)
        if count > most:
            print(f"note: {job.scene}: {count} triangles, not {most}: it cannot be simplified further", file=sys.stderr)
        for path in job.files:
            axes = options.axes or AXES[path.suffix.lower()]
            try:
                make_folder(path.parent)
                write_mesh(path, made.mesh, axes)
            except ValueError as error:
                print(f"error: {error}", file=sys.stderr)
                status = 2
                continue
            size = path.stat().st_size / 1e6
            print(f"{path}: {len(made.mesh.triangles)} triangles, {axes}, metres, {size:.2f} MB")
        median, most, voxel = (f"{1000 * metres:.3g} mm" for metres in (made.median, made.most, made.voxel))
        print(
            f"{job.scene}: {'closed' if made.mesh.closed else 'NOT closed'}; {median} from the splats' depth (median), "
            f"{most} (95 %); cells of {voxel}"
        )
    return status
