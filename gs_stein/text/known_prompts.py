"""What a small prior has seen, so that a prompt from outside its world can be told apart and answered honestly.

A folder `captions/` beside the network holds a sample of training captions with their sentence embeddings, and the
similarity below which a prompt counts as unknown: the level that all but 2 % of held-out captions reach.
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

    @staticmethod
    def load(folder: Path) -> Familiar | None:
        """Read what `save` wrote; None where there is nothing (large models know everything)."""
        from safetensors.torch import load_file

        if not (folder / "captions.json").is_file():
            return None
        table = json.loads((folder / "captions.json").read_text(encoding="utf-8"))
        stored = load_file(folder / "embeddings.safetensors")
        embeddings = stored["embeddings"].float() * stored["scale"]
        return Familiar(table["captions"], table["scenes"], embeddings, table["threshold"], table.get("outdoors", []))

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

    def advice(self, prompt: str, pooled: Float[Tensor, " D"], scene: bool, alternatives: Sequence[str]) -> str | None:
        """One line if the prompt is unknown, or known as the other kind of thing; None if all is well.

        Args:
            prompt: as typed.
            pooled: its sentence embedding, a unit vector.
            scene: whether a scene was asked for.
            alternatives: models that know more, to name.
        """
        similarity = self.embeddings @ pooled.to(self.embeddings)
        best = int(similarity.argmax())
        if similarity[best] < self.threshold:
            return (
                f"{prompt!r} is outside what this small prior has seen (similarity {similarity[best]:.2f} < "
                f"{self.threshold:.2f}); it will give the nearest thing it knows, like {self.captions[best]!r}; "
                f"for anything else use a full model on a GPU: --model {' or '.join(alternatives)}"
            )
        kinds = torch.tensor(self.scenes)
        inside, outside = (similarity[kinds == k].amax().item() if (kinds == k).any() else -1.0 for k in (True, False))
        if scene and outside > inside + 0.1:
            return f"{prompt!r} sounds like an object; --object shows it from around"
        if not scene and inside > outside + 0.1:
            return f"{prompt!r} sounds like a scene; --scene lets you stand inside it"
        return None


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
