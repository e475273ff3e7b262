"""From lines to runs: every combination of prompt, seed and grid has a folder of its own, and all are checked first."""

from __future__ import annotations

import difflib
import functools
import hashlib
import itertools
import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from gs_stein.batch.options import BatchOptions
from gs_stein.batch.read import Line, read_lines, scalar
from gs_stein.command.parse import First, base_config, model_of, with_kind
from gs_stein.config.check import check_together
from gs_stein.config.schema import Config, check_text
from gs_stein.config.serialize import merged
from gs_stein.run.folder import slug

_LONGEST = 48
"""Characters of a prompt in a folder's name; `slug` cuts there."""
_MOST = 1_000_000
"""Runs of one command."""
_LONG = 400
"""Characters of what is said of a value that somebody gave."""
_OWN = ("name", "prompt", "scene", "preset", "outdoors", "seed")
"""Settings with a meaning of their own; all others are fields of `Config`."""
_KNOWN = (*_OWN, *(item.name for item in fields(Config) if item.name not in _OWN))


@dataclass(frozen=True)
class Item:
    """One run that was asked for; every field was checked."""

    name: str
    """Of its folder."""
    where: str
    """File and line that ask for it."""
    prompt: str
    scene: bool | None
    """Whether to stand in it rather than see it from around; None: as the prompt sounds."""
    preset: str | None
    outdoors: str
    seed: int
    options: dict[str, Any]
    """Fields of `Config` to lay over presets, as YAML nests them."""

    @property
    def asked(self) -> dict[str, Any]:
        """What decides the run, as JSON can hold it; its folder keeps it, and so it is recognised."""
        return {key: getattr(self, key) for key in ("prompt", "scene", "preset", "outdoors", "seed", "options")}

    def config(self) -> Config:
        """The configuration, as `gs-stein train` would have it.

        Raises:
            ValueError: something that it names is not there.
        """
        first = self._first(bool(self.scene))
        if not self.kind_known:
            first, _ = with_kind(first)
        return replace(merged(base_config(first), self.options), prompt=self.prompt, seed=self.seed)

    @property
    def kind_known(self) -> bool:
        """Whether somebody said what kind of thing it is, or placed the cameras, which decides it."""
        return self.scene is not None or "cameras" in self.options

    def _first(self, scene: bool) -> First:
        return First(
            prompt=self.prompt, scene=scene, preset=self.preset, model=model_of(self.options),
            outdoors=self.outdoors,  # type: ignore[arg-type]
        )  # fmt: skip


def plan(options: BatchOptions) -> list[Item]:
    """All runs that a command asks for, in the order of the file.

    Raises:
        ValueError: one line with the number of the line that is malformed and its field, or with the two whose folders
            would have one name.
    """
    lines, values = read_lines(options.prompts), _values(options.grid)
    runs = len(lines) * options.seeds * math.prod(map(len, values.values()))
    if runs > _MOST:
        raise ValueError(f"seeds, grid: they ask for {runs:.3g} runs; give fewer, {_MOST} at most")
    grid = [dict(zip(values, combination, strict=True)) for combination in itertools.product(*values.values())]
    check = _checker()
    items: list[Item] = []
    before: dict[str, tuple[Item, Line]] = {}
    for line in lines:
        for choice in grid:
            for offset in range(options.seeds):
                item = _item(line, choice, offset, options.preset, check)
                other, its_line = before.setdefault(item.name.casefold(), (item, line))
                if other is not item:
                    remedy = "leave a value out" if its_line is line else "give one of them a name: of its own"
                    raise ValueError(
                        f"{item.where}: name: its folder would be {item.name}, as that of {other.where}; {remedy}"
                    )
                items.append(item)
    return items


def _values(grid: Sequence[str]) -> dict[str, list[Any]]:
    """A grid's values, by key.

    Raises:
        ValueError: an entry is not KEY=A,B.
    """
    values: dict[str, list[Any]] = {}
    for entry in grid:
        key, sign, text = entry.partition("=")
        listed = scalar(f"[{text}]")
        if (
            not sign
            or not key
            or key in ("name", "prompt")
            or key in values
            or not isinstance(listed, list)
            or not listed
        ):
            raise ValueError(f"grid: {entry!r} is no grid; give KEY=A,B, each key once, such as iterations=200,400")
        values[key] = listed
    return values


def _item(line: Line, choice: dict[str, Any], offset: int, preset: str | None, check: Callable[[Item], None]) -> Item:
    """The run of a line, a combination of the grid and a seed, checked.

    Raises:
        ValueError: one line with the number of the line and the field.
    """
    where = line.where if not choice else f"{line.where} with --grid {_words(choice)}"
    try:
        settings = {**line.settings, **choice}
        options = _nested({key: value for key, value in settings.items() if key not in _OWN})
        prompt = _typed(settings, "prompt", str, "a sentence", "")
        check_text("prompt", prompt)
        if not prompt.strip():
            raise ValueError('prompt: it is empty; say what to make, such as "a red armchair"')
        seed = _typed(settings, "seed", int, "a whole number", 0) + offset
        if not 0 <= seed < 1 << 63:
            raise ValueError(f"seed: {seed} is no seed; give 0 or a positive whole number")
        outdoors = settings.get("outdoors", "auto")
        outdoors = {True: "yes", False: "no"}.get(outdoors, outdoors) if isinstance(outdoors, bool) else outdoors
        if outdoors not in ("auto", "yes", "no"):
            raise ValueError(f"outdoors: {outdoors!r}; give auto, yes or no")
        scene = settings.get("scene")
        if scene is not None and not isinstance(scene, bool):
            raise ValueError(f"scene: {scene!r}; give true, false, or nothing: as the prompt sounds")
        item = Item(
            name=_name(settings, prompt, seed, choice), where=where, prompt=prompt,
            scene=True if scene is None and outdoors == "yes" else scene,
            preset=_typed(settings, "preset", str, "its name", preset), outdoors=outdoors, seed=seed, options=options,
        )  # fmt: skip
        check(item)
    except ValueError as error:
        said = str(error).removeprefix("config: ")
        raise ValueError(f"{where}: {said if len(said) < _LONG else said[:_LONG] + '…'}") from error
    except RecursionError as error:
        raise ValueError(f"{where}: its settings are nested too deeply; give fields of config.yaml") from error
    return item


