import json

import numpy as np
import pytest
import xarray as xr
from conftest import REFERENCE
from test_fit import coefficients, configuration, scan

import spikesweep as ss
from spikesweep.analysis import mean_field as equations
from spikesweep.analysis import mean_field_datasets as datasets
from spikesweep.analysis import mean_field_noise as noise
from spikesweep.analysis import plots
from spikesweep.analysis.fitted import to_mean_field
from spikesweep.analysis.mean_field import Adaptation, Drive, MeanField
from spikesweep.analysis.mean_field_fits import FITS
from spikesweep.analysis.semi_analytical import TERMS, Cell, TransferFunction
from spikesweep.analysis.transfer_function import fit, with_coefficients
from spikesweep.errors import InputError
from spikesweep.sweep.job import make_job

GOLDEN = json.loads((REFERENCE / "mean_field_fixed_point.json").read_text())["published P, upstream formula"]
NO_DRIVE = Drive.of(0.0, 0.0, 0.0)


@pytest.fixture(scope="module")
def fitted():
    """Return the published coefficients with the moments that they belong to."""
    return with_coefficients(scan("RS", "FS"), coefficients("RS", "FS"), moments="zerlaut2018")


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """Return a function that runs protocol=mean_field, as published, with the given words."""

    def run(*words):
        path = tmp_path_factory.mktemp("mean_field")
        words = (
            "protocol=mean_field",
            "protocol.fit=zerlaut2018",
            "compute=serial",
            f"outputs={path}",
            *words,
        )
        return ss.run(ss.load(*words)).load()

    return run


def test_first_order_fixed_point_is_the_published_one(fitted):
    ds = datasets.fixed_points(datasets.mean_field(fitted, T=5.0), [4.0])
    assert ds.sizes["fixed_point_index"] == 1
    np.testing.assert_allclose(ds.rate.values.ravel(), GOLDEN["first_order"], rtol=1e-7)
    assert bool(ds.stable.all())


def test_second_order_is_the_published_one(fitted):
    """The original takes 199 Euler steps of 0.1 ms from the first-order point."""
    model = datasets.mean_field(fitted, T=5.0, second_order=True)
    drive = Drive.of(4.0, 0.0, 0.0)
    y = model.initial(tuple(GOLDEN["first_order"]), 0.5, ())
    for _ in range(199):
        y = y + 0.1 * model.slope(y, drive)
    np.testing.assert_allclose(y[:2], GOLDEN["second_order"], rtol=1e-6)
    np.testing.assert_allclose(np.sqrt(y[4:]), GOLDEN["sd_fe_fei_fi_Hz"], rtol=1e-5)
    stationary = equations.integrate(model, y, lambda t: drive, 0.5, 100, np.array([100]))[0]
    np.testing.assert_allclose(stationary[:2], GOLDEN["second_order"], rtol=1e-3)


@pytest.mark.slow
def test_blocks_change_no_bit(sweep):
    words = ("grid.ext_drive={start:2,stop:6,num:7}", "protocol.order=2", "protocol.settle=50.0")
    words += ("grid.time={start:0,stop:20,num:3}", "grid.stimulus=[0,3]")
    whole, parts = (sweep(*words, f"compute.block_points={n}") for n in (100, 3))
    assert len(np.unique(whole.rate)) > 20
    xr.testing.assert_equal(whole, parts)


def test_a_course_does_not_depend_on_where_it_is_looked_at(fitted):
    """Steps of integration are a tenth of T at most: at 4 ms for T = 5 ms the rate would be 7 % off."""
    model = datasets.mean_field(fitted, T=5.0)
    start = tuple(GOLDEN["first_order"])
    courses = []
    for spacing in (0.5, 4.0, 20.0):
        t = np.arange(0.0, 100.0 + spacing / 2, spacing)
        courses.append(datasets.time_course(model, t, 0.02 * t, ext_drive=4.0, initial=start))
    for coarse in courses[1:]:
        np.testing.assert_allclose(coarse.rate, courses[0].rate.sel(time=coarse.time), rtol=1e-4)
    with pytest.raises(InputError, match="times that rise"):
        datasets.time_course(model, [1.0, 0.0], [0.0, 0.0], ext_drive=4.0, initial=start)


