import json
from functools import cache

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from conftest import REFERENCE

import spikesweep as ss
from spikesweep.analysis.fitted import to_tvb, transfer_function
from spikesweep.analysis.semi_analytical import (
    TERMS,
    TVB_TERMS,
    Cell,
    effective_threshold,
    moments,
    polynomial,
    rate,
    rate_slope,
)
from spikesweep.analysis.transfer_function import Keep, fit, with_coefficients
from spikesweep.errors import InputError
from spikesweep.sweep.job import make_job

PUBLISHED = json.loads((REFERENCE / "tf_published_fit.json").read_text())
KEYS = {
    "RS": "RS-cell|CONFIG1|upstream",
    "FS": "FS-cell|CONFIG1|upstream",
    "LIF": "LIF|Vogels-Abbott|upstream",
}


@cache
def configuration(*words):
    return dict(make_job(ss.load("protocol=transfer_function_adaptive", *words))[0].identity)


def scan(*populations, network="fs_rs", neuron="adexp"):
    """Return the published scan of these populations as a dataset with one seed: the mean."""
    table = pd.read_csv(REFERENCE / "adexp_scan_published.csv")
    rows = [table[table.cell == name] for name in populations]
    names = np.array(populations, np.dtypes.StringDType())
    dims = ("population", "fi", "fe_index")

    def array(column):
        return np.array([r[column].to_numpy().reshape(8, 10) for r in rows])

    words = (f"neuron={neuron}", f"network={network}", f"network.populations=[{','.join(populations)}]")
    simulated = np.broadcast_to(np.arange(10) > 0, (len(rows), 8, 10))
    return xr.Dataset(
        {"rate": ((*dims, "seed"), array("mean_Hz")[..., np.newaxis]), "simulated": (dims, simulated)},
        coords={"population": names, "fi": rows[0].fi_Hz.unique(), "fe": (dims, array("fe_Hz"))},
        attrs={"configuration": configuration(*words)},
    )


@pytest.fixture(scope="module")
def published():
    ds = scan("RS", "FS")
    assert float(ds.rate.max()) > 20
    return ds


def coefficients(*names):
    return {name: 1e3 * np.array(PUBLISHED[KEYS[name]]["P_published_V"]) for name in names}


@pytest.mark.parametrize("names", [("RS", "FS"), ("LIF",)])
def test_published_coefficients_give_the_published_rmse(names):
    choices = {"network": "vogels_abbott", "neuron": "lif"} if names == ("LIF",) else {}
    ds = scan(*names, **choices)
    keep = Keep(unsimulated=True)  # the original counts the column that it leaves at zero
    result = with_coefficients(ds, coefficients(*names), moments="zerlaut2018", keep=keep)
    for name in names:
        expected = PUBLISHED[KEYS[name]]["rmse_published_Hz"]
        assert float(result.rmse.sel(population=name)) == pytest.approx(expected, rel=1e-9)
    corrected = with_coefficients(ds, coefficients(*names), keep=keep)
    assert (corrected.rmse > result.rmse).all()


@pytest.mark.parametrize("words", [{}, {"logarithm": False}, {"ridge": 0.0}, {"loss": "linear"}])
def test_our_fit_is_better_than_the_published_one(published, words):
    result = fit(published, **words)
    assert result.sizes["term"] == (10 if "logarithm" in words else 11)
    assert (result.rmse < 0.27).all()
    for name in ("RS", "FS"):
        assert float(result.rmse.sel(population=name)) < PUBLISHED[KEYS[name]]["rmse_published_Hz"]
    assert (result.used.sum(["fi", "fe_index"]) == 72).all()
    assert (abs(result.predicted - result.observed).where(result.used).max() < 1.5).all()


@pytest.mark.slow
def test_published_procedure_gives_the_published_coefficients(published):
    """Another version of SciPy may stop elsewhere: only the quality of the fit is sure."""
    keep = Keep(unsimulated=True)
    result = fit(published, moments="zerlaut2018", method="zerlaut2018", keep=keep)
    for name in ("RS", "FS"):
        found = float(result.rmse.sel(population=name))
        assert found == pytest.approx(PUBLISHED[KEYS[name]]["rmse_published_Hz"], rel=0.05)


