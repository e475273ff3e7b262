"""MVDream's network as published (arXiv 2308.16512, on arXiv 2112.10752's UNet), evaluated from its weights by name.

Written anew from the papers, the names of the weights and a reading of the published code, without any of diffusers'
blocks: every layer is a function of torch.nn.functional, so that what the loading code makes of the same weights can be
compared with it layer by layer.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

VIEWS = 4


def random_weights(config: dict, generator: torch.Generator) -> dict[str, Tensor]:
    """Weights by their original names for a configuration in the original's words."""
    weights: dict[str, Tensor] = {}

    def linear(name: str, inside: int, outside: int, bias: bool = True, kernel: int = 0) -> None:
        shape = (outside, inside, kernel, kernel) if kernel else (outside, inside)
        weights[f"{name}.weight"] = torch.randn(shape, generator=generator) / math.sqrt(inside * max(1, kernel) ** 2)
        if bias:
            weights[f"{name}.bias"] = 0.1 * torch.randn(outside, generator=generator)

    def norm(name: str, width: int) -> None:
        weights[f"{name}.weight"] = 1 + 0.1 * torch.randn(width, generator=generator)
        weights[f"{name}.bias"] = 0.1 * torch.randn(width, generator=generator)

    def residual(name: str, inside: int, outside: int) -> None:
        norm(f"{name}.in_layers.0", inside)
        linear(f"{name}.in_layers.2", inside, outside, kernel=3)
        linear(f"{name}.emb_layers.1", 4 * width, outside)
        norm(f"{name}.out_layers.0", outside)
        linear(f"{name}.out_layers.3", outside, outside, kernel=3)
        if inside != outside:
            linear(f"{name}.skip_connection", inside, outside, kernel=1)

    def transformer(name: str, size: int) -> None:
        kernel = 0 if config["use_linear_in_transformer"] else 1
        norm(f"{name}.norm", size)
        linear(f"{name}.proj_in", size, size, kernel=kernel)
        linear(f"{name}.proj_out", size, size, kernel=kernel)
        block = f"{name}.transformer_blocks.0"
        for i, context in ((1, size), (2, config["context_dim"])):
            linear(f"{block}.attn{i}.to_q", size, size, bias=False)
            linear(f"{block}.attn{i}.to_k", context, size, bias=False)
            linear(f"{block}.attn{i}.to_v", context, size, bias=False)
            linear(f"{block}.attn{i}.to_out.0", size, size)
        linear(f"{block}.ff.net.0.proj", size, 8 * size)
        linear(f"{block}.ff.net.2", 4 * size, size)
        for i in (1, 2, 3):
            norm(f"{block}.norm{i}", size)

    width, factors, depth = config["model_channels"], config["channel_mult"], config["num_res_blocks"]
    for name, inside in (("time_embed", width), ("camera_embed", config["camera_dim"])):
        linear(f"{name}.0", inside, 4 * width)
        linear(f"{name}.2", 4 * width, 4 * width)
    linear("input_blocks.0.0", config["in_channels"], width, kernel=3)
    now, skips, index = width, [width], 1
    for level, factor in enumerate(factors):
        for _ in range(depth):
            residual(f"input_blocks.{index}.0", now, factor * width)
            now = factor * width
            if 2**level in config["attention_resolutions"]:
                transformer(f"input_blocks.{index}.1", now)
            skips.append(now)
            index += 1
        if level < len(factors) - 1:
            linear(f"input_blocks.{index}.0.op", now, now, kernel=3)
            skips.append(now)
            index += 1
    residual("middle_block.0", now, now)
    transformer("middle_block.1", now)
    residual("middle_block.2", now, now)
    index = 0
    for level, factor in reversed(list(enumerate(factors))):
        for i in range(depth + 1):
            residual(f"output_blocks.{index}.0", now + skips.pop(), factor * width)
            now, at = factor * width, 1
            if 2**level in config["attention_resolutions"]:
                transformer(f"output_blocks.{index}.1", now)
                at = 2
            if level and i == depth:
                linear(f"output_blocks.{index}.{at}.conv", now, now, kernel=3)
            index += 1
    norm("out.0", now)
    linear("out.2", now, config["out_channels"], kernel=3)
    return weights


