"""The memory estimate: its constants are what the networks need, its arithmetic is right, the cap follows from it."""

from __future__ import annotations

import re
import warnings
from dataclasses import replace

import pytest
import tiny_models
import torch

from gs_stein.command import gpu_budget
from gs_stein.command.parse import First, base_config
from gs_stein.config.schema import Config
from gs_stein.distill.options import SDS, SSD, VSD, Baseline, DistillOptions
from gs_stein.gaussians.options import BallStart
from gs_stein.prior import full_size
from gs_stein.prior.footprint import CONTEXT, GIB, MARGIN, SD3, SD15, SD21, SDXL, Workload, estimate, gaussians_that_fit
from gs_stein.prior.measure_footprint import measure_folder, measure_models, peak_numbers, with_gradient
from gs_stein.prior.options import DepthDecoder, DepthOptions, DiffusionOptions, GuidanceOptions, Precision
from gs_stein.update.options import MCMCDensify, NoDensify


def test_peak_counts_what_is_alive_together():
    x = torch.empty(1000, device="meta")

    def chain():
        y = x + 1  # 1000 alive
        z = y * 2  # 2000
        del y
        w = z.view(10, 100) + 0  # 2000 again: a view is nothing new
        del z, w

    assert peak_numbers(chain) == 2000


def test_peak_does_not_count_parameters_or_their_views():
    with torch.device("meta"):
        layer = torch.nn.Linear(500, 10, bias=False).requires_grad_(False)
        x = torch.empty(1, 500)
    assert peak_numbers(lambda: layer(x)) == 10


def test_gradient_keeps_activations_alive():
    with torch.device("meta"):
        layers = torch.nn.Sequential(*(torch.nn.Tanh() for _ in range(8)))
        x = torch.empty(100)
    # Eight outputs are saved; the backward pass adds the incoming gradient and one or two more.
    assert 900 <= with_gradient(layers, x) <= 1200


def test_attention_is_counted_as_the_fused_kernel():
    q = torch.empty(1, 4, 4096, 64, device="meta")
    peak = peak_numbers(lambda: torch.nn.functional.scaled_dot_product_attention(q, q, q))
    assert peak == q.numel(), "no 4096 × 4096 matrix"


def build(network_class, network, vae):
    from diffusers import AutoencoderKL

    with torch.device("meta"):
        return network_class(**network).requires_grad_(False), AutoencoderKL(**vae).requires_grad_(False)


def parameters(cls, config_class, config) -> int:
    with torch.device("meta"):
        return sum(p.numel() for p in cls(config_class(**config)).parameters())


@pytest.mark.slow
def test_sd15_constants_are_measured():
    from diffusers import UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    text = parameters(CLIPTextModel, CLIPTextConfig, full_size.CLIP_L)
    assert text == SD15.text
    measured = measure_models(*build(UNet2DConditionModel, full_size.SD15_UNET, full_size.VAE), text, 0, 64)
    assert (measured.network, measured.codec, measured.pixels) == (SD15.network, SD15.codec, 512)
    for name in ("predict", "train", "encode", "decode", "train_saved", "encode_saved"):
        assert getattr(measured, name) == pytest.approx(getattr(SD15, name), rel=0.1), name


def test_the_decoders_cost_what_their_options_say():
    """5.1 and 0.3 TFLOP a 512² view, forward and backward through frozen weights, against 0.8 of the denoiser."""
    from diffusers import AutoencoderTiny, UNet2DConditionModel
    from torch.utils.flop_counter import FlopCounterMode

    unet, vae = build(UNet2DConditionModel, full_size.SD15_UNET, full_size.VAE)
    with torch.device("meta"):
        tiny = AutoencoderTiny().requires_grad_(False)
        z, tokens = torch.empty(1, 4, 64, 64), torch.empty(1, 77, 768)
    with torch.no_grad(), FlopCounterMode(display=False) as count:
        unet(z, torch.empty(1, device="meta"), encoder_hidden_states=tokens)
    assert count.get_total_flops() == pytest.approx(0.8e12, rel=0.05)
    for codec, expected in ((vae, 5.1e12), (tiny, 0.3e12)):
        x = z.clone().requires_grad_()
        with FlopCounterMode(display=False) as count:
            image = codec.decode(x, return_dict=False)[0]
            image.backward(torch.empty_like(image))
        assert count.get_total_flops() == pytest.approx(expected, rel=0.1)


