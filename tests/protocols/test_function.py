"""A function of the user's as a protocol: axes, results, seeds, failures, code; the page that tells of it."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import spikesweep as ss
from spikesweep.errors import InputError
from spikesweep.grid.schema import FAILED, NON_FINITE, OK
from spikesweep.store import Store
from spikesweep.store.check import check
from spikesweep.sweep.replay import verify

PAGE = Path(__file__).parents[2] / "docs" / "your_simulation.md"
SOURCE = """
from typing import Annotated, Literal, TypedDict
import numba
import numpy as np
import xarray as xr
from annotated_types import Ge

def rate(current: Annotated[float, "pA", Ge(0)], gain: float = 2.0, seed: int = 0) -> Annotated[float, "Hz"]:
    if current == 300.0:
        raise ValueError("too much")
    return gain * current + np.random.default_rng(seed).normal()

class Measured(TypedDict):
    mean: Annotated[float, "mV"]
    n: int

def measured(x: float, kind: Literal["sin", "cos"] = "sin", twice: bool = False) -> Measured:
    return {"mean": getattr(np, kind)(x) * (2 if twice else 1), "n": round(x)}

def arrays(x: float):
    return {"v": x * np.arange(4.0), "peak": 3 * x, "grid": np.ones((2, 3)) * x}

def dataset(x: float):
    time = np.linspace(0.0, 1.0, 5)
    attrs = {"units": "mV", "long_name": "potential"}
    return xr.Dataset({"v": xr.DataArray(x * time, {"time": time}, "time", attrs=attrs)})

def trains(n: int):
    return {"spike_times": np.arange(n) / 2.0}

def shapes(n: int):
    return np.zeros(n)

def nothing(x: float):
    return np.nan if x == 1.0 else None if x == 2.0 else "word" if x == 3.0 else x

def many(x: float, y: float = 1.0):
    return {"product": x * y, "pair": np.stack([x, y], axis=1)}

@numba.njit(nogil=True)
def compiled(x: float, n: int = 3):
    return x ** n

def needed(x: float, how):
    return x

def unsweepable(x: float, values: list):
    return x

def names(status: float):
    return status
