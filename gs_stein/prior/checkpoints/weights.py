"""Loading one part of a checkpoint with the library that wrote it, quietly."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from gs_stein.prior.checkpoints.bounds import check_finite, check_size, is_damage, reason
from gs_stein.prior.checkpoints.folder import (
    CheckpointError,
    Component,
    choose_weights,
    variant_of,
)

OURS = "MultiViewPipeline"
"""What model_index.json calls the bundled kind of prior."""
KINDS = "a Stable Diffusion 1.x/2.x, SDXL or SD3, PixArt-Σ, SANA, FLUX.2-klein-base, Z-Image or MVDream folder"
"""What can be loaded, for messages."""


@contextmanager
def quiet(pipeline: str = "") -> Iterator[None]:
    """Keep the libraries' progress bars and notices (unused config keys, load reports) off the user's terminal.

    Args:
        pipeline: that is loaded; ours needs none of these libraries, whose import takes seconds.
    """
    if pipeline == OURS:
        yield
        return
    import diffusers.utils.logging as diffusers_logging
    import transformers.utils.logging as transformers_logging

    levels = diffusers_logging.get_verbosity(), transformers_logging.get_verbosity()
    bars = [logging for logging in (diffusers_logging, transformers_logging) if logging.is_progress_bar_enabled()]
    for logging in (diffusers_logging, transformers_logging):
        logging.set_verbosity_error()
        logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        diffusers_logging.set_verbosity(levels[0])
        transformers_logging.set_verbosity(levels[1])
        for logging in bars:
            logging.enable_progress_bar()


def variant(folder: Path, component: Component, dtype: torch.dtype) -> str | None:
    """The weight variant to ask a loader for: "fp16" or "bf16" where those are the files `choose_weights` picks."""
    names = [p.name for p in (folder / component.name).iterdir()]
    return variant_of(choose_weights(names, half=dtype != torch.float32))


def loaded(cls: Any, where: Path, **settings: Any) -> Any:
    """`cls.from_pretrained` on a local folder; a file that cannot be read is named in one line."""
    try:
        return cls.from_pretrained(str(where), local_files_only=True, **settings)
    except BaseException as error:  # whatever a damaged file does to those who read it
        if not is_damage(error):
            raise
        raise CheckpointError(
            f"model: {where} cannot be loaded as {cls.__name__} ({reason(error)}); delete it and get it again"
        ) from error


UNUSED = "neck.fusion_stage.layers.0.residual_layer1."
"""Of DPT's first fusion layer: nothing ever reaches it, and MiDaS's published checkpoints leave it out."""


def loaded_network(cls: Any, where: Path, **settings: Any) -> Any:
    """`loaded` for a network: both libraries make up weights that a file lacks, or leave them without content.

    Raises:
        CheckpointError: it cannot be loaded, is larger than its weights, lacks some, or has some that are not finite.
    """
    names, half = [path.name for path in where.iterdir()], settings.get("variant") is not None
    check_size(lambda config: _empty(cls, config), where, choose_weights(names, half))
    network, info = loaded(cls, where, output_loading_info=True, **settings)
    missing = sorted(key for key in info["missing_keys"] if not key.startswith(UNUSED))
    if missing:
        lacks = f"{len(missing)} weights of {cls.__name__} ({missing[0]}, …)"
        raise CheckpointError(f"model: {where} lacks {lacks}; delete it and get it again")
    check_finite(network, where)
    return network


def _empty(cls: Any, config: dict[str, Any]) -> Any:
    """The network of a configuration, in the device's own way of keeping weights."""
    if hasattr(cls, "load_config"):  # diffusers
        return cls.from_config(config)
    from transformers import AutoConfig

    kind = getattr(cls, "config_class", None)
    known = AutoConfig.for_model(config.pop("model_type", None), **config) if kind is None else kind.from_dict(config)
    return cls.from_config(known) if kind is None else cls(known)
