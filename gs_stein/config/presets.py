"""Presets: YAML files that everything else is laid over. The shipped ones are package data."""

from __future__ import annotations

import difflib
from pathlib import Path

from gs_stein.files import PACKAGE

BUNDLED = "bundled"


def default_preset(name: str, model: str) -> Path:
    """A preset that everything else is laid over: the one for large priors where there is one."""
    large = presets_folder() / f"gpu-{name}.yaml"
    return large if not is_small(model) and large.is_file() else preset_file(name)


def is_small(model: str) -> bool:
    """Whether a prior is the bundled one, or a folder of its kind that somebody trained."""
    index = Path(model) / "model_index.json"
    named = model in (BUNDLED, "bundled-objects")
    return named or (index.is_file() and "MultiViewPipeline" in index.read_text(encoding="utf-8", errors="replace"))


def preset_file(name: str) -> Path:
    """The file of a preset.

    Raises:
        ValueError: there is none of that name; its nearest neighbour is named.
    """
    known = sorted(path.stem for path in presets_folder().glob("*.yaml"))
    if name not in known:
        near = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.75)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(offered())}"
        raise ValueError(f"preset: {name!r} is unknown; {hint}")
    return presets_folder() / f"{name}.yaml"


def offered() -> list[str]:
    """Names of the presets to ask for; the others are laid under every run without being asked for, by its kind."""
    names = sorted(path.stem for path in presets_folder().glob("*.yaml"))
    return [name for name in names if name.removeprefix("gpu-") not in ("scene", "object", "outdoors")]


def presets_folder() -> Path:
    """Where the presets lie."""
    return PACKAGE / "presets"
