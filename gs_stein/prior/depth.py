"""Monocular depth of noisy latents, the baseline φ of Stein score distillation, and normals from depth.

φ need not be accurate, but its gradient must be the true one through everything between x_t and φ: nothing here
detaches, clamps or rounds. Two conventions meet: MiDaS (DPT) and Depth-Anything return *inverse* depth (larger is
nearer), metric models return depth. `DepthEstimator` promises "larger is farther", so the former are negated; a wrong
sign would turn the baseline into its opposite without any error.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from gs_stein.prior.checkpoints.bounds import a_number
from gs_stein.prior.checkpoints.folder import CheckpointError, check_weights, choose_weights, read_json, wrong_kind
from gs_stein.prior.checkpoints.load import load_codec_folder
from gs_stein.prior.checkpoints.registry import (
    DEPTH,
    TINY,
    TINY_FOLDER,
    decoder_for,
    locate_network,
    tiny_decoder_of,
)
from gs_stein.prior.checkpoints.text import transformers_dtype
from gs_stein.prior.checkpoints.weights import loaded_network, quiet
from gs_stein.prior.codecs import Codec, TinyCodec
from gs_stein.prior.denoiser import DepthEstimator
from gs_stein.prior.diffusion import DiffusionPrior
from gs_stein.prior.options import DepthDecoder, DepthOptions
from gs_stein.types import Cameras

if TYPE_CHECKING:
    from gs_stein.prior.bundled import NoisyDepth

CLEAN = 0.02
"""Noise level, as a fraction of T, at which a clean latent is shown to a depth estimator."""
Decode = Callable[[Float[Tensor, "n C h w"]], Float[Tensor, "n 3 H W"]]


class LinearDecoder:
    """Latent → RGB by one affine map per cell, the least-squares fit to what the codec encodes.

    Args:
        codec: whose latents are to be read.
        side: pixels of the images it is fitted on.
        device: of the map.

    Fitted on smooth random images (fixed seed), so that it works for every checkpoint without constants.
    """

    def __init__(self, codec: Codec, side: int, device: torch.device) -> None:
        generator = torch.Generator().manual_seed(0)
        coarse = torch.rand(12, 3, 6, 6, generator=generator)
        flat = torch.rand(12, 3, 1, 1, generator=generator).expand(-1, -1, 6, 6)
        images = F.interpolate(torch.cat([coarse, flat]), (side, side), mode="bicubic").clamp(0, 1).to(device)
        with torch.no_grad():
            latents = torch.cat([codec.encode(image[None]) for image in images]).float()
        colours = F.interpolate(images, latents.shape[-2:], mode="area")
        inputs = latents.movedim(1, -1).flatten(0, 2).double().cpu()
        inputs = torch.cat([inputs, torch.ones(len(inputs), 1, dtype=torch.float64)], dim=1)
        outputs = colours.movedim(1, -1).flatten(0, 2).double().cpu()
        # A little ridge: latents of random networks, or unused channels, can be collinear.
        gram = inputs.T @ inputs / len(inputs) + 1e-6 * torch.eye(inputs.shape[1], dtype=torch.float64)
        solution = torch.linalg.solve(gram, inputs.T @ outputs / len(inputs)).float().to(device)
        self.matrix, self.offset = solution[:-1].T.contiguous(), solution[-1]

    def __call__(self, latents: Float[Tensor, "n C h w"]) -> Float[Tensor, "n 3 h w"]:
        """Images in about [0, 1], one pixel a latent cell."""
        offset = self.offset.to(latents).view(1, 3, 1, 1)
        return torch.einsum("oc,nchw->nohw", self.matrix.to(latents), latents) + offset


class MonocularDepth:
    """A `DepthEstimator` from a latent decoder and a monocular network of the hub.

    Args:
        network: from `AutoModelForDepthEstimation`.
        decode: latent → RGB, see `DepthDecoder`.
        size: side in pixels the network works at.
        mean, std: the network's colour normalisation.
        inverse: whether it returns inverse depth.
    """

    def __init__(
        self, network: nn.Module, decode: Decode, size: int, mean: list[float], std: list[float], inverse: bool
    ) -> None:
        self.network = network
        self.decode = decode
        self.size = size
        self.inverse = inverse
        self._mean = torch.tensor(mean).view(1, 3, 1, 1)
        self._std = torch.tensor(std).view(1, 3, 1, 1)

    def pixels(self, rgb: Float[Tensor, "n 3 H W"]) -> Float[Tensor, "n 3 S S"]:
        """Images in [0, 1] to the network's input."""
        if rgb.shape[-2:] != (self.size, self.size):
            smaller = rgb.shape[-1] > self.size
            rgb = F.interpolate(rgb, (self.size, self.size), mode="bilinear", antialias=smaller)
        return (rgb - self._mean.to(rgb)) / self._std.to(rgb)

    def of_images(self, rgb: Float[Tensor, "n 3 H W"]) -> Float[Tensor, "n a b"]:
        """Relative depth of images in [0, 1]; larger is farther."""
        dtype = next(self.network.parameters()).dtype
        depth = self.network(self.pixels(rgb).to(dtype)).predicted_depth.to(rgb.dtype)
        return -depth if self.inverse else depth

    def __call__(
        self, x_t: Float[Tensor, "B V C h w"], t: Float[Tensor, " B"], cameras: Cameras | None
    ) -> Float[Tensor, "B V a b"]:
        """Relative depth of noisy latents; larger is farther. The timestep and the cameras are not used."""
        return self.of_images(self.decode(x_t.flatten(0, 1))).unflatten(0, x_t.shape[:2])


