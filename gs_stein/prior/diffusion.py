"""Text-to-image priors behind one protocol: the bundled model, Stable Diffusion 1.5 to 3, any folder of those kinds.

A prior is composed of four parts, each loaded by the library that wrote it: text encoders, codec (pixels to latents),
network, noise schedule. `DiffusionPrior` only connects them; what differs between models lives in small adapters
(`adapters`, `codecs`, `encoders`) that `gs_stein.prior.checkpoints.load` picks by the classes it loaded.
"""

from __future__ import annotations

import copy
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from gs_stein.prior.adapters import Network
from gs_stein.prior.codecs import Codec
from gs_stein.prior.encoders import PromptCache
from gs_stein.prior.guided import Shortcut
from gs_stein.prior.schedule import Prediction, Schedule
from gs_stein.types import Cameras, TextEmbedding


class DiffusionPrior:
    """Fulfils `gs_stein.prior.denoiser.Denoiser` with a network, a codec, a schedule and text encoders that were given.

    Parameters are frozen and the networks are in evaluation mode; gradients flow through `encode`, `decode` and, where
    asked for (LoRA layers, ∇φ), `predict`.
    """

    def __init__(
        self,
        network: Network,
        prediction: Prediction,
        codec: Codec,
        schedule: Schedule,
        text: PromptCache,
        resolution: int,
        device: torch.device,
        identity: str,
        folder: Path,
        offload: bool = False,
        checkpointing: bool = False,
        smaller: tuple[int, ...] = (),
        shortcut: Shortcut | None = None,
    ) -> None:
        self.schedule = schedule
        self.resolution = resolution
        self.smaller = smaller
        """Resolutions below it that the network knows too, for the coarse start of a run."""
        self.evaluations = 0
        self.codec = codec
        self.prediction: Prediction = prediction
        self.text = text
        self.device = device
        self.identity = identity
        self.folder = folder
        self.shortcut = shortcut
        """Guidance in one evaluation, where the prior has learnt it."""
        self._network = network
        self._checkpointing = checkpointing
        self._offload_hook = None
        if offload:
            from accelerate import cpu_offload_with_hook

            _, self._offload_hook = cpu_offload_with_hook(network.module, device)

    @property
    def network(self) -> nn.Module:
        """The denoising network itself, for LoRA adapters."""
        return self._network.module

    @property
    def knows_cameras(self) -> bool:
        """Whether the network is told where the cameras stand."""
        return self._network.knows_cameras

    @property
    def group(self) -> int:
        """Views that the network must be given a multiple of; 1 where any number will do."""
        return getattr(self._network, "group", 1)

    @property
    def together(self) -> int:
        """Views that the network denoises together, each group for itself; 0: all that it is given."""
        return self.group if self.group > 1 or not self.knows_cameras else 0

    @property
    def latent_shape(self) -> tuple[int, int, int]:
        """C, h, w of one view's latent."""
        side = self.resolution // self.codec.scale
        return self.codec.channels, side, side

    def at_once(self, scale: float) -> DiffusionPrior:
        """This prior with guidance of a scale that its `shortcut` has learnt in its own answers; it counts its
        evaluations for itself. A scale of 1 is the last look."""
        assert self.shortcut is not None
        found = copy.copy(self)
        found._network, found._offload_hook = self.shortcut.at(scale, self.device), None
        found.evaluations, found.shortcut = 0, None
        return found

    def embed(self, prompts: list[str]) -> TextEmbedding:
        """Encode P prompts; the empty prompt gives the model's own "no prompt"."""
        return self.text(prompts)

    def encode(self, rgb: Float[Tensor, "V 3 H W"]) -> Float[Tensor, "V C h w"]:
        """Images in [0, 1] to latents; square images of a size that the network does not know are resampled first.

        Raises:
            ValueError: the images are not square.
        """
        self.text.release()
        height, width = rgb.shape[-2:]
        if height != width:
            raise ValueError(f"rgb: {width}×{height} pixels; the prior knows square images only, render square ones")
        side = min((known for known in self.smaller if known >= height), default=self.resolution)
        if height != side:
            rgb = nn.functional.interpolate(rgb, (side, side), mode="bilinear", antialias=height > side)
        if self._checkpointing and torch.is_grad_enabled() and rgb.requires_grad:
            # The encoder's activations are the largest item of a step: redo them view by view in the backward pass.
            views = [checkpoint(self.codec.encode, view, use_reentrant=False) for view in rgb.split(1)]
            return torch.cat(views)
        return self.codec.encode(rgb)

    def decode(self, x0: Float[Tensor, "V C h w"]) -> Float[Tensor, "V 3 H W"]:
        """Latents to images in [0, 1] (not clamped)."""
        return self.codec.decode(x0)

    def predict(
        self,
        x_t: Float[Tensor, "B V C h w"],
        t: Float[Tensor, " B"],
        text: list[TextEmbedding],
        cameras: Cameras | None,
    ) -> Float[Tensor, "B V C h w"]:
        """Noise prediction ε̂ for B groups of V views, whatever the network itself predicts (see `Denoiser.predict`)."""
        training = torch.is_grad_enabled() and any(p.requires_grad for p in self.network.parameters())
        if self._offload_hook is not None and training:
            raise ValueError("prior.cpu_offload: it cannot be combined with training a LoRA (VSD); turn one off")
        self.text.release()  # prompts are encoded by now, and the memory is needed
        output = self._network(x_t, t, text, cameras).to(x_t.dtype)
        if self._offload_hook is not None:
            self._offload_hook.offload()
        self.evaluations += x_t.shape[0] * x_t.shape[1]
        return self.schedule.convert(output, x_t, t.to(x_t.device), self.prediction, "eps")
