"""The page of a browser: controls, maps, lines, the point that was clicked. One for each who looks.

Bokeh: Dask's dashboard needs it anyway, its server is tornado's, and what it draws needs no build of ours.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from bokeh.document import Document, without_document_lock
from bokeh.events import RangesUpdate, Reset, Tap
from bokeh.layouts import column, row
from bokeh.models import CustomJS, Div

from spikesweep.errors import InputError
from spikesweep.view import words
from spikesweep.view.clicked import cell_at, place_of
from spikesweep.view.controls import Controls
from spikesweep.view.curves import Curves
from spikesweep.view.details import Details
from spikesweep.view.drawn import Seen, whole
from spikesweep.view.facts import problems
from spikesweep.view.hub import MOST_STORES, Hub, Map, maps
from spikesweep.view.labels import plain_text
from spikesweep.view.panel import Panel
from spikesweep.view.point import index_of
from spikesweep.view.source import Source
from spikesweep.view.state import Fitted, State, fitted

#: Milliseconds between two questions whether anything has changed.
_TICK = 1000


class Page:
    """One page that someone looks at."""

    def __init__(self, doc: Document, hub: Hub) -> None:
        self.doc, self.hub = doc, hub
        self.state, said = _state(doc)
        self.version = hub.refresh()
        self.head, self.foot = words.html(width=1180), words.html(width=620)
        self.error = words.html(width=1000, visible=False)
        self.link = Div(visible=False, disable_math=True)
        replace = CustomJS(code="history.replaceState(null, '', '?' + cb_obj.text)")
        self.link.js_on_change("text", replace)
        self.controls = Controls(self.change)
        self.details = Details(doc, words.html, self.change, hub)
        self.curves = Curves()
        n = max(1, len(hub.places) + (len(hub.places) == 2))  # of two also their difference
        self.panels = [Panel(i, alone=n == 1) for i in range(min(MOST_STORES, n))]
        self.maps: list[Map] = []
        self._axes: Any = None
        self._quiet = False
        self._told = 0  #: of which map lines and a point are told
        self._next = 0.0
        self._link_panels()
        figures = row(*(panel.figure for panel in self.panels))
        if len(self.panels) == 1:
            maps_ = row(column(self.error, figures, self.curves.figure, self.foot), self.details.root)
        else:
            below = row(column(self.curves.figure, self.foot), self.details.root)
            maps_ = column(self.error, figures, below)
        body = row(column(self.controls.root, width=295), maps_)
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
        self.error.text = words.errors(errors)
        self.error.visible = bool(errors)
        self.head.text = words.head(stores, self.hub)
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
        told = self.maps[min(self._told, len(self.maps) - 1)]
        index = index_of(told.source, self.state.point)
        self._mark(told.source, told.view, index)
        chosen = index.get(self.state.y) if index and self.state.y else None
        self.curves.show(told.source, told.view, told.cells, chosen)
        self.controls.show(source.space, view, len(stores) > 1)
        self.details.show(told.source, told.view, index)
        query = urlencode(self.state.query())
        self.link.text = query
        self.foot.text = words.foot(source, self.hub, self.state, query)

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
        place = place_of(source, view, index) if index is not None else None
        for panel in self.panels:
            panel.choose(place)

    def _moved(self, event: Any) -> None:
        """Draw what is seen now, where not all of it was drawn."""
        if self._quiet or not self.maps:
            return
        now = [m.drawn.axes for m in self.maps]
        self.maps = maps(self.sources(), self.state, self._seen(), self.maps)
        if [m.drawn.axes for m in self.maps] != now or self.maps[0].source.space.columns:
            for panel, each in zip(self.panels, self.maps, strict=False):
                panel.show(each.drawn)

    def _tapper(self, i: int) -> Callable[[Any], None]:
        def tapped(event: Any) -> None:
            if i < len(self.maps) and (cell := cell_at(self.maps[i], event.x, event.y)) is not None:
                self._told = i
                self.details.choose(self.maps[i].source, self.maps[i].view, cell)

        return tapped

    @without_document_lock  # type: ignore[untyped-decorator]
    async def _tick(self) -> None:
        """Look whether the stores have changed, outside of the page's turn, and draw them in it."""
        version = await asyncio.to_thread(self.hub.refresh)
        if version != self.version and time.monotonic() >= self._next:
            self.version = version
            self.doc.add_next_tick_callback(self.draw)


def _state(doc: Document) -> tuple[State, str]:
    """Return the state that an address asks for, and what is wrong with it."""
    context = doc.session_context
    arguments = context.request.arguments if context is not None and context.request is not None else {}
    query = {k: v[-1].decode("utf-8", "replace") for k, v in arguments.items()}
    try:
        return State.of(query), ""
    except InputError as error:
        return State(), plain_text(error, 300)
