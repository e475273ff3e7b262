"""Which words of a prompt a small prior has seen in its captions, and which of them never together.

A prior that learnt from generated captions knows a few hundred words, and most things in one surrounding only. What a
sentence embedding hides ("a lounge with a fireplace" is close to lounges), words tell.
"""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from jaxtyping import Float
from torch import Tensor

FILE = "words.json"
Encode = Callable[[list[str]], Float[Tensor, "n D"]]
"""Texts to unit vectors."""


def words_of(text: str) -> list[str]:
    """The words of a text, in small letters: at least two letters of any alphabet, no digits."""
    return [word for word in re.findall(r"[^\W\d_]+", text.lower()) if len(word) > 1]


_ALIKE = 0.66
"""Cosine of two words' embeddings from which the text encoder takes one for the other: "yacht" for "sailboat" (0.79)
and "seaside" for "beach" (0.73), but not "garden" for "grass" (0.63) or "garage" for "car" (0.60)."""
_NEAR = 0.5
"""Cosine from which a seen word is worth naming beside one that was not: "guitar" for "piano" (0.57)."""
_IRREGULAR = (("cactus", "cactuses", "cacti"),)
_EMPTY = frozenset({"an", "the", "and", "of", "with", "in", "on", "at", "by", "that", "is", "under"})
"""Words of captions that mean nothing alone."""
_EVERYWHERE = 8
"""A word of so many kinds of things and rooms (colours, walls, styles) goes with all of them."""
_SELDOM = 2
"""Captions of a kind in which a word must stand to count as its own."""
_HARMLESS = frozenset(
    words_of("""
    interior please make create generate show give want me double covered six seven eight nine ten eleven twelve dozen
    about above across adorable aesthetic after airy all along also am amazing ambience an and another antique
    any appealing are around artistic artstation artsy as at atmosphere atmospheric attractive authentic award
    back background based be beautiful beautifully been behind below beside best between big birthday bit both
    bunch by calm calming center centre cgi charming cheerful cheery chic cinematic classic clean clear clever
    close closeup colourful comfortable comforting comfy composition cool corner cosy country couple cozy crisp
    curious cute dainty dear decent delicate delightful detail detailed details dramatic dreamy dslr during each
    eclectic elegant empty engine enormous epic ever every excellent exquisite famous fancy fantastic favorite
    favourite festive few fine finely five flawless for four fresh friendly from front full fully fun funky
    funny gentle genuine giant glamorous glorious good gorgeous grand great group handmade handsome handy happy
    harmonious has have having hd here high highly holding homey huge hyperrealistic iconic ideal idyllic image
    impressive in incredible inside into intricate inviting is it item its jolly joyful just kind large lavish
    left like lit little livable lively long lot lots lovely luxurious luxury made magnificent majestic many
    marvellous marvelous massive masterpiece medium mellow messy middle mine mini miniature modest mood moody
    more most much my mysterious natural near neat new next nice no not number object octane of old
    on one only onto open opposite or ordinary ornate other our out outside over own pair part
    peaceful perfect photo photograph photographic photorealistic picture picturesque placed pleasant pleasing
    plenty polished posh pretty pristine professional proper pure quaint quality quiet quirky quite random real
    realistic really refined relaxed relaxing render rendered rendering resolution restful retro rich right
    romantic roomy rough row scene serene set several shabby sharp short showing shown side simple single
    sitting sized small smart smooth so soft solid some soothing sophisticated sort spacious special splendid
    spotless standing stately strange stunning sturdy style styled stylish sumptuous sunny super sweet tall
    tasteful that the their there these thick thin thing things this three tidy tiny to together top traditional
    tranquil trendy two typical uhd ultra under unique unreal up upon us usual very view vintage vivid warm we
    welcoming whimsical wide wintry with within without wonderful worn young your
    """)
)
"""Words that name nothing whose absence anybody would see."""
_LOOKS = frozenset({"copper", "easy", "gold", "golden", "hot", "shiny"})
"""Words of looks that captions give to few kinds only, but that go with all."""
_FEW = 4
"""Words, and kinds, that are named before a line says "…"."""


