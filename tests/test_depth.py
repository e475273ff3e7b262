"""Monocular depth for the Stein baseline: signs, preprocessing, decoders, true gradients, normals."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import tiny_models
import torch

from gs_stein.cameras.sampling import inside
from gs_stein.prior.checkpoints.load import load_prior
from gs_stein.prior.denoiser import DepthEstimator
from gs_stein.prior.depth import (
    LatentDepth,
    LinearDecoder,
    MonocularDepth,
    NormalsFromDepth,
    is_inverse,
    load_depth,
    load_monocular,
    normals_from_depth,
)
from gs_stein.prior.options import DepthDecoder, DepthOptions, DiffusionOptions
from gs_stein.types import Cameras


def dpt(folder: Path) -> None:
    """A tiny DPT-hybrid's plain sibling (ViT backbone), saved with the processor MiDaS ships."""
    from transformers import DPTConfig, DPTForDepthEstimation

    torch.manual_seed(0)
    config = DPTConfig(
        hidden_size=16, num_hidden_layers=4, num_attention_heads=2, intermediate_size=24, image_size=64, patch_size=16,
        backbone_out_indices=[0, 1, 2, 3], neck_hidden_sizes=[8, 8, 16, 16], fusion_hidden_size=8, is_hybrid=False,
    )  # fmt: skip
    DPTForDepthEstimation(config).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps({
        "image_processor_type": "DPTImageProcessor", "do_resize": True, "do_rescale": True, "do_normalize": True,
        "size": {"height": 64, "width": 64}, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5],
        "keep_aspect_ratio": False, "ensure_multiple_of": 1, "resample": 3, "rescale_factor": 1 / 255,
    }))  # fmt: skip


def depth_anything(folder: Path, kind: str = "relative") -> None:
    """A tiny Depth-Anything on a tiny DINOv2."""
    from transformers import DepthAnythingConfig, DepthAnythingForDepthEstimation, Dinov2Config

    torch.manual_seed(0)
    backbone = Dinov2Config(
        hidden_size=16, num_hidden_layers=4, num_attention_heads=2, image_size=56, patch_size=14, mlp_ratio=2,
        out_features=["stage1", "stage2", "stage3", "stage4"], reshape_hidden_states=False, apply_layernorm=True,
    )  # fmt: skip
    config = DepthAnythingConfig(
        backbone_config=backbone, reassemble_hidden_size=16, neck_hidden_sizes=[8, 8, 16, 16], fusion_hidden_size=8,
        head_hidden_size=8, depth_estimation_type=kind, max_depth=20 if kind == "metric" else 1,
    )  # fmt: skip
    DepthAnythingForDepthEstimation(config).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps({
        "image_processor_type": "DPTImageProcessor", "do_resize": True, "do_rescale": True, "do_normalize": True,
        "size": {"height": 56, "width": 56}, "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225],
        "keep_aspect_ratio": True, "ensure_multiple_of": 14, "resample": 3, "rescale_factor": 1 / 255,
    }))  # fmt: skip


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("depth")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dpt(root / "dpt")
        depth_anything(root / "relative")
        depth_anything(root / "metric", "metric")
        tiny_models.stable_diffusion(root / "sd")
        from diffusers import AutoencoderTiny

        AutoencoderTiny(
            encoder_block_out_channels=(8, 8), decoder_block_out_channels=(8, 8), num_encoder_blocks=(1, 1),
            num_decoder_blocks=(1, 1),
        ).save_pretrained(root / "sd" / "tiny_decoder")  # fmt: skip
    return {name: root / name for name in ("dpt", "relative", "metric", "sd")}


@pytest.fixture(scope="module")
def prior(folders):
    return load_prior(DiffusionOptions(model=str(folders["sd"])))


def monocular(folder: Path, **options) -> MonocularDepth:
    return load_monocular(folder, lambda x: x, options.get("size"), torch.device("cpu"), torch.float32)


