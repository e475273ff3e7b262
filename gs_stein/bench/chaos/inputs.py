"""Every kind of file that is read: how a good one is made, and how it is read.

To add a kind, add a row to `INPUTS`.
"""

from __future__ import annotations

import gzip
import json
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

COUNT = 200
"""Gaussians, or points, of a scene."""
SIDE = 8
"""Pixels, of the run that the checkpoints are of."""


@dataclass(frozen=True)
class Input:
    """A kind of file."""

    name: str
    make: Callable[[Path], object]
    """Writes good files into an empty folder."""
    read: Callable[[Path], Iterable[Any]]
    """Reads them as a command does: gives tensors or numbers that must be finite, or raises ValueError in one line."""
    only: tuple[str, ...] = ()
    """Names of those files that get damaged; all of them if empty."""
    share: int = 1
    """How often its turn comes."""


def scene(degree: int = 1) -> Any:
    """Some Gaussians."""
    from gs_stein.gaussians.initialise import initialise
    from gs_stein.gaussians.options import RoomStart

    return initialise(RoomStart(count=COUNT), torch.Generator().manual_seed(0), sh_degree=degree)


def splats(suffix: str, **options: Any) -> Input:
    """A format of splats."""
    name = "-".join([suffix[1:], *map(str, options.values())])

    def make(folder: Path) -> None:
        from gs_stein.gaussians.files import write_gaussians

        write_gaussians(folder / f"scene{suffix}", scene(), **options)

    return Input(name, make, lambda folder: read_splats(folder / f"scene{suffix}"))


def read_splats(path: Path) -> Iterable[Any]:
    """As every command opens a scene."""
    from gs_stein.gaussians.files import read_scene

    return read_scene(path).gaussians.tensors()


def old_spz(version: int) -> Input:
    """An .spz of a version that is no longer written."""

    def make(folder: Path) -> None:
        dice = np.random.default_rng(version)
        header = struct.pack("<4sIIBBBB", b"NGSP", version, COUNT, 1, 12, 0, 0)
        positions = dice.normal(size=3 * COUNT).astype("<f2").tobytes() if version == 1 else dice.bytes(9 * COUNT)
        (folder / "scene.spz").write_bytes(gzip.compress(header + positions + dice.bytes((1 + 3 + 3 + 3 + 9) * COUNT)))

    return Input(f"spz-{version}", make, lambda folder: read_splats(folder / "scene.spz"))


def points(name: str, write: Callable[[Path, np.ndarray], object]) -> Input:
    """A point cloud; write gets x, y, z, r, g, b with colours in [0, 255]."""

    def make(folder: Path) -> None:
        dice = np.random.default_rng(0)
        write(folder / name, np.hstack([dice.normal(size=(COUNT, 3)).round(4), dice.integers(0, 256, (COUNT, 3))]))

    def read(folder: Path) -> Iterable[Any]:
        from gs_stein.gaussians.formats.points import read_point_cloud

        cloud = read_point_cloud(folder / name)
        return cloud.points, cloud.rgb

    return Input(name, make, read)


def _text(path: Path, table: np.ndarray, head: str = "") -> None:
    path.write_text(head + "\n".join(" ".join(f"{x:g}" for x in row) for row in table) + "\n", encoding="utf-8")


def _points_ply(path: Path, table: np.ndarray) -> None:
    kinds = [(n, "<f4") for n in "xyz"] + [(n, "u1") for n in ("red", "green", "blue")]
    rows = np.array([tuple(row) for row in table], kinds)
    names = "".join(f"property {'float' if kind == '<f4' else 'uchar'} {name}\n" for name, kind in kinds)
    head = f"ply\nformat binary_little_endian 1.0\nelement vertex {len(rows)}\n{names}end_header\n"
    path.write_bytes(head.encode() + rows.tobytes())


