"""One configuration, composed of every room's own options, and its YAML form.

No logic: what a field means is said next to the code that reads it. YAML is loaded strictly: an unknown key names its
nearest neighbour, a value of the wrong type names its field. Where an option is a choice between classes, YAML writes
`kind: NAME` (or just NAME); the names are in `KINDS`.
"""

from __future__ import annotations

import dataclasses
import difflib
import enum
import math
import types
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from gs_stein.camera_options import CameraOptions, OrbitCameras, RoomCameras
from gs_stein.distill.options import SDS, SSD, VSD, DistillOptions, FittedSDS, Raw
from gs_stein.prior.options import DepthOptions, DiffusionOptions
from gs_stein.rasterize.options import RasterizeOptions
from gs_stein.start_options import BallStart, FileStart, OutdoorStart, PointsStart, RoomStart, Start
from gs_stein.train_options import (
    Densify,
    GradientDensify,
    LearningRates,
    MCMCDensify,
    NoDensify,
    RefineOptions,
    RegularizeOptions,
)

KINDS: dict[type, str] = {
    Raw: "raw", SDS: "sds", FittedSDS: "sds-fitted", VSD: "vsd", SSD: "ssd",
    RoomCameras: "room", OrbitCameras: "orbit",
    BallStart: "ball", RoomStart: "room", OutdoorStart: "outdoors", PointsStart: "points", FileStart: "file",
    NoDensify: "none", MCMCDensify: "mcmc", GradientDensify: "gradient",
}  # fmt: skip
"""What the command line and YAML call the members of a choice."""

T = TypeVar("T")


@dataclass(frozen=True)
class ViewPrompts:
    """Object mode with a prior that does not know the camera: words for the direction (DreamFusion)."""

    enabled: bool = True
    """Only ever used with priors that ignore cameras, and without --scene."""
    front: str = ", front view"
    """Added where the camera stands within 45° of the front (south)."""
    side: str = ", side view"
    back: str = ", back view"
    overhead: str = ", overhead view"
    """Added above `overhead_elevation`."""
    overhead_elevation: float = 60.0
    """Degrees."""


@dataclass(frozen=True)
class ResolutionSchedule:
    """Render small at first, and few: cheaper, and coarse structure comes first."""

    first: int = 0
    """Side in pixels at the start; 0: the cameras' own all along."""
    until: float = 0.3
    """Fraction of the run after which the cameras' own resolution is used."""
    views: int = 0
    """Cameras a step meanwhile; 0: as many as later."""

    def __post_init__(self) -> None:
        if self.first < 0 or not 0 <= self.until <= 1:
            raise ValueError(
                f"resolution.first, until: {self.first}, {self.until}; give pixels (0: off) and a fraction of the run"
            )
        if self.views < 0 or (self.views and not self.first):
            raise ValueError(
                f"resolution.views: {self.views} with resolution.first {self.first}; give a number of cameras (0: as "
                "later), and the side of the small pictures that they take"
            )