"""


@pytest.fixture
def mine(tmp_path):
    """Return a function that loads a sweep of one of the functions."""
    folder = tmp_path / "ofmine"
    folder.mkdir()
    (folder / "sim.py").write_text(SOURCE)

    def load(name, *words):
        return ss.load(
            f"function={folder}/sim.py:{name}", f"outputs={tmp_path}/out", "compute=serial", *words
        )

    return load


def test_arguments_are_axes_and_results_have_units(mine, tmp_path):
    ds = ss.run(mine("rate", "grid.current=[0,100]", "grid.seed=[0,1,2]")).load()
    assert dict(ds.rate.sizes) == {"current": 2, "gain": 1, "seed": 3}
    assert ds.rate.attrs["units"] == "Hz"
    assert ds.current.attrs["units"] == "pA"
    assert len(np.unique(ds.rate)) == 6
    assert abs(ds.rate.sel(current=100).mean() - 200.0) < 3.0
    assert (tmp_path / "out" / "function" / "rate.zarr").is_dir()


def test_seeds_follow_the_labels_whatever_else_is_there(mine, tmp_path):
    few = ss.run(mine("rate", "grid.current=[100]", "grid.seed=[1]")).load()
    many = ss.run(
        mine("rate", "grid.current=[0,100]", "grid.seed=[0,1,2]", "grid.gain=[2,3]", "name=many")
    ).load()
    assert many.rate.sel(current=100, seed=1, gain=2).item() == few.rate.item()
    words = ("grid.current=[100]", "grid.seed=[1]", "protocol.root_seed=5", "name=other")
    other = ss.run(mine("rate", *words)).load()
    assert other.rate.item() != few.rate.item()


def test_words_truth_values_and_a_typed_dict(mine):
    ds = ss.run(
        mine("measured", "grid.x=[0.5,1.5]", "grid.kind=[sin,cos]", "grid.twice=['false','true']")
    ).load()
    assert ds["mean"].attrs["units"] == "mV"
    assert ds.n.dtype == np.int64
    np.testing.assert_array_equal(ds["mean"].sel(kind="cos", twice="true"), 2 * np.cos([0.5, 1.5]))
    with pytest.raises(InputError, match="kind"):
        ss.run(mine("measured", "grid.x=[0.5]", "grid.kind=[tan]", "name=tan"))


def test_arrays_have_dimensions_as_a_first_call_shows(mine):
    ds = ss.run(mine("arrays", "grid.x=[1,2]")).load()
    assert ds.v.dims == ("v_0", "x")
    assert ds["grid"].shape == (2, 3, 2)
    np.testing.assert_array_equal(ds.v.sel(x=2), [0, 2, 4, 6])


def test_a_dataset_keeps_its_labels_and_units(mine):
    ds = ss.run(mine("dataset", "grid.x=[1,2]")).load()
    np.testing.assert_array_equal(ds.time, np.linspace(0.0, 1.0, 5))
    assert ds.v.attrs == {"units": "mV", "long_name": "potential"}
    assert ds.v.sel(x=2, time=0.5) == 1.0
    again = ss.run(mine("dataset", "grid.x=[1,2,3]")).load()  # what was seen is not asked for again
    np.testing.assert_array_equal(again.time, ds.time)


def test_ragged_results_are_declared(mine):
    ds = ss.run(mine("trains", "grid.n=[0,2,3]", "protocol.results={spike_times:{units:ms,ragged:spike}}"))
    np.testing.assert_array_equal(ds.spike_size, [0, 2, 3])
    np.testing.assert_array_equal(ds.sweep.spikes(n=3).spike_times, [0.0, 0.5, 1.0])


def test_what_fails_at_a_point_is_told_there(mine, tmp_path):
    ds = ss.run(mine("rate", "grid.current=[0,100,300]")).load()
    np.testing.assert_array_equal(ds.status.squeeze(), [OK, OK, FAILED])
    store = Store(tmp_path / "out" / "function" / "rate.zarr")
    (failure,) = store.failures()
    assert failure["reason"] == "ValueError: too much"
    assert "in rate" in failure["detail"]
    assert not check(store)
    with pytest.raises(RuntimeError, match="too much"):
        ss.replay(store.path, current=300.0)


@pytest.mark.parametrize(("x", "said"), [(2.0, "holds object"), (3.0, "holds <U4")])
def test_what_is_no_number_fails_with_what_it_is(mine, tmp_path, x, said):
    ds = ss.run(mine("nothing", f"grid.x=[0,1,{x}]")).load()
    np.testing.assert_array_equal(ds.status, [OK, NON_FINITE, FAILED])
    assert said in Store(tmp_path / "out" / "function" / "nothing.zarr").failures()[0]["reason"]


def test_a_shape_that_changes_fails_with_both(mine, tmp_path):
    ds = ss.run(mine("shapes", "grid.n=[2,3]")).load()
    np.testing.assert_array_equal(ds.status, [OK, FAILED])
    (failure,) = Store(tmp_path / "out" / "function" / "shapes.zarr").failures()
    assert failure["reason"].endswith("the shape (3,); declared, or seen at the first point: (2,)")


def test_whole_blocks_of_arrays(mine):
    ds = ss.run(mine("many", "grid.x=[1,2,3]", "grid.y=[10,20]", "protocol.vectorized=true")).load()
    np.testing.assert_array_equal(ds["product"], np.outer([1, 2, 3], [10, 20]))
    assert ds.pair.dims == ("pair_0", "x", "y")
    np.testing.assert_array_equal(ds.pair.sel(x=3, y=20), [3, 20])


def test_a_compiled_function_has_axes_too(mine):
    np.testing.assert_array_equal(
        ss.run(mine("compiled", "grid.x=[2,3]", "grid.n=[2,3]")).compiled, [[4, 8], [9, 27]]
    )


def test_it_grows_resumes_and_is_verified(mine, tmp_path):
    first = ss.run(mine("rate", "grid.current=[0,100]", "grid.seed=[0,1]")).load()
    grown = ss.run(mine("rate", "grid.current=[0,50,100]", "grid.seed=[0,1,2]")).load()
    xr.testing.assert_equal(grown.rate.sel(current=[0, 100], seed=[0, 1]), first.rate)
    store = Store(tmp_path / "out" / "function" / "rate.zarr")
    found = verify(store, 5, np.random.default_rng(0))
    assert found == {"verified": 5, "different": []}


@pytest.mark.slow
def test_the_same_bits_in_processes(mine, tmp_path):
    words = ("grid.current=[0,100,200,300]", "grid.seed=[0,1,2]", "compute.block_points=2")
    alone = ss.run(mine("rate", *words)).load()
    there = ss.run(mine("rate", *words, "compute=processes", "name=there")).load()
    np.testing.assert_array_equal(alone.rate, there.rate)
    np.testing.assert_array_equal(alone.status, there.status)


def test_an_edited_function_is_refused_by_its_module(tmp_path):
    folder = tmp_path / "edited"
    folder.mkdir()
    file = folder / "sim.py"
    command = [sys.executable, "-m", "spikesweep", "run", "-m", "function=edited/sim.py:f", "grid.x=0,1"]

    def run(text):
        file.write_text(f"def f(x: float):\n    return {text}\n")
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600)

    assert run("2 * x").returncode == 0
    assert "nothing is missing" in run("2 * x  # the same").stderr
    other = run("3 * x")
    assert other.returncode == 2
    assert "code of edited.sim" in other.stderr


@pytest.mark.parametrize(
    ("name", "words", "said"),
    [
        ("needed", (), r"grid\.how has no values"),
        ("unsweepable", (), "its argument values is no axis; allowed: float, int, bool, str"),
        ("rates", (), r"has no function rates; allowed: function=FILE\.py:NAME"),
        ("names", ("grid.status=[1]",), "status is an argument and a result"),
        ("rate", ("grid.current=[-1]",), r"grid\.current = -1\.0 pA is refused; allowed: at least 0"),
        (
            "rate",
            ("grid.currents=[1]",),
            r"grid\.currents is not an axis of this protocol \(current, gain, seed\)",
        ),
        (
            "rate",
            ("grid.current=[300]", "protocol.seconds=null"),
            r"rate\(current=300\.0.*raised ValueError: too much",
        ),
        ("rate", ("grid.current=[1]", "grid.neuron.RS.b=[1,2]"), "nothing reads neuron.RS.b"),
        (
            "rate",
            ("grid.current=[1]", "protocol.results={rate:{unit:Hz}}"),
            r"protocol\.results\.rate\.unit is not known",
        ),
    ],
)
def test_what_cannot_be_is_refused(mine, name, words, said):
    with pytest.raises(InputError, match=said):
        ss.run(mine(name, *(words or ("grid.x=[1]",))))


def test_only_what_was_named_is_imported(tmp_path):
    with pytest.raises(InputError, match=r"'os\.getcwd' is refused: it is of no package that was named"):
        ss.run(ss.load("protocol=function", "protocol.function=os.getcwd"))
    with pytest.raises(InputError, match="there is no file nowhere"):
        ss.load("function=nowhere.py:f")


def blocks(language):
    """Return the blocks of a language of the page."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    return [text for of, text in found if of == language]


