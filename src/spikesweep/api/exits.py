"""What a command says, and exits with, when it is refused or stopped."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from spikesweep.errors import InputError


@contextmanager
def exit_codes(interrupted: str = "stopped") -> Iterator[None]:
    """Turn what is raised into a line and an exit code: 2 refused, 1 stopped by the disk, 130 interrupted."""
    try:
        yield
    except InputError as error:
        print(f"refused: {error}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:  # `| head`: who reads has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:
        print(f"stopped: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print(f"\n{interrupted}", file=sys.stderr)
        sys.exit(130)