def test_endless_populations_have_the_first_order_rates(fitted):
    model = datasets.mean_field(fitted, T=5.0, second_order=True)
    large = MeanField(model.exc, model.inh, model.T, (1e12, 1e12), True)
    drive = Drive.of(4.0, 0.0, 0.0)
    y = large.initial((1.0, 10.0), 0.5, ())
    y = equations.integrate(large, y, lambda t: drive, 0.5, 600, np.array([600]))[0]
    np.testing.assert_allclose(y[:2], GOLDEN["first_order"], rtol=1e-5)
    np.testing.assert_allclose(y[4:], 0.0, atol=1e-6)


def test_single_cells_fire_at_the_fixed_point_what_it_says():
    """30 independent cells of 10 s at its inputs: their mean is within one SD of the prediction."""
    job = make_job(ss.load())[0]
    exc, inh = GOLDEN["first_order"]
    n = 30
    points = {"fe": np.full(n, exc + 4.0), "fi": np.full(n, inh), "seed": np.arange(n)}
    rates = job.protocol(job.network, points, {"pop_size": np.array([1])})["rate"][:, :, 0]
    for population, expected in zip(rates, (exc, inh), strict=True):
        assert population.mean() > 1.5
        assert abs(population.mean() - expected) <= population.std(ddof=1)


class Sigmoid:
    """A transfer function of which all fixed points are known by bisection."""

    cell = Cell(200.0, 10.0, -65.0, (1.0, 5.0), (5.0, 5.0), (0.0, -80.0), (400.0, 100.0))

    def __init__(self, threshold, height=50.0):
        self.threshold, self.height = threshold, height

    def __call__(self, fe, fi, w=0.0):
        return self.height / (1.0 + np.exp(-(fe - 0.2 * fi - self.threshold) / 3.0))

    def mu_V(self, fe, fi, w=0.0):
        return -65.0 + 0.0 * fe - 0.01 * w


def test_all_fixed_points_are_found_and_the_middle_one_is_not_stable():
    """Inhibition that follows excitation linearly leaves one equation: its roots are bisected."""
    model = MeanField(Sigmoid(20.0), Sigmoid(30.0, 20.0), 5.0, (8000, 2000))

    def inhibition(e):
        low, high = np.zeros_like(e), np.full_like(e, 60.0)
        for _ in range(60):
            middle = (low + high) / 2
            above = model.inh(e, middle) > middle
            low, high = np.where(above, middle, low), np.where(above, high, middle)
        return low

    e = np.linspace(0.0, 60.0, 60_001)
    excess = model.exc(e, inhibition(e)) - e
    expected = e[:-1][np.sign(excess[:-1]) != np.sign(excess[1:])]
    assert len(expected) == 3
    rates, growth = equations.fixed_points(model, NO_DRIVE, 100.0)
    np.testing.assert_allclose(rates[:, 0], expected, atol=1e-3)
    assert (growth[[0, 2]] < 0).all()
    assert growth[1] > 0
    for start, end in ((rates[1] * 0.9, rates[0]), (rates[1] * 1.1, rates[2])):
        y = model.initial(tuple(start), 0.0, ())
        y = equations.integrate(model, y, lambda t: NO_DRIVE, 0.5, 800, np.array([800]))[0]
        np.testing.assert_allclose(y[:2], end, atol=1e-5)


