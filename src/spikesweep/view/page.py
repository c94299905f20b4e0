"""The page of a browser: controls, maps, lines, the point that was clicked. One for each who looks.

Bokeh: Dask's dashboard needs it anyway, its server is tornado's, and what it draws needs no build of ours.
"""

import asyncio
import time
from collections.abc import Callable
from html import escape
from typing import Any
from urllib.parse import urlencode

import numpy as np
from bokeh.document import Document, without_document_lock
from bokeh.events import RangesUpdate, Reset, Tap
from bokeh.layouts import column, row
from bokeh.models import CustomJS, Div, InlineStyleSheet

from spikesweep.errors import InputError
from spikesweep.view.controls import Controls
from spikesweep.view.curves import Curves
from spikesweep.view.details import Details
from spikesweep.view.drawn import Seen, whole
from spikesweep.view.facts import axes_text, configuration, problems, progress
from spikesweep.view.hub import MOST_STORES, Hub, Map, maps
from spikesweep.view.labels import plain_text
from spikesweep.view.panel import Panel
from spikesweep.view.pixels import Scale, positions
from spikesweep.view.point import index_of
from spikesweep.view.saved import command
from spikesweep.view.source import Source
from spikesweep.view.state import Fitted, State, fitted

#: Milliseconds between two questions whether anything has changed.
_TICK = 500
_STYLE = """
:host { font-family: system-ui, 'DejaVu Sans', sans-serif; font-size: 14px; color: #222; }
.bar { background: #e3e3e3; height: 8px; width: 100%; border-radius: 4px; overflow: hidden; display: flex; }
.bar div { height: 8px; } .ok { background: #0072b2; } .bad { background: #d55e00; }
code, pre { font-family: 'DejaVu Sans Mono', monospace; font-size: 12px; white-space: pre-wrap; overflow-wrap: anywhere; }
b { font-weight: 600; } p { margin: 4px 0; } details { margin-top: 6px; } summary { cursor: pointer; }
.error { border-left: 4px solid #d55e00; padding: 4px 8px; background: #fdf1ea; white-space: pre-wrap; }
table { border-collapse: collapse; } td { padding: 1px 10px 1px 0; vertical-align: top; } td:first-child { color: #555; }
pre.detail { max-height: 320px; overflow: auto; background: #f6f6f6; padding: 6px; }
"""


def html(text: str = "", **more: Any) -> Div:
    """Return a place for HTML that is ours: texts of stores are escaped before they come here."""
    return Div(text=text, disable_math=True, stylesheets=[InlineStyleSheet(css=_STYLE)], **more)