def test_ridge_keeps_the_thresholds_physiological(published):
    """Without it the coefficients are large and cancel; with it the constant is a threshold in mV."""
    free, tame = fit(published, ridge=0.0), fit(published)
    rest = {"term": list(TERMS[1:])}
    assert (abs(tame.coefficient.sel(rest)).max("term") < 10).all()
    assert (abs(free.coefficient.sel(rest)).max("term") > 30).all()
    assert (tame.coefficient.sel(term="constant") < -45).all()
    assert (tame.condition_number < free.condition_number).all()
    assert (tame.rmse - free.rmse < 0.05).all()


CELL = Cell(200.0, 10.0, -65.0, (1.0, 5.0), (5.0, 5.0), (0.0, -80.0), (400.0, 100.0))


def test_moments_are_those_of_the_formulas_in_si_units():
    """Written out again in SI, naively, with one adaptation current."""
    fe, fi, w = 6.0, 8.0, 50.0
    m = moments(CELL, fe, fi, w)
    f_e, f_i = 400 * fe, 100 * fi
    G_e, G_i = 1e-9 * 5e-3 * f_e, 5e-9 * 5e-3 * f_i
    G = 10e-9 + G_e + G_i
    mu = (G_i * -80e-3 + 10e-9 * -65e-3 - w * 1e-12) / G
    tau = 200e-12 / G
    U_e, U_i = 1e-9 / G * (0 - mu), 5e-9 / G * (-80e-3 - mu)
    e, i = f_e * (U_e * 5e-3) ** 2, f_i * (U_i * 5e-3) ** 2
    assert m.mu_V == pytest.approx(1e3 * mu, rel=1e-12)
    assert m.sigma_V == pytest.approx(1e3 * np.sqrt((e + i) / 2 / (5e-3 + tau)), rel=1e-8)
    assert m.T_V == pytest.approx(1e3 * (e + i) / ((e + i) / (5e-3 + tau)), rel=1e-9)
    assert m.mu_G == pytest.approx(G / 10e-9, rel=1e-12)


def test_threshold_inverts_the_rate_and_the_slope_is_its_derivative():
    fe, fi = np.meshgrid(np.linspace(2.0, 12.0, 6), np.linspace(1.0, 12.0, 6))
    m = moments(CELL, fe, fi)
    rates = np.linspace(0.5, 40.0, 36).reshape(6, 6)
    V = effective_threshold(m, rates)
    np.testing.assert_allclose(rate(m, V), rates, rtol=1e-9)
    h = 1e-4
    numeric = (rate(m, V + h) - rate(m, V - h)) / (2 * h)
    np.testing.assert_allclose(rate_slope(m, V), numeric, rtol=1e-5)


def synthetic(noise, n_seeds, rng, coefficients, terms=TERMS):
    """Return a regular scan of RS whose rates follow the formula, with normal noise (Hz)."""
    fe, fi = np.linspace(0.5, 16.0, 24), np.linspace(0.0, 12.0, 8)
    grid = np.meshgrid(fe, fi, indexing="ij")
    m = moments(CELL, *grid)
    rates = rate(m, polynomial(CELL, m, terms) @ coefficients)
    keep = rates < 40.0
    rates = rates[..., np.newaxis] + noise * rng.standard_normal((*rates.shape, n_seeds))
    rates[~keep] = np.nan
    names = np.array(["RS"], np.dtypes.StringDType())
    values = rates[np.newaxis, ..., np.newaxis]
    return xr.Dataset(
        {"rate": (("population", "fe", "fi", "seed", "pop_size"), values)},
        coords={"population": names, "fe": fe, "fi": fi, "pop_size": [1]},
        attrs={"configuration": configuration("network.populations=[RS]")},
    )


TRUTH = np.array([-49.0, 4.0, 2.0, -3.0, -0.5, 0.5, 1.0, -1.0, 0.5, 1.5, 1.0])


