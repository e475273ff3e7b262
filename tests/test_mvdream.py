"""MVDream: both layouts of its weights, the published architecture layer by layer, its cameras, groups of four."""

from __future__ import annotations

import json
import math
import shutil
import warnings
from dataclasses import replace
from pathlib import Path

import mvdream_reference
import pytest
import tiny_models
import torch
from safetensors.torch import load_file, save_file

from gs_stein.cameras.options import OrbitCameras
from gs_stein.cameras.sampling import orbit
from gs_stein.config.schema import Config, ResolutionSchedule
from gs_stein.distill.options import SDS, DistillOptions
from gs_stein.gaussians.model import Gaussians, rgb_to_sh
from gs_stein.gaussians.options import BallStart
from gs_stein.optimize.loop import optimize
from gs_stein.optimize.networks import Priors, load_denoiser
from gs_stein.optimize.state import begin
from gs_stein.prior.checkpoints.folder import CheckpointError
from gs_stein.prior.checkpoints.load import load_prior
from gs_stein.prior.families import mvdream_original
from gs_stein.prior.families.mvdream import camera_matrices
from gs_stein.prior.measure_footprint import measure_folder
from gs_stein.prior.options import DiffusionOptions, Precision
from gs_stein.rasterize.options import RasterizeOptions
from gs_stein.rasterize.reference import rasterize_reference
from gs_stein.refine.options import RefineOptions
from gs_stein.types import Cameras
from gs_stein.update.options import NoDensify

SD21 = {
    "image_size": 8, "in_channels": 4, "out_channels": 4, "model_channels": 32, "attention_resolutions": [2, 1],
    "num_res_blocks": 1, "channel_mult": [1, 2, 2], "num_head_channels": 16, "use_linear_in_transformer": True,
    "transformer_depth": 1, "context_dim": 32, "camera_dim": 16,
}  # fmt: skip
"""As sd-v2.1-base-4view, in small."""
SD15 = {k: v for k, v in SD21.items() if k != "num_head_channels"} | {
    "num_heads": 4, "use_linear_in_transformer": False,
}  # fmt: skip
"""As sd-v1.5-4view, in small."""


