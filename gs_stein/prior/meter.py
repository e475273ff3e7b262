"""Measures activations without a GPU: run a network on the meta device and add up the tensors that are alive."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten

from gs_stein.prior.networks import MultiView, Network, SD3Transformer, SDXLUNet


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


def measure_network(module: nn.Module, kind: type[Network], latent: tuple[int, int, int]) -> tuple[float, float]:
    """Peak numbers of one evaluation of one latent, without and with gradient.

    Args:
        module: the network, on the meta device.
        kind: its adapter's class.
        latent: C, h, w.
    """
    if kind is MultiView:
        raise ValueError("measure_network: the bundled network needs no measuring")
    config: Any = module.config
    x = torch.empty(1, *latent, device="meta")
    t = torch.empty(1, device="meta")

    def run(latent: Tensor) -> Tensor:
        if kind is SD3Transformer:
            return module(
                hidden_states=latent, timestep=t, return_dict=False,
                encoder_hidden_states=torch.empty(1, 333, config["joint_attention_dim"], device="meta"),
                pooled_projections=torch.empty(1, config["pooled_projection_dim"], device="meta"),
            )[0]  # fmt: skip
        tokens = torch.empty(1, 77, config["cross_attention_dim"], device="meta")
        added = None
        if kind is SDXLUNet:
            pooled = config["projection_class_embeddings_input_dim"] - 6 * config["addition_time_embed_dim"]
            added = {"text_embeds": torch.empty(1, pooled, device="meta"), "time_ids": torch.empty(1, 6, device="meta")}
        return module(latent, t, encoder_hidden_states=tokens, added_cond_kwargs=added, return_dict=False)[0]

    def frozen() -> None:
        with torch.no_grad():
            run(x)

    return peak_numbers(frozen), with_gradient(run, x)
