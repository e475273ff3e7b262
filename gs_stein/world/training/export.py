"""Turn training checkpoints into the folder that is shipped: `python -m gs_stein.world.training.export`.

Averaged weights in half precision, laid out as diffusers does it, so that the class that loads Stable Diffusion loads
the bundled prior too. Parts that were not trained anew stay as they were.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from gs_stein.compose.things import FILE as THINGS
from gs_stein.prior.bundled import NUM_TRAIN_TIMESTEPS, MultiViewDenoiser, NoisyDepth
from gs_stein.text.known_prompts import Familiar
from gs_stein.text.vocabulary import Vocabulary
from gs_stein.world.command import run_command
from gs_stein.world.families import SHIPPED
from gs_stein.world.training.pool import TRAINING
from gs_stein.world.training.run import load_codec
from gs_stein.world.training.things import known_things


@dataclass(frozen=True)
class Options:
    """Export the bundled prior and the scorer."""

    folder: Path = TRAINING
    """Training folder to read."""
    output: Path = Path("gs_stein/weights")
    """Where prior/ and scorer/ are written; what lay there is replaced once the new folder is whole."""
    base: Path | None = None
    """Exported prior whose parts are taken where none were trained (default: OUTPUT/prior, if there is one)."""
    objects: Path | None = None
    """Training folder of a second denoiser, of objects alone, which is taken where an object is wanted."""
    earlier: Path | None = None
    """Another checkpoint of the denoiser: from before it was trained on at other noise levels, or of a run with other
    batches. The mean of both weights is shipped, and keeps most of what each does better (model soups,
    arXiv 2203.05482)."""
    objects_earlier: Path | None = None
    """The same for the denoiser of objects."""
    share: float = 0.6
    """Weight of the training folders' own weights in these means."""


NETWORKS = {
    "network": "MultiViewDenoiser",
    "network_objects": "MultiViewDenoiser",
    "depth": "NoisyDepth",
    "response": "NoiseResponse",
    "guided": "GuidedDelta",
    "guided_objects": "GuidedDelta",
}
"""Parts with weights, beside the codec, and their classes in `gs_stein.prior.bundled` or in `MODULES`."""
MODULES = {"response": "gs_stein.prior.response"} | dict.fromkeys(("guided", "guided_objects"), "gs_stein.prior.guided")


def averaged(
    net: nn.Module, checkpoint: Path, earlier: Path | None = None, share: float = 1.0
) -> tuple[nn.Module, int]:
    """Load the averaged weights of a checkpoint, or `share` of them and the rest of an earlier one's.

    Returns:
        The network in half precision, and the number of steps behind it.
    """
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    weights = state["ema"]
    if earlier is not None:
        before = torch.load(earlier, map_location="cpu", weights_only=True)["ema"]
        weights = {name: before[name].lerp(value, share) for name, value in weights.items()}
    net.load_state_dict(weights)
    return net.half(), state["step"]


def depths_of(checkpoint: Path) -> tuple[int, int]:
    """Transformer blocks of a denoiser's checkpoint: for pictures, and for the prompt."""
    keys = torch.load(checkpoint, map_location="cpu", weights_only=True)["ema"]

    def count(stack: str) -> int:
        return len({key.split(".")[1] for key in keys if key.startswith(f"{stack}.")})

    return count("blocks"), count("read")


def export_denoiser(folder: Path, channels: int, output: Path, earlier: Path | None = None, share: float = 1.0) -> int:
    """Write a training folder's denoiser (see `averaged`); the number of steps behind it."""
    blocks, text_blocks = depths_of(folder / "denoiser.pt")
    empty = MultiViewDenoiser(channels=channels, depth=blocks, text_blocks=text_blocks)
    network, steps = averaged(empty, folder / "denoiser.pt", earlier, share)
    assert isinstance(network, MultiViewDenoiser)
    network.save_pretrained(output)
    return steps


def export_prior(options: Options) -> None:
    """Write a diffusers-format pipeline folder: networks, codec, scheduler and depth, trained anew or kept."""
    from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler

    folder, output, objects = options.folder, options.output / "prior", options.objects
    base = options.base or output
    building = output.with_name(output.name + ".new")
    shutil.rmtree(building, ignore_errors=True)
    source = next((f for f in (folder, objects, base) if f is not None and (f / "codec").exists()), folder)
    codec = load_codec(source)
    channels = codec.config["channels"]
    if (folder / "denoiser.pt").exists():
        export_denoiser(folder, channels, building / "network", options.earlier, options.share)
    if objects is not None and (objects / "denoiser.pt").exists():
        export_denoiser(objects, channels, building / "network_objects", options.objects_earlier, options.share)
    if (folder / "depth.pt").exists():
        depth, _ = averaged(NoisyDepth(channels=channels), folder / "depth.pt")
        assert isinstance(depth, NoisyDepth)
        depth.save_pretrained(building / "depth")
    for part, trained in (("response", folder), ("guided", folder), ("guided_objects", objects)):
        source = None if trained is None else trained / part.removesuffix("_objects")
        if source is not None and source.is_dir():
            shutil.copytree(source, building / part)
    kept = [part for part in NETWORKS if not (building / part).exists() and (base / part).is_dir()]
    for field, other in (("objects", objects), ("base", base if kept else None)):
        if other is None or not (other / "codec").exists():
            continue
        if not torch.equal(load_codec(other).basis, codec.basis):
            raise ValueError(f"--{field}: {other} has another codec than {source}; give one with the same")
    for part in kept:
        shutil.copytree(base / part, building / part)
    if codec.correction is not None:
        codec.correction.half()  # the linear map stays exact
    codec.save_pretrained(building / "codec")
    FlowMatchEulerDiscreteScheduler(num_train_timesteps=NUM_TRAIN_TIMESTEPS).save_pretrained(building / "scheduler")
    index: dict[str, str | list[str]] = {
        "_class_name": "MultiViewPipeline",
        "codec": ["gs_stein.prior.bundled", "PatchCodec"],
        "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
        **{
            part: [MODULES.get(part, "gs_stein.prior.bundled"), kind]
            for part, kind in NETWORKS.items()
            if (building / part).exists()
        },
    }
    (building / "model_index.json").write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
    (building / "captions").mkdir()
    known_captions().save(building / "captions")
    things = json.dumps(known_things(SHIPPED), separators=(",", ":"))
    (building / "captions" / THINGS).write_text(things + "\n", encoding="utf-8")
    forget_paths(building)
    replace_folder(output, building)
    size = sum(f.stat().st_size for f in output.rglob("*") if f.is_file()) / 1e6
    new = [part for part in NETWORKS if part in index and part not in kept]
    print(f"{output}: {size:.1f} MB; new: {', '.join(new) or '-'}; kept: {', '.join(kept) or '-'}")