@pytest.mark.slow
def test_adaptation_settles_where_its_equations_vanish(fitted):
    model = datasets.mean_field(fitted, T=5.0, adaptation=True)
    plain = datasets.mean_field(fitted, T=5.0)
    drive = Drive.of(4.0, 0.0, 0.0)
    y = equations.integrate(
        model, model.initial((1.0, 10.0), 0.0, ()), lambda t: drive, 1.0, 5000, np.array([5000])
    )
    assert y[0, 2] > 10  # pA, of RS
    assert y[0, 3] == 0  # FS has none
    rates, growth = equations.fixed_points(model, drive, 200.0)
    np.testing.assert_allclose(y[0, :2], rates[0], rtol=1e-4)
    assert growth[0] < 0
    assert rates[0, 0] < equations.fixed_points(plain, drive, 200.0)[0][0, 0]
    np.testing.assert_allclose(y[0, 2:4], model.stationary_w(rates[0], drive), rtol=1e-4)


def test_adaptation_current_is_that_of_the_formula():
    F = TransferFunction(Sigmoid.cell, np.r_[-50.0, np.zeros(10)], TERMS)
    model = MeanField(
        F, F, 5.0, (8000, 2000), False, (Adaptation(4.0, 20.0, 500.0), Adaptation(0.0, 0.0, 500.0))
    )
    nu = np.array([3.0, 8.0])
    w = model.stationary_w(nu, NO_DRIVE)
    mu_V = F.mu_V(3.0, 8.0, w[0])
    assert w[0] == pytest.approx(20.0 * 3e-3 * 500.0 + 4.0 * (mu_V + 65.0), rel=1e-9)


def test_sweep_over_the_drive_holds_the_published_point(sweep):
    ds = sweep("grid.ext_drive=[1,4,8]")
    point = ds.sel(ext_drive=4.0, stimulus=0.0)
    np.testing.assert_allclose(point.rate.isel(time=-1), GOLDEN["first_order"], rtol=1e-6)
    np.testing.assert_allclose(point.fixed_point.isel(fixed_point_index=0), GOLDEN["first_order"], rtol=1e-6)
    assert (ds.n_fixed_points == 1).all()
    assert (ds.status == 1).all()
    assert ds.fixed_point.dims == ("fixed_point_index", "population", "ext_drive", "stimulus")
    assert (ds.rate.isel(time=-1).diff("ext_drive") > 0).all()


def test_second_order_sweep_has_the_published_spread(sweep):
    ds = sweep("grid.ext_drive=[4]", "grid.time=[0]", "protocol.order=2").squeeze()
    np.testing.assert_allclose(ds.rate, GOLDEN["second_order"], rtol=1e-3)
    np.testing.assert_allclose(ds.covariance**0.5, GOLDEN["sd_fe_fei_fi_Hz"], rtol=1e-2)


@pytest.mark.slow
def test_stimulus_acts_while_it_lasts_and_as_in_the_analysis(sweep, fitted):
    ds = sweep("grid.ext_drive=[4]", "grid.stimulus=[0,3]", "protocol.dt=0.25").sel(ext_drive=4.0)
    quiet, driven = (ds.rate.sel(stimulus=s, population="RS") for s in (0.0, 3.0))
    assert float(abs(quiet - quiet[0]).max()) < 1e-6
    np.testing.assert_allclose(driven.sel(time=slice(0, 49)), quiet.sel(time=slice(0, 49)), atol=1e-6)
    assert float(driven.sel(time=140.0)) > 2 * float(quiet[0])
    assert float(driven[-1]) == pytest.approx(float(quiet[0]), rel=1e-3)
    time = np.arange(0.0, 250.0, 0.25)
    stimulus = np.where((time >= 50.0) & (time < 150.0), 3.0, 0.0)
    model = datasets.mean_field(fitted, T=5.0)
    course = datasets.time_course(model, time, stimulus, ext_drive=4.0, initial=tuple(GOLDEN["first_order"]))
    there = course.rate.sel(population="exc", time=[60.0, 100.0, 140.0])
    np.testing.assert_allclose(there, driven.sel(time=[60.0, 100.0, 140.0]), rtol=5e-3)