class Published:
    """The network of one set of weights; `trace` keeps what each block returned."""

    def __init__(self, config: dict, weights: dict[str, Tensor]) -> None:
        self.config, self.w = config, weights
        self.trace: dict[str, Tensor] = {}

    def linear(self, name: str, x: Tensor) -> Tensor:
        return F.linear(x, self.w[f"{name}.weight"], self.w.get(f"{name}.bias"))

    def conv(self, name: str, x: Tensor, stride: int = 1) -> Tensor:
        weight = self.w[f"{name}.weight"]
        return F.conv2d(x, weight, self.w[f"{name}.bias"], stride, padding=weight.shape[-1] // 2)

    def group_norm(self, name: str, x: Tensor, eps: float) -> Tensor:
        return F.group_norm(x, 32, self.w[f"{name}.weight"], self.w[f"{name}.bias"], eps)

    def layer_norm(self, name: str, x: Tensor) -> Tensor:
        return F.layer_norm(x, x.shape[-1:], self.w[f"{name}.weight"], self.w[f"{name}.bias"])

    def residual(self, name: str, x: Tensor, embedding: Tensor) -> Tensor:
        h = self.conv(f"{name}.in_layers.2", F.silu(self.group_norm(f"{name}.in_layers.0", x, 1e-5)))
        h = h + self.linear(f"{name}.emb_layers.1", F.silu(embedding))[:, :, None, None]
        h = self.conv(f"{name}.out_layers.3", F.silu(self.group_norm(f"{name}.out_layers.0", h, 1e-5)))
        skip = f"{name}.skip_connection"
        return h + (self.conv(skip, x) if f"{skip}.weight" in self.w else x)

    def attention(self, name: str, x: Tensor, context: Tensor) -> Tensor:
        size = self.config.get("num_head_channels", -1)
        heads = self.config["num_heads"] if size == -1 else x.shape[-1] // size
        q, k, v = (
            self.linear(f"{name}.to_{which}", y).unflatten(-1, (heads, -1)).transpose(1, 2)
            for which, y in (("q", x), ("k", context), ("v", context))
        )
        weights = (q @ k.mT / math.sqrt(q.shape[-1])).softmax(-1)
        return self.linear(f"{name}.to_out.0", (weights @ v).transpose(1, 2).flatten(2))

    def transformer(self, name: str, x: Tensor, context: Tensor) -> Tensor:
        n, width, rows, columns = x.shape
        flat = self.config["use_linear_in_transformer"]
        h = self.group_norm(f"{name}.norm", x, 1e-6)
        h = h if flat else self.conv(f"{name}.proj_in", h)
        h = h.flatten(2).mT
        h = self.linear(f"{name}.proj_in", h) if flat else h
        block = f"{name}.transformer_blocks.0"
        # The one change to self-attention: the tokens of the four views are one sequence.
        joint = h.reshape(n // VIEWS, -1, width)
        normed = self.layer_norm(f"{block}.norm1", joint)
        h = (joint + self.attention(f"{block}.attn1", normed, normed)).reshape(n, -1, width)
        h = h + self.attention(f"{block}.attn2", self.layer_norm(f"{block}.norm2", h), context)
        up, gate = self.linear(f"{block}.ff.net.0.proj", self.layer_norm(f"{block}.norm3", h)).chunk(2, -1)
        h = h + self.linear(f"{block}.ff.net.2", up * F.gelu(gate))
        h = self.linear(f"{name}.proj_out", h) if flat else h
        h = h.mT.reshape(n, width, rows, columns)
        return x + (h if flat else self.conv(f"{name}.proj_out", h))

    def block(self, name: str, x: Tensor, embedding: Tensor, context: Tensor) -> Tensor:
        """One entry of input_blocks, middle_block or output_blocks: its layers in order."""
        i = 0
        while any(key.startswith(f"{name}.{i}.") for key in self.w):
            layer = f"{name}.{i}"
            if f"{layer}.in_layers.0.weight" in self.w:
                x = self.residual(layer, x, embedding)
            elif f"{layer}.proj_in.weight" in self.w:
                x = self.transformer(layer, x, context)
            elif f"{layer}.op.weight" in self.w:
                x = self.conv(f"{layer}.op", x, stride=2)
            elif f"{layer}.conv.weight" in self.w:
                x = self.conv(f"{layer}.conv", F.interpolate(x, scale_factor=2.0, mode="nearest"))
            else:
                x = self.conv(layer, x)
            i += 1
        self.trace[name] = x
        return x

    def embed(self, name: str, x: Tensor) -> Tensor:
        return self.linear(f"{name}.2", F.silu(self.linear(f"{name}.0", x)))

    def __call__(self, x: Tensor, t: Tensor, context: Tensor, cameras: Tensor) -> Tensor:
        """Noise of n views: x (n, C, h, w), t (n,), context (n, tokens, width), cameras (n, 16)."""
        half = self.config["model_channels"] // 2
        angles = t[:, None] * torch.exp(-math.log(10000) * torch.arange(half) / half)
        embedding = self.embed("time_embed", torch.cat([angles.cos(), angles.sin()], dim=-1))
        self.trace["time_embed"] = embedding
        embedding = embedding + self.embed("camera_embed", cameras)
        count = {name: len({k.split(".")[1] for k in self.w if k.startswith(name)}) for name in ("input", "output")}
        kept = []
        for i in range(count["input"]):
            x = self.block(f"input_blocks.{i}", x, embedding, context)
            kept.append(x)
        x = self.block("middle_block", x, embedding, context)
        for i in range(count["output"]):
            x = self.block(f"output_blocks.{i}", torch.cat([x, kept.pop()], dim=1), embedding, context)
        return self.conv("out.2", F.silu(self.group_norm("out.0", x, 1e-5)))