@pytest.mark.parametrize(("name", "side"), [("dpt", 64), ("relative", 56)])
def test_depth_is_the_networks_with_its_own_preprocessing(folders, name, side):
    """Against the image processor and the model, as transformers' depth pipeline calls them."""
    from transformers import AutoImageProcessor, AutoModelForDepthEstimation

    pixels = torch.randint(0, 256, (side, side, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        processor = AutoImageProcessor.from_pretrained(folders[name])
    values = processor(images=pixels.numpy().astype(np.uint8), return_tensors="pt").pixel_values
    estimator = monocular(folders[name])
    rgb = pixels.permute(2, 0, 1)[None] / 255.0
    torch.testing.assert_close(estimator.pixels(rgb), values, rtol=1e-4, atol=1e-5)
    network = AutoModelForDepthEstimation.from_pretrained(folders[name]).eval()
    with torch.no_grad():
        disparity = network(values).predicted_depth
    assert disparity.std() > 0
    torch.testing.assert_close(estimator.of_images(rgb), -disparity, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("name", "inverse"), [("dpt", True), ("relative", True), ("metric", False)])
def test_sign_convention_by_kind(folders, name, inverse):
    estimator = monocular(folders[name])
    assert estimator.inverse is inverse
    assert is_inverse(estimator.network) is inverse


class Nearness(torch.nn.Module):
    """Stands for a trained network: brighter is nearer. Inverse depth if asked, depth otherwise."""

    def __init__(self, inverse: bool) -> None:
        super().__init__()
        self.unused = torch.nn.Parameter(torch.zeros(1))
        self.inverse = inverse

    def forward(self, pixels):
        from transformers.modeling_outputs import DepthEstimatorOutput

        distance = 2.0 - pixels.mean(1)
        return DepthEstimatorOutput(predicted_depth=1 / distance if self.inverse else distance)


@pytest.mark.parametrize("inverse", [True, False])
def test_larger_is_farther_whatever_the_network_returns(inverse):
    """The promise the baseline rests on: the estimate correlates positively with true depth, for both conventions."""
    depth = torch.linspace(1.0, 2.0, 32).expand(1, 32, 32)
    rgb = (2.0 - depth)[:, None].expand(1, 3, 32, 32)
    estimator = MonocularDepth(Nearness(inverse), lambda x: x, 32, [0.0] * 3, [1.0] * 3, inverse)
    estimate = estimator(rgb[:, None], torch.tensor([10.0]), None)[0]
    assert isinstance(estimator, DepthEstimator)
    correlation = torch.corrcoef(torch.stack([estimate.flatten(), depth.flatten()]))[0, 1]
    assert correlation > 0.97


def test_the_depth_baseline_punishes_wrong_depth_not_right_depth():
    """φ = 1 - Pearson is near 0 where the render agrees with the estimate, near 2 where depth is turned around."""
    from gs_stein.prior.agreement import pearson

    depth = torch.linspace(1.0, 2.0, 32).expand(1, 32, 32)
    rgb = (2.0 - depth)[:, None].expand(1, 3, 32, 32)
    estimator = MonocularDepth(Nearness(True), lambda x: x, 32, [0.0] * 3, [1.0] * 3, True)
    estimate = estimator(rgb[:, None], torch.tensor([10.0]), None)
    ones = torch.ones_like(depth)
    assert 1 - pearson(estimate, depth, ones) < 0.05
    assert 1 - pearson(estimate, 3 - depth, ones) > 1.95


@pytest.mark.parametrize("decoder", list(DepthDecoder))
@pytest.mark.parametrize("name", ["dpt", "relative"])
def test_gradient_from_noisy_latent_to_phi_is_the_true_one(folders, prior, name, decoder):
    """Every decoder: the vector-Jacobian product agrees with finite differences in float64."""
    estimator = load_depth(DepthOptions(model=str(folders[name]), decoder=decoder), prior)
    assert isinstance(estimator, MonocularDepth)
    estimator.network.double()
    decode = estimator.decode
    owner = getattr(decode, "__self__", None)
    codec = prior.codec if decoder is DepthDecoder.FULL else owner
    if codec is not None and hasattr(codec, "module"):
        codec.module.double()
    generator = torch.Generator().manual_seed(1)
    x, direction = (torch.randn(1, 2, 4, 16, 16, generator=generator, dtype=torch.float64) for _ in range(2))
    reference = torch.randn(1, generator=generator, dtype=torch.float64)

    def phi(x):
        depth = estimator(x, torch.tensor([300.0]), None)
        centred = depth - depth.mean((-2, -1), keepdim=True)
        ramp = torch.linspace(-1, 1, depth.shape[-1], dtype=x.dtype) + reference
        return (centred * ramp).sum() / (centred.square().sum() + 1e-3).sqrt()

    (gradient,) = torch.autograd.grad(phi(x.requires_grad_(True)), x)
    assert gradient.abs().max() > 0
    h = 1e-6
    with torch.no_grad():
        numeric = (phi(x + h * direction) - phi(x - h * direction)) / (2 * h)
    torch.testing.assert_close((gradient * direction).sum(), numeric, rtol=2e-3, atol=1e-6)
    prior.codec.module.float()


def test_linear_decoder_reads_colours_of_a_codec_it_never_saw():
    """Latents that are a random affine mixture of the colours: the fit undoes it."""
    mixture = torch.randn(6, 3, generator=torch.Generator().manual_seed(3))

    class Codec:
        module, scale, channels = torch.nn.Identity(), 4, 6

        def encode(self, rgb):
            small = torch.nn.functional.interpolate(rgb, scale_factor=0.25, mode="area")
            return torch.einsum("cr,nrhw->nchw", mixture, small) + 0.7

        def decode(self, x0):
            raise NotImplementedError

    decoder = LinearDecoder(Codec(), 32, torch.device("cpu"))
    rgb = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(4))
    expected = torch.nn.functional.interpolate(rgb, scale_factor=0.25, mode="area")
    torch.testing.assert_close(decoder(Codec().encode(rgb)), expected, rtol=1e-2, atol=5e-3)


def test_tiny_autoencoder_is_found_beside_a_local_model_or_asked_for(folders, prior, tmp_path):
    import shutil

    estimator = load_depth(DepthOptions(model=str(folders["dpt"]), decoder=DepthDecoder.TINY), prior)
    assert estimator.decode(torch.zeros(1, 4, 16, 16)).shape == (1, 3, 32, 32)
    bare = Path(shutil.copytree(folders["sd"], tmp_path / "sd"))
    shutil.rmtree(bare / "tiny_decoder")
    other = load_prior(DiffusionOptions(model=str(bare)))
    with pytest.raises(ValueError, match=r"depth.decoder: no tiny decoder is known for .*; use linear or full"):
        load_depth(DepthOptions(model=str(folders["dpt"]), decoder=DepthDecoder.TINY), other)


def test_size_option_changes_the_working_resolution(folders):
    assert monocular(folders["relative"], size=30).size == 28
    assert monocular(folders["dpt"]).size == 64
    small = monocular(folders["relative"], size=28)
    assert small.of_images(torch.rand(1, 3, 100, 100)).shape == (1, 28, 28)
    with pytest.raises(ValueError, match=r"depth.size: 8 pixels is too small"):
        DepthOptions(size=8)


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda f: (f / "preprocessor_config.json").unlink(), "preprocessor_config.json is missing"),
        (lambda f: (f / "model.safetensors").unlink(), "has no complete set of weights"),
        (lambda f: (f / "config.json").unlink(), "is not a depth estimator"),
        (lambda f: (f / "config.json").write_text('{"architectures": ["ZoeDepthForDepthEstimation"]}'),
         "ZoeDepthForDepthEstimation, whose sign convention gs_stein does not know"),
        (lambda f: (f / "config.json").write_text('{"archi'), "is not valid JSON"),
        (lambda f: (f / "model.safetensors").write_bytes((f / "model.safetensors").read_bytes()[:500]),
         "cannot be loaded|cut short"),
    ],
)  # fmt: skip
def test_broken_depth_folders_are_named_in_one_line(folders, tmp_path, break_it, message):
    import shutil

    folder = Path(shutil.copytree(folders["dpt"], tmp_path / "dpt"))
    break_it(folder)
    with pytest.raises(ValueError, match=message) as caught:
        monocular(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("key", ["neck.fusion_stage.layers.0.residual_layer1", "head.head.4.weight"])
def test_only_the_layer_that_midas_never_had_may_be_missing(folders, tmp_path, key):
    """Intel's checkpoints lack the first fusion layer's first residual, which nothing reaches; all else is needed."""
    import shutil

    from safetensors.torch import load_file, save_file

    folder = Path(shutil.copytree(folders["dpt"], tmp_path / "dpt"))
    weights = load_file(folder / "model.safetensors")
    kept = {name: value for name, value in weights.items() if not name.startswith(key)}
    assert len(kept) < len(weights)
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    rgb = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    if key.startswith("head"):
        with pytest.raises(ValueError, match="lacks 1 weights of AutoModelForDepthEstimation"):
            monocular(folder)
    else:
        assert torch.equal(monocular(folder).of_images(rgb), monocular(folders["dpt"]).of_images(rgb))


def test_a_pipeline_is_not_a_depth_estimator(folders):
    with pytest.raises(ValueError, match=r"depth.model: .* is not a depth estimator; give midas"):
        monocular(folders["sd"])


def cameras(count: int, pitch: float = 0.0) -> Cameras:
    yaw = torch.linspace(0.0, 200.0, count)
    return inside(torch.rand(count, 3), yaw, torch.full((count,), pitch), torch.full((count,), 70.0), 64)


def plane_depth(views: Cameras, normal: torch.Tensor, offset: float, rows: int, columns: int) -> torch.Tensor:
    """Depth along the optical axis of the plane normal·p = offset, seen by each camera."""
    directions, origins = views.rays(rows, columns)
    normal = normal.to(directions)
    distance = (offset - origins @ normal)[:, None, None] / (directions @ normal)
    forward = views.viewmats[:, 2, :3]
    return distance * torch.einsum("vrcj,vj->vrc", directions, forward)


def test_normals_of_a_floor_point_up_in_the_world():
    views = cameras(3, pitch=-40.0)
    up = torch.tensor([0.0, 0.0, 1.0])
    depth = plane_depth(views, up, -1.0, 24, 24)
    visible = (depth > 0) & (depth < 20)
    assert visible.float().mean() > 0.5
    normals = normals_from_depth(depth, views)
    inner = visible[:, 1:-1, 1:-1] & visible[:, :-2, 1:-1] & visible[:, 2:, 1:-1]
    inner &= visible[:, 1:-1, :-2] & visible[:, 1:-1, 2:]
    cosine = (normals[:, 1:-1, 1:-1] @ up)[inner]
    assert cosine.min() > 0.999


def test_normals_face_the_camera_and_do_not_mind_the_scale():
    views = cameras(2)
    forward = views.viewmats[:, 2, :3]
    wall = torch.full((2, 16, 16), 3.0)
    normals = normals_from_depth(wall, views)
    torch.testing.assert_close(normals, (-forward)[:, None, None].expand_as(normals), rtol=0, atol=1e-5)
    bumpy = 2 + torch.rand(2, 16, 16, generator=torch.Generator().manual_seed(0))
    larger = normals_from_depth(7 * bumpy, views)
    torch.testing.assert_close(larger, normals_from_depth(bumpy, views), rtol=0, atol=1e-4)
    directions, _ = views.rays(16, 16)
    assert ((normals_from_depth(bumpy, views) * directions).sum(-1) < 0).all()


def test_normals_from_relative_depth_tell_slopes_apart():
    """A wall that recedes to the right, as a corridor's left wall does, faces right, whatever its scale and shift."""
    views = cameras(1)
    ramp = torch.linspace(0, 1, 16).expand(1, 1, 16, 16)
    right = views.viewmats[0, 0, :3]
    for scale, shift in ((1.0, 0.0), (5.0, -3.0)):
        estimator = NormalsFromDepth(lambda x_t, t, c, a=scale, b=shift: a * ramp + b)
        normals = estimator(torch.zeros(1, 1, 4, 2, 2), torch.tensor([1.0]), views)
        assert normals.shape == (1, 1, 16, 16, 3)
        assert (normals @ right).min() > 0.1
    reverse = NormalsFromDepth(lambda x_t, t, c: -ramp)(torch.zeros(1, 1, 4, 2, 2), torch.tensor([1.0]), views)
    assert (reverse @ right).max() < -0.1


def test_the_bundled_priors_own_estimator(tmp_path):
    """A folder in the bundled prior's format: network, codec and depth come through the same loader."""
    folder = tiny_models.bundled(tmp_path / "prior")
    prior = load_prior(DiffusionOptions(model=str(folder)))
    estimator = load_depth(DepthOptions(), prior)
    assert isinstance(estimator, LatentDepth)
    views = cameras(2)
    x_t = torch.randn(3, 2, *prior.latent_shape)
    depth = estimator(x_t, torch.tensor([10.0, 500.0, 900.0]), views)
    assert depth.shape == (3, 2, *prior.latent_shape[1:])
    with pytest.raises(ValueError, match="needs them; pass them"):
        estimator(x_t, torch.tensor([10.0, 500.0, 900.0]), None)
    eps = prior.predict(x_t, torch.tensor([10.0, 500.0, 900.0]), [prior.embed(["a room"])] * 3, views)
    assert eps.shape == x_t.shape
    with pytest.raises(ValueError, match="cameras: the bundled prior denoises views jointly"):
        prior.predict(x_t, torch.tensor([1.0, 1.0, 1.0]), [prior.embed([""])] * 3, None)