@dataclass(frozen=True)
class Config:
    """Everything that decides what a run computes."""

    prompt: str = ""
    """What to make, in words."""
    negative: str = ""
    """What to stay away from, in words."""
    scene: bool = False
    """A room seen from inside; otherwise an object seen from around."""
    iterations: int = 1500
    """Optimisation steps."""
    views: int = 4
    """Cameras a step; the bundled prior denoises them together."""
    seed: int = 0
    """Of everything random."""
    device: str = "auto"
    """Where Gaussians live and are rasterized: auto, cpu, cuda (gsplat)."""
    prior_device: str = "auto"
    """Where the prior runs: auto, cpu, or any device torch knows (cuda, mps, xpu)."""
    sh_degree: int = 0
    """Degrees of view-dependent colour, 0 to 3."""
    background: Literal["black", "white", "grey", "studio", "random"] = "random"
    """Behind the Gaussians while training; "random" draws a colour a step, so that holes never pay; "studio" is the
    grey that the bundled prior has seen behind every object."""
    cameras: CameraOptions = field(default_factory=OrbitCameras)
    start: Start = field(default_factory=BallStart)
    prior: DiffusionOptions = field(default_factory=lambda: DiffusionOptions(model="auto"))
    depth: DepthOptions = field(default_factory=DepthOptions)
    distill: DistillOptions = field(default_factory=DistillOptions)
    rasterize: RasterizeOptions = field(default_factory=RasterizeOptions)
    resolution: ResolutionSchedule = field(default_factory=ResolutionSchedule)
    rates: LearningRates = field(default_factory=LearningRates)
    regularize: RegularizeOptions = field(default_factory=RegularizeOptions)
    densify: Densify = field(default_factory=MCMCDensify)
    refine: RefineOptions = field(default_factory=RefineOptions)
    view_prompts: ViewPrompts = field(default_factory=ViewPrompts)

    def __post_init__(self) -> None:
        for name in ("iterations", "views"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: {getattr(self, name)} is below 1; give a positive number")
        if not 0 <= self.sh_degree <= 3:
            raise ValueError(f"sh_degree: {self.sh_degree} is not possible; give 0 to 3")


@dataclass(frozen=True)
class RunOptions:
    """Everything around a run that does not change its numbers."""

    output: Path = Path("runs")
    """Folder in which the run makes its own."""
    checkpoint_every: int = 100
    """Iterations between checkpoints: what a power cut can cost."""
    keep_checkpoints: int = 2
    """How many of the latest to keep."""
    log_every: int = 10
    """Iterations between rows of metrics.csv and TensorBoard points."""
    video_frames: int = 120
    """Frames of video.mp4; 0: no video."""
    video_size: int = 384
    """Side of its pictures, pixels."""
    score: bool = True
    """Ask the scorer at the end how well the scene fits the prompt."""
    viewer: bool = True
    """Serve a live view to the browser."""

    def __post_init__(self) -> None:
        for name in ("checkpoint_every", "keep_checkpoints", "log_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"run.{name}: {getattr(self, name)} is below 1; give a positive number")
        if self.video_frames < 0 or self.video_size < 16 or self.video_size % 2:
            raise ValueError(
                f"run.video_frames, video_size: {self.video_frames}, {self.video_size}; give 0 or more frames of an "
                "even number of pixels, 16 or more"
            )


BACKGROUNDS = {"black": 0.0, "white": 1.0, "grey": 0.5, "studio": 127 / 255, "random": 0.5}
"""Grey levels of the backgrounds; of "random" the one that finished scenes are shown before."""


def presets_folder() -> Path:
    """Where the presets lie."""
    return Path(__file__).resolve().parents[1] / "configs"


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML file's mapping.

    Raises:
        ValueError: no such file, not YAML, or not a mapping at the top.
    """
    import yaml

    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ValueError(f"config: there is no file {path}; check the path") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"config: {path} is not valid YAML ({' '.join(str(error).split())[:160]})") from error
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise ValueError(f"config: {path} holds a {type(tree).__name__}, not `key: value` lines")
    return tree


def merged(base: T, tree: dict[str, Any], where: str = "") -> T:
    """`base` with the values of a YAML mapping laid over it; keys that are not given stay.

    Args:
        base: a dataclass instance.
        tree: what YAML said.
        where: dotted path so far, for messages.

    Raises:
        ValueError: an unknown key (its nearest neighbour is named), or a value that does not fit its field.
    """
    hints = typing.get_type_hints(type(base))
    names = [item.name for item in dataclasses.fields(base)]  # type: ignore[arg-type]
    changes = {}
    for key, value in tree.items():
        path = f"{where}{key}"
        if key not in names:
            near = difflib.get_close_matches(str(key), names, n=1)
            hint = f"did you mean {where}{near[0]}?" if near else f"known here: {', '.join(names)}"
            raise ValueError(f"config: unknown key {path}; {hint}")
        changes[key] = _value(hints[key], value, getattr(base, key), path)
    return dataclasses.replace(base, **changes)  # type: ignore[type-var]


def _value(hint: Any, value: Any, current: Any, path: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return _value(arguments[0], value, current, path)
    if origin in (typing.Union, types.UnionType):
        members = [a for a in arguments if a is not type(None)]
        if value is None and len(members) < len(arguments):
            return None
        if all(dataclasses.is_dataclass(m) for m in members):
            return _chosen(members, value, current, path)
        return _value(members[0], value, current, path)
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, dict):
            raise ValueError(f"config: {path} is {value!r}; give `key: value` lines")
        return merged(current, value, f"{path}.")
    if origin is Literal:
        if value not in arguments:
            raise ValueError(f"config: {path} is {value!r}; give one of {', '.join(map(str, arguments))}")
        return value
    if origin is tuple:
        kinds = arguments
        if not isinstance(value, (list, tuple)) or (kinds[-1] is not Ellipsis and len(value) != len(kinds)):
            count = "any number of" if kinds[-1] is Ellipsis else str(len(kinds))
            raise ValueError(f"config: {path} is {value!r}; give a list of {count} values")
        each = [kinds[0]] * len(value) if kinds[-1] is Ellipsis else list(kinds)
        return tuple(_value(k, v, None, f"{path}[{i}]") for i, (k, v) in enumerate(zip(each, value, strict=True)))
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        values = [member.value for member in hint]
        if value not in values:
            near = difflib.get_close_matches(str(value), values, n=1)
            hint_text = f"did you mean {near[0]}?" if near else f"give one of {', '.join(values)}"
            raise ValueError(f"config: {path} is {value!r}; {hint_text}")
        return hint(value)
    return _plain(hint, value, path)


def _plain(kind: type, value: Any, path: str) -> Any:
    """A bool, int, float, str or Path."""
    if kind is float and not isinstance(value, bool):
        try:
            number = float(value)  # YAML 1.1 reads 1e-3 as text
        except (TypeError, ValueError):
            pass
        else:
            if math.isfinite(number):
                return number
    elif type(value) is kind and kind in (int, bool, str):
        return value
    elif kind is Path and isinstance(value, str):
        return Path(value)
    names = {float: "a number", int: "a whole number", bool: "true or false", str: "text (in quotes)", Path: "a path"}
    raise ValueError(f"config: {path} is {value!r}; give {names.get(kind, kind.__name__)}")


def _chosen(members: list[type], value: Any, current: Any, path: str) -> Any:
    """A member of a choice between classes, from `kind` and its own options."""
    options = {"kind": value} if isinstance(value, str) else value
    if not isinstance(options, dict):
        raise ValueError(f"config: {path} is {value!r}; give a name or `kind: NAME` with its options")
    options = dict(options)
    kind = options.pop("kind", KINDS.get(type(current)))
    base = current if kind == KINDS.get(type(current)) else make(members, kind, path)
    if base is None:  # a member whose options have no defaults (a file)
        cls = next(m for m in members if KINDS[m] == kind)
        hints, names = typing.get_type_hints(cls), [item.name for item in dataclasses.fields(cls)]
        unknown = [key for key in options if key not in names]
        missing = [n for n in required(cls) if n not in options]
        if unknown or missing:
            what = f"unknown key {path}.{unknown[0]}" if unknown else f"{path}.{missing[0]} is missing"
            raise ValueError(f"config: {what}; {kind} takes {', '.join(names)}")
        return cls(**{key: _value(hints[key], v, None, f"{path}.{key}") for key, v in options.items()})
    return merged(base, options, f"{path}.")


def required(cls: type) -> list[str]:
    """Names of the fields that have no default."""
    return [
        item.name
        for item in dataclasses.fields(cls)
        if item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING
    ]


def make(members: list[type], kind: Any, path: str) -> Any:
    """The member that goes by a name, with its defaults; None if it cannot be made without options.

    Raises:
        ValueError: no member has that name.
    """
    names = [KINDS[m] for m in members]
    if kind not in names:
        near = difflib.get_close_matches(str(kind), names, n=1)
        hint = f"did you mean {near[0]}?" if near else f"give one of {', '.join(names)}"
        raise ValueError(f"config: {path} is {kind!r}; {hint}")
    cls = members[names.index(kind)]
    return None if required(cls) else cls()


def to_tree(value: Any) -> Any:
    """A dataclass as the plain mapping that YAML and JSON can write and `merged` reads back."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        tree = {item.name: to_tree(getattr(value, item.name)) for item in dataclasses.fields(value)}
        kind = KINDS.get(type(value))
        return tree if kind is None else {"kind": kind, **tree}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple):
        return [to_tree(item) for item in value]
    return value


def to_yaml(config: Config) -> str:
    """Every field, so that `--config` of this text repeats the run whatever defaults become."""
    import yaml

    return yaml.safe_dump(to_tree(config), sort_keys=False, allow_unicode=True, default_flow_style=None, width=100)


def read_config(path: Path, base: Config | None = None) -> Config:
    """A configuration from a (partial) YAML file over `base` (the defaults if None)."""
    return merged(Config() if base is None else base, read_yaml(path))