class LatentDepth:
    """A `DepthEstimator` that reads the latent itself: the bundled prior's own."""

    def __init__(self, network: NoisyDepth) -> None:
        self.network = network

    def __call__(
        self, x_t: Float[Tensor, "B V C h w"], t: Float[Tensor, " B"], cameras: Cameras | None
    ) -> Float[Tensor, "B V h w"]:
        """Relative depth; larger is farther.

        Raises:
            ValueError: no cameras.
        """
        if cameras is None:
            raise ValueError("cameras: the bundled depth estimator needs them; pass them")
        return self.network(x_t, t.to(x_t.device), cameras.to(x_t.device))


class NormalsFromDepth:
    """World-space normals from any `DepthEstimator` (the baseline's `NormalEstimator`).

    Relative depth has no scale or shift, but a surface's slope needs them: each view's depth is standardised and read
    as log-depth of the given spread. A scale does not change normals, and log-depth is always positive.
    """

    def __init__(self, depth: DepthEstimator, spread: float = 0.3) -> None:
        self.depth = depth
        self.spread = spread

    def __call__(
        self, x_t: Float[Tensor, "B V C h w"], t: Float[Tensor, " B"], cameras: Cameras | None
    ) -> Float[Tensor, "B V a b 3"]:
        """Unit normals facing the camera.

        Raises:
            ValueError: no cameras.
        """
        if cameras is None:
            raise ValueError("cameras: normals are in world space and need the cameras; pass them")
        relative = self.depth(x_t, t, cameras)
        centred = relative - relative.mean((-2, -1), keepdim=True)
        deviation = centred.square().mean((-2, -1), keepdim=True).add(1e-12).sqrt()
        return normals_from_depth(torch.exp(self.spread * centred / deviation), cameras.to(x_t.device))


def normals_from_depth(depth: Float[Tensor, "*B V a b"], cameras: Cameras) -> Float[Tensor, "*B V a b 3"]:
    """World-space normals of the surface a depth map draws, facing the camera.

    Args:
        depth: distance along the optical axis, up to one factor a view; positive.
        cameras: V cameras (of any image size: intrinsics are scaled to a × b).

    Returns:
        Unit normals: the cross product of central differences of the unprojected points (one-sided at the border).
    """
    rows, columns = depth.shape[-2:]
    K = cameras.resized(columns, rows).Ks.to(depth)
    u = torch.arange(columns, dtype=depth.dtype, device=depth.device) + 0.5
    v = torch.arange(rows, dtype=depth.dtype, device=depth.device) + 0.5
    x = (u[None, :] - K[:, 0, 2, None]) / K[:, 0, 0, None]
    y = (v[None, :] - K[:, 1, 2, None]) / K[:, 1, 1, None]
    x = x[:, None, :].expand(-1, rows, -1)
    y = y[:, :, None].expand(-1, -1, columns)
    points = torch.stack([x * depth, y * depth, depth], dim=-1)
    across = torch.gradient(points, dim=-2)[0]
    down = torch.gradient(points, dim=-3)[0]
    # x right, y down, z forward: down × across points back at the camera for every visible surface.
    normals = F.normalize(torch.linalg.cross(down, across), dim=-1)
    return torch.einsum("vji,...vrcj->...vrci", cameras.viewmats[:, :3, :3].to(depth), normals)


def load_depth(options: DepthOptions, prior: DiffusionPrior) -> LatentDepth | MonocularDepth:
    """The depth estimator for a prior, on its device.

    Raises:
        CheckpointError: (a ValueError) the estimator or the tiny decoder cannot be had, or is of an unknown kind.
    """
    own = prior.folder / "depth"
    if options.model == "auto" and own.is_dir():
        from gs_stein.prior.bundled import NoisyDepth

        network = loaded_network(NoisyDepth, own)
        return LatentDepth(network.eval().requires_grad_(False).to(prior.device))
    name = "depth-anything-v2" if options.model == "auto" else options.model
    folder = locate_network(name, DEPTH, "depth.model")
    with quiet():
        decode = load_decoder(options.decoder, prior)
        return load_monocular(folder, decode, options.size, prior.device, next(prior.network.parameters()).dtype)


