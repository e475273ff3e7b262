"""Boxes that say where things stand: `--layout room.yaml`.

    a red sofa: {centre: [0, -1.6], size: [2.0, 0.9, 0.8], faces: north}
    a cat: centre 1.2 0.5, 0.4 x 0.6 x 0.45

Metres; x is east, y north, the middle of the floor is 0 0. A third number of the centre is the height of what carries
the thing. `faces` is a compass point; left out, the thing faces the middle.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

from gs_stein.compose.place import Pose

FACES = {"south": 0.0, "east": 90.0, "north": 180.0, "west": -90.0}
_NUMBER = r"[-−]?\d+(?:\.\d+)?"


def layout_text(value: str) -> str:
    """The text of a layout, given as it is or as a file that holds it; checked.

    Raises:
        ValueError: there is no such file, or it is no layout; one line.
    """
    if not value.strip():
        return ""
    if ("\n" not in value and ":" not in value) or value.lower().endswith((".yaml", ".yml")):
        try:
            value = Path(value).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is not UTF-8"
            raise ValueError(
                f"layout: {value} cannot be read ({why}); give a YAML file with boxes, or their text"
            ) from error
    read_layout(value)
    return value


def read_layout(text: str) -> dict[str, Pose]:
    """The boxes of a layout, by the words for what stands there.

    Raises:
        ValueError: it is no such layout; one line with the thing, the value and what to give.
    """
    import yaml

    try:
        tree = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"layout: it is not valid YAML ({' '.join(str(error).split())[:120]})") from error
    if not isinstance(tree, dict) or not tree:
        raise ValueError("layout: give a line for each thing, e.g. a sofa: {centre: [0, -1.6], size: [2, 0.9, 0.8]}")
    return {str(words): _pose(str(words), value) for words, value in tree.items()}


def _pose(words: str, value: Any) -> Pose:
    if isinstance(value, str):
        value = _spoken(words, value)
    if not isinstance(value, dict) or not {"centre", "size"} <= set(value) <= {"centre", "size", "faces"}:
        raise ValueError(
            f"layout: {words!r} is {value!r}; give its centre, its size, and faces if you like: "
            "{centre: [0, -1.6], size: [2, 0.9, 0.8], faces: north}"
        )
    centre, size = _metres(words, "centre", value["centre"], (2, 3)), _metres(words, "size", value["size"], (3,))
    if min(size) < 0.02 or max(size) > 100:
        raise ValueError(f"layout: {words!r} has the size {size}; give width, depth and height, 0.02 to 100 m each")
    x, y = centre[:2]
    faces = value.get("faces")
    if faces is None:
        yaw = 90.0 * round(math.degrees(math.atan2(-x, y)) / 90) if max(abs(x), abs(y)) > 0.3 else 0.0
    elif isinstance(faces, str) and faces.lower() in FACES:
        yaw = FACES[faces.lower()]
    else:
        raise ValueError(f"layout: {words!r} faces {faces!r}; give {', '.join(FACES)}")
    turn = math.radians(yaw)
    return Pose(
        x - math.sin(turn) * size[1] / 2, y + math.cos(turn) * size[1] / 2, centre[2] if len(centre) > 2 else 0.0, yaw,
        (size[0], size[1], size[2]), free=True, fills=True,
    )  # fmt: skip


def _spoken(words: str, text: str) -> dict[str, Any]:
    """ "centre 0 -1.6, 2.0 x 0.9 x 0.8, faces north" as a mapping."""
    found: dict[str, Any] = {}
    for part in text.split(","):
        numbers = [float(number.replace("−", "-")) for number in re.findall(_NUMBER, part)]
        if match := re.fullmatch(r"\s*faces\s+(\w+)\s*", part):
            found["faces"] = match[1]
        elif re.match(r"\s*(centre|center)\b", part):
            found["centre"] = numbers
        elif re.fullmatch(rf"\s*(?:size\s+)?{_NUMBER}\s*[x×]\s*{_NUMBER}\s*[x×]\s*{_NUMBER}\s*m?\s*", part):
            found["size"] = numbers
        else:
            raise ValueError(
                f"layout: {words!r}: {part.strip()!r} is neither centre, size nor faces; write for instance "
                "centre 0 -1.6, 2.0 x 0.9 x 0.8, faces north"
            )
    return found


def _metres(words: str, name: str, value: Any, lengths: tuple[int, ...]) -> tuple[float, ...]:
    numbers = value if isinstance(value, (list, tuple)) else ()
    fits = all(isinstance(n, (int, float)) and not isinstance(n, bool) and math.isfinite(n) for n in numbers)
    if len(numbers) not in lengths or not fits:
        raise ValueError(
            f"layout: {words!r} has the {name} {value!r}; give {' or '.join(map(str, lengths))} numbers, metres"
        )
    return tuple(float(number) for number in numbers)
