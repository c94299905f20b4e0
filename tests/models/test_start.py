"""Where potentials start: distributions, and what is refused."""

import numpy as np
import pytest

from spikesweep import models
from spikesweep.config.build import build
from spikesweep.errors import InputError

U = (np.arange(10_000) + 0.5) / 10_000.0
STARTS = (
    models.FixedStart(-60.0),
    models.UniformStart(-60.0, -50.0),
    models.NormalStart(-58.0, 10.0),
    models.NormalStart(-58.0, 0.0),
)


def ids(start):
    return "-".join(map(str, (type(start).__name__, *start)))


@pytest.mark.parametrize("start", STARTS, ids=ids)
def test_a_cell_starts_where_its_own_number_says(start):
    start.check()
    found = start.potentials(U)
    assert found.shape == U.shape
    assert found.dtype == np.float64
    np.testing.assert_array_equal(start.potentials(U[5:9]), found[5:9])


@pytest.mark.parametrize(
    ("start", "mean", "sd"),
    list(zip(STARTS, (-60.0, -55.0, -58.0, -58.0), (0.0, 10.0 / np.sqrt(12.0), 10.0, 0.0), strict=True)),
    ids=lambda value: ids(value) if isinstance(value, tuple) else None,
)
def test_potentials_have_the_mean_and_the_sd_of_their_distribution(start, mean, sd):
    found = start.potentials(U)
    assert found.mean() == pytest.approx(mean, abs=1e-9)
    assert found.std() == pytest.approx(sd, rel=1e-3, abs=1e-12)


def test_uniform_starts_lie_between_their_ends():
    low, high = models.UniformStart(-60.0, -50.0).potentials(np.array([2.0**-54, 1.0 - 2.0**-53]))
    assert -60.0 <= low < high <= -50.0


@pytest.mark.parametrize("high", [-60.0, -61.0])
def test_a_highest_start_that_is_none_is_refused(high):
    with pytest.raises(InputError, match=rf"low = -60.0 mV with high = {high} mV is refused; allowed: low"):
        models.UniformStart(-60.0, high).check()


def test_a_negative_sd_is_refused_where_it_is_built():
    node = {"_target_": "spikesweep.models.NormalStart", "mean": -60.0, "sd": -1.0}
    with pytest.raises(InputError, match=r"start.sd = -1.0 mV is refused; allowed: at least 0 mV"):
        build(node, "start")
