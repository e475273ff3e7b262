"""Our own networks' folders: diffusers' layout, read and written without diffusers, which takes seconds to import."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from gs_stein.prior.bundled import MultiViewDenoiser, NoisyDepth, PatchCodec
from gs_stein.prior.checkpoints.load import load_prior
from gs_stein.prior.checkpoints.registry import bundled_folder
from gs_stein.prior.options import DiffusionOptions
from gs_stein.prior.pretrained import Pretrained

STARTS = """
import sys
from gs_stein.command.auto import choose, sounds_like_a_scene
from gs_stein.config.schema import Config
from gs_stein.optimize.networks import load_priors
from gs_stein.optimize.state import begin

config = choose(Config(prompt="a red armchair")).config
assert not sounds_like_a_scene(config.prompt)
priors = load_priors(config)
assert priors.advice(config.prompt, False) == []
begin(config, priors, "cpu")
print([name for name in ("transformers", "diffusers", "accelerate", "pandas") if name in sys.modules])
"""


class Small(Pretrained):
    def __init__(self, width: int = 3, *, name: str = "x"):
        super().__init__()
        self.layer = torch.nn.Linear(width, 2)
        self.register_buffer("count", torch.zeros(1, dtype=torch.int64))


def test_a_folder_is_read_as_it_was_written(tmp_path: Path) -> None:
    made = Small(5)
    assert made.config == {"width": 5, "name": "x"}
    made.save_pretrained(tmp_path / "new" / "folder")
    found = Small.from_pretrained(tmp_path / "new" / "folder")
    assert found.config == made.config
    assert not found.training
    assert all(torch.equal(a, b) for a, b in zip(made.state_dict().values(), found.state_dict().values(), strict=True))
    half = Small.from_pretrained(tmp_path / "new" / "folder", torch_dtype=torch.bfloat16)
    assert half.dtype == torch.bfloat16
    assert half.count.dtype == torch.int64


def test_what_is_missing_is_listed_and_what_does_not_fit_is_raised(tmp_path: Path) -> None:
    Small(5).save_pretrained(tmp_path)
    path = tmp_path / "diffusion_pytorch_model.safetensors"
    state = load_file(path)
    save_file({"layer.weight": state["layer.weight"]}, path)
    _, info = Small.from_pretrained(tmp_path, output_loading_info=True)
    assert sorted(info["missing_keys"]) == ["count", "layer.bias"]
    save_file({**state, "layer.weight": torch.zeros(2, 4)}, path)
    with pytest.raises(RuntimeError, match=r"layer\.weight"):
        Small.from_pretrained(tmp_path)
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(ValueError, match="no arguments"):
        Small.from_pretrained(tmp_path)


def test_loading_draws_no_random_numbers_and_knows_no_private_keys(tmp_path: Path) -> None:
    Small(5).save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    assert config == {"_class_name": "Small", "name": "x", "width": 5}
    (tmp_path / "config.json").write_text(json.dumps({**config, "_diffusers_version": "0.42.1", "later": 1}))
    before = torch.get_rng_state()
    assert Small.from_pretrained(tmp_path).config == {"width": 5, "name": "x"}
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    ("name", "cls"),
    [
        ("network", MultiViewDenoiser),
        ("network_objects", MultiViewDenoiser),
        ("codec", PatchCodec),
        ("depth", NoisyDepth),
    ],
)
def test_the_bundled_networks_are_whole(name: str, cls: type[Pretrained]) -> None:
    network, info = cls.from_pretrained(bundled_folder() / name, output_loading_info=True)
    assert info["missing_keys"] == []
    assert not any(tensor.is_meta for tensor in network.state_dict().values())
    stored = load_file(bundled_folder() / name / "diffusion_pytorch_model.safetensors")
    assert stored.keys() == network.state_dict().keys()
    assert all(torch.equal(stored[key].float(), value) for key, value in network.state_dict().items())


@pytest.mark.slow
def test_a_run_with_the_bundled_prior_starts_without_the_large_libraries() -> None:
    done = subprocess.run([sys.executable, "-c", STARTS], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def test_an_option_that_a_good_model_refuses_is_no_damage() -> None:
    with pytest.raises(ValueError, match=r"^prior.resolution: this model works at 128 pixels, not 72; leave it unset$"):
        load_prior(DiffusionOptions(model="bundled", resolution=72))
