"""How well pictures fit a caption: a small contrastive image-text model that only measures and never trains splats.

It shares nothing with the bundled denoiser: a plain convolutional tower on pixels, its own seed, its own scenes.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from gs_stein.files import write_atomically
from gs_stein.text.minilm import WIDTH, MiniLM
from gs_stein.types import TextEmbedding

SIDE = 64
"""Pictures are shrunk to this side before they are looked at."""


class Residual(nn.Module):
    """Two 3×3 convolutions with a skip."""

    def __init__(self, width: int):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.body(x))


class Scorer(nn.Module):
    """Image tower (residual convolutions) and text tower (one transformer layer on MiniLM token states)."""

    def __init__(self, width: int = 48, embedding: int = 128):
        super().__init__()
        self.config = {"width": width, "embedding": embedding}
        stages: list[nn.Module] = [nn.Conv2d(3, width, 4, stride=2, padding=1, bias=False), nn.BatchNorm2d(width)]
        for before, after in ((width, width), (width, 2 * width), (2 * width, 4 * width)):
            stages += [nn.ReLU(), nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(after)]
            stages += [nn.ReLU(), Residual(after)]
        self.image = nn.Sequential(*stages)
        self.image_out = nn.Linear(4 * width * 16, embedding)
        self.text_in = nn.Linear(WIDTH, 2 * embedding)
        self.text = nn.TransformerEncoderLayer(
            2 * embedding, 4, 4 * embedding, dropout=0.1, activation="gelu", batch_first=True, norm_first=True
        )
        self.text_out = nn.Linear(2 * embedding, embedding)
        self.log_scale = nn.Parameter(torch.tensor(2.5))

    def features(self, rgb: Float[Tensor, "n 3 H W"]) -> Float[Tensor, "n E"]:
        """Embedding of each picture (values in [0, 1], any square size), not normalised."""
        if rgb.shape[-1] != SIDE:
            rgb = F.interpolate(rgb, size=(SIDE, SIDE), mode="area")
        return self.image_out(F.adaptive_avg_pool2d(self.image(rgb - 0.5), 4).flatten(1))

    def scenes(self, rgb: Float[Tensor, "S V 3 H W"]) -> Float[Tensor, "S E"]:
        """Unit embeddings of scenes: the mean over their views."""
        return F.normalize(self.features(rgb.flatten(0, 1)).unflatten(0, rgb.shape[:2]).mean(1), dim=-1)

    def captions(self, text: TextEmbedding) -> Float[Tensor, "P E"]:
        """Unit embeddings of captions."""
        h = self.text(self.text_in(text.tokens), src_key_padding_mask=~text.mask)
        h = (h * text.mask[:, :, None]).sum(1) / text.mask.sum(1, keepdim=True)
        return F.normalize(self.text_out(h), dim=-1)

    def save(self, folder: Path) -> None:
        """Write config.json and half-precision weights."""
        from safetensors.torch import save_file

        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / "config.json", (json.dumps(self.config) + "\n").encode())
        weights = {k: v.half() if v.is_floating_point() else v for k, v in self.state_dict().items()}
        save_file(weights, folder / "model.tmp")
        os.replace(folder / "model.tmp", folder / "model.safetensors")

    @staticmethod
    def load(folder: Path) -> Scorer:
        """Read what `save` wrote, ready to measure."""
        from safetensors.torch import load_file

        if not (folder / "model.safetensors").exists():
            raise ValueError(f"scorer: {folder} holds no scorer; train one: `python -m gs_stein.world.train scorer`")
        scorer = Scorer(**json.loads((folder / "config.json").read_text(encoding="utf-8")))
        scorer.load_state_dict(load_file(folder / "model.safetensors"))
        return scorer.float().eval().requires_grad_(False)


@torch.no_grad()
def retrieval(
    scorer: Scorer, encoder: MiniLM, rgb: Float[Tensor, "V 3 H W"], caption: str, distractors: list[str]
) -> tuple[float, float]:
    """How often a caption wins among distractors.

    Args:
        rgb: views of one scene, in [0, 1].
        caption: what they should show.
        distractors: other captions (49 make the usual "among 50").

    Returns:
        Fraction of single views whose best caption is the right one, and 1.0 or 0.0 for all views together.
    """
    texts = scorer.captions(encoder([caption, *distractors]))
    each = F.normalize(scorer.features(rgb), dim=-1) @ texts.T
    together = scorer.scenes(rgb[None]) @ texts.T
    return (each.argmax(1) == 0).float().mean().item(), float(together.argmax() == 0)
