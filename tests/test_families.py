"""The newer families (PixArt-Σ, SANA, FLUX.2-klein base, Z-Image) give what their own pipelines compute.

Each pipeline of tiny random networks is saved, and runs two steps while its scheduler is listened to: our guided
prediction must be what it hands to its scheduler, and one step by our x₀ and ε must land where the scheduler does.
"""

from __future__ import annotations

import json
import shutil
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

import pytest
import tiny_families
import torch

from gs_stein.prior.checkpoints.folder import CheckpointError
from gs_stein.prior.checkpoints.load import load_prior
from gs_stein.prior.diffusion import DiffusionPrior
from gs_stein.prior.families import table
from gs_stein.prior.families.family import Family
from gs_stein.prior.families.table import FAMILIES, network_class
from gs_stein.prior.guidance import guided
from gs_stein.prior.options import DiffusionOptions, GuidanceOptions, Precision

PROMPTS = ["a red chair", "a lamp"]
SCALE = 4.0


@dataclass
class Recording:
    """A saved pipeline, and what passed between it and its scheduler."""

    kind: str
    folder: Path
    pipeline: object
    prior: DiffusionPrior
    """Loaded from the folder."""
    t: list[torch.Tensor]
    """Of the second step and of the third: at the first there is nothing but noise, from which no x₀ follows."""
    x_t: torch.Tensor
    """Before the second step."""
    output: torch.Tensor
    """The guided prediction of the second step."""
    x_next: torch.Tensor
    """After the second step."""
    latents: torch.Tensor
    """After the last step."""
    image: torch.Tensor


def record(kind: str, folder: Path) -> Recording:
    pipeline = tiny_families.FAMILIES[kind](folder)
    pipeline.set_progress_bar_config(disable=True)
    steps, original = [], pipeline.scheduler.step

    def step(output, t, sample, *args, **kwargs):
        after = original(output, t, sample, *args, **kwargs)
        steps.append((output, t, sample, after[0]))
        return after

    pipeline.scheduler.step = step
    more = {"use_resolution_binning": False} if kind in ("pixart", "sana") else {}
    image = pipeline(
        prompt=list(PROMPTS), num_inference_steps=3, guidance_scale=SCALE - (kind == "z_image"), height=32, width=32,
        generator=torch.Generator().manual_seed(0), output_type="pt", **more,
    ).images  # fmt: skip
    pipeline.scheduler.step = original
    (output, t, x_t, x_next), last = steps[1], steps[2]
    # FLUX.2 keeps latents as rows of cells: (n, cells, C).
    kept = [x.mT.unflatten(2, (8, 8)) if kind == "flux2" else x for x in (x_t, output, x_next, last[3])]
    prior = load_prior(DiffusionOptions(model=str(folder), resolution=32))
    return Recording(kind, folder, pipeline, prior, [t, last[1]], *kept, image)


@pytest.fixture(scope="module", params=list(tiny_families.FAMILIES))
def recording(request, tmp_path_factory) -> Recording:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return record(request.param, tmp_path_factory.mktemp("models") / request.param)


def load(recording: Recording, **options):
    return load_prior(DiffusionOptions(model=str(recording.folder), **({"resolution": 32} | options)))


def predicted(recording: Recording, prior):
    """Guided ε̂ at the recorded x_t, for both prompts as one group of two views."""
    text, empty = prior.embed(PROMPTS), prior.embed([""])
    t = torch.as_tensor(recording.t[0]).float().reshape(1)
    eps = guided(prior, recording.x_t[None], t, text, empty, None, GuidanceOptions(scale=SCALE))
    return eps, t


def test_guided_prediction_and_one_step_equal_the_pipelines(recording):
    prior = recording.prior
    assert not prior.knows_cameras
    eps, t = predicted(recording, prior)
    ours = prior.schedule.convert(eps, recording.x_t[None], t, "eps", prior.prediction)[0]
    torch.testing.assert_close(ours, recording.output, rtol=1e-4, atol=1e-4)
    x0 = prior.schedule.convert(eps, recording.x_t[None], t, "eps", "x0")
    after = torch.as_tensor(recording.t[1]).float().reshape(1)
    landed = prior.schedule.add_noise(x0, eps, after)[0]  # Euler's step, DDIM's and DPM-Solver's first order alike
    near = 2e-3 if recording.kind == "sana" else 2e-4  # whose solver rounds its timesteps to integers
    torch.testing.assert_close(landed, recording.x_next, rtol=near, atol=near)


def test_the_prompt_matters_and_views_at_once_change_nothing(recording):
    x_t, prior = recording.x_t[None].expand(2, -1, -1, -1, -1), recording.prior
    text = [prior.embed(PROMPTS), prior.embed([""])]
    results = []
    for at_once in (1, 0):
        prior._network.views_at_once = at_once
        results.append(prior.predict(x_t, torch.tensor([300.0, 300.0]), text, None))
    torch.testing.assert_close(results[0], results[1], rtol=1e-4, atol=1e-5)
    assert (results[0][0] - results[0][1]).abs().mean() > 1e-4


