"""Is this a checkpoint, and is it whole? Everything that can be said of a folder before any weight is read.

A half-downloaded or wrong folder otherwise surfaces minutes later as a stack trace from three libraries down, so each
way of being wrong is named here in one line with its remedy.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WEIGHT_STEM = r"(?:model|diffusion_pytorch_model|pytorch_model)"
WEIGHTS = re.compile(
    rf"^{WEIGHT_STEM}(?:\.(?P<a>fp16|bf16))?(?:-\d+-of-(?P<count>\d+))?(?:\.(?P<b>fp16|bf16))?\.(?P<kind>safetensors|bin)$"
)
WEIGHT_INDEX = re.compile(rf"^{WEIGHT_STEM}\.(?:safetensors|bin)\.index(?:\.(?:fp16|bf16))?\.json$")
VARIANTS = ("fp16", "bf16")
"""Names of half-precision copies."""
SINGLE_FILE = (".safetensors", ".ckpt", ".pt", ".pth", ".gguf")
SKIPPED = ("safety_checker", "feature_extractor", "image_encoder")
"""Parts of a pipeline that distillation never uses; they are neither downloaded nor loaded."""


class CheckpointError(ValueError):
    """A checkpoint that cannot be used; the message is one line that says which, why, and what to do."""


@dataclass(frozen=True)
class Component:
    """One entry of a model_index.json, as in `"unet": ["diffusers", "UNet2DConditionModel"]`."""

    name: str
    library: str
    class_name: str


@dataclass(frozen=True)
class WeightFile:
    """How a weight file's name reads."""

    name: str
    variant: str | None
    """One of `VARIANTS`; None for the full copy."""
    safe: bool
    shards: int

    @property
    def half(self) -> bool:
        """Whether it is a half-precision copy."""
        return self.variant is not None


def weight_file(name: str) -> WeightFile | None:
    """Parse the name of a diffusers or transformers weight file; None for anything else (EMA copies included)."""
    match = WEIGHTS.match(name)
    if match is None:
        return None
    return WeightFile(name, match["a"] or match["b"], match["kind"] == "safetensors", int(match["count"] or 1))


def choose_weights(names: list[str], half: bool) -> list[str]:
    """The one set of weight files to use out of all those lying in a component's folder.

    Args:
        names: file names in the folder.
        half: prefer the fp16 or bf16 copy (half the download) where there is one.

    Returns:
        The files of the chosen set, all shards; empty where no complete set is there.
    """
    files = [parsed for parsed in map(weight_file, names) if parsed is not None]
    # safetensors before .bin (no unpickling); then the wanted precision; then whichever precision there is.
    for safe in (True, False):
        for variant in (*VARIANTS, None) if half else (None, *VARIANTS):
            group = [f for f in files if f.safe == safe and f.variant == variant]
            for shards in sorted({f.shards for f in group}):
                chosen = sorted(f.name for f in group if f.shards == shards)
                if len(chosen) == shards:
                    return chosen
    return []


def variant_of(names: list[str]) -> str | None:
    """Which half-precision copy a chosen set of weight files is (the loaders must be told); None for the full."""
    return next((parsed.variant for parsed in map(weight_file, names) if parsed is not None), None)


def select_files(files: list[str], half: bool, skip: tuple[str, ...] = ()) -> list[str]:
    """The files of a hub repository that distillation needs, out of all its files.

    One precision of the weights, configurations and tokenizers; no safety checker, single-file copies, ONNX or Flax.

    Args:
        files: every path in the repository, with forward slashes.
        half: prefer fp16 weights where the repository has them.
        skip: further component folders to leave out (SD3's T5 encoder).
    """
    wanted = [f for f in files if f == "model_index.json"]
    folders = {f.split("/")[0] for f in files if f.count("/") == 1} - {*SKIPPED, *skip}
    for folder in sorted(folders):
        inside = [f.split("/")[1] for f in files if f.count("/") == 1 and f.startswith(f"{folder}/")]
        keep = [n for n in inside if n.endswith((".json", ".txt", ".model", ".jinja")) and not WEIGHT_INDEX.match(n)]
        weights = choose_weights(inside, half)
        if len(weights) > 1:
            keep += [n for n in inside if WEIGHT_INDEX.match(n)]
        if keep or weights:
            wanted += [f"{folder}/{n}" for n in sorted(keep + weights)]
    return wanted


