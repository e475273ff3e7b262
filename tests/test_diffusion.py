"""The full models: every kind of checkpoint gives what its own diffusers pipeline computes at the same inputs.

Tiny random checkpoints, saved by the pipelines and loaded through the same code as the real ones. Each pipeline runs
once while its denoiser's inputs and outputs are recorded; ours must reproduce the outputs from the inputs.
"""

from __future__ import annotations

import subprocess
import sys
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import tiny_models
import torch
from tiny_bundled import tiny_bundled

from gs_stein.cameras.options import RoomCameras
from gs_stein.cameras.sampling import sample_cameras
from gs_stein.prior.checkpoints.load import load_prior
from gs_stein.prior.denoiser import Denoiser
from gs_stein.prior.diffusion import DiffusionPrior
from gs_stein.prior.guidance import guided
from gs_stein.prior.options import DiffusionOptions, GuidanceOptions, Precision

PROMPT = "a red chair"
SCALE = 5.0


@dataclass
class Recording:
    """A checkpoint, and one denoising step of its own pipeline."""

    folder: Path
    pipeline: object
    x_t: torch.Tensor
    """Input of the network, both guidance branches."""
    t: torch.Tensor
    output: torch.Tensor
    """Output of the network, both branches."""
    guided: torch.Tensor
    """What the pipeline handed to its scheduler."""
    kwargs: dict
    latents: torch.Tensor
    image: torch.Tensor


def record(folder: Path, pipeline) -> Recording:
    """Run the pipeline for two steps; keep the first call of its network, and the last latent with its image."""
    pipeline.set_progress_bar_config(disable=True)
    network = pipeline.transformer if hasattr(pipeline, "transformer") else pipeline.unet
    calls, steps = [], []

    def spy(module, args, kwargs, output):
        calls.append((args, kwargs, output[0]))

    original = pipeline.scheduler.step

    def step(model_output, *args, **kwargs):
        steps.append(model_output)
        return original(model_output, *args, **kwargs)

    handle = network.register_forward_hook(spy, with_kwargs=True)
    pipeline.scheduler.step = step
    settings = {
        "prompt": [PROMPT, "a lamp"], "num_inference_steps": 2, "guidance_scale": SCALE, "height": 32, "width": 32,
    }  # fmt: skip
    latents = pipeline(**settings, generator=torch.Generator().manual_seed(0), output_type="latent").images
    handle.remove()
    image = pipeline(**settings, generator=torch.Generator().manual_seed(0), output_type="pt").images
    pipeline.scheduler.step = original
    args, kwargs, output = calls[0]
    x_t = args[0] if args else kwargs["hidden_states"]
    t = args[1] if args else kwargs["timestep"]
    return Recording(folder, pipeline, x_t, torch.as_tensor(t), output, steps[0], kwargs, latents, image)


KINDS = ("sd-eps", "sd-v", "sdxl", "sd3", "sd3-no-t5")


@pytest.fixture(scope="module")
def recordings(tmp_path_factory) -> dict[str, Recording]:
    root = tmp_path_factory.mktemp("models")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {
            "sd-eps": record(root / "sd-eps", tiny_models.stable_diffusion(root / "sd-eps")),
            "sd-v": record(root / "sd-v", tiny_models.stable_diffusion(root / "sd-v", "v_prediction")),
            "sdxl": record(root / "sdxl", tiny_models.sdxl(root / "sdxl")),
            "sd3": record(root / "sd3", tiny_models.sd3(root / "sd3")),
            "sd3-no-t5": record(root / "sd3-no-t5", tiny_models.sd3(root / "sd3-no-t5", t5=False)),
        }


@pytest.fixture(params=KINDS)
def recording(request, recordings) -> Recording:
    return recordings[request.param]


def load(recording: Recording, **options) -> DiffusionPrior:
    return load_prior(DiffusionOptions(model=str(recording.folder), **options))


def as_eps(recording: Recording) -> torch.Tensor:
    """The recorded network output as a noise prediction, by the formula of its scheduler in diffusers."""
    scheduler, x_t, output = recording.pipeline.scheduler, recording.x_t, recording.output
    kind = scheduler.config.get("prediction_type")
    if kind == "epsilon":
        return output
    t = recording.t.reshape(-1)[0]
    if kind == "v_prediction":  # DDIMScheduler.step
        alpha_bar = scheduler.alphas_cumprod[int(t)]
        return alpha_bar.sqrt() * output + (1 - alpha_bar).sqrt() * x_t
    sigma = t / 1000  # FlowMatchEulerDiscreteScheduler: x_t = (1 - sigma) x0 + sigma eps, output = eps - x0
    return x_t + (1 - sigma) * output