@pytest.fixture(scope="module")
def stable_diffusion(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "sd"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tiny_models.stable_diffusion(folder)
    shutil.rmtree(folder / "unet")
    return folder


def make(base: Path, folder: Path, config: dict, weights: dict, name: str = "diffusion_pytorch_model.safetensors"):
    """A folder in the layout of the diffusers conversion."""
    shutil.copytree(base, folder)
    (folder / "unet").mkdir()
    index = json.loads((folder / "model_index.json").read_text())
    index |= {"_class_name": "MVDreamPipeline", "unet": ["mv_unet", "MultiViewUNetModel"]}
    (folder / "model_index.json").write_text(json.dumps(index))
    # The conversion drops what its own class does not ask for.
    dropped = ("use_linear_in_transformer",) if "num_head_channels" in config else ()
    kept = {key: value for key, value in config.items() if key not in dropped}
    (folder / "unet" / "config.json").write_text(json.dumps({"_class_name": "MultiViewUNetModel"} | kept))
    if name.endswith(".safetensors"):
        save_file(weights, folder / "unet" / name)
    else:
        torch.save({"state_dict": weights}, folder / "unet" / name)
    return folder


@pytest.fixture(scope="module")
def weights() -> dict:
    return mvdream_reference.random_weights(SD21, torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def folder(stable_diffusion, tmp_path_factory, weights) -> Path:
    return make(stable_diffusion, tmp_path_factory.mktemp("mvdream") / "mvdream", SD21, weights)


def load(folder: Path, **options):
    return load_prior(DiffusionOptions(model=str(folder), **options))


def around(*azimuths: float, elevation: float = 15.0) -> Cameras:
    n = len(azimuths)
    return orbit(torch.tensor(azimuths), torch.full((n,), elevation), torch.full((n,), 2.6), torch.full((n,), 50.0), 64)


LAYERS = {
    "input_blocks.0": "conv_in", "input_blocks.1": "down_blocks.0.attentions.0",
    "input_blocks.2": "down_blocks.0.downsamplers.0", "input_blocks.3": "down_blocks.1.attentions.0",
    "input_blocks.4": "down_blocks.1.downsamplers.0", "input_blocks.5": "down_blocks.2.resnets.0",
    "middle_block": "mid_block.resnets.1", "output_blocks.0": "up_blocks.0.resnets.0",
    "output_blocks.1": "up_blocks.0.upsamplers.0", "output_blocks.2": "up_blocks.1.attentions.0",
    "output_blocks.3": "up_blocks.1.upsamplers.0", "output_blocks.4": "up_blocks.2.attentions.0",
    "output_blocks.5": "up_blocks.2.attentions.1", "time_embed": "time_embedding",
}  # fmt: skip
"""Block of the published network → where diffusers' UNet has its result."""


@pytest.mark.parametrize("config", [SD21, SD15], ids=["sd21", "sd15"])
def test_every_layer_is_the_published_ones(stable_diffusion, tmp_path, config):
    generator = torch.Generator().manual_seed(1)
    weights = mvdream_reference.random_weights(config, generator)
    prior = load(make(stable_diffusion, tmp_path / "mvdream", config, weights))
    cameras, t = around(0.0, 90.0, 180.0, 270.0), torch.tensor([437.0, 81.0])
    x_t = torch.randn(2, 4, 4, 8, 8, generator=generator)
    text = [prior.embed(["a red chair"]), prior.embed([""])]
    seen: dict[str, torch.Tensor] = {}
    modules = dict(prior.network.named_modules())
    for name, where in LAYERS.items():

        def keep(module, args, output, name=name):
            seen[name] = output[0] if isinstance(output, tuple) else output

        modules[where].register_forward_hook(keep)
    with torch.no_grad():
        ours = prior.predict(x_t, t, text, cameras)
        published = mvdream_reference.Published(config, weights)
        context = torch.cat([one.tokens.expand(4, -1, -1) for one in text])
        told = camera_matrices(cameras).flatten(1).repeat(2, 1)
        theirs = published(x_t.flatten(0, 1), t.repeat_interleave(4), context, told)
    assert seen.keys() == published.trace.keys() - {"output_blocks.6"}
    for name, output in published.trace.items():
        torch.testing.assert_close(seen[name], output, rtol=1e-3, atol=1e-4, msg=lambda m, n=name: f"{n}: {m}")
    torch.testing.assert_close(ours.flatten(0, 1), theirs, rtol=1e-3, atol=1e-4)


def test_the_original_names_and_files_load_too(stable_diffusion, folder, weights, tmp_path):
    """With the prefix of the first release, other networks beside it, pickled."""
    whole = {f"model.diffusion_model.{name}": weight for name, weight in weights.items()}
    whole |= {"first_stage_model.encoder.conv_in.weight": torch.zeros(1), "cond_stage_model.x": torch.zeros(1)}
    original = make(stable_diffusion, tmp_path / "original", SD21, whole, "diffusion_pytorch_model.bin")
    a, b = load(folder).network.state_dict(), load(original).network.state_dict()
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a)
    half = load(original, precision=Precision.BF16)
    assert {p.dtype for p in half.network.parameters()} == {torch.bfloat16}


def test_the_first_release_becomes_a_folder(folder, weights, tmp_path, capsys):
    """Its configuration is read from the shapes: heads are what the two releases had, 64 numbers wide or eight."""
    base = tmp_path / "sd"
    shutil.copytree(folder, base)
    path = tmp_path / "sd-v2.1-base-4view.pt"
    torch.save({"state_dict": {f"model.diffusion_model.{name}": weight for name, weight in weights.items()}}, path)
    assert mvdream_original.main([str(path), str(base), str(tmp_path / "new")]) == 0
    found = json.loads((tmp_path / "new" / "unet" / "config.json").read_text())
    same = SD21.keys() - {"image_size", "num_head_channels"}
    assert {key: found[key] for key in same} == {key: SD21[key] for key in same}
    rewritten = found | {"num_head_channels": 16, "image_size": 8}
    (tmp_path / "new" / "unet" / "config.json").write_text(json.dumps(rewritten))
    a, b = load(folder).network.state_dict(), load(tmp_path / "new").network.state_dict()
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert mvdream_original.main([str(path), str(base), str(tmp_path / "new")]) == 2
    assert "is there already; give the name of a new folder" in capsys.readouterr().err
    torch.save({"model.diffusion_model.x": torch.zeros(1)}, path)
    assert mvdream_original.main([str(path), str(base), str(tmp_path / "other")]) == 2
    assert "is no checkpoint of MVDream" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


def published_camera(azimuth: float, elevation: float) -> torch.Tensor:
    """MVDream's camera-to-world matrix, as published: in OpenGL's world (y up), turned to Blender's."""
    a, e = math.radians(azimuth), math.radians(elevation)
    backward = torch.tensor([math.cos(e) * math.sin(a), math.sin(e), math.cos(e) * math.cos(a)])
    right = torch.nn.functional.normalize(torch.linalg.cross(torch.tensor([0.0, 1.0, 0.0]), backward), dim=0)
    up = torch.linalg.cross(backward, right)
    world = torch.eye(4)
    world[:3] = torch.stack([right, up, backward, backward], dim=1)
    to_blender = torch.tensor([[1.0, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]])
    return to_blender @ world


@pytest.mark.parametrize(("azimuth", "elevation"), [(0.0, 15.0), (90.0, 15.0), (180.0, 0.0), (-37.0, 41.0)])
def test_cameras_are_told_as_mvdream_learnt_them(azimuth, elevation):
    ours = camera_matrices(around(azimuth, elevation=elevation))[0]
    torch.testing.assert_close(ours, published_camera(azimuth, elevation), rtol=1e-5, atol=1e-5)


def test_a_turned_scene_is_seen_by_turned_cameras():
    """A ball that is red in the south and green in the east: whoever is told to stand south sees red, and when the
    scene is turned by a quarter the camera that is told to stand east sees red."""
    points = torch.nn.functional.normalize(torch.randn(400, 3, generator=torch.Generator().manual_seed(0)), dim=-1)
    colours = torch.full((400, 3), 0.1)
    colours[points[:, 1] < -0.7, 0] = 1.0  # south: red
    colours[points[:, 0] > 0.7, 1] = 1.0  # east: green
    quarter = torch.tensor([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])  # south → east, east → north
    cameras = around(0.0, 90.0, 180.0, 270.0, elevation=0.0).resized(32, 32)
    told = camera_matrices(cameras)[:, :3, 3]
    for turn in (torch.eye(3), quarter):
        scene = Gaussians(
            means=0.9 * points @ turn.T, log_scales=torch.full((400, 3), -2.3), sh=rgb_to_sh(colours)[:, None],
            quats=torch.tensor([1.0, 0.0, 0.0, 0.0]).expand(400, 4), opacity_logits=torch.full((400,), 4.0),
        )  # fmt: skip
        rgb = rasterize_reference(scene, cameras, RasterizeOptions(), torch.zeros(4, 3)).rgb[:, 12:20, 12:20]
        means = rgb.mean((1, 2))
        for channel, side in ((0, torch.tensor([0.0, -1.0, 0.0])), (1, torch.tensor([1.0, 0.0, 0.0]))):
            assert int(means[:, channel].argmax()) == int((told @ (turn @ side)).argmax())


def test_views_are_denoised_together_in_groups_of_four(folder):
    prior = load(folder)
    assert prior.knows_cameras
    assert prior.resolution == 16
    text, t = [prior.embed(["a red chair"])], torch.tensor([300.0])
    x_t = torch.randn(1, 8, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    cameras = around(*(45.0 * i for i in range(8)))
    every = prior.predict(x_t, t, text, cameras)
    for start in (0, 1):  # two groups, each all round
        four = prior.predict(x_t[:, start::2], t, text, cameras[start::2])
        torch.testing.assert_close(every[:, start::2], four, rtol=1e-4, atol=1e-5)
    changed = x_t.clone()
    changed[:, 2] += 1.0
    moved = (prior.predict(changed, t, text, cameras) - every).abs().flatten(2).amax(-1)[0] > 1e-5
    assert moved.tolist() == [True, False] * 4, "the others of its group see the change, nobody else does"
    prior._network.views_at_once = 1  # no fewer than a group
    torch.testing.assert_close(prior.predict(x_t, t, text, cameras), every, rtol=1e-4, atol=1e-5)
    other = prior.predict(x_t, t, text, around(*(45.0 * i + 20.0 for i in range(8))))
    assert (other - every).abs().max() > 1e-3, "it looks at the cameras"


def test_what_mvdream_cannot_do_is_told(folder, tmp_path):
    prior = load(folder)
    x_t, t, text = torch.zeros(1, 3, 4, 8, 8), torch.tensor([300.0]), [prior.embed([""])]
    with pytest.raises(ValueError, match="views: 3 views a step, but MVDream denoises 4 together; use --views 4"):
        prior.predict(x_t, t, text, around(0.0, 90.0, 180.0))
    with pytest.raises(ValueError, match="cameras: MVDream denoises four views jointly and needs their cameras"):
        prior.predict(x_t, t, text, None)
    with pytest.raises(ValueError, match="attention_slicing: only UNets have it"):
        load(folder, attention_slicing=True)


def damaged(folder: Path, to: Path, **changes) -> Path:
    shutil.copytree(folder, to)
    path = to / "unet" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return to


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ip_dim": 16}, "is ImageDream, which wants a picture besides the prompt; give MVDream"),
        ({"camera_dim": 12}, "camera_dim is no 16"),
        ({"channel_mult": None}, "config.json cannot be used"),
        ({"model_channels": 64}, "asks for a larger network|cannot be used"),
    ],
)
def test_other_configurations_are_refused_in_one_line(folder, tmp_path, changes, message):
    with pytest.raises(CheckpointError, match=message) as caught:
        load(damaged(folder, tmp_path / "model", **changes))
    assert "\n" not in str(caught.value)


