"""A prompt taken apart: what the scene is asked for, and what is made on its own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from gs_stein.compose.things import Place, Table, Thing

NUMBERS = {"a": 1, "an": 1, "the": 1, "one": 1, "another": 1, "some": 1, "my": 1, "two": 2, "three": 3}
"""Words before a noun that say how many; "a pair of" is two."""
MOST = 6
"""Things of a prompt that are made; the rest is left to the prior."""
RELATIONS = (
    ("on", r"on top of|standing on|sitting on|lying on|on"),
    ("above", r"(?:hanging )?on the wall above|hanging above|hanging over|above|over"),
    ("left", r"(?:standing )?(?:to the left of|on the left of|left of)"),
    ("right", r"(?:standing )?(?:to the right of|on the right of|right of)"),
    ("under", r"under|below|underneath|beneath"),
    ("next", r"(?:standing )?(?:next to|beside|near|close to|by|in front of|at)"),
)
"""Relations to something else, and their words."""
PLACES = (
    ("corner", r"(?:standing )?in (?:the|a|one) corner(?: of the room)?"),
    ("hanging", r"(?:hanging )?on the wall"),
    ("wall", r"(?:standing )?(?:against|at|by|along) (?:the|a) wall"),
    ("middle", r"(?:standing )?in the (?:middle|centre|center)(?: of the room)?"),
    ("floor", r"(?:standing |lying |sitting )?on the (?:floor|ground|grass|sand|snow)"),
)
"""Places that need nothing else, and their words."""
_STOPS = frozenset(
    re.findall(
        r"\w+",
        """with and in on of by near at to from under over above below beside behind next left right that which where
        there is are has have stands stand standing containing contains featuring showing holds plus complete put
        someone see you can be seen imagine want i it its photo picture view scene as but without""",
    )
)
"""Words that end a noun's own words."""
_GAP = "~"
"""Where something was taken out."""
_JUNK = (
    r"complete with|there (?:is|are)|and in it|that (?:has|holds|have)|which has|someone put|can be seen|you see|"
    r"imagine|i want|containing|contains|featuring|showing|standing|stands?|where|plus|with|and|has|is|are|in|on|of|by"
)
"""What holds sentences together; where nothing follows, or nothing came before, it goes."""


@dataclass(frozen=True)
class Wanted:
    """A thing to be made and set in."""

    thing: Thing
    prompt: str
    """What it is asked for: "a black piano"."""
    count: int = 1
    relation: str = ""
    """Where it stands: one of `RELATIONS` (of `other`) or of `PLACES`; "" leaves it open."""
    other: str = ""
    """What the relation is to: something of the scene's own, "window", or another thing."""


@dataclass(frozen=True)
class Composition:
    """What a prompt is made of."""

    host: str
    """What the scene is asked for."""
    place: Place
    wanted: tuple[Wanted, ...]


@dataclass(frozen=True)
class _Found:
    """A name in a text."""

    noun: str
    start: int
    """Of its first word, in characters."""
    end: int
    several: bool


def compose(prompt: str, table: Table) -> Composition | None:
    """Take a scene's prompt apart.

    Args:
        prompt: as typed.
        table: of the prior.

    Returns:
        None where it names no kind of scene that the table knows, or nothing beyond what that has of its own.
    """
    text = " ".join(prompt.split())
    hosts = list(_names(text, {kind: place.names for kind, place in table.places.items()}))
    if not hosts:
        return None
    host = hosts[0]
    place = table.places[host.noun]
    own = list(_names(text, place.own | {"window": ("window",)}))
    guests = [
        found
        for found in _names(text, {noun: thing.names for noun, thing in table.things.items()})
        if not any(_meet(found, other) for other in (*hosts, *own)) and not _describes(text, found)
    ]
    theirs = {name for names in place.own.values() for name in names}
    theirs |= {name.split()[-1] for name in theirs}  # "lamps" are floor lamps where those are at home
    guests = [found for found in guests if _last(text, found) not in theirs and found.noun not in theirs]
    wanted: list[tuple[int, int, bool, Wanted]] = []
    for found in guests[:MOST]:
        start, count, words = _phrase(text, found)
        end, kept, relation, other = _relation(text, found.end, own, guests)
        wanted.append((start, end, kept, Wanted(table.things[found.noun], words, count, relation, other)))
    if not wanted:
        return None
    left = text
    for start, end, kept, _ in reversed(wanted):
        left = f"{left[:start]} {_GAP * (not kept)} {left[end:]}"
    things = [one for *_, one in wanted]
    left, things = _before(left, things, own, text)
    return Composition(_tidy(left), place, tuple(things))