def test_is_a_denoiser(recording):
    prior = load(recording)
    assert isinstance(prior, Denoiser)
    assert prior.identity == str(recording.folder)
    assert not prior.knows_cameras
    assert prior.resolution == 32
    assert not any(p.requires_grad for p in prior.network.parameters())


def test_prediction_equals_the_pipelines(recording):
    prior = load(recording)
    empty, red, lamp = (prior.embed([p]) for p in ("", PROMPT, "a lamp"))
    t = recording.t.reshape(-1)[0].float()
    # The pipeline's batch is (no prompt, no prompt, red, lamp): two groups of two views.
    both = replace_rows(red, lamp)
    eps = prior.predict(recording.x_t.unflatten(0, (2, 2)), t.expand(2), [empty, both], None).flatten(0, 1)
    torch.testing.assert_close(eps, as_eps(recording), rtol=2e-5, atol=2e-5)
    assert prior.evaluations == 4


def replace_rows(first, second):
    """Two one-prompt embeddings as one embedding of two prompts."""
    from gs_stein.prior.adapters import stack_embeddings

    return stack_embeddings([first, second])


def test_classifier_free_guidance_equals_the_pipelines(recording):
    prior = load(recording)
    t = recording.t.reshape(-1)[:1].float()
    x_t = recording.x_t[2:][None]  # one group of the two images
    text = prior.embed([PROMPT, "a lamp"])
    eps = guided(prior, x_t, t, text, prior.embed([""]), None, GuidanceOptions(scale=SCALE))[0]
    # Guidance and the conversion to eps are both linear, so they commute: compare after converting the pipeline's.
    expected = replace(recording, x_t=recording.x_t[2:], output=recording.guided)
    torch.testing.assert_close(eps, as_eps(expected), rtol=1e-4, atol=1e-4)


def test_text_embeddings_equal_the_pipelines(recording):
    prior, kwargs = load(recording), recording.kwargs
    text = prior.embed(["", "", PROMPT, "a lamp"])
    torch.testing.assert_close(text.tokens, kwargs["encoder_hidden_states"], rtol=1e-5, atol=1e-5)
    pooled = kwargs.get("pooled_projections")
    if kwargs.get("added_cond_kwargs"):
        pooled = kwargs["added_cond_kwargs"]["text_embeds"]
    if pooled is None:
        assert text.pooled is None
    else:
        torch.testing.assert_close(text.pooled, pooled, rtol=1e-5, atol=1e-5)


def test_sdxl_size_conditioning_equals_the_pipelines(recordings):
    prior = load(recordings["sdxl"])
    seen = {}
    prior.network.register_forward_pre_hook(lambda m, a, k: seen.update(k), with_kwargs=True)
    prior.predict(torch.zeros(1, 4, 4, 16, 16), torch.tensor([500.0]), [prior.embed([PROMPT])], None)
    expected = recordings["sdxl"].kwargs["added_cond_kwargs"]["time_ids"]
    assert torch.equal(seen["added_cond_kwargs"]["time_ids"], expected)


def test_sdxl_empty_prompt_is_zeros_only_where_the_model_says_so(recordings, tmp_path):
    assert load(recordings["sdxl"]).embed([""]).tokens.abs().max() == 0
    other = copy(recordings["sdxl"].folder, tmp_path / "model")
    index = (other / "model_index.json").read_text()
    assert '"force_zeros_for_empty_prompt": true' in index
    index = index.replace('zeros_for_empty_prompt": true', 'zeros_for_empty_prompt": false')
    (other / "model_index.json").write_text(index)
    assert load_prior(DiffusionOptions(model=str(other))).embed([""]).tokens.abs().max() > 0


def test_decode_equals_the_pipelines(recording):
    prior = load(recording)
    ours = prior.decode(recording.latents).clamp(0, 1)
    torch.testing.assert_close(ours, recording.image, rtol=1e-4, atol=1e-5)


