"""The command line: presets first, then a file, then flags. Free of torch until somebody asks for a GPU's preset.

What is laid over what: the rooms' defaults, `scene.yaml` or `object.yaml`, `outdoors.yaml` if the prompt sounds like a
landscape (`gpu-scene.yaml` and so on where the prior is a large one), `--preset`, `--config` or the resumed run's own
`config.yaml`, and last the flags.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from gs_stein.command.usage import ALL
from gs_stein.config.check import check_prompt
from gs_stein.config.presets import BUNDLED, default_preset, preset_file
from gs_stein.config.schema import Config, check_text
from gs_stein.config.serialize import RENAMED, kind_of, make, members, merged, read_yaml, required
from gs_stein.distill.options import Estimator
from gs_stein.gaussians.formats.table import FORMATS
from gs_stein.gaussians.options import FileStart, PointsStart, Start
from gs_stein.live.options import LiveOptions
from gs_stein.run.options import RunOptions
from gs_stein.update.options import Densify

STARTS = tuple(cls for cls in members(Start) if not required(cls))
"""What can be started from without naming a file."""

if TYPE_CHECKING:
    EstimatorKind = StartKind = DensifyKind = str
else:  # the command line offers what the unions hold
    EstimatorKind = Literal[tuple(cls.kind for cls in members(Estimator))]
    StartKind = Literal[tuple(cls.kind for cls in STARTS)]
    DensifyKind = Literal[tuple(cls.kind for cls in members(Densify))]


@dataclass(frozen=True)
class Choices:
    """Read before everything else, since they decide which other options there are."""

    preset: str | None = None
    """Name of a preset, laid over the default one: preview for a first look within two minutes."""
    config: Path | None = None
    """A YAML file, e.g. the config.yaml of an earlier run."""
    resume: Path | None = None
    """Folder of a run to go on with."""
    model: str | None = None
    """The prior: bundled, sd15, sd21-base, sd21, sdxl, sd3, a diffusers folder, or a hub id. Left out: chosen."""
    estimator: EstimatorKind | None = None
    """How the gradient is estimated; its options are --distill.estimator.*"""
    outdoors: Literal["auto", "yes", "no"] = "auto"
    """Whether a scene is a landscape under the sky rather than a room; auto: what the prompt sounds like."""
    start_kind: StartKind | None = None
    """What to start from; its options are --start.*"""
    init: Path | None = None
    """Start from a file instead: Gaussians (any format of splats) or points (.ply, .npy, .npz, text, .pcd …)."""
    densify_kind: DensifyKind | None = None
    """How Gaussians are added and moved; its options are --densify.*"""


@dataclass(frozen=True)
class First(Choices):
    """The choices, and the fields of `Config` that decide about presets."""

    prompt: str = ""
    scene: bool = False


@dataclass(frozen=True)
class Command(Config):
    """From a sentence to a 3D scene of Gaussian splats.

    python train.py --prompt "a cozy living room" --scene
    """

    choices: tyro.conf.OmitArgPrefixes[Choices] = field(default_factory=Choices)
    run: tyro.conf.OmitArgPrefixes[RunOptions] = field(default_factory=RunOptions)
    live: tyro.conf.OmitArgPrefixes[LiveOptions] = field(default_factory=LiveOptions)


@dataclass(frozen=True)
class Job:
    """What the command line asked for."""

    config: Config
    run: RunOptions
    live: LiveOptions
    resume: Path | None
    notes: tuple[str, ...] = ()
    """What was decided for the user, one line each."""


def parse(arguments: list[str] | None = None, program: str = "train.py") -> Job:
    """Read the command line; `--help-all` and misspelt flags end the program.

    Args:
        arguments: without the program's name; None: the process's own.
        program: its name, for `--help`.

    Raises:
        ValueError: a preset, file or value that does not fit, in one line.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    for argument in arguments:
        flag = argument.split("=")[0].removeprefix("--").replace("-", "_")
        if argument.startswith("--") and flag in RENAMED:
            raise ValueError(f"--{flag.replace('_', '-')} is called --{RENAMED[flag].replace('_', '-')} now")
    if {"--scene", "--object"} <= set(arguments):
        raise ValueError("--scene and --object: both are given; give one of them, or neither: then the prompt decides")
    other = {"--object": "--no-scene", ALL: "--help"}
    arguments = [other.get(argument, argument) for argument in arguments]
    asked_help = bool({"-h", "--help"} & set(arguments))
    first, _ = tyro.cli(First, args=arguments, add_help=False, return_unknown_args=True, prog=program)
    if not asked_help and first.resume is None:
        check_prompt(prompt_of(first, files_of(first)))  # before anything large is loaded
    notes: tuple[str, ...] = ()
    if not asked_help and not {"--scene", "--no-scene"} & set(arguments):
        first, notes = with_kind(first)
    config = base_config(first, ask_torch=not asked_help)
    choices = Choices(**{item.name: getattr(first, item.name) for item in fields(Choices)})
    default = Command(**{item.name: getattr(config, item.name) for item in fields(Config)}, choices=choices)
    settings = (tyro.conf.AvoidSubcommands, tyro.conf.EnumChoicesFromValues)
    command = tyro.cli(Command, args=arguments, default=default, config=settings, prog=program)
    config = with_layout(Config(**{item.name: getattr(command, item.name) for item in fields(Config)}))
    return Job(config, command.run, command.live, first.resume, notes)


