"""What a small prior has seen, so that a prompt from outside its world can be told apart and answered honestly.

A folder `captions/` beside the network holds a sample of training captions with their sentence embeddings, and the
similarity below which a prompt counts as unknown: the level that all but 2 % of held-out captions reach.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

UNKNOWN_SHARE = 0.02
"""Share of held-out captions of the same world that count as unknown."""


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

    @staticmethod
    def gather(
        captions: list[str],
        scenes: list[bool],
        embeddings: Float[Tensor, "n D"],
        held_out: Float[Tensor, "m D"],
    ) -> Familiar:
        """Set the threshold from captions that are not in the sample."""
        nearest = (held_out @ embeddings.T).amax(1)
        return Familiar(captions, scenes, embeddings, float(nearest.quantile(UNKNOWN_SHARE)))

    def save(self, folder: Path) -> None:
        """Write into an existing folder."""
        from safetensors.torch import save_file

        save_file({"embeddings": self.embeddings.half().contiguous()}, folder / "embeddings.safetensors")
        table = {"threshold": round(self.threshold, 4), "captions": self.captions, "scenes": self.scenes}
        (folder / "captions.json").write_text(json.dumps(table, indent=0) + "\n", encoding="utf-8")

    @staticmethod
    def load(folder: Path) -> Familiar | None:
        """Read what `save` wrote; None where there is nothing (large models know everything)."""
        from safetensors.torch import load_file

        if not (folder / "captions.json").is_file():
            return None
        table = json.loads((folder / "captions.json").read_text(encoding="utf-8"))
        embeddings = load_file(folder / "embeddings.safetensors")["embeddings"].float()
        return Familiar(table["captions"], table["scenes"], embeddings, table["threshold"])

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
            return f"{prompt!r} sounds like an object; leave out --scene to see it from around"
        if not scene and inside > outside + 0.1:
            return f"{prompt!r} sounds like a scene; add --scene to stand inside it"
        return None