def test_missing_weights_are_told(folder, tmp_path):
    model = Path(shutil.copytree(folder, tmp_path / "model"))
    path = model / "unet" / "diffusion_pytorch_model.safetensors"
    left = {name: weight for name, weight in load_file(path).items() if not name.startswith("camera_embed.2")}
    save_file(left, path)
    with pytest.raises(CheckpointError, match=r"lacks 2 weights of MVDream's network \(camera_embed.2.bias, …\)"):
        load(model)


def test_a_run_looks_at_an_object_as_mvdream_learnt_it(folder):
    """Four cameras a quarter turn apart at one height; eight are two such groups, each denoised by itself."""
    config = Config(
        prompt="a chair", views=8, iterations=1, densify=NoDensify(), start=BallStart(count=20),
        cameras=OrbitCameras(resolution=16), prior=DiffusionOptions(model=str(folder)),
        distill=DistillOptions(estimator=SDS()),
    )  # fmt: skip
    prior = load_denoiser(config)
    asked, original = [], prior._network.module.forward

    def keep(images, *args, class_labels, **settings):
        asked.extend(class_labels.reshape(-1, 4, 4, 4))
        return original(images, *args, class_labels=class_labels, **settings)

    prior._network.module.forward = keep
    for step in optimize(config, begin(config, Priors(prior), torch.device("cpu"))):
        assert not step.skipped
    assert len(asked) == 4, "two groups, with and without the prompt"
    for group in asked:
        places = group[:, :3, 3]
        torch.testing.assert_close(places[:, 2], places[:1, 2].expand(4))
        turned = torch.stack([-places[:, 1], places[:, 0]], dim=1)  # by a quarter, from south to east
        torch.testing.assert_close(places[:, :2].roll(-1, 0), turned, rtol=1e-4, atol=1e-4)


