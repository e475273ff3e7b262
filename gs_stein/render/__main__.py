"""python -m gs_stein.render SCENE -o FILE: pictures, films and panoramas of any splat file, drawn on the CPU."""

from __future__ import annotations

import math
import os
import re
import sys
import time
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

# Threads of OpenMP that wait must sleep instead of spinning. Torch and Numba read this when they are imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from gs_stein.render.outcome import check_path, outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from gs_stein.render.countdown import Countdown
    from gs_stein.render.subject import Subject
    from gs_stein.types import Cameras, Render

_SIDE = 640
"""Pixels of a picture or film's side, if nothing is said."""
_FILMS = (".mp4", ".webp")
_PANORAMA = 2048
"""Pixels of a panorama's width."""
_LARGEST = 16384
_FARTHEST = 1e9
"""Metres."""


@dataclass(frozen=True)
class Options:
    """Pictures, films and panoramas of any splat file or run, drawn on the CPU.

    A film turns around an object, or looks around in a room:
      gs-stein render chair.spz -o turntable.mp4

    The same as an animated picture, which plays in any page or README (made small: it has no codec of films):
      gs-stein render chair.spz -o turn.webp --size 320 --frames 60 --fps 15

    One picture, by default as the viewer would show it first, or from a place to a place (metres, z up):
      gs-stein render room.ply -o view.png --view 0 -1 1.5  0 2 1

    All directions at once, for players of 360° pictures, where the name begins with pano or --kind says so:
      gs-stein render runs/a-cozy-room -o pano.png

    Along a path of your own: matrices, or the keyframes that the viewer records:
      gs-stein render room.sog -o tour.mp4 --path tour.json
    """

    scene: tyro.conf.Positional[Path]
    """A splat file of any format, a 3DGS model folder, or the folder of a run."""
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """What to write: .mp4, .webp or .png."""
    kind: Literal["auto", "film", "view", "panorama"] = "auto"
    """auto: a film for .mp4 and .webp, a panorama for a .png whose name begins with pano, a view for another .png."""
    size: tuple[int, ...] = ()
    """Pixels: width and height, or one number for a square (of a panorama, its width). Default: 640, or 2048."""
    frames: int = 120
    """Of a film."""
    fps: int = 24
    """Frames a second."""
    path: Path | None = None
    """JSON file with the cameras of a film: {"viewmats", "Ks", "width", "height"} or {"keyframes": [{"wxyz",
    "position", "fov"}]}."""
    view: tuple[float, float, float, float, float, float] | None = None
    """Where the camera stands and the point that it looks at: x y z x y z (metres, z up)."""
    fov: float | None = None
    """Vertical field of view in degrees. Default: the scene's own."""
    look: Literal["auto", "around", "inside"] = "auto"
    """Whether to see the scene from around or from inside; auto: as a run was trained, else by where it is empty."""
    depth: bool = False
    """Also show the distance in colours, right of the picture (below a panorama); warm is near."""
    background: float | None = None
    """Grey level behind the scene, 0 to 1. Default: a run's own, else 0.5."""
    fill: bool = True
    """In a panorama of a run, fill from around what lies so far up or down that no camera of its training looked there:
    otherwise it is coloured dust."""
    from_axes: Literal["z-up", "y-down", "y-up"] | None = None
    """How the file's axes lie, if it comes out on its side."""

    @property
    def what(self) -> str:
        """Film, view or panorama; "" where nothing fits."""
        if self.kind != "auto":
            return self.kind
        suffix = self.output.suffix.lower()
        panorama = self.output.name.lower().startswith("pano")
        return "film" if suffix in _FILMS else "" if suffix != ".png" else "panorama" if panorama else "view"

    def check(self) -> None:
        """Raise ValueError for a choice that makes no sense."""
        if self.what not in ("film", "view", "panorama"):
            raise ValueError(f"output: {self.output} is neither .mp4 nor .png nor .webp; give one of these")
        suffix = self.output.suffix.lower()
        if suffix not in (_FILMS if self.what == "film" else (".png",)):
            raise ValueError(
                f"kind: a {self.what} cannot be a {suffix}; give -o a .{'mp4' if self.what == 'film' else 'png'}"
            )
        if len(self.size) > 2 or any(not 8 <= side <= _LARGEST for side in self.size):
            raise ValueError(f"size: {self.size} makes no picture; give a width and a height, 8 to {_LARGEST} pixels")
        if self.frames < 1 or self.fps < 1:
            raise ValueError(f"frames, fps: {self.frames}, {self.fps}; give 1 or more")
        if self.fov is not None and not 1 <= self.fov <= 160:
            raise ValueError(f"fov: {self.fov} degrees is not between 1 and 160")
        if self.background is not None and not 0 <= self.background <= 1:
            raise ValueError(f"background: {self.background} is no grey level; give 0 (black) to 1 (white)")
        check_path(self.output)
        self._check_cameras()

    def _check_cameras(self) -> None:
        """Raise ValueError for cameras that see nothing, or that this kind of picture has not."""
        if self.what != "film" and (self.frames, self.fps) != (Options.frames, Options.fps):
            raise ValueError("frames, fps: only a film has them; give -o an .mp4, or leave them out")
        if self.fov is not None and (self.what == "panorama" or self.path is not None):
            raise ValueError("fov: a panorama sees all around, and a path has its own; leave it out")
        if self.path is not None and self.what != "film":
            raise ValueError("path: only a film follows one; give -o an .mp4, or --view for one picture")
        if self.view is None:
            return
        view = array("f", self.view)  # so precisely do cameras know their places
        if self.what == "film" or view[:3] == view[3:]:
            raise ValueError("view: needs a .png, and a place that differs from the point it looks at")
        if not all(abs(metres) <= _FARTHEST for metres in view):
            raise ValueError(f"view: {self.view} m is no place; give numbers up to {_FARTHEST:g}")


