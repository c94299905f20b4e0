"""What the page of a running sweep costs it: processor time of its threads, without and with browsers.

    python benchmarks/page.py [points] [browsers]

The default is some 20 s on two cores. Browsers are Debian's chromium, which takes processors as well: so the
measure is the time of the page's own threads, as a part of the wall clock.
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import spikesweep as ss
from spikesweep.api import progress

_LOOK = """
import sys
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
    pages = [browser.new_page() for _ in range(int(sys.argv[2]))]
    for page in pages:
        page.goto(sys.argv[1])
    sys.stdin.read()
"""


def seconds(name: str) -> float:
    """Return the processor time of this process's threads whose names begin so (s)."""
    found = 0
    for thread in threading.enumerate():
        if thread.name.startswith(name):
            fields = Path(f"/proc/self/task/{thread.native_id}/stat").read_text().rsplit(")", 1)[1].split()
            found += int(fields[11]) + int(fields[12])
    return found / os.sysconf("SC_CLK_TCK")


class Measured(progress.Terminal):
    """A monitor that notes what the page has cost, and opens browsers on it."""

    browsers, cost, shared, wall = 0, 0.0, 0.0, 0.0

    def start(self, *arguments: object) -> None:
        """Note the time."""
        super().start(*arguments)  # type: ignore[arg-type]
        type(self).wall = -time.perf_counter()

    def message(self, text: str) -> None:
        """Open browsers."""
        if text.startswith("page: ") and self.browsers:
            command = [sys.executable, "-c", _LOOK, text.removeprefix("page: "), str(self.browsers)]
            self.looking = subprocess.Popen(command, stdin=subprocess.PIPE)

    def stop(self) -> None:
        """Note what it has cost."""
        type(self).wall += time.perf_counter()
        type(self).cost, type(self).shared = (
            seconds("spikesweep view"),
            seconds("asyncio_") + seconds("zarr_"),
        )
        super().stop()
        if self.browsers:
            self.looking.communicate()


def main(points: int = 100_000, browsers: int = 1) -> None:
    """Print what the page costs a sweep of so many points."""
    side = round((points / 10) ** 0.5)
    progress.Terminal = Measured  # type: ignore[misc]
    for n in (0, browsers):
        Measured.browsers = n
        with tempfile.TemporaryDirectory() as folder:
            axis = f"{{start:0,stop:30,num:{side}}}"
            words = [f"grid.fe={axis}", f"grid.fi={axis}", "grid.seed={start:0,stop:9,num:10}"]
            ss.run(
                ss.load(
                    "neuron=adexp", "network=fs_rs", *words, "protocol.duration=2000.0", f"outputs={folder}"
                )
            )
        part, read = Measured.cost / Measured.wall, Measured.shared / Measured.wall
        print(f"{n} browsers: {Measured.wall:.1f} s, the page took {Measured.cost:.2f} s of it ({part:.2%}),")
        print(f"  all reading and writing of Zarr, the sweep's own too, {Measured.shared:.2f} s ({read:.2%})")


if __name__ == "__main__":
    if "--help" in sys.argv:
        sys.exit(print(__doc__))
    main(*map(int, sys.argv[1:]))
