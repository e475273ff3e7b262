"""python -m gs_stein.export SCENE … -o FILE …: any splat file or run in other formats, or as a mesh."""

from __future__ import annotations

import math
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

# Threads of OpenMP that wait must sleep instead of spinning. Torch and Numba read this when they are imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from gs_stein.gaussians.formats.table import FORMATS, format_of
from gs_stein.render.outcome import check_path, outcome

if TYPE_CHECKING:
    from gs_stein.export.write import Job

MESHES = (".glb", ".obj", ".ply")
"""Suffixes of meshes."""
_KNOWN = " ".join(suffix for row in FORMATS for suffix in row.suffixes)
Box = tuple[float, float, float, float, float, float]


@dataclass(frozen=True)
class Options:
    """Any splat file or run in other formats, each with its own axes, so that it stands upright where it is opened.

    One scene in several formats (give -o once with many names, or many times):
      gs-stein export runs/a-cozy-room -o out/room.{ply,compressed.ply,splat,spz,sog,glb,usdz,html}

    Several scenes; {name} is each one's own:
      gs-stein export a.ply b.spz -o out/{name}.sog

    Smaller: a part, a tenth of the Gaussians, without view-dependent colour:
      gs-stein export garden.ply -o small.spz --crop -2 -2 0 2 2 3 --decimate 100000 --sh-degree 0

    A mesh with vertex colours, in metres; or a closed one of few triangles for physics:
      gs-stein export room.ply -o room.glb --mesh
      gs-stein export room.ply -o room.obj --mesh collider --triangles 5000
    """

    scenes: tyro.conf.Positional[tuple[Path, ...]]
    """Splat files of any format, 3DGS model folders, or folders of runs."""
    output: Annotated[
        tyro.conf.UseAppendAction[tuple[tuple[Path, ...], ...]],
        tyro.conf.arg(aliases=["-o"], help=f"Files to write; the suffix is the format: {_KNOWN}. May be repeated."),
    ] = ()
    axes: Literal["z-up", "y-down", "y-up"] | None = None
    """Write in these axes instead of the format's own."""
    from_axes: Literal["z-up", "y-down", "y-up"] | None = None
    """How the axes of what is read lie, if it comes out on its side or head."""
    crop: Box | None = None
    """Keep what lies in this box: x0 y0 z0 x1 y1 z1 (metres, z up)."""
    min_opacity: float = 0.0
    """Leave out Gaussians fainter than this, 0 to 1; below 0.004 none can be seen."""
    decimate: int | None = None
    """Keep so many Gaussians, by importance; they grow to stand for those that are gone."""
    sh_degree: Literal[0, 1, 2, 3] | None = None
    """Keep only so many degrees of view-dependent colour (0: none)."""
    pad_sh: bool = False
    """Fill a .ply up to degree 3 with zeros, for programs that insist on 62 properties (Unity's importer)."""
    spz_version: Literal[3, 4] = 4
    """Of .spz files; 3 for programs from before 2026."""
    mesh: Literal["surface", "collider"] | None = None
    """Write a mesh instead (.glb, .obj, .ply): its visible surface (--mesh alone), or a closed, coarse collider."""
    triangles: int | None = None
    """Of the mesh at most. Default: 200000, of a collider 10000."""
    voxel: float | None = None
    """Edge of the cells that the mesh is made from, metres. Default: by the size of the scene."""
    look: Literal["auto", "around", "inside"] = "auto"
    """Whether to see a scene from around or from inside; auto: as a run was trained, else by where it is empty."""
    compare: bool = True
    """Read every file again and compare eight pictures with the original's."""

    def check(self) -> None:
        """Raise ValueError for a choice that makes no sense."""
        if not self.scenes:
            raise ValueError("scenes: there are none; give splat files or folders of runs first, then -o")
        if not 0 <= self.min_opacity < 1:
            raise ValueError(f"min_opacity: {self.min_opacity} is not between 0 and 1")
        if self.decimate is not None and self.decimate < 1:
            raise ValueError(f"decimate: {self.decimate} Gaussians make no scene; give 1 or more")
        if self.triangles is not None and not 4 <= self.triangles <= (20_000 if self.mesh == "collider" else 10**8):
            raise ValueError(f"triangles: {self.triangles}; give 4 or more, of a collider 20000 at most")
        if self.voxel is not None and not 0 < self.voxel < math.inf:
            raise ValueError(f"voxel: {self.voxel} m is no length; give more than 0")
        if self.crop is not None and any(map(math.isnan, self.crop)):
            raise ValueError(f"crop: {self.crop} m is no box; give x0 y0 z0 x1 y1 z1, the lower corner first")
        self._check_use()

    def _check_use(self) -> None:
        """Raise ValueError for an option that would change nothing."""
        if self.mesh is None and (self.triangles, self.voxel) != (None, None):
            name = "voxel" if self.triangles is None else "triangles"
            raise ValueError(f"{name}: only a mesh has any; add --mesh or --mesh collider, or leave it out")
        names = [] if self.mesh else [name for group in self.output for name in group]
        if self.pad_sh and all(format_of(name).name != "ply" for name in names):
            raise ValueError("pad_sh: none of the files is a .ply of splats; leave it out")
        if self.spz_version == 3 and all(format_of(name).name != "spz" for name in names):
            raise ValueError("spz_version: none of the files is an .spz; leave it out")


