"""Scenes that come from the disk: a splat file, a 3DGS model folder, or a run's folder that may still be growing."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from gs_stein.cameras.options import CameraOptions, OrbitCameras
from gs_stein.gaussians.files import read_scene, scene_path
from gs_stein.gaussians.formats.sniff import refuse_disguise
from gs_stein.gaussians.formats.table import FORMATS, format_of
from gs_stein.gaussians.model import Gaussians
from gs_stein.gaussians.orientation import rotated, to_axes
from gs_stein.live import html
from gs_stein.live.level import lies_on_its_side
from gs_stein.live.poses import Pose, home, home_of_points
from gs_stein.live.snapshot import TERMS
from gs_stein.rasterize.filter_3d import as_trained
from gs_stein.rasterize.options import RasterizeOptions

SUFFIXES = tuple(suffix for row in FORMATS if row.reads for suffix in row.suffixes)
"""Of files that can be shown."""
_FINAL = "point_cloud.ply"
_LOOKED_AT = 100_000
"""Gaussians that decide where to look from."""
_SHOWN = ("prompt", "cameras", "iterations", "background", "rasterize")
"""Settings of a run that concern its page."""


@dataclass(frozen=True)
class Up:
    """Which way is up in a file; conventions are those of `formats.table.AXES`."""

    used: str
    """The convention that its numbers were taken in."""
    own: str
    """The one that the file says, or else its format's."""
    own_from: str
    """How that is known, as `SceneFile.axes_from`."""
    better: tuple[str, ...] = ()
    """Conventions in which it would stand level, if it seems to lie on its side in the one that was used."""


@dataclass(frozen=True)
class Loaded:
    """A scene as it was on the disk."""

    gaussians: Gaussians
    origin: str
    """Name of the file, for people."""
    step: int | None
    """Iterations behind it, where the file says so."""
    notes: tuple[str, ...] = ()
    """What was changed or left aside while reading, one line each."""
    up: Up | None = None
    """Of files; a run's checkpoints are always in our world."""


