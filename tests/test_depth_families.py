"""The Stein baseline with large models: depth of a noisy latent through a tiny decoder, for an ε-model and two flows.

x_t is what the prior's own schedule makes of an encoded picture at time t; ∇φ has to be the true derivative through
decoder, preprocessing and depth network, or the control variate has a mean.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import tiny_families
import tiny_models
import torch
from test_depth import depth_anything, dpt

from gs_stein.distill.baselines import Depth, phi_and_gradient
from gs_stein.distill.distiller import Distiller
from gs_stein.distill.draw import Draw, make_draw
from gs_stein.distill.options import SSD, Baseline, DistillOptions
from gs_stein.prior.checkpoints.folder import CheckpointError
from gs_stein.prior.checkpoints.load import load_prior
from gs_stein.prior.depth import MonocularDepth, load_depth
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


@pytest.mark.parametrize("estimator", ["midas", "depth-anything"])
@pytest.mark.parametrize("name", MODELS)
def test_the_baselines_gradient_at_time_t_is_the_true_one(root, name, estimator):
    prior = load(root, name)
    draw = draw_at(prior, 400.0)
    baseline = Depth(doubled(root, prior, estimator, DepthDecoder.TINY))
    phi, gradient = phi_and_gradient(baseline, draw)
    assert phi.shape == (1, 2, 1, 1, 1)
    direction = torch.randn(draw.x_t.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    h = 1e-5
    with torch.no_grad():
        ahead, behind = (baseline.phi(draw.x_t + sign * h * direction, draw).sum() for sign in (1, -1))
    assert gradient.abs().max() > 0
    torch.testing.assert_close((gradient * direction).sum(), (ahead - behind) / (2 * h), rtol=1e-3, atol=1e-8)


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


def test_a_decoder_of_other_latents_is_told(root, tmp_path):
    """FLUX.2's latents are 2 × 2 cells side by side, of which no tiny decoder knows; the linear one does."""
    folder = tmp_path / "flux2"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tiny_families.flux2(folder)
    prior = load_prior(DiffusionOptions(model=str(folder), resolution=32))
    options = DepthOptions(model=str(root / "midas"), decoder=DepthDecoder.TINY)
    with pytest.raises(
        CheckpointError, match=r"no tiny decoder is known for .*; use linear or full, or put an Autoenc"
    ):
        load_depth(options, prior)
    linear = load_depth(DepthOptions(model=str(root / "midas"), decoder=DepthDecoder.LINEAR), prior)
    assert linear(torch.zeros(1, 1, *prior.latent_shape), torch.tensor([1.0]), None).isfinite().all()
