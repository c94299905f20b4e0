"""The other side of common.Peer: one request a line on standard input, one answer a line back.

Import it before the simulator: what that prints, even when it is imported, must not stand between the
answers, so standard output is kept aside and becomes standard error.
"""

import json
import os
import sys

_ANSWERS = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)


def serve(measure, about):
    """Answer requests with `measure(**request)` until the input ends."""
    answer(about)
    for line in sys.stdin:
        answer(measure(**json.loads(line)))


def answer(about):
    """Print one answer."""
    print(json.dumps(about), file=_ANSWERS, flush=True)