def test_times_between_steps_are_interpolated_and_blocks_change_no_bit(sweep):
    words = ("grid.ext_drive=[2,4]", "grid.stimulus=[2]", "grid.time=[60.0,60.25,60.5]")
    ds = sweep(*words)
    rate = ds.rate.values
    np.testing.assert_allclose(rate[..., 1], (rate[..., 0] + rate[..., 2]) / 2, rtol=1e-12)
    again = sweep(*words, "compute.block_points=1")
    np.testing.assert_array_equal(rate, again.rate.values)


def test_fitted_coefficients_reach_the_protocol(sweep):
    result = fit(scan("RS", "FS"))
    ds = sweep("grid.ext_drive=[4]", "grid.time=[0]", *to_mean_field(result)).squeeze()
    expected = datasets.fixed_points(datasets.mean_field(result, T=5.0), [4.0]).rate
    np.testing.assert_allclose(ds.rate, expected.values.ravel(), rtol=1e-6)


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (("network.populations=[RS]",), "network.populations"),
        (("protocol.coefficients_exc=[1.0]",), "protocol.coefficients_exc: 1 coefficients"),
        (("protocol.order=3",), "protocol.order"),
        (("protocol.dt=6.0", "protocol.settle=6.0"), "protocol.dt"),
        (("protocol.form=other",), "protocol.form"),
        (("neuron=lif", "network.populations=[LIF]"), "network.populations"),
        (("protocol.settle=0.3",), "protocol.settle"),
    ],
)
def test_refusals(words, names):
    with pytest.raises(InputError, match=names):
        make_job(ss.load("protocol=mean_field", *words))


def test_a_population_that_was_not_fitted_is_refused(fitted):
    with pytest.raises(InputError, match="'LIF' was not fitted"):
        datasets.mean_field(fitted, "LIF", T=5.0)
    assert configuration("network.populations=[RS]")["neuron"]["RS"]["C_m"] == 200.0


def test_the_default_is_our_fit_with_corrected_moments(sweep, tmp_path):
    """The published one is a choice by name; words of `to_mean_field` win over either."""
    words = ("grid.ext_drive=[4]", "grid.time=[0]", "grid.stimulus=[0]")
    cfg = ss.load("protocol=mean_field", "compute=serial", f"outputs={tmp_path}", *words)
    ours, published = ss.run(cfg).load(), sweep(*words)
    np.testing.assert_allclose(published.rate.values.ravel(), GOLDEN["first_order"], rtol=1e-6)
    rs = ours.rate.sel(population="RS").item(), published.rate.sel(population="RS").item()
    assert 0.6 * rs[1] < rs[0] < 0.95 * rs[1]  # nearer to the network, whose rate is lower still
    ours_of_words = FITS["spikesweep"]
    given = (f"protocol.form={ours_of_words.form}",)
    given += tuple(
        f"protocol.coefficients_{kind}={list(values)}".replace(" ", "")
        for kind, values in (("exc", ours_of_words.exc), ("inh", ours_of_words.inh))
    )
    np.testing.assert_array_equal(sweep(*words, *given).rate, ours.rate)


def test_the_figure_says_which_coefficients(sweep, tmp_path):
    cfg = ss.load(
        "protocol=mean_field",
        "compute=serial",
        f"outputs={tmp_path}",
        "grid.ext_drive=[4]",
        "grid.time=[0,1]",
    )
    titles = [plots.figure(ds).axes[0].get_title() for ds in (ss.run(cfg), sweep("grid.ext_drive=[4]"))]
    assert titles == [
        "coefficients: spikesweep; moments: corrected",
        "coefficients: zerlaut2018; moments: zerlaut2018",
    ]
    given = to_mean_field(fit(scan("RS", "FS")))
    title = plots.figure(sweep("grid.ext_drive=[4]", *given)).axes[0].get_title()
    assert title == "coefficients: given; moments: corrected"


