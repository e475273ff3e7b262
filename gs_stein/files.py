"""Writing files whole or not at all, where the data that ships with the package lies, and output that no terminal
refuses."""

from __future__ import annotations

import functools
import io
import json
import os
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

PACKAGE = Path(__file__).resolve().parent
"""Where the package lies, with its presets and weights."""


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write that takes its name only when the block ends well: an interrupted write leaves the old one.

    Raises:
        ValueError: the folder does not exist or cannot be written to.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_native_id()}.tmp")
    try:
        with open(temporary, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not os.path.exists(path.parent):
            raise ValueError(f"{path}: cannot be written: there is no folder {path.parent}; make it first") from error
        raise ValueError(
            f"{path}: cannot be written ({error.strerror or str(error) or type(error).__name__})"
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file whole or not at all: an interrupted write leaves the old one as it was.

    Raises:
        ValueError: the folder does not exist or cannot be written to.
    """
    with atomic_file(path) as file:
        file.write(data)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write JSON, whole or not at all."""
    write_atomically(path, json_text(content).encode())


def json_text(content: dict[str, Any]) -> str:
    """JSON as people read it. What is no UTF-8 (in names of files) is written as JSON's own escapes."""
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    return text.encode("utf-8", "backslashreplace").decode()


def read_json(path: Path) -> dict[str, Any]:
    """The named values in a JSON file.

    Raises:
        ValueError: one line with the file: it cannot be read, is no JSON, or holds something else.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(_LONGEST_JSON + 1)
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror or error})") from error
    if len(data) > _LONGEST_JSON:
        raise ValueError(f"{path}: is larger than {_LONGEST_JSON >> 20} MiB, as no such file of ours is")
    try:
        tree = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: is no JSON, or damaged ({str(error).partition(chr(10))[0]})") from error
    if not isinstance(tree, dict):
        raise ValueError(f"{path}: holds a {type(tree).__name__} instead of named values")
    return tree


_LONGEST_JSON = 1 << 22
"""Bytes."""


class Advice(UserWarning):
    """Something that a user should know, and a caller of the library may catch or silence."""


_with_place = warnings.formatwarning


def _advice_as_a_line(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> str:
    return (
        f"note        {message}\n" if issubclass(category, Advice) else _with_place(message, category, *where, **more)
    )


def print_anything() -> None:
    """What every command begins with: no command fails for its words, and advice is a line like all others.

    Characters that a terminal or pipe cannot show are printed as "?", and of a warning that is `Advice`, not where in
    the code it was given.
    """
    warnings.formatwarning = _advice_as_a_line
    for stream in (sys.stdout, sys.stderr):
        # Whoever calls us may have put something else in their place, or nothing. Standard error has "backslashreplace"
        # unless told otherwise, which says more.
        if isinstance(stream, io.TextIOWrapper) and stream.errors in ("strict", "surrogateescape"):
            stream.reconfigure(errors="replace")


@functools.cache
def spare_cache() -> Path | None:
    """A folder for compiled kernels where neither the package's nor the user's can be written; said once, in one line.

    Returns:
        This user's own below the system's temporary one, so that later processes find it again; None without any.
    """
    owner = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    folder = Path(tempfile.gettempdir()) / f"gs_stein-kernels-{owner}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        # Kernels are code. In a folder that another user made, or may write to, they could be somebody else's.
        found = folder.lstat()
        if folder.is_symlink() or (hasattr(os, "getuid") and (found.st_uid != os.getuid() or found.st_mode & 0o022)):
            folder = Path(tempfile.mkdtemp(prefix="gs_stein-kernels-"))
    except OSError:
        return None
    print(f"note        compiled kernels are kept in {folder}; NUMBA_CACHE_DIR names another folder", file=sys.stderr)
    return folder
