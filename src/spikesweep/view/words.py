"""What a page says beside its figures. It is HTML of ours: every text of a store is escaped here."""

from collections.abc import Sequence
from html import escape
from typing import Any

from bokeh.models import Div, InlineStyleSheet

from spikesweep.view.facts import axes_text, configuration, progress
from spikesweep.view.hub import Hub
from spikesweep.view.labels import plain_text
from spikesweep.view.saved import command
from spikesweep.view.source import Source
from spikesweep.view.state import State

_FONTS = "system-ui, 'DejaVu Sans', sans-serif"
_MONO = "'DejaVu Sans Mono', monospace"
_STYLE = f"""
:host {{ font-family: {_FONTS}; font-size: 14px; color: #222; }}
.bar {{ background: #e3e3e3; height: 8px; width: 100%; border-radius: 4px; overflow: hidden; display: flex; }}
.bar div {{ height: 8px; }}
.ok {{ background: #0072b2; }}
.bad {{ background: #d55e00; }}
code, pre {{ font-family: {_MONO}; font-size: 12px; white-space: pre-wrap; overflow-wrap: anywhere; }}
b {{ font-weight: 600; }}
p {{ margin: 4px 0; }}
details {{ margin-top: 6px; }}
summary {{ cursor: pointer; }}
.error {{ border-left: 4px solid #d55e00; padding: 4px 8px; background: #fdf1ea; white-space: pre-wrap; }}
table {{ border-collapse: collapse; }}
td {{ padding: 1px 10px 1px 0; vertical-align: top; }}
td:first-child {{ color: #555; }}
pre.detail {{ max-height: 320px; overflow: auto; background: #f6f6f6; padding: 6px; }}
"""


def html(text: str = "", **more: Any) -> Div:
    """Return a place for HTML that is ours."""
    return Div(text=text, disable_math=True, stylesheets=[InlineStyleSheet(css=_STYLE)], **more)


def errors(texts: Sequence[str]) -> str:
    """Return what cannot be shown."""
    return "".join(f'<div class="error">{escape(text)}</div>' for text in texts)


def head(stores: Sequence[tuple[str, Source]], hub: Hub) -> str:
    """Return how far sweeps are."""
    parts = []
    for name, source in stores:
        found = progress(source)
        asked = max(found.asked, 1)
        both = (("ok", found.done), ("bad", found.failed))
        bar = "".join(f'<div class="{k}" style="width:{100 * n / asked:.3f}%"></div>' for k, n in both)
        parts.append(f"<p><b>{escape(name)}</b> &nbsp; {escape(str(found))}</p>")
        parts.append(f'<div class="bar">{bar}</div>')
    if hub.dashboard and hub.dashboard.startswith(("http://", "https://")):
        link = f'<a href="{escape(hub.dashboard)}" rel="noreferrer" target="_blank">'
        parts.append(f"<p>{link}tasks and workers (Dask)</a></p>")
    return "".join(parts) or f"<p><b>{escape(plain_text(hub.title))}</b></p>"


def foot(source: Source, hub: Hub, state: State, query: str) -> str:
    """Return how what is shown is kept, and what the sweep is made of."""
    words = escape(command(hub.places, state))
    files = ((kind, kind.upper()) for kind in ("png", "svg"))
    links = " &nbsp; ".join(f'<a href="figure.{k}?{escape(query)}" download>{name}</a>' for k, name in files)
    counts = ", ".join(f"{n} {name}" for name, n in progress(source).counts.items() if n)
    return (
        f"<p>This figure: {links}, or by</p><code>{words}</code>"
        "<p>The address of this page keeps what it shows.</p>"
        "<details><summary>What is asked for, and what is there</summary>"
        f"<pre>{escape(axes_text(source))}\n\n{escape(counts)}</pre></details>"
        "<details><summary>Configuration and versions</summary>"
        f"<pre>{escape(configuration(source))}</pre></details>"
    )