@pytest.mark.parametrize(("terms", "logarithm"), [(TERMS, True), (TVB_TERMS, False)])
def test_exact_rates_give_their_coefficients_back(terms, logarithm):
    truth = TRUTH if logarithm else np.delete(TRUTH, 4)
    ds = synthetic(0.0, 1, np.random.default_rng(0), truth, terms)
    assert int(ds.rate.notnull().sum()) > 60
    result = fit(ds, ridge=0.0, logarithm=logarithm)
    np.testing.assert_allclose(result.coefficient.values[0], truth, atol=1e-5)
    F = transfer_function(result, "RS")
    m = moments(CELL, 5.0, 4.0)
    assert F(5.0, 4.0) == pytest.approx(float(rate(m, polynomial(CELL, m, terms) @ truth)), rel=1e-6)


def test_covariance_is_that_of_repeated_fits():
    """60 fits of 4 noisy seeds: an SD over n fits is known to 1/sqrt(2 n); the bound is 4 of these."""
    rng = np.random.default_rng(1)
    truth = TRUTH[:5]
    fits = [
        fit(synthetic(0.5, 4, rng, truth, TERMS[:5]), ridge=0.0, squares=False, loss="linear")
        for _ in range(60)
    ]
    found = np.array([f.coefficient.values[0] for f in fits])
    told = np.mean([np.sqrt(np.diag(f.covariance.values[0])) for f in fits], axis=0)
    np.testing.assert_allclose(found.std(axis=0, ddof=1), told, rtol=4 / np.sqrt(120))
    error = np.abs(found.mean(axis=0) - truth) / (told / np.sqrt(60))
    assert (error < 4).all()


def test_weights_follow_the_seeds():
    """Points that the seeds know badly lose their say: the fit with weights is nearer to the truth."""
    rng = np.random.default_rng(2)
    ds = synthetic(0.05, 8, rng, TRUTH)
    noisy = ds.rate.dims.index("fe")
    assert noisy == 1
    ds.rate.values[:, ::3] += 4.0 * rng.standard_normal(ds.rate.values[:, ::3].shape)
    plain, weighted = fit(ds, loss="linear"), fit(ds, loss="linear", weights="seeds")
    clean = synthetic(0.0, 1, rng, TRUTH).rate.isel(seed=0, pop_size=0)
    errors = [float(abs(f.predicted - clean).mean()) for f in (plain, weighted)]
    assert errors[1] < 0.6 * errors[0]
    assert weighted.attrs["weights"] == "seeds"


def test_robust_loss_resists_an_outlier():
    ds = synthetic(0.0, 1, np.random.default_rng(3), TRUTH)
    clean = ds.rate.isel(seed=0, pop_size=0).copy(deep=True)
    ds.rate.values[0, 5, 3] += 30.0
    errors = [float(abs(fit(ds, loss=loss).predicted - clean).mean()) for loss in ("linear", "soft_l1")]
    assert errors[1] < 0.5 * errors[0]


def test_swept_parameters_have_the_value_that_was_selected(tmp_path):
    """A fit of a part of a sweep is that of a sweep configured so; mean fields and coefficients follow."""
    words = ("neuron=adexp", "network=fs_rs", "network.populations=[RS]", "compute=serial")
    words += ("grid.fe={start:0,stop:20,num:6}", "grid.fi={start:0,stop:12,num:4}", "grid.pop_size=[1]")
    words += ("grid.seed=[0]", "protocol.duration=1000.0", f"outputs={tmp_path}")
    words += ("protocol.common_random_numbers=true",)
    both = ss.run(ss.load(*words, "grid.neuron.RS.g_L=[10,15]", "name=both"))
    own = fit(ss.run(ss.load(*words, "neuron.RS.g_L=15.0", "name=own")))
    part = fit(both.sel(g_L=15))
    xr.testing.assert_equal(part.drop_vars("g_L", errors="ignore"), own)
    assert transfer_function(part, "RS").cell.g_L == 15.0
    assert not np.array_equal(part.mu_V, fit(both.sel(g_L=10)).mu_V)
    with pytest.raises(InputError, match="g_L varies; allowed: one value"):
        fit(both)
    with pytest.raises(InputError, match="g_L is swept and not in the dataset"):
        fit(both.isel(g_L=0, drop=True))
    one = fit(both.sel(g_L=15, population="RS", seed=0))
    np.testing.assert_array_equal(one.coefficient, own.coefficient)
    part.to_netcdf(tmp_path / "part.nc")