def test_encode_equals_image_to_image(recording):
    """Against the formula of diffusers' image-to-image pipelines, with the posterior's mode."""
    prior = load(recording)
    vae = recording.pipeline.vae
    rgb = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    expected = vae.encode(2 * rgb - 1).latent_dist.mode()
    expected = (expected - (vae.config.shift_factor or 0.0)) * vae.config.scaling_factor
    torch.testing.assert_close(prior.encode(rgb), expected.detach(), rtol=1e-5, atol=1e-5)


def test_per_channel_latent_statistics_are_undone_by_decode(recordings, tmp_path):
    """SDXL fine-tunes with latents_mean and latents_std: the pipeline decodes z·std/factor + mean."""
    import json

    folder = copy(recordings["sdxl"].folder, tmp_path / "model")
    config = json.loads((folder / "vae" / "config.json").read_text())
    config |= {"latents_mean": [-1.0, 0.5, 0.0, 2.0], "latents_std": [8.0, 5.0, 1.0, 2.0]}
    (folder / "vae" / "config.json").write_text(json.dumps(config))
    prior = load_prior(DiffusionOptions(model=str(folder)))
    z = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(0))
    mean, std = (torch.tensor(config[k]).view(1, 4, 1, 1) for k in ("latents_mean", "latents_std"))
    vae = recordings["sdxl"].pipeline.vae
    expected = vae.decode(z * std / vae.config.scaling_factor + mean).sample / 2 + 0.5
    torch.testing.assert_close(prior.decode(z), expected.detach(), rtol=1e-5, atol=1e-5)


def test_v_prediction_agrees_with_the_schedulers_x0(recordings):
    """eps from v, put into x0 = (x_t - sigma eps)/alpha, is what DDIM calls the predicted original sample."""
    recording = recordings["sd-v"]
    prior, scheduler = load(recording), recording.pipeline.scheduler
    x_t, t = recording.x_t[:1], int(recording.t)
    eps = prior.predict(x_t[None], torch.tensor([float(t)]), [prior.embed([""])], None)[0]
    alpha_bar = scheduler.alphas_cumprod[t]
    clip = scheduler.config.clip_sample
    scheduler.register_to_config(clip_sample=False)
    expected = scheduler.step(recording.output[:1], t, x_t).pred_original_sample
    scheduler.register_to_config(clip_sample=clip)
    torch.testing.assert_close((x_t - (1 - alpha_bar).sqrt() * eps) / alpha_bar.sqrt(), expected, rtol=1e-4, atol=1e-4)


def test_zero_terminal_snr_is_read_from_the_scheduler(recordings, tmp_path):
    import json

    folder = copy(recordings["sd-v"].folder, tmp_path / "model")
    path = folder / "scheduler" / "scheduler_config.json"
    config = json.loads(path.read_text())
    plain = load(recordings["sd-v"]).schedule
    path.write_text(json.dumps(config | {"rescale_betas_zero_snr": True}))
    rescaled = load_prior(DiffusionOptions(model=str(folder))).schedule
    last = torch.tensor([999.0])
    assert plain.alpha(last) > 0.06
    assert rescaled.alpha(last) == 0


def test_views_at_once_and_attention_slicing_change_nothing(recording):
    x_t = torch.randn(2, 3, *load(recording).latent_shape, generator=torch.Generator().manual_seed(0))
    t = torch.tensor([100.0, 900.0])
    results = []
    unet = hasattr(recording.pipeline, "unet")
    for options in ({}, {"views_at_once": 4}, {"attention_slicing": True} if unet else {"views_at_once": 1}):
        prior = load(recording, **options)
        text = [prior.embed([PROMPT]), prior.embed(["", "a lamp", PROMPT])]
        results.append(prior.predict(x_t, t, text, None))
    for other in results[1:]:
        torch.testing.assert_close(other, results[0], rtol=1e-4, atol=1e-5)


def test_attention_slicing_is_refused_by_transformers(recordings):
    with pytest.raises(ValueError, match="attention_slicing: only UNets"):
        load(recordings["sd3"], attention_slicing=True)


