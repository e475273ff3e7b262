"""What a small prior will not understand of a prompt, and the nearest prompts that it knows: for the pages."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gs_stein.compose.prompt import compose
from gs_stein.compose.things import Table
from gs_stein.live import html
from gs_stein.optimize.networks import LARGE
from gs_stein.prior.diffusion import DiffusionPrior
from gs_stein.text.known_prompts import Familiar
from gs_stein.text.language import other_language
from gs_stein.text.minilm import MiniLM
from gs_stein.text.scene_or_object import names_a_scene

if TYPE_CHECKING:
    import viser

    from gs_stein.prior.denoiser import Denoiser

NEAREST = 3
"""Prompts that are offered instead."""
_LONGEST = 48
"""Characters of one of them: it stands on a button."""


@dataclass(frozen=True)
class Advice:
    """What to know of a prompt."""

    lines: tuple[str, ...] = ()
    """Empty if all is well."""
    nearest: tuple[str, ...] = ()
    """Prompts that the prior knows, the most alike first; empty if all is well."""


@functools.lru_cache(maxsize=4)
def _known(captions: Path) -> tuple[Familiar, MiniLM] | None:
    familiar = Familiar.load(captions)
    return None if familiar is None else (familiar, MiniLM())


def advice(captions: Path, prompt: str, scene: bool | None = None) -> Advice:
    """Whether a prior knows what a prompt asks for.

    Args:
        captions: the folder beside its network.
        prompt: as typed.
        scene: whether a scene is wanted; None: as the prompt sounds.

    Raises:
        ValueError: the text encoder is missing.
    """
    known = _known(captions)
    if known is None or not prompt.strip():
        return Advice()
    familiar, encoder = known
    if (language := other_language(prompt)) is not None:
        return Advice((f"This looks like {language}; the bundled prior understands English only.",))
    pooled = encoder.sentences([prompt])[0]
    scene = names_a_scene(prompt, pooled, familiar) if scene is None else scene
    table = Table.load(captions) if scene else None
    composition = None if table is None else compose(prompt, table)
    asked = prompt if composition is None else composition.host  # the rest is made on its own
    lines = familiar.advice(asked, encoder.sentences, scene, LARGE)
    if not lines:
        return Advice()
    similarity = familiar.embeddings @ pooled.to(familiar.embeddings)
    short = [caption for caption in familiar.nearest(similarity, scene) if len(caption) <= _LONGEST]
    return Advice(tuple(lines), tuple(dict.fromkeys(short))[:NEAREST])


def adviser(denoiser: Denoiser, scene: bool) -> Callable[[str], Advice] | None:
    """The advice for prompts of a run; None where its prior is a large one, which knows everything.

    Args:
        denoiser: of the run.
        scene: whether it makes a scene.
    """
    if not isinstance(denoiser, DiffusionPrior) or not (denoiser.folder / "captions").is_dir():
        return None
    return functools.partial(advice, denoiser.folder / "captions", scene=scene)


class AdviceBox:
    """The lines and the buttons; one a form.

    Args:
        server: the page; they are added where its panel stands.
        take: called with the prompt whose button was pressed.
    """

    def __init__(self, server: viser.ViserServer, take: Callable[[str], None]) -> None:
        self._advice = Advice()
        self._lines = server.gui.add_html("", visible=False)
        self._buttons = [server.gui.add_button(" ", visible=False, color="gray") for _ in range(NEAREST)]
        for i, button in enumerate(self._buttons):
            button.on_click(lambda _, i=i: take(self._advice.nearest[i]) if i < len(self._advice.nearest) else None)

    def show(self, found: Advice) -> None:
        """Show what there is to know of a prompt."""
        if found == self._advice:
            return
        self._advice = found
        self._lines.content = "".join(html.warning(line) for line in found.lines)
        self._lines.visible = bool(found.lines)
        for i, button in enumerate(self._buttons):
            button.visible = i < len(found.nearest)
            if button.visible:
                button.label = html.printable(found.nearest[i])