GROUPS = {
    "views": (dict(views=6), "^views: 6 a step, but .* denoises 4 views together; use --views 8, or another multiple"),
    "few": (dict(views=1), "^views: 1 a step, but .*; use --views 4, or another multiple"),
    "early": (
        dict(resolution=ResolutionSchedule(first=8, views=2)), r"^resolution.views: 2, but .*; use --resolution.views 4"
    ),
    "refined group": (dict(refine=RefineOptions(share=0.5, group=6)), r"^refine.group: 6, but .* 4 views together"),
    "refined views": (
        dict(refine=RefineOptions(share=0.5, views=(8, 10))), r"^refine.views: 8 and 10, but .*; use --refine.views 8 8"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", GROUPS)
def test_a_run_with_another_number_of_views_is_refused_before_it_starts(folder, case):
    changes, message = GROUPS[case]
    config = Config(prior=DiffusionOptions(model=str(folder)), cameras=OrbitCameras())
    with pytest.raises(ValueError, match=message) as caught:
        load_denoiser(replace(config, **changes))
    assert "\n" not in str(caught.value)
    assert load_denoiser(replace(config, views=8)).group == 4


def test_a_room_is_warned_of(folder):
    priors = Priors(load_denoiser(Config(prior=DiffusionOptions(model=str(folder)))))
    (line,) = priors.advice("a room", scene=True)
    assert "has never stood in a room; take --object" in line
    assert priors.advice("a chair", scene=False) == []


def test_no_memory_estimate_is_made_up(folder):
    assert measure_folder(folder) is None
