"""Does the main job work, prompt by prompt? Runs it on the written list of prompts and judges every result.

    python -m gs_stein.bench prompts --json

A run is judged by `gs_stein.evaluate`: retrieval is how often the scorer picks the prompt among 50 captions, over
held-out views, and the same for pictures sampled straight from the prior, which is the ceiling. `ratio_*` is the mean
over prompts of the first, divided by that of the second. The runs are a batch (`gs-stein batch`, here or on Ray by
--address): what is finished in --output is not repeated, so an interrupted bench goes on where it was. prompts.png
shows them all.
"""

from __future__ import annotations

import json
import shlex
import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from gs_stein.files import read_json, write_atomically

WRITTEN = Path(__file__).with_name("prompts.yaml")
"""The list: rooms ("scenes"), landscapes and objects."""
Kind = Literal["scenes", "landscapes", "objects"]
GOAL = 0.8
"""Of the samples' retrieval, that a scene should reach."""


@dataclass(frozen=True)
class Options:
    """The main job on the written list of prompts (gs_stein/bench/prompts.yaml)."""

    kinds: tuple[Kind, ...] = ("scenes", "landscapes", "objects")
    """Which parts of the list."""
    first: int = 0
    """Only so many prompts of each part; 0: all."""
    preset: str | None = "preview"
    """Laid over the default one, as for gs-stein train; None: full length."""
    seed: int = 0
    """Of the runs."""
    output: Path = Path("runs/prompts")
    """Where runs are kept, and prompts.png and prompts.json are written."""
    address: str | None = "here"
    """Where runs are made, as for gs-stein batch: here, local, auto, HOST:PORT, or ray://HOST:PORT."""
    json: bool = False
    """Print one JSON object as the last line."""


@dataclass(frozen=True)
class Result:
    """One judged run."""

    kind: Kind
    prompt: str
    run: Path
    retrieval: float
    """Of the scene's held-out views."""
    ceiling: float
    """The same of the prior's own samples."""
    together: float
    """1 if all views together are taken for the prompt."""
    depth: float | None
    """Correlation of rendered and estimated depth; None where no estimator says."""
    seconds: float
    memory_gib: float


def wanted(options: Options, path: Path = WRITTEN) -> Iterator[tuple[Kind, str]]:
    """The prompts of a list, part by part.

    Raises:
        ValueError: one line with the file: no YAML, or a part that is no list of sentences.
    """
    from gs_stein.config.serialize import read_yaml

    written = read_yaml(path)
    for kind in options.kinds:
        prompts = written.get(kind)
        if not isinstance(prompts, list) or not all(isinstance(text, str) and text.strip() for text in prompts):
            raise ValueError(f"prompts: {path}: {kind} is no list of sentences; give one, each with a dash before it")
        for prompt in prompts[: options.first or len(prompts)]:
            yield kind, prompt


def make(prompts: Sequence[tuple[Kind, str]], options: Options) -> list[Path]:
    """Have `gs-stein batch` make a run of every prompt, unless that was done before; the runs' folders.

    Raises:
        ValueError: a run failed; its last line is in the message.
        KeyboardInterrupt: it was interrupted; the latest checkpoints are kept.
    """
    lines = [{"prompt": prompt, "scene": kind != "objects", "seed": options.seed} for kind, prompt in prompts]
    grid = () if options.preset is None else (f"preset={options.preset}",)
    return make_runs(lines, options.output, options.address, grid)


def make_runs(lines: list[dict[str, Any]], folder: Path, address: str | None, grid: tuple[str, ...] = ()) -> list[Path]:
    """Have `gs-stein batch` make the runs of a list, unless that was done before; their folders.

    Args:
        lines: of the list, with settings.
        folder: of the batch.
        address: where, as for gs-stein batch.
        grid: settings that all have, and their folders are named after.

    Raises:
        ValueError: a run failed; its last line is in the message.
        KeyboardInterrupt: it was interrupted; the latest checkpoints are kept.
    """
    from gs_stein.batch import ledger
    from gs_stein.batch.__main__ import batch
    from gs_stein.batch.options import BatchOptions
    from gs_stein.batch.plan import plan

    output = folder.resolve()
    listed = output / "prompts.jsonl"
    ledger.open_output(output)
    write_atomically(listed, "".join(json.dumps(line) + "\n" for line in lines).encode())
    asked = BatchOptions(listed, output, grid=grid, retry_failed=True, address=address, video_frames=0)
    items, again = plan(asked), shlex.join(["python", "-m", "gs_stein.bench", *sys.argv[1:]])
    if batch(asked, again) >= 128:
        raise KeyboardInterrupt
    for item in items:
        if (outcome := ledger.look(output, item)).state != "finished":
            raise ValueError(f"prompts: {item.prompt!r} is {outcome.state}: {outcome.reason or 'see above'}")
    return [output / item.name for item in items]


def judge(run: Path) -> None:
    """Judge what a run has left, unless that was done before."""
    from gs_stein.evaluate import Options as Judge
    from gs_stein.evaluate import evaluate

    if not (run / "evaluation.json").exists():
        judged = json.dumps(evaluate(Judge(run, samples=True)), indent=2) + "\n"
        write_atomically(run / "evaluation.json", judged.encode())


def slug(prompt: str) -> str:
    """A prompt as a folder's name."""
    return "".join(c if c.isalnum() else "-" for c in prompt.lower())


