"""MVDream (arXiv 2308.16512): Stable Diffusion 1.5 or 2.1 that denoises four views of one object together.

Its network is Stable Diffusion's UNet with two changes, both made here of diffusers' own parts: self-attention runs
over the tokens of all four views, and an embedding of each camera is added to that of the timestep. Weights come in
Stable Diffusion's original names, in the folder of the diffusers conversion as in the first release.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein.prior.adapters import Network, flatten_groups
from gs_stein.prior.checkpoints.bounds import AGAIN, check_finite, check_size, naming
from gs_stein.prior.checkpoints.folder import CheckpointError, choose_weights, read_json
from gs_stein.prior.encoders import Encode
from gs_stein.prior.families.family import Family, Parts
from gs_stein.prior.families.stable_diffusion import clip
from gs_stein.types import Cameras, TextEmbedding

if TYPE_CHECKING:
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

VIEWS = 4
"""That are denoised together."""
CAMERA = 16
"""Numbers of a camera: its camera-to-world matrix."""
PREFIX = "model.diffusion_model."
"""Of the UNet's weights in checkpoints of the first release."""


class AcrossViews:
    """Attention over the tokens of a group's views, one after the other."""

    def __init__(self) -> None:
        from diffusers.models.attention_processor import AttnProcessor2_0

        self.inner = AttnProcessor2_0()

    def __call__(
        self, attn: Any, hidden_states: Tensor, encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None, temb: Tensor | None = None,
    ) -> Tensor:  # fmt: skip
        """As diffusers' processors: (n, tokens, width) of n views, a multiple of four."""
        n, tokens, width = hidden_states.shape
        joint = hidden_states.reshape(n // VIEWS, VIEWS * tokens, width)
        return self.inner(attn, joint, encoder_hidden_states, attention_mask, temb).reshape(n, tokens, width)


@dataclass
class MVDreamUNet:
    """Groups of four views with their cameras; eight views are two groups, each all round the object."""

    knows_cameras: ClassVar[bool] = True
    group: ClassVar[int] = VIEWS
    module: UNet2DConditionModel
    views_at_once: int = 0

    def __post_init__(self) -> None:
        module: Any = self.module
        processors = module.attn_processors
        joint = AcrossViews()
        module.set_attn_processor({k: joint if ".attn1." in k else one for k, one in processors.items()})

    def __call__(self, x_t: Tensor, t: Tensor, text: list[TextEmbedding], cameras: Cameras | None) -> Tensor:
        """See `Network`.

        Raises:
            ValueError: no cameras, or views that make no groups of four.
        """
        V = x_t.shape[1]
        if cameras is None:
            raise ValueError("cameras: MVDream denoises four views jointly and needs their cameras; pass them")
        if V % VIEWS:
            raise ValueError(f"views: {V} views a step, but MVDream denoises {VIEWS} together; use --views {VIEWS}")
        # Views come in order of azimuth: every (V/4)-th, so that a group looks from all round.
        order = torch.arange(V, device=x_t.device).reshape(VIEWS, V // VIEWS).T.flatten()
        embedding = camera_matrices(cameras.to(x_t.device))[order].flatten(1)
        spread = [one.expand(V)[order.to(one.tokens.device)] for one in text]
        at_once = self.views_at_once and max(VIEWS, self.views_at_once // VIEWS * VIEWS)
        first = 0

        def call(images: Tensor, times: Tensor, prompts: TextEmbedding) -> Tensor:
            nonlocal first
            every = embedding.repeat(len(x_t), 1)[first : first + len(images)].to(images.dtype)
            first += len(images)
            return self.module(
                images, times, encoder_hidden_states=prompts.tokens, class_labels=every, return_dict=False
            )[0]

        output = flatten_groups(x_t[:, order], t, spread, self.module, at_once, call)
        return output[:, order.argsort()]


def camera_matrices(cameras: Cameras) -> Float[Tensor, "V 4 4"]:
    """Camera-to-world matrices as MVDream was told them: Blender's world, which is ours (z up, an object faces south,
    azimuth 90 is east), OpenGL's camera axes (y up, z backward), positions on the unit sphere.

    Source: arXiv 2308.16512, section 3 and its published code.
    """
    world = torch.linalg.inv(cameras.viewmats.float())
    world = world * world.new_tensor([1.0, -1.0, -1.0, 1.0])  # columns: right, up, backward, position
    world[:, :3, 3] = torch.nn.functional.normalize(world[:, :3, 3], dim=-1)
    return world


def unet_config(config: dict[str, Any], where: Path) -> dict[str, Any]:
    """diffusers' arguments of the UNet that MVDream's describe.

    Raises:
        CheckpointError: ImageDream, which is also shown a picture, or blocks that Stable Diffusion has not.
    """
    if config.get("ip_dim", 0):
        raise CheckpointError(f"model: {where} is ImageDream, which wants a picture besides the prompt; give MVDream")
    with naming(where / "config.json", "used"):
        widths = tuple(config["model_channels"] * factor for factor in config["channel_mult"])
        attends = [2**level in config["attention_resolutions"] for level in range(len(widths))]
        size = config.get("num_head_channels", -1)
        heads = config["num_heads"] if size == -1 else tuple(width // size for width in widths)
        if config.get("camera_dim") != CAMERA or not isinstance(config["num_res_blocks"], int):
            raise ValueError(f"camera_dim is no {CAMERA}, or num_res_blocks no number")
        return {
            "sample_size": config.get("image_size", 32),
            "in_channels": config["in_channels"],
            "out_channels": config["out_channels"],
            "block_out_channels": widths,
            "layers_per_block": config["num_res_blocks"],
            "attention_head_dim": heads,  # diffusers' name for the number of heads
            "cross_attention_dim": config["context_dim"],
            "transformer_layers_per_block": config.get("transformer_depth", 1),
            # Versions with Stable Diffusion 2.1 have linear projections, and heads of a fixed width.
            "use_linear_projection": config.get("use_linear_in_transformer", size != -1),
            "down_block_types": tuple("CrossAttnDownBlock2D" if at else "DownBlock2D" for at in attends),
            "up_block_types": tuple("CrossAttnUpBlock2D" if at else "UpBlock2D" for at in reversed(attends)),
            "class_embed_type": "projection",
            "projection_class_embeddings_input_dim": CAMERA,
        }


def diffusers_names(weights: dict[str, Tensor], layers_per_block: int) -> dict[str, Tensor]:
    """The UNet's weights by diffusers' names.

    Args:
        weights: by Stable Diffusion's original names, with or without "model.diffusion_model." before them; what
            belongs to other networks is left out where they have it.
        layers_per_block: residual blocks at each resolution.
    """
    from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint

    whole = any(name.startswith(PREFIX) for name in weights)
    named = {name.removeprefix(PREFIX): w for name, w in weights.items() if not whole or name.startswith(PREFIX)}
    # The camera's embedding takes the place of a class's, which it is made like.
    labelled = {PREFIX + name.replace("camera_embed.", "label_emb.0."): weight for name, weight in named.items()}
    config = {"layers_per_block": layers_per_block, "class_embed_type": "projection"}
    return convert_ldm_unet_checkpoint(labelled, config)


def load(where: Path, dtype: torch.dtype, variant: str | None) -> Any:
    """The UNet of a folder with MVDream's config.json and weights.

    Raises:
        CheckpointError: damaged, larger than its weights, or of another kind; one line.
    """
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    files = choose_weights([path.name for path in where.iterdir()], half=variant is not None)
    config = unet_config(read_json(where / "config.json", where), where)
    unet: Any = UNet2DConditionModel
    check_size(lambda _: unet.from_config(config), where, files)
    weights: dict[str, Tensor] = {}
    for name in files:
        weights |= read_weights(where / name)
    return build(config, weights, where, dtype)


def build(config: dict[str, Any], weights: dict[str, Tensor], where: Path, dtype: torch.dtype) -> Any:
    """The UNet of diffusers' arguments and weights by their original names.

    Raises:
        CheckpointError: they do not fit together; one line with the folder.
    """
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    with naming(where, "used"), torch.device("meta"):
        network: Any = UNet2DConditionModel.from_config(config)
    with naming(where, "used"):
        camera = [f"camera_embed.{layer}.{part}" for layer in (0, 2) for part in ("bias", "weight")]
        lacking = [name for name in camera if name not in weights and PREFIX + name not in weights]
        named = {} if lacking else diffusers_names(weights, config["layers_per_block"])
        lacking = lacking or sorted(network.state_dict().keys() - named.keys())
        if lacking:
            lacks = f"{len(lacking)} weights of MVDream's network ({lacking[0]}, …)"
            raise CheckpointError(f"model: {where} lacks {lacks}{AGAIN}")
        network.load_state_dict({name: named[name].to(dtype) for name in network.state_dict()}, assign=True)
    check_finite(network, where)
    return network


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a .safetensors, .bin or .pt file; nothing else in it is unpickled.

    Raises:
        CheckpointError: it cannot be read.
    """
    with naming(path, "read"):
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        found = torch.load(path, map_location="cpu", weights_only=True)
        found = found.get("state_dict", found)
        return {name: weight for name, weight in found.items() if isinstance(weight, Tensor)}


def adapt(parts: Parts) -> tuple[Network, Callable[[], Encode]]:
    """The adapter, and the loader of CLIP."""
    parts.require("tokenizer", "text_encoder")
    return MVDreamUNet(parts.module, parts.options.views_at_once), lambda: clip(parts)


FAMILY = Family("diffusers.models.unets.unet_2d_condition", adapt, load=load)
