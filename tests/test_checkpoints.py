"""Which checkpoints there are, and one line for every way of not getting one.

The hub's client is exercised for real against a little server on this machine; errors it cannot be made to raise that
way are raised as its own exception classes from its lowest call.
"""

from __future__ import annotations

import http.server
import json
import re
import shutil
import threading
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub
import pytest
import tiny_models
from huggingface_hub import errors

from gs_stein.prior.checkpoints import download
from gs_stein.prior.checkpoints.folder import CheckpointError, check_folder, choose_weights, select_files, weight_file
from gs_stein.prior.checkpoints.load import load_prior
from gs_stein.prior.checkpoints.registry import (
    DEPTH,
    MODELS,
    NEWER,
    RETIRED,
    TINY,
    bundled_folder,
    bundled_for,
    is_bundled,
    locate,
    locate_network,
    tiny_decoder_of,
)
from gs_stein.prior.options import DiffusionOptions


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("models") / "sd"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tiny_models.stable_diffusion(path)
    return path


@pytest.fixture
def copy(folder, tmp_path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "model"))


@pytest.fixture
def cache(monkeypatch, tmp_path) -> Path:
    """An empty hub cache, and no waiting between a client's attempts."""
    path = tmp_path / "cache"
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(path))
    return path


def refused(message: str, model: str = "", **options) -> str:
    """Loading is refused with one line that matches; returns it."""
    with pytest.raises(CheckpointError, match=message) as caught:
        load_prior(DiffusionOptions(model=model, **options))
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("model: ")
    return str(caught.value)


def test_names_are_pinned_to_commits():
    assert [spec.name for spec in MODELS] == ["sd15", "sd21-base", "sd21", "sdxl", "sd3"]
    for spec in (*MODELS, *DEPTH, *TINY):
        assert re.fullmatch(r"[0-9a-f]{40}", spec.revision), spec.name
        assert re.fullmatch(r"[\w.-]+/[\w.-]+", spec.repo)
    assert {spec.prediction for spec in MODELS} == {"eps", "v", "flow"}
    assert {spec.tiny_decoder for spec in MODELS} <= {spec.name for spec in TINY}
    assert not {repo for repo, _ in RETIRED} & {spec.repo for spec in MODELS}
    assert {name for _, name in RETIRED} <= {spec.name for spec in MODELS}
    for newer in NEWER:  # whose commits nobody could look up: they are what the hub has
        assert locate(newer.name).repo == newer.repo
        assert tiny_decoder_of(str(locate(newer.name))) == newer.tiny_decoder
        assert newer.tiny_decoder in (None, *(spec.name for spec in TINY))
    assert tiny_decoder_of(str(locate("sdxl"))) == "taesdxl"


def test_locate(tmp_path, monkeypatch):
    assert locate("bundled").folder == bundled_folder()
    scenes, objects = (locate(bundled_for("bundled", scene)) for scene in (True, False))
    assert objects.folder == bundled_folder()
    assert (scenes.network, objects.network) == ("network", "network_objects")
    assert str(scenes) != str(objects)
    assert is_bundled("bundled-objects")
    assert not is_bundled("sd15")
    assert bundled_for("sd15", scene=False) == "sd15"
    sdxl = locate("sdxl")
    assert (sdxl.repo, sdxl.folder) == ("stabilityai/stable-diffusion-xl-base-1.0", None)
    assert sdxl.revision == "462165984030d82259a11f4367a4eed129e94a7b"
    assert locate("stabilityai/stable-diffusion-xl-base-1.0") == sdxl, "the full id is pinned too"
    other = locate("someone/some-model")
    assert (other.repo, other.revision, other.spec) == ("someone/some-model", None, None)
    assert locate("someone/some-model@v1.5").revision == "v1.5"
    assert locate(str(tmp_path)).folder == tmp_path
    (tmp_path / "someone" / "some-model").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert locate("someone/some-model").folder == tmp_path / "someone" / "some-model", "folders come first"


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("sd15x", r"'sd15x' is not known; did you mean sd15\? give one of bundled, sd15"),
        (
            "zebra",
            r"'zebra' is not known; give one of bundled, sd15, sd21-base, sd21, sdxl, sd3, mvdream, pixart-sigma, "
            r"sana, flux2-klein, z-image, a diffusers folder",
        ),
        ("", "it is empty; give one of bundled"),
        ("/no/such/folder", "there is no folder /no/such/folder; check the path"),
        ("./models/sd", r"there is no folder models/sd; check the path"),
        ("~/models/sd", r"there is no folder .*/models/sd; check the path"),
        ("a/b/c", "there is no folder a/b/c; check the path"),
        ("C:\\models\\sd", "there is no folder"),
        ("v1-5-pruned.safetensors", "is a single file, not a diffusers folder; convert it once"),
        ("runwayml/stable-diffusion-v1-5", "was removed from the hub; use --model sd15"),
        ("stabilityai/stable-diffusion-2-1-base", "was removed from the hub; use --model sd21-base"),
    ],
)
def test_what_is_not_a_model_is_said_in_one_line(model, message):
    refused(message, model)


