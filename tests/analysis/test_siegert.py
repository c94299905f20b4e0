import numpy as np
import pytest
from scipy import integrate, special

from spikesweep.analysis.siegert import brunel_input, brunel_rates, siegert_cv, siegert_rate
from spikesweep.errors import InputError

CELL = (20.0, 20.0, 10.0, 2.0)  # tau_m, V_th, V_reset, t_ref of Brunel 2000
NETWORK = {"J": 0.1, "C_E": 1000, "gamma": 0.25}

#: g, eta, rate (Hz), CV, computed for this project by another program (scipy.integrate.quad)
TABLE = [
    (3.0, 2.0, 327.0, 0.117),
    (6.0, 4.0, 55.84, 0.736),
    (5.0, 2.0, 37.95, 0.675),
    (4.5, 0.9, 6.517, 0.776),
    (4.5, 2.0, 56.70, 0.605),
    (6.0, 2.0, 22.85, 0.764),
    (5.0, 1.5, 23.64, 0.697),
    (5.0, 3.0, 65.04, 0.638),
    (8.0, 2.0, 12.99, 0.866),
    (8.0, 4.0, 31.65, 0.890),
    (6.0, 1.2, 8.605, 0.800),
]


@pytest.mark.parametrize(("g", "eta", "rate", "cv"), TABLE)
def test_the_network_of_brunel(g, eta, rate, cv):
    nu = brunel_rates(**NETWORK, g=g, nu_ext=10.0 * eta)[-1]
    assert nu == pytest.approx(rate, rel=1e-3)
    assert siegert_cv(
        *brunel_input(nu, **NETWORK, g=g, nu_ext=10.0 * eta, tau_m=20.0), *CELL
    ) == pytest.approx(cv, abs=6e-4)


@pytest.mark.parametrize(
    ("g", "eta", "rate"), [(5, 2, 32.03), (6, 4, 49.15), (4.5, 0.9, 5.83), (6, 2, 20.87), (8, 2, 12.41)]
)
def test_the_network_that_is_reset_to_rest(g, eta, rate):
    assert brunel_rates(**NETWORK, g=g, nu_ext=10.0 * eta, V_reset=0.0)[-1] == pytest.approx(rate, rel=1e-3)


def test_every_solution_is_found_and_none_else():
    """With weak inhibition and little drive: silence, saturation, and what divides them."""
    drive = {**NETWORK, "g": 2.0, "nu_ext": 6.0}
    found = brunel_rates(**drive)
    assert len(found) == 3
    phi = [siegert_rate(*brunel_input(nu, **drive, tau_m=20.0), *CELL) for nu in found]
    np.testing.assert_allclose(phi, found, rtol=1e-8, atol=1e-12)
    moved = found[:, np.newaxis] + [0.01, -0.01]
    pulled = np.sign(siegert_rate(*brunel_input(moved, **drive, tau_m=20.0), *CELL) - moved)
    assert pulled[:, 0].tolist() == [-1.0, 1.0, -1.0]
    assert pulled[1:, 1].tolist() == [-1.0, 1.0]  # below 0 nothing is
    assert brunel_rates(**{**drive, "nu_ext": 0.01}).tolist()[0] == 0.0


def by_definition(mu, sigma, tau, high, low, t_ref):
    """Return rate and CV by SciPy's adaptive quadrature, as the formulas stand."""
    a, b = (low - mu) / sigma, (high - mu) / sigma
    kernel = lambda u: np.exp(u * u) * special.erfc(-u)  # noqa: E731
    area = integrate.quad(kernel, a, b, epsabs=0.0, epsrel=1e-11, limit=200)[0]
    rate = 1.0 / (t_ref + tau * np.sqrt(np.pi) * area)

    def inner(x):
        f = lambda y: np.exp(y * y) * special.erfc(-y) ** 2  # noqa: E731
        return np.exp(x * x) * integrate.quad(f, x - 12.0, x, epsabs=0.0, epsrel=1e-10, limit=200)[0]

    second = integrate.quad(inner, a, b, epsabs=0.0, epsrel=1e-9, limit=200)[0]
    return 1e3 * rate, np.sqrt(2.0 * np.pi * (rate * tau) ** 2 * second)


