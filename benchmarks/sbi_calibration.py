"""Whether `sbi` fed by a sweep is calibrated: a normal mean, whose posterior is known.

    python benchmarks/sbi_calibration.py --simulations 4000 --observations 300     # pip install sbi

A sweep draws means from N(0, 1) and returns two observations of SD 0.5 of each: given both, the posterior
is normal, with 8/9 of their mean and an SD of 1/3. A neural posterior (NPE) is trained on `arrays(ds,
torch=True)` with `prior(ds, torch=True)`; ranks of true means among draws must be uniform (chi square of 10
bins), and its mean and SD those of the closed form. Ends with code 1 where they are not.
"""

import sys
import tempfile
import time
import warnings
from pathlib import Path
from statistics import median

import numpy as np
from common import arguments, write
from scipy.stats import chi2

import spikesweep as ss
from spikesweep.analysis.inference import arrays, prior

SOURCE = """
import numpy as np

def known(m: float, seed: int = 0):
    return {"x": m + 0.5 * np.random.default_rng(seed).normal(size=2)}
"""
DRAWS, BINS = 99, 10


def table(folder: Path, n: int) -> object:
    """Return a sweep of n simulations, a power of 2."""
    (folder / "simulated").mkdir()
    (folder / "simulated" / "sim.py").write_text(SOURCE)
    words = ("grid.m={dist:normal,mean:0,sd:1}", f"sample.num={n}", "sample.method=random", "compute=serial")
    where = (f"function={folder}/simulated/sim.py:known", f"outputs={folder}")
    return ss.run(ss.load(*where, *words)).load()


def main() -> None:
    """Print ranks, and how far the posterior is from the closed form."""
    parser = arguments(__doc__ or "", "sbi_calibration")
    parser.add_argument("--simulations", type=int, default=4000)
    parser.add_argument("--observations", type=int, default=300)
    options = parser.parse_args()
    try:
        import torch
        from sbi.inference import NPE
        from sbi.utils.user_input_checks import process_prior
    except ImportError:
        sys.exit("sbi is not installed: pip install sbi")
    torch.manual_seed(0)
    rng = np.random.default_rng(1)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        ds = table(Path(folder), options.simulations)
    simulated = time.perf_counter()
    given = arrays(ds, torch=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of sbi and torch themselves
        own, *_ = process_prior(prior(ds, torch=True))
        trainer = NPE(prior=own, show_progress_bars=False)
        trainer.append_simulations(given.theta[given.valid], given.x[given.valid]).train()
        posterior = trainer.build_posterior()
    trained = time.perf_counter()
    ranks, means, sds = [], [], []
    for m in rng.normal(size=options.observations):
        x = m + 0.5 * rng.normal(size=2)
        draws = posterior.sample((DRAWS,), x=torch.tensor(x, dtype=torch.float32), show_progress_bars=False)
        ranks.append(int((draws < m).sum()))
        many = draws.numpy().ravel()
        means.append(many.mean() - 8.0 / 9.0 * x.mean())
        sds.append(many.std())
    counts = np.bincount(np.array(ranks) * BINS // (DRAWS + 1), minlength=BINS)
    expected = options.observations / BINS
    square = float(((counts - expected) ** 2 / expected).sum())
    highest = float(chi2.ppf(0.999, BINS - 1))
    print(f"{simulated - began:.0f} s of simulation, {trained - simulated:.0f} s of training")
    print(f"ranks {counts.tolist()}, chi square {square:.1f} of at most {highest:.1f}")
    off, sd = float(np.mean(means)), float(np.mean(sds))
    print(f"mean off by {median(np.abs(means)):.3f} (median), {off:+.3f} (mean); SD {sd:.3f}, 0.333 known")
    write(options.json, {"ranks": counts.tolist(), "chi_square": square, "mean_off": off, "sd": sd})
    sys.exit(int(square > highest or abs(off) > 0.05 or abs(sd - 1 / 3) > 0.05))


if __name__ == "__main__":
    main()
