"""Blocks of the bundled denoiser: attention over the views of a scene, and to its prompt."""

from __future__ import annotations

from contextlib import nullcontext

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gs_stein.threads import few_rows, one_thread

_MANY = 512
"""Tokens of prompts from which on a second thread saves a twentieth of a step of training, on single small views."""


def start_at_zero(*layers: nn.Linear | nn.Conv2d) -> None:
    """Make layers return zero until they are trained."""
    for layer in layers:
        for parameter in layer.parameters():
            nn.init.zeros_(parameter)


class Attention(nn.Module):
    """Multi-head attention with normalised queries and keys; `where` joins queries and keys, not values."""

    def __init__(self, width: int, context: int, heads: int):
        super().__init__()
        self.heads = heads
        self.q = nn.Linear(width, width, bias=False)
        self.k = nn.Linear(context, width, bias=False)
        self.v = nn.Linear(context, width, bias=False)
        self.out = nn.Linear(width, width)
        self.norm_q = nn.RMSNorm(width // heads, eps=1e-6)
        self.norm_k = nn.RMSNorm(width // heads, eps=1e-6)
        start_at_zero(self.out)

    def forward(self, queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None = None) -> Tensor:
        q, k, v = (
            few_rows(layer, x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for layer, x in ((self.q, queries), (self.k, keys), (self.v, values))
        )
        h = attend(normalised(q, self.norm_q), normalised(k, self.norm_k), v, mask)
        return self.out(h.transpose(1, 2).flatten(2))


def normalised(x: Tensor, norm: nn.RMSNorm) -> Tensor:
    """The norm in the number format of x, which autocast leaves to itself."""
    return F.rms_norm(x, norm.normalized_shape, norm.weight.to(x.dtype), norm.eps)


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    """Attention as torch has it, but by plain products in bfloat16 on a CPU, where its fused kernel is slow backwards.

    Measured on one core with AVX-512 BF16, 64 to 512 keys: a training step takes 0.73 to 0.85 of the time.
    """
    if v.device.type != "cpu" or v.dtype != torch.bfloat16:
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    scores = (q * q.shape[-1] ** -0.5).to(v.dtype) @ k.to(v.dtype).transpose(-1, -2)
    if mask is not None:
        scores = scores.masked_fill(~mask, torch.finfo(v.dtype).min)
    with torch.autocast("cpu", enabled=False):  # which would widen the scores
        return scores.softmax(-1) @ v


class TextBlock(nn.Module):
    """Self-attention among the tokens of a prompt, then an MLP; starts as identity.

    A sentence encoder's state of "teal" tells the colour and hardly whose, that of "cabinets" the thing and hardly its
    colour: this is where they meet.
    """

    def __init__(self, width: int, heads: int, expand: int = 2):
        super().__init__()
        self.attention = Attention(width, width, heads)
        self.norm = nn.LayerNorm(width)
        down = nn.Linear(expand * width, width)
        self.mlp = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, expand * width), nn.GELU(), down)
        start_at_zero(down)

    def forward(self, tokens: Tensor, where: Tensor, mask: Tensor) -> Tensor:
        """One block on tokens (P, L, D); where (L, D) tells their order; mask (P, L), True at real ones."""
        many = torch.is_grad_enabled() and tokens.shape[:2].numel() >= _MANY
        with nullcontext() if many else one_thread():
            h = self.norm(tokens)
            tokens = tokens + self.attention(h + where, h + where, h, mask[:, None, None, :])
            return tokens + self.mlp(tokens)


class MultiViewBlock(nn.Module):
    """Self-attention over all views of a scene, cross-attention to the prompt, MLP with a 3×3 depthwise convolution.

    The convolution is what stops the tokens of a small transformer from staying independent tiles.
    """

    def __init__(self, width: int, heads: int, text_width: int, expand: int = 4):
        super().__init__()
        self.attention = Attention(width, width, heads)
        self.cross = Attention(width, text_width, heads)
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.norm_cross = nn.LayerNorm(width)
        self.up = nn.Linear(width, expand * width)
        self.mix = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.down = nn.Linear(expand * width, width)
        self.table = nn.Parameter(torch.zeros(6, width))
        start_at_zero(self.mix, self.down)

    def forward(self, x: Tensor, where: Tensor, modulation: Tensor, text: Tensor, mask: Tensor, side: int) -> Tensor:
        """One block on x (B, V, n, D); where (V, n, D); modulation (B, 6, D); text (B·p, L, D'), p prompts a group."""
        B, V, n, _ = x.shape
        shift1, scale1, gate1, shift2, scale2, gate2 = (modulation + self.table)[:, :, None, None].unbind(1)
        h = self.norm(x) * (1 + scale1) + shift1
        looking = (h + where).flatten(1, 2)
        x = x + (1 + gate1) * self.attention(looking, looking, h.flatten(1, 2)).view_as(x)
        h = self.norm_cross(x).reshape(len(text), -1, x.shape[-1])
        x = x + self.cross(h, text, text, mask[:, None, None, :]).view_as(x)
        h = self.norm(x) * (1 + scale2) + shift2
        grid = h.view(B * V, side, side, -1).permute(0, 3, 1, 2)  # channels-last in memory
        h = h + self.mix(grid).permute(0, 2, 3, 1).reshape(h.shape)
        return x + (1 + gate2) * self.down(F.gelu(self.up(h)))
