"""From `--model` to a ready prior: find the folder, check it, load each part with its own library, pick adapters.

One path for everything: the bundled prior, a checkpoint of the hub and a tiny random one in the tests all come
through `load_prior`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from gs_stein.files import Advice
from gs_stein.prior.adapters import MultiView, Network, PlainUNet, SDXLUNet
from gs_stein.prior.checkpoints.bounds import AGAIN, check_normalisation, naming
from gs_stein.prior.checkpoints.distilled import refuse_distilled, suspicion
from gs_stein.prior.checkpoints.folder import CheckpointError, Component, check_folder, read_json
from gs_stein.prior.checkpoints.registry import Source, locate
from gs_stein.prior.checkpoints.schedules import load_schedule
from gs_stein.prior.checkpoints.weights import KINDS, OURS, loaded_network, quiet, variant
from gs_stein.prior.codecs import Codec, DeepCodec, Flux2Codec, KLCodec, LinearCodec, TinyCodec
from gs_stein.prior.diffusion import DiffusionPrior
from gs_stein.prior.encoders import Encode, PromptCache
from gs_stein.prior.families.family import Family, Parts
from gs_stein.prior.families.table import FAMILIES, network_class
from gs_stein.prior.guided import GuidedDelta, Shortcut, shapes_of
from gs_stein.prior.options import DiffusionOptions, Precision
from gs_stein.types import TextEmbedding


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
        prior = assemble(options, folder, pipeline, parts, index, source, device, dtype)
    if pipeline != OURS and (said := suspicion(folder, options.model, pipeline)) is not None:
        warnings.warn(said, Advice, stacklevel=2)
    return prior


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
    family = known_family(backbone, folder)
    if backbone.class_name == "MultiViewDenoiser":
        dtype = options.precision.bundled(device)
    else:
        refuse_distilled(folder, pipeline, index, read_json(folder / backbone.name / "config.json", folder))
        if family.bf16 and options.precision is Precision.AUTO and dtype == torch.float16:
            dtype = torch.bfloat16
    module = load_network(folder, backbone, family, dtype)
    codec = load_codec(folder, autoencoder, vae_dtype(options, folder, autoencoder, dtype, pipeline))
    schedule, prediction = load_schedule(folder)

    native = native_resolution(module, codec, folder, family, options)
    text_device, text_dtype = (torch.device("cpu"), torch.float32) if options.text_on_cpu else (device, dtype)
    known = Parts(folder, parts, index, module, codec, native, options, text_device, text_dtype)
    network, load_text = adapt(family, known, pipeline)
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
        works = f"this model works at {native} pixels, not {resolution}"
        raise CheckpointError(f"prior.resolution: {works}; leave it unset")
    token = codec.scale * family.patch
    if resolution % token:
        near = max(token, resolution // token * token)
        needed = f"is no multiple of {token}, as this model needs"
        raise CheckpointError(f"prior.resolution: {resolution} {needed}; use {near}")
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
        load_shortcut(folder, backbone, module),
    )


def one_of(parts: dict[str, Component], wanted: tuple[str, ...], pipeline: str, folder: Path) -> Component:
    """The component that goes by one of these names."""
    for name in wanted:
        if name in parts:
            return parts[name]
    raise CheckpointError(f"model: {folder} is a {pipeline} without {' or '.join(wanted)}; give {KINDS}")


def known_family(component: Component, folder: Path) -> Family:
    """The family of the denoising network.

    Raises:
        CheckpointError: there is none of that class; one line.
    """
    if component.class_name not in FAMILIES:
        what = f"denoises with {component.class_name}, which gs_stein cannot drive"
        raise CheckpointError(f"model: {folder} {what}; give {KINDS}")
    return FAMILIES[component.class_name]


def load_network(folder: Path, component: Component, family: Family, dtype: torch.dtype) -> Any:
    """The denoising network, by its own class."""
    where = folder / component.name
    if component.class_name == "MultiViewDenoiser":
        return loaded_network(network_class(component.class_name), where, torch_dtype=dtype)
    kind = variant(folder, component, dtype)
    if family.load is not None:
        return family.load(where, dtype, kind)
    if (
        component.class_name != "UNet2DConditionModel"
        and read_json(where / "config.json", where).get("sample_size", 0) is None
    ):
        raise CheckpointError(
            f"model: {where}/config.json: sample_size is null, and the places of a transformer's cells follow from it; "
            "write the side of its latents in cells there (64 for 512 pixels; for SANA's 16), or get the model again"
        )
    return loaded_network(network_class(component.class_name), where, torch_dtype=dtype, variant=kind)


def load_shortcut(folder: Path, component: Component, module: Any) -> Shortcut | None:
    """Guidance in one evaluation, from a folder beside the bundled kind's network (`guided` beside `network`).

    Raises:
        CheckpointError: it cannot be loaded, or is another network's.
    """
    where = folder / component.name.replace("network", "guided")
    if component.class_name != "MultiViewDenoiser" or not where.is_dir():
        return None
    delta = loaded_network(GuidedDelta, where)
    if delta.config["shapes"] != shapes_of(module):
        raise CheckpointError(f"model: {where} belongs to another network than {component.name} beside it{AGAIN}")
    return Shortcut(module, delta)


def load_codec_folder(folder: Path, class_name: str, dtype: torch.dtype) -> Codec:
    """An autoencoder in a folder of its own."""
    return load_codec(folder.parent, Component(folder.name, "diffusers", class_name), dtype)


def load_codec(folder: Path, component: Component, dtype: torch.dtype) -> Codec:
    """The autoencoder, by its own class."""
    where = folder / component.name
    kind = variant(folder, component, dtype)
    check_normalisation(where)
    match component.class_name:
        case "AutoencoderKL":
            from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

            return KLCodec(loaded_network(AutoencoderKL, where, torch_dtype=dtype, variant=kind))
        case "AutoencoderDC":
            from diffusers.models.autoencoders.autoencoder_dc import AutoencoderDC

            return DeepCodec(loaded_network(AutoencoderDC, where, torch_dtype=dtype, variant=kind))
        case "AutoencoderKLFlux2":
            from diffusers.models.autoencoders.autoencoder_kl_flux2 import AutoencoderKLFlux2

            network = loaded_network(AutoencoderKLFlux2, where, torch_dtype=dtype, variant=kind)
            if bool((network.bn.running_var < 0).any()):
                raise CheckpointError(f"model: {where}: the weight bn.running_var, a variance, is below 0{AGAIN}")
            return Flux2Codec(network)
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


def native_resolution(module: Any, codec: Codec, folder: Path, family: Family, options: DiffusionOptions) -> int:
    """Side in pixels of the images a network was trained on.

    Raises:
        CheckpointError: its configuration says no such thing; one line with the folder.
    """
    if family.resolution is not None:
        return family.resolution
    size = module.config.get("sample_size")
    if size is None and options.resolution is not None:
        return options.resolution
    size = size[0] if isinstance(size, (list, tuple)) and size else size
    if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size * codec.scale <= _LARGEST:
        remedy = "say it: --prior.resolution 512" if size is None else "get the model again"
        raise CheckpointError(
            f"model: the network's config.json in {folder}: sample_size is {str(module.config.get('sample_size'))[:40]}"
            f", which makes no picture of 1 to {_LARGEST} pixels; {remedy}"
        )
    return size * codec.scale


_LARGEST = 8192
"""Pixels of a side."""


def adapt(family: Family, parts: Parts, pipeline: str) -> tuple[Network, Callable[[], Encode]]:
    """The adapter for the network that was loaded, and the loader of its text encoders, which tells in one line."""
    folder = parts.folder
    network, load = family.adapt(parts)

    def run() -> Encode:
        with quiet(pipeline), naming(folder, "used to read prompts"):
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

    return network, run


def configure(options: DiffusionOptions, network: Network, codec: Codec, folder: Path) -> None:
    """Switch on the memory savers that were asked for.

    Raises:
        ValueError: this model has no such switch.
    """
    module: Any = network.module
    vae: Any = codec.module
    if options.attention_slicing:
        if not isinstance(network, (PlainUNet, SDXLUNet)):
            raise CheckpointError(f"prior.attention_slicing: only UNets have it, {folder} has none; turn it off")
        module.set_attention_slice("auto")
    if options.vae_tiling:
        if not hasattr(vae, "enable_tiling"):
            raise CheckpointError(f"prior.vae_tiling: {folder} has no AutoencoderKL; turn it off")
        vae.enable_tiling()
    if options.checkpointing:
        if isinstance(network, MultiView) or isinstance(codec, (TinyCodec, LinearCodec)):
            raise CheckpointError(f"prior.checkpointing: {folder} is small and has no such switch; turn it off")
        module.enable_gradient_checkpointing()
        if not isinstance(codec, DeepCodec):  # which has none: it is redone view by view all the same
            vae.enable_gradient_checkpointing()


def fingerprint(folder: Path) -> str:
    """Sizes and times of the text encoders' files, so that a cached prompt never outlives the weights it came from."""
    files = sorted(p for part in folder.glob("text_encoder*") for p in part.iterdir() if p.is_file())
    return " ".join(f"{p.parent.name}/{p.name}:{p.stat().st_size}:{p.stat().st_mtime_ns}" for p in files)
