"""VSD's second score: it learns, it is camera-conditioned, and the denoiser it borrows stays bit-identical."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gs_stein.distill.distiller import Distiller
from gs_stein.distill.lora import LoraScore
from gs_stein.distill.options import VSD, DistillOptions
from gs_stein.prior.mixture import MixturePrior
from gs_stein.prior.options import GuidanceOptions
from gs_stein.prior.schedule import Schedule
from gs_stein.types import Cameras, TextEmbedding

WINDOW = (0.1, 0.9)


def cameras(views: int) -> Cameras:
    generator = torch.Generator().manual_seed(0)
    rotations = torch.linalg.qr(torch.randn(views, 3, 3, generator=generator))[0]
    viewmats = torch.eye(4).repeat(views, 1, 1)
    viewmats[:, :3, :3], viewmats[:, :3, 3] = rotations, torch.randn(views, 3, generator=generator)
    K = torch.tensor([[16.0, 0.0, 8.0], [0.0, 16.0, 8.0], [0.0, 0.0, 1.0]])
    return Cameras(viewmats, K.repeat(views, 1, 1), 16, 16)


class UNetPrior:
    """diffusers' UNet2DConditionModel behind the `Denoiser` protocol, tiny and untrained."""

    def __init__(self):
        from diffusers import UNet2DConditionModel

        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.network = UNet2DConditionModel(
                sample_size=8,
                in_channels=4,
                out_channels=4,
                block_out_channels=(8, 16),
                layers_per_block=1,
                down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
                up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
                cross_attention_dim=12,
                attention_head_dim=4,
                norm_num_groups=4,
            )
        self.network.requires_grad_(False).eval()
        self.schedule, self.resolution, self.evaluations = Schedule.stable_diffusion(), 8, 0
        self.device = torch.device("cpu")
        self.identity, self.knows_cameras = "unet", False

    def embed(self, prompts):
        generator = torch.Generator().manual_seed(len(prompts[0]))
        tokens = torch.randn(len(prompts), 5, 12, generator=generator)
        return TextEmbedding(tokens, torch.ones(len(prompts), 5, dtype=torch.bool))

    def encode(self, rgb):
        return torch.cat([rgb, rgb[:, :1]], dim=1)

    def decode(self, x0):
        return x0[:, :3]

    def predict(self, x_t, t, text, cameras):
        groups, views = x_t.shape[:2]
        self.evaluations += groups * views
        tokens = torch.cat([prompt.expand(views).tokens for prompt in text])
        out = self.network(x_t.flatten(0, 1), t.repeat_interleave(views), encoder_hidden_states=tokens).sample
        return out.unflatten(0, (groups, views))


PRIORS = {"mixture": lambda: MixturePrior((4, 8, 8)), "unet": UNetPrior}


def latents(views=2):
    return 0.6 * torch.randn(views, 4, 8, 8, generator=torch.Generator().manual_seed(3))


def loss_on(lora, prior, x0, text, view):
    """Denoising loss on held-out noise."""
    generator = torch.Generator().manual_seed(77)
    t = torch.linspace(100, 900, 32).round()
    eps = torch.randn(32, *x0.shape, generator=generator)
    x_t = prior.schedule.add_noise(x0.expand_as(eps), eps, t)
    return float((lora.predict(x_t, t, text, view) - eps).square().mean())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_in_a_half_precision_network_it_is_trained_in_single(dtype):
    """Adam's ε of 1e-8 is 0 in fp16: on a GPU every weight was NaN after one step."""
    prior = UNetPrior()
    prior.network.to(dtype)
    text, view = prior.embed(["class 1"]), cameras(2)
    text = TextEmbedding(text.tokens.to(dtype), text.mask)
    lora = LoraScore(VSD(rank=2, steps=3, warmup=0), prior, text.tokens.shape[-1])
    assert {value.dtype for value in lora.parameters.values()} == {torch.float32}
    lora.train(latents().to(dtype), text, text, view, WINDOW, torch.Generator().manual_seed(1))
    assert all(value.isfinite().all() for value in lora.parameters.values())
    assert {value.dtype for value in prior.network.parameters() if not value.requires_grad} == {dtype}


