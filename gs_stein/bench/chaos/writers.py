"""Commands other than a run that write files, on a disk that fails: exports, meshes, pictures, films, a batch's ledger.

Each ends with one line when a write fails, leaves nothing half written, and does its work when it is given again.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from gs_stein.bench.chaos.disks import Disk, Failure, badly_ended, counted
from gs_stein.bench.chaos.kills import last_line
from gs_stein.bench.chaos.left import hidden
from gs_stein.bench.chaos.runs import forked
from gs_stein.files import write_atomically

FORMATS = ("ply", "compressed.ply", "splat", "spz", "sog", "glb", "html")
"""That are exported. (.usdz is written by another library, to a place of its own first.)"""
MESH = ("--mesh", "collider", "--voxel", "0.2", "--triangles", "200")
PROMPTS = """\
- {prompt: a red armchair, scene: false, seed: 0, iterations: 3, views: 2, start.count: 300, densify.cap: 320,
   resolution.first: 16, cameras.resolution: 32, refine.share: 0}
"""
"""A run of three iterations."""


@dataclass(frozen=True)
class Writer:
    """A command that writes into a folder."""

    command: str
    file: str
    """What it makes."""
    more: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """For people, and of folders."""
        return f"{self.command}-{self.file}{'-mesh' if '--mesh' in self.more else ''}"

    def line(self, run: Path, output: Path) -> tuple[str, ...]:
        """Its arguments, given the run that it reads and the folder that it writes to."""
        if self.command != "batch":
            return (self.command, str(run / "point_cloud.ply"), "-o", str(output / self.file), *self.more)
        prompts = run.parent.parent / "prompts.yaml"
        if not prompts.is_file():
            write_atomically(prompts, PROMPTS.encode())
        return ("batch", str(prompts), "-o", str(output), *self.more)


WRITERS = (
    *(Writer("export", f"scene.{suffix}") for suffix in FORMATS),
    *(Writer("export", f"scene.{suffix}", MESH) for suffix in ("obj", "glb")),
    Writer("render", "view.png", ("--size", "32")),
    Writer("render", "film.mp4", ("--size", "32", "--frames", "3")),
    Writer("batch", "runs", (
        "--address", "here", "--video-frames", "0", "--no-score", "--checkpoint-every", "1", "--retry-failed",
    )),
)  # fmt: skip


def left(output: Path) -> tuple[list[str], list[str]]:
    """Names of files, and those of which a part is left, or that say that somebody works there."""
    names = sorted(str(path.relative_to(output)) for path in output.rglob("*") if path.is_file())
    mark = ".batch is left"  # by which workers know the folder of a batch, to the end of its days
    return [name for name in names if "tensorboard" not in name], [line for line in hidden(output) if line != mark]


def failing(writer: Writer, failure: Failure, folder: Path, run: Path, names: list[str]) -> list[str]:
    """A command whose disk fails, and then once more; what is wrong. In a warm process.

    Args:
        writer: the command.
        failure: of its disk.
        folder: for what it writes; removed if all is well.
        run: that it reads.
        names: of the files that are there in the end.
    """
    output = folder / f"{writer.name}-{failure.at}-{'once' if failure.once else 'full'}"
    output.mkdir()
    disk = Disk(output, failure.at, failure.number, failure.once)
    ended = forked(writer.line(run, output), output, prepare=disk.mount)
    found = badly_ended(ended, failure.once, "failed" if writer.command == "batch" else None)
    found += left(output)[1]
    again = forked(writer.line(run, output), output)
    if again.status:
        found.append(f"given again, it ended with {again.status}: {last_line(again)}")
    there, rests = left(output)
    if there != names or rests:
        found.append(f"given again, it left {', '.join(sorted({*there} ^ {*names})) or 'nothing else'}; {rests}")
    if not found:
        shutil.rmtree(output)
    return found


def writes_of(writer: Writer, folder: Path, run: Path) -> tuple[int, list[str]]:
    """How often a command writes something, and the names of its files; in a warm process."""
    output = folder / f"{writer.name}-counted"
    output.mkdir()
    return counted(writer.line(run, output), output), left(output)[0]
