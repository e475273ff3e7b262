"""The one table of networks that are known: class in model_index.json → family.

To add a family, write a file beside this one and add its row.
"""

from __future__ import annotations

import importlib
from typing import Any

from gs_stein.prior.adapters import MultiView
from gs_stein.prior.checkpoints.folder import CheckpointError
from gs_stein.prior.checkpoints.text import load_minilm
from gs_stein.prior.families import flux2, mvdream, pixart, sana, z_image
from gs_stein.prior.families.family import Family
from gs_stein.prior.families.stable_diffusion import adapt_sd3, adapt_unet

FAMILIES: dict[str, Family] = {
    "UNet2DConditionModel": Family("diffusers.models.unets.unet_2d_condition", adapt_unet),
    "SD3Transformer2DModel": Family("diffusers.models.transformers.transformer_sd3", adapt_sd3, patch=2),
    "PixArtTransformer2DModel": pixart.FAMILY,
    "SanaTransformer2DModel": sana.FAMILY,
    "Flux2Transformer2DModel": flux2.FAMILY,
    "ZImageTransformer2DModel": z_image.FAMILY,
    "MultiViewUNetModel": mvdream.FAMILY,
    "MultiViewDenoiser": Family("gs_stein.prior.bundled", lambda parts: (MultiView(parts.module), load_minilm)),
}


def network_class(name: str) -> Any:
    """The class of a family's network.

    Raises:
        CheckpointError: this diffusers is older than it; one line with the command that mends it.
    """
    family = FAMILIES[name]
    try:
        return getattr(importlib.import_module(family.library), name)
    except (ImportError, AttributeError) as error:
        import diffusers

        raise CheckpointError(
            f"model: {name} came with diffusers {family.since}, and this is {diffusers.__version__}; run "
            "`pip install -U diffusers`"
        ) from error
