"""Sensitivity: designs of SALib as samples of a sweep, indices of what comes out."""

import subprocess
import sys

import numpy as np
import pytest
import xarray as xr

import spikesweep as ss
from spikesweep import analysis
from spikesweep.analysis.plots import sensitivity as plots
from spikesweep.errors import InputError
from spikesweep.grid import salib

SOURCE = """
from typing import Annotated
import numpy as np

def ishigami(x1, x2, x3):
    y = np.sin(x1) + 7.0 * np.sin(x2) ** 2 + 0.1 * x3**4 * np.sin(x1)
    return {"y": y, "both": np.stack([y, -2.0 * y], axis=1), "same": np.full_like(y, 3.0)}

def gappy(x1, x2, x3, seed: int = 0):
    return np.where((x1 > 3.0) & (np.asarray(seed) % 2 == 0), np.nan, x1 + x2)

def linear(x: Annotated[float, "mV"], y: float, k: int = 0, kind: str = "a"):
    return x + 2.0 * y + k + (kind == "b")
"""
ISHIGAMI = tuple(f"grid.x{i}={{low:{-np.pi},high:{np.pi}}}" for i in (1, 2, 3))
S1, ST = (0.3139, 0.4424, 0.0), (0.5576, 0.4424, 0.2437)


@pytest.fixture
def sweep(tmp_path):
    """Return a function that loads a sweep of a function with known indices."""
    (tmp_path / "known").mkdir()
    (tmp_path / "known" / "sim.py").write_text(SOURCE)

    def load(name, *words):
        where = (f"function={tmp_path}/known/sim.py:{name}", f"outputs={tmp_path}", "compute=serial")
        arrays = ("protocol.vectorized=true", "compute.block_points=50000") if name != "linear" else ()
        return ss.load(*where, *arrays, *words)

    return load


def test_indices_of_ishigami_lie_within_their_intervals(sweep):
    found = analysis.sensitivity(
        ss.run(sweep("ishigami", *ISHIGAMI, "sample.method=saltelli", "sample.num=1024"))
    )
    assert found.parameter.values.tolist() == ["x1", "x2", "x3"]
    for key, known in (("S1", S1), ("ST", ST)):
        wide = found[f"y_{key}_conf"].values
        assert (np.abs(found[f"y_{key}"].values - known) <= wide).all(), key
        assert (wide < 0.15).all()
    second = found.y_S2.sel(parameter="x1", parameter_2="x3")
    assert abs(float(second) - 0.2437) <= float(found.y_S2_conf.sel(parameter="x3", parameter_2="x1"))
    assert np.isnan(np.diag(found.y_S2)).all()
    # dims of a result stay, indices know no scale, and what is constant has none
    np.testing.assert_allclose(found.both_ST, [found.y_ST, found.y_ST], rtol=1e-9)
    assert np.isnan(found.same_S1).all()
    assert int(found.y_blocks) == 1024
    assert found.y_ST.attrs["units"] == "1"


def test_blocks_that_lost_a_point_are_left_out_and_told(sweep):
    words = (*ISHIGAMI, "sample.method=saltelli", "sample.num=64", "grid.seed=[0,1,2]")
    ds = ss.run(sweep("gappy", *words)).load()
    found = analysis.sensitivity(ds)
    gone = (ds.status != 1).any("seed").values.reshape(64, 8).any(axis=1)
    assert int(found.gappy_blocks) == 64 - gone.sum() < 64
    assert np.isfinite(found.gappy_ST).all()
    each = analysis.sensitivity(ds, mean=())
    assert each.gappy_ST.dims == ("seed", "parameter")
    assert (each.gappy_blocks > found.gappy_blocks).any()


@pytest.mark.slow
def test_intervals_cover_the_closed_form(sweep):
    """Of scrambled Sobol points, whose indices are better than the bootstrap knows."""
    inside = []
    for seed in range(40):
        words = (
            *ISHIGAMI,
            "sample.method=saltelli",
            "sample.num=256",
            f"sample.seed={seed}",
            f"name=s{seed}",
        )
        found = analysis.sensitivity(ss.run(sweep("ishigami", *words)), ["y"])
        for key, known in (("S1", S1), ("ST", ST)):
            inside += [*(np.abs(found[f"y_{key}"].values - known) <= found[f"y_{key}_conf"].values)]
    assert np.mean(inside) > 0.92


def test_morris_ranks_ishigami_and_measures_a_line(sweep):
    found = analysis.sensitivity(
        ss.run(sweep("ishigami", *ISHIGAMI, "sample.method=morris", "sample.num=200"))
    )
    # the mean of |effects| on four levels, by all pairs of levels: 7.87, 7.88 and 6.25 with a = 7, b = 0.1
    rank = found.y_mu_star.sortby(found.y_mu_star).parameter.values.tolist()
    assert rank[0] == "x3"
    assert float(found.y_sigma.sel(parameter="x3")) > float(found.y_mu_star.sel(parameter="x3"))
    words = ("grid.x={low:0,high:10}", "grid.y={dist:normal,mean:0,sd:1,low:-1,high:1}")
    words += ("grid.k={low:0,high:3,integer:true}", "grid.kind={dist:choices,values:[a,b]}")
    ds = ss.run(sweep("linear", *words, "sample.method=morris", "sample.num=40"))
    assert ds.sizes["point"] < 40 * 5  # points that came twice are computed once
    line = analysis.sensitivity(ds).squeeze(drop=True)
    assert float(line.linear_mu.sel(parameter="x")) == pytest.approx(10.0)
    assert float(line.linear_sigma.sel(parameter="x")) == pytest.approx(0.0, abs=1e-9)
    rank = line.linear_mu_star.sortby(-line.linear_mu_star).parameter.values.tolist()
    assert rank == ["x", "y", "k", "kind"]


