"""What is never trained on: seeds, and in mixed scenes pairs of nouns and shapes of sentences.

A tenth of all pairs of a guest and its kind of scene ("piano" and "kitchen"), a tenth of all pairs of two guests
("piano" and "cat") and about a tenth of the sentence shapes of `phrases.py` are held out. Which ones follows from a
hash of their words alone, so that a new thing or sentence changes nothing about the others. Scenes of seeds below
`HELD_OUT`, which are those that are trained on, have none of these pairs and none of these sentences. Every mixed scene
of a seed from `HELD_OUT` on has at least one such pair, and all its captions are such sentences.
"""

from __future__ import annotations

import hashlib

HELD_OUT = 90_000_000
"""Scenes from this seed on are never trained on."""


def held_out(*words: str) -> bool:
    """Whether a pair of words (nouns, or "caption" and a sentence shape, in any order) is among the tenth held out."""
    return hashlib.sha256("|".join(sorted(words)).encode()).digest()[0] < 26
