"""The encoded prompts of a run: one for all views, or one a direction."""

from __future__ import annotations

from gs_stein.text.options import ViewPrompts
from gs_stein.text.view_prompts import Embed, ViewText
from gs_stein.types import Cameras, TextEmbedding


class Prompts:
    """The encoded prompt (one, or one a direction), its negative, and the empty one.

    Args:
        embed: encodes P prompts.
        prompt: what to make.
        negative: what to stay away from.
        words: for the directions; None: one prompt for all views.
        negative_views: whether the words for other directions are negative prompts of a direction (Perp-Neg).
    """

    def __init__(
        self, embed: Embed, prompt: str, negative: str, words: ViewPrompts | None = None, negative_views: bool = False
    ) -> None:
        self._embed, self._prompt, self.negative = embed, prompt, negative
        self._words, self._negative_views = words, negative_views
        self.by_view = words is not None
        self.empty = embed([""])
        self._encode(prompt)

    def _encode(self, prompt: str) -> None:
        self.current = prompt
        if self._words is not None:
            self._by_view = ViewText(self._embed, prompt, self.negative, self._words, self._negative_views)
        else:
            self._text, self._negative = self._embed([prompt]), self._embed([self.negative])

    def change(self, prompt: str | None) -> None:
        """Encode another prompt, if it is another; None is the configured one."""
        prompt = self._prompt if prompt is None else prompt
        if prompt != self.current:
            self._encode(prompt)

    def at(self, cameras: Cameras) -> tuple[TextEmbedding, TextEmbedding]:
        """Prompt and negative prompt: one for all views, or one a view."""
        return self._by_view.at(cameras) if self.by_view else (self._text, self._negative)


def shortened(text: str, most: int = 60) -> str:
    """A text for the middle of a line: at most so many characters, an ellipsis for the rest."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
