"""A point computed again in a process of its own, for a page that goes on meanwhile.

`python -m spikesweep.view.replayed FILE` is what that process runs: it reads from its input which point, as
JSON, and writes traces to FILE. Labels are no words of a command line: an axis may have the name `models`.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesweep.view.labels import LONG, plain_text

#: Seconds that a replay may take, and the memory of what it draws (values of a trace).
_PATIENCE, _MOST = 900.0, 20_000_000


@dataclass(frozen=True, eq=False)
class Traces:
    """What came out: traces over time, or why there are none."""

    text: str
    time: NDArray[np.float64] | None = None
    units: str = "ms"
    signals: tuple[tuple[str, str, NDArray[np.float64]], ...] = ()  #: names, units and values


def replay(
    path: Path, labels: Mapping[str, Any], models: Sequence[Path], running: set[subprocess.Popen[str]]
) -> Traces:
    """Compute a point again and wait for it; what goes wrong is told in the text.

    The process is among `running` while it runs: who ends the page ends it.
    """
    asked = json.dumps({"path": str(path), "labels": dict(labels), "models": [str(m) for m in models]})
    with tempfile.TemporaryDirectory(prefix="spikesweep-") as folder:
        file = Path(folder) / "traces.npz"
        command = [sys.executable, "-m", __name__, str(file)]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, text=True, stdin=pipe, stdout=pipe, stderr=pipe) as process:
            running.add(process)
            try:
                out, error = process.communicate(asked, _PATIENCE)
            except subprocess.TimeoutExpired:
                return Traces(f"stopped: it takes longer than {_PATIENCE:.0f} s")
            finally:
                process.kill()
                running.discard(process)
        said = plain_text((out + error).strip()[-LONG:], LONG)
        if process.returncode or not file.exists():
            return Traces(said or f"it ended with code {process.returncode}")
        return _read(file, said)


def _read(file: Path, said: str) -> Traces:
    with np.load(file, allow_pickle=False) as found:
        units = found["units"].tolist()
        names = found["names"].tolist()
        signals = tuple(
            (n, u, found[f"values {i}"]) for i, (n, u) in enumerate(zip(names, units, strict=True))
        )
        return Traces(said, found["time"], str(found["time units"]), signals)


def main(file: str, asked: Mapping[str, Any]) -> int:
    """Replay a point and write its traces; return the exit code."""
    from spikesweep import trust
    from spikesweep.errors import InputError
    from spikesweep.store import Store
    from spikesweep.sweep import replay as recompute

    try:
        trust.named_words(())
        trust.trust(asked["models"])
        store = Store.at(Path(asked["path"]))
        if store is None:
            raise InputError(f"{asked['path']} does not exist")
        ds = recompute.replay(store, asked["labels"])
    except (InputError, recompute.OtherResult) as error:
        print(error, file=sys.stderr)
        return 1
    print("computed again: it comes out as it is stored, bit for bit")
    if "time" not in ds.dims:
        print("this protocol has no traces")
        return 1
    traces: dict[str, Any] = {str(n): v for n, v in ds.data_vars.items() if v.dims == ("time",)}
    plain = {n: v for n, v in traces.items() if v.dtype.kind in "fiu" and v.size <= _MOST}
    values = {f"values {i}": v.values.astype(np.float64) for i, v in enumerate(plain.values())}
    units = [str(v.attrs.get("units", "1")) for v in plain.values()]
    time = ds["time"].values.astype(np.float64)
    named: dict[str, Any] = {"names": np.array([*plain]), "units": np.array(units), "time": time, **values}
    named["time units"] = np.array(str(ds["time"].attrs.get("units", "ms")))
    np.savez(file, **named)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], json.load(sys.stdin)))