@pytest.mark.occasional
def test_the_other_constants_are_measured():
    from diffusers import SD3Transformer2DModel, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, T5Config, T5EncoderModel

    clip_l, clip_h = (parameters(CLIPTextModel, CLIPTextConfig, c) for c in (full_size.CLIP_L, full_size.CLIP_H))
    big = parameters(CLIPTextModelWithProjection, CLIPTextConfig, full_size.CLIP_BIGG)
    small = parameters(CLIPTextModelWithProjection, CLIPTextConfig, full_size.CLIP_L)
    t5 = parameters(T5EncoderModel, T5Config, full_size.T5_XXL)
    cases = (
        (SD21, UNet2DConditionModel, full_size.SD21_UNET, full_size.VAE, clip_h, 0, 64),
        (SDXL, UNet2DConditionModel, full_size.SDXL_UNET, full_size.VAE, clip_l + big, 0, 128),
        (SD3, SD3Transformer2DModel, full_size.SD3_TRANSFORMER, full_size.SD3_VAE, small + big, t5, 128),
    )
    for expected, cls, network, vae, text, long, side in cases:
        measured = measure_models(*build(cls, network, vae), text, long, side)
        for name in ("network", "codec", "text", "t5", "pixels"):
            assert getattr(measured, name) == pytest.approx(getattr(expected, name), rel=1e-3), name
        for name in ("predict", "train", "encode", "decode", "train_saved", "encode_saved"):
            assert getattr(measured, name) == pytest.approx(getattr(expected, name), rel=0.1), name


