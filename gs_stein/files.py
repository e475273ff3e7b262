"""Writing files whole or not at all, and where the data that ships with the package lies."""

from __future__ import annotations

import json
import os
import threading
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
    write_atomically(path, (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode())
