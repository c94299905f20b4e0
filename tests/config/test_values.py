"""Values of Python in place of words."""

import re
from collections import OrderedDict

import numpy as np
import pytest
import xarray as xr

import spikesweep as ss
from spikesweep.config.values import plain_value
from spikesweep.errors import InputError
from spikesweep.models import AdExp, ExponentialConductance, PoissonDrive, Table
from spikesweep.sweep.job import make_job


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (None, None),
        (True, True),
        (np.bool_(False), False),
        (np.int32(3), 3),
        (np.float32(0.5), 0.5),
        (np.float64(0.1), 0.1),
        (np.array([1.5, 2.0]), [1.5, 2.0]),
        (np.arange(3), [0, 1, 2]),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.array(["a", "b"]), ["a", "b"]),
        (xr.DataArray([1.0, 2.0], dims="x"), [1.0, 2.0]),
        ((1, [np.int64(2)], "x"), [1, [2], "x"]),
        (OrderedDict(a=np.float64(1.0)), {"a": 1.0}),
        (
            Table((0.0,), np.array([1.0])),
            {"_target_": "spikesweep.models.Table", "times": [0.0], "factors": [1.0]},
        ),
        (
            PoissonDrive(1.0, None, None, "exc", None, 1.0),
            {
                "_target_": "spikesweep.models.PoissonDrive",
                **{"rate": 1.0, "shape": None, "n": None, "like": "exc", "synapse": None, "weight": 1.0},
            },
        ),
    ],
    ids=str,
)
def test_what_becomes_of_a_value(value, plain):
    found = plain_value("key", value)
    assert found == plain
    assert type(found) is type(plain)


@pytest.mark.parametrize(
    "value",
    [np.nan, np.inf, [np.nan], {"a": 1j}, len, object(), np.array(3j), np.datetime64("2020"), b"x", AdExp],
)
def test_what_no_configuration_holds_is_refused(value):
    with pytest.raises(
        InputError, match=r"key = .* is refused; allowed: finite numbers, texts, models, arrays"
    ):
        plain_value("key", value)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"grid": {}}, "values: 'grid' is refused; allowed: a word for grid"),
        ({"models": "x"}, "values: 'models' is refused"),
        ({"foo.x": 2}, "values: 'foo.x' is refused; allowed: neuron, network"),
        ({3: 4}, "values: 3 is refused"),
        ({"": 4}, "values: '' is refused"),
        ({"hydra.run.dir": "/"}, "values: 'hydra.run.dir' is refused"),
        ({"neuron.RS.bb": 2.0}, "neuron.RS.bb"),
        ({"network.drives.external.shape": 3}, "network.drives.external.shape = 3"),
        ({"network.exc": {"_target_": "os.system"}}, "network.exc._target_ = 'os.system'"),
    ],
)
def test_a_value_is_refused_by_its_key(values, message):
    with pytest.raises(InputError, match=re.escape(message)):
        make_job(ss.load(values=values))


def test_values_take_the_place_of_what_stands_there(small):
    synapse = ExponentialConductance(2.0, 4.0, 0.0)
    job = make_job(ss.load("neuron=adexp", values={"grid.fe": np.linspace(0, 6, 3), "network.exc": synapse}))[
        0
    ]
    assert job.grid.coordinates["fe"].tolist() == [0.0, 3.0, 6.0]
    assert job.network.exc == synapse