def test_filter_is_applied_and_recorded(published):
    result = fit(published, keep=Keep(min_rate=0.5, max_rate=20.0))
    inside = result.observed.where(result.used)
    assert float(inside.min()) >= 0.5
    assert float(inside.max()) <= 20.0
    assert json.loads(result.attrs["keep"]) == {"min_rate": 0.5, "max_rate": 20.0, "unsimulated": False}
    assert result.attrs["moments"] == "corrected"
    assert int(result.used.sum()) < 144


def test_fit_survives_the_disk(published, tmp_path):
    result = fit(published)
    result.to_zarr(tmp_path / "fit.zarr", zarr_format=3, consolidated=False)
    back = xr.open_zarr(tmp_path / "fit.zarr", consolidated=False).load()
    xr.testing.assert_identical(result, back)
    np.testing.assert_array_equal(
        transfer_function(back, "FS")(6.0, 5.0), transfer_function(result, "FS")(6.0, 5.0)
    )


def test_tvb_gets_volts_in_its_order(published):
    """Evaluate as TVB does: its polynomial in mV, its erfc, in kHz."""
    from scipy.special import erfc

    result = fit(published, logarithm=False)
    P = to_tvb(result)["P_e"]
    assert P.shape == (10,)
    assert -0.07 < P[0] < -0.03
    m = moments(CELL, 6.0, 5.0)
    V, S, T = (m.mu_V + 60.0) / 10.0, (m.sigma_V - 4.0) / 6.0, m.T_V * 10.0 / 200.0 - 0.5
    V_thre = P[0] + P[1] * V + P[2] * S + P[3] * T + P[4] * V**2 + P[5] * S**2 + P[6] * T**2
    V_thre = 1e3 * (V_thre + P[7] * V * S + P[8] * V * T + P[9] * S * T)
    kHz = 0.5 / m.T_V * erfc((V_thre - m.mu_V) / (np.sqrt(2) * m.sigma_V))
    assert transfer_function(result, "RS")(6.0, 5.0) == pytest.approx(1e3 * kHz, rel=1e-9)
    with pytest.raises(InputError, match="logarithm=False"):
        to_tvb(fit(published))


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ({"moments": "correct"}, "did you mean 'corrected'"),
        ({"loss": "l1"}, "soft_l1"),
        ({"weights": "seeds"}, "there is 1 seed"),
        ({"keep": Keep(min_rate=100.0)}, "0 points for 11 coefficients"),
        ({"method": "zerlaut2018", "weights": "seeds"}, "weights are refused"),
    ],
)
def test_refusals(published, words, names):
    with pytest.raises(InputError, match=names):
        fit(published, **words)


def test_wrong_coefficients_are_refused(published):
    with pytest.raises(InputError, match="7 coefficients"):
        with_coefficients(published, {"RS": np.zeros(7), "FS": np.zeros(7)})
    with pytest.raises(InputError, match="'FS' are missing"):
        with_coefficients(published, {"RS": np.zeros(11)})
    with pytest.raises(InputError, match="select one value"):
        fit(published.expand_dims(b=[1.0, 2.0]))


@pytest.mark.parametrize("method", ["least_squares", "zerlaut2018"])
def test_a_cell_that_hardly_fires_is_refused_by_its_name(published, method):
    few = published.assign(rate=published.rate.where(published.rate.fe_index < 2, 0.0))
    silent = published.assign(rate=published.rate * 0.0)
    with pytest.raises(InputError, match="RS fires at 0 points, for 11 coefficients; allowed: "):
        fit(silent, method=method)
    if method == "least_squares":
        with pytest.raises(InputError, match=r"RS fires at \d points, .* at 11 or more"):
            fit(few)