def test_designs_grow_and_take_priors_by_their_quantiles(sweep):
    words = (
        "grid.x={dist:normal,mean:5,sd:2}",
        "grid.y={low:1,high:100,spacing:log}",
        "sample.method=saltelli",
    )
    part = ss.run(sweep("linear", *words, "sample.num=8")).load()
    grown = ss.run(sweep("linear", *words, "sample.num=32")).load()
    assert grown.sizes["point"] == 32 * 4  # of 6 points of a block of two axes 2 come twice
    xr.testing.assert_equal(grown.isel(point=slice(part.sizes["point"])), part)
    assert abs(float(grown.x.mean()) - 5.0) < 0.3
    assert abs(float(np.log(grown.y).mean()) - np.log(10.0)) < 0.2
    seen = analysis.sensitivity(ss.run(sweep("linear", *words, "sample.num=8")))
    assert seen.linear_blocks.values.item() == 8


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (("sample.num=6", "sample.method=saltelli"), ["sample.num = 6", "4 or 8"]),
        (("sample.num=1", "sample.method=morris"), ["2 trajectories at least"]),
        (("sample.num=1", "sample.method=saltelli"), ["2 blocks at least"]),
        (
            ("sample.num=8", "sample.method=saltelli", "exclude=x > 5"),
            ["exclude", "all points of its blocks"],
        ),
        (
            ("sample.num=8", "sample.method=morris", "grid.y={dist:normal,mean:0,sd:1,low:-1}"),
            ["grid.y.high = inf"],
        ),
        (("sample.num=9000000", "sample.method=morris"), ["at most 10,000,000"]),
        (("sample.num=8", "sample.method=salteli"), ["sample.method"]),
    ],
)
def test_designs_are_refused_by_key(sweep, tmp_path, words, parts):
    given = {word.partition("=")[0] for word in words}
    ranges = [
        w for w in ("grid.x={low:0,high:10}", "grid.y={low:0,high:1}") if w.partition("=")[0] not in given
    ]
    with pytest.raises(InputError) as refusal:
        ss.run(sweep("linear", *ranges, *words))
    for part in parts:
        assert part in str(refusal.value)
    assert not (tmp_path / "function").exists()


def test_datasets_are_refused_by_what_they_lack(sweep):
    words = ("grid.x={low:0,high:10}", "grid.y={low:0,high:1}")
    plain = ss.run(sweep("linear", *words, "sample.num=8", "sample.method=sobol", "name=plain"))
    with pytest.raises(InputError, match=r"sample\.method = 'sobol' has no sensitivity; allowed: saltelli"):
        analysis.sensitivity(plain)
    ds = ss.run(sweep("linear", *words, "sample.num=8", "sample.method=saltelli")).load()
    with pytest.raises(InputError, match=r"'liner' is no number of each point; did you mean 'linear'"):
        analysis.sensitivity(ds, ["liner"])
    with pytest.raises(InputError, match=r"level = 1\.0"):
        analysis.sensitivity(ds, level=1.0)
    with pytest.raises(InputError, match="no blocks of the design have results"):
        analysis.sensitivity(ds.assign(status=ds.status * 0))
    with pytest.raises(InputError, match=r"not those of its design, which SALib"):
        analysis.sensitivity(ds.assign_coords(x=ds.x + 1.0))


def test_without_salib_a_design_is_refused_and_names_the_extra(sweep, monkeypatch):
    monkeypatch.setitem(sys.modules, "SALib.sample.sobol", None)
    with pytest.raises(InputError, match=r"'saltelli' needs the package SALib; .*spikesweep\[sensitivity\]"):
        ss.run(
            sweep(
                "linear",
                "grid.x={low:0,high:1}",
                "grid.y={low:0,high:1}",
                "sample.num=8",
                "sample.method=saltelli",
            )
        )


def test_salib_is_loaded_only_for_its_designs():
    code = "import sys; from spikesweep.grid import designs; designs.unit_points('sobol', 4, 2, 0)"
    subprocess.run([sys.executable, "-c", f"{code}; assert 'SALib' not in sys.modules"], check=True)


@pytest.mark.parametrize("method", ["saltelli", "morris"])
def test_the_figure_shows_every_result(sweep, tmp_path, method):
    ds = ss.run(sweep("ishigami", *ISHIGAMI, f"sample.method={method}", "sample.num=64"))
    drawn = plots.figure(analysis.sensitivity(ds.isel(point=slice(-3)), ["y", "both"]))
    titles = [ax.get_title() for ax in drawn.axes]
    assert len(titles) == 3
    assert sum("both" in title for title in titles) == 2
    what = "blocks" if method == "saltelli" else "trajectories"
    assert all("of 64 " + what in title for title in titles)  # those that were left out
    drawn.savefig(tmp_path / "drawn.png")


def test_seeds_are_kept_by_salib():
    """0 is a seed, too: SALib's estimators take it for none."""
    x = salib.saltelli(16, 2, 0)
    again = [salib.sobol_indices(x.sum(axis=1), 2, 0.95, 0) for _ in range(2)]
    np.testing.assert_array_equal(again[0]["S1_conf"], again[1]["S1_conf"])
