"""A run's folder: its name, and what is written before the first iteration."""

from __future__ import annotations

import re
import time
from pathlib import Path

from gs_stein.config.schema import Config
from gs_stein.config.serialize import to_yaml
from gs_stein.files import write_atomically


def slug(prompt: str) -> str:
    """A prompt as part of a folder's name."""
    words = re.sub(r"[^a-z0-9]+", "-", prompt.lower()).strip("-")
    return words[:48].rstrip("-") or "run"


def new_folder(output: Path, prompt: str) -> Path:
    """Make `output/<slug>-<time>`, never an existing one.

    Raises:
        ValueError: it cannot be made.
    """
    stamp = time.strftime("%Y%m%d-%H%M%S")
    for attempt in range(100):
        folder = output / f"{slug(prompt)}-{stamp}{f'-{attempt}' if attempt else ''}"
        try:
            folder.mkdir(parents=True, exist_ok=False)
        except FileExistsError:
            if output.exists() and not output.is_dir():
                raise ValueError(f"output: {output} is a file; give a folder") from None
        except OSError as error:
            raise ValueError(f"output: {folder} cannot be made ({error.strerror}); give another --output") from error
        else:
            return folder
    raise ValueError(f"output: {output} already holds a hundred runs of this second; give another --output")


def write_start(run: Path, config: Config) -> None:
    """What is known before the first iteration: config.yaml."""
    write_atomically(run / "config.yaml", to_yaml(config).encode())