class Source:
    """A splat file, a 3DGS model folder or the folder of a run, read again whenever it changes.

    Args:
        path: a file of any format that can be read, of ours or another tool's, or a folder.
        up: the convention that a file's numbers are in; None: what the file says, else its format's.

    Raises:
        ValueError: neither, or a file that begins like something else than its suffix says; one line.
    """

    def __init__(self, path: Path, up: str | None = None) -> None:
        self.path, self.up = path, up
        self.prompt: str | None = None
        self.cameras: CameraOptions | None = None
        self.total: int | None = None
        self.background: float | None = None
        """Grey level that a run was made before."""
        self._rasterize = RasterizeOptions()
        self._guidance: float | None = None
        self._seen: tuple[Path, int, int] | None = None
        self._changing: tuple[Path, int, int] | None = None
        self.is_run = path.is_dir() and ((path / "config.yaml").is_file() or any(path.glob("checkpoints/step_*.pt")))
        """Whether it is the folder of a run, which says itself which way is up."""
        if self.is_run:
            self._read_settings()
            return
        if not path.exists():
            raise ValueError(
                f"{path}: no such file or folder; give a splat file ({', '.join(SUFFIXES)}), a 3DGS model folder, or "
                "the folder of a run"
            )
        try:
            file = scene_path(path)
        except ValueError as error:
            raise ValueError(
                f"{path}: is no run and no 3DGS model folder: it holds neither config.yaml, nor point_cloud.ply, nor "
                "point_cloud/iteration_N/point_cloud.ply"
            ) from error
        row = format_of(file, "read")
        if not row.reads:
            raise ValueError(f"{path}: is {row.title}, which is only written; give the file that it was made from")
        refuse_disguise(file, row)

    @property
    def name(self) -> str:
        """For people."""
        return self.path.resolve().name

    @property
    def stem(self) -> str:
        """The name without the suffix of its format."""
        name = self.name
        if self.path.is_dir():
            return name
        fitting = [suffix for suffix in SUFFIXES if name.lower().endswith(suffix)]
        return name[: len(name) - len(max(fitting, key=len, default=""))]

    @property
    def size(self) -> int:
        """Bytes of the file that is read next; 0 if there is none (yet)."""
        found = self._newest()
        try:
            return 0 if found is None else found.stat().st_size
        except OSError:
            return 0

    @property
    def folder(self) -> Path:
        """Where files made from it belong."""
        return self.path if self.path.is_dir() else self.path.parent

    @property
    def finished(self) -> bool:
        """Whether nothing more is to come: a lone file, or a run that has written its report."""
        return not self.is_run or (self.path / "report.json").exists()

    def load(self) -> Loaded | None:
        """The newest scene, if there is a newer one than at the last call; None otherwise.

        Raises:
            ValueError: a file is bad; said once, until it changes. In a run's folder files may be half there, and are
                tried again.
        """
        found = self._newest()
        if found is None:
            return None
        try:
            stat = found.stat()
        except OSError:  # an old checkpoint, removed meanwhile
            return None
        stamp = (found, stat.st_mtime_ns, stat.st_size)
        if stamp == self._seen or not self._settled(stamp):
            return None
        try:
            loaded = self._checkpoint(found) if found.suffix == ".pt" else self._file(found)
        except ValueError:
            if not self.is_run:
                self._seen = stamp
                raise
            # A run of another version, say, whose checkpoints cannot be read: its scene can.
            final = self.path / _FINAL
            if self._seen is not None or found == final or not final.is_file():
                return None
            with suppress(ValueError):
                loaded, self._seen = self._file(final), stamp
                return loaded
            return None
        self._seen = stamp
        return loaded

    def turned(self, loaded: Loaded, up: str | None) -> Loaded:
        """A scene that was read from here in another convention, which is used from now on.

        Args:
            loaded: the scene.
            up: the convention; None: what the file says, else its format's.
        """
        self.up = up
        if loaded.up is None:
            return loaded
        wanted = loaded.up.own if up is None else up
        rotation = to_axes(wanted).T @ to_axes(loaded.up.used)
        return replace(
            loaded, gaussians=rotated(loaded.gaussians, rotation), up=replace(loaded.up, used=wanted, better=())
        )

    def _settled(self, stamp: tuple[Path, int, int]) -> bool:
        """Whether a file is no longer being written: one that has changed is read when it has rested for a round."""
        if self.is_run or self._seen is None or stamp == self._changing:
            return True
        self._changing = stamp
        return False

    def _file(self, path: Path) -> Loaded:
        scene = read_scene(path)
        if self.is_run:
            return Loaded(scene.gaussians, path.name, None, scene.notes)
        better: tuple[str, ...] = ()
        if self.up is None and scene.axes_from == "format":
            better = lies_on_its_side(scene.gaussians, scene.axes)
        up = Up(scene.axes, scene.axes, scene.axes_from, better)
        loaded = Loaded(scene.gaussians, path.name, None, scene.notes, up)
        return loaded if self.up is None else self.turned(loaded, self.up)

    def _checkpoint(self, path: Path) -> Loaded:
        loaded = _from_checkpoint(path)
        if self.cameras is None:
            return loaded
        return replace(loaded, gaussians=as_trained(loaded.gaussians, self.cameras, self._rasterize))

    def first_view(self, gaussians: Gaussians) -> Pose:
        """Where to look from at first: as the run's cameras do, or as the splats suggest."""
        if self.cameras is not None:
            return home(self.cameras)
        return home_of_points(gaussians.means[:: -(-len(gaussians) // _LOOKED_AT)].detach().cpu().numpy())

    @property
    def is_object(self) -> bool:
        """Whether it was made to be seen from around; unknown scenes count as rooms."""
        return isinstance(self.cameras, OrbitCameras)

    def metrics(self) -> Float[np.ndarray, "columns n"]:
        """Rows as in `History.table`; no columns where the run has written no numbers."""
        from gs_stein.run.metrics import read_metrics

        empty = np.zeros((3 + len(TERMS), 0))
        if not self.is_run:
            return empty
        try:
            rows = read_metrics(self.path / "metrics.csv")
        except ValueError:
            return empty
        names = ("step", "gradient", "variance_ratio", *TERMS)
        return np.array([[_number(row.get(name)) for row in rows] for name in names]).reshape(len(names), -1)

    def changes(self) -> list[tuple[int, str]]:
        """What was changed while the run went on, in words, each with the iterations finished by then."""
        from gs_stein.run.steering import changes

        return changes(self.path if self.is_run else None, self._guidance)

    def _newest(self) -> Path | None:
        if not self.is_run:
            try:
                return scene_path(self.path)
            except ValueError:  # a model folder that was emptied meanwhile
                return None
        candidates = []
        for path in (self.path / _FINAL, *sorted((self.path / "checkpoints").glob("step_*.pt"))[-1:]):
            try:
                candidates.append((path.stat().st_mtime_ns, path))
            except FileNotFoundError:
                continue
        return max(candidates)[1] if candidates else None

    def _read_settings(self) -> None:
        from gs_stein.config.schema import BACKGROUNDS, Config
        from gs_stein.config.serialize import merged_file, read_yaml

        path = self.path / "config.yaml"
        if path.is_file():
            # What a page shows, and no more: runs of other versions open too.
            tree = read_yaml(path)
            if isinstance(prompt := tree.get("prompt"), str):
                tree["prompt"] = html.printable(prompt)
            config = merged_file(Config(), {key: tree[key] for key in _SHOWN if key in tree}, path)
            self.prompt, self.cameras, self.total = config.prompt, config.cameras, config.iterations
            self.background, self._rasterize = BACKGROUNDS[config.background], config.rasterize
            self._guidance = _guidance(tree)


def _from_checkpoint(path: Path) -> Loaded:
    from gs_stein.run import checkpoint

    content = checkpoint.read(path)
    try:
        gaussians, step = Gaussians.from_parameters(content["parameters"]).detach(), int(content["step"])
        whole = bool(gaussians.finite().all())
    except Exception as error:  # whatever a content that is not ours does to those who take it over
        raise ValueError(f"{path}: holds no scene of a run ({type(error).__name__})") from error
    if not whole:
        raise ValueError(f"{path}: holds a scene that is not finite")
    return Loaded(gaussians, path.name, step)


def _guidance(tree: object) -> float | None:
    """The guidance scale in a config.yaml of whatever version; None where none is."""
    for key in ("distill", "guidance", "scale"):
        tree = tree.get(key) if isinstance(tree, dict) else None
    return float(tree) if isinstance(tree, (int, float)) else None


def _number(text: str | None) -> float:
    try:
        return float(text) if text else math.nan
    except ValueError:
        return math.nan
