"""CLIP as a judge: the same numbers as transformers', intervals that are right, a run judged, T3Bench's lists."""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
import tiny_models
import torch
from PIL import Image
from scenes import random_scene

from gs_stein.batch import ledger
from gs_stein.batch.ledger import Outcome
from gs_stein.batch.plan import Item
from gs_stein.batch.work import Runner
from gs_stein.bench import t3
from gs_stein.config.presets import preset_file
from gs_stein.evaluate import load_judge
from gs_stein.evaluate import main as evaluate_main
from gs_stein.gaussians.files import write_gaussians
from gs_stein.scorer import interval

PROMPTS = ["a red chair", "a blue lamp", "a green frog"]


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    """A tiny random CLIP, saved by its own classes."""
    from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel

    folder = tmp_path_factory.mktemp("clip") / "clip"
    torch.manual_seed(0)
    tokenizer, vocabulary = tiny_models.clip_tokenizer(folder.parent / "tokenizer")
    size = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = CLIPConfig(
        text_config={"vocab_size": vocabulary, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1, **size},
        vision_config={"image_size": 32, "patch_size": 8, **size}, projection_dim=8,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        CLIPModel(config).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}).save_pretrained(folder)
    return folder


def test_scores_are_transformers_own(clip):
    from transformers import CLIPImageProcessorPil, CLIPModel, CLIPTokenizer

    judge, model = load_judge(str(clip)), CLIPModel.from_pretrained(clip).eval()
    generator = torch.Generator().manual_seed(1)
    rgb = torch.nn.functional.interpolate(torch.rand(4, 3, 8, 8, generator=generator), (64, 64), mode="bilinear")
    rgb = (rgb * 255).round() / 255
    pictures = [Image.fromarray((one.permute(1, 2, 0) * 255).round().numpy().astype(np.uint8)) for one in rgb]
    pixels = CLIPImageProcessorPil.from_pretrained(clip)(pictures, return_tensors="pt").pixel_values
    batch = CLIPTokenizer.from_pretrained(clip)(PROMPTS, padding=True, return_tensors="pt")
    with torch.no_grad():
        logits = model(pixel_values=pixels, **batch).logits_per_image / model.logit_scale.exp()
    ours = judge.pictures(rgb) @ judge.prompts(PROMPTS).T
    torch.testing.assert_close(ours, logits, rtol=1e-3, atol=3e-3)  # resampled in bytes there
    exact = judge.pictures(pixels * judge.std + judge.mean) @ judge.prompts(PROMPTS).T
    torch.testing.assert_close(exact, logits, rtol=1e-4, atol=1e-5)


def test_r_precision_and_score_follow_from_the_cosines(clip, monkeypatch):
    judge = load_judge(str(clip))
    near = torch.tensor([[0.9, 0.1, 0.0], [0.8, 0.3, 0.2], [0.2, 0.5, 0.1], [-0.4, 0.1, -0.5]])
    monkeypatch.setattr(judge, "pictures", lambda rgb: near)
    monkeypatch.setattr(judge, "prompts", lambda texts: torch.eye(3)[: len(texts)])
    found = judge.judge(torch.zeros(4, 3, 32, 32), PROMPTS[0], PROMPTS[1:])
    assert found["r_precision"] == 0.5
    assert found["clip_score"] == pytest.approx(100 * (0.9 + 0.8 + 0.2 + 0.0) / 4)
    assert (found["prompts"], found["views"]) == (3, 4)
    for name in ("r_precision", "clip_score"):
        low, high = found[f"{name}_interval"]
        assert low < found[name] < high


def test_intervals_cover_the_mean_as_often_as_they_say():
    generator = torch.Generator().manual_seed(0)
    hits = 0
    for _ in range(200):
        low, high = interval(torch.randn(40, generator=generator) + 3.0, samples=400)
        hits += low <= 3.0 <= high
    assert 0.88 <= hits / 200 <= 0.99
    assert interval(torch.full((5,), 2.0)) == [2.0, 2.0]


def make_run(folder: Path, prompt: str) -> Path:
    """What a finished run leaves, as far as judges read it."""
    folder.mkdir(parents=True)
    text = preset_file("object").read_text()
    (folder / "config.yaml").write_text(f"prompt: {prompt}\n" + text.replace("scene: true", "scene: false"))
    write_gaussians(folder / "point_cloud.ply", random_scene(60, degree=0).to(torch.float32))
    (folder / "report.json").write_text(json.dumps({"seconds": 1.0}))
    return folder


def test_a_run_is_judged_by_the_clip_that_was_named(clip, tmp_path, capsys, monkeypatch):
    from gs_stein import evaluate

    monkeypatch.setattr(evaluate, "depth_agreement", lambda *a: {"skipped": "not looked at here"})
    run = make_run(tmp_path / "run", PROMPTS[0])
    assert evaluate_main([str(run), "--clip", str(clip), "--views", "4"]) == 0
    found = json.loads((run / "evaluation.json").read_text())
    assert json.loads(capsys.readouterr().out) == found
    judged = found["clip"]
    assert judged["scorer"] == str(clip)
    assert (judged["prompts"], judged["views"]) == (50, 4)
    assert judged["clip_score_interval"][0] <= judged["clip_score"] <= judged["clip_score_interval"][1]
    assert evaluate_main([str(run), "--views", "2"]) == 0
    assert "clip" not in json.loads(capsys.readouterr().out)


KINDS = {"named kinds": {"a": 1}, "one word": "CLIPModel", "no kind": []}


