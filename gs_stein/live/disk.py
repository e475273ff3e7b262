"""Scenes that come from the disk: a splat file, or a run's folder that may still be growing."""

from __future__ import annotations

import math
import pickle
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from gs_stein.cameras.options import CameraOptions, OrbitCameras
from gs_stein.gaussians.files import read_gaussians
from gs_stein.gaussians.model import Gaussians
from gs_stein.live.poses import Pose, home, home_of_points
from gs_stein.live.snapshot import TERMS
from gs_stein.rasterize.filter_3d import as_trained
from gs_stein.rasterize.options import RasterizeOptions

SUFFIXES = (".ply", ".splat")
"""Of files that hold splats."""
_FINAL = "point_cloud.ply"
_SHOWN = ("prompt", "cameras", "iterations", "background", "rasterize")
"""Settings of a run that concern its page."""


@dataclass(frozen=True)
class Loaded:
    """A scene as it was on the disk."""

    gaussians: Gaussians
    origin: str
    """Name of the file, for people."""
    step: int | None
    """Iterations behind it, where the file says so."""


class Source:
    """A splat file or the folder of a run, read again whenever it changes.

    Args:
        path: a .ply or .splat, of ours or another tool's, or a folder with config.yaml.

    Raises:
        ValueError: neither; one line.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.prompt: str | None = None
        self.cameras: CameraOptions | None = None
        self.total: int | None = None
        self.background: float | None = None
        """Grey level that a run was made before."""
        self._rasterize = RasterizeOptions()
        self._seen: tuple[Path, int, int] | None = None
        if path.is_dir():
            self._read_settings()
        elif not path.exists():
            raise ValueError(f"{path}: no such file or folder; give a .ply, a .splat, or the folder of a run")
        elif path.suffix.lower() not in SUFFIXES:
            raise ValueError(f"{path}: is neither a .ply nor a .splat; give one of these, or the folder of a run")

    @property
    def name(self) -> str:
        """For people."""
        return self.path.resolve().name

    @property
    def is_run(self) -> bool:
        """Whether it is a folder."""
        return self.path.is_dir()

    @property
    def folder(self) -> Path:
        """Where files made from it belong."""
        return self.path if self.is_run else self.path.parent

    @property
    def finished(self) -> bool:
        """Whether nothing more is to come: a lone file, or a run that has written its report."""
        return not self.is_run or (self.path / "report.json").exists()

    def load(self) -> Loaded | None:
        """The newest scene, if there is a newer one than at the last call; None otherwise.

        Raises:
            ValueError: a lone file is bad. In a run's folder files may be half there, and are tried again.
        """
        found = self._newest()
        if found is None:
            return None
        try:
            stat = found.stat()
        except FileNotFoundError:  # an old checkpoint, removed meanwhile
            return None
        stamp = (found, stat.st_mtime_ns, stat.st_size)
        if stamp == self._seen:
            return None
        try:
            if found.suffix == ".pt":
                loaded = _from_checkpoint(found)
                if self.cameras is not None:
                    scene = as_trained(loaded.gaussians, self.cameras, self._rasterize)
                    loaded = replace(loaded, gaussians=scene)
            else:
                loaded = Loaded(read_gaussians(found), found.name, None)
        except ValueError:
            if not self.is_run:
                raise
            return None
        self._seen = stamp
        return loaded

    def first_view(self, gaussians: Gaussians) -> Pose:
        """Where to look from at first: as the run's cameras do, or as the splats suggest."""
        return home_of_points(gaussians.means.detach().cpu().numpy()) if self.cameras is None else home(self.cameras)

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
        except (OSError, UnicodeDecodeError):
            return empty
        names = ("step", "gradient", "variance_ratio", *TERMS)
        return np.array([[_number(row.get(name)) for row in rows] for name in names]).reshape(len(names), -1)

    def _newest(self) -> Path | None:
        if not self.is_run:
            return self.path
        candidates = []
        for path in (self.path / _FINAL, *sorted((self.path / "checkpoints").glob("step_*.pt"))[-1:]):
            try:
                candidates.append((path.stat().st_mtime_ns, path))
            except FileNotFoundError:
                continue
        return max(candidates)[1] if candidates else None

    def _read_settings(self) -> None:
        from gs_stein.config.schema import BACKGROUNDS, Config
        from gs_stein.config.serialize import merged, read_yaml

        path = self.path / "config.yaml"
        if path.is_file():
            # What a page shows, and no more: runs of other versions open too.
            tree = read_yaml(path)
            config = merged(Config(), {key: tree[key] for key in _SHOWN if key in tree})
            self.prompt, self.cameras, self.total = config.prompt, config.cameras, config.iterations
            self.background, self._rasterize = BACKGROUNDS[config.background], config.rasterize
        elif self._newest() is None:
            raise ValueError(f"{self.path}: is no run: it holds neither config.yaml nor {_FINAL}")


def _from_checkpoint(path: Path) -> Loaded:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        gaussians = Gaussians.from_parameters(content["parameters"]).detach()
    except (RuntimeError, EOFError, OSError, pickle.UnpicklingError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: cannot be read ({type(error).__name__})") from error
    return Loaded(gaussians, path.name, int(content["step"]))


def _number(text: str | None) -> float:
    try:
        return float(text) if text else math.nan
    except ValueError:
        return math.nan
