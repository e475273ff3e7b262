"""The Stein baseline with large models: depth of a noisy latent through a tiny decoder, for an ε-model and two flows.

x_t is what the prior's own schedule makes of an encoded picture at time t; ∇φ has to be the true derivative through
decoder, preprocessing and depth network, or the control variate has a mean.
"""

from __future__ import annotations

import shutil
import warnings
from dataclasses import replace
from pathlib import Path

import huggingface_hub
import pytest
import tiny_families
import tiny_models
import torch
from test_depth import depth_anything, dpt

from gs_stein.command.auto import choose
from gs_stein.config.schema import Config
from gs_stein.distill.baselines import Depth, phi_and_gradient
from gs_stein.distill.distiller import Distiller
from gs_stein.distill.draw import Draw, make_draw
from gs_stein.distill.options import SSD, Baseline, DistillOptions
from gs_stein.prior.checkpoints.folder import CheckpointError
from gs_stein.prior.checkpoints.load import load_prior
from gs_stein.prior.checkpoints.registry import decoder_for, locate, names, tiny_decoder_of
from gs_stein.prior.depth import LinearDecoder, MonocularDepth, load_depth
from gs_stein.prior.options import DepthDecoder, DepthOptions, DiffusionOptions, Weighting

MODELS = {"sd": tiny_models.stable_diffusion, "sd3": tiny_models.sd3, "sana": tiny_families.sana}
CHANNELS = {"sd": 4, "sd3": 8, "sana": 4}


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    from diffusers import AutoencoderTiny

    root = tmp_path_factory.mktemp("models")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, make in MODELS.items():
            make(root / name)
            torch.manual_seed(0)
            AutoencoderTiny(
                encoder_block_out_channels=(8, 8), decoder_block_out_channels=(8, 8), num_encoder_blocks=(1, 1),
                num_decoder_blocks=(1, 1), latent_channels=CHANNELS[name], act_fn="silu",
            ).save_pretrained(root / name / "tiny_decoder")  # fmt: skip
        dpt(root / "midas")
        depth_anything(root / "depth-anything")
    return root


def load(root: Path, name: str):
    return load_prior(DiffusionOptions(model=str(root / name), resolution=32))


def draw_at(prior, t: float) -> Draw:
    """Two encoded pictures in float64, noised at time t, with the depth of a slanted wall."""
    generator = torch.Generator().manual_seed(1)
    x0 = prior.encode(torch.rand(2, 3, 32, 32, generator=generator)).double()
    eps = torch.randn(1, *x0.shape, generator=generator, dtype=torch.float64)
    depth = torch.linspace(1.0, 3.0, 32, dtype=torch.float64).expand(2, 32, 32) ** 1.3
    return make_draw(x0, torch.tensor([t]), eps, prior.schedule, Weighting.SIGMA2, depth=depth)


def doubled(root: Path, prior, estimator: str, decoder: DepthDecoder) -> MonocularDepth:
    """A depth estimator whose networks are all in float64."""
    depth = load_depth(DepthOptions(model=str(root / estimator), decoder=decoder), prior)
    assert isinstance(depth, MonocularDepth)
    depth.network.double()
    owner = getattr(depth.decode, "__self__", None)
    for codec in (owner, prior.codec):
        if hasattr(codec, "module"):
            codec.module.double()
    return depth