def read_json(path: Path, folder: Path) -> dict:
    """One of a checkpoint's JSON files.

    Raises:
        CheckpointError: the file is missing, cut short, not JSON, or holds no named values.
    """
    name = f"{path.relative_to(folder)} in {folder}"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CheckpointError(f"model: {name} cannot be read ({error.strerror or error})") from error
    except (ValueError, RecursionError) as error:
        raise CheckpointError(
            f"model: {name} is not valid JSON (half-downloaded?); delete the folder and download it again"
        ) from error
    if not isinstance(found, dict):
        raise CheckpointError(
            f"model: {name} holds a {type(found).__name__} instead of named values; delete the folder and download it "
            "again"
        )
    return found


def read_index(folder: Path) -> tuple[str, list[Component], dict]:
    """Pipeline class, components, and the whole content of a folder's model_index.json.

    Raises:
        CheckpointError: not a diffusers pipeline folder; the message says what it looks like instead.
    """
    path = folder / "model_index.json"
    if path.is_symlink() and not path.exists():
        raise CheckpointError(f"model: model_index.json in {folder} {DANGLING}")
    if not path.is_file():
        raise CheckpointError(wrong_kind(folder))
    index = read_json(path, folder)
    components = []
    for name, entry in index.items():
        # "_class_name": ["pipeline", "MyPipeline"] is how a pipeline with code of its own is named.
        if not isinstance(entry, list) or len(entry) != 2 or entry[0] is None or name in SKIPPED or name[:1] == "_":
            continue
        if not re.fullmatch(r"\w+", name) or not all(isinstance(part, str) for part in entry):
            raise CheckpointError(
                f"model: model_index.json in {folder}: {name[:40]!r} names no part of a model; give "
                '"unet": ["diffusers", "UNet2DConditionModel"] and the like'
            )
        components.append(Component(name, *entry))
    if not components:
        raise CheckpointError(
            f"model: model_index.json in {folder} lists no parts as diffusers does "
            '("unet": ["diffusers", "UNet2DConditionModel"]); give a folder that save_pretrained wrote'
        )
    kind = index.get("_class_name", "?")
    return str(kind[-1] if isinstance(kind, list) and kind else kind), components, index


def wrong_kind(folder: Path) -> str:
    """One line on what a folder without model_index.json seems to be."""
    names = sorted(p.name for p in folder.iterdir())
    if not names:
        return f"model: {folder} is empty; give a diffusers folder (one with model_index.json) or a name such as sd15"
    if "snapshots" in names:
        revisions = sorted(p.name for p in (folder / "snapshots").iterdir())
        inner = folder / "snapshots" / (revisions[0] if revisions else "REVISION")
        return f"model: {folder} is a hub cache entry, not a checkpoint; give --model {inner}"
    if "modular_model_index.json" in names:
        return f"model: {folder} is a modular pipeline, whose parts lie elsewhere; give the plain pipeline's folder"
    if "adapter_config.json" in names or any(n.startswith("pytorch_lora_weights") for n in names):
        return f"model: {folder} holds a LoRA, not a full model; give the base model it was trained on"
    if "config.json" in names:
        try:
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            kind = config.get("_class_name") or (config.get("architectures") or ["a single network"])[0]
        except (OSError, ValueError, AttributeError, LookupError, TypeError, RecursionError):
            kind = "a single network"
        return f"model: {folder} holds only {kind}; give the pipeline folder above it, the one with model_index.json"
    single = next((n for n in names if n.endswith(SINGLE_FILE)), None)
    if single is not None:
        from gs_stein.prior.checkpoints.single_file import explain

        return f"model: {folder} holds the single file {single}; {explain(folder / single)}"
    return f"model: {folder} has no model_index.json; give a diffusers folder or a name such as sd15"