def test_a_local_folder_is_measured_from_its_configs(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipeline = tiny_models.stable_diffusion(tmp_path / "sd")
    found = measure_folder(tmp_path / "sd")
    assert found is not None
    assert found.network == sum(p.numel() for p in pipeline.unet.parameters())
    assert found.text == pytest.approx(sum(p.numel() for p in pipeline.text_encoder.parameters()), rel=0.1)
    assert found.pixels == 32
    assert 0 < found.predict < found.train
    (tmp_path / "empty").mkdir()
    assert measure_folder(tmp_path / "empty") is None


HALF = DiffusionOptions(model="sd15", precision=Precision.FP16)


def test_the_estimate_adds_up_for_a_known_case():
    """Stable Diffusion 1.5 in fp16, one view at 512: numbers anybody can check by hand."""
    found = estimate(SD15, HALF, Workload(views=1, render=512), 512)
    assert found.weights == 2 * (859_520_964 + 83_653_863)
    assert found.text == 2 * 123_060_480
    assert found.encode == 2 * SD15.encode
    assert found.network == 2 * 2 * SD15.predict, "two guidance branches"
    assert found.per_gaussian == 14 * 4 * 4 + 320
    n = 100_000
    assert found.total(n) == pytest.approx(
        CONTEXT + found.weights + MARGIN * (found.encode + found.network + found.pixels) + n * found.per_gaussian
    )
    assert f"{found.total(n) / GIB:.1f} GiB" in found.line(n)


def test_every_saver_saves_and_every_load_costs():
    work = Workload(views=4, noises=2, depth=DepthDecoder.FULL, vsd=1)
    base = estimate(SDXL, replace(HALF, model="sdxl"), work, 1024)

    def total(options=HALF, work=work, resolution=1024) -> float:
        return estimate(SDXL, options, work, resolution).total(10_000)

    assert total(replace(HALF, precision=Precision.FP32)) > total()
    assert total(replace(HALF, vae_fp32=False)) < total(), "SDXL's VAE runs in fp32 by default"
    assert total(replace(HALF, checkpointing=True)) < total()
    assert total(resolution=512) < total()
    assert total(work=replace(work, views=5)) > total()
    assert total(work=replace(work, depth=DepthDecoder.TINY)) < total()
    plain = replace(work, depth=None, vsd=0)
    assert total(work=replace(plain, noises=4)) > total(work=plain)
    assert total(replace(HALF, views_at_once=1), work=plain) < total(work=plain)
    assert total(work=replace(plain, vsd=1)) > total(work=plain)
    assert base.per_gaussian < estimate(SDXL, HALF, replace(work, sh_degree=3), 1024).per_gaussian


def test_text_encoders_count_where_they_are():
    work = Workload(views=1)
    t5 = estimate(SD3, HALF, work, 512)
    assert t5.fixed == pytest.approx(CONTEXT + t5.weights + t5.text), "encoding the prompt is what decides"
    without = estimate(SD3, replace(HALF, drop_t5=True), work, 512)
    assert without.text < 0.2 * t5.text
    assert estimate(SD3, replace(HALF, text_on_cpu=True), work, 512).text == 0
    kept = estimate(SD3, replace(HALF, keep_text_encoder=True), work, 512)
    assert kept.weights == pytest.approx(t5.weights + t5.text)


def test_the_cap_fills_the_budget_and_not_more():
    found = estimate(SD21, HALF, Workload(views=2), 512)
    budget_bytes = 8 * GIB
    cap = found.cap(budget_bytes)
    assert found.total(cap) <= budget_bytes < found.total(cap + 1)
    assert gaussians_that_fit(found, 50_000, budget_bytes) == 50_000
    assert gaussians_that_fit(found, 10**9, budget_bytes) == cap
    slightly_over = round(0.9 * found.fixed)
    assert gaussians_that_fit(found, 50_000, slightly_over) == 10_000
    assert gaussians_that_fit(found, 5_000, slightly_over) == 5_000
    with pytest.raises(ValueError, match=r"prior: this run needs about \d\.\d GiB of GPU memory and 2\.0 are free"):
        gaussians_that_fit(found, 50_000, 2 * GIB)


def config(**distill) -> Config:
    return Config(
        views=4, prior=DiffusionOptions(model="sd21-base"), distill=DistillOptions(**distill), depth=DepthOptions()
    )


def test_workload_of_a_configuration():
    assert gpu_budget.workload(config(estimator=SDS())) == Workload(views=4, render=128)
    assert gpu_budget.workload(config(estimator=VSD(samples=3))).vsd == 3
    assert gpu_budget.workload(config(estimator=SSD((Baseline.NORMAL,)))).depth is DepthDecoder.TINY
    assert gpu_budget.workload(config(estimator=SSD((Baseline.SPECTRAL,)))).depth is None
    assert gpu_budget.workload(config(noises=3, antithetic=True)).noises == 6
    assert gpu_budget.workload(config(guidance=GuidanceOptions(scale=1.0))).branches == 1
    assert gpu_budget.workload(config(guidance=GuidanceOptions(perp_neg=1.0))).branches == 3
    own = replace(config(estimator=SSD((Baseline.DEPTH,))), prior=DiffusionOptions(model="bundled"))
    assert gpu_budget.workload(own).depth is None, "its own estimator reads the latent"


def test_densification_never_outgrows_the_gpu(monkeypatch):
    wanted = replace(config(estimator=SDS()), densify=MCMCDensify(cap=50_000_000))
    cuda = torch.device("cuda")
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (12 * GIB, 12 * GIB))
    fitted, line = gpu_budget.fitted(wanted, cuda)
    assert isinstance(fitted.densify, MCMCDensify)
    estimated = gpu_budget.estimate_run(fitted)
    assert estimated is not None
    assert 0.8 * 0.9 * 12 * GIB < estimated.total(fitted.densify.cap) <= 0.9 * 12 * GIB
    assert line is not None
    assert line.startswith("memory      GPU memory, estimated: 10.8 GiB (weights")
    parts = [float(value) for value in re.findall(r" (\d+\.\d)[,)]", line)]
    assert sum(parts) == pytest.approx(10.8, abs=0.3), "the parts add up to the whole"
    assert "the cap is lowered from 50,000,000 Gaussians to" in line
    crowded, said = gpu_budget.fitted(replace(wanted, start=BallStart(count=40_000_000)), cuda)
    assert isinstance(crowded.densify, MCMCDensify)
    assert isinstance(crowded.start, BallStart)
    assert crowded.start.count == crowded.densify.cap
    assert "and so is the start" in str(said)
    modest = replace(wanted, densify=MCMCDensify(cap=50_000))
    assert gpu_budget.fitted(modest, cuda)[0] == modest
    still = replace(wanted, densify=NoDensify())
    assert gpu_budget.fitted(still, cuda)[0] == still
    assert gpu_budget.fitted(wanted, torch.device("cpu")) == (wanted, None)
    unknown = replace(wanted, prior=DiffusionOptions(model="someone/model"))
    same, line = gpu_budget.fitted(unknown, cuda)
    assert same == unknown
    assert "no estimate for someone/model" in str(line)


@pytest.mark.parametrize("scene", [False, True])
@pytest.mark.parametrize("gigabytes", [8, 12, 24, 48])
def test_gpu_presets_fit_their_gpu(gigabytes, scene):
    """With a tenth to spare, of what the vendor calls gigabytes, at the preset's own cap."""
    preset = base_config(First(preset=f"gpu-{gigabytes}gb", scene=scene), ask_torch=False)
    assert preset.scene is scene
    assert preset.prior.model != "bundled"
    estimated = gpu_budget.estimate_run(preset)
    assert estimated is not None
    assert not isinstance(preset.densify, NoDensify)
    assert estimated.total(preset.densify.cap) < 0.9 * gigabytes * 1e9
