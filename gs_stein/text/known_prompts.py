"""What a small prior has seen, so that a prompt from outside its world can be told apart and answered honestly.

A folder `captions/` beside the network holds a sample of training captions with their sentence embeddings, and the
words of all captions (`gs_stein.text.vocabulary`), which tell what is unknown. Where there are no words, the similarity
to the nearest caption does: the level that all but 2 % of held-out captions reach.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from gs_stein.text.vocabulary import Encode, Vocabulary

UNKNOWN_SHARE = 0.02
"""Share of held-out captions of the same world that count as unknown."""
NEARLY = 0.85
"""Cosine similarity from which a prompt is a caption but for a word."""


@dataclass(frozen=True)
class Familiar:
    """A sample of n captions of a prior's world."""

    captions: list[str]
    scenes: list[bool]
    """Whether a caption tells of a scene (seen from inside) or of an object."""
    embeddings: Float[Tensor, "n D"]
    """Unit vectors."""
    threshold: float
    """Cosine similarity to the nearest caption below which a prompt is unknown."""
    outdoors: list[bool] = field(default_factory=list)
    """Whether a scene is a landscape; empty if there are none."""
    vocabulary: Vocabulary | None = None
    """The words of all captions; None if only the sample is known."""

    @staticmethod
    def gather(
        captions: list[str],
        scenes: list[bool],
        outdoors: list[bool],
        embeddings: Float[Tensor, "n D"],
        held_out: Float[Tensor, "m D"],
        keep: int | None = None,
    ) -> Familiar:
        """Keep some captions (None: all), and set the threshold from others that are not in the sample."""
        if keep is not None:
            chosen = representatives(embeddings, keep)
            captions, scenes = [captions[i] for i in chosen], [scenes[i] for i in chosen]
            outdoors = [outdoors[i] for i in chosen]
            embeddings = embeddings[chosen]
        nearest = (held_out @ embeddings.T).amax(1)
        return Familiar(captions, scenes, embeddings, float(nearest.quantile(UNKNOWN_SHARE)), outdoors)

    def save(self, folder: Path) -> None:
        """Write into an existing folder; vectors in eight bits, with a scale of their own each."""
        from safetensors.torch import save_file

        scale = self.embeddings.abs().amax(1, keepdim=True) / 127
        rounded = {"embeddings": (self.embeddings / scale).round().to(torch.int8), "scale": scale}
        save_file(rounded, folder / "embeddings.safetensors")
        table = {
            "threshold": round(self.threshold, 4), "captions": self.captions, "scenes": self.scenes,
            "outdoors": self.outdoors,
        }  # fmt: skip
        (folder / "captions.json").write_text(json.dumps(table, indent=0) + "\n", encoding="utf-8")
        if self.vocabulary is not None:
            self.vocabulary.save(folder)

    @staticmethod
    def load(folder: Path) -> Familiar | None:
        """Read what `save` wrote; None where there is nothing (large models know everything)."""
        from safetensors.torch import load_file

        if not (folder / "captions.json").is_file():
            return None
        table = json.loads((folder / "captions.json").read_text(encoding="utf-8"))
        stored = load_file(folder / "embeddings.safetensors")
        embeddings = stored["embeddings"].float() * stored["scale"]
        known, outdoors = Vocabulary.load(folder), table.get("outdoors", [])
        return Familiar(table["captions"], table["scenes"], embeddings, table["threshold"], outdoors, known)

    def sounds_outdoors(self, pooled: Float[Tensor, " D"]) -> bool:
        """Whether a scene's prompt is nearer to landscapes than to rooms, by the mean direction of their captions.

        Args:
            pooled: the prompt's sentence embedding, a unit vector.
        """
        under_the_sky = torch.tensor(self.outdoors, dtype=torch.bool)
        inside = torch.tensor(self.scenes) & ~under_the_sky if self.outdoors else under_the_sky
        if not (under_the_sky.any() and inside.any()):
            return False
        landscape, room = (F.normalize(self.embeddings[part].mean(0), dim=0) for part in (under_the_sky, inside))
        return bool((landscape - room) @ pooled.to(self.embeddings) > 0)

    def kind_of(self, pooled: Float[Tensor, " D"]) -> bool | None:
        """Whether a prompt is a caption of a scene (True) or of an object, but for a word; None: it is no caption.

        Args:
            pooled: the prompt's sentence embedding, a unit vector.
        """
        similarity, best = (self.embeddings @ pooled.to(self.embeddings)).max(0)
        return self.scenes[int(best)] if similarity >= NEARLY else None

    def advice(self, prompt: str, encode: Encode, scene: bool, alternatives: Sequence[str]) -> list[str]:
        """Lines on what of a prompt is unknown, or known as the other kind of thing; none if all is well.

        Args:
            prompt: as typed.
            encode: of the text encoder that the prior listens through.
            scene: whether a scene was asked for.
            alternatives: models that know more, to name.
        """
        similarity = self.embeddings @ encode([prompt])[0].to(self.embeddings)
        rest = (
            f"it will give the nearest thing it knows, like {self.nearest(similarity, scene)[0]!r}; for anything else "
            f"use a full model on a GPU: --model {' or '.join(alternatives)}"
        )
        if self.vocabulary is not None:
            lines = self.vocabulary.advice(prompt, encode, scene)
            return [*lines, rest[0].upper() + rest[1:]] if lines else []
        best = float(similarity.max())
        if best < self.threshold:
            outside = f"outside what this small prior has seen (similarity {best:.2f} < {self.threshold:.2f})"
            return [f"{prompt!r} is {outside}; {rest}"]
        kinds = torch.tensor(self.scenes)
        inside, around = (similarity[kinds == k].amax().item() if (kinds == k).any() else -1.0 for k in (True, False))
        if scene and around > inside + 0.1:
            return [f"{prompt!r} sounds like an object; --object shows it from around"]
        if not scene and inside > around + 0.1:
            return [f"{prompt!r} sounds like a scene; --scene lets you stand inside it"]
        return []

    def nearest(self, similarity: Float[Tensor, " n"], scene: bool) -> list[str]:
        """The captions of scenes, or of objects, the most alike first; all if there are none of that kind.

        Args:
            similarity: of each caption's embedding to a prompt's.
            scene: whether scenes are wanted.
        """
        order = similarity.argsort(descending=True).tolist()
        return [self.captions[i] for i in order if self.scenes[i] == scene] or [self.captions[i] for i in order]


def representatives(embeddings: Float[Tensor, "n D"], keep: int) -> list[int]:
    """Indices of vectors that together lie near all of them, in ascending order.

    Greedy facility location: each is the one that raises the mean similarity to the nearest chosen one the most.
    """
    similarity = embeddings @ embeddings.T
    nearest = torch.full((len(embeddings),), -1.0)
    chosen: list[int] = []
    for _ in range(min(keep, len(embeddings))):
        gain = (similarity - nearest).clamp_min(0).sum(1)
        gain[chosen] = -1
        chosen.append(int(gain.argmax()))
        nearest = torch.maximum(nearest, similarity[chosen[-1]])
    return sorted(chosen)