@pytest.mark.parametrize("name", PRIORS)
def test_training_lowers_the_loss_and_leaves_the_base_bit_identical(name):
    prior = PRIORS[name]()
    before = {key: value.clone() for key, value in prior.network.state_dict().items()}
    modules = {key: type(module) for key, module in prior.network.named_modules()}
    x0, text, negative, view = latents(), prior.embed(["class 1"]), prior.embed([""]), cameras(2)
    probe, t = torch.randn(1, 2, 4, 8, 8, generator=torch.Generator().manual_seed(5)), torch.tensor([400.0])
    bare = prior.predict(probe, t, [text], view)
    lora = LoraScore(VSD(rank=4, learning_rate=3e-3, warmup=10, steps=80, samples=4), prior, text.tokens.shape[-1])
    # Untrained, the LoRA is the prior; and outside `adapted` the prior is always itself.
    torch.testing.assert_close(lora.predict(probe, t, text, view), bare, rtol=0, atol=0)
    start = loss_on(lora, prior, x0, text, view)
    first = lora.train(x0, text, negative, view, WINDOW, torch.Generator().manual_seed(1))
    assert first > 0
    assert loss_on(lora, prior, x0, text, view) < 0.9 * start
    assert torch.equal(prior.predict(probe, t, [text], view), bare)
    assert not torch.equal(lora.predict(probe, t, text, view), bare)
    lora.close()
    assert {key: type(module) for key, module in prior.network.named_modules()} == modules
    after = prior.network.state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(after[key], before[key]) for key in before)
    assert not any(parameter.requires_grad for parameter in prior.network.parameters())
    assert torch.equal(prior.predict(probe, t, [text], view), bare)


def test_it_learns_what_depends_on_the_camera():
    """Two views of very different pictures: with cameras the LoRA tells them apart before any image is visible."""
    prior, view = MixturePrior((4, 8, 8)), cameras(2)
    x0, text, negative = prior.means[[0, 1]].clone(), prior.embed([""]), prior.embed([""])
    losses = {}
    for token in (True, False):
        options = VSD(rank=2, learning_rate=0.02, warmup=1, steps=150, samples=4, drop_camera=0.0, camera_token=token)
        lora = LoraScore(options, prior, 8)
        lora.train(x0, text, negative, view, (0.85, 0.98), torch.Generator().manual_seed(1))
        generator = torch.Generator().manual_seed(9)
        t = torch.full((64,), 940.0)
        eps = torch.randn(64, *x0.shape, generator=generator)
        x_t = prior.schedule.add_noise(x0.expand_as(eps), eps, t)
        losses[token] = float((lora.predict(x_t, t, text, view) - eps).square().mean())
        lora.close()
    assert losses[True] < 0.8 * losses[False]


@pytest.mark.parametrize("name", PRIORS)
def test_a_vsd_step(name):
    prior = PRIORS[name]()
    options = DistillOptions(estimator=VSD(rank=2), guidance=GuidanceOptions(scale=3.0))
    distiller, generator = Distiller(options, prior), torch.Generator().manual_seed(0)
    text, negative, view = prior.embed(["class 1"]), prior.embed([""]), cameras(2)
    estimates = [
        distiller(latents(), text=text, negative=negative, cameras=view, generator=generator, progress=0.0)
        for _ in range(3)
    ]
    assert all(e.finite and e.lora_loss is not None and e.lora_loss > 0 for e in estimates)
    assert estimates[0].evaluations == (2 + 1 + 1) * 2
    assert distiller.estimator.lora.updates == 3
    assert distiller.estimator.lora.optimizer.param_groups[0]["lr"] == pytest.approx(1e-3 * 3 / 50)  # warming up
    distiller.close()


def test_targets_are_attention_where_there_is_attention():
    prior = UNetPrior()
    lora = LoraScore(VSD(rank=1), prior, 12)
    assert lora.parameters
    assert all("attn" in name for name in lora.parameters)
    lora.close()
    lora = LoraScore(VSD(rank=1, target_modules=("conv_in",)), prior, 12)
    assert all(name.startswith("conv_in") for name in lora.parameters)
    lora.close()


def test_the_initial_values_do_not_touch_global_randomness():
    prior = MixturePrior((4, 4, 4))
    state = torch.random.get_rng_state()
    lora = LoraScore(VSD(), prior, 8)
    assert torch.equal(torch.random.get_rng_state(), state)
    again = LoraScore(VSD(), MixturePrior((4, 4, 4)), 8)
    assert all(torch.equal(value, again.parameters[name]) for name, value in lora.parameters.items())


def test_mistakes_are_named():
    prior = MixturePrior((4, 4, 4))
    with pytest.raises(ValueError, match=r"target_modules: \('nothing',\) matches no"):
        LoraScore(VSD(target_modules=("nothing",)), prior, 8)
    first = LoraScore(VSD(), prior, 8)
    with pytest.raises(ValueError, match="close the other Distiller first"):
        LoraScore(VSD(), prior, 8)
    first.close()
    LoraScore(VSD(), prior, 8).close()

    class Closed:
        schedule = prior.schedule

        def predict(self, x_t, t, text, cameras):
            return x_t

    with pytest.raises(ValueError, match="Closed shows none; use SSD"):
        LoraScore(VSD(), Closed(), 8)
    empty = MixturePrior((4, 4, 4))
    empty.network = nn.Identity()
    with pytest.raises(ValueError, match="no Linear layer"):
        LoraScore(VSD(), empty, 8)