def run_of_page(tmp_path, file, python=sys.executable):
    """Write a file of the page and run the command that names it; return the store's path."""
    (source,) = [text for text in blocks("python") if text.startswith(f"# {file}\n")]
    (command,) = [text.strip() for text in blocks("") if file in text]
    (tmp_path / "mine").mkdir()
    (tmp_path / file).write_text(source)
    words = command.replace("'", "").split()[2:]
    done = subprocess.run(
        [python, "-m", "spikesweep", "run", *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=1500,
    )
    assert done.returncode == 0, done.stderr
    return next((tmp_path / "outputs" / "function").glob("*.zarr"))


@pytest.mark.slow
def test_the_function_of_the_page_runs(tmp_path):
    ds = ss.open(run_of_page(tmp_path, "mine/sim.py")).load()
    assert dict(ds.rate.sizes) == {"current": 31, "gain": 1, "seed": 3}
    assert abs(ds.rate.sel(current=300).mean() - 60.0) < 3.0


@pytest.mark.slow
def test_the_brian2_script_of_the_page_is_swept(tmp_path):
    pytest.importorskip("brian2", reason="pip install brian2")
    ds = ss.open(run_of_page(tmp_path, "mine/brian.py")).load()
    # without noise, of the time constant 10 ms and the drive 20 mV/nA: 1 / (10 ms ln(RI / (RI - 15 mV)))
    np.testing.assert_allclose(ds.brian_rate.squeeze(), [0.0, 72.1, 144.3], rtol=0.05, atol=3.0)


@pytest.mark.slow
def test_the_nest_script_of_the_page_is_swept(tmp_path):
    pytest.importorskip("nest", reason="pip install nest-simulator")
    ds = ss.open(run_of_page(tmp_path, "mine/nest_sim.py")).load()
    assert ds.sizes["seed"] == 2
    assert (ds.nest_rate.sel(rate=10000) > ds.nest_rate.sel(rate=5000)).all()
    assert len(np.unique(ds.nest_rate.sel(rate=10000))) == 2


@pytest.mark.parametrize(
    ("signature", "said"),
    [
        ('x: "mV"', r"annotation of its argument x cannot be read: name 'mV' is not defined; .*Annotated"),
        ('x: "not ("', "annotation of its argument x cannot be read: "),
        ("x: list = None", r"grid\.x is not an axis of this protocol \(it has none\); allowed: none"),
        ('x) -> ("Hz"', None),  # what says nothing is asked of the first call
        ('x) -> ({"y": "Hz"}', None),
        ('x: "float") -> ("xr.Dataset"', None),  # a name that only type checkers import
        ("x: np.float64) -> (np.float64", None),
    ],
)
def test_annotations_are_read_one_by_one_or_refused(signature, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sim.py").write_text(f"import numpy as np\n\n\ndef f({signature}):\n    return x\n")
    words = ("function=sim.py:f", "grid.x=[1,2]", "compute=serial", f"outputs={tmp_path}")
    if said is None:
        assert ss.run(ss.load(*words)).f.values.tolist() == [1.0, 2.0]
    else:
        with pytest.raises(InputError, match=said):
            ss.run(ss.load(*words))


def test_what_has_no_name_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sim.py").write_text("from functools import partial\n\nf = partial(pow, 2.0)\n")
    with pytest.raises(InputError, match="it is partial, without a name of its own; allowed: a function"):
        ss.run(ss.load("function=sim.py:f", "grid.x=[1]", f"outputs={tmp_path}"))


def test_units_of_numpys_numbers_stay(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = ("from typing import Annotated", "import numpy as np")
    text = "\n".join((*lines, 'def f(x: Annotated[np.float64, "mV"]):', "    return x", ""))
    (tmp_path / "sim.py").write_text(text)
    ds = ss.run(ss.load("function=sim.py:f", "grid.x=[1,2]", "compute=serial", f"outputs={tmp_path}"))
    assert ds.x.attrs["units"] == "mV"
