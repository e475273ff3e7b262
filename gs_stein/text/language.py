"""Whether a prompt is in another language than English, which is all that the bundled text encoder was trained on.

No detector: one that tells dozens of languages apart is unsure of two or three words, which is what a prompt has. Other
scripts give themselves away, and so do the little words of the languages that are typed most often.
"""

from __future__ import annotations

import re
import unicodedata

_ENGLISH = "a an the of with and on in at by for from to under over beside near its is"
_LITTLE_WORDS = {
    "German": "ein eine einen einem einer der das dem den mit und im auf vor unter für aus",
    "French": "un une le la les de des du avec et en dans sur sous devant au aux",
    "Spanish": "un una unos el la los las con y de en sobre bajo junto del",
    "Italian": "un uno una il lo la gli con e nel nella su sotto di della",
    "Portuguese": "um uma os com e de em na sobre sob perto da",
    "Dutch": "een het de en op onder naast voor",
    "Polish": "z i na w pod przy obok",
    "Turkish": "bir ve ile üzerinde altında",
}
"""None that is an English word, too, such as van, met, do or as."""
_SCRIPTS = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "CYRILLIC", "GREEK", "ARABIC", "HEBREW", "DEVANAGARI", "THAI")


def other_language(prompt: str) -> str | None:
    """What a prompt seems to be written in; None: English, or it cannot be told."""
    letters = [unicodedata.name(letter, "").split()[0:1] for letter in prompt if letter.isalpha()]
    for script in _SCRIPTS:
        if 2 * letters.count([script]) > len(letters) > 0:
            return {"CJK": "Chinese or Japanese", "HANGUL": "Korean"}.get(script, f"{script.title()} letters")
    # A capital alone is a name: vitamin E, an I beam.
    words = [word.lower() for word in re.findall(r"[^\W\d_]+", prompt) if len(word) > 1 or word.islower()]
    if set(_ENGLISH.split()).intersection(words):
        return None
    found = {name: len(set(listed.split()).intersection(words)) for name, listed in _LITTLE_WORDS.items()}
    most = [name for name, count in found.items() if count == max(found.values()) > 0]
    return None if not most else " or ".join(most) if len(most) < 3 else "another language"
