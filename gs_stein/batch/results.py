"""Finished runs at an address, such as s3://bucket/night: put there whole, and recognised there."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Sequence
from pathlib import Path

from gs_stein.batch.ledger import ASKED, Outcome, finished
from gs_stein.batch.plan import Item
from gs_stein.run.folder import LOCK

_LEFT_OUT = ("checkpoints", LOCK, ASKED)
"""Not copied with the rest: only who goes on needs the first two, and the last one, which says that all is there, comes
last."""


class Results:
    """A place that fsspec knows how to reach.

    Args:
        address: of a folder: s3://bucket/night, gs://bucket/night, sftp://host/night, file:///mnt/night …

    Raises:
        ValueError: it is no address, what reaches it is not installed, or nothing can be written there; one line.
    """

    def __init__(self, address: str) -> None:
        import fsspec

        self.address = address
        if "://" not in address:
            raise ValueError(
                f"results: {address!r} is no address; give one such as s3://bucket/night, or a folder as -o"
            )
        protocol, _, place = address.partition("://")
        if protocol in ("", "file", "local") and not re.match(r"/|[A-Za-z]:[/\\]", place):
            raise ValueError(
                f"results: {address!r} is no absolute path; give one with three slashes, such as file:///mnt/night"
            )
        try:
            self._files, self._root = fsspec.core.url_to_fs(address)
        except ImportError as error:
            raise ValueError(f"results: {address} cannot be reached ({error})") from error
        except Exception as error:  # every protocol has errors of its own
            raise ValueError(f"results: {address} is no address that can be used ({_said(error)})") from error

    def is_folder(self, folder: Path) -> bool:
        """Whether it is a folder of this machine, under whatever name."""
        return "file" in self._files.protocol and Path(self._root).resolve() == folder.resolve()

    def check(self) -> None:
        """Raise ValueError, one line, unless something can be written there."""
        probe = f"{self._root}/.{uuid.uuid4().hex}.tmp"
        try:
            self._files.makedirs(self._root, exist_ok=True)
            self._files.pipe_file(probe, b"ours")
            if self._files.cat_file(probe) != b"ours":
                raise OSError("what is written there does not come back")
            self._files.rm_file(probe)
        except Exception as error:
            raise ValueError(f"results: {self.address} cannot be written to ({_said(error)}); check it") from error

    def finished(self, items: Sequence[Item]) -> dict[str, Outcome]:
        """Which of the runs are there, by name.

        Raises:
            ValueError: it cannot be read, or holds a run of that name with other settings.
        """
        paths = {item.name: f"{self._root}/{item.name}" for item in items}
        try:
            there = {str(path).rstrip("/").rpartition("/")[2] for path in self._files.ls(self._root, detail=False)}
            wanted = [
                f"{path}/{file}" for name, path in paths.items() if name in there for file in (ASKED, "report.json")
            ]
            # All at once where the protocol can; missing ones are left out.
            found = self._files.cat(wanted, on_error="omit") if wanted else {}
        except Exception as error:
            raise ValueError(f"results: {self.address} cannot be read ({_said(error)}); check it") from error
        files = {self._files._strip_protocol(path): content for path, content in found.items()}
        outcomes: dict[str, Outcome] = {}
        for item in items:
            kept, report = (files.get(f"{paths[item.name]}/{file}") for file in (ASKED, "report.json"))
            if kept is None or report is None:
                continue
            try:
                kept, report = json.loads(kept), json.loads(report)
            except ValueError:  # cut short: put there again
                continue
            outcome = finished(f"{self.address}/{item.name}", item, kept, report)
            if outcome is not None:
                outcomes[item.name] = outcome
        return outcomes

    def put(self, run: Path) -> None:
        """Copy all files of a finished run but its checkpoints, the note that it is finished last.

        Raises:
            ValueError: one line.
        """
        to = f"{self._root}/{run.name}"
        try:
            self._files.makedirs(to, exist_ok=True)
            for path in sorted(run.rglob("*")):
                relative = path.relative_to(run)
                if path.is_file() and relative.parts[0] not in _LEFT_OUT and not path.name.endswith(".tmp"):
                    self._put(path, f"{to}/{relative.as_posix()}")
            self._put(run / ASKED, f"{to}/{ASKED}")
        except Exception as error:
            raise ValueError(f"results: {run.name} cannot be copied to {self.address} ({_said(error)})") from error

    def put_file(self, path: Path) -> None:
        """Copy a file beside the runs.

        Raises:
            ValueError: one line.
        """
        try:
            self._put(path, f"{self._root}/{path.name}")
        except Exception as error:
            raise ValueError(f"results: {path.name} cannot be copied to {self.address} ({_said(error)})") from error

    def _put(self, path: Path, to: str) -> None:
        self._files.makedirs(to.rpartition("/")[0], exist_ok=True)
        self._files.put_file(str(path), to)


def _said(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).partition("\n")[0][:200]