def render(options: Options) -> str:
    """Draw what was asked for and write the file, whole or not at all.

    Returns:
        What was written, for people.

    Raises:
        ValueError: the scene or the path is bad, or the file cannot be written.
    """
    from gs_stein.images import write_png
    from gs_stein.render.subject import make_folder, read_subject

    options.check()
    subject = read_subject(options.scene, options.from_axes, options.look)
    for note in subject.notes:
        print(f"note: {note}", file=sys.stderr)
    make_folder(options.output.parent)
    if options.what == "film":
        from gs_stein.run.video import write_animation, write_video

        cameras = _film_cameras(options, subject)
        write = write_animation if options.output.suffix.lower() == ".webp" else write_video
        write(options.output, _frames(subject, cameras, options), options.fps)
        count, width = len(cameras), cameras.width * (2 if options.depth else 1)
        return f"{count} frame{'s' if count > 1 else ''} of {width}×{cameras.height}"
    picture = _panorama(options, subject) if options.what == "panorama" else _still(options, subject)
    write_png(options.output, picture)
    return f"{picture.shape[1]}×{picture.shape[0]}"


def _drawn(subject: Subject, cameras: Cameras, options: Options, bar: Countdown) -> Iterator[Render]:
    """Renders, one view each."""
    from gs_stein.rasterize.many_views import render_views

    background = subject.background if options.background is None else options.background
    nothing = True
    with bar:
        for i in range(len(cameras)):
            (render,) = render_views(subject.gaussians, cameras[i : i + 1], subject.rasterize, background)
            nothing = nothing and not bool(render.alpha.any())
            if nothing and i == len(cameras) - 1:
                print("note: nothing of the scene is seen from here; try --look or --view", file=sys.stderr)
            yield render
            bar.step()


