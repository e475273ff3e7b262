"""The lines at the top of the panel."""

from __future__ import annotations

import html
import math

LONGEST = 2000
"""Characters of one text: a page is read by people."""


def printable(text: str) -> str:
    """A text that can be sent to a browser: a file's name or a prompt may hold halves of characters, or megabytes."""
    short = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
    return short.encode("utf-8", "replace").decode("utf-8")


_SHEET = '.mantine-Paper-root[style*="max-height: 60%"]'
"""viser 1.1's panel on narrow screens: 20 em wide, over the right of the scene."""
_OPEN = f'body:has({_SHEET} .mantine-ScrollArea-content > div > [aria-hidden="false"])'
ON_A_PHONE = f"""<style>@media (max-width: 620px) and (min-height: 480px) {{
{_SHEET} {{ width: 100% !important; max-height: 45% !important; }}
{_SHEET} .mantine-ScrollArea-content > div {{ width: 100% !important; }}
[data-dock-root] {{ height: calc(100% - 3.5em) !important; }}
{_OPEN} [data-dock-root] {{ height: 55% !important; }}
}}</style>"""
"""A style for the page: where there is no room beside the panel, the scene stands above it instead of behind."""


def rows(pairs: list[tuple[str, str]]) -> str:
    """A small table as HTML; names and values are shown as text, whatever is in them."""
    cells = "".join(
        f'<tr><td style="opacity:.65;padding:1px 1em 1px 0;white-space:nowrap">{html.escape(printable(name))}</td>'
        f'<td style="text-align:right;overflow-wrap:anywhere">{html.escape(printable(value))}</td></tr>'
        for name, value in pairs
    )
    return f'<table style="width:calc(100% - 2em);margin:.3em 1em;font-size:.875em;border-spacing:0">{cells}</table>'


def note(text: str) -> str:
    """A quiet line as HTML, shown as text."""
    return f'<p style="padding:0 1em;margin:.3em 0;opacity:.75;font-size:.85em">{html.escape(printable(text))}</p>'


def warning(text: str) -> str:
    """A line that wants to be seen as HTML, shown as text."""
    style = "padding:.4em .8em;margin:.3em 1em;border-left:3px solid #e8a33d;font-size:.85em;overflow-wrap:anywhere"
    return f'<p style="{style}">{html.escape(printable(text))}</p>'


def heading(text: str) -> str:
    """A line that begins something new, broken wherever it is too long; shown as text."""
    style = "padding:.6em 1em 0;margin:.6em 0 .3em;border-top:1px solid #8884;font-size:.875em;overflow-wrap:anywhere"
    return f'<p style="{style}">{html.escape(printable(text))}</p>'


def link(text: str, address: str) -> str:
    """A line that opens an address of our own in another tab."""
    style = "padding:0 1em;margin:.3em 0;font-size:.875em"
    target = html.escape(address, quote=True)
    return f'<p style="{style}"><a href="{target}" target="_blank" rel="noopener">{html.escape(text)}</a></p>'


def duration(seconds: float | None) -> str:
    """Seconds as people say them: 42 s, 3:05 min, 1:02 h."""
    if seconds is None or not math.isfinite(seconds):
        return "…"
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02d} h"


def thousands(number: int) -> str:
    """12 345, with thin spaces."""
    return f"{number:,}".replace(",", "\u202f")


def splats_line(shown: int, total: int, limit: int) -> str:
    """How many Gaussians there are, and how many of them a browser draws."""
    if total <= limit:
        return thousands(total)
    return f"{thousands(total)} (an even sample of {thousands(limit)} shown)" if shown else thousands(total)
