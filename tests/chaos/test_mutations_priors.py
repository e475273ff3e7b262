"""Folders of priors and depth estimators that promise too much, or nonsense: refused in one line, at once."""

from __future__ import annotations

import json
import resource
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from gs_stein.bench.chaos import priors
from gs_stein.prior.checkpoints.bounds import TooLargeError, counted, held_by, numbers_of
from gs_stein.prior.checkpoints.folder import CheckpointError, read_safetensors_header
from gs_stein.prior.checkpoints.load import load_schedule

NETWORK, SCHEDULER = "network/config.json", "scheduler/scheduler_config.json"


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("good")
    for name, make in (("bundled", priors.bundled), ("sd", priors.stable_diffusion), ("dpt", priors.monocular)):
        (root / name).mkdir()
        priors.quietly(make)(root / name)
    return {name: root / name for name in ("bundled", "sd", "dpt")}


READ: dict[str, Callable[[Path], Any]] = {
    "bundled": priors.read_bundled, "sd": priors.read_stable_diffusion, "dpt": priors.read_monocular
}  # fmt: skip


@pytest.mark.parametrize("kind", READ)
def test_good_ones_are_read(good: dict[str, Path], kind: str) -> None:
    assert all(bool(tensor.isfinite().all()) for tensor in READ[kind](good[kind]))