@pytest.mark.parametrize(
    ("mu", "sigma"), [(19.0, 5.0), (25.0, 4.0), (40.0, 8.0), (5.0, 6.0), (-20.0, 30.0), (10.0, 3.0)]
)
@pytest.mark.parametrize("V_reset", [0.0, 10.0, 19.9])
def test_both_formulas_as_they_stand(mu, sigma, V_reset):
    cell = (20.0, 20.0, V_reset, 2.0)
    rate, cv = by_definition(mu, sigma, *cell)
    assert siegert_rate(mu, sigma, *cell) == pytest.approx(rate, rel=1e-9)
    assert siegert_cv(mu, sigma, *cell) == pytest.approx(cv, rel=1e-7)


def test_the_ends():
    """Without noise a regular train, far below threshold a Poisson process, and no overflow."""
    tau, high, low, t_ref = CELL
    exact = 1e3 / (t_ref + tau * np.log((30.0 - low) / (30.0 - high)))
    assert siegert_rate(30.0, 1e-4, *CELL) == pytest.approx(exact, rel=1e-9)
    # to the first order of the noise the SD of the intervals is sigma sqrt(tau int (mu - v)^-3 dv)
    spread = 0.01 * tau * np.sqrt(0.5 * ((30.0 - high) ** -2 - (30.0 - low) ** -2))
    assert siegert_cv(30.0, 0.01, *CELL) == pytest.approx(spread * exact * 1e-3, rel=1e-4)
    assert siegert_cv(-20.0, 4.0, *CELL) == pytest.approx(1.0, abs=1e-6)
    far = siegert_rate(np.array([0.0, -1e3, 1e4]), np.array([0.1, 0.1, 1e-3]), *CELL)
    assert far[:2].tolist() == [0.0, 0.0]
    assert far[2] == pytest.approx(1e3 / (t_ref + tau * np.log((1e4 - low) / (1e4 - high))), rel=1e-9)
    assert siegert_cv(0.0, 0.1, *CELL) == pytest.approx(1.0, abs=1e-6)


def test_a_simulated_cell_has_the_rate_and_the_cv():
    """Euler's method, with the threshold and the reset that a step of dt lets be missed put right.

    Shift of 0.5826 sigma sqrt(dt / tau): Chernoff and Petkau; Broadie, Glasserman and Kou 1997.
    """
    tau, high, low, t_ref = CELL
    mu, sigma, dt, n = 18.0, 6.0, 0.05, 2000
    shift = 0.5826 * sigma * np.sqrt(dt / tau)
    rng = np.random.default_rng(0)
    v, held, last = np.full(n, low), np.zeros(n), np.full(n, np.nan)
    intervals = []
    for step in range(20_000):
        v = np.where(held > 0, low, v + dt / tau * (mu - v) + sigma * np.sqrt(dt / tau) * rng.normal(size=n))
        spiked = v >= high - shift
        held = np.where(spiked, round(t_ref / dt), held - 1)
        v[spiked] = low
        ended = (step - last[spiked]) * dt
        intervals.append(ended[~np.isnan(ended)])
        last[spiked] = step
    found = np.concatenate(intervals)
    assert len(found) > 10_000
    assert found.std() / found.mean() == pytest.approx(siegert_cv(mu, sigma, *CELL), rel=0.02)
    assert 1e3 / found.mean() == pytest.approx(siegert_rate(mu, sigma, *CELL), rel=0.03)


def test_refusals():
    with pytest.raises(InputError, match=r"sigma = 0 mV is refused; allowed: above 0"):
        siegert_rate(1.0, 0.0, *CELL)
    with pytest.raises(InputError, match=r"V_reset = 20 mV is refused; allowed: below V_th, 20 mV"):
        siegert_cv(1.0, 1.0, 20.0, 20.0, 20.0, 2.0)
    with pytest.raises(InputError, match=r"nu_ext = 0.0 is refused"):
        brunel_rates(**NETWORK, g=5.0, nu_ext=0.0)
    with pytest.raises(InputError, match=r"t_ref = nan is refused"):
        brunel_rates(**NETWORK, g=5.0, nu_ext=1.0, t_ref=np.nan)