def test_encode_gradient_with_checkpointing(recording):
    rgb = torch.rand(2, 3, 48, 48, generator=torch.Generator().manual_seed(0))
    gradients = []
    for checkpointing in (False, True):
        prior = load(recording, checkpointing=checkpointing)
        x = rgb.clone().requires_grad_(True)
        z = prior.encode(x)
        weight = torch.randn(z.shape, generator=torch.Generator().manual_seed(1))
        (z * weight).sum().backward()
        gradients.append(x.grad)
    assert gradients[0].abs().mean() > 0
    torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-3, atol=2e-5)


def test_encode_gradient_is_the_true_one(recordings):
    """Directional derivative in float64 against finite differences, through resampling, VAE and scaling."""
    prior = load(recordings["sd3"])
    prior.codec.module.double()
    generator = torch.Generator().manual_seed(0)
    x, direction = (torch.rand(1, 3, 24, 24, generator=generator, dtype=torch.float64) for _ in range(2))
    weight = torch.randn(1, 8, 16, 16, generator=generator, dtype=torch.float64)

    def f(x):
        return (prior.encode(x) * weight).sum()

    (gradient,) = torch.autograd.grad(f(x.requires_grad_(True)), x)
    h = 1e-6
    with torch.no_grad():
        numeric = (f(x + h * direction) - f(x - h * direction)) / (2 * h)
    torch.testing.assert_close((gradient * direction).sum(), numeric, rtol=1e-6, atol=1e-8)


def test_encode_resamples_to_the_models_resolution_and_refuses_oblong_images(recordings):
    prior = load(recordings["sd-eps"])
    assert prior.encode(torch.rand(1, 3, 80, 80)).shape == (1, 4, 16, 16)
    flat = prior.encode(torch.full((1, 3, 80, 80), 0.3))
    torch.testing.assert_close(flat, prior.encode(torch.full((1, 3, 32, 32), 0.3)), rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="48×32 pixels; the prior knows square images only"):
        prior.encode(torch.rand(1, 3, 32, 48))


@pytest.mark.parametrize(
    ("told", "precision", "dtype"),
    [
        ({"avx512_bf16": True}, Precision.AUTO, torch.bfloat16), ({"amx_bf16": True}, Precision.AUTO, torch.bfloat16),
        ({"avx512_f": True, "avx512_bf16": False}, Precision.AUTO, torch.float32), ({}, Precision.AUTO, torch.float32),
        ({"avx512_bf16": True}, Precision.FP32, torch.float32), ({}, Precision.BF16, torch.bfloat16),
        ({}, Precision.FP16, torch.float32),  # in which it overflows
    ],
)  # fmt: skip
def test_the_bundled_network_is_bf16_where_the_processor_multiplies_it(monkeypatch, tmp_path, told, precision, dtype):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: told, raising=False)
    prior = load_prior(DiffusionOptions(model=str(tiny_bundled(tmp_path / "tiny")), precision=precision))
    assert {p.dtype for p in prior.network.parameters()} == {dtype}
    assert prior.codec.module.basis.dtype == torch.float32  # distillation differentiates through it
    x = torch.rand(2, 3, prior.resolution, prior.resolution)
    assert prior.encode(x).dtype == torch.float32
    assert precision.bundled(torch.device("cuda")) is (torch.bfloat16 if precision is Precision.BF16 else torch.float32)


def test_a_prior_of_several_resolutions_takes_small_pictures_as_they_are(tmp_path):
    prior = load_prior(DiffusionOptions(model=str(tiny_bundled(tmp_path / "tiny"))))
    assert prior.knows_cameras
    native = prior.encode(torch.rand(1, 3, 32, 32)).shape[-1]
    prior.smaller = (16,)
    small = torch.rand(2, 3, 16, 16)
    latents = prior.encode(small)
    assert latents.shape[-1] == native // 2
    assert torch.equal(latents, prior.codec.encode(small))
    cameras = sample_cameras(RoomCameras(resolution=16), 2, torch.Generator().manual_seed(0))
    assert prior.predict(latents[None], torch.tensor([500.0]), [prior.embed(["a"])], cameras).shape[1:] == latents.shape
    assert prior.encode(torch.rand(1, 3, 24, 24)).shape[-1] == native


def test_resolution_option(recordings):
    prior = load(recordings["sd-eps"], resolution=64)
    assert prior.encode(torch.rand(1, 3, 48, 48)).shape[1:] == prior.latent_shape == (4, 32, 32)
    with pytest.raises(ValueError, match="resolution: 50 is not a positive multiple of 8"):
        DiffusionOptions(resolution=50)


