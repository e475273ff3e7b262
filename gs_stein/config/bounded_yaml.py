"""YAML of limited size and depth: a file that somebody was given may be made to fill the memory or to take forever."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

BYTES, DEPTH, VALUES = 1 << 18, 20, 10_000
"""Of one file; levels of brackets and indentation; and values, those that an alias repeats counted each time."""


class TooMuchError(ValueError):
    """A file is beyond a limit; says which."""


class _Loader(yaml.SafeLoader):
    """Counts while a document is put together, before anything is made of it; and refuses a key that is given twice, of
    which YAML itself would take the last without a word."""

    def __init__(self, text: str, values: int) -> None:
        super().__init__(text)
        self._depth = self._values = 0
        self._most = values
        self._repeats: dict[str, int] = {}
        """Anchor → values below it."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()
        before, anchor = self._values, event.anchor
        if isinstance(event, yaml.AliasEvent):
            if anchor not in self._repeats and anchor in self.anchors:
                raise TooMuchError(f"the alias *{anchor} stands inside of what it repeats")
            self._values += self._repeats.get(anchor, 0)
        else:
            self._values += 1
        if self._depth >= DEPTH:
            raise TooMuchError(f"it is nested more than {DEPTH} levels deep")
        if self._values > self._most:
            raise TooMuchError(f"it holds more than {self._most} values, aliases written out")
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        if isinstance(node, yaml.MappingNode):
            _check_once(node)
        if anchor is not None and not isinstance(event, yaml.AliasEvent):
            self._repeats[anchor] = self._values - before
        return node


def _check_once(node: yaml.MappingNode) -> None:
    """Raise MarkedYAMLError if a key is given twice."""
    seen: set[str] = set()
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode):
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"{key.value[:60]!r} is given twice", problem_mark=key.start_mark)
            seen.add(key.value)


def load(path: Path) -> Any:
    """What a YAML file holds.

    Raises:
        OSError: it cannot be read.
        TooMuchError: it is larger or deeper than any configuration.
        Exception: it is not YAML; values that contradict their tag fail in many ways.
    """
    return parse(_text(path, BYTES))


def parse(text: str) -> Any:
    """What a text holds that is YAML.

    Raises:
        TooMuchError, Exception: as `load`.
    """
    loader = _Loader(text, VALUES)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


def load_items(path: Path, size: int, values: int) -> tuple[Any, list[int]]:
    """What a YAML file holds, and, if that is a list, the number of the line at which each of its items begins.

    Args:
        path: the file.
        size: bytes of the largest that is read.
        values: how many it may hold, those that an alias repeats counted each time.

    Raises:
        OSError, TooMuchError, Exception: as `load`.
    """
    loader = _Loader(_text(path, size), values)
    try:
        node = loader.get_single_node()
        if node is None:
            return None, []
        items = node.value if isinstance(node, yaml.SequenceNode) else []
        return loader.construct_document(node), [item.start_mark.line + 1 for item in items]
    finally:
        loader.dispose()


def _text(path: Path, size: int) -> str:
    with path.open("rb") as file:
        content = file.read(size + 1)
    if len(content) > size:
        raise TooMuchError(f"it is larger than {size >> 10} KiB")
    return content.decode("utf-8")