def test_moments_that_are_not_the_fits_are_refused():
    for words in (("protocol.form=zerlaut2018",), ("protocol.fit=zerlaut2018", "protocol.form=corrected")):
        with pytest.raises(InputError, match=r"protocol\.form = .* is refused with protocol\.fit"):
            make_job(ss.load("protocol=mean_field", *words))
    with pytest.raises(InputError, match=r"protocol\.fit = 'zerlaut'"):
        make_job(ss.load("protocol=mean_field", "protocol.fit=zerlaut"))


def test_a_store_with_given_coefficients_of_before_goes_on(tmp_path):
    """Its configuration has no `fit`, which nothing reads where all is given."""
    words = ("protocol=mean_field", "compute=serial", f"outputs={tmp_path}", "grid.time=[0]")
    given = to_mean_field(fit(scan("RS", "FS")))
    job = make_job(ss.load(*words, *given, "grid.ext_drive=[4]"))[0]
    assert not job.protocol.reads("protocol.fit")
    assert make_job(ss.load(*words))[0].protocol.reads("protocol.fit")


RAMP = "protocol.course={_target_: spikesweep.models.Ramp, start: 20.0, stop: 60.0, before: 0.0, after: 1.0}"
NOISY = ("grid.ext_drive=[4]", "protocol.noise_sd=0.05", "protocol.noise_tau=10.0", "protocol.settle=300.0")


def test_the_stimulus_follows_a_course_as_in_the_analysis(sweep, fitted):
    ds = sweep("grid.ext_drive=[4]", "grid.stimulus=[3]", "protocol.dt=0.25", RAMP).squeeze()
    time = np.arange(0.0, 250.0, 0.25)
    model = datasets.mean_field(fitted, T=5.0)
    stimulus = 3.0 * np.clip((time - 20.0) / 40.0, 0.0, 1.0)
    course = datasets.time_course(model, time, stimulus, ext_drive=4.0, initial=tuple(GOLDEN["first_order"]))
    at = [10.0, 30.0, 50.0, 100.0, 240.0]
    np.testing.assert_allclose(
        ds.rate.sel(time=at), course.rate.sel(time=at, population=["exc", "inh"]).values, rtol=1e-5
    )
    # it ends where the drive that lasts has its fixed point
    at_rest = equations.fixed_points(model, Drive.of(4.0, 3.0, 1.0), 200.0)[0][0]
    np.testing.assert_allclose(ds.rate.isel(time=-1), at_rest, rtol=1e-4)
    job = make_job(ss.load("protocol=mean_field", RAMP))[0]
    assert not job.protocol.reads("protocol.stimulus_start")


def test_a_square_course_is_the_default_stimulus(sweep):
    square = "protocol.course={_target_: spikesweep.models.Steps, times: [50.0, 150.0], factors: [1.0, 0.0]}"
    words = ("grid.ext_drive=[4]", "grid.stimulus=[3]", "grid.time={start:0,stop:250,num:26}")
    np.testing.assert_array_equal(sweep(*words).rate, sweep(*words, square).rate)


