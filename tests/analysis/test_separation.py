"""Distributions of how circuits separate patterns, tests between them, and their figures."""

import numpy as np
import pytest
import xarray as xr
from scipy.stats import ks_2samp

from spikesweep.analysis.plots import rate_network
from spikesweep.analysis.plots.pattern_separation import circuits, details
from spikesweep.analysis.separation import MEASURES, input_patterns, ks_tests, quantiles, responses
from spikesweep.errors import InputError
from spikesweep.grid.attributes import encoded
from spikesweep.grid.schema import OK

BINARY = {"_target_": "spikesweep.models.BinaryPatterns", "n": 3, "high": 2.0}
DRAWN = {"_target_": "spikesweep.models.UniformPatterns", "n": 3, "high": 2.0}


def store(seed, part):
    """Return 5 units under 8 patterns at 2 seeds, of which a part is active."""
    rng = np.random.default_rng(seed)
    activity = rng.uniform(0.1, 1.0, (5, 8, 2, 1)) * (rng.uniform(size=(5, 8, 2, 1)) < part)
    activity[:, 0], activity[:, 3, 1] = 0.0, 0.0
    configuration = {"network": {"inputs": {"Input": BINARY, "Other": DRAWN}}}
    return xr.Dataset(
        {
            "activity": (("cell", "pattern", "seed", "weight_scale"), activity),
            "status": (("seed", "weight_scale"), np.full((2, 1), OK)),
        },
        {"pattern": range(8), "seed": [7, 8], "cell_population": ("cell", ["Output"] * 5)},
        encoded({"axes": ["seed", "weight_scale"], "configuration": configuration}),
    )


def naive(active, cosines):
    """Return the values of the published code (plot_cumulative_*), sorted, in place of quantiles of them."""
    units, patterns = (
        np.count_nonzero(active, axis=1).astype(float),
        np.count_nonzero(active, axis=0).astype(float),
    )
    silent = np.where(units == 0)[0]
    units[silent[1:]] = active.shape[1]
    patterns[np.where(patterns == 0)[0]] = active.shape[0]
    return 1 - units / active.shape[1], 1 - patterns / active.shape[0], 1 - cosines


def cosines_of(x):
    norm = np.linalg.norm(x, axis=1)
    product = x @ x.T
    with np.errstate(invalid="ignore"):
        return (product / np.outer(norm, norm))[np.tril_indices(len(x), -1)]


def test_tests_are_those_of_the_published_code():
    """Of 100 quantiles a seed, side by side; of the inputs once, without the silent pattern."""
    stores = {"one": store(1, 0.3), "two": store(2, 0.8)}
    found = ks_tests(stores, inputs="Input")
    samples = {}
    for name, ds in stores.items():
        each = [ds.activity.values[:, :, s, 0].T for s in range(2)]
        values = [naive(x > 0, np.nan_to_num(cosines_of(x), nan=1.0)) for x in each]
        samples[name] = [
            np.ravel([[np.quantile(v[m], p / 100) for p in range(1, 101)] for v in values]) for m in range(3)
        ]
    bits = np.array(sorted(([i >> k & 1 for k in range(3)] for i in range(8)), key=sum))
    cosine = cosines_of(bits.astype(float))
    samples["Input"] = [
        np.quantile(v, np.arange(1, 101) / 100) for v in naive(bits > 0, cosine[~np.isnan(cosine)])
    ]
    assert (len(cosine), np.isnan(cosine).sum()) == (28, 7)
    assert found.sizes == {"measure": 3, "circuit": 3, "other": 3}
    for m, measure in enumerate(MEASURES):
        for one in samples:
            at = {"measure": measure, "circuit": one}
            assert int(found.n.sel(at)) == (100 if one == "Input" else 200)
            assert float(found["median"].sel(at)) == pytest.approx(np.median(samples[one][m]), abs=1e-12)
            for other in samples:
                d, p = ks_2samp(np.round(samples[one][m], 12), np.round(samples[other][m], 12))
                assert float(found.D.sel({**at, "other": other})) == pytest.approx(d, abs=1e-12)
                assert float(found.p.sel({**at, "other": other})) == pytest.approx(p, rel=1e-9)
    assert float(found.D.sel(measure="sparsity", circuit="one", other="two")) > 0.3
    assert set(found.to_dataframe().columns) == {"D", "p", "median", "n"}


def test_inputs_are_the_patterns_of_the_network():
    found = input_patterns(store(1, 0.5), "Input")
    assert dict(found.sizes) == {"seed": 1, "pattern": 8, "cell": 3}
    np.testing.assert_array_equal(found[0].sum("cell"), [0, 2, 2, 2, 4, 4, 4, 6])
    assert quantiles(found, inputs=True)["sparsity"].shape == (1, 100)


def test_refusals():
    ds = store(1, 0.5)
    with pytest.raises(InputError, match="the network has no input Inputs; did you mean 'Input'"):
        ks_tests({"one": ds}, inputs="Inputs")
    with pytest.raises(InputError, match=r"network.inputs.Other are drawn; allowed: patterns"):
        ks_tests({"one": ds}, inputs="Other")
    with pytest.raises(InputError, match=r"one has no activity; .*record=\[activity\]"):
        ks_tests({"one": ds.drop_vars("activity")})
    with pytest.raises(InputError, match="one has no population Outputs; did you mean 'Output'"):
        responses("one", ds, "Outputs")


def test_figures_have_the_inputs_and_a_place_for_each_unit_and_pattern():
    stores = {"one": store(1, 0.3), "two": store(2, 0.8)}
    fig = circuits(stores, inputs="Input")
    lines = [ax for ax in fig.axes if ax.get_lines()]
    assert [len(ax.get_lines()) for ax in lines] == [3, 3, 3]
    assert [text.get_text() for text in lines[2].get_legend().get_texts()] == ["Input", "one", "two"]
    of_patterns, of_units, of_pairs = details(stores, inputs="Input").axes
    drawn = [dots.get_offsets() for dots in of_patterns.collections]
    active = stores["one"].activity[:, :, 0, 0].values > 0.0
    np.testing.assert_array_equal(drawn[1], np.stack([np.arange(8.0), active.mean(0)], axis=1))
    np.testing.assert_array_equal(drawn[0][:, 1], np.array([0, 1, 1, 1, 2, 2, 2, 3]) / 3)
    shares = of_units.collections[1].get_offsets()[:, 1]
    np.testing.assert_array_equal(shares, np.sort(active.mean(1)))
    for line in of_pairs.get_lines():
        assert np.sum(line.get_ydata()) == pytest.approx(1.0, abs=1e-12)


def test_weights_are_shares_of_all_synapses_up_to_the_largest():
    few = xr.Dataset({"weights_A_B": (("post_A", "pre_B"), [[0.0, 0.1], [0.1, 1.0]])})
    more = xr.Dataset({"weights_A_B": (("post_A", "pre_B"), [[2.0, 0.3]])})
    (ax,) = rate_network.weights({"few": few, "more": more}, "A", "B").axes
    shares, edges, _ = ax.patches[0].get_data()
    assert (edges[0], edges[-1], len(shares)) == (0.0, 2.0, 80)
    assert shares[np.searchsorted(edges, [0.0, 0.1, 1.0], "right") - 1].tolist() == [0.25, 0.5, 0.25]
    with pytest.raises(InputError, match=r"more has no weights_B_A; .*weights_A_B"):
        rate_network.weights({"more": more}, "B", "A")
