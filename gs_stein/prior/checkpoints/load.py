"""From `--model` to a ready prior: find the folder, check it, load each part with its own library, pick adapters.

One path for everything: the bundled prior, a checkpoint of the hub and a tiny random one in the tests all come
through `load_prior`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from gs_stein.prior.adapters import MultiView, Network, PlainUNet, SD3Transformer, SDXLUNet
from gs_stein.prior.checkpoints.bounds import a_number, naming
from gs_stein.prior.checkpoints.folder import (
    CheckpointError,
    Component,
    check_folder,
    read_json,
)
from gs_stein.prior.checkpoints.registry import Source, locate
from gs_stein.prior.checkpoints.text import load_minilm, load_text_encoder, load_tokenizer
from gs_stein.prior.checkpoints.weights import KINDS, loaded_network, quiet, variant
from gs_stein.prior.codecs import Codec, KLCodec, LinearCodec, TinyCodec
from gs_stein.prior.diffusion import DiffusionPrior
from gs_stein.prior.encoders import CLIPText, Encode, PromptCache, SD3Text, SDXLText
from gs_stein.prior.options import DiffusionOptions
from gs_stein.prior.schedule import Prediction, Schedule
from gs_stein.types import TextEmbedding

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def fetch(source: Source, half: bool, skip: tuple[str, ...]) -> Path:
    """The local folder of a source, downloading it if it is on the hub."""
    if source.folder is not None:
        return source.folder
    from gs_stein.prior.checkpoints.download import fetch_pipeline

    assert source.repo is not None
    return fetch_pipeline(source.repo, source.revision, half, skip)


def load_prior(options: DiffusionOptions, device: torch.device | str = "cpu") -> DiffusionPrior:
    """Load the prior that `options.model` names.

    Args:
        options: which model and how to fit it into memory.
        device: where the networks run.

    Raises:
        CheckpointError: (a ValueError) unknown name, removed, gated, offline, incomplete, or of an unsupported kind.
    """
    device = torch.device(device)
    dtype = options.precision.dtype(device)
    source = locate(options.model)
    skip = ("text_encoder_3", "tokenizer_3") if options.drop_t5 else ()
    half = dtype in (torch.float16, torch.bfloat16)
    folder = fetch(source, half, skip)
    if not folder.is_dir():
        raise CheckpointError(f"model: {options.model} should lie in {folder}, which does not exist; reinstall it")
    pipeline, parts, index = check_folder(folder, half, skip)
    with quiet(pipeline), naming(folder, "used"):
        return assemble(options, folder, pipeline, parts, index, source, device, dtype)


def assemble(
    options: DiffusionOptions,
    folder: Path,
    pipeline: str,
    parts: dict[str, Component],
    index: dict,
    source: Source,
    device: torch.device,
    dtype: torch.dtype,
) -> DiffusionPrior:
    """Load every part of a checked folder and connect them (see `load_prior`)."""
    names = (source.network,) if source.network else ("unet", "transformer", "network")
    backbone, identity = one_of(parts, names, pipeline, folder), str(source)
    autoencoder = one_of(parts, ("vae", "codec"), pipeline, folder)
    if backbone.class_name == "MultiViewDenoiser":
        dtype = options.precision.bundled(device)
    module = load_network(folder, backbone, dtype)
    codec = load_codec(folder, autoencoder, vae_dtype(options, folder, autoencoder, dtype, pipeline))
    schedule, prediction = load_schedule(folder)

    native = native_resolution(module, codec, folder)
    network, load_text = adapt(module, codec, native, options, folder, parts, index, device, dtype)
    channels = module.config["channels"] if isinstance(network, MultiView) else module.config["in_channels"]
    if channels != codec.channels:
        raise CheckpointError(
            f"model: the network of {folder} takes {channels} channels but its latents have {codec.channels} (an "
            "inpainting, depth or upscaling model?); give the plain text-to-image model"
        )
    for part in (module, codec.module):
        part.eval().requires_grad_(False)
    configure(options, network, codec, folder)
    codec.module.to(device)
    if not options.cpu_offload:
        module.to(device)
    resolution = options.resolution or native
    if isinstance(network, MultiView) and resolution != native:
        raise ValueError(f"prior.resolution: this model works at {native} pixels, not {resolution}; leave it unset")
    key = f"{identity} {fingerprint(folder)} {dtype}"
    text = PromptCache(load_text, device, options.keep_text_encoder, options.prompt_cache, key)
    return DiffusionPrior(
        network,
        prediction,
        codec,
        schedule,
        text,
        resolution,
        device,
        identity,
        folder,
        options.cpu_offload,
        options.checkpointing,
        tuple(r for r in module.config.get("resolutions", ()) if r < resolution),
    )


def one_of(parts: dict[str, Component], wanted: tuple[str, ...], pipeline: str, folder: Path) -> Component:
    """The component that goes by one of these names."""
    for name in wanted:
        if name in parts:
            return parts[name]
    raise CheckpointError(f"model: {folder} is a {pipeline} without {' or '.join(wanted)}; give {KINDS}")


def load_network(folder: Path, component: Component, dtype: torch.dtype) -> Any:
    """The denoising network, by its own class."""
    where = folder / component.name
    kind = variant(folder, component, dtype)
    match component.class_name:
        case "UNet2DConditionModel":
            from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

            return loaded_network(UNet2DConditionModel, where, torch_dtype=dtype, variant=kind)
        case "SD3Transformer2DModel":
            from diffusers.models.transformers.transformer_sd3 import SD3Transformer2DModel

            return loaded_network(SD3Transformer2DModel, where, torch_dtype=dtype, variant=kind)
        case "MultiViewDenoiser":
            from gs_stein.prior.bundled import MultiViewDenoiser

            return loaded_network(MultiViewDenoiser, where, torch_dtype=dtype)
        case other:
            raise CheckpointError(f"model: {folder} denoises with {other}, which gs_stein cannot drive; give {KINDS}")


def load_codec_folder(folder: Path, class_name: str, dtype: torch.dtype) -> Codec:
    """An autoencoder in a folder of its own."""
    return load_codec(folder.parent, Component(folder.name, "diffusers", class_name), dtype)


def load_codec(folder: Path, component: Component, dtype: torch.dtype) -> Codec:
    """The autoencoder, by its own class."""
    where = folder / component.name
    kind = variant(folder, component, dtype)
    match component.class_name:
        case "AutoencoderKL":
            from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

            return KLCodec(loaded_network(AutoencoderKL, where, torch_dtype=dtype, variant=kind))
        case "AutoencoderTiny":
            from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny

            return TinyCodec(loaded_network(AutoencoderTiny, where, torch_dtype=dtype, variant=kind))
        case "PatchCodec":
            from gs_stein.prior.bundled import PatchCodec

            return LinearCodec(loaded_network(PatchCodec, where, torch_dtype=torch.float32))
        case other:
            raise CheckpointError(f"model: {folder} encodes with {other}, which gs_stein cannot drive; give {KINDS}")


def vae_dtype(
    options: DiffusionOptions, folder: Path, component: Component, dtype: torch.dtype, pipeline: str
) -> torch.dtype:
    """Precision of the autoencoder: fp32 on request, or where the checkpoint is known to overflow in fp16.

    SDXL's own VAE yields NaN in fp16 and says so by `force_upcast`; that key is true by default in every config,
    so it only counts for SDXL pipelines, as in diffusers.
    """
    if options.vae_fp32 is not None:
        return torch.float32 if options.vae_fp32 else dtype
    config = read_json(folder / component.name / "config.json", folder)
    overflows = pipeline.startswith("StableDiffusionXL") and config.get("force_upcast", True)
    return torch.float32 if overflows and dtype == torch.float16 else dtype


def load_schedule(folder: Path) -> tuple[Schedule, Prediction]:
    """The noise schedule a network was trained with and what it predicts, from its scheduler's config.

    Whatever sampler the config names, training noise of this family is what diffusers' `DDPMScheduler` makes of the
    same config; flow matching has no table.
    """
    path = folder / "scheduler" / "scheduler_config.json"
    config = read_json(path, folder)
    name = str(config.get("_class_name", "?"))
    # Tables of that length are made, one of them step by step.
    count = a_number(config, "num_train_timesteps", 1.0, 1e5, path, default=1000.0)
    if name.startswith("FlowMatch"):
        return Schedule.flow(int(count)), "flow"
    if name.startswith("EDM") or "beta_schedule" not in config:
        raise CheckpointError(f"model: {folder} uses {name}, whose noise process gs_stein does not know; give {KINDS}")
    for field in ("beta_start", "beta_end"):
        a_number(config, field, 0.0, 1.0, path, default=0.01)
    from diffusers.schedulers.scheduling_ddpm import DDPMScheduler

    with naming(path, "used"):
        scheduler: Any = DDPMScheduler.from_config(config)
        table = scheduler.alphas_cumprod
        falls = table.ndim == 1 and bool((table >= 0).all() and (table.diff() <= 0).all())
    if not falls or float(table[0]) > 1:
        raise CheckpointError(f"model: {path}: its betas make no noise that grows; delete it and get it again")
    kinds: dict[str, Prediction] = {"epsilon": "eps", "v_prediction": "v", "sample": "x0"}
    kind = scheduler.config["prediction_type"]
    if not isinstance(kind, str) or kind not in kinds:
        raise CheckpointError(f"model: {folder} predicts {kind!r}, which gs_stein does not know; give {KINDS}")
    return Schedule.from_alphas_cumprod(table.float()), kinds[kind]


def native_resolution(module: Any, codec: Codec, folder: Path) -> int:
    """Side in pixels of the images a network was trained on.

    Raises:
        CheckpointError: its configuration says no such thing; one line with the folder.
    """
    size = module.config["sample_size"]
    size = size[0] if isinstance(size, (list, tuple)) and size else size
    if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size * codec.scale <= _LARGEST:
        raise CheckpointError(
            f"model: the network's config.json in {folder}: sample_size is {str(module.config['sample_size'])[:40]}, "
            f"which makes no picture of 1 to {_LARGEST} pixels; get the model again"
        )
    return size * codec.scale


_LARGEST = 8192
"""Pixels of a side."""


def adapt(
    module: Any,
    codec: Codec,
    native: int,
    options: DiffusionOptions,
    folder: Path,
    parts: dict[str, Component],
    index: dict,
    device: torch.device,
    dtype: torch.dtype,
) -> tuple[Network, Any]:
    """The adapter for the network that was loaded, and the loader of the text encoders it was trained with."""
    text_device = torch.device("cpu") if options.text_on_cpu else device
    text_dtype = torch.float32 if options.text_on_cpu else dtype

    def encoder(name: str) -> Any:
        return load_text_encoder(folder, require(parts, name, folder), text_dtype).to(text_device)

    def tokenizer(name: str) -> PreTrainedTokenizerBase:
        return load_tokenizer(folder, require(parts, name, folder))

    def clip() -> Encode:
        return CLIPText(tokenizer("tokenizer"), encoder("text_encoder"))

    def clip_pair() -> Encode:
        return SDXLText(
            (tokenizer("tokenizer"), tokenizer("tokenizer_2")),
            (encoder("text_encoder"), encoder("text_encoder_2")),
            index.get("force_zeros_for_empty_prompt", True),
        )

    def clip_pair_and_t5() -> Encode:
        with_t5 = "text_encoder_3" in parts
        return SD3Text(
            (tokenizer("tokenizer"), tokenizer("tokenizer_2")),
            (encoder("text_encoder"), encoder("text_encoder_2")),
            (tokenizer("tokenizer_3"), encoder("text_encoder_3")) if with_t5 else None,
            module.config["joint_attention_dim"],
        )

    def quietly(load: Any) -> Any:
        def run() -> Encode:
            with quiet(index.get("_class_name", "")), naming(folder, "used to read prompts"):
                encode = load()

            def told(prompts: list[str]) -> TextEmbedding:
                with naming(folder, "used to read prompts"):
                    found = encode(prompts)
                if not bool(found.tokens.isfinite().all()):
                    raise CheckpointError(
                        f"model: the text encoder in {folder} makes of a prompt what is not finite (NaN or infinity); "
                        "get it again"
                    )
                return found

            return told

        return run

    if module.config.get("time_cond_proj_dim") is not None:
        raise CheckpointError(
            f"model: {folder} was distilled to a few steps (LCM), so that its guesses are no scores; give {KINDS}"
        )
    match type(module).__name__:  # the classes themselves take seconds to import
        case "UNet2DConditionModel" if module.config["addition_embed_type"] == "text_time":
            for name in ("tokenizer", "tokenizer_2", "text_encoder", "text_encoder_2"):
                require(parts, name, folder)
            return SDXLUNet(module, native, codec.scale, options.views_at_once), quietly(clip_pair)
        case "UNet2DConditionModel":
            for name in ("tokenizer", "text_encoder"):
                require(parts, name, folder)
            if module.config["class_embed_type"] is not None or module.config["num_class_embeds"] is not None:
                raise CheckpointError(f"model: {folder} is an upscaler or class-conditional model; give {KINDS}")
            return PlainUNet(module, options.views_at_once), quietly(clip)
        case "SD3Transformer2DModel":
            for name in ("tokenizer", "tokenizer_2", "text_encoder", "text_encoder_2"):
                require(parts, name, folder)
            return SD3Transformer(module, options.views_at_once), quietly(clip_pair_and_t5)
        case _:
            return MultiView(module), quietly(load_minilm)


def require(parts: dict[str, Component], name: str, folder: Path) -> Component:
    """A component that this kind of model cannot do without."""
    if name not in parts:
        raise CheckpointError(f"model: {folder} has no {name} (an SDXL refiner or a cut-down copy?); give {KINDS}")
    return parts[name]


def configure(options: DiffusionOptions, network: Network, codec: Codec, folder: Path) -> None:
    """Switch on the memory savers that were asked for.

    Raises:
        ValueError: this model has no such switch.
    """
    module: Any = network.module
    vae: Any = codec.module
    if options.attention_slicing:
        if not isinstance(network, (PlainUNet, SDXLUNet)):
            raise ValueError(f"prior.attention_slicing: only UNets have it, {folder} has none; turn it off")
        module.set_attention_slice("auto")
    if options.vae_tiling:
        if not isinstance(codec, KLCodec):
            raise ValueError(f"prior.vae_tiling: {folder} has no AutoencoderKL; turn it off")
        vae.enable_tiling()
    if options.checkpointing:
        if isinstance(network, MultiView) or not isinstance(codec, KLCodec):
            raise ValueError(f"prior.checkpointing: {folder} is small and has no such switch; turn it off")
        module.enable_gradient_checkpointing()
        vae.enable_gradient_checkpointing()


def fingerprint(folder: Path) -> str:
    """Sizes and times of the text encoders' files, so that a cached prompt never outlives the weights it came from."""
    files = sorted(p for part in folder.glob("text_encoder*") for p in part.iterdir() if p.is_file())
    return " ".join(f"{p.parent.name}/{p.name}:{p.stat().st_size}:{p.stat().st_mtime_ns}" for p in files)