def jobs(options: Options) -> list[Job]:
    """Which scene goes into which files.

    Raises:
        ValueError: there is nothing to write, a name has no known suffix, or two files would be one.
    """
    from gs_stein.export.write import Job
    from gs_stein.gaussians.files import scene_path
    from gs_stein.render.subject import base_name, is_unfinished

    names = [name for group in options.output for name in group]
    if not names:
        raise ValueError(f"output: nothing to write; give -o FILE with one of {_KNOWN}")
    for path in (*options.scenes, *names):
        check_path(path)
    for name in names:
        if unknown := [found for found in re.findall(r"\{[^{}]*\}", str(name)) if found != "{name}"]:
            raise ValueError(f"output: {name}: {unknown[0]} stands for nothing; {{name}} is each scene's own name")
        if name.is_dir():
            raise ValueError(f"output: {name} is a folder; give names with a suffix, such as {name / '{name}.spz'}")
        if options.mesh is None:
            if name.suffix.lower() == ".obj":
                raise ValueError(f"output: {name}: an .obj holds a mesh; add --mesh, or give one of {_KNOWN}")
            format_of(name)
        elif name.suffix.lower() not in MESHES or name.name.lower().endswith(".compressed.ply"):
            raise ValueError(f"output: {name}: a mesh cannot be written so; give {', '.join(MESHES)}")
        if len(options.scenes) > 1 and "{name}" not in str(name):
            raise ValueError(
                f"output: {name} cannot be {len(options.scenes)} scenes; put {{name}} into it, such as "
                f"{name.with_name('{name}' + name.suffix)}"
            )
    found = []
    taken = {(scene if is_unfinished(scene) else scene_path(scene)).resolve() for scene in options.scenes}
    for scene in options.scenes:
        paths = tuple(Path(str(name).replace("{name}", base_name(scene))) for name in names)
        for path in paths:
            check_path(path)
            if path.resolve() in taken:
                raise ValueError(f"output: {path} is read, or written twice; give another name")
            taken.add(path.resolve())
        found.append(Job(scene, paths))
    return found


def with_surface(arguments: list[str]) -> list[str]:
    """A --mesh without its kind means the surface."""
    kinds, given = ("surface", "collider", "None"), []
    for argument, after in zip(arguments, [*arguments[1:], ""], strict=False):
        given.append("--mesh=surface" if argument == "--mesh" and after not in kinds else argument)
    return given


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says; mistakes are one line, without a traceback.

    Args:
        arguments: without the program's name; None: the process's own.

    Returns:
        The exit status: 2 also if one of several files could not be written.
    """
    given = with_surface(sys.argv[1:] if arguments is None else arguments)
    return outcome(lambda: _export(given))


def _export(arguments: list[str]) -> int:
    options = tyro.cli(Options, args=arguments, prog="gs-stein export")
    options.check()
    found = jobs(options)
    if options.mesh is None:
        from gs_stein.export.write import write_files

        return write_files(found, options)
    from gs_stein.export.meshes import write_meshes

    return write_meshes(found, options)


if __name__ == "__main__":
    sys.exit(main())
