"""Configurations of the full-size hub models, to build them on the meta device or with random weights."""

from gs_stein.prior.full_size import (
    CLIP_BIGG as CLIP_BIGG,
)
from gs_stein.prior.full_size import (
    CLIP_H as CLIP_H,
)
from gs_stein.prior.full_size import (
    CLIP_L as CLIP_L,
)
from gs_stein.prior.full_size import (
    SD3_TRANSFORMER as SD3_TRANSFORMER,
)
from gs_stein.prior.full_size import (
    SD3_VAE as SD3_VAE,
)
from gs_stein.prior.full_size import (
    SD15_UNET as SD15_UNET,
)
from gs_stein.prior.full_size import (
    SD21_UNET as SD21_UNET,
)
from gs_stein.prior.full_size import (
    SDXL_UNET as SDXL_UNET,
)
from gs_stein.prior.full_size import (
    T5_XXL as T5_XXL,
)
from gs_stein.prior.full_size import (
    VAE as VAE,
)