def assert_true(gradient: torch.Tensor, baseline: Depth, draw) -> None:
    """It is the derivative of φ, by finite differences along one direction."""
    direction = torch.randn(draw.x_t.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    h = 1e-5
    with torch.no_grad():
        ahead, behind = (baseline.phi(draw.x_t + sign * h * direction, draw).sum() for sign in (1, -1))
    assert gradient.abs().max() > 0
    torch.testing.assert_close((gradient * direction).sum(), (ahead - behind) / (2 * h), rtol=1e-3, atol=1e-8)


@pytest.mark.parametrize("estimator", ["midas", "depth-anything"])
@pytest.mark.parametrize("name", MODELS)
def test_the_baselines_gradient_at_time_t_is_the_true_one(root, name, estimator):
    prior = load(root, name)
    draw = draw_at(prior, 400.0)
    baseline = Depth(doubled(root, prior, estimator, DepthDecoder.TINY))
    phi, gradient = phi_and_gradient(baseline, draw)
    assert phi.shape == (1, 2, 1, 1, 1)
    assert_true(gradient, baseline, draw)


def test_a_flow_model_distils_with_the_depth_baseline(root):
    """SANA's latents, SSD with both of its baselines: finite, and not what the constant alone gives."""
    prior = load(root, "sana")
    depth = load_depth(DepthOptions(model=str(root / "depth-anything"), decoder=DepthDecoder.TINY), prior)
    grads = []
    for baselines in ((Baseline.CONSTANT,), (Baseline.CONSTANT, Baseline.DEPTH)):
        distiller = Distiller(DistillOptions(estimator=SSD(baselines)), prior, depth)
        generator = torch.Generator().manual_seed(0)
        x0 = prior.encode(torch.rand(2, 3, 32, 32, generator=generator)).detach()
        wall = torch.linspace(1.0, 3.0, 32).expand(2, 32, 32)
        for _ in range(3):
            found = distiller(
                x0, text=prior.embed(["a chair"]), negative=prior.embed([""]), cameras=None, generator=generator,
                progress=0.0, depth=wall,
            )  # fmt: skip
        assert found.finite
        grads.append(found.grad)
    assert bool(grads[1].isfinite().all())
    assert (grads[1] - grads[0]).abs().max() > 0


@pytest.fixture(scope="module")
def flux2(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "flux2"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tiny_families.flux2(folder)
    return folder


def test_a_decoder_of_other_latents_is_told(root, flux2):
    """FLUX.2's latents are 2 × 2 cells side by side, of which no tiny decoder knows; the linear one does."""
    prior = load_prior(DiffusionOptions(model=str(flux2), resolution=32))
    options = DepthOptions(model=str(root / "midas"), decoder=DepthDecoder.TINY)
    with pytest.raises(
        CheckpointError, match=r"no tiny decoder is known for .*; use linear or full, or put an Autoenc"
    ):
        load_depth(options, prior)
    linear = load_depth(DepthOptions(model=str(root / "midas"), decoder=DepthDecoder.LINEAR), prior)
    assert linear(torch.zeros(1, 1, *prior.latent_shape), torch.tensor([1.0]), None).isfinite().all()


def test_auto_is_linear_where_no_tiny_decoder_is_known_and_its_gradient_is_the_true_one(root, flux2):
    prior = load_prior(DiffusionOptions(model=str(flux2), resolution=32))
    depth = doubled(root, prior, "midas", DepthDecoder.AUTO)
    assert isinstance(depth.decode, LinearDecoder)
    assert DepthOptions().decoder is DepthDecoder.AUTO
    draw, baseline = draw_at(prior, 400.0), Depth(depth)
    _, gradient = phi_and_gradient(baseline, draw)
    assert_true(gradient, baseline, draw)


def test_auto_is_the_tiny_decoder_that_lies_beside_the_model(root):
    prior = load(root, "sana")
    depth = load_depth(DepthOptions(model=str(root / "midas")), prior)
    tiny = load_depth(DepthOptions(model=str(root / "midas"), decoder=DepthDecoder.TINY), prior)
    assert isinstance(depth, MonocularDepth)
    assert isinstance(tiny, MonocularDepth)
    latents = torch.randn(1, *prior.latent_shape, generator=torch.Generator().manual_seed(0))
    assert depth.decode(latents).shape == (1, 3, 32, 32)
    torch.testing.assert_close(depth.decode(latents), tiny.decode(latents))


def test_a_lighter_autoencoder_of_sanas_class_may_be_the_tiny_one(root, tmp_path):
    """Such as DC-AE-Lite: its config says its class."""
    folder = Path(shutil.copytree(root / "sana", tmp_path / "sana"))
    shutil.rmtree(folder / "tiny_decoder")
    shutil.copytree(folder / "vae", folder / "tiny_decoder")
    prior = load_prior(DiffusionOptions(model=str(folder), resolution=32))
    depth = load_depth(DepthOptions(model=str(root / "midas")), prior)
    assert isinstance(depth, MonocularDepth)
    latents = torch.randn(1, *prior.latent_shape, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(depth.decode(latents), prior.decode(latents))
    (folder / "tiny_decoder" / "config.json").unlink()
    with pytest.raises(CheckpointError, match=r"^depth.decoder: .*tiny_decoder has no config.json; put a whole"):
        load_depth(DepthOptions(model=str(root / "midas")), prior)


def test_what_auto_means_for_every_name(tmp_path):
    linear = {"sana", "flux2-klein"}
    for name in names().split(", ")[1:]:  # the bundled prior has an estimator of its own
        found = decoder_for(DepthDecoder.AUTO, str(locate(name)), None)
        assert found is (DepthDecoder.LINEAR if name in linear else DepthDecoder.TINY), name
    other = str(locate("stabilityai/stable-diffusion-xl-base-1.0@v1"))
    assert decoder_for(DepthDecoder.AUTO, other, None) is DepthDecoder.TINY, "the same latents at any revision"
    assert tiny_decoder_of(str(locate("Tongyi-MAI/Z-Image@abc"))) == "taef1", "it has FLUX.1's latents"
    assert decoder_for(DepthDecoder.AUTO, str(tmp_path), tmp_path) is DepthDecoder.LINEAR
    assert decoder_for(DepthDecoder.FULL, str(tmp_path), tmp_path) is DepthDecoder.FULL


def test_a_tiny_decoder_that_cannot_be_had_is_told_with_what_needs_none(root, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    prior = load(root, "sd")
    prior.identity, prior.folder = str(locate("sd15")), root
    with pytest.raises(
        CheckpointError, match=r"^depth.decoder: madebyollin/taesd is not in the cache .*; --depth.decod"
    ):
        load_depth(DepthOptions(model=str(root / "midas")), prior)


def test_a_run_says_that_it_looks_through_a_linear_decoder(flux2, monkeypatch):
    config = Config(prompt="a chair", prior=DiffusionOptions(model=str(flux2)), distill=DistillOptions(SSD()))
    said = [line for line in choose(config).reasons if line.startswith("depth")]
    assert len(said) == 1
    assert "through a linear decoder: no tiny one is known" in said[0]
    chosen = replace(config, depth=DepthOptions(decoder=DepthDecoder.LINEAR))
    assert not [line for line in choose(chosen).reasons if line.startswith("depth")], "as asked for"