def _names(text: str, table: Mapping[str, Iterable[str]]) -> Iterator[_Found]:
    """Every name in a text, the longest first where they overlap, in order."""
    taken: list[_Found] = []
    pairs = [(name.lower(), noun) for noun, names in table.items() for name in {*names, noun}]
    for name, noun in sorted(pairs, key=lambda pair: (-len(pair[0]), pair)):
        for form, several in ((name, False), (plural(name), True)):
            for match in re.finditer(rf"(?<![\w-]){re.escape(form)}(?![\w-])", text.lower()):
                found = _Found(noun, match.start(), match.end(), several and form != name)
                if not any(_meet(found, other) for other in taken):
                    taken.append(found)
    yield from sorted(taken, key=lambda found: found.start)


def plural(noun: str) -> str:
    """More than one of a noun."""
    irregular = {"shelf": "shelves", "case": "cases", "man": "men", "fish": "fish", "sheep": "sheep", "box": "boxes"}
    for end, many in irregular.items():
        if noun.endswith(end):
            return noun.removesuffix(end) + many
    if noun.endswith(("s", "x", "ch", "sh", "z")):
        return noun + "es"
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + "s"


def _meet(a: _Found, b: _Found) -> bool:
    return a.start < b.end and b.start < a.end


def _last(text: str, found: _Found) -> str:
    """The last word of a name: a round table is a table, which a kitchen has."""
    words = text[found.start : found.end].lower().split()
    return words[-1] if len(words) > 1 else ""


def _describes(text: str, found: _Found) -> bool:
    """Whether a name only describes what comes after it: "a piano room", "a guitar poster"."""
    after = re.match(r"\s+([\w-]+)", text[found.end :])
    if after is None:
        return False
    word = after[1].lower()
    verbs = {"stands", "stand", "sits", "hanging", "sitting", "lying"}
    return word not in _STOPS | verbs | {"during", "inside", "against", "close", "underneath", "beneath", "along"}


def _phrase(text: str, found: _Found) -> tuple[int, int, str]:
    """Where the words of a thing begin, how many of it are wanted, and what one of them is asked for."""
    words = [(m.start(), m[0]) for m in re.finditer(r"[\w'-]+|[,.;:]", text[: found.start])]
    start, count, looks = found.start, 2 if found.several else 1, []
    while words and len(looks) < 5:
        at, word = words.pop()
        low = word.lower()
        if low in NUMBERS:
            start = at
            count = max(NUMBERS[low], 2 if found.several else 1)
            break
        if low == "of" and len(words) > 1 and words[-1][1].lower() == "pair":
            start, count = words[-1][0], 2
            if len(words) > 1 and words[-2][1].lower() == "a":
                start = words[-2][0]
            break
        if low in _STOPS or not word[0].isalnum():
            break
        start = at
        looks.insert(0, word)
    asked = " ".join([*looks, found.noun])  # by the name that the prior learnt
    return start, count, f"{'an' if asked[0].lower() in 'aeiou' else 'a'} {asked}"