def _film_cameras(options: Options, subject: Subject) -> Cameras:
    from gs_stein.render.path_file import read_path

    # The codec wants even sides.
    width, height = (side // 2 * 2 for side in _size(options))
    if options.path is not None:
        return read_path(options.path, options.frames, width, height)
    return _with_lens(subject.film(options.frames), options.fov, width, height)


def _with_lens(cameras: Cameras, fov: float | None, width: int, height: int) -> Cameras:
    """The cameras for pictures of another size and shape: square pixels, the vertical field of view kept or given."""
    from dataclasses import replace

    import torch

    from gs_stein.cameras.sampling import intrinsics

    degrees = torch.rad2deg(2 * torch.atan(0.5 * cameras.height / cameras.Ks[:, 1, 1]))
    degrees = degrees if fov is None else torch.full_like(degrees, fov)
    return replace(cameras, Ks=intrinsics(degrees, width, height), width=width, height=height)


def _size(options: Options) -> tuple[int, int]:
    if options.what == "panorama":
        width = options.size[0] if options.size else _PANORAMA
        return width, options.size[1] if len(options.size) == 2 else max(width // 2, 1)
    width = options.size[0] if options.size else _SIDE
    return width, options.size[-1] if options.size else _SIDE


def _frames(subject: Subject, cameras: Cameras, options: Options) -> Iterator[np.ndarray]:
    import numpy as np

    from gs_stein.images import depth_colours, depth_range, to_bytes
    from gs_stein.render.countdown import Countdown

    near_far: tuple[float, float] | None = None
    for render in _drawn(subject, cameras, options, Countdown("frame", len(cameras))):
        picture = to_bytes(render.rgb[0])
        if options.depth:
            near_far = near_far or depth_range(render.depth, render.alpha)
            picture = np.concatenate([picture, depth_colours(render.depth, render.alpha, *near_far)[0]], axis=1)
        yield picture


def _still(options: Options, subject: Subject) -> np.ndarray:
    from gs_stein.live.poses import Pose, camera_at, home
    from gs_stein.render.subject import moved

    pose = home(subject.cameras)
    if options.view is not None:
        x, y, z, *target = options.view
        cameras = camera_at(Pose((x, y, z), (target[0], target[1], target[2]), pose.fov), *_size(options))
    else:
        cameras = moved(camera_at(pose, *_size(options)), subject.offset)
    return next(_frames(subject, _with_lens(cameras, options.fov, *_size(options)), options))


def _panorama(options: Options, subject: Subject) -> np.ndarray:
    import numpy as np
    import torch

    from gs_stein.images import depth_colours, depth_range, to_bytes
    from gs_stein.live.poses import home
    from gs_stein.render.countdown import Countdown
    from gs_stein.render.panorama import cube_cameras, distances, equirectangular, face_side, fill_caps

    pose = home(subject.cameras)
    position = torch.tensor(pose.position) + torch.tensor(subject.offset)
    ahead = torch.tensor(pose.look_at) - torch.tensor(pose.position)
    if options.view is not None:
        position = torch.tensor(options.view[:3])
        ahead = torch.tensor(options.view[3:]) - position
    yaw = math.degrees(math.atan2(float(ahead[0]), float(ahead[1])))
    width, height = _size(options)
    cameras = cube_cameras(position, face_side(width))
    renders = list(_drawn(subject, cameras, options, Countdown("face", len(cameras))))
    colours = equirectangular(torch.cat([r.rgb for r in renders]), cameras, width, height, yaw)
    looked = subject.elevations if options.fill else None
    if looked is not None and looked != (-90.0, 90.0):
        lowest, highest = looked
        colours = fill_caps(colours, lowest, highest)
        print(
            f"note: above {highest:.0f}° and below {lowest:.0f}° no camera of the training looked: filled from around "
            "(--no-fill leaves it)", file=sys.stderr,
        )  # fmt: skip
    picture = to_bytes(colours)
    if options.depth:
        depth = distances(torch.cat([r.depth for r in renders]), cameras)
        both = torch.stack([depth, torch.cat([r.alpha for r in renders])], dim=-1)
        far, alpha = equirectangular(both, cameras, width, height, yaw)[None].unbind(-1)
        picture = np.concatenate([picture, depth_colours(far, alpha, *depth_range(far, alpha))[0]], axis=0)
    return picture


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says; mistakes are one line, without a traceback.

    Args:
        arguments: without the program's name; None: the process's own.

    Returns:
        The exit status.
    """
    return outcome(lambda: _render(arguments))


def _render(arguments: list[str] | None) -> int:
    began = time.monotonic()
    given = sys.argv[1:] if arguments is None else arguments
    if sum(re.match(r"(-o|--output)(=|$)", word) is not None for word in given) > 1:
        raise ValueError("output: only one file can be drawn at a time; give one -o FILE")  # argparse takes the last
    options = tyro.cli(Options, args=given, prog="gs-stein render")
    said = render(options)
    size = options.output.stat().st_size
    print(f"{options.output}: {said}, {size / 1e6:.2f} MB, {time.monotonic() - began:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