def test_auxiliary_networks(tmp_path):
    assert locate_network(str(tmp_path), DEPTH, "depth.model") == tmp_path
    with pytest.raises(CheckpointError, match=r"depth.model: 'zoe' is not known; give one of midas, depth-anything"):
        locate_network("zoe", DEPTH, "depth.model")


# Wrong folders, and half-downloaded ones.
def rewrite(path: Path, **changes) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def shorten(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def only(folder: Path, *keep: str) -> None:
    for path in folder.iterdir():
        if path.name not in keep:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def to_component(folder: Path) -> None:
    for path in (folder / "unet").iterdir():
        shutil.copy(path, folder)
    only(folder, "config.json", "diffusion_pytorch_model.safetensors")


def to_lora(folder: Path) -> None:
    only(folder)
    (folder / "adapter_config.json").write_text("{}")


def to_single(folder: Path) -> None:
    only(folder)
    (folder / "v1-5.ckpt").write_bytes(b"x")


def to_cache_entry(folder: Path) -> None:
    only(folder)
    (folder / "snapshots" / "abc").mkdir(parents=True)


def to_pointer(folder: Path) -> None:
    (folder / "unet" / "diffusion_pytorch_model.safetensors").write_bytes(
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3438167536\n"
    )


def to_shards(folder: Path) -> None:
    unet = folder / "unet"
    (unet / "diffusion_pytorch_model.safetensors").rename(unet / "diffusion_pytorch_model-00001-of-00002.safetensors")


WRONG = {
    "empty": (only, "is empty; give a diffusers folder"),
    "component": (to_component, "holds only UNet2DConditionModel; give the pipeline folder above it"),
    "lora": (to_lora, "holds a LoRA, not a full model"),
    "single file": (to_single, "holds the single file v1-5.ckpt; convert it once"),
    "cache entry": (to_cache_entry, "is a hub cache entry, not a checkpoint; give --model .*snapshots/abc"),
    "something else": (lambda f: only(f, "vae"), "has no model_index.json"),
    "cut index": (lambda f: shorten(f / "model_index.json"), "model_index.json in .* is not valid JSON"),
    "no unet": (lambda f: shutil.rmtree(f / "unet"), "unet/ is missing in .*; the download is incomplete"),
    "no weights": (
        lambda f: (f / "vae" / "diffusion_pytorch_model.safetensors").unlink(), "vae/ has no complete set of weights",
    ),
    "cut weights": (
        lambda f: shorten(f / "unet" / "diffusion_pytorch_model.safetensors"),
        r"unet/diffusion_pytorch_model.safetensors is cut short \(\d+ of \d+ bytes\) in .*; the download is incomplete",
    ),
    "empty weights": (
        lambda f: (f / "unet" / "diffusion_pytorch_model.safetensors").write_bytes(b""), "is cut short",
    ),
    "noise": (
        lambda f: (f / "unet" / "diffusion_pytorch_model.safetensors").write_bytes(bytes([8, *[0] * 7]) + b"not json"),
        "has a damaged header",
    ),
    "missing shard": (to_shards, "unet/ has no complete set of weights"),
    "pointer": (to_pointer, "is a git-lfs pointer, not the weights; run `git lfs pull`"),
    "unfinished": (
        lambda f: (f / "vae" / "abc.incomplete").write_bytes(b""), "vae/ holds an unfinished download",
    ),
    "no config": (lambda f: (f / "text_encoder" / "config.json").unlink(), "text_encoder/config.json is missing"),
    "no vocabulary": (
        lambda f: [p.unlink() for p in (f / "tokenizer").iterdir() if p.suffix in (".json", ".txt")],
        "tokenizer/ has no vocabulary",
    ),
    "no scheduler": (
        lambda f: (f / "scheduler" / "scheduler_config.json").unlink(), "scheduler_config.json is missing",
    ),
    "edm": (
        lambda f: rewrite(f / "scheduler" / "scheduler_config.json", _class_name="EDMEulerScheduler"),
        "uses EDMEulerScheduler, whose noise process gs_stein does not know",
    ),
    "other network": (
        lambda f: rewrite(f / "model_index.json", unet=["diffusers", "UNet3DConditionModel"]),
        "denoises with UNet3DConditionModel, which gs_stein cannot drive; give a Stable Diffusion 1.x/2.x, SDXL or SD3",
    ),
    "other vae": (
        lambda f: rewrite(f / "model_index.json", vae=["diffusers", "VQModel"]), "encodes with VQModel, which gs_stein",
    ),
    "no text encoder": (
        lambda f: rewrite(f / "model_index.json", text_encoder=[None, None]), "has no text_encoder",
    ),
    "no vae": (lambda f: rewrite(f / "model_index.json", vae=[None, None]), "without vae or codec"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_wrong_and_half_downloaded_folders(copy, case):
    break_it, message = WRONG[case]
    break_it(copy)
    refused(message, str(copy))


def drop_weight(path: Path) -> str:
    """Take one weight out of a file that stays whole otherwise; returns its name."""
    from safetensors.torch import load_file, save_file

    weights = load_file(path)
    name = next(name for name in sorted(weights) if name.endswith("norm2.weight"))
    del weights[name]
    save_file(weights, path, metadata={"format": "pt"})
    return name


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_weights_that_a_file_lacks_are_not_made_up(copy, part):
    """The libraries would fill them at random (or leave them without content) and say so only in their logs."""
    name = drop_weight(next((copy / part).glob("*.safetensors")))
    with pytest.raises(CheckpointError, match=rf"{part} lacks 1 weights of \w+ \({name}, …\)"):
        load_prior(DiffusionOptions(model=str(copy))).embed(["a room"])


def test_other_text_encoders_are_refused_when_prompts_come(copy):
    rewrite(copy / "model_index.json", text_encoder=["transformers", "GemmaModel"])
    with pytest.raises(CheckpointError, match="reads prompts with GemmaModel, which gs_stein cannot drive"):
        load_prior(DiffusionOptions(model=str(copy))).embed(["a room"])


def test_a_config_that_contradicts_its_weights(copy):
    rewrite(copy / "unet" / "config.json", cross_attention_dim=48)
    refused("unet cannot be loaded as UNet2DConditionModel", str(copy))


def test_inpainting_models_are_recognised(tmp_path, folder):
    path = Path(shutil.copytree(folder, tmp_path / "model"))
    tiny_models.unet(in_channels=9).save_pretrained(path / "unet")
    refused("takes 9 channels but its latents have 4 \\(an inpainting", str(path))


def test_models_distilled_to_a_few_steps_are_refused(tmp_path, folder):
    path = Path(shutil.copytree(folder, tmp_path / "model"))
    tiny_models.unet(time_cond_proj_dim=16).save_pretrained(path / "unet")
    refused("distilled to a few steps \\(LCM\\)", str(path))


def test_unused_components_may_be_absent(copy):
    rewrite(copy / "model_index.json", safety_checker=["stable_diffusion", "StableDiffusionSafetyChecker"])
    assert load_prior(DiffusionOptions(model=str(copy))).resolution == 32


# Choosing among a repository's files.
SD15_FILES = [
    ".gitattributes", "README.md", "model_index.json", "v1-5-pruned.ckpt", "v1-5-pruned-emaonly.safetensors",
    "feature_extractor/preprocessor_config.json", "safety_checker/config.json",
    "safety_checker/model.fp16.safetensors", "scheduler/scheduler_config.json", "text_encoder/config.json",
    "text_encoder/model.fp16.safetensors", "text_encoder/model.safetensors", "text_encoder/pytorch_model.bin",
    "tokenizer/merges.txt", "tokenizer/special_tokens_map.json", "tokenizer/tokenizer_config.json",
    "tokenizer/vocab.json", "unet/config.json", "unet/diffusion_pytorch_model.bin",
    "unet/diffusion_pytorch_model.fp16.bin", "unet/diffusion_pytorch_model.fp16.safetensors",
    "unet/diffusion_pytorch_model.non_ema.safetensors", "unet/diffusion_pytorch_model.safetensors",
    "vae/config.json", "vae/diffusion_pytorch_model.fp16.safetensors", "vae/diffusion_pytorch_model.safetensors",
]  # fmt: skip


def test_half_the_weights_are_fetched_for_half_precision():
    wanted = select_files(SD15_FILES, half=True)
    assert set(wanted) == {
        "model_index.json", "scheduler/scheduler_config.json", "text_encoder/config.json",
        "text_encoder/model.fp16.safetensors", "tokenizer/merges.txt", "tokenizer/special_tokens_map.json",
        "tokenizer/tokenizer_config.json", "tokenizer/vocab.json", "unet/config.json",
        "unet/diffusion_pytorch_model.fp16.safetensors", "vae/config.json",
        "vae/diffusion_pytorch_model.fp16.safetensors",
    }  # fmt: skip
    full = select_files(SD15_FILES, half=False)
    assert "unet/diffusion_pytorch_model.safetensors" in full
    assert not [name for name in full if "fp16" in name or name.endswith(".bin") or "non_ema" in name]


def test_sharded_weights_bring_their_index_and_t5_can_be_left_out():
    files = [
        "model_index.json", "text_encoder_3/config.json", "text_encoder_3/model-00001-of-00002.safetensors",
        "text_encoder_3/model-00002-of-00002.safetensors", "text_encoder_3/model.safetensors.index.json",
        "text_encoder_3/model.fp16-00001-of-00002.safetensors", "text_encoder_3/model.safetensors.index.fp16.json",
        "text_encoder_3/model.fp16-00002-of-00002.safetensors", "transformer/config.json",
        "transformer/diffusion_pytorch_model.safetensors",
    ]  # fmt: skip
    wanted = select_files(files, half=True)
    assert "text_encoder_3/model.fp16-00002-of-00002.safetensors" in wanted
    assert "text_encoder_3/model.safetensors.index.fp16.json" in wanted
    assert "text_encoder_3/model-00001-of-00002.safetensors" not in wanted
    assert "transformer/diffusion_pytorch_model.safetensors" in wanted, "there is no fp16 copy of this one"
    assert not [n for n in select_files(files, half=True, skip=("text_encoder_3",)) if "text_encoder_3" in n]


@pytest.mark.parametrize(
    ("name", "half", "shards"),
    [
        ("model.safetensors", False, 1), ("diffusion_pytorch_model.fp16.safetensors", True, 1),
        ("diffusion_pytorch_model-00001-of-00002.fp16.safetensors", True, 2),
        ("model.fp16-00002-of-00002.safetensors", True, 2), ("pytorch_model.bin", False, 1),
    ],
)  # fmt: skip
def test_weight_names(name, half, shards):
    parsed = weight_file(name)
    assert parsed is not None
    assert (parsed.half, parsed.shards) == (half, shards)


def test_weights_prefer_safetensors_then_precision_and_want_every_shard():
    assert choose_weights(["pytorch_model.bin", "model.fp16.safetensors"], half=False) == ["model.fp16.safetensors"]
    assert choose_weights(["pytorch_model.bin", "config.json"], half=True) == ["pytorch_model.bin"]
    assert choose_weights(["model-00001-of-00002.safetensors", "model.onnx"], half=False) == []
    assert weight_file("diffusion_pytorch_model.non_ema.safetensors") is None


def test_half_precision_folders_load_by_their_variant(folder, tmp_path):
    """A folder that has only fp16 files, as downloads for a GPU have."""
    import torch
    from diffusers import StableDiffusionPipeline

    path = tmp_path / "half"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipeline = StableDiffusionPipeline.from_pretrained(folder, torch_dtype=torch.float16)
        pipeline.save_pretrained(path, variant="fp16")
    assert (path / "unet" / "diffusion_pytorch_model.fp16.safetensors").is_file()
    prior = load_prior(DiffusionOptions(model=str(path)))
    assert next(prior.network.parameters()).dtype == torch.float32
    assert prior.embed(["a room"]).tokens.dtype == torch.float32


# The hub.
@dataclass
class FakeHub:
    """A hub with one repository, or one that answers everything with a status."""

    root: Path
    status: int = 200
    code: str | None = None
    requests: list[str] = field(default_factory=list)
    commit = "a" * 40

    def start(self) -> tuple[http.server.ThreadingHTTPServer, str]:
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                fake.answer(self, body=True)

            def do_HEAD(self):
                fake.answer(self, body=False)

            def log_message(self, *args):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server, f"http://127.0.0.1:{server.server_port}"

    def answer(self, request: http.server.BaseHTTPRequestHandler, body: bool) -> None:
        path = request.path.split("?")[0]
        self.requests.append(f"{request.command} {path}")
        headers, data, status = {}, b"", self.status
        files = [p for p in self.root.rglob("*") if p.is_file()]
        if status != 200:
            headers = {"X-Error-Code": self.code} if self.code else {}
            headers["X-Error-Message"] = "as the hub says\nin several lines"
        elif "/tree/" in path:
            listed = [
                {"type": "file", "path": str(p.relative_to(self.root)), "size": p.stat().st_size, "oid": "0" * 40}
                for p in files
            ]
            data, headers = json.dumps(listed).encode(), {"Content-Type": "application/json"}
        elif path.startswith("/api/models/"):
            info = {
                "id": "someone/tiny", "sha": self.commit, "private": False, "tags": [], "downloads": 0,
                "siblings": [{"rfilename": str(p.relative_to(self.root))} for p in files],
            }  # fmt: skip
            data, headers = json.dumps(info).encode(), {"Content-Type": "application/json"}
        elif "/resolve/" in path and (self.root / path.split("/", 5)[5]).is_file():
            data = (self.root / path.split("/", 5)[5]).read_bytes()
            headers = {"ETag": f'"{hash(path) & 0xFFFFFFFF:08x}"', "X-Repo-Commit": self.commit}
        else:
            status = 404
            headers = {"X-Error-Code": "EntryNotFound"}
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value.replace("\n", " "))
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        if body:
            request.wfile.write(data)


@pytest.fixture
def fake_hub(folder, cache, monkeypatch):
    fake = FakeHub(folder)
    server, address = fake.start()
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", address)
    monkeypatch.setattr(
        huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}"
    )
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    huggingface_hub.utils.disable_progress_bars()
    yield fake
    server.shutdown()
    server.server_close()


def test_a_hub_id_is_downloaded_once_then_used_without_network(fake_hub, cache):
    (fake_hub.root / "v1-5.ckpt").write_bytes(b"not wanted")
    try:
        prior = load_prior(DiffusionOptions(model="someone/tiny"))
    finally:
        (fake_hub.root / "v1-5.ckpt").unlink()
    assert prior.identity == "someone/tiny@main"
    assert prior.resolution == 32
    fetched = [r for r in fake_hub.requests if r.startswith("GET") and "/resolve/" in r]
    assert len(fetched) == len(set(fetched)) == len(select_files(
        [str(p.relative_to(fake_hub.root)) for p in fake_hub.root.rglob("*") if p.is_file()], half=False
    ))  # fmt: skip
    assert not [r for r in fake_hub.requests if "ckpt" in r]
    count = len(fake_hub.requests)
    load_prior(DiffusionOptions(model="someone/tiny"))
    assert len(fake_hub.requests) == count


def test_an_unfinished_download_is_resumed_not_trusted(fake_hub, cache):
    load_prior(DiffusionOptions(model="someone/tiny"))
    folder = download.cached_folder("someone/tiny", None)
    assert folder is not None
    check_folder(folder, half=False)
    (folder / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    assert load_prior(DiffusionOptions(model="someone/tiny")).resolution == 32
    check_folder(folder, half=False)
    blob = (folder / "unet" / "diffusion_pytorch_model.safetensors").resolve()
    assert blob.parent.name == "blobs"
    blob.unlink()  # a pruned cache: the link stays, and points to nothing
    assert load_prior(DiffusionOptions(model="someone/tiny")).resolution == 32
    check_folder(folder, half=False)


def test_a_repository_that_is_no_pipeline(fake_hub, tmp_path):
    fake_hub.root = tmp_path / "other"
    fake_hub.root.mkdir()
    (fake_hub.root / "config.json").write_text("{}")
    refused("someone/tiny is not a diffusers pipeline \\(no model_index.json\\)", "someone/tiny")


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (401, "RepoNotFound", "someone/tiny does not exist on the hub \\(removed, renamed or private"),
        (401, None, "someone/tiny does not exist on the hub"),
        (404, "RepoNotFound", "someone/tiny does not exist on the hub"),
        (403, "GatedRepo", "someone/tiny is gated; accept its licence at http.*/someone/tiny with your account"),
        (401, "GatedRepo", "someone/tiny is gated; accept its licence"),
        (403, None, "the hub refuses someone/tiny to this account \\(403\\)"),
        (404, "RevisionNotFound", "someone/tiny has no revision 'v9'"),
        (500, None, "the hub failed with status 500 for someone/tiny; try later"),
    ],
)
def test_every_refusal_of_the_hub_is_told_apart_and_nothing_is_retried(fake_hub, status, code, message):
    fake_hub.status, fake_hub.code = status, code
    refused(message, "someone/tiny@v9")
    assert len([r for r in fake_hub.requests if "agent-harnesses" not in r]) == 1  # huggingface_hub's own


