"""Configurations as plain trees and YAML, and back: strictly, so that nothing is misread.

An unknown key names its nearest neighbour, a value of the wrong type names its field. Where an option is a choice
between classes, YAML writes `kind: NAME` (or just NAME), the class's own `kind`.
"""

from __future__ import annotations

import dataclasses
import difflib
import enum
import math
import types
import typing
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

from gs_stein.config.schema import Config, check_text

T = TypeVar("T")

RENAMED = {
    "rates.solved": "rates.solve_colours",
    "rates.carve": "rates.prune_outside_hull",
    "refine.carve": "refine.prune_outside_hull",
    "refine.carve_every": "refine.prune_every",
    "refine.sow": "refine.seed_in_hull",
    "refine.mend": "refine.blend_colours",
    "refine.mend_every": "refine.blend_every",
    "refine.align": "refine.register_views",
    "refine.polish": "refine.antithetic_denoise",
}
"""Keys of earlier versions → what they are called now: never misread, never silently dropped."""


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML file's mapping.

    Raises:
        ValueError: no such file, not YAML, larger or deeper than any configuration, or not a mapping at the top.
    """
    from gs_stein.config import bounded_yaml

    try:
        tree = bounded_yaml.load(path)
    except FileNotFoundError as error:
        raise ValueError(f"config: there is no file {path}; check the path") from error
    except OSError as error:
        raise ValueError(f"config: {path} cannot be read ({error.strerror}); check the path") from error
    except bounded_yaml.TooMuchError as error:
        raise ValueError(f"config: {path} is no configuration: {error}; take out what is not one") from error
    except Exception as error:
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
        if path in RENAMED:
            raise ValueError(f"config: {path} is called {RENAMED[path]} now; rename it")
        if key not in names:
            near = [f"{where}{name}" for name in _further_down(type(base), str(key))]
            near += [f"{where}{name}" for name in difflib.get_close_matches(str(key), names, n=1)]
            hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(names)}"
            raise ValueError(f"config: unknown key {path}; {hint}")
        changes[key] = _value(hints[key], value, getattr(base, key), path)
    return dataclasses.replace(base, **changes)  # type: ignore[type-var]


def _further_down(cls: Any, key: str) -> Iterator[str]:
    """Dotted paths of a dataclass's options that end with a key: somebody left out where it belongs."""
    for name, hint in typing.get_type_hints(cls).items():
        for member in (hint, *typing.get_args(hint)):
            if dataclasses.is_dataclass(member):
                if key in {item.name for item in dataclasses.fields(member)}:
                    yield f"{name}.{key}"
                yield from (f"{name}.{path}" for path in _further_down(member, key))


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
        except (TypeError, ValueError, OverflowError):
            pass
        else:
            if math.isfinite(number):
                return number
    elif type(value) is kind and kind in (int, bool, str):
        if isinstance(value, str):
            check_text(path, value)
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
    kind = options.pop("kind", kind_of(current))
    base = current if kind == kind_of(current) else make(members, kind, path)
    if base is None:  # a member whose options have no defaults (a file)
        cls = next(m for m in members if m.kind == kind)
        hints, names = typing.get_type_hints(cls), [item.name for item in dataclasses.fields(cls)]
        unknown = [key for key in options if key not in names]
        missing = [n for n in required(cls) if n not in options]
        if unknown or missing:
            what = f"unknown key {path}.{unknown[0]}" if unknown else f"{path}.{missing[0]} is missing"
            raise ValueError(f"config: {what}; {kind} takes {', '.join(names)}")
        return cls(**{key: _value(hints[key], v, None, f"{path}.{key}") for key, v in options.items()})
    return merged(base, options, f"{path}.")


def members(choice: Any) -> tuple[type, ...]:
    """The classes of a choice between option classes, such as `Estimator`."""
    return typing.get_args(choice)


def kind_of(value: Any) -> str | None:
    """What YAML and the command line call a member of a choice; None for anything else."""
    return getattr(type(value), "kind", None) if dataclasses.is_dataclass(value) else None


def required(cls: type) -> list[str]:
    """Names of the fields that have no default."""
    return [
        item.name
        for item in dataclasses.fields(cls)
        if item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING
    ]


def make(classes: Sequence[type], kind: Any, path: str) -> Any:
    """The member that goes by a name, with its defaults; None if it cannot be made without options.

    Raises:
        ValueError: no member has that name.
    """
    names = [m.kind for m in classes]
    if kind not in names:
        near = difflib.get_close_matches(str(kind), names, n=1)
        hint = f"did you mean {near[0]}?" if near else f"give one of {', '.join(names)}"
        raise ValueError(f"config: {path} is {kind!r}; {hint}")
    cls = classes[names.index(kind)]
    return None if required(cls) else cls()


def to_tree(value: Any) -> Any:
    """A dataclass as the plain mapping that YAML and JSON can write and `merged` reads back."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        tree = {item.name: to_tree(getattr(value, item.name)) for item in dataclasses.fields(value)}
        kind = kind_of(value)
        return tree if kind is None else {"kind": kind, **tree}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple):
        return [to_tree(item) for item in value]
    return value


def settings(tree: Any, name: str = "") -> dict[str, Any]:
    """The leaves of a tree by their names, such as "cameras.fov"."""
    if not isinstance(tree, dict):
        return {name: tree}
    return {k: v for key, value in tree.items() for k, v in settings(value, f"{name}.{key}" if name else key).items()}


def to_yaml(config: Config) -> str:
    """Every field, so that `--config` of this text repeats the run whatever defaults become."""
    import yaml

    return yaml.safe_dump(to_tree(config), sort_keys=False, allow_unicode=True, default_flow_style=None, width=100)


def read_config(path: Path, base: Config | None = None) -> Config:
    """A configuration from a (partial) YAML file over `base` (the defaults if None).

    Raises:
        ValueError: as `read_yaml` and `merged`; one line with the file.
    """
    return merged_file(Config() if base is None else base, read_yaml(path), path)


def merged_file(base: T, tree: dict[str, Any], path: Path) -> T:
    """`merged`, whose errors name the file that the mapping is from."""
    try:
        return merged(base, tree)
    except ValueError as error:
        raise ValueError(f"{error} (in {path})") from error
