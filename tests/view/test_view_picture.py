"""What is drawn of a store, as arrays, against what xarray says of it."""

import warnings

import made
import numpy as np
import pytest

import spikesweep as ss
from spikesweep.grid.schema import DONE, FAILED, MISSING, NOT_ASKED, OK
from spikesweep.view.drawn import draw, whole
from spikesweep.view.hub import maps
from spikesweep.view.lines import about, lines, words_of
from spikesweep.view.picture import cells
from spikesweep.view.pixels import Pixels, Scale, pixels
from spikesweep.view.source import Source
from spikesweep.view.state import State, fitted


@pytest.fixture
def path(tmp_path):
    grid = made.grid_of(fe=(np.arange(8.0), "Hz"), fi=(np.arange(6.0), "Hz"), seed=(np.arange(4), "1"))
    store = made.make(tmp_path / "a.zarr", grid, (2, 6, 4))
    made.fill(store, grid, slice(0, 3), failed=[(1, 2, 1), (3, 5, 0), (3, 5, 1), (3, 5, 2), (3, 5, 3)])
    made.fail(store, grid, (1, 2, 1), "RuntimeError: a")
    for seed in range(4):
        made.fail(store, grid, (3, 5, seed), "MemoryError: b")
    return store.path


def shown(path, **state):
    source = Source(path)
    return cells(source, fitted(State(**state), source.space))


def test_means_and_sd_are_those_of_done_points(path):
    found, ds = shown(path, at=(("population", "FS"),)), ss.open(path)
    done = ds.rate.where(ds.status.isin(DONE)).sel(population="FS")
    np.testing.assert_allclose(found.mean, done.mean("seed").transpose("fi", "fe"))
    with warnings.catch_warnings():  # of cells without values
        warnings.simplefilter("ignore")
        sd = done.load().std("seed", ddof=1)
    np.testing.assert_allclose(found.sd, sd.transpose("fi", "fe"))
    np.testing.assert_array_equal(found.n, done.notnull().sum("seed").transpose("fi", "fe"))
    assert np.isnan(found.mean[5, 3])
    assert (found.total == 4).all()


def test_counts_of_points_that_are_missing_are_none_and_not_zero(tmp_path):
    grid = made.grid_of(fe=(np.arange(4.0), "Hz"), fi=(np.arange(3.0), "Hz"))
    store = made.make(tmp_path / "a.zarr", grid, (2, 3), spikes=True)
    made.fill(store, grid, slice(0, 1), spikes=True)
    mean = shown(store.path, variable="spike_size").mean
    np.testing.assert_array_equal(mean[:, :2], 6)
    assert np.isnan(mean[:, 2:]).all()


def test_a_failure_among_other_points_is_not_missed(path):
    status = shown(path).status
    assert status[2, 1] == status[5, 3] == FAILED
    assert status[0, 0] == OK
    assert status[0, 7] == MISSING
    reasons = shown(path, layer="error")
    assert reasons.reasons[int(reasons.reason[5, 3])] == "MemoryError: b"
    assert reasons.reasons[int(reasons.reason[2, 1])] == "RuntimeError: a"
    assert np.isfinite(reasons.reason).sum() == 2


@pytest.mark.parametrize("layer", ["value", "sd", "status", "error", "seconds"])
def test_axes_can_be_any_and_in_any_order(path, layer):
    one, other = (
        shown(path, layer=layer, x=x, y=y, at=(("seed", "2"),)) for x, y in (("fe", "fi"), ("fi", "fe"))
    )
    np.testing.assert_array_equal(one.layer(layer), other.layer(layer).T)
    over = shown(path, layer=layer, x="population", y="fe", at=(("seed", "2"), ("fi", "1")))
    assert over.layer(layer).shape == (8, 2)
    if layer == "value":
        np.testing.assert_array_equal(over.mean[:, 0], -over.mean[:, 1])


def test_sd_needs_something_to_vary(path):
    source = Source(path)
    assert fitted(State(layer="sd", at=(("seed", "1"),)), source.space).averaged == ("seed",)


def test_pixels_are_means_of_what_is_done_and_lose_no_failure(path):
    found = shown(path)
    small = pixels(found, Pixels.of((0, 8), 3), Pixels.of((0, 6), 2))
    assert small.mean.shape == (2, 3)
    assert small.status.tolist() == [[FAILED, OK, MISSING], [OK, FAILED, MISSING]]
    np.testing.assert_allclose(small.mean[0, 0], np.nanmean(found.mean[:3, :3]))
    assert small.n.sum() == found.n.sum()
    assert np.isnan(small.mean[0, 2])
    # what is seen of it begins at a whole pixel: it does not swim when it is moved
    assert Pixels.of((5, 8), 2).starts.tolist() == [4, 6]


