"""How files get damaged: their bytes, the numbers in their headers, and what JSON, YAML and checkpoints say.

All of it is drawn from a seeded generator. Nothing here knows a format.
"""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Callable, Iterator
from typing import Any

WILD_NUMBERS = (
    "0", "-1", "1", "7", "255", "65536", "1000000007", "2147483647", "2147483648", "4294967295", "9223372036854775807",
    "1e30", "1e308", "1e400", "-1e400", "NaN", "nan", "Infinity", "-inf", "0.5", "-0.0", "", "x", "null", "true",
    "1" * 400, '"3"', "[]", "{}", "[1, 2]", "0x10", "١٢",
)  # fmt: skip
"""What a number is replaced by in text."""
WILD_VALUES = (
    None, True, False, 0, 1, -1, 3, 0.5, -0.5, 10**9, 2**31, 2**63, 10**30, 10**400, 1e30, 1e308, float("nan"),
    float("inf"), -float("inf"), "", "x", "3", "nan", "a" * 2000, "ä\ud800", "../../x", [], [1, 2], [None], {},
    {"x": 1}, [[[]]], [3] * 50,
)  # fmt: skip
"""What a value is replaced by in JSON and YAML."""


def in_bytes(data: bytes, dice: random.Random) -> bytes:
    """Cut off, bits flipped, bytes changed, a hole, a span of it doubled or lost; half of the time near the start."""
    if not data:
        return b"\0"
    whole = bytearray(data)
    reach = len(data) if dice.random() < 0.5 else min(len(data), 400)
    at, span, kind = dice.randrange(reach), dice.choice((1, 4, 16, 64, 300)), dice.randrange(7)
    if kind == 0:
        return data[:at]
    if kind == 1:
        for _ in range(dice.choice((1, 1, 2, 8))):
            whole[dice.randrange(reach)] ^= 1 << dice.randrange(8)
    elif kind == 2:
        for _ in range(dice.randrange(1, 9)):
            whole[dice.randrange(reach)] = dice.randrange(256)
    elif kind == 3:
        size = len(data[at : at + span])
        whole[at : at + size] = dice.choice((bytes(size), b"\xff" * size, dice.randbytes(size)))
    elif kind == 4:
        whole[at:at] = data[at : at + span]
    elif kind == 5:
        del whole[at : at + span]
    else:
        return data[:at] + data[at // 2 :]
    return bytes(whole)


def in_counts(data: bytes, dice: random.Random) -> bytes:
    """A number of the header made a wild one: of four or eight bytes, or written in decimal."""
    found = list(re.finditer(rb"-?\d+(?:\.\d+)?", data[:1500]))
    if found and dice.random() < 0.6:
        match = dice.choice(found)
        return data[: match.start()] + dice.choice(WILD_NUMBERS).encode() + data[match.end() :]
    width = dice.choice((2, 4, 4, 8))
    value = dice.choice((0, 1, 3, 255, 65535, 10**6, 10**9, 2**31 - 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1))
    at = width * dice.randrange(max(1, min(len(data), 128) // width))
    return data[:at] + (value % 2 ** (8 * width)).to_bytes(width, "little") + data[at + width :]


def in_words(data: bytes, dice: random.Random) -> bytes:
    """Text with a number or a word replaced, or a line lost, doubled, or nested far too deep."""
    text = data.decode("utf-8", errors="surrogateescape")
    kind = dice.randrange(6)
    if kind < 3 and (found := list(re.finditer(r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?", text))):
        match = dice.choice(found)
        text = text[: match.start()] + dice.choice(WILD_NUMBERS) + text[match.end() :]
    elif kind == 3 and (words := list(re.finditer(r"\w+", text))):
        match = dice.choice(words)
        word = dice.choice(("null", "~", "true", "nan", "x", "*a", "&a [*a]", "'", "\t", "λ"))
        text = text[: match.start()] + word + text[match.end() :]
    elif kind == 4:
        lines = text.splitlines(keepends=True) or [""]
        at = dice.randrange(len(lines))
        lines[at : at + 1] = dice.choice(([], [lines[at]] * 2, [lines[at]] * 3000, [lines[at].strip()]))
        text = "".join(lines)
    else:
        at = dice.randrange(len(text) + 1)
        text = text[:at] + dice.choice(("[", "{", "- ", "{a: ", "(", '{"a":')) * dice.choice((1, 30, 5000)) + text[at:]
    return text.encode("utf-8", errors="surrogateescape")


def places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) of a nest."""
    for key in tree if isinstance(tree, dict) else range(len(tree)):
        yield tree, key
        if isinstance(tree[key], (dict, list)):
            yield from places(tree[key])


def in_tree(tree: Any, dice: random.Random) -> Any:
    """A copy of a nest of JSON's values with one of them replaced, lost, doubled or under another name."""
    tree = copy.deepcopy(tree)
    found = list(places(tree)) if isinstance(tree, (dict, list)) else []
    if not found or dice.random() < 0.03:
        return copy.deepcopy(dice.choice(WILD_VALUES))
    within, key = dice.choice(found)
    kind = dice.randrange(8)
    if kind == 0:
        del within[key]
    elif kind == 1 and isinstance(within, dict):
        within[f"{key}x"] = within.pop(key)
    elif kind == 2 and isinstance(within, list):
        within.insert(key, copy.deepcopy(within[key]))
    elif kind == 3:
        other, name = dice.choice(found)
        within[key] = copy.deepcopy(other[name])
    else:
        within[key] = copy.deepcopy(dice.choice(WILD_VALUES))
    return tree


def in_json(data: bytes, dice: random.Random) -> bytes:
    """JSON that says something else."""
    return json.dumps(in_tree(json.loads(data), dice), ensure_ascii=dice.random() < 0.9).encode(errors="surrogatepass")


def in_yaml(data: bytes, dice: random.Random) -> bytes:
    """YAML that says something else."""
    import yaml

    return yaml.safe_dump(in_tree(yaml.safe_load(data), dice), sort_keys=False, allow_unicode=True).encode(
        errors="surrogatepass"
    )


def in_checkpoint(data: bytes, dice: random.Random) -> bytes:
    """A checkpoint with one thing changed that no checksum tells of, for it is a new one."""
    import io

    import torch

    from gs_stein.run.checkpoint import sealed

    return sealed(content_changed(torch.load(io.BytesIO(data), weights_only=True), dice))


def content_changed(content: dict[str, Any], dice: random.Random) -> dict[str, Any]:
    """A checkpoint's content with one thing lost, renamed, not finite, of another type or shape, or foreign."""
    import torch

    foreign = (
        None, "x", 3, -1, 0.5, float("nan"), {}, [], [1, 2], {"x": 1}, torch.zeros(0), torch.zeros(2, 5), True
    )  # fmt: skip
    content = copy.deepcopy(content)
    tree, key = dice.choice(list(places(content)))
    value, how = tree[key], dice.randrange(5)
    if how == 0 and isinstance(tree, dict):
        del tree[key]
    elif how == 1 and isinstance(tree, dict):
        tree[f"{key}x"] = tree.pop(key)
    elif how < 4 and isinstance(value, torch.Tensor):
        poisoned = value.clone(memory_format=torch.contiguous_format)
        if poisoned.is_floating_point() and poisoned.numel() and how == 3:
            poisoned.view(-1)[dice.randrange(poisoned.numel())] = dice.choice([float("nan"), float("inf")])
        tree[key] = poisoned if how == 3 else poisoned[None].double()
    else:
        tree[key] = dice.choice(foreign)
    return content


def in_weights(data: bytes, dice: random.Random) -> bytes:
    """A safetensors file with one of its numbers not finite."""
    from safetensors.torch import load, save

    weights = load(data)
    tensor = weights[dice.choice(sorted(name for name in weights if weights[name].numel()))]
    if tensor.is_floating_point():
        tensor.view(-1)[dice.randrange(tensor.numel())] = dice.choice([float("nan"), float("inf"), -float("inf")])
    return save(weights)


Change = Callable[[bytes, random.Random], bytes]
BINARY: tuple[Change, ...] = (in_bytes, in_bytes, in_counts)
TEXT: tuple[Change, ...] = (in_bytes, in_words, in_words)
BY_SUFFIX: dict[str, tuple[Change, ...]] = {
    ".json": (in_json, in_json, in_json, *TEXT), ".yaml": (in_yaml, in_yaml, *TEXT), ".csv": TEXT, ".txt": TEXT,
    ".xyz": TEXT, ".pts": TEXT, ".pt": (in_bytes, in_checkpoint, in_checkpoint, in_checkpoint),
    ".safetensors": (in_bytes, in_counts, in_weights),
}  # fmt: skip
"""What may happen to a file, by the end of its name; `BINARY` to any other."""


def damaged(name: str, data: bytes, dice: random.Random) -> bytes:
    """The bytes of a file after one mishap, or now and then two.

    Args:
        name: of the file; its suffix says what may happen.
        data: the good bytes.
        dice: seeded.
    """
    suffix = name[name.rfind(".") :]
    changed = dice.choice(BY_SUFFIX.get(suffix, BINARY))(data, dice)
    return in_bytes(changed, dice) if dice.random() < 0.1 else changed
