"""Compare every file of this crate with its checksum; needs Python alone.

python verify.py               # files that are damaged, gone or new
python verify.py --compute 20  # then compute random points again, bit for bit, after:
                               #   python -m venv env && env/bin/pip install -r code/requirements.txt ./code
                               #   env/bin/python verify.py --compute 20
"""

import hashlib
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
MANIFEST = "manifest-sha256.txt"


def main() -> int:
    """Print what is not as it was written; return 1 where anything is."""
    listed = dict(line.split("  ", 1)[::-1] for line in (HERE / MANIFEST).read_text().splitlines())
    bad = []
    for name, digest in listed.items():
        file = HERE / name
        if not file.is_file():
            bad.append(f"gone: {name}")
        elif hashlib.sha256(file.read_bytes()).hexdigest() != digest:
            bad.append(f"damaged: {name}")
    print("\n".join(bad) or f"{len(listed)} files are as they were written")
    if bad or "--compute" not in sys.argv:
        return 1 if bad else 0
    n = sys.argv[sys.argv.index("--compute") + 1]
    models = [f"models={folder}" for folder in sorted((HERE / "models").glob("*")) if folder.is_dir()]
    (store,) = (HERE / "results").glob("*.zarr")
    return subprocess.run(
        [sys.executable, "-m", "spikesweep", "verify", str(store), "-k", n, *models]
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