def load_decoder(kind: DepthDecoder, prior: DiffusionPrior) -> Decode:
    """The map from the prior's latents to images.

    Raises:
        CheckpointError: there is no tiny decoder, or it cannot be had.
    """
    if kind is DepthDecoder.FULL or (kind is DepthDecoder.AUTO and isinstance(prior.codec, TinyCodec)):
        return prior.decode
    kind, own = decoder_for(kind, prior.identity, prior.folder), prior.folder / TINY_FOLDER
    if kind is DepthDecoder.LINEAR:
        return LinearDecoder(prior.codec, prior.resolution, prior.device)
    if isinstance(prior.codec, TinyCodec):
        return prior.decode
    tiny = tiny_decoder_of(prior.identity)
    if own.is_dir():
        folder = own
    elif tiny is not None:
        try:
            folder = locate_network(tiny, TINY, "depth.decoder")
        except CheckpointError as error:
            raise CheckpointError(f"{error}; --depth.decoder linear needs none") from error
    else:
        raise CheckpointError(
            f"depth.decoder: no tiny decoder is known for {prior.identity}; use linear or full, or put an "
            f"AutoencoderTiny into {own}"
        )
    if not (folder / "config.json").is_file():
        raise CheckpointError(f"depth.decoder: {folder} has no config.json; put a whole AutoencoderTiny there")
    kind_of = read_json(folder / "config.json", folder).get("_class_name", "AutoencoderTiny")
    codec = load_codec_folder(folder, str(kind_of), next(prior.network.parameters()).dtype)
    if codec.channels != prior.codec.channels:
        raise CheckpointError(
            f"depth.decoder: {folder} decodes {codec.channels} channels, the latents have {prior.codec.channels}; "
            "use linear or full"
        )
    codec.module.eval().requires_grad_(False).to(prior.device)
    return codec.decode


def load_monocular(
    folder: Path, decode: Decode, size: int | None, device: torch.device, dtype: torch.dtype
) -> MonocularDepth:
    """A DPT (MiDaS) or Depth-Anything folder, with its preprocessing and its sign.

    Raises:
        CheckpointError: incomplete, or of another kind.
    """
    names = [p.name for p in folder.iterdir()]
    if "model_index.json" in names or "config.json" not in names:
        raise CheckpointError(
            f"depth.model: {folder} is not a depth estimator; give midas, depth-anything, depth-anything-v2 or a "
            "folder with config.json and weights"
            + ("" if "model_index.json" in names else f" ({wrong_kind(folder).removeprefix('model: ')})")
        )
    weights = choose_weights(names, half=False)
    problem = check_weights(folder.parent, folder.name, weights)
    if not weights or problem is not None:
        problem = problem or f"{folder.name} has no complete set of weights"
        raise CheckpointError(f"depth.model: {problem} (in {folder.parent}); delete the folder and get it again")
    if "preprocessor_config.json" not in names:
        raise CheckpointError(f"depth.model: {folder}/preprocessor_config.json is missing; get it from the hub again")
    config = read_json(folder / "config.json", folder)
    kinds = config.get("architectures")
    kind = kinds[0] if isinstance(kinds, list) and kinds else "?"
    if kind not in ("DPTForDepthEstimation", "DepthAnythingForDepthEstimation"):
        raise CheckpointError(
            f"depth.model: {folder} holds {kind}, whose sign convention gs_stein does not know; give midas, "
            "depth-anything or depth-anything-v2"
        )
    from transformers import AutoModelForDepthEstimation

    network: Any = loaded_network(AutoModelForDepthEstimation, folder, **transformers_dtype(dtype))
    path = folder / "preprocessor_config.json"
    prepare = read_json(path, folder)
    native = prepare.get("size", 384)
    if isinstance(native, dict):
        field = "height" if "height" in native else "shortest_edge"
        native = a_number(native, field, 1.0, _LARGEST, path, default=384.0)
    native = a_number({"size": native}, "size", 1.0, _LARGEST, path)
    grain = a_number(prepare, "ensure_multiple_of", 1.0, _LARGEST, path, default=1.0)
    multiple = max(int(grain), 14 if kind.startswith("DepthAnything") else 32)
    side = max(multiple, round((size or native) / multiple) * multiple)
    plain = prepare.get("do_normalize", True) is False
    mean = [0.0] * 3 if plain else _colour(prepare, "image_mean", -10.0, path)
    std = [1.0] * 3 if plain else _colour(prepare, "image_std", 1e-3, path)
    network.eval().requires_grad_(False).to(device)
    return MonocularDepth(network, decode, side, mean, std, is_inverse(network))


_LARGEST = 4096.0
"""Pixels of a side."""


def _colour(prepare: dict[str, Any], field: str, low: float, path: Path) -> list[float]:
    values = prepare.get(field, [0.5] * 3)
    if not isinstance(values, list) or len(values) != 3:
        raise CheckpointError(f"depth.model: {path}: {field} is no list of three numbers; get the folder again")
    return [float(a_number({field: value}, field, low, 10.0, path)) for value in values]


def is_inverse(network: Any) -> bool:
    """Whether a depth network returns inverse depth (larger is nearer).

    DPT's published weights are MiDaS's, which regress disparity. Depth-Anything says which: "relative" is disparity,
    "metric" is depth in metres.
    """
    from transformers import DepthAnythingForDepthEstimation

    if isinstance(network, DepthAnythingForDepthEstimation):
        return network.config.depth_estimation_type == "relative"
    return True