def with_layout(config: Config) -> Config:
    """The same with the text of its layout, if that is given as a file."""
    if not config.layout:
        return config
    from gs_stein.compose.layout import layout_text

    return replace(config, layout=layout_text(config.layout))


def with_kind(choices: First) -> tuple[First, tuple[str, ...]]:
    """Whether a scene or an object is wanted, where nobody said so: by the sound of the prompt; with a line that says
    what was taken."""
    trees = () if choices.resume is not None else files_of(choices)
    prompt = prompt_of(choices, trees)
    # A file that places the cameras has decided it.
    if choices.resume is not None or any({"scene", "cameras"} & set(tree) for tree in trees) or not prompt.strip():
        return choices, ()
    if choices.outdoors == "yes":
        return replace(choices, scene=True), ("kind        a scene, since it is outdoors",)
    from gs_stein.command.auto import sounds_like_a_scene

    if sounds_like_a_scene(prompt):
        why = "a scene, seen from inside, as the prompt sounds; --object: a thing seen from around"
        return replace(choices, scene=True), (f"kind        {why}",)
    return choices, ("kind        an object, seen from around, as the prompt sounds; --scene: a place to stand in",)


def base_config(choices: First, ask_torch: bool = True) -> Config:
    """The configuration before flags.

    Args:
        choices: what decides it.
        ask_torch: whether an automatic prior may be a large one, and what the prompt sounds like (both cost the import
            of torch).
    """
    if choices.resume is not None:
        path = choices.resume / "config.yaml"
        if not path.is_file():
            raise ValueError(f"resume: {choices.resume} holds no config.yaml; give the folder of a run")
        return merged(Config(), read_yaml(path))
    trees = preset, given = files_of(choices)
    scene = choices.scene or any(tree.get("scene") is True for tree in trees)
    model = choices.model or next((m for tree in (given, preset) if (m := model_of(tree)) is not None), "auto")
    if model == "auto":
        model = automatic_model() if ask_torch else BUNDLED
    config = merged(Config(), read_yaml(default_preset("scene" if scene else "object", model)))
    if choices.outdoors == "yes" and not scene:
        raise ValueError("outdoors: yes says what kind of scene to make, but an object was asked for; add --scene")
    prompt = prompt_of(choices, trees)
    if scene and (choices.outdoors == "yes" or (choices.outdoors == "auto" and ask_torch and outdoors(prompt))):
        config = merged(config, read_yaml(default_preset("outdoors", model)))
    for tree in trees:
        config = merged(config, tree)
    config = replace(config, scene=scene)
    if choices.model is not None or model != BUNDLED:
        config = replace(config, prior=replace(config.prior, model=model))
    if choices.estimator not in (None, kind_of(config.distill.estimator)):
        estimator = make(members(Estimator), choices.estimator, "estimator")
        config = replace(config, distill=replace(config.distill, estimator=estimator))
    if choices.start_kind not in (None, kind_of(config.start)):
        config = replace(config, start=make(STARTS, choices.start_kind, "start_kind"))
    if choices.init is not None:
        config = replace(config, start=start_of(choices.init))
    if choices.densify_kind not in (None, kind_of(config.densify)):
        config = replace(config, densify=make(members(Densify), choices.densify_kind, "densify_kind"))
    return config


def files_of(choices: First) -> tuple[dict, dict]:
    """The trees of `--preset` and `--config`; empty where none was given."""
    preset = {} if choices.preset is None else read_yaml(preset_file(choices.preset))
    given = {} if choices.config is None else read_yaml(choices.config)
    return preset, given


def prompt_of(choices: First, trees: tuple[dict, ...]) -> str:
    """The flag's prompt, else the file's."""
    prompt = choices.prompt or next((str(tree["prompt"]) for tree in reversed(trees) if tree.get("prompt")), "")
    check_text("prompt", prompt)
    return prompt


def start_of(path: Path) -> FileStart | PointsStart:
    """The start that a path makes: Gaussians if it is a folder or has the suffix of a format of splats, else points."""
    name = path.name.lower()
    splats = path.is_dir() or any(name.endswith(suffix) for row in FORMATS if row.reads for suffix in row.suffixes)
    return FileStart(path) if splats else PointsStart(path)


def model_of(tree: dict) -> str | None:
    """The prior that a YAML mapping names; None if it leaves that open."""
    prior = tree.get("prior")
    model = prior.get("model") if isinstance(prior, dict) else None
    return model if isinstance(model, str) and model != "auto" else None


def automatic_model() -> str:
    """What `--model auto` means here."""
    from gs_stein.command.auto import pick_device, pick_model

    return pick_model(pick_device("auto")[0])[0]


def outdoors(prompt: str) -> bool:
    """Whether a scene's prompt sounds like a landscape."""
    from gs_stein.command.auto import sounds_outdoors

    return bool(prompt.strip()) and sounds_outdoors(prompt)