@pytest.mark.parametrize(
    ("kind", "file", "change", "said"),
    [
        ("bundled", NETWORK, {"channels": 10**9}, r"network/config.json: channels is 1000000000, but its weights are"),
        ("bundled", NETWORK, {"width": 10**400}, r"network/config.json: width is 1000"),
        ("bundled", NETWORK, {"depth": 10**5}, r"network/config.json asks for a larger network than its weights"),
        ("bundled", NETWORK, {"width": float("nan")}, r"network/config.json: width is nan"),
        ("bundled", NETWORK, {"heads": 0}, r"network/config.json describes no network"),
        ("bundled", NETWORK, {"width": "x"}, r"network/config.json describes no network"),
        ("bundled", NETWORK, {"sample_size": None}, r"network/config.json describes no network"),
        ("bundled", NETWORK, [1], r"config.json in \S*/network holds a list instead of named values"),
        ("bundled", "codec/config.json", {"patch": 10**6}, r"codec/config.json asks for a larger network"),
        (
            "bundled",
            SCHEDULER,
            {"num_train_timesteps": 10**9},
            r"num_train_timesteps is 1000000000, not a number",
        ),
        ("bundled", SCHEDULER, {"num_train_timesteps": "x"}, r'num_train_timesteps is "x", not a number from 1'),
        ("bundled", "model_index.json", [], r"model_index.json in .* holds a list"),
        ("bundled", "model_index.json", {"../x": ["a", "b"]}, r"'../x' names no part of a model"),
        ("bundled", "model_index.json", {"network": ["a", 3]}, r"'network' names no part of a model"),
        ("sd", "unet/config.json", {"block_out_channels": [8] * 3000}, r"unet/config.json describes no network"),
        ("sd", "unet/config.json", {"sample_size": None}, r"config.json in .*: sample_size is None, which makes no"),
        ("sd", "unet/config.json", {"sample_size": "a" * 3000}, r"sample_size is a{40}, which makes no picture"),
        ("sd", "vae/config.json", {"scaling_factor": float("inf")}, r"vae/config.json: scaling_factor is Infinity"),
        ("sd", "vae/config.json", {"scaling_factor": 0}, r"vae/config.json: scaling_factor is 0, not a number from"),
        ("sd", "vae/config.json", {"shift_factor": "x"}, r'vae/config.json: shift_factor is "x", not a number from'),
        ("sd", "vae/config.json", {"latents_std": [1, 1, 0, 1]}, r"vae/config.json: latents_std.2 is 0, not a number"),
        ("sd", "text_encoder/config.json", {"num_hidden_layers": 10**5}, r"text_encoder/config.json asks for a larger"),
        (
            "sd",
            "tokenizer/tokenizer_config.json",
            {"model_max_length": 2**31},
            r"model_max_length is 2147483648, not",
        ),
        ("sd", SCHEDULER, {"beta_end": 7}, r"beta_end is 7, not a number from 0 to 1"),
        ("sd", SCHEDULER, {"beta_end": 1e30}, r"beta_end is 1e\+30, not a number from 0 to 1"),
        ("sd", SCHEDULER, {"beta_schedule": "x"}, r"beta_schedule is 'x', which diffusers"),
        ("sd", SCHEDULER, {"trained_betas": [2.0, 2.0]}, r"betas make no noise that grows"),
        ("sd", SCHEDULER, {"prediction_type": []}, r"predicts \[\], which gs_stein does not know"),
        ("dpt", "preprocessor_config.json", {"image_mean": [0.5]}, r"image_mean is no list of three numbers"),
        ("dpt", "preprocessor_config.json", {"image_std": [0, 1, 1]}, r"image_std is 0, not a number from 0.001"),
        ("dpt", "preprocessor_config.json", {"size": {"height": 10**7}}, r"height is 10000000, not a number from 1"),
        ("dpt", "preprocessor_config.json", {"ensure_multiple_of": 0}, r"ensure_multiple_of is 0, not a number"),
        ("dpt", "config.json", {"architectures": {"x": 1}}, r"holds \?, whose sign convention"),
        ("dpt", "config.json", {"hidden_size": 2**62}, r"config.json: hidden_size is 4611686018427387904"),
    ],
)
def test_nonsense_is_one_line(
    good: dict[str, Path], tmp_path: Path, kind: str, file: str, change: Any, said: str
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(good[kind], folder)
    content = json.loads((folder / file).read_text(encoding="utf-8"))
    changed = {**content, **change} if isinstance(change, dict) else change
    (folder / file).write_text(json.dumps(changed), encoding="utf-8")
    with pytest.raises(ValueError, match=said) as caught:
        list(READ[kind](folder))
    assert "\n" not in str(caught.value)
    assert str(folder) in str(caught.value)


def test_what_a_network_would_take_is_never_taken(good: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(good["bundled"], folder)
    path = folder / "network" / "config.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**content, "text_width": 900_000, "width": 900_000}), encoding="utf-8")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(CheckpointError, match="asks for a larger network"):
        list(priors.read_bundled(folder))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000, "KiB"


@pytest.mark.parametrize(("kind", "part"), [("bundled", "codec"), ("sd", "text_encoder"), ("dpt", ".")])
@pytest.mark.parametrize("poison", [torch.nan, torch.inf])
def test_weights_that_are_not_finite_are_refused(
    good: dict[str, Path], tmp_path: Path, kind: str, part: str, poison: float
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(good[kind], folder)
    (path,) = (folder / part).glob("*.safetensors")
    weights = load_file(path)
    name = max(weights, key=lambda key: weights[key].numel())
    weights[name].view(-1)[3] = poison
    save_file(weights, path, {"format": "pt"})
    with pytest.raises(CheckpointError, match=rf"the weight \S*{name.split('.')[-1]} is not finite"):
        list(READ[kind](folder))


def test_a_text_encoder_whose_answers_are_not_finite_is_refused(good: dict[str, Path], tmp_path: Path) -> None:
    """Though each of its weights is finite."""
    folder = tmp_path / "model"
    shutil.copytree(good["sd"], folder)
    path = folder / "text_encoder" / "model.safetensors"
    weights = {name: 1e30 * tensor if "mlp" in name else tensor for name, tensor in load_file(path).items()}
    save_file(weights, path, {"format": "pt"})
    with pytest.raises(CheckpointError, match="makes of a prompt what is not finite"):
        list(priors.read_stable_diffusion(folder))


def test_sizes_are_those_of_the_files(good: dict[str, Path]) -> None:
    codec = good["bundled"] / "codec"
    (path,) = codec.glob("*.safetensors")
    found = {name: shape for name, (_, shape) in read_safetensors_header(path).items()}
    assert found == {"mean": [48], "basis": [4, 48], "gain": [4]}
    assert held_by(codec, [path.name]) == (3, 48 + 4 * 48 + 4)


def test_modules_are_counted_while_they_are_made() -> None:
    torch.nn.Linear(3, 5)
    with counted(1, 20), torch.device("meta"):
        torch.nn.Linear(4, 5)
        with pytest.raises(TooLargeError):
            torch.nn.Linear(10**6, 10**3)
        with pytest.raises(TooLargeError):
            torch.nn.Sequential(*(torch.nn.Linear(1, 1) for _ in range(10**6)))
    torch.nn.Linear(2000, 2000)


def test_numbers_are_found_wherever_they_stand() -> None:
    found = dict(numbers_of({"a": 1, "b": [2.5, {"c": 3}], "d": True, "e": "4", "f": None}))
    assert found == {"a": 1, "b.0": 2.5, "b.1.c": 3}


def test_the_schedule_of_stable_diffusion_is_what_it_was(good: dict[str, Path]) -> None:
    schedule, prediction = load_schedule(good["sd"])
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    assert prediction == "eps"
    assert schedule.alphas_cumprod is not None
    torch.testing.assert_close(schedule.alphas_cumprod.double(), torch.cumprod(1 - betas, 0), rtol=1e-4, atol=0)
