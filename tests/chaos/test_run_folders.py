"""A run's folder belongs to one process at a time, however that one ends; what it left half written is removed."""

from __future__ import annotations

import errno
import io
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gs_stein.command import train
from gs_stein.config.schema import Config
from gs_stein.files import atomic_file
from gs_stein.run import folder

HOLD = """
import sys
from pathlib import Path
from gs_stein.run.folder import working_in
with working_in(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held_by_another(run: Path) -> Iterator[subprocess.Popen]:
    """A process that works in a folder until its input ends."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(run)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_the_second_is_told_who_the_first_is_and_a_killed_one_holds_nothing(tmp_path: Path, capsys) -> None:
    folder.write_start(tmp_path, Config(prompt="a red chair"))
    with held_by_another(tmp_path) as other:
        assert train.main(["--resume", str(tmp_path), "--no-viewer"]) == 2
        said = capsys.readouterr()
        line = f"error: resume: process {other.pid} is working in {tmp_path}; wait until it ends, or stop it\n"
        assert (said.out, said.err) == ("", line)
        other.send_signal(signal.SIGKILL)
        other.wait()
        with folder.working_in(tmp_path):
            assert (tmp_path / folder.LOCK).read_text() == str(os.getpid())
            with pytest.raises(ValueError, match=f"process {os.getpid()} is working"), folder.working_in(tmp_path):
                pass
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


def test_whoever_ends_well_leaves_nothing_and_the_next_may_begin(tmp_path: Path) -> None:
    for _ in range(3):
        with folder.working_in(tmp_path):
            pass
        with pytest.raises(KeyError), folder.working_in(tmp_path):
            raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_gone_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be written to"), folder.working_in(tmp_path / "gone"):
        pass


def test_a_lock_that_cannot_be_written_is_one_line_and_not_left(tmp_path: Path, monkeypatch) -> None:
    class Full(io.FileIO):
        def write(self, data: object) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(folder, "open", lambda path, mode: io.BufferedRandom(Full(path, "a+")), raising=False)
    with pytest.raises(ValueError, match=r"cannot be written to \(No space left"), folder.working_in(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_what_dead_processes_were_writing_is_removed_and_nothing_else(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    checkpoints = tmp_path / "checkpoints"
    checkpoints.mkdir()
    with held_by_another(checkpoints) as other:
        gone = [
            checkpoints / f".step_0000100.pt.{dead.pid}.{dead.pid}.tmp", tmp_path / f".video.{dead.pid}.tmp.mp4",
            tmp_path / f".point_cloud.ply.{os.getpid()}.17.tmp", tmp_path / f".v1.22.ply.{dead.pid}.3.tmp",
        ]  # fmt: skip
        left = [
            tmp_path / f".point_cloud.spz.{other.pid}.{other.pid}.tmp", tmp_path / f"notes.{dead.pid}.tmp",
            tmp_path / ".tmp", tmp_path / ".notes.tmp", checkpoints / "step_0000050.pt", tmp_path / ".video.mp4",
        ]  # fmt: skip
        for path in gone + left:
            path.touch()
        with folder.working_in(tmp_path):
            assert not any(path.exists() for path in gone)
            assert all(path.exists() for path in left)


def test_names_of_files_that_are_being_written_are_known(tmp_path: Path) -> None:
    with atomic_file(tmp_path / "a.b.ply") as file:
        (name,) = (path.name for path in tmp_path.iterdir())
        file.write(b"x")
    found = folder._UNFINISHED.fullmatch(name)
    assert found is not None
    assert int(found[1]) == os.getpid()
