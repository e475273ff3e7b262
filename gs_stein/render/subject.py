"""What is drawn: a scene from a file or a run, and where to look at it from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein.cameras.options import CameraOptions, OrbitCameras, RoomCameras
from gs_stein.cameras.paths import video_path
from gs_stein.cameras.sampling import sample_cameras
from gs_stein.config.schema import BACKGROUNDS, Config
from gs_stein.config.serialize import merged, read_yaml
from gs_stein.gaussians.files import read_scene
from gs_stein.gaussians.formats.table import FORMATS
from gs_stein.gaussians.model import Gaussians
from gs_stein.rasterize.options import DEFAULTS, RasterizeOptions
from gs_stein.render.outcome import check_path
from gs_stein.types import Cameras

Look = Literal["auto", "around", "inside"]
_SAMPLE = 200_000
"""Gaussians that are looked at to guess where a scene lies."""
_NEAREST = 0.02
"""Metres from a camera to the middle of what it turns around, at least."""
_TOO_LOW = 0.1
"""No room is this small (metres): a camera inside would draw nothing, so near are its walls."""
_SECTORS = 12
"""Of a look around; a room has something at eye level in three quarters of them."""
_SEED = 0x5EED
_OF_A_RUN = ("cameras", "background", "rasterize")
"""Settings of a run that decide how it looks; runs of other versions are read too."""


@dataclass(frozen=True)
class Subject:
    """A scene to draw."""

    path: Path
    """What was given."""
    gaussians: Gaussians
    """Our world, on the CPU."""
    cameras: CameraOptions
    """Where from: around it or inside it, about the origin."""
    offset: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Metres from the origin to what the cameras stand around or on."""
    background: float = 0.5
    """Grey level behind it."""
    rasterize: RasterizeOptions = DEFAULTS
    """How it wants to be drawn."""
    notes: tuple[str, ...] = ()
    """What the reader changed."""
    of_a_run: bool = False
    """Whether the cameras are a run's own, not guessed."""

    @property
    def render_mode(self) -> Literal["default", "mip"]:
        """How files shall say that it wants to be drawn."""
        return "mip" if self.rasterize.antialiased else "default"

    @property
    def name(self) -> str:
        """Of the file without its suffix, or of the folder."""
        return base_name(self.path)

    @property
    def is_object(self) -> bool:
        """Whether it is seen from around."""
        return isinstance(self.cameras, OrbitCameras)

    @property
    def elevations(self) -> tuple[float, float] | None:
        """Degrees down to which, and up to which, the cameras of its training looked from inside; None where that is
        not known, as of files, or no matter, as of objects."""
        if not self.of_a_run or not isinstance(self.cameras, RoomCameras):
            return None
        (low, high), half = self.cameras.pitch, self.cameras.fov[1] / 2
        return max(low - half, -90.0), min(high + half, 90.0)

    def film(self, frames: int) -> Cameras:
        """One closed turn: an orbit around an object, a look around a room."""
        return moved(video_path(self.cameras, frames), self.offset)

    def views(self, count: int) -> Cameras:
        """Views as they were trained, or as somebody would look; the same at every call."""
        return moved(sample_cameras(self.cameras, count, torch.Generator().manual_seed(_SEED)), self.offset)


def base_name(path: Path) -> str:
    """A scene's name: of a file without the suffix of its format, or of a folder."""
    name = path.resolve().name
    suffixes = sorted((suffix for row in FORMATS for suffix in row.suffixes), key=len, reverse=True)
    found = next((suffix for suffix in suffixes if name.lower().endswith(suffix)), "")
    return name[: len(name) - len(found)] or name


def read_subject(path: Path, axes: str | None = None, look: Look = "auto") -> Subject:
    """Read a splat file, a 3DGS model folder or a run of ours, and find out where to look from.

    Args:
        path: the file or folder.
        axes: the convention that a file's numbers are in, if it says something else or nothing.
        look: around or inside; auto: a run's own cameras, else inside if the middle of the scene is empty.

    Raises:
        ValueError: as `read_scene`; the path cannot be used; or a run's config.yaml is damaged.
    """
    path = Path(path)
    check_path(path)
    settings = path / "config.yaml"
    if is_unfinished(path):
        scene, notes, antialiased = *_unfinished(path), False
    else:
        found = read_scene(path, axes)
        scene, notes = found.gaussians, tuple(f"{found.path}: {note}" for note in found.notes)
        antialiased = found.render_mode == "mip"
    cameras, offset = guessed(scene, look)
    subject = Subject(path, scene, cameras, offset, rasterize=RasterizeOptions(antialiased=antialiased), notes=notes)
    if not (path.is_dir() and settings.is_file()):
        return subject
    tree = read_yaml(settings)
    config = merged(Config(), {key: tree[key] for key in _OF_A_RUN if key in tree})
    options = replace(config.rasterize, normals=False, backend="auto")
    subject = replace(subject, background=BACKGROUNDS[config.background], rasterize=options)
    wanted = {"auto": type(config.cameras), "around": OrbitCameras, "inside": RoomCameras}[look]
    if isinstance(config.cameras, wanted):
        subject = replace(subject, cameras=config.cameras, offset=(0.0, 0.0, 0.0), of_a_run=True)
    return subject


