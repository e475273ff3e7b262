"""How the live view is served. Free of torch and viser, so that `--help` need not wait for them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LiveOptions:
    """Where the page is served, and how much of a machine it may take."""

    host: str = "127.0.0.1"
    """Address to listen at. Whoever can reach it can steer the run: 0.0.0.0 lets everybody in."""
    port: int = 8080
    """Port to listen at; the next free one if it is taken, any free one if 0."""
    max_splats: int = 100_000
    """Gaussians sent to a browser at most; of larger scenes an even sample is shown (files and videos hold all)."""
    updates: float = 4.0
    """Updates of the browser a second, at most."""
    share: float = 0.01
    """Fraction of the time that watching may cost the run; updates become rarer where they are dear."""

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise ValueError(f"port: {self.port} is no port number; give 1024 to 65535, or 0 for any free one")
        if self.max_splats < 1:
            raise ValueError(f"max_splats: {self.max_splats} shows nothing; give 1 or more (default 100000)")
        if not self.updates > 0:
            raise ValueError(f"updates: {self.updates} a second shows nothing; give a positive number (default 4)")
        if not 0 < self.share <= 1:
            raise ValueError(f"share: {self.share} is not a fraction of the time; give one in (0, 1] (default 0.01)")