def read(kind: Kind, prompt: str, path: Path) -> Result:
    """What was found about a run.

    Raises:
        ValueError: one line with the file that does not say it.
    """
    from gs_stein.evaluate import read_report

    judgement, report = path / "evaluation.json", read_report(path)
    judged = read_json(judgement)
    skipped = isinstance(judged.get("depth"), dict) and "skipped" in judged["depth"]
    return Result(
        kind, prompt, path, figure(judged, judgement, "retrieval", "views_top1"),
        figure(judged, judgement, "retrieval_of_samples", "views_top1"),
        figure(judged, judgement, "retrieval", "together_top1"),
        None if skipped else figure(judged, judgement, "depth", "pearson"),
        figure(report, path / "report.json", "seconds"), report.get("peak_memory_gib") or float("nan"),
    )  # fmt: skip


def figure(tree: Any, path: Path, *names: str) -> float:
    """A number in a nest of named values.

    Raises:
        ValueError: there is none; one line with the file and its name.
    """
    for name in names:
        tree = tree.get(name) if isinstance(tree, dict) else None
    if isinstance(tree, bool) or not isinstance(tree, (int, float)) or not abs(tree) < 1e15:
        raise ValueError(f"prompts: {path}: {'.'.join(names)} is no number; delete {path.parent} to run it again")
    return float(tree)


def summary(results: list[Result]) -> dict[str, float | int]:
    """Figures of each part of the list and of all of it."""
    found: dict[str, float | int] = {}
    for kind in ("scenes", "landscapes", "objects", "all"):
        part = [r for r in results if kind in (r.kind, "all")]
        if not part:
            continue
        reached, ceiling = (statistics.fmean(x) for x in ([r.retrieval for r in part], [r.ceiling for r in part]))
        depths = [r.depth for r in part if r.depth is not None]
        found |= {
            f"prompts_{kind}": len(part),
            f"retrieval_{kind}": reached,
            f"retrieval_samples_{kind}": ceiling,
            f"ratio_{kind}": reached / ceiling if ceiling else float("nan"),
            f"share_at_goal_{kind}": statistics.fmean(r.retrieval >= GOAL * r.ceiling for r in part),
            f"together_{kind}": statistics.fmean(r.together for r in part),
            f"depth_pearson_{kind}": statistics.fmean(depths) if depths else float("nan"),
            f"seconds_median_{kind}": statistics.median(r.seconds for r in part),
            f"seconds_max_{kind}": max(r.seconds for r in part),
            f"peak_memory_gib_{kind}": max(r.memory_gib for r in part),
        }
    return {key: round(value, 4) for key, value in found.items()}


def draw(path: Path, results: list[Result], columns: int = 4, width: int = 300) -> None:
    """The preview of every run under its prompt."""
    import io

    from PIL import Image, ImageDraw

    height, text = 2 * width // 3, 16
    rows = -(-len(results) // columns)
    page = Image.new("RGB", (columns * width, rows * (height + text)), "white")
    pen = ImageDraw.Draw(page)
    for i, result in enumerate(results):
        x, y = (i // rows) * width, (i % rows) * (height + text)
        pen.text((x + 4, y + 2), f"{result.prompt}  {result.retrieval:.2f} / {result.ceiling:.2f}", fill="black")
        with Image.open(result.run / "preview.png") as sheet:
            small = sheet.convert("RGB").resize((width, height))
        page.paste(small, (x, y + text))
    picture = io.BytesIO()
    page.save(picture, "png")
    write_atomically(path, picture.getvalue())


def main(argv: list[str] | None = None) -> int:
    """Entry point of `python -m gs_stein.bench prompts`."""
    import tyro

    options = tyro.cli(Options, args=argv, description=__doc__)
    results: list[Result] = []
    prompts = list(wanted(options))
    runs = make(prompts, options)
    print(f"{'scene / samples':>15s} {'depth':>6s} {'seconds':>8s}   prompt")
    for number, ((kind, prompt), run) in enumerate(zip(prompts, runs, strict=True), 1):
        if sys.stderr.isatty():
            print(f"{number}/{len(prompts)} {prompt} …", end="\r", file=sys.stderr, flush=True)
        judge(run)
        result = read(kind, prompt, run)
        results.append(result)
        depth = "–" if result.depth is None else f"{result.depth:.2f}"
        scores = f"{result.retrieval:.2f} / {result.ceiling:.2f}"
        print(f"{scores:>15s} {depth:>6s} {result.seconds:8.0f}   {prompt}", flush=True)
    found = summary(results)
    draw(options.output / "prompts.png", results)
    write_atomically(options.output / "prompts.json", (json.dumps(found, indent=2) + "\n").encode())
    for kind in (*options.kinds, "all"):
        print(
            f"{kind:11s} {found[f'retrieval_{kind}']:.2f} of {found[f'retrieval_samples_{kind}']:.2f}, ratio "
            f"{found[f'ratio_{kind}']:.2f}; {found[f'share_at_goal_{kind}']:.0%} of {found[f'prompts_{kind}']:.0f} "
            f"prompts at {GOAL:g} of their samples; at most {found[f'seconds_max_{kind}']:.0f} s"
        )
    print(f"pictures: {options.output / 'prompts.png'}")
    if options.json:
        print(json.dumps(found))
    return 0