def _pcd(kind: str) -> Callable[[Path, np.ndarray], None]:
    def write(path: Path, table: np.ndarray) -> None:
        rgb = table[:, 3:].astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
        head = "VERSION 0.7\nFIELDS x y z rgb\nSIZE 4 4 4 4\nTYPE F F F U\nCOUNT 1 1 1 1\n"
        head += f"WIDTH {COUNT}\nHEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS {COUNT}\nDATA {kind}\n"
        columns = [*table[:, :3].astype("<f4").T, rgb.astype("<u4")]
        if kind == "ascii":
            body = "".join(f"{x:g} {y:g} {z:g} {c}\n" for x, y, z, c in zip(*columns, strict=True)).encode()
        elif kind == "binary":
            body = b"".join(value.tobytes() for row in zip(*columns, strict=True) for value in row)
        else:  # column after column, in LZF's way to say that nothing repeats: 32 bytes at a time
            plain = b"".join(column.tobytes() for column in columns)
            parts = [plain[at : at + 32] for at in range(0, len(plain), 32)]
            packed = b"".join(bytes([len(part) - 1]) + part for part in parts)
            body = struct.pack("<II", len(packed), len(plain)) + packed
        path.write_bytes(head.encode() + body)

    return write


def run_config() -> Any:
    """Of the smallest run that still refines."""
    from gs_stein.cameras.options import OrbitCameras
    from gs_stein.config.schema import Config
    from gs_stein.distill.options import SSD, Baseline, DistillOptions
    from gs_stein.gaussians.options import BallStart
    from gs_stein.refine.options import RefineOptions
    from gs_stein.text.options import ViewPrompts
    from gs_stein.update.options import GradientDensify

    return Config(
        prompt="class 1", iterations=8, views=2, cameras=OrbitCameras(resolution=SIDE), start=BallStart(count=20),
        distill=DistillOptions(estimator=SSD((Baseline.CONSTANT,)), reuse=3), background="grey", sh_degree=1,
        densify=GradientDensify(start=0.0, stop=1.0, every=5), view_prompts=ViewPrompts(enabled=False),
        refine=RefineOptions(share=0.5, rounds=2, shortest=1, views=(2, 2), group=2, anchors=1, steps=2),
    )  # fmt: skip


def fresh() -> Any:
    """A state of that run, before its first iteration."""
    from gs_stein.optimize.networks import Priors
    from gs_stein.optimize.state import begin
    from gs_stein.prior.mixture import MixturePrior

    return begin(run_config(), Priors(MixturePrior((3, SIDE, SIDE))))


def checkpoint_at(last: int) -> Input:
    """A run's checkpoint after so many iterations."""

    def make(folder: Path) -> None:
        from gs_stein.optimize.loop import optimize
        from gs_stein.run import checkpoint

        state = fresh()
        for step in optimize(run_config(), state):
            if step.step == last:
                checkpoint.save(folder, state)
                return

    return Input(f"checkpoint-{last}", make, resumed, share=2)


def resumed(folder: Path) -> Iterable[Any]:
    """What `--resume` goes on with; the viewer shows the same file, or nothing."""
    from gs_stein.live.disk import Source
    from gs_stein.run import checkpoint

    if (shown := Source(folder).load()) is not None:
        yield from shown.gaussians.tensors()
    state = fresh()
    checkpoint.restore_latest(folder, state, run_config())
    yield from checkpoint.content_of(state)["parameters"].values()


def _run_folder(folder: Path) -> None:
    from gs_stein.config.serialize import to_yaml
    from gs_stein.files import write_json
    from gs_stein.gaussians.files import write_gaussians
    from gs_stein.run.metrics import COLUMNS

    config, kept = run_config(), fresh()
    (folder / "config.yaml").write_text(to_yaml(config), encoding="utf-8")
    write_gaussians(folder / "point_cloud.ply", kept.gaussians)
    rows = [",".join(COLUMNS), *(",".join(["1", "0.5", *["2"] * (len(COLUMNS) - 2)]) for _ in range(20))]
    (folder / "metrics.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    write_json(folder / "report.json", {
        "prompt": config.prompt, "seed": 0, "steps": 8, "seconds": 1.5, "denoiser_evaluations": 16, "gaussians": 20,
        "variance_ratio": 0.9, "peak_memory_gib": 0.5, "choices": ["a"], "settings": {"iterations": 8},
    })  # fmt: skip
    scores = {"views_top1": 0.5, "together_top1": 1.0, "captions": 50, "views": 16}
    found = {"retrieval": scores, "retrieval_of_samples": scores, "depth": {"pearson": 0.5}, "timing": {"steps": 8}}
    write_json(folder / "evaluation.json", found)


