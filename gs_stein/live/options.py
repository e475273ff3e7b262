"""How the live view is served. Free of torch and viser, so that `--help` need not wait for them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from tyro.conf import UseAppendAction


@dataclass(frozen=True)
class LiveOptions:
    """Where the page is served, and how much of a machine it may take."""

    host: str = "127.0.0.1"
    """Address to listen at. By default only this machine can reach it, others through ssh (the line to type is
    printed); 0.0.0.0 is all addresses of this machine: whoever has the link, with its token, can steer the run."""
    port: int = 8080
    """Port to listen at; the next free one if it is taken, any free one if 0."""
    token: str = "auto"
    """Secret that the link must carry. auto: a new one where others can come near (--host, --allow-origin), none on
    127.0.0.1, where all users of this machine can open the page: on a shared one take new. Or: none; or a secret of
    your own, 8 or more letters and digits, so that a bookmark lasts."""
    allow_origin: UseAppendAction[tuple[str, ...]] = ()
    """Origin of a proxy in front of the page: what the browser's address line begins with, such as
    https://NAME-8080.app.github.dev (Codespaces) or https://hub.example.org (JupyterHub, nginx). May be repeated.
    Pages of other origins are turned away."""
    max_splats: int = 100_000
    """Gaussians sent to a browser at most; of larger scenes an even sample is shown (files and videos hold all)."""
    updates: float = 4.0
    """Updates of the browser a second, at most."""
    share: float = 0.01
    """Fraction of the time that watching may cost the run; updates become rarer where they are dear."""

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise ValueError(f"port: {self.port} is no port number; give 1024 to 65535, or 0 for any free one")
        if not re.fullmatch(r"auto|new|none|[A-Za-z0-9_-]{8,128}", self.token):
            raise ValueError(
                f"token: {self.token!r} is no secret for a link; give auto, new, none, or 8 to 128 letters and digits"
            )
        for origin in self.allow_origin:
            if not _is_origin(origin):
                raise ValueError(
                    f"allow_origin: {origin!r} is no origin; give scheme and host, and the port if there is one, as in "
                    "https://hub.example.org"
                )
        if self.max_splats < 1:
            raise ValueError(f"max_splats: {self.max_splats} shows nothing; give 1 or more (default 100000)")
        if not self.updates > 0:
            raise ValueError(f"updates: {self.updates} a second shows nothing; give a positive number (default 4)")
        if not 0 < self.share <= 1:
            raise ValueError(f"share: {self.share} is not a fraction of the time; give one in (0, 1] (default 0.01)")


def _is_origin(text: str) -> bool:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    plain = re.fullmatch(r"[\w.:\[\]-]+", parts.netloc, re.ASCII) is not None
    return parts.scheme in ("http", "https") and plain and text.rstrip("/") == f"{parts.scheme}://{parts.netloc}"
