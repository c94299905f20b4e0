"""Debian's chromium, without a screen, as a person uses it: looks, moves sliders, clicks cells."""

import json
import os
import shutil

import pytest

#: Set by .ci/run: there a missing browser is a failure.
NEEDED = "SPIKESWEEP_NEEDS_BROWSER"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
_MODEL = "Bokeh.documents[0].get_model_by_name"
_FINITE = "a => Array.from(a, v => Number.isFinite(v) ? v : null)"


def need_browser():
    """Skip where there is no browser and none is needed."""
    if CHROMIUM is None and not os.environ.get(NEEDED):
        pytest.skip("no chromium here: apt-get install chromium")
    assert CHROMIUM, f"{NEEDED} is set, and chromium is not installed"


class Browser:
    """A browser; its pages must raise nothing and load nothing from elsewhere."""

    def __init__(self, playwright):
        # root has no sandbox, and CI is root
        self._browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])

    def close(self):
        self._browser.close()

    def open(self, address, ready=True):
        """Return the page of an address, once it has drawn."""
        return Seen(self._browser.new_page(viewport={"width": 1500, "height": 1000}), address, ready)


class Seen:
    """A page that is looked at."""

    def __init__(self, page, address, ready):
        self.page, self.faults = page, []
        host = address.split("/")[2]
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("dialog", lambda dialog: (self.faults.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda r: self._requested(r.url, host))
        self.answer = page.goto(address)
        if ready:
            self.until("globalThis.Bokeh && Bokeh.documents.length && Bokeh.documents[0].is_idle")

    def _requested(self, url, host):
        if url.split(":")[0] not in ("data", "blob") and url.split("/")[2] != host:
            self.faults.append(f"asks {url}")

    def until(self, condition):
        """Wait until a condition of JavaScript holds."""
        self.page.wait_for_function(f"() => {condition}", timeout=30_000)

    def ask(self, expression):
        """Return what JavaScript says."""
        return json.loads(self.page.evaluate(f"() => JSON.stringify({expression})"))

    def model(self, name):
        return f"{_MODEL}({name!r})"

    def cells(self, column="image", number=0):
        """Return the numbers of a map, row by row from the bottom, None for none."""
        data = f"{self.model(f'cells {number}')}.data.{column}[0]"
        flat, shape = self.ask(f"[({_FINITE})({data}), {data}.shape]")
        return [flat[i * shape[1] : (i + 1) * shape[1]] for i in range(shape[0])]

    def set(self, name, value):
        """Set the value of a control."""
        self.page.evaluate(f"() => {{ {self.model(name)}.value = {json.dumps(value)} }}")

    def _place(self, x, y, number):
        """Return where on the screen a map has a position."""
        view = f"Bokeh.index.find_one({self.model(f'map {number}')})"
        x0, y0 = self.ask(f"(b => [b.x, b.y])({view}.canvas_view.el.getBoundingClientRect())")
        dx, dy = self.ask(f"[{view}.frame.x_scale.compute({x}), {view}.frame.y_scale.compute({y})]")
        return x0 + dx, y0 + dy

    def click(self, x, y, number=0):
        """Click where a map has a position."""
        self.page.mouse.click(*self._place(x, y, number))

    def hover(self, x, y):
        """Move the pointer to a position of the first map; return what is told, name by name."""
        across, down = self._place(x, y, 0)
        self.page.mouse.move(across - 3, down)
        self.page.mouse.move(across, down)
        rows = self.page.locator(".bk-tooltip-content:has-text('points')").first
        rows.wait_for(timeout=30_000)
        names, values = (rows.locator(f".bk-tooltip-row-{k}").all_inner_texts() for k in ("label", "value"))
        return dict(zip(names, values, strict=True))

    def zoom(self, x, y):
        """Turn the wheel over a position of the first map."""
        self.page.mouse.move(*self._place(x, y, 0))
        self.page.mouse.wheel(0, -500)

    def text(self, name):
        """Return the HTML of a place for it."""
        return self.ask(f"{self.model(name)}.text")

    def says(self, text):
        """Wait until a text is seen."""
        self.page.get_by_text(text).first.wait_for(timeout=30_000)
