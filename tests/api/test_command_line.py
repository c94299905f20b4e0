"""What a scientist types."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import xarray as xr

import spikesweep as ss

ROOT = Path(__file__).parents[2]
SMALL = ("grid.fe=0,8,16", "grid.fi=[4]", "grid.seed.stop=2", "grid.seed.num=3", "protocol.duration=200.0")


def run(folder, *words, code=0):
    done = subprocess.run(
        [sys.executable, str(ROOT / "run.py"), *words],
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=900,
    )
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def test_main_job_leaves_a_store_and_a_figure_and_nothing_else(tmp_path):
    said = run(tmp_path, "-m", "neuron=adexp", "network=fs_rs", *SMALL)
    assert "http://127.0.0.1:" in said
    assert "9 of 9 points" in said
    folder = tmp_path / "outputs" / "transfer_function"
    names = [f"adexp-fs_rs.{kind}" for kind in ("png", "seconds", "zarr")]
    assert sorted(p.name for p in folder.iterdir()) == [*names, "run.log"]
    assert [p.name for p in tmp_path.iterdir()] == ["outputs"]
    assert (folder / "adexp-fs_rs.png").read_bytes()[:4] == b"\x89PNG"
    again = run(tmp_path, "-m", "neuron=adexp", "network=fs_rs", *SMALL)
    assert "nothing is missing" in again
    ds = xr.open_zarr(folder / "adexp-fs_rs.zarr")
    assert ds.fe.values.tolist() == [0.0, 8.0, 16.0]
    assert ds.seed.values.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("neuron", "network", "cells"),
    [
        ("lif", "vogels_abbott", "LIF"),
        pytest.param("eif", "fs_rs", "EIF", marks=pytest.mark.slow),
        pytest.param("adexp", "vogels_abbott", "RS,FS,AdExp,RS2", marks=pytest.mark.slow),
    ],
)
def test_any_cell_of_a_neuron_in_any_network(tmp_path, neuron, network, cells):
    words = (f"neuron={neuron}", f"network={network}", f"network.populations=[{cells}]")
    run(tmp_path, "-m", *words, *SMALL, "compute=serial")
    ds = ss.open(tmp_path / "outputs" / "transfer_function" / f"{neuron}-{network}.zarr")
    assert ds.population.values.tolist() == cells.split(",")
    assert (ds.status == 1).all()
    assert float(ds.rate.max()) > 0


@pytest.mark.slow
def test_swept_choices_become_separate_stores_and_a_refusal_comes_before_any_runs(tmp_path):
    words = ("-m", "network=fs_rs,vogels_abbott", *SMALL, "compute=serial")
    run(tmp_path, *words)
    folder = tmp_path / "outputs" / "transfer_function"
    assert sorted(p.stem for p in folder.glob("*.zarr")) == ["adexp-fs_rs", "adexp-vogels_abbott"]
    said = run(tmp_path, "-m", "neuron=theta,adexp", *SMALL, "name=both", "compute=serial", code=2)
    assert "'RS' is no cell of neuron=theta" in said
    assert not (tmp_path / "outputs" / "both").exists()


def test_failed_points_end_with_code_3_and_are_named(tmp_path):
    said = run(tmp_path, *SMALL, "neuron.RS.E_L=-1.0e308", "compute=serial", code=3)
    assert "non_finite" in said
    assert "fe=8" in said


def test_help_lists_the_choices(tmp_path):
    said = run(tmp_path, "--help")
    listed = re.search(r"neuron: (.*)", said)
    assert listed
    assert {"adexp", "eif", "lif"} <= set(listed[1].split(", "))


def test_words_mean_the_same_in_a_notebook():
    cfg = ss.load("neuron=lif", "grid.fe=0,5", "grid.fi.num=3", "grid.seed=7", "protocol.dt=0.1")
    assert cfg.choices == {"neuron": "lif", "network": "fs_rs", "protocol": "transfer_function"}
    assert cfg.grid.fe == [0, 5]
    assert cfg.grid.fi.num == 3
    assert cfg.grid.seed == 7
    assert cfg.protocol.dt == 0.1


def test_importing_the_package_loads_nothing_heavy():
    code = (
        "import sys, spikesweep; print([m for m in ('numba', 'dask', 'zarr', 'hydra') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_an_installed_wheel_works_from_any_folder(tmp_path):
    """A wheel in an environment of its own, that sees this one's libraries but not the repository."""
    pip = [sys.executable, "-m", "pip"]
    subprocess.run(
        [*pip, "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(tmp_path), str(ROOT)], check=True
    )
    (wheel,) = tmp_path.glob("*.whl")
    target = tmp_path / "site"
    subprocess.run(
        [*pip, "install", "-q", "--no-deps", "--target", str(target), str(wheel)],
        check=True,
    )
    code = """
import json, spikesweep as ss
ds = ss.run(ss.load("neuron=lif", "network.populations=[LIF]", "grid.fe=[8]", "grid.fi=[2]",
    "grid.seed=[0]", "protocol.duration=200.0", "compute=serial"))
print(json.dumps([ss.__file__, dict(ds.sizes)]))
"""

    def ran(*words):
        env = {**os.environ, "PYTHONPATH": str(target)}
        return subprocess.run(
            [sys.executable, *words], capture_output=True, text=True, check=True, cwd=tmp_path, env=env
        )

    recorded = ("run", "-cd", "sweeps", "-cn", "naud2008", "plan=true")  # they travel in it
    assert "plan of outputs/" in ran("-m", "spikesweep", *recorded).stdout
    done = ran("-c", code)
    home, sizes = json.loads(done.stdout)
    assert home.startswith(str(target))
    assert sizes == {"population": 1, "fe": 1, "fi": 1, "seed": 1, "pop_size": 1}


@pytest.mark.parametrize(
    "options",
    [
        ("-cn", "naud2008"),
        pytest.param(("-cd", "sweeps", "-cn", "naud2008"), marks=pytest.mark.slow),
        pytest.param(("-cd=sweeps", "-cn=naud2008"), marks=pytest.mark.slow),
    ],
)
def test_recorded_sweeps_are_found_from_any_folder(options, tmp_path):
    assert "points" in run(tmp_path, *options, "plan=true")
    said = run(tmp_path, *[word.replace("naud2008", "naud") for word in options], code=2)
    assert "--config-name 'naud' is not known; did you mean 'naud2008'?" in said
