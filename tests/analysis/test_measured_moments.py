"""Fits to measured moments of the potential, and at a constant current."""

import json

import numpy as np
import pytest
from test_fit import CELL, TRUTH, configuration, synthetic

import spikesweep as ss
from spikesweep.analysis.fitted import to_mean_field, to_tvb, transfer_function
from spikesweep.analysis.plots.fit import figure
from spikesweep.analysis.semi_analytical import Moments, moments, polynomial, rate
from spikesweep.analysis.transfer_function import Keep, compare_moments, fit
from spikesweep.errors import InputError

MEASURED = ("v_mean", "v_sd", "tau_v")


def measured(n_seeds=1):
    """Return a sweep as of potential_moments whose rates follow its own moments."""
    ds = synthetic(0.0, n_seeds, np.random.default_rng(0), TRUTH).isel(pop_size=0, drop=True)
    fe, fi = np.meshgrid(ds["fe"], ds["fi"], indexing="ij")
    m = moments(CELL, fe, fi)
    own = Moments(m.mu_V + 1.5 * np.sin(fe), m.sigma_V * (1.0 + 0.2 * np.cos(fi)), m.T_V * 0.8, m.mu_G)
    rates = rate(own, polynomial(CELL, own) @ TRUTH)
    each = dict(zip(("rate", *MEASURED), (rates, *own[:3]), strict=True))
    dims, shape = ds["rate"].dims, ds["rate"].shape
    return ds.assign({k: (dims, np.broadcast_to(v[None, ..., None], shape).copy()) for k, v in each.items()})


def at_current(ds, current, **more):
    """Return a dataset whose protocol has a constant current (pA)."""
    attrs = configuration("network.populations=[RS]")
    return ds.assign_attrs(configuration=json.dumps(attrs | {"protocol": {"i_ext": current, **more}}))


def test_rates_of_measured_moments_give_their_coefficients_back():
    ds = measured()
    found = fit(ds, moments="measured", ridge=0.0)
    assert int(found["used"].sum()) > 60
    np.testing.assert_allclose(found["coefficient"].values[0], TRUTH, atol=1e-5)
    np.testing.assert_array_equal(found["mu_V"], ds["v_mean"].mean("seed"))
    assert np.abs(fit(ds, ridge=0.0)["coefficient"].values[0] - TRUTH).max() > 0.1  # nor by other moments


def test_it_is_said_how_much_better_they_are():
    """At the same points: what is not measured, or fires more than a threshold allows, is in neither."""
    ds = measured(n_seeds=3)
    ds["v_sd"].values[0, 3, 2, 1] = np.nan
    ds["tau_v"].values[0, 5, 1] = 1e4
    both = compare_moments(ds, keep=Keep(max_rate=40.0), ridge=0.0)
    n = int(((ds["rate"].mean("seed") < 40.0) & ds["rate"].notnull().all("seed")).sum())
    assert int(both["n_points"].item()) == n - 2
    rmse = both["rmse"].sel(population="RS")
    assert rmse.sel(moments="measured") < 1e-4 < 0.05 < rmse.sel(moments="corrected")
    assert both["noise"].item() == pytest.approx(0.0, abs=1e-12)  # the seeds are equal


def test_a_constant_current_is_a_shift_of_the_potential():
    """g_L (V - E_L) - i_ext is g_L (V - E_L - i_ext / g_L)."""
    plain = synthetic(0.0, 1, np.random.default_rng(0), TRUTH)
    fe, fi = np.meshgrid(plain["fe"], plain["fi"], indexing="ij")
    m = moments(CELL, fe, fi, w=-30.0)
    rates = rate(m, polynomial(CELL, m) @ TRUTH)[None, ..., None, None]
    ds = plain.assign(rate=(plain["rate"].dims, rates))
    for one in (at_current(ds, 30.0), at_current(ds, 0.0).assign_coords(i_ext=30.0)):
        found = fit(one, keep=Keep(max_rate=40.0), ridge=0.0)
        np.testing.assert_allclose(found["coefficient"].values[0], TRUTH, atol=1e-5)
        F = transfer_function(found, "RS")
        assert F(5.0, 4.0) == pytest.approx(float(found["predicted"].interp(fe=5.0, fi=4.0).item()), rel=0.05)
        for use in (to_mean_field, to_tvb):
            with pytest.raises(InputError, match="i_ext = 30 pA"):
                use(found)


def test_figure_of_measured_moments_draws_the_fit_at_its_points():
    found = fit(measured(), moments="measured")
    axes = figure(found).axes
    lines = [line for line in axes[0].lines if line.get_linewidth() == 3.0]
    assert len(lines) == found.sizes["fi"]
    np.testing.assert_array_equal(lines[2].get_ydata(), found["predicted"].isel(population=0, fi=2))


def test_what_has_no_such_moments_is_refused():
    plain = synthetic(0.0, 1, np.random.default_rng(0), TRUTH)
    with pytest.raises(InputError, match=r"v_mean, v_sd, tau_v.*protocol=potential_moments"):
        fit(plain, moments="measured")
    with pytest.raises(InputError, match=r"protocol.share_exc = 0.1.*independent synapses"):
        fit(at_current(plain, 0.0, share_exc=0.1))
    assert fit(at_current(measured(), 0.0, share_exc=0.1), moments="measured")["rmse"].item() < 1.0
    found = fit(measured(), moments="measured")
    for use in (to_mean_field, lambda one: transfer_function(one, "RS")):
        with pytest.raises(InputError, match="no function of rates"):
            use(found)


def test_command_fits_simulated_moments_and_compares(tmp_path, monkeypatch, capsys):
    from spikesweep.api.commands import main

    monkeypatch.chdir(tmp_path)
    words = ["protocol=potential_moments", "network=fs_rs", "network.populations=[RS]", "compute=serial"]
    words += [
        "grid.fe={start:2,stop:12,num:6}",
        "grid.fi=2,6,10",
        "grid.seed=0,1",
        "protocol.duration=1000.0",
    ]
    with pytest.raises(SystemExit) as end:
        main(["fit", *words])
    assert not end.value.code
    said = capsys.readouterr().out
    table = [line.split() for line in said.splitlines()]
    path = next((tmp_path / "outputs").rglob("*-fs_rs.zarr"))
    with pytest.raises(SystemExit) as end:  # a store that is there is fitted as it is
        main(["fit", str(path)])
    assert not end.value.code
    assert capsys.readouterr().out.splitlines()[:-1] == said.splitlines()[-len(table) :][:-1]
    both = compare_moments(ss.open(path))
    told = {row[0]: float(row[-1]) for row in table if row and row[0] in ("corrected", "measured", "noise")}
    for form in ("corrected", "measured"):
        assert told[form] == pytest.approx(both["rmse"].sel(moments=form).item(), abs=6e-4)
