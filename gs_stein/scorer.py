"""How well pictures fit a caption: a small contrastive image-text model that only measures and never trains splats.

It shares nothing with the bundled denoiser: a plain convolutional tower on pixels, its own seed, its own scenes.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from gs_stein.files import PACKAGE, write_atomically
from gs_stein.text.minilm import WIDTH, MiniLM
from gs_stein.types import TextEmbedding

SIDE = 64
"""Pictures are shrunk to this side before they are looked at."""
CAPTIONS = 50
"""Among which the right one is to be picked."""
ACCURACY = "accuracy.json"
"""Beside the bundled scorer: how often it is right on true pictures, by kind (`gs_stein.world.measure`)."""


def scorer_folder() -> Path:
    """Where the bundled scorer lies."""
    return PACKAGE / "weights" / "scorer"


def distractors(scene: bool, prompt: str) -> list[str]:
    """49 other captions, the same for every run: the written list of prompts, and captions of the procedural world."""
    shipped = json.loads((scorer_folder() / "captions.json").read_text(encoding="utf-8"))
    others = [text for text in shipped["scenes" if scene else "objects"] if text != prompt]
    return others[: CAPTIONS - 1]


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


class Clip:
    """A CLIP of the hub as a judge, for figures that others know too.

    Args:
        model: transformers' CLIPModel.
        tokenizer: its own.
        side: of its pictures, in pixels.
        mean, std: of the colours that it was trained on.
    """

    def __init__(self, model: Any, tokenizer: Any, side: int, mean: list[float], std: list[float]) -> None:
        self.model, self.tokenizer, self.side = model, tokenizer, side
        self.mean, self.std = (torch.tensor(colour).view(1, 3, 1, 1) for colour in (mean, std))

    @torch.no_grad()
    def pictures(self, rgb: Float[Tensor, "n 3 H W"]) -> Float[Tensor, "n E"]:
        """Unit embeddings of square pictures in [0, 1]."""
        if rgb.shape[-1] != self.side:
            size = (self.side, self.side)
            rgb = F.interpolate(rgb, size, mode="bicubic", antialias=True).clamp(0, 1)
        features = self.model.vision_model(pixel_values=(rgb - self.mean) / self.std).pooler_output
        return F.normalize(self.model.visual_projection(features), dim=-1)

    @torch.no_grad()
    def prompts(self, texts: list[str]) -> Float[Tensor, "P E"]:
        """Unit embeddings of sentences, cut after 77 tokens."""
        longest = self.model.config.text_config.max_position_embeddings
        batch = self.tokenizer(texts, padding=True, truncation=True, max_length=longest, return_tensors="pt")
        output = self.model.text_model(input_ids=batch.input_ids, attention_mask=batch.attention_mask)
        return F.normalize(self.model.text_projection(output.pooler_output), dim=-1)

    def judge(self, rgb: Float[Tensor, "n 3 H W"], prompt: str, others: list[str]) -> dict[str, Any]:
        """CLIP score and R-precision of views of one scene, with bootstrapped 95 % intervals over the views.

        Args:
            rgb: views in [0, 1].
            prompt: what they should show.
            others: prompts of other scenes.

        Returns:
            clip_score, 100 times the cosine of picture and prompt where it is positive; r_precision, the fraction of
            views that are nearer to their own prompt than to any other; each with [low, high]; and how many there were.

        Source: arXiv 2104.08718 (without its factor of 2.5); arXiv 2209.14988, table 1.
        """
        cosines = self.pictures(rgb) @ self.prompts([prompt, *others]).T
        scores, wins = 100 * cosines[:, 0].clamp_min(0), (cosines.argmax(1) == 0).float()
        return {
            "clip_score": scores.mean().item(), "clip_score_interval": interval(scores),
            "r_precision": wins.mean().item(), "r_precision_interval": interval(wins), "prompts": 1 + len(others),
            "views": len(rgb),
        }  # fmt: skip


def interval(values: Float[Tensor, " n"], samples: int = 2000) -> list[float]:
    """Bootstrapped 95 % interval of a mean, always by the same draws."""
    draws = torch.randint(len(values), (samples, len(values)), generator=torch.Generator().manual_seed(0))
    means = values[draws].mean(1)
    return [means.quantile(q).item() for q in (0.025, 0.975)]