def test_a_million_points_travel_as_few_pixels(tmp_path):
    grid = made.grid_of(a=(np.linspace(0, 1, 1000), "Hz"), b=(np.linspace(0, 1, 1000), "Hz"))
    store = made.make(tmp_path / "a.zarr", grid, (100, 1000))
    made.fill(store, grid)
    source = Source(store.path)
    view = fitted(State(), source.space)
    drawn = draw(source, view)
    assert drawn.values.size <= 500 * 400
    np.testing.assert_allclose(drawn.values[0, 0], made.rate_at(grid)[:2, :3].mean())
    near = draw(source, view, (0.5, 0.51, 0.5, 0.51))
    assert near.values.size < 200
    i, j = (Scale.of(source.space.dims[d]).place(0.505) for d in "ab")
    column, row = (
        int((0.505 - near.box[0]) / near.axes[0].width),
        int((0.505 - near.box[1]) / near.axes[1].width),
    )
    assert near.values[row, column] == made.rate_at(grid)[i, j]


@pytest.mark.parametrize("n", [40, 20_000])
def test_points_that_are_no_grid_are_dots_or_pixels(tmp_path, n):
    rng = np.random.default_rng(0)
    grid = made.list_of(b=(rng.uniform(0, 80, n), "pA"), a=(rng.uniform(0, 4, n), "nS"))
    store = made.make(tmp_path / "a.zarr", grid, (n // 4,))
    made.fill(store, grid, slice(0, 3), failed=[(1,)])
    source = Source(store.path)
    drawn = draw(source, fitted(State(x="b"), source.space))
    done = np.isin(store.status(), DONE)
    assert [axis.name for axis in drawn.axes] == ["b (pA)", "a (nS)"]
    if n == 40:
        np.testing.assert_array_equal(drawn.dots["x"], grid.columns[0][1])
        np.testing.assert_array_equal(np.isfinite(drawn.dots["value"]), done)
        assert drawn.dots["status"][1] == "failed"
    else:
        assert drawn.dots is None
        assert drawn.cells.n.sum() == done.sum()
        assert drawn.cells.total.sum() == n
        np.testing.assert_allclose(
            np.nansum(drawn.values * drawn.cells.n), made.rate_at(grid)[done].sum(), rtol=1e-9
        )
    assert drawn.failed[0].tolist() == [grid.columns[0][1][1]]
    (line,) = lines(source, fitted(State(x="b"), source.space), drawn.cells)[:1] if n == 40 else (None,)
    assert line is None or len(line.x) == n


def test_uneven_and_worded_axes_lie_one_after_another(tmp_path):
    grid = made.grid_of(tau=(np.geomspace(1, 100, 5), "ms"), fe=(np.arange(3.0), "Hz"))
    store = made.make(tmp_path / "a.zarr", grid, (5, 3))
    made.fill(store, grid)
    source = Source(store.path)
    view = fitted(State(x="tau", y="population"), source.space)
    drawn = draw(source, view)
    assert whole(source, view) == (-0.5, 4.5, -0.5, 1.5)
    assert list(drawn.axes[0].texts) == ["1", "3.16228", "10", "31.6228", "100"]
    assert list(drawn.axes[1].texts) == ["RS", "FS"]
    assert words_of(source, view)[-1] == "100"


def test_lines_name_what_their_bands_are(path):
    source = Source(path)
    view = fitted(State(), source.space)
    found = cells(source, view)
    assert about(source, view, found) == "mean ± SD over seed, n = 3 to 4"
    drawn = lines(source, view, found, chosen=3)
    assert [line.label for line in drawn if line.chosen] == ["fi = 3 Hz"]
    np.testing.assert_array_equal(next(line.mean for line in drawn if line.chosen), found.mean[3])
    alone = fitted(State(at=(("seed", "0"),)), source.space)
    assert about(source, alone, cells(source, alone)) == "values of single points"


def test_a_difference_is_that_of_common_labels(tmp_path):
    fe, fi = (np.arange(4.0), "Hz"), (np.arange(3.0), "Hz")
    one, other = made.grid_of(fe=fe, fi=fi), made.grid_of(fe=(np.arange(1.0, 7.0), "Hz"), fi=fi)
    a, b = made.make(tmp_path / "a.zarr", one, (2, 3)), made.make(tmp_path / "b.zarr", other, (3, 3))
    made.fill(a, one)
    made.fill(b, other, slice(0, 1), add=5.0)
    found = [(p.path.name, Source(p.path)) for p in (a, b)]
    drawn = maps(found, State(compare="difference"))
    assert len(drawn) == 3
    assert drawn[0].drawn.limits == drawn[1].drawn.limits
    apart = drawn[2].cells
    expected = made.rate_at(other)[:3] + 5.0 - made.rate_at(one)[1:]
    np.testing.assert_allclose(apart.mean[:, 1:], expected.T)
    assert np.isnan(apart.mean[:, 0]).all()
    assert (apart.status[:, 0] == NOT_ASKED).all()
    low, high = drawn[2].drawn.limits
    assert low == -high
