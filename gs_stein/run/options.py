"""Everything around a run that does not change its numbers. Free of torch, so that `--help` need not wait."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class RunOptions:
    """Everything around a run that does not change its numbers."""

    output: Path = Path("runs")
    """Folder in which the run makes its own."""
    checkpoint_every: int = 100
    """Iterations between checkpoints: what a power cut can cost."""
    keep_checkpoints: int = 2
    """How many of the latest to keep."""
    log_every: int = 10
    """Iterations between rows of metrics.csv and TensorBoard points."""
    video_frames: int = 120
    """Frames of video.mp4; 0: no video."""
    video_size: int = 384
    """Side of its pictures, pixels."""
    score: bool = True
    """Ask the scorer at the end how well the scene fits the prompt."""
    steering: Path | None = None
    """The steering.csv of another run: what was changed on its page is changed again, at the same iterations."""
    viewer: bool = True
    """Serve a live view to the browser."""
    serve: Literal["auto", "yes", "no"] = "auto"
    """Whether the page stays once the run is done, to look, export and compare; auto: while a browser is there."""

    def __post_init__(self) -> None:
        for name in ("checkpoint_every", "keep_checkpoints", "log_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"run.{name}: {getattr(self, name)} is below 1; give a positive number")
        if self.video_frames < 0 or self.video_size < 16 or self.video_size % 2:
            raise ValueError(
                f"run.video_frames, video_size: {self.video_frames}, {self.video_size}; give 0 or more frames of an "
                "even number of pixels, 16 or more"
            )