NO_GRADIENTS = "for pictures and not for gradients; give the unquantised model"
DANGLING = "is a link to nothing; download it again, which resumes, or copy folders with their files: `cp -rL`"


def check_weights(folder: Path, component: str, names: list[str]) -> str | None:
    """What is wrong with a component's chosen weight files: a pointer, an empty or a truncated file; None if nothing.

    A safetensors file says its own length in its header, so a cut-off download is found without reading the weights.
    """
    for name in names:
        path = folder / component / name
        if not path.exists():
            return f"{component}/{name} {DANGLING}"
        if not path.is_file():
            return f"{component}/{name} is a folder, not the weights"
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(64)
            if head.startswith(b"version https://git-lfs"):
                return f"{component}/{name} is a git-lfs pointer, not the weights; run `git lfs pull` in that folder"
        if name.endswith(".safetensors"):
            length = int.from_bytes(head[:8], "little")
            if size < 8 or length > size - 8:
                return f"{component}/{name} is cut short ({size} bytes)"
            try:
                end = max((end for end, _ in read_safetensors_header(path).values()), default=0)
            except CheckpointError:
                return f"{component}/{name} has a damaged header"
            if size != 8 + length + end:
                return f"{component}/{name} is cut short ({size} of {8 + length + end} bytes)"
            if packed := formats_of_matrices(path) & PACKED:
                return f"{component}/{name} is quantised ({', '.join(sorted(packed))}), {NO_GRADIENTS}"
        elif size == 0:
            return f"{component}/{name} is empty"
    return None


def read_safetensors_header(path: Path) -> dict[str, tuple[int, list[int]]]:
    """What a safetensors file says of its tensors: where each one's bytes end, and its shape.

    Raises:
        CheckpointError: it says no such thing.
    """
    try:
        header = _header(path)
        found = {
            name: (entry["data_offsets"][1], entry["shape"]) for name, entry in header.items() if name != "__metadata__"
        }
        sizes = [size for end, shape in found.values() for size in (end, *shape)]
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"model: {path} has a damaged header; delete it and get it again") from error
    if not all(isinstance(size, int) and 0 <= size < 1 << 62 for size in sizes):
        raise CheckpointError(f"model: {path} has a damaged header; delete it and get it again")
    return found


