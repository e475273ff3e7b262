"""Configuration files somebody was given: what is no configuration is one line, at once, and names the file."""

from __future__ import annotations

import pytest

from gs_stein.config import bounded_yaml
from gs_stein.config.bounded_yaml import DEPTH
from gs_stein.config.serialize import read_yaml
from gs_stein.live.disk import Source

NESTED = "a: &a {x: 1, y: 2}\nb: &b [*a, *a]\nc: [*b, *b]\n"
"""With its keys: 1 + (1 + 5) + (1 + 1 + 2 · 5) + (1 + 1 + 2 · 11) = 43 values."""


@pytest.mark.parametrize(
    ("text", "limit", "words"),
    [
        ("a: " + "[" * DEPTH + "]" * DEPTH, {}, "nested more than 20 levels deep"),
        ("\n".join(f"{' ' * i}a:" for i in range(DEPTH + 1)), {}, "nested more than 20 levels deep"),
        ("a: " + "[" * 300, {}, "nested more than 20 levels deep"),
        ("a: [1, 2, 3]\n", {"VALUES": 5}, "more than 5 values"),
        (NESTED, {"VALUES": 42}, "more than 42 values, aliases written out"),
        ("a: &a {<<: *a}\n", {}, "alias \\*a stands inside"),
        ("a: &a [1, *a]\n", {}, "alias \\*a stands inside"),
        ("a: 1  # a comment\n", {"BYTES": 16}, "larger than"),
    ],
)
def test_what_is_beyond_a_limit_is_refused_in_one_line(tmp_path, monkeypatch, text, limit, words):
    for name, value in limit.items():
        monkeypatch.setattr(bounded_yaml, name, value)
    path = tmp_path / "config.yaml"
    path.write_text(text)
    for read in (read_yaml, lambda path: Source(path.parent)):
        with pytest.raises(ValueError, match=f"config.yaml is no configuration: .*{words}") as error:
            read(path)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("a: " + "[" * (DEPTH - 1) + "]" * (DEPTH - 1), {}, None),
        ("a: [1, 2, 3]\n", {"VALUES": 6}, {"a": [1, 2, 3]}),
        (NESTED, {"VALUES": 43}, None),
        ("a: &a {x: 1}\nb: {<<: *a, y: 2}\n", {}, {"a": {"x": 1}, "b": {"x": 1, "y": 2}}),
        ("a: &a 1\nb: *a\nc: &c 2\nd: *c\n", {}, {"a": 1, "b": 1, "c": 2, "d": 2}),
    ],
)
def test_what_is_within_the_limits_is_read_as_ever(tmp_path, monkeypatch, text, limit, expected):
    for name, value in limit.items():
        monkeypatch.setattr(bounded_yaml, name, value)
    path = tmp_path / "config.yaml"
    path.write_text(text)
    assert read_yaml(path) == expected or expected is None


@pytest.mark.parametrize(
    "content",
    [b"a: " + b"9" * 5000, b"a: 2020-99-99", b"? [a]\n: b", b"? {a: b}\n: c", b"a: *b", b"a: b: c", b"\xff\xfe",
     b"a: \x00", b"a: !!int ''", b"a: !!timestamp x", b"a: !!python/object:x {}", b"--- 1\n--- 2",
     b"a: !!binary x", b"a: !!int x", b"a: !!float x", b"<<: 1", b"a: 1\nb: 2\na: 3", b"a: {b: 1, b: 1}"],
)  # fmt: skip
def test_what_is_no_yaml_is_one_line(tmp_path, content):
    path = tmp_path / "config.yaml"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"config\.yaml is not valid YAML") as error:
        read_yaml(path)
    assert "\n" not in str(error.value)


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(ValueError, match="cannot be read") as error:
        read_yaml(tmp_path)
    assert "\n" not in str(error.value)