def forget_paths(folder: Path) -> None:
    """Take out of the configurations where diffusers loaded the parts from: a path of the machine that trained them."""
    for path in folder.glob("*/config.json"):
        config = json.loads(path.read_text(encoding="utf-8"))
        config.pop("_name_or_path", None)
        path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def replace_folder(folder: Path, new: Path) -> None:
    """Put a finished folder in the place of another, which is only deleted afterwards; its card and train.sh are kept.

    Interrupted between the two renames, the old one lies beside as FOLDER.old, and the next call puts it back first.
    """
    old = folder.with_name(folder.name + ".old")
    if old.exists() and not folder.exists():
        old.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
    for kept in ("README.md", "train.sh"):
        if (folder / kept).exists():
            shutil.copy(folder / kept, new / kept)
    if folder.exists():
        folder.rename(old)
    new.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def known_captions(captions: int = 1600, keep: int = 192, words: int = 400) -> Familiar:
    """Captions that represent a sample of the whole world's, half of them of objects, and the words of all.

    Args:
        captions: in the sample.
        keep: representatives.
        words: captions of each kind of room, landscape and object that are read for their words.
    """
    from gs_stein.text.minilm import MiniLM
    from gs_stein.world.captions import captions as captions_of
    from gs_stein.world.families import FAMILIES
    from gs_stein.world.scenes import draw_scene, is_landscape, is_object

    kinds = {kind: not is_object(kind) for name in SHIPPED for kind in FAMILIES[name].kinds}
    texts: list[list[str]] = [[], []]
    scenes: list[bool] = []
    outdoors: list[bool] = []
    for held_out in (False, True):
        for kind, scene in kinds.items():
            alike = sum(s == scene for s in kinds.values())
            for i in range(-(-captions // (2 * alike) // (4 if held_out else 1))):
                seed = 1_000_000 * (1 + held_out) + i
                texts[held_out].append(captions_of(draw_scene(seed, kind), seed, 1)[0])
                if not held_out:
                    scenes.append(scene)
                    outdoors.append(is_landscape(kind))
    sample, others = (MiniLM().sentences(part) for part in texts)
    return replace(
        Familiar.gather(texts[0], scenes, outdoors, sample, others, keep), vocabulary=known_words(kinds, words)
    )


def known_words(kinds: dict[str, bool], captions: int) -> Vocabulary:
    """The words of so many captions of each kind (the value: whether it is a scene)."""
    from gs_stein.world.captions import captions as captions_of
    from gs_stein.world.scenes import draw_scene

    seeds = range(5_000_000, 5_000_000 + captions // 4)
    return Vocabulary.gather(
        kinds,
        ((kind, text) for kind in kinds for seed in seeds for text in captions_of(draw_scene(seed, kind), seed, 4)),
    )


def main(options: Options) -> None:
    """Export what is there."""
    kept = options.earlier is None and ((options.base or options.output / "prior") / "network").is_dir()
    for field, folder, needed in (("folder", options.folder, not kept), ("objects", options.objects, not kept)):
        if needed and folder is not None and not (folder / "denoiser.pt").exists():
            raise ValueError(
                f"--{field}: {folder} has no denoiser.pt; run `python -m gs_stein.world.train denoiser` first"
            )
    for field, path in (("earlier", options.earlier), ("objects-earlier", options.objects_earlier)):
        if path is not None and not path.is_file():
            raise ValueError(f"--{field}: {path} is no file; give a denoiser.pt that was set aside")
    if options.objects_earlier is not None and options.objects is None:
        raise ValueError(f"--objects-earlier: {options.objects_earlier} is one part of a mean; give --objects too")
    if not 0 <= options.share <= 1:
        raise ValueError(f"--share: {options.share} is no share; give 0 (the earlier one) to 1 (the later one)")
    options.output.mkdir(parents=True, exist_ok=True)
    export_prior(options)
    if (options.folder / "scorer").is_dir():
        building = options.output / "scorer.new"
        shutil.rmtree(building, ignore_errors=True)
        shutil.copytree(options.folder / "scorer", building)
        replace_folder(options.output / "scorer", building)


if __name__ == "__main__":
    run_command(main, Options, __doc__)