def test_an_unreachable_hub(cache, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    refused("cannot reach http://127.0.0.1:9 to get someone/tiny; check the network or give a local", "someone/tiny")


def test_offline_mode(cache, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    refused("is not in the cache and HF_HUB_OFFLINE is set; unset it once to download", "sd15")
    snapshot = cache / "models--stable-diffusion-v1-5--stable-diffusion-v1-5" / "snapshots" / MODELS[0].revision
    snapshot.mkdir(parents=True)
    refused("HF_HUB_OFFLINE is set; only part of it was downloaded before; unset it once", "sd15")


def response(status: int):
    """What the client's exceptions carry, of the HTTP library it uses."""
    library = __import__(errors.HfHubHTTPError.__mro__[1].__module__.split(".")[0])
    if library.__name__ == "requests":
        answer = library.Response()
        answer.status_code = status
        return answer
    return library.Response(status, request=library.Request("GET", "https://hub.test/x"))


def http_error(cls, status: int):
    return cls(f"{status} Client Error\nwith\nmany lines", response=response(status))


RAISED = {
    "removed": (http_error(errors.RepositoryNotFoundError, 401), "does not exist on the hub"),
    "gated": (http_error(errors.GatedRepoError, 403), "is gated; accept its licence"),
    "disabled": (http_error(errors.DisabledRepoError, 403), "was disabled on the hub by its owner"),
    "revision": (http_error(errors.RevisionNotFoundError, 404), "has no revision '451f4fe16113"),
    "rate": (http_error(errors.HfHubHTTPError, 429), "limits requests from this address \\(429\\)"),
    "outage": (http_error(errors.HfHubHTTPError, 503), "failed with status 503"),
    "offline": (errors.OfflineModeIsEnabled("offline"), "HF_HUB_OFFLINE is set"),
    "timeout": (TimeoutError("read timed out"), "cannot reach .* \\(TimeoutError: read timed out\\)"),
    "disk": (OSError(28, "No space left on device"), "no space left in .*; free some or set HF_HOME"),
    "rights": (PermissionError(13, "denied"), "cannot write .*; set HF_HOME to a folder you own"),
}


@pytest.mark.parametrize("where", ["HfApi.model_info", "snapshot_download"])
@pytest.mark.parametrize("case", RAISED)
def test_errors_of_the_client_are_one_line(cache, monkeypatch, case, where):
    error, message = RAISED[case]
    calls = []

    def fail(*args, **kwargs):
        calls.append(args)
        raise error

    listed = SimpleNamespace(siblings=[SimpleNamespace(rfilename="model_index.json")])
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", lambda *a, **k: listed)
    target, name = (huggingface_hub.HfApi, "model_info") if "." in where else (huggingface_hub, where)
    monkeypatch.setattr(target, name, fail)
    refused(message, "sd15")
    assert len(calls) == 1, "no retry, no other model"
    with pytest.raises(CheckpointError, match=r"^depth\.model: .*Intel/dpt-hybrid-midas") as caught:
        locate_network("midas", DEPTH, "depth.model")
    assert "--model" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_wrapped_connection_errors_name_their_cause(cache, monkeypatch):
    """Older clients wrap a failed connection in LocalEntryNotFoundError."""
    wrapped = errors.LocalEntryNotFoundError("An error happened while trying to locate the files on the Hub")
    wrapped.__cause__ = ConnectionError("Name or service not known")
    assert "cannot reach" in download.explain(wrapped, "a/b", None, False, "model")
    assert "ConnectionError: Name or service not known" in download.explain(wrapped, "a/b", None, False, "model")
    wrapped.__cause__ = errors.OfflineModeIsEnabled("offline")
    assert "HF_HUB_OFFLINE is set" in download.explain(wrapped, "a/b", None, False, "model")