PACKED = frozenset({"I8", "U8", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F6_E2M3", "F6_E3M2", "F4"})
"""Formats of safetensors' that only quantised weights come in."""


def formats_of_matrices(path: Path) -> set[str]:
    """The number formats, by safetensors' names, in which a file that was found whole keeps its matrices."""
    entries = (entry for name, entry in _header(path).items() if name != "__metadata__")
    return {str(entry.get("dtype")) for entry in entries if len(entry["shape"]) > 1}


def _header(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        return json.loads(file.read(min(length, path.stat().st_size)))


def check_folder(folder: Path, half: bool, skip: tuple[str, ...] = ()) -> tuple[str, dict[str, Component], dict]:
    """Read a pipeline folder's index and check that every component it names is there and whole.

    Args:
        folder: a pipeline folder.
        half: whether the fp16 copy of the weights is what will be loaded.
        skip: components that will not be loaded and may be absent.

    Returns:
        Pipeline class, the components by name, and the whole content of model_index.json.

    Raises:
        CheckpointError: the first thing found missing, cut short, or of the wrong kind.
    """
    pipeline, components, index = read_index(folder)
    components = [c for c in components if c.name not in skip]
    for component in components:
        problem = check_component(folder, component.name, half)
        if problem is not None:
            if "; " in problem:
                raise CheckpointError(f"model: {folder}: {problem}")
            again = "the download is incomplete: delete the folder and get it again"
            raise CheckpointError(f"model: {problem} in {folder}; {again}")
    return pipeline, {c.name: c for c in components}, index


def check_component(folder: Path, name: str, half: bool) -> str | None:
    """What is missing from or broken in one component's subfolder, with a remedy after "; " if it has its own; None if
    nothing."""
    inside = folder / name
    if inside.is_symlink() and not inside.exists():
        return f"{name}/ {DANGLING}"
    if not inside.is_dir():
        return f"{name}/ is missing"
    for path in sorted(inside.iterdir()):
        if path.is_symlink() and not path.exists():
            return f"{name}/{path.name} {DANGLING}"
    names = [p.name for p in inside.iterdir()]
    if any(n.endswith(".incomplete") for n in names):
        return f"{name}/ holds an unfinished download"
    if name.startswith("tokenizer"):
        return check_vocabulary(inside)
    if name == "scheduler":
        return None if "scheduler_config.json" in names else "scheduler/scheduler_config.json is missing"
    if "config.json" not in names:
        return f"{name}/config.json is missing"
    quantised = read_json(inside / "config.json", inside).get("quantization_config")
    if quantised is not None:
        method = quantised.get("quant_method", "?") if isinstance(quantised, dict) else "?"
        return f"{name}/ is quantised ({str(method)[:40]}), {NO_GRADIENTS}"
    weights = choose_weights(names, half)
    if weights:
        return check_shards(inside, weights) or check_weights(folder, name, weights)
    if any("non_ema" in n for n in names):
        plain = next(n for n in sorted(names) if "non_ema" in n).replace(".non_ema", "")
        return f"{name}/ has only the non-EMA copy of its weights; get the other, or rename this one to {plain}"
    if any(n.endswith(".gguf") for n in names):
        return f"{name}/ is quantised (GGUF), {NO_GRADIENTS}"
    for ending, library in OTHER_FORMATS.items():
        if any(n.endswith(ending) for n in names):
            return f"{name}/ has its weights for {library} only; get the copy in safetensors"
    other = next((n for n in sorted(names) if n.endswith(".safetensors") and weight_file(n) is None), None)
    if other is not None:
        plain = "model" if name.startswith("text_encoder") else "diffusion_pytorch_model"
        return f"{name}/ has weights by another name, {other}; if they are whole, rename them to {plain}.safetensors"
    return f"{name}/ has no complete set of weights"


OTHER_FORMATS = {".onnx": "ONNX", ".msgpack": "Flax", ".h5": "TensorFlow", "openvino_model.xml": "OpenVINO"}
"""End of a file's name → the library that it is for."""


def check_shards(inside: Path, weights: list[str]) -> str | None:
    """What is wrong with the index of weights in several files, which their libraries read them by; None if nothing."""
    if len(weights) == 1:
        return None
    names = sorted(path.name for path in inside.iterdir() if WEIGHT_INDEX.match(path.name))
    for name in names:
        index = read_json(inside / name, inside)
        mapped = index.get("weight_map")
        if not isinstance(mapped, dict) or not isinstance(index.get("metadata"), dict):
            return f"{inside.name}/{name} does not say which weight is in which file"
        if set(map(str, mapped.values())) == set(weights):
            return None
    if names:
        return f"{inside.name}/{names[0]} is of other files than {weights[0]}, …"
    return f"{inside.name}/ has {len(weights)} files of weights, {weights[0]}, …, and no index of them"


def check_vocabulary(inside: Path) -> str | None:
    """What is wrong with a tokenizer's folder: no vocabulary, or one that was cut short; None if nothing."""
    name = inside.name
    files = [inside / n for n in ("vocab.json", "tokenizer.json") if (inside / n).is_file()]
    if not files and not any((inside / n).is_file() for n in ("spiece.model", "tokenizer.model")):
        return f"{name}/ has no vocabulary"
    for path in files:
        if not path.read_bytes()[-64:].rstrip().endswith(b"}"):
            return f"{name}/{path.name} is cut short"
    vocabulary, merges = inside / "vocab.json", inside / "merges.txt"
    if vocabulary.is_file() and merges.is_file():
        words = len(read_json(vocabulary, inside.parent))
        lines = merges.read_text(encoding="utf-8", errors="replace").splitlines()
        rules = sum(bool(line.strip()) and not line.startswith("#version") for line in lines)
        # Each word is one byte, two marks at most, or made by one rule.
        if not 0 < words - rules <= 1024:
            return f"{name}/ has {words} words in vocab.json for {rules} rules in merges.txt: one was cut short"
    return None
