"""Configuration: what is laid over what, strictly, and that it can be repeated."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
import typing
from pathlib import Path

import pytest
import yaml

from gs_stein.bench.prompts import WRITTEN
from gs_stein.cameras.options import CameraOptions, OrbitCameras, RoomCameras
from gs_stein.command.parse import First, base_config, parse
from gs_stein.config.check import check_together
from gs_stein.config.presets import preset_file, presets_folder
from gs_stein.config.schema import Config
from gs_stein.config.serialize import RENAMED, merged, read_config, read_yaml, to_tree, to_yaml
from gs_stein.distill.options import SDS, SSD, VSD, Baseline, DistillOptions, Estimator
from gs_stein.gaussians.options import BallStart, FileStart, OutdoorStart, PointsStart, RoomStart, Start
from gs_stein.prior.options import DiffusionOptions, Weighting
from gs_stein.update.options import Densify, GradientDensify, LearningRates, MCMCDensify, NoDensify, RegularizeOptions

PRESETS = sorted(path.stem for path in presets_folder().glob("*.yaml"))


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_loads_strictly(name: str) -> None:
    base = base_config(First(preset=name, model="bundled"))
    assert merged(Config(), to_tree(base)) == base


def test_default_presets_fit_their_mode() -> None:
    scene, thing = base_config(First(scene=True, model="bundled")), base_config(First(model="bundled"))
    assert isinstance(scene.cameras, RoomCameras)
    assert isinstance(scene.start, RoomStart)
    assert scene.cameras.size == scene.start.size
    assert isinstance(thing.cameras, OrbitCameras)
    assert not thing.scene


def test_a_landscape_starts_under_the_sky_unless_told_otherwise() -> None:
    def of(prompt: str, *flags: str, model: str = "bundled") -> Config:
        return parse(["--model", model, "--prompt", prompt, *flags]).config

    forest = of("a forest", "--scene")
    assert isinstance(forest.start, OutdoorStart)
    assert forest.regularize.scale_slope > of("a kitchen", "--scene").regularize.scale_slope == 0
    assert isinstance(of("a kitchen", "--scene").start, RoomStart)
    assert isinstance(of("a kitchen", "--scene", "--outdoors", "yes").start, OutdoorStart)
    assert of("a forest", "--scene", "--outdoors", "no") == merged(of("a kitchen", "--scene"), {"prompt": "a forest"})
    assert isinstance(of("a forest", "--scene", "--start-kind", "room").start, RoomStart)
    assert isinstance(of("a forest", "--object").cameras, OrbitCameras)
    with pytest.raises(ValueError, match=r"outdoors: yes .* add --scene"):
        of("a forest", "--outdoors", "yes", "--object")
    with pytest.raises(ValueError, match="--scene and --object: both are given; give one of them"):
        of("a forest", "--scene", "--object")
    large = of("a forest", "--scene", model="sd15")
    assert isinstance(large.start, OutdoorStart)
    assert large.start.count == of("a kitchen", "--scene", model="sd15").start.count


def test_the_prompt_of_a_file_decides_too(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("prompt: a sandy desert\nscene: true\n")
    assert isinstance(parse(["--model", "bundled", "--config", str(file)]).config.start, OutdoorStart)


def test_a_small_prior_of_ones_own_gets_the_presets_of_the_bundled_one(tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_text('{"_class_name": "MultiViewPipeline"}')
    own, bundled = (base_config(First(scene=True, model=model)) for model in (str(tmp_path), "bundled"))
    assert own.iterations == bundled.iterations
    assert own.cameras == bundled.cameras
    assert own.prior.model == str(tmp_path)
    assert base_config(First(scene=True, model="sd15")).cameras != bundled.cameras


@pytest.mark.parametrize(
    "config",
    [
        Config(),
        Config(prompt="ünïcode: yes # no", seed=3, start=FileStart(Path("a b.ply")), densify=NoDensify()),
        Config(distill=DistillOptions(estimator=VSD(rank=3), weighting=Weighting.X0), densify=GradientDensify(cap=7)),
        Config(distill=DistillOptions(estimator=SSD((Baseline.CONSTANT, Baseline.NORMAL))), cameras=RoomCameras()),
        Config(start=PointsStart(Path("x.npy"), opacity=0.25), prior=DiffusionOptions(model="sd15", vae_fp32=True)),
    ],
)
def test_yaml_gives_back_the_same_configuration(config: Config, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(to_yaml(config), encoding="utf-8")
    assert read_config(path) == config


def test_partial_yaml_leaves_the_rest() -> None:
    base = Config(start=BallStart(count=7, radius=0.3), rates=LearningRates(means=(1.0, 0.5)))
    changed = merged(base, {"start": {"radius": 2}, "distill": {"guidance": {"scale": "1e1"}}})
    assert changed.start == BallStart(count=7, radius=2.0)
    assert changed.distill.guidance.scale == 10.0
    assert changed.rates == base.rates


def test_another_kind_starts_from_its_own_defaults() -> None:
    base = Config(start=BallStart(count=7))
    assert merged(base, {"start": {"kind": "room", "count": 9}}).start == RoomStart(count=9)
    assert merged(base, {"start": "room"}).start == RoomStart()
    assert merged(base, {"start": {"kind": "ball", "radius": 0.1}}).start == BallStart(count=7, radius=0.1)


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"sceen": True}, "unknown key sceen; did you mean scene?"),
        ({"reuse": 3}, "unknown key reuse; did you mean distill.reuse?"),
        ({"baselines": []}, "unknown key baselines; did you mean distill.estimator.baselines?"),
        ({"rates": {"mean": [1, 1]}}, "unknown key rates.mean; did you mean rates.means?"),
        ({"distill": {"guidance": {"scal": 3}}}, "did you mean distill.guidance.scale?"),
        ({"distill": {"estimator": "sdss"}}, "distill.estimator is 'sdss'; did you mean sds?"),
        ({"distill": {"estimator": {"kind": "ssd", "baseline": []}}}, "did you mean distill.estimator.baselines"),
        ({"distill": {"estimator": {"kind": "ssd", "baselines": ["depht"]}}}, "did you mean depth?"),
        ({"distill": {"weighting": "sigma3"}}, "did you mean sigma"),
        ({"rates": {"means": 3}}, "rates.means is 3; give a list of 2 values"),
        ({"rates": {"means": ["a", 1]}}, "rates.means[0] is 'a'; give a number"),
        ({"iterations": 1.5}, "iterations is 1.5; give a whole number"),
        ({"iterations": True}, "iterations is True; give a whole number"),
        ({"scene": "yes"}, "scene is 'yes'; give true or false"),
        ({"prompt": 3}, "prompt is 3; give text (in quotes)"),
        ({"background": "blue"}, "background is 'blue'; give one of black, white, grey, studio, random"),
        ({"distill": 3}, "distill is 3; give `key: value` lines"),
        ({"start": {"kind": "file"}}, "start.path is missing"),
        ({"start": {"kind": "file", "pth": "x"}}, "unknown key start.pth"),
        ({"distill": {"guidance": {"scale": float("nan")}}}, "distill.guidance.scale is nan; give a number"),
        ({"wholly different": 1}, "known here: prompt"),
    ],
)
def test_mistakes_are_named_in_one_line(tree: dict, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        merged(Config(), tree)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Config(iterations=0),
        lambda: Config(sh_degree=4),
        lambda: LearningRates(means=(1e-3, 1e-2)),
        lambda: RegularizeOptions(scale=-1.0),
        lambda: MCMCDensify(cap=0),
        lambda: MCMCDensify(start=0.9, stop=0.1),
        lambda: GradientDensify(share=0.0),
    ],
)
def test_values_out_of_range_are_refused(make) -> None:
    with pytest.raises(ValueError, match=": ") as caught:
        make()
    assert "\n" not in str(caught.value)


def test_files_that_are_no_mapping(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there is no file"):
        read_yaml(tmp_path / "none.yaml")
    bad = tmp_path / "bad.yaml"
    bad.write_text("a: [1\nb: }")
    with pytest.raises(ValueError, match="not valid YAML") as caught:
        read_yaml(bad)
    assert "\n" not in str(caught.value)
    bad.write_text("- 1\n- 2")
    with pytest.raises(ValueError, match="holds a list"):
        read_yaml(bad)
    bad.write_text("")
    assert read_yaml(bad) == {}


def test_flags_win_over_file_over_preset(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("seed: 5\niterations: 77\ndistill: {estimator: {kind: vsd, rank: 2}}\n")
    common = ["--prompt", "x", "--model", "bundled", "--scene", "--preset", "preview", "--config", str(file)]
    job = parse([*common, "--iterations", "78", "--distill.estimator.rank", "3", "--no-viewer", "--port", "9"])
    assert job.config.scene
    assert job.config.iterations == 78
    assert job.config.seed == 5
    assert job.config.distill.estimator == VSD(rank=3)
    assert isinstance(job.config.start, RoomStart)
    assert not job.run.viewer
    assert job.live.port == 9
    assert parse([*common, "--estimator", "sds"]).config.distill.estimator == SDS()
    assert parse([*common, "--estimator", "vsd"]).config.distill.estimator == VSD(rank=2)


def test_a_file_that_says_scene_needs_no_flag(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(to_yaml(base_config(First(scene=True, model="bundled"))))
    config = parse(["--config", str(file), "--prompt", "x", "--model", "bundled"]).config
    assert config.scene
    assert isinstance(config.cameras, RoomCameras)


def test_choices_of_start_and_densification(tmp_path: Path) -> None:
    def of(*flags: str) -> Config:
        return parse(["--prompt", "a cat", "--object", "--model", "bundled", *flags]).config

    assert isinstance(of("--init", "x.ply").start, FileStart)
    assert isinstance(of("--init", "x.npy").start, PointsStart)
    assert isinstance(of("--start-kind", "room", "--start.count", "5").start, RoomStart)
    assert of("--densify-kind", "gradient", "--densify.share", "0.5").densify == GradientDensify(share=0.5)


def test_unknown_preset_names_its_neighbour() -> None:
    with pytest.raises(ValueError, match="did you mean preview"):
        preset_file("previw")
    with pytest.raises(ValueError, match="did you mean gpu-8gb"):
        preset_file("GPU-8GB")
    with pytest.raises(ValueError, match=r"unknown; there are gpu-12gb, gpu-24gb, gpu-48gb, gpu-8gb, preview$"):
        preset_file("nonsense")


@pytest.mark.parametrize(("old", "new"), RENAMED.items())
def test_an_old_key_is_answered_with_the_new_one(old: str, new: str) -> None:
    room, key = old.split(".")
    with pytest.raises(ValueError, match=f"config: {old} is called {new} now"):
        merged(Config(), {room: {key: 0}})
    merged(Config(), {room: {new.split(".")[1]: getattr(getattr(Config(), room), new.split(".")[1])}})
    flag = "--" + old.replace("_", "-")
    with pytest.raises(ValueError, match=f"{flag} is called --{new.replace('_', '-')} now"):
        parse([flag, "0"])


def test_every_member_of_a_choice_has_a_name_of_its_own() -> None:
    for choice in (Estimator, Densify, Start, CameraOptions):
        names = [member.kind for member in typing.get_args(choice)]
        assert len(set(names)) == len(names)


def test_written_prompts_are_forty_different_ones() -> None:
    written = yaml.safe_load(WRITTEN.read_text())
    assert len(set(written["scenes"])) == 20
    assert len(set(written["objects"])) == 20


def test_help_and_presets_need_no_torch() -> None:
    code = (
        "import sys\nfrom gs_stein.command.parse import parse\n"
        "try:\n    parse(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'diffusers', 'transformers', 'viser', 'matplotlib', 'gsplat', 'numba'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "--prompt" in done.stdout


def test_what_does_not_fit_together_is_said_at_once() -> None:
    config = dataclasses.replace(base_config(First(model="bundled")), prompt="a red armchair")
    check_together(config)
    with pytest.raises(ValueError, match=r"rates\.prune_outside_hull: .*, refine\.seed_in_hull: .* need one"):
        check_together(dataclasses.replace(config, background="random"))
    with pytest.raises(ValueError, match="prompt: it is empty"):
        check_together(dataclasses.replace(config, prompt=" "))


def test_an_empty_prompt_is_told_before_torch_is_loaded() -> None:
    code = (
        "import sys\nfrom gs_stein.command.parse import parse\n"
        "try:\n    parse(['--prompt', ' ', '--scene'])\n"
        "except ValueError as error:\n    print(error, 'torch' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.startswith("prompt: it is empty; say what to make")
    assert done.stdout.endswith("False\n")