def _relation(text: str, end: int, own: list[_Found], guests: list[_Found]) -> tuple[int, bool, str, str]:
    """What comes after a name of where it is: where that ends, whether something of the scene's own follows, which
    stays in the sentence, the relation, and to what."""
    rest = text[end:]
    for word, pattern in PLACES:
        if match := re.match(rf"\s+(?:is |stands |are )?(?:{pattern})(?![\w-])", rest, re.IGNORECASE):
            if word == "hanging" and re.match(r"\s+(?:above|over)\b", rest[match.end() :], re.IGNORECASE):
                continue
            return end + match.end(), False, word, ""
    for word, pattern in RELATIONS:
        match = re.match(
            rf"\s+(?:is |stands |are |sits )?(?:{pattern})\s+(?=(?:the|a|an|its|my)\s)", rest, re.IGNORECASE
        )
        if match is None:
            continue
        after = end + match.end()
        for other in sorted((*own, *guests), key=lambda found: found.start):
            between = text[after : other.start].split()
            if other.start >= after and len(between) <= 4 and not set(map(str.lower, between)) & _STOPS:
                kept = other.noun != "window" and other not in guests
                return (after if kept else other.end), kept, word, other.noun
    return end, False, "", ""


def _before(left: str, things: list[Wanted], own: list[_Found], text: str) -> tuple[str, list[Wanted]]:
    """Where a sentence says first where something stands ("left of the window stands a piano")."""
    for i, one in enumerate(things):
        if one.relation:
            continue
        for word, pattern in (*PLACES, *RELATIONS):
            tail = r"" if (word, pattern) in PLACES else r"\s+(?:the|a|an)\s+(?P<other>[\w ]{2,40}?)"
            match = re.search(rf"(?<![\w-])(?:{pattern}){tail}\s*(?:is|stands|there is),?\s*~", left, re.IGNORECASE)
            if match is None or left[: match.end()].count("~") != i + 1:
                continue
            named = (match.groupdict().get("other") or "").lower()
            other = next((found.noun for found in own if named.endswith(text[found.start : found.end].lower())), "")
            if tail and not other:
                continue
            things[i] = replace(one, relation=word, other=other)
            kept = "" if not other or other == "window" else f", {match['other']} "
            left = left[: match.start()] + kept + "~" + left[match.end() :]
            break
    return left, things


def _tidy(text: str) -> str:
    """A sentence again, once things were taken out of it (where they were stands "~")."""
    before = None
    while before != text:
        before = text
        text = re.sub(r"\s+", " ", text).strip(" ,.;:")
        text = re.sub(r"~[\s,]*(?:and\s+)?~", "~", text)
        text = re.sub(rf"(?:\b(?:{_JUNK}),?\s*)*~\s*$", "", text, flags=re.IGNORECASE)
        text = re.sub(rf"^(?:(?:{_JUNK})\b,?\s*)+~[\s,]*", "~", text, flags=re.IGNORECASE)
        text = re.sub(rf"^~[\s,]*(?:(?:{_JUNK})\b,?\s*)*", "", text, flags=re.IGNORECASE)
        text = re.sub(
            r"\b(with|featuring|has|containing|showing|plus)\s+~\s*(?:,|and\b)\s*", r"\1 ", text, flags=re.IGNORECASE
        )
        text = re.sub(r"(?:,|\band\b|\bwith\b)\s*~", " ~", text, flags=re.IGNORECASE)
        text = re.sub(r"~\s*(?=[,.])", "", text)
        text = re.sub(r"~\s+(?=and\b|with\b|in\b|on\b|at\b|by\b|during\b|under\b)", "", text)
        text = re.sub(r"\s*~\s*$", "", text)
        text = re.sub(rf"\s+(?:{_JUNK})\s*[,.]?\s*$", "", text, flags=re.IGNORECASE)
        text = re.sub(r"^(?:in|on|and|with|there is|of)\s+", "", text, flags=re.IGNORECASE)
        text = re.sub(r"\s+([,.])", r"\1", text)
    return text.replace("~", " ").strip(" ,.;:").replace("  ", " ")
