"""How tests wait for other programs: they look, with a deadline for what never comes."""

import time
from collections.abc import Callable

#: Seconds for what takes a fraction of one, on a machine that is busy with other tests.
PATIENCE = 120.0


def wait_until(holds: Callable[[], object], what: str, patience: float = PATIENCE) -> None:
    """Wait until a condition holds; fail with what was waited for when it does not."""
    deadline = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < deadline, f"waited {patience:.0f} s in vain: {what}"
        time.sleep(0.05)