def test_vae_tiling_encodes_and_decodes(recordings):
    """At the tile size or below tiling is exact."""
    plain, tiled = load(recordings["sd-eps"]), load(recordings["sd-eps"], vae_tiling=True)
    assert tiled.codec.module.use_tiling
    assert not plain.codec.module.use_tiling
    rgb = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    z = plain.encode(rgb)
    torch.testing.assert_close(tiled.encode(rgb), z)
    torch.testing.assert_close(tiled.decode(z), plain.decode(z))


def test_half_precision_keeps_results_and_returns_the_callers_dtype(recording):
    full, half = load(recording), load(recording, precision=Precision.BF16)
    assert next(half.network.parameters()).dtype == torch.bfloat16
    x_t = torch.randn(1, 2, *full.latent_shape, generator=torch.Generator().manual_seed(0))
    t = torch.tensor([400.0])
    a = full.predict(x_t, t, [full.embed([PROMPT])], None)
    b = half.predict(x_t, t, [half.embed([PROMPT])], None)
    assert b.dtype == torch.float32
    assert (a - b).norm() / a.norm() < 0.05


@pytest.mark.parametrize(
    ("kind", "options", "expected"),
    [
        ("sd-eps", {"precision": Precision.FP16}, torch.float16),
        ("sd-eps", {"precision": Precision.FP16, "vae_fp32": True}, torch.float32),
        ("sdxl", {"precision": Precision.FP16}, torch.float32),  # its VAE overflows in fp16
        ("sdxl", {"precision": Precision.FP16, "vae_fp32": False}, torch.float16),
        ("sdxl", {"precision": Precision.BF16}, torch.bfloat16),
        ("sd3", {"precision": Precision.FP16}, torch.float16),
        ("sd3", {}, torch.float32),
    ],
)
def test_vae_precision(recordings, kind, options, expected):
    assert load(recordings[kind], **options).codec.module.dtype == expected


def test_cpu_offload_gives_the_same_and_refuses_lora_training(recordings):
    plain, offloaded = load(recordings["sd-eps"]), load(recordings["sd-eps"], cpu_offload=True)
    x_t, t = torch.randn(1, 1, 4, 16, 16, generator=torch.Generator().manual_seed(0)), torch.tensor([400.0])
    text = [plain.embed([PROMPT])]
    torch.testing.assert_close(offloaded.predict(x_t, t, text, None), plain.predict(x_t, t, text, None))
    next(offloaded.network.parameters()).requires_grad_(True)
    with torch.no_grad():
        offloaded.predict(x_t, t, text, None)
    with pytest.raises(ValueError, match="cannot be combined with training a LoRA"):
        offloaded.predict(x_t, t, text, None)


def test_fractional_and_integer_timesteps_are_passed_on(recordings):
    prior = load(recordings["sd3"])
    seen = []
    prior.network.register_forward_pre_hook(lambda m, a, k: seen.append(k["timestep"]), with_kwargs=True)
    prior.predict(torch.zeros(2, 2, 8, 16, 16), torch.tensor([12.5, 999.0]), [prior.embed([PROMPT])] * 2, None)
    assert seen[0].tolist() == [12.5, 12.5, 999.0, 999.0]


def test_wrong_number_of_embeddings(recordings):
    prior = load(recordings["sd-eps"])
    with pytest.raises(ValueError, match="2 embeddings for 1 groups of views; give one a group"):
        prior.predict(torch.zeros(1, 2, 4, 16, 16), torch.tensor([1.0]), [prior.embed([PROMPT])] * 2, None)


def copy(folder: Path, to: Path) -> Path:
    import shutil

    return Path(shutil.copytree(folder, to))


@pytest.mark.occasional
def test_loading_prints_nothing(recordings):
    """In a fresh process, where each library greets once."""
    code = (
        "import sys, torch\n"
        "from gs_stein.prior.checkpoints.load import load_prior\n"
        "from gs_stein.prior.options import DiffusionOptions\n"
        "prior = load_prior(DiffusionOptions(model=sys.argv[1]))\n"
        "prior.embed(['a red chair', ''])\n"
    )
    for kind in ("sdxl", "sd3"):
        done = subprocess.run(
            [sys.executable, "-c", code, str(recordings[kind].folder)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout + done.stderr == ""
