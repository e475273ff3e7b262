"""Measures activations without a GPU: run a network on the meta device and add up the tensors that are alive."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten

from gs_stein.prior.checkpoints.folder import choose_weights, read_json, variant_of
from gs_stein.prior.footprint import Footprint


class _FusedAttention(torch.autograd.Function):
    """Stands for a fused attention kernel: output and saved inputs, no L × L matrix."""

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        out = q.new_empty(*q.shape[:-1], v.shape[-1])
        ctx.save_for_backward(q, k, v, out)
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        q, k, v, _ = ctx.saved_tensors
        return torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)


@contextmanager
def _fused_attention() -> Iterator[None]:
    """Without this, the meta device would take attention's unfused path, which no GPU takes.

    The function itself is replaced, because a function mode is not active where checkpointed layers recompute.
    """
    original = nn.functional.scaled_dot_product_attention

    def fused(query: Tensor, key: Tensor, value: Tensor, *_: Any, **__: Any) -> Any:
        return _FusedAttention.apply(query, key, value)

    nn.functional.scaled_dot_product_attention = fused
    try:
        yield
    finally:
        nn.functional.scaled_dot_product_attention = original


class _Live(TorchDispatchMode):
    """Adds up the storages born inside it, and remembers the peak."""

    def __init__(self) -> None:
        super().__init__()
        self.peak = 0
        self._live = 0
        self._known: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        # What comes from outside (parameters, inputs) is not counted, nor are views of it.
        for value in tree_flatten((args, kwargs))[0]:
            if isinstance(value, Tensor):
                self._known.add(value.untyped_storage()._cdata)
        out = func(*args, **(kwargs or {}))
        for value in tree_flatten(out)[0]:
            if isinstance(value, Tensor):
                storage = value.untyped_storage()
                key = storage._cdata
                if key not in self._known:
                    self._known.add(key)
                    self._live += storage.nbytes()
                    self.peak = max(self.peak, self._live)
                    weakref.finalize(storage, self._free, key, storage.nbytes())
        return out

    def _free(self, key: int, size: int) -> None:
        self._known.discard(key)
        self._live -= size


def peak_numbers(run: Callable[[], None]) -> float:
    """Largest count of float32 numbers alive at once among those that `run` creates (parameters are not counted)."""
    with _fused_attention(), _Live() as live:
        run()
    return live.peak / 4


def with_gradient(run: Callable[[Tensor], Tensor], x: Tensor) -> float:
    """Peak of a function's forward and backward pass with respect to its input."""
    x = x.detach().requires_grad_(True)

    def both() -> None:
        out = run(x)
        out.backward(torch.empty_like(out))

    return peak_numbers(both)


def measure_network(module: nn.Module, latent: tuple[int, int, int]) -> tuple[float, float]:
    """Peak numbers of one evaluation of one latent, without and with gradient.

    Args:
        module: a UNet or an SD3 transformer of diffusers, on the meta device.
        latent: C, h, w.
    """
    from diffusers.models.transformers.transformer_sd3 import SD3Transformer2DModel

    config: Any = module.config
    x = torch.empty(1, *latent, device="meta")
    t = torch.empty(1, device="meta")

    def run(x: Tensor) -> Tensor:
        if isinstance(module, SD3Transformer2DModel):
            tokens = torch.empty(1, 333, config["joint_attention_dim"], device="meta")
            pooled = torch.empty(1, config["pooled_projection_dim"], device="meta")
            return module(x, tokens, pooled, t, return_dict=False)[0]
        tokens = torch.empty(1, 77, config["cross_attention_dim"], device="meta")
        added = None
        if config["addition_embed_type"] == "text_time":
            pooled = config["projection_class_embeddings_input_dim"] - 6 * config["addition_time_embed_dim"]
            added = {"text_embeds": torch.empty(1, pooled, device="meta"), "time_ids": torch.empty(1, 6, device="meta")}
        return module(x, t, encoder_hidden_states=tokens, added_cond_kwargs=added, return_dict=False)[0]

    def frozen() -> None:
        with torch.no_grad():
            run(x)

    return peak_numbers(frozen), with_gradient(run, x)


def measure_models(network: Any, vae: Any, text: int, t5: int, side: int) -> Footprint:
    """The footprint of a pair of networks on the meta device.

    Args:
        network: the denoiser.
        vae: an AutoencoderKL.
        text, t5: parameters of the text encoders.
        side: of the latent.
    """
    scale = 2 ** (len(vae.config["block_out_channels"]) - 1)
    channels = vae.config["latent_channels"]
    image = torch.empty(1, 3, scale * side, scale * side, device="meta")
    latent = torch.empty(1, channels, side, side, device="meta")

    def encode(x: Tensor) -> Tensor:
        return vae.encode(x).latent_dist.mode()

    predict, train = measure_network(network, (channels, side, side))
    encoded, decoded = with_gradient(encode, image), with_gradient(lambda z: vae.decode(z).sample, latent)
    network.enable_gradient_checkpointing()
    vae.enable_gradient_checkpointing()
    return Footprint(
        network=_parameters(network), codec=_parameters(vae), text=text, t5=t5, pixels=scale * side,
        predict=predict, train=train, encode=encoded, decode=decoded,
        train_saved=measure_network(network, (channels, side, side))[1], encode_saved=with_gradient(encode, image),
    )  # fmt: skip


def measure_folder(folder: Path) -> Footprint | None:
    """The footprint of a diffusers folder, from its configs (some seconds); None for kinds without an estimate."""
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.transformers.transformer_sd3 import SD3Transformer2DModel
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    names = ((folder / "unet", UNet2DConditionModel), (folder / "transformer", SD3Transformer2DModel))
    found = next(((path, cls) for path, cls in names if path.is_dir()), None)
    if found is None or not (folder / "vae").is_dir():
        return None
    configs = [read_json(path / "config.json", folder) for path in (found[0], folder / "vae")]
    for config, cls in zip(configs, (found[1], AutoencoderKL), strict=True):
        if config.get("_class_name") != cls.__name__:
            return None  # of another family
    with torch.device("meta"):
        network: Any = found[1].from_config(configs[0])
        vae: Any = AutoencoderKL.from_config(configs[1])
    network.requires_grad_(False)
    vae.requires_grad_(False)
    # Text encoders are weighed by their files, in the precision they are stored in.
    sizes = []
    for name in ("text_encoder", "text_encoder_2", "text_encoder_3"):
        inside = [p.name for p in (folder / name).iterdir()] if (folder / name).is_dir() else []
        files = choose_weights(inside, half=True)
        sizes.append(sum((folder / name / n).stat().st_size for n in files) // (2 if variant_of(files) else 4))
    side = network.config["sample_size"]
    return measure_models(network, vae, sizes[0] + sizes[1], sizes[2], side if isinstance(side, int) else side[0])


def _parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