def is_unfinished(path: Path) -> bool:
    """Whether it is a run's folder without its scene: still going on, or ended before it wrote one."""
    return (path / "config.yaml").is_file() and not (path / "point_cloud.ply").is_file()


def _unfinished(run: Path) -> tuple[Gaussians, tuple[str, ...]]:
    """The newest checkpoint of a run that has written no scene yet, and a line that says so.

    Raises:
        ValueError: there is none that can be read.
    """
    from gs_stein.live.disk import Source

    loaded = Source(run).load()
    if loaded is None:
        raise ValueError(f"{run}: this run has written neither point_cloud.ply nor a checkpoint yet; try again later")
    return loaded.gaussians, (f"{run}: the run is not finished; this is its {loaded.origin}",)


def guessed(gaussians: Gaussians, look: Look) -> tuple[CameraOptions, tuple[float, float, float]]:
    """Cameras for a scene of which nothing is known but its Gaussians, and the offset that they are moved by.

    Args:
        gaussians: the scene, its z up.
        look: auto: from inside if the middle is empty and something is on all sides, as in a room, else from around.
    """
    keep = (gaussians.opacity_logits > -2.0).nonzero()[:, 0]
    if len(keep) < 10:
        keep = torch.arange(len(gaussians))
    means = gaussians.means[keep[:: -(-len(keep) // _SAMPLE)]].double().numpy()
    low, high = np.percentile(means, [0.5, 99.5], axis=0)
    inner_low, inner_high = np.percentile(means, [2, 98], axis=0)
    half = np.maximum((inner_high - inner_low) / 2, 1e-6)
    off_centre = np.abs((means - (inner_low + inner_high) / 2) / half).max(axis=1)
    empty = len(means) > 100 and float((high - low).min()) > _TOO_LOW and (off_centre < 0.35).mean() < 0.01
    width, depth, height = (float(v) for v in np.maximum(high - low, 1e-3))
    eye = 0.55 * height if height < 5 else 1.6  # a hall, or the open, in metres
    # An upright ring is empty too, but who stands in it looks past it.
    x, y, z = (means - [*(low + high)[:2] / 2, low[2] + eye]).T
    sectors = np.unique(np.arctan2(y, x)[np.abs(z) < np.hypot(x, y)] // (2 * np.pi / _SECTORS))
    if look == "inside" or (look == "auto" and empty and len(sectors) >= 0.75 * _SECTORS):
        margin = min(0.3, 0.1 * min(width, depth, height))
        room = RoomCameras(size=(width, depth, height), height=(0.9 * eye, 1.1 * eye), margin=margin, resolution=384)
        return room, (float(low[0] + high[0]) / 2, float(low[1] + high[1]) / 2, float(low[2]))
    centre = (low + high) / 2
    ball = max(float(np.percentile(np.linalg.norm(means - centre, axis=1), 98)), 1e-6)
    distance = min(max(1.1 * ball / np.sin(np.deg2rad(25.0)), _NEAREST), 1e5)
    # What is smaller is seen through a longer lens: nothing nearer than the near plane is drawn.
    fov = 50.0 if distance > _NEAREST else max(2 * float(np.rad2deg(np.arcsin(1.1 * ball / distance))), 1.0)
    around = OrbitCameras(elevation=(-5.0, 35.0), radius=(distance, distance), fov=(fov, fov), resolution=384)
    return around, (float(centre[0]), float(centre[1]), float(centre[2]))


def moved(cameras: Cameras, offset: tuple[float, float, float]) -> Cameras:
    """The cameras standing elsewhere (metres), looking in the same directions."""
    viewmats = cameras.viewmats.clone()
    viewmats[:, :3, 3] -= viewmats[:, :3, :3] @ viewmats.new_tensor(offset)
    return replace(cameras, viewmats=viewmats)


def psnr(picture: Float[Tensor, "V H W 3"], other: Float[Tensor, "V H W 3"]) -> float:
    """Peak signal-to-noise ratio of pictures in [0, 1] over all their pixels together, dB; at most 99."""
    error = float((picture - other).double().square().mean())
    return min(99.0, -10 * float(np.log10(max(error, 1e-12))))


def make_folder(folder: Path) -> None:
    """Make a folder for what is written, and those above it.

    Raises:
        ValueError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"output: the folder {folder} cannot be made ({error.strerror or error})") from error