class Page:
    """One page that someone looks at."""

    def __init__(self, doc: Document, hub: Hub) -> None:
        self.doc, self.hub = doc, hub
        self.state, said = _state(doc)
        self.version = hub.refresh()
        self.head, self.foot = html(width=1180), html(width=620)
        self.error = html(width=1000, visible=False)
        self.link = Div(visible=False, disable_math=True)
        replace = CustomJS(code="history.replaceState(null, '', '?' + cb_obj.text)")
        self.link.js_on_change("text", replace)
        self.controls = Controls(self.change)
        self.details = Details(doc, html, self.change, hub)
        self.curves = Curves()
        self.panels = [
            Panel() for _ in range(min(MOST_STORES, max(1, len(hub.places) + (len(hub.places) == 2))))
        ]
        self.maps: list[Map] = []
        self._axes: Any = None
        self._quiet = False
        self._next = 0.0
        self._link_panels()
        figures = row(*(panel.figure for panel in self.panels))
        if len(self.panels) == 1:
            maps_ = row(column(self.error, figures, self.curves.figure, self.foot), self.details.root)
        else:
            below = row(column(self.curves.figure, self.foot), self.details.root)
            maps_ = column(self.error, figures, below)
        body = row(column(self.controls.root, width=275), maps_)
        doc.add_root(column(self.head, body, self.link, name="page"))
        doc.title = plain_text(hub.title)
        self.draw(said)
        doc.add_periodic_callback(self._tick, _TICK)

    def _link_panels(self) -> None:
        first = self.panels[0].figure
        for i, panel in enumerate(self.panels):
            if i:
                panel.figure.x_range, panel.figure.y_range = first.x_range, first.y_range
            panel.figure.on_event(Tap, self._tapper(i))
        first.on_event(RangesUpdate, self._moved)
        first.on_event(Reset, self._moved)

    def sources(self) -> list[tuple[str, Source]]:
        """Return the stores that can be shown."""
        return [(name, found) for name, found in self.hub.sources() if isinstance(found, Source)]

    def change(self, state: State) -> None:
        """Look at something else."""
        self.state = state
        self.draw()

    def draw(self, said: str = "") -> None:
        """Draw all of the page, as the stores were when they were last read; it travels as one message."""
        self.doc.hold("combine")
        try:
            self._draw_all(said)
        finally:
            self.doc.unhold()

    def _draw_all(self, said: str) -> None:
        began = time.perf_counter()
        stores = self.sources()
        errors = [found for _, found in self.hub.sources() if isinstance(found, str)]
        errors += [said] if said else []
        if stores:
            try:
                self._draw(stores)
            except Exception as error:  # whatever a damaged store raises: it is told
                text = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
                errors.append(plain_text(text, 1000))
        self._visible(bool(stores) and bool(self.maps))
        errors += [text for _, source in stores if (text := problems(source).strip())]
        self.error.text = "".join(f'<div class="error">{escape(text)}</div>' for text in errors)
        self.error.visible = bool(errors)
        self.head.text = self._head(stores)
        taken = time.perf_counter() - began
        self._next = time.monotonic() + taken / self.hub.share

    def _visible(self, shows: bool) -> None:
        for i, panel in enumerate(self.panels):
            panel.figure.visible = shows and i < len(self.maps) and bool(self.maps[i].view.state.y)
        self.curves.figure.visible = self.controls.root.visible = self.foot.visible = shows
        self.details.root.visible = shows

    def _draw(self, stores: list[tuple[str, Source]]) -> None:
        source = stores[0][1]
        view = fitted(self.state, source.space)
        axes = (view.state.x, view.state.y, *(len(source.space.dims[a].values) for a in source.space.axes))
        self.state = view.state
        if axes != self._axes:
            self._axes = axes
            self._show_all(whole(source, view))
        self.maps = maps(stores, self.state, self._seen())
        for panel, each in zip(self.panels, self.maps, strict=False):
            panel.show(each.drawn)
        index = index_of(source, self.state.point)
        self._mark(source, view, index)
        chosen = index.get(self.state.y) if index and self.state.y else None
        self.curves.show(source, view, self.maps[0].cells, chosen)
        self.controls.show(source.space, view, len(stores) > 1)
        self.details.show(source, view, index)
        query = urlencode(self.state.query())
        self.link.text = query
        self.foot.text = self._foot(source, query)

    def _show_all(self, seen: Seen) -> None:
        ranges = self.panels[0].figure.x_range, self.panels[0].figure.y_range
        self._quiet = True
        for one, low, high in zip(ranges, seen[::2], seen[1::2], strict=True):
            one.update(start=low, end=high, reset_start=low, reset_end=high)
        self._quiet = False

    def _seen(self) -> Seen:
        fig = self.panels[0].figure
        return fig.x_range.start, fig.x_range.end, fig.y_range.start, fig.y_range.end

    def _mark(self, source: Source, view: Fitted, index: dict[str, int] | None) -> None:
        place = None
        if index is not None and source.space.columns:
            found = [
                positions(source.space.columns[d])[0] if d else None for d in (view.state.x, view.state.y)
            ]
            place = tuple(0.0 if f is None else float(f[index["point"]]) for f in found)
        elif index is not None and {view.state.x, view.state.y} - {""} <= {*index}:
            scales = [
                (Scale.of(source.space.dims[d]), index[d]) if d else None
                for d in (view.state.x, view.state.y)
            ]
            place = tuple(s[0].start + s[0].step * s[1] if s else 0.0 for s in scales)
        for panel in self.panels:
            panel.choose(place)  # type: ignore[arg-type]

    def _moved(self, event: Any) -> None:
        """Draw what is seen now, where not all of it was drawn."""
        if self._quiet or not self.maps:
            return
        now = [m.drawn.axes for m in self.maps]
        self.maps = maps(self.sources(), self.state, self._seen())
        if [m.drawn.axes for m in self.maps] != now or self.maps[0].source.space.columns:
            for panel, each in zip(self.panels, self.maps, strict=False):
                panel.show(each.drawn)

    def _tapper(self, i: int) -> Callable[[Any], None]:
        def tapped(event: Any) -> None:
            if i < len(self.maps) and (cell := _cell(self.maps[i], event.x, event.y)) is not None:
                self.details.choose(self.maps[i].source, self.maps[i].view, cell)

        return tapped

    @without_document_lock
    async def _tick(self) -> None:
        """Look whether the stores have changed, outside of the page's turn, and draw them in it."""
        version = await asyncio.to_thread(self.hub.refresh)
        if version != self.version and time.monotonic() >= self._next:
            self.version = version
            self.doc.add_next_tick_callback(self.draw)

    def _head(self, stores: list[tuple[str, Source]]) -> str:
        parts = []
        for name, source in stores:
            found = progress(source)
            asked = max(found.asked, 1)
            bar = "".join(
                f'<div class="{k}" style="width:{100 * n / asked:.3f}%"></div>'
                for k, n in (("ok", found.done), ("bad", found.failed))
            )
            parts.append(
                f'<p><b>{escape(name)}</b> &nbsp; {escape(str(found))}</p><div class="bar">{bar}</div>'
            )
        if self.hub.dashboard and self.hub.dashboard.startswith(("http://", "https://")):
            parts.append(
                f'<p><a href="{escape(self.hub.dashboard)}" rel="noreferrer">tasks and workers (Dask)</a></p>'
            )
        return "".join(parts) or f"<p><b>{escape(plain_text(self.hub.title))}</b></p>"

    def _foot(self, source: Source, query: str) -> str:
        words = escape(command(self.hub.places, self.state))
        links = " &nbsp; ".join(
            f'<a href="figure.{k}?{escape(query)}" download>{k.upper()}</a>' for k in ("png", "svg")
        )
        counts = ", ".join(f"{n} {name}" for name, n in progress(source).counts.items() if n)
        return (
            f"<p>This figure: {links}, or by</p><code>{words}</code><p>The address of this page keeps what it shows.</p>"
            f"<details><summary>What is asked for, and what is there</summary><pre>{escape(axes_text(source))}\n\n"
            f"{escape(counts)}</pre></details>"
            f"<details><summary>Configuration and versions</summary><pre>{escape(configuration(source))}</pre></details>"
        )


def _state(doc: Document) -> tuple[State, str]:
    """Return the state that an address asks for, and what is wrong with it."""
    context = doc.session_context
    arguments = context.request.arguments if context is not None and context.request is not None else {}
    query = {k: v[-1].decode("utf-8", "replace") for k, v in arguments.items()}
    try:
        return State.of(query), ""
    except InputError as error:
        return State(), plain_text(error, 300)


def _cell(each: Map, x: float, y: float) -> dict[str, int] | None:
    """Return which cell of a map a position is in; of points that are no grid the nearest, None where none is."""
    space, state = each.source.space, each.view.state
    if not space.columns:
        found = {}
        for dim, at in ((state.x, x), (state.y, y)):
            if dim in space.axes:
                found[dim] = Scale.of(space.dims[dim]).place(at)
        return found
    _, _, width, height = each.drawn.box
    where = [positions(space.columns[d])[0] if d else None for d in (state.x, state.y)]
    apart = sum(
        ((w - at) / size) ** 2
        for w, at, size in zip(where, (x, y), (width, height), strict=True)
        if w is not None
    )
    nearest = int(np.argmin(apart))
    return {"point": nearest} if apart[nearest] < 0.03**2 else None