@dataclass(frozen=True)
class Vocabulary:
    """The words of a prior's captions."""

    kinds: dict[str, bool]
    """Every kind of room, landscape and object, and whether it is a scene."""
    words: dict[str, frozenset[str]]
    """Every word, and the kinds whose captions name it."""
    _embedded: list[Tensor] = field(default_factory=list, init=False, repr=False, compare=False)
    """Of the words that others are compared with, once somebody has asked; a prior has one encoder."""

    @staticmethod
    def gather(kinds: dict[str, bool], captions: Iterable[tuple[str, str]]) -> Vocabulary:
        """The vocabulary of captions, each with its kind."""
        counts: dict[str, Counter[str]] = {}
        for kind, caption in captions:
            for word in set(words_of(caption)):
                counts.setdefault(word, Counter())[kind] += 1
        often = {word: frozenset(k for k, n in found.items() if n >= _SELDOM) for word, found in counts.items()}
        return Vocabulary(kinds, {word: found for word, found in sorted(often.items()) if found})

    def save(self, folder: Path) -> None:
        """Write words.json into an existing folder."""
        names = list(self.kinds)
        table = {word: sorted(names.index(kind) for kind in found) for word, found in self.words.items()}
        lines = ",\n".join(f"{json.dumps(word)}: {json.dumps(found)}" for word, found in table.items())
        text = f'{{"kinds": {json.dumps(self.kinds)},\n"words": {{\n{lines}\n}}}}\n'
        (folder / FILE).write_text(text, encoding="utf-8")

    @staticmethod
    def load(folder: Path) -> Vocabulary | None:
        """Read what `save` wrote; None where there is nothing."""
        if not (folder / FILE).is_file():
            return None
        table = json.loads((folder / FILE).read_text(encoding="utf-8"))
        names = list(table["kinds"])
        words = {word: frozenset(names[i] for i in found) for word, found in table["words"].items()}
        return Vocabulary(table["kinds"], words)

    def advice(self, prompt: str, encode: Encode, scene: bool) -> list[str]:
        """A line on words that were never seen, and one on those that were never seen together or never as this kind
        of thing; none if all is well.

        Args:
            prompt: as typed.
            encode: of the text encoder that the prior listens through.
            scene: whether a scene is wanted.
        """
        words = self._joined(words_of(prompt))
        if not any(self._kinds_of(word) for word in words if word not in _EMPTY) and not self._strange(words):
            return [f"{prompt!r} names nothing that the bundled prior has seen"]
        nearest = self._nearest(self._strange(words), encode)
        things, unknown = self._recognised(words, nearest)
        lines = []
        if unknown:
            near = [nearest[word][0] for word in unknown if nearest[word][1] >= _NEAR]
            lines.append(
                f"{_listed(unknown)} {'is none' if len(unknown) == 1 else 'are none'} of the words that the bundled "
                f"prior has seen{f' (nearest: {_listed(near)})' if near else ''}"
            )
        fitting = [kind for kind, inside in self.kinds.items() if inside == scene]
        elsewhere = [word for word, found in things.items() if not found.intersection(fitting)]
        if elsewhere:
            where = _listed([kind for kind in self.kinds if any(kind in things[word] for word in elsewhere)])
            known = "as objects only, --object" if scene else f"in scenes only ({where}), --scene"
            lines.append(f"{_listed(elsewhere)}: known {known}")
        here = {word: found for word, found in things.items() if word not in elsewhere}
        best = _best(here, fitting)
        if odd := [word for word, found in here.items() if best not in found]:
            others = [kind for kind in fitting if kind not in odd and any(kind in here[word] for word in odd)]
            where = f"only with {_listed(others)}" if others else "only alone"
            lines.append(f"{_listed(odd)}: never seen with {best!r}, {where}; may be missing")
        return lines

    def kind(self, prompt: str, encode: Encode, scene: bool) -> str | None:
        """The kind that all of a prompt's things go with; None if it names none, or there is something to say (see
        `advice`)."""
        if self.advice(prompt, encode, scene):
            return None
        words = self._joined(words_of(prompt))
        things, _ = self._recognised(words, self._nearest(self._strange(words), encode))
        return _best(things, [kind for kind, inside in self.kinds.items() if inside == scene])

    def _joined(self, words: list[str]) -> list[str]:
        """The same, with two words made one where captions write them so: "tea pot", "book-shelf"."""
        found: list[str] = []
        for word in words:
            if found and found[-1] + word in self.words:
                found[-1] += word
            else:
                found.append(word)
        return found

    def named(self, prompt: str) -> bool | None:
        """Whether a prompt that is nothing but the name of a kind names a scene; None if it is something else."""
        words = [word for word in self._joined(words_of(prompt)) if word not in _EMPTY]
        return next((scene for kind, scene in self.kinds.items() if words_of(kind) == words), None)

    def _strange(self, words: list[str]) -> list[str]:
        """Words that were never seen and may matter."""
        return [word for word in words if word not in _HARMLESS and not self._kinds_of(word)]

    def _recognised(
        self, words: list[str], nearest: dict[str, tuple[str, float]]
    ) -> tuple[dict[str, frozenset[str]], list[str]]:
        """Words of things, with their kinds, and words that were never seen.

        One that only describes the thing after it ("a sports car") is neither: the thing will be there.
        """
        things: dict[str, frozenset[str]] = {}
        unknown: dict[str, None] = {}
        for word, after in itertools.zip_longest(words, words[1:], fillvalue=""):
            kinds = self._kinds_of(word)
            if word in nearest:
                seen, similarity = nearest[word]
                if similarity < _ALIKE:
                    if not self._is_thing(after):
                        unknown[word] = None
                    continue
                kinds = self._kinds_of(seen)
            if word not in _HARMLESS | _LOOKS and 0 < len(kinds) < _EVERYWHERE:
                things[word] = kinds
        return things, list(unknown)

    def _is_thing(self, word: str) -> bool:
        """Whether a word names something, rather than how it looks, or any room."""
        kinds = self._kinds_of(word)
        named = any(word in words_of(kind) for kind in kinds)
        return word not in _HARMLESS | _LOOKS and (0 < len(kinds) < _EVERYWHERE or named)

    def _kinds_of(self, word: str) -> frozenset[str]:
        """The kinds whose captions name a word, or its singular or plural."""
        forms = [word, word + "s", *(other for pair in _IRREGULAR if word in pair for other in pair)]
        forms += [word[: -len(end)] + stem for end, stem in (("s", ""), ("es", ""), ("ies", "y")) if word.endswith(end)]
        return frozenset().union(*(self.words.get(form, frozenset()) for form in forms))

    def _nearest(self, words: list[str], encode: Encode) -> dict[str, tuple[str, float]]:
        """For each word the seen one whose embedding is most like its own, and how much."""
        if not words:
            return {}
        seen = [word for word in self.words if len(word) > 2]
        if not self._embedded:
            self._embedded.append(encode(seen))
        similarity, best = (encode(words) @ self._embedded[0].T).max(dim=1)
        return {word: (seen[int(i)], float(s)) for word, i, s in zip(words, best, similarity, strict=True)}


def _best(things: dict[str, frozenset[str]], fitting: list[str]) -> str | None:
    """The kind that most of the words go with; of several the one that is named first."""
    candidates = (kind for found in things.values() for kind in fitting if kind in found)
    return max(candidates, key=lambda kind: sum(kind in found for found in things.values()), default=None)


def _listed(words: Sequence[str]) -> str:
    """Some words for a sentence."""
    shown = [repr(word) for word in dict.fromkeys(words)]
    return ", ".join([*shown[:_FEW], "…"] if len(shown) > _FEW else shown)