def _typed(settings: dict[str, Any], key: str, kind: type, what: str, default: Any) -> Any:
    value = settings.get(key)
    if value is None:
        return default
    if type(value) is not kind:
        raise ValueError(f"{key}: {value!r}; give {what}")
    return value


def _nested(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings without dots in their names: `rates.means: 1` is `rates: {means: 1}`.

    Raises:
        ValueError: an unknown name, or one that is given twice.
    """
    tree: dict[str, Any] = {}
    for name, value in settings.items():
        *folders, last = name.split(".")
        top = folders[0] if folders else last
        if top not in _KNOWN:
            near = difflib.get_close_matches(top, _KNOWN, n=1)
            raise ValueError(
                f"unknown key {top}; " + (f"did you mean {near[0]}?" if near else f"known: {', '.join(_KNOWN)}")
            )
        place: dict[str, Any] = tree
        for folder in folders:
            inner = place.get(folder, {})
            inner = {"kind": inner} if isinstance(inner, str) else inner  # `densify: mcmc` and an option of it
            if not isinstance(inner, dict):
                raise ValueError(f"{name}: {folder} is {inner!r}, which has no options; give one of the two")
            place[folder] = place = dict(inner)
        if isinstance(before := place.get(last), dict):  # named twice, with dots and without
            value = {"kind": value} if isinstance(value, str) else value
            value = {**before, **value} if isinstance(value, dict) else value
        place[last] = value
    return tree


def _words(choice: dict[str, Any]) -> str:
    return ",".join(f"{key}={value}" for key, value in choice.items())


def _name(settings: dict[str, Any], prompt: str, seed: int, choice: dict[str, Any]) -> str:
    """The name of a run's folder: it depends on what is asked, never on the other lines, nor on their order."""
    name = settings.get("name")
    if name is None:
        name = slug(prompt)
        words = " ".join(prompt.lower().split())
        if len(words) > _LONGEST or not re.fullmatch(r"[a-z0-9 ,.'-]+", words):  # others may be cut to the same
            name += f"-{hashlib.sha256(words.encode()).hexdigest()[:8]}"
    elif not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", name):
        raise ValueError(f"name: {name!r} is no name of a folder; give up to 100 letters, digits, dots and dashes")
    tags = "".join("-" + re.sub(r"[^A-Za-z0-9.=+-]+", "_", f"{k}={v}") for k, v in choice.items() if k != "seed")
    name = f"{name}-s{seed}{tags}"
    if len(name) > 200:
        raise ValueError(f"name: {name[:60]}… is longer than 200 characters; give a shorter name, or a smaller grid")
    return name


def _check_device(field: str, name: str) -> None:
    """Raise ValueError if torch knows no device of that name; whether it is there, the machine that works will see."""
    if name in ("auto", "cpu", "cuda"):  # torch takes two seconds to load
        return
    import torch

    try:
        torch.device(name)
    except RuntimeError as error:
        raise ValueError(
            f"{field}: {name!r} is no device; give auto, cpu, cuda, or another that torch knows"
        ) from error


def _checker() -> Callable[[Item], None]:
    """Tells whether a run's settings fit together; equal ones are looked at once."""
    good: set[str] = set()

    @functools.cache
    def base(scene: bool, preset: str | None, outdoors: str, model: str | None) -> Config:
        first = First(scene=scene, preset=preset, outdoors=outdoors, model=model)  # type: ignore[arg-type]
        return base_config(first, ask_torch=False)

    def fits(item: Item, scene: bool) -> str | None:
        try:
            config = merged(base(scene, item.preset, item.outdoors, model_of(item.options)), item.options)
            check_together(replace(config, prompt=item.prompt))
            for field in ("device", "prior_device"):
                _check_device(field, getattr(config, field))
        except ValueError as error:
            return str(error)
        return None

    def check(item: Item) -> None:
        same = json.dumps({**item.asked, "prompt": "", "seed": 0}, default=str)
        if same in good:
            return
        wrong = fits(item, bool(item.scene))
        if not item.kind_known and (other := fits(item, True)) != wrong and None in (wrong, other):
            kind = "an object" if wrong is None else "a scene"
            raise ValueError(f"scene: its settings fit {kind} only; say scene: {str(wrong is not None).lower()}")
        if wrong is not None:
            raise ValueError(wrong)
        good.add(same)

    return check