@pytest.mark.slow
def test_noise_of_the_drive_has_the_variance_and_spectrum_of_linear_response(sweep, fitted):
    """12 s, some 400 correlation times of rates: SDs within 12 %, three standard errors.

    Noise of 0.05 Hz is small: at the fixed point of 2.4 Hz the curvature changes the mean by less than 1 %.
    Between steps of a fifth of its time constant it is linear, which takes 3 % of its SD.
    """
    ds = sweep(*NOISY, "protocol.dt=2.0", "grid.time={start:0,stop:12000,num:6001}").squeeze()
    model, drive, ou = datasets.mean_field(fitted, T=5.0), Drive.of(4.0, 0.0, 0.0), noise.Noise(0.05, 10.0)
    nu = GOLDEN["first_order"]
    expected = noise.linear_covariance(model, nu, drive, ou)
    assert float(np.max(abs(ds.rate.mean("time").values / nu - 1.0))) < 0.01
    found = np.cov(ds.rate.values)
    np.testing.assert_allclose(np.sqrt(np.diag(found)), np.sqrt(np.diag(expected)), rtol=0.12)
    assert found[0, 1] / np.sqrt(found[0, 0] * found[1, 1]) == pytest.approx(
        expected[0, 1] / np.sqrt(expected[0, 0] * expected[1, 1]), abs=0.02
    )
    # the closed spectrum holds the closed variance, and that of the sweep follows it in bands of 10 Hz
    f = np.linspace(0.0, 3000.0, 60_001)
    closed = noise.linear_spectrum(model, nu, drive, ou, f)
    np.testing.assert_allclose(np.trapezoid(closed, f), np.diag(expected), rtol=1e-3)
    ours = noise.spectra(ds, 1024)
    low = ours.sel(frequency=slice(2.0, 12.0))
    theirs = noise.linear_spectrum(model, nu, drive, ou, low.frequency.values)
    np.testing.assert_allclose(low.mean("frequency"), theirs.mean(axis=1), rtol=0.25)
    high = ours.sel(population="RS").sel(frequency=100.0, method="nearest")
    assert float(high) < 0.1 * float(low.sel(population="RS").mean())


def test_a_single_population_has_the_variance_of_one_pole(fitted):
    """Without recurrence F' = g: sd^2 g^2 tau / (tau + T)."""

    class Line:
        def __init__(self, gain):
            self.gain = gain

        def __call__(self, fe, fi, w=0.0):
            return self.gain * fe

    class Alone(MeanField):
        def target(self, nu, w, drive):
            return np.stack([self.exc(drive.exc, 0.0), self.inh(drive.inh, 0.0)]) + 0.0 * nu

    model = Alone(Line(2.0), Line(0.5), 5.0, (8000, 2000))
    found = noise.linear_covariance(model, (8.0, 2.0), Drive.of(4.0, 0.0, 0.0), noise.Noise(0.3, 10.0))
    share = 0.09 * 10.0 / 15.0
    np.testing.assert_allclose(found, share * np.array([[4.0, 1.0], [1.0, 0.25]]), rtol=1e-6)


def test_paths_of_noise_are_those_of_their_seeds_and_stationary(sweep):
    """SD of 1000 paths' starts and ends within 4 standard errors; a longer path begins as a shorter one."""
    ou = noise.Noise(2.0, 10.0)
    paths = np.array([ou.course(seed, 0.5, 30.0)(np.array([0.0, 10.0, 30.0])) for seed in range(1000)])
    assert (abs(paths.std(axis=0) / 2.0 - 1.0) < 4.0 / np.sqrt(2000)).all()
    assert np.corrcoef(paths.T)[0, 1] == pytest.approx(np.exp(-1.0), abs=4.0 / np.sqrt(1000))
    assert ou.course(3, 0.5, 300.0)(12.3) == ou.course(3, 0.5, 30.0)(12.3)
    words = (*NOISY[:3], "grid.time=[0,20]", "protocol.settle=50.0")
    first, again, other = sweep(*words), sweep(*words), sweep(*words, "protocol.noise_seed=1")
    np.testing.assert_array_equal(first.rate, again.rate)
    assert not np.array_equal(first.rate, other.rate)


def test_noise_and_courses_that_cannot_be_are_refused():
    for words, text in (
        (("protocol.noise_sd=1.0", "protocol.noise_tau=1.0"), r"protocol\.noise_tau = 1\.0 ms"),
        (("protocol.noise_sd=-1.0",), "noise_sd"),
        ((RAMP.replace("stop: 60.0", "stop: 10.0"),), r"protocol\.course\.stop = 10\.0"),
    ):
        with pytest.raises(InputError, match=text):
            make_job(ss.load("protocol=mean_field", *words))
    short = xr.Dataset({"rate": (("population", "time"), np.zeros((2, 3)))}, {"time": [0.0, 1.0, 2.0]})
    with pytest.raises(InputError, match="two segments"):
        noise.spectra(short, 8)