def read_run(folder: Path) -> Iterable[Any]:
    """As viewer, evaluate, resume and the bench of prompts read a run's folder."""
    from gs_stein.bench.prompts import read as judged
    from gs_stein.config.serialize import read_config
    from gs_stein.evaluate import read_report
    from gs_stein.live.disk import Source
    from gs_stein.run.metrics import kept_rows

    read_config(folder / "config.yaml")
    read_report(folder)
    kept_rows(folder / "metrics.csv", 8)
    source = Source(folder)
    source.metrics()
    shown = source.load()
    judged("objects", "class 1", folder)
    return () if shown is None else shown.gaussians.tensors()


def _preview(folder: Path) -> None:
    from PIL import Image

    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 128, 3), np.uint8)).save(folder / "preview.png")


def read_preview(folder: Path) -> Iterable[Any]:
    """As the gallery does."""
    from gs_stein.live.gallery import preview

    preview(folder)
    return ()


def _camera_path(kind: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        if kind == "keyframes":
            tree: Any = {
                "keyframes": [{"wxyz": [1, 0, 0.1 * i, 0], "position": [i, 0, 1], "fov": 0.8} for i in range(4)]
            }
        else:
            tree = {"viewmats": [np.eye(4).tolist()] * 4, "Ks": [np.eye(3).tolist()] * 4, "width": 8, "height": 8}
        (folder / "path.json").write_text(json.dumps(tree), encoding="utf-8")

    return make


def read_camera_path(folder: Path) -> Iterable[Any]:
    """As `gs-stein render --path`."""
    from gs_stein.render.path_file import read_path

    cameras = read_path(folder / "path.json", 5, 16, 16)
    return cameras.viewmats, cameras.Ks


def _prompts(folder: Path) -> None:
    from gs_stein.bench.prompts import WRITTEN

    (folder / "prompts.yaml").write_bytes(WRITTEN.read_bytes())


def read_prompts(folder: Path) -> Iterable[Any]:
    """As the bench of prompts."""
    from gs_stein.bench.prompts import Options, wanted

    list(wanted(Options(), folder / "prompts.yaml"))
    return ()


def _remembered(folder: Path) -> None:
    (folder / "up.json").write_text(json.dumps({"/a.ply": "y-up", "/b.ply": "z-up"}), encoding="utf-8")


def read_remembered(folder: Path) -> Iterable[Any]:
    """As the viewer does, which then remembers something more."""
    from gs_stein.live.remembered import recall, remember

    recall(Path("/a.ply"), folder / "up.json")
    remember(Path("/c.ply"), "y-up", folder / "up.json")
    return ()


def all_inputs() -> tuple[Input, ...]:
    """Every kind, those of priors too."""
    from gs_stein.bench.chaos.priors import PRIORS

    return (*INPUTS, *PRIORS)


INPUTS: tuple[Input, ...] = (
    splats(".ply"), splats(".compressed.ply"), splats(".splat"), splats(".sog"), splats(".glb"),
    splats(".spz", version=4), splats(".spz", version=3), old_spz(1), old_spz(2),
    points("points.npy", lambda path, table: np.save(path, table)),
    points("points.npz", lambda path, table: np.savez_compressed(path, xyz=table[:, :3], rgb=table[:, 3:])),
    points("points.ply", _points_ply),
    points("points.txt", lambda path, table: _text(path, table, "//X Y Z R G B\n")),
    points("points.xyz", _text),
    points("points.pts", lambda path, table: _text(path, np.insert(table, 3, 7, axis=1), f"{COUNT}\n")),
    points("points3D.txt", lambda path, table: _text(path, np.hstack([np.ones((COUNT, 1)), table]), "# POINT3D_ID\n")),
    *(points(f"{kind}.pcd", _pcd(kind)) for kind in ("ascii", "binary", "binary_compressed")),
    checkpoint_at(2), checkpoint_at(6),
    *(
        Input(name, _run_folder, read_run, (name,))
        for name in ("config.yaml", "report.json", "evaluation.json", "metrics.csv")
    ),
    Input("preview.png", _preview, read_preview), Input("prompts.yaml", _prompts, read_prompts),
    Input("keyframes", _camera_path("keyframes"), read_camera_path),
    Input("matrices", _camera_path("matrices"), read_camera_path),
    Input("up.json", _remembered, read_remembered),
)  # fmt: skip
