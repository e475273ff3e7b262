"""What a family of models says of itself: which class denoises, how it is called, and how it reads prompts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from gs_stein.prior.adapters import Network
from gs_stein.prior.checkpoints.folder import CheckpointError, Component
from gs_stein.prior.checkpoints.text import load_text_encoder, load_tokenizer
from gs_stein.prior.checkpoints.weights import KINDS
from gs_stein.prior.codecs import Codec
from gs_stein.prior.encoders import Encode
from gs_stein.prior.options import DiffusionOptions


@dataclass(frozen=True)
class Parts:
    """A checked folder of which network and codec are loaded already."""

    folder: Path
    components: dict[str, Component]
    index: dict[str, Any]
    """model_index.json."""
    module: Any
    """The network."""
    codec: Codec
    native: int
    """Side in pixels of the images it knows."""
    options: DiffusionOptions
    device: torch.device
    """Of the text encoders."""
    dtype: torch.dtype
    """Of the text encoders."""

    def require(self, *names: str) -> None:
        """Refuse a folder without one of these components.

        Raises:
            CheckpointError: one line with the first that is missing.
        """
        for name in names:
            if name not in self.components:
                what = f"{self.folder} has no {name} (an SDXL refiner or a cut-down copy?)"
                raise CheckpointError(f"model: {what}; give {KINDS}")

    def encoder(self, name: str = "text_encoder") -> Any:
        """A text encoder, frozen, on its device."""
        self.require(name)
        return load_text_encoder(self.folder, self.components[name], self.dtype).to(self.device)

    def tokenizer(self, name: str = "tokenizer") -> Any:
        """The tokenizer of a text encoder."""
        self.require(name)
        return load_tokenizer(self.folder, self.components[name])


@dataclass(frozen=True)
class Family:
    """One kind of denoising network."""

    library: str
    """Module that has its class, imported when a folder of this family is loaded."""
    adapt: Callable[[Parts], tuple[Network, Callable[[], Encode]]]
    """Makes the adapter, and what will load the text encoders at the first prompt."""
    since: str = "0.35"
    """diffusers' first release with that class."""
    patch: int = 1
    """Latent cells along the side of one token: the latent's side must be a multiple of it."""
    resolution: int | None = None
    """Side in pixels of its images, where the network's config does not say."""
    bf16: bool = False
    """Trained in bf16, whose range its activations use: `--prior.precision auto` means that on a GPU, not fp16."""
    load: Callable[[Path, torch.dtype, str | None], Any] | None = None
    """Loads the network (folder, dtype, variant of the weights), where its library's own way is not the right one."""