def broken(clip: Path, to: Path, case: str) -> Path:
    shutil.copytree(clip, to)
    config = json.loads((to / "config.json").read_text())
    if case == "kind":
        (to / "config.json").write_text(json.dumps(config | {"architectures": ["BertModel"]}))
    elif case in KINDS:
        (to / "config.json").write_text(json.dumps(config | {"architectures": KINDS[case]}))
    elif case == "pipeline":
        (to / "model_index.json").write_text("{}")
    elif case == "no config":
        (to / "config.json").unlink()
    elif case == "cut":
        path = to / "model.safetensors"
        path.write_bytes(path.read_bytes()[:-10])
    elif case == "no weights":
        (to / "model.safetensors").unlink()
    return to


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("kind", "holds BertModel, not a CLIPModel; give e.g. openai/clip-vit-base-patch16"),
        ("named kinds", "holds {'a': 1}, not a CLIPModel"),
        ("one word", "holds CLIPModel, not"),
        ("no kind", r"holds \[\], not a CLIPModel"),
        ("pipeline", "is a model of pictures; give a CLIP, e.g. openai/clip-vit-base-patch16"),
        ("no config", "config.json in .* cannot be read"),
        ("cut", "is cut short .*; get the folder again"),
        ("no weights", "has no weights .*; get the folder again"),
    ],
)
def test_what_is_no_clip_is_told_in_one_line(clip, tmp_path, case, message):
    with pytest.raises(ValueError, match=f"^clip: .*{message}") as caught:
        load_judge(str(broken(clip, tmp_path / "clip", case)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("with_clip", [True, False])
def test_t3_judges_finished_runs_and_says_by_what(clip, tmp_path, capsys, monkeypatch, with_clip):
    monkeypatch.setattr(Runner, "run", lambda *a: pytest.fail("ran again"))
    prompts = tmp_path / "prompt_surr.txt"
    prompts.write_bytes("\r\n".join(["\ufeff" + PROMPTS[0], *PROMPTS[1:], PROMPTS[0], ""]).encode())
    for prompt in PROMPTS:
        run = make_run(tmp_path / "out" / f"{prompt.replace(' ', '-')}-auto-full-s0", prompt)
        asked = {"prompt": prompt, "scene": False, "preset": None, "outdoors": "auto", "seed": 0, "options": {}}
        (run / "batch.json").write_text(json.dumps({"asked": asked, "began": 1.0, "ended": 2.0}))
    arguments = ["--prompts", str(prompts), "--output", str(tmp_path / "out"), "--views", "2", "--json"]
    assert t3.main([*arguments, *(["--clip", str(clip)] if with_clip else [])]) == 0
    said = capsys.readouterr().out
    found = json.loads(said.splitlines()[-1])
    assert found["prompts"] == 3
    assert 0 <= found["r_precision_interval"][0] <= found["r_precision"] <= found["r_precision_interval"][1] <= 1
    assert ("clip_score" in found) == with_clip
    assert found["scorer"] == (str(clip) if with_clip else "gs_stein's own small scorer")
    assert f"gs_stein, by {found['scorer']}: R-precision" in said
    assert "by T3Bench's own scorers (another unit; t3bench.com, arXiv 2310.02977)" in said
    assert "ProlificDreamer     44.8" in said, "the column of this list alone"
    assert json.loads((tmp_path / "out" / "t3.json").read_text()) == found


def test_t3s_list_and_failures_are_one_line(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"prompts: .* cannot be read .*; give a text file with a prompt a line"):
        t3.main(["--prompts", str(tmp_path / "none.txt")])
    (tmp_path / "empty.txt").write_text("\n")
    with pytest.raises(ValueError, match="is empty; give a text file with a prompt a line"):
        t3.main(["--prompts", str(tmp_path / "empty.txt")])
    (tmp_path / "one.txt").write_text("a chair")
    one = ["--prompts", str(tmp_path / "one.txt"), "--output", str(tmp_path / "out")]
    with pytest.raises(ValueError, match="preset: 'nowhere' is unknown"):
        t3.main([*one, "--preset", "nowhere"])
    monkeypatch.setattr(Runner, "run", lambda self, item, *a: Outcome("failed", "no luck"))
    monkeypatch.setattr(ledger, "look", lambda output, item: Outcome("failed", "no luck"))
    with pytest.raises(ValueError, match="prompts: 'a chair' is failed: no luck"):
        t3.main(one)
    for name, value in (("views", "0"), ("first", "-1")):
        with pytest.raises(ValueError, match=f"^{name}: {value} is below"):
            t3.main([*one, f"--{name}={value}"])


def test_t3s_runs_are_a_batch_of_objects_by_the_model_that_was_named(tmp_path, monkeypatch):
    made = []

    def run(self: Runner, item: Item, controls: object, watch: object) -> Outcome:
        made.append(item.config())
        return Outcome("finished", "")

    monkeypatch.setattr(Runner, "run", run)
    monkeypatch.setattr(ledger, "look", lambda output, item: Outcome("finished" if made else "new"))
    options = t3.Options(tmp_path / "list.txt", model="bundled", preset="preview", seed=3, output=tmp_path / "out")
    folders = t3.make(["a chair"], options)
    assert [(c.prompt, c.scene, c.seed, c.prior.model) for c in made] == [("a chair", False, 3, "bundled")]
    assert folders == [tmp_path / "out" / "a-chair-bundled-preview-s3"]


def test_a_folder_that_is_not_there_is_told_with_what_to_give(tmp_path):
    from gs_stein.prior.checkpoints.registry import locate_network

    with pytest.raises(ValueError, match=r"is not known; give a folder, or a hub id"):
        locate_network(str(tmp_path / "none"), (), "clip")
    with pytest.raises(ValueError, match=r"^clip: '' is not known; give a folder, or a hub id"):
        load_judge("")
