"""Courses in time that are the user's: arrays from Python, classes of a folder; those of docs."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import spikesweep as ss
from spikesweep.errors import InputError
from spikesweep.grid.schema import FAILED, OK
from spikesweep.models import PoissonDrive, Steps, Table
from spikesweep.models.inputs import drive
from spikesweep.store import Store
from spikesweep.sweep.job import make_job

PAGE = Path(__file__).parents[2] / "docs" / "your_simulation.md"
SHAPE = "network.drives.external.shape"
WORDS = (
    *("protocol=spiking_network", "neuron=adexp", "network=fs_rs", "network.N=200", "network.p_connect=0.2"),
    *("network.drives.external.rate=60.0", "protocol.duration=200.0", "protocol.dt=0.1", "grid.seed=[0]"),
    "compute=serial",
)


@pytest.fixture
def words(tmp_path):
    return (*WORDS, f"outputs={tmp_path}")


@pytest.fixture
def folder(tmp_path):
    """Return a folder with the page's class, of a name that no other test uses."""
    (source,) = re.findall(
        r"^```python\n# mine/chirp.py\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE
    )
    place = tmp_path / f"m{abs(hash(str(tmp_path)))}"
    place.mkdir()
    (place / "chirp.py").write_text(source)
    return place


def same(a, b):
    for name in ("rate", "status"):
        xr.testing.assert_equal(a[name], b[name])
    assert len(np.unique(a.rate)) > 1


def test_an_array_is_the_same_as_its_words(words):
    times, factors = np.array([0.0, 50.0, 100.0, 150.0]), np.array([0.2, 1.5, 0.0, 1.0])
    typed = f"{SHAPE}={{_target_:spikesweep.models.Table,times:{times.tolist()},factors:{factors.tolist()}}}"
    a = ss.run(ss.load(*words, "name=a", typed))
    same(a, ss.run(ss.load(*words, "name=b", values={SHAPE: Table(times, factors)})))
    # and the same store: nothing differs
    again = ss.load(*words, "name=a", values={SHAPE: Table(times, factors)})
    same(a, ss.run(again))


def test_a_class_of_the_users_gives_the_numbers_of_a_table_of_its_points(words, folder):
    chirp = {"_target_": f"{folder.name}.chirp.Chirp", "start": 2, "stop": 40, "duration": 200}
    own = ss.load(*words, f"models={folder}", "name=own", values={SHAPE: chirp})
    steps = np.arange(2000) * 0.1
    factor = make_job(own)[0].network.drives["external"].shape.factor(steps)
    assert 0.0 <= factor.min() < 0.1
    assert 0.9 < factor.max() <= 1.0
    table = ss.load(*words, "name=table", values={SHAPE: Steps(steps, factor)})
    a = ss.run(own)
    same(a, ss.run(table))
    assert any(name.endswith(".chirp") for name in Store(Path(a.encoding["source"])).attrs["code"])


def test_its_fields_are_axes_and_its_own_refusals_count(words, folder):
    text = f"{SHAPE}={{_target_:{folder.name}.chirp.Chirp,start:2,stop:40,duration:200}}"
    ds = ss.run(ss.load(*words, f"models={folder}", text, f"{SHAPE}.stop=10,40"))
    assert ds.sizes["stop"] == 2
    assert (ds.status == OK).all()
    with pytest.raises(InputError, match=r"external.shape.stop = 1 Hz is below start"):
        make_job(ss.load(*words, f"models={folder}", text, f"{SHAPE}.stop=1,40"))


class Wrong:
    def __init__(self, found, highest=1.0):
        self.found, self.highest = found, highest

    def factor(self, t):
        return np.broadcast_to(self.found, t.shape) if np.ndim(self.found) == 0 else self.found


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (Wrong(-0.5), r"Wrong.factor gives -0.5 at 0 ms; allowed: 0 to its highest, 1"),
        (Wrong(np.nan), r"gives nan at 0 ms"),
        (Wrong(2.0), r"gives 2 at 0 ms; allowed: 0 to its highest, 1"),
        (Wrong(np.ones(3)), r"gives the shape \(3,\); allowed: \(10,\), one a time"),
    ],
)
def test_what_no_rate_can_have_is_refused_with_its_time(shape, message):
    drive_of = PoissonDrive(10.0, shape, {"A": 1.0}, "A", None, 1.0)
    with pytest.raises(InputError, match=message):
        drive_of.events("A", np.arange(10) * 0.1, 0.1)
    assert drive._rate(PoissonDrive(10.0, Wrong(0.5), {"A": 1.0}, "A", None, 1.0), np.zeros(2)).tolist() == [
        5.0,
        5.0,
    ]


def test_a_class_that_fails_is_a_failed_point(words, folder):
    shutil.copy(folder / "chirp.py", folder / "wrong.py")
    source = (folder / "wrong.py").read_text().replace("0.5 * (1.0 - np.cos", "-0.5 * (1.0 - np.cos")
    (folder / "wrong.py").write_text(source)
    wrong = {"_target_": f"{folder.name}.wrong.Chirp", "start": 2, "stop": 40, "duration": 200}
    ds = ss.run(ss.load(*words, f"models={folder}", values={SHAPE: wrong}))
    assert (ds.status == FAILED).all()
    (failure,) = Store(Path(ds.encoding["source"])).failures()
    assert "allowed: 0 to its highest, 1" in failure["reason"]