def test_text_equals_the_pipelines(recording):
    prior, pipe = recording.prior, recording.pipeline
    text = prior.embed(PROMPTS)
    if recording.kind == "z_image":
        for ours, mask, theirs in zip(text.tokens, text.mask, pipe.encode_prompt(list(PROMPTS))[0], strict=True):
            torch.testing.assert_close(ours[mask], theirs, rtol=1e-5, atol=1e-5)
    elif recording.kind == "flux2":
        torch.testing.assert_close(text.tokens, pipe.encode_prompt(PROMPTS)[0], rtol=1e-5, atol=1e-5)
    else:
        more = {} if recording.kind == "pixart" else {"complex_human_instruction": instruction(pipe)}
        tokens, mask, *_ = pipe.encode_prompt(PROMPTS, **more)
        torch.testing.assert_close(text.tokens, tokens, rtol=1e-5, atol=1e-5)
        assert torch.equal(text.mask, mask.bool())


def instruction(pipe) -> list[str]:
    import inspect

    return inspect.signature(type(pipe).__call__).parameters["complex_human_instruction"].default


def test_decode_equals_the_pipelines_and_encode_is_its_inverse_map(recording):
    prior, vae = recording.prior, recording.pipeline.vae
    torch.testing.assert_close(
        prior.decode(recording.latents).clamp(0, 1), recording.image.clamp(0, 1), rtol=1e-4, atol=1e-5
    )
    rgb = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    z = prior.encode(rgb)
    assert z.shape[1:] == prior.latent_shape
    with torch.no_grad():
        raw = vae.encode(2 * rgb - 1)
        raw = raw.latent if recording.kind == "sana" else raw.latent_dist.mode()
        again = vae.decode(raw, return_dict=False)[0] / 2 + 0.5
    # What the latents are normalised by, decoding undoes.
    torch.testing.assert_close(prior.decode(z), again, rtol=1e-4, atol=1e-4)


def test_encode_has_a_gradient_with_and_without_checkpointing(recording):
    gradients = []
    for checkpointing in (False, True):
        prior = load(recording, checkpointing=checkpointing)
        rgb = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)).requires_grad_(True)
        prior.encode(rgb).square().sum().backward()
        gradients.append(rgb.grad)
    assert gradients[0].abs().mean() > 0
    assert (gradients[1] - gradients[0]).norm() < 1e-3 * gradients[0].norm()


def test_every_number_format_is_the_one_asked_for(recording):
    """Loaders mix formats by default; each of ours is said."""
    prior = load(recording, precision=Precision.BF16)
    for part, dtype in ((recording.prior, torch.float32), (prior, torch.bfloat16)):
        assert {p.dtype for p in part.network.parameters()} == {dtype}
        assert {p.dtype for p in part.codec.module.parameters()} == {dtype}
    eps = prior.predict(recording.x_t[None], torch.tensor([300.0]), [recording.prior.embed(PROMPTS)], None)
    assert eps.dtype == torch.float32
    assert bool(eps.isfinite().all())


def test_auto_is_bf16_on_a_gpu_for_models_that_were_trained_in_it():
    assert {name for name, family in FAMILIES.items() if family.bf16} == {
        "SanaTransformer2DModel", "Flux2Transformer2DModel", "ZImageTransformer2DModel",
    }  # fmt: skip


def test_an_older_diffusers_is_told(monkeypatch):
    monkeypatch.setitem(table.FAMILIES, "NewTransformer", Family("diffusers.models.no_such", lambda p: None, "9.9"))
    with pytest.raises(
        CheckpointError, match=r"came with diffusers 9.9, and this is .*; run `pip install -U diffusers`"
    ):
        network_class("NewTransformer")
    assert "diffusers.models.no_such" not in sys.modules


def rewrite(path: Path, **changes) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.fixture(scope="module")
def flux2(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "flux2"
    tiny_families.flux2(folder)
    return folder


DISTILLED = {
    "klein": ("model_index.json", {"is_distilled": True}, "distilled to a few steps .*is_distilled"),
    "guidance": ("transformer/config.json", {"guidance_embeds": True}, "distilled to its guidance"),
    "lcm": ("scheduler/scheduler_config.json", {"_class_name": "LCMScheduler"}, r"distilled to a few steps \(LCM\)"),
    "tcd": ("scheduler/scheduler_config.json", {"_class_name": "TCDScheduler"}, r"distilled to a few steps \(TCD\)"),
    "sprint": ("scheduler/scheduler_config.json", {"_class_name": "SCMScheduler"}, "SANA-Sprint"),
}


@pytest.mark.parametrize("case", DISTILLED)
def test_distilled_models_are_refused_with_what_to_use_instead(flux2, tmp_path, case):
    name, changes, message = DISTILLED[case]
    folder = Path(shutil.copytree(flux2, tmp_path / "model"))
    rewrite(folder / name, **changes)
    with pytest.raises(CheckpointError, match=f"{message}.*give --model black-forest-labs/FLUX.2-klein-base-4B"):
        load_prior(DiffusionOptions(model=str(folder)))


@pytest.mark.parametrize("name", ["Z-Image-Turbo", "sdxl_lightning_4step", "FLUX.1-schnell"])
def test_what_looks_distilled_by_its_name_is_warned_of(flux2, tmp_path, name):
    folder = Path(shutil.copytree(flux2, tmp_path / name))
    with pytest.warns(UserWarning, match="may have been distilled to a few steps .*its name says.* is whole"):
        load_prior(DiffusionOptions(model=str(folder), resolution=32))


@pytest.mark.parametrize("name", ["my-hyperion", "turbocharged", "sd-flashlight"])
def test_other_names_are_not(flux2, tmp_path, name):
    folder = Path(shutil.copytree(flux2, tmp_path / name))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_prior(DiffusionOptions(model=str(folder), resolution=32))
