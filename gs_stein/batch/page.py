"""index.html: all runs of a batch as pictures, in one file that needs nothing but the folders beside it."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from gs_stein.batch.ledger import Outcome
from gs_stein.batch.plan import Item
from gs_stein.files import write_atomically
from gs_stein.run.progress import duration

FILES = {"splats": "point_cloud.ply", "video": "video.mp4", "report": "report.json"}
_EVERY = 20
"""Seconds after which a browser asks again, while the batch goes on."""
_STYLE = """
body { margin: 2em auto; max-width: 90em; padding: 0 1em; font: 15px/1.4 system-ui, sans-serif; color: #222;
  background: #fafafa }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(20em, 1fr)); gap: 1em }
article { background: #fff; border: 1px solid #ddd; border-radius: 6px; overflow: hidden }
article img { width: 100%; aspect-ratio: 2; object-fit: cover; object-position: top; display: block }
article div { padding: .5em .8em .7em }
h2 { font-size: 1em; margin: 0; overflow-wrap: anywhere } p { margin: .2em 0 0; overflow-wrap: anywhere }
small, p { color: #666 } .failed { border-color: #c33 } .failed p { color: #a11 }
"""


def write_page(output: Path, items: Sequence[Item], outcomes: Mapping[str, Outcome], line: str, going: bool) -> None:
    """Write index.html, whole or not at all.

    Args:
        output: folder of the runs.
        items: all that were asked for, in order.
        outcomes: by name, how they stand.
        line: how far it all is.
        going: whether somebody still works on them: then browsers ask again now and then.

    Raises:
        ValueError: it cannot be written.
    """
    again = f'<meta http-equiv="refresh" content="{_EVERY}">\n' if going else ""
    cards = "\n".join(_card(output, item, outcomes.get(item.name, Outcome("new"))) for item in items)
    page = (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"{again}<title>{html.escape(output.name)}</title><style>{_STYLE}</style></head>\n"
        f"<body><h1>{html.escape(output.name)}</h1><p>{html.escape(line)}</p>\n<main>\n{cards}\n</main></body></html>\n"
    )
    write_atomically(output / "index.html", page.encode("utf-8", "replace"))


def _card(output: Path, item: Item, outcome: Outcome) -> str:
    """A run, with what there is to see of it."""
    picture = links = ""
    if outcome.state == "finished":
        folder = quote(item.name)
        here = output / item.name  # or only where results are copied to
        there = {name: file for name, file in FILES.items() if not here.is_dir() or (here / file).is_file()}
        if not here.is_dir() or (here / "preview.png").is_file():
            picture = f'<a href="{folder}/preview.png"><img loading="lazy" src="{folder}/preview.png" alt=""></a>'
        links = " · ".join(f'<a href="{folder}/{file}">{name}</a>' for name, file in there.items())
        links = f"<p>{links}</p>"
        said = [] if outcome.score is None else [f"scorer {outcome.score:.0%}"]
        said.append(duration(outcome.seconds))
    else:
        said = [{"new": "waits", "half": "begun", "elsewhere": "begun elsewhere"}.get(outcome.state, outcome.state)]
    said.append(item.name)
    lines = "".join(f"<p>{html.escape(text)}</p>" for text in (outcome.reason, *outcome.notes) if text)
    return (
        f'<article class="{outcome.state}">{picture}<div><h2>{html.escape(item.prompt)}</h2>'
        f"<small>{html.escape(' · '.join(said))}</small>{lines}{links}</div></article>"
    )
