import subprocess
import sys

import numpy as np
import pytest
import xarray as xr

import spikesweep as ss
from spikesweep.analysis.fitted import transfer_function
from spikesweep.api.commands import main

WORDS = (
    "network.populations=[RS]",
    "protocol.duration=1000.0",
    "grid.fi={start:0,stop:12,num:4}",
    "grid.seed=[0,1]",
    "compute=serial",
)


def run(tmp_path, *words):
    command = [sys.executable, "-m", "spikesweep.fit", *words, f"outputs={tmp_path}"]
    return subprocess.run(command, capture_output=True, text=True, timeout=900)


def test_one_command_leads_from_a_cell_to_its_coefficients(tmp_path):
    done = run(tmp_path, *WORDS, "name=mine")
    assert done.returncode == 0, done.stderr
    assert "rmse (Hz)" in done.stdout
    fitted = xr.open_zarr(tmp_path / "mine" / "adexp-fs_rs.fit.zarr", consolidated=False).load()
    printed = {line.split()[0]: float(line.split()[1]) for line in done.stdout.splitlines() if "mu" in line}
    assert printed["mu"] == pytest.approx(fitted.coefficient.sel(term="mu").item(), rel=1e-5)
    assert fitted.sizes["term"] == 11
    assert 0 < transfer_function(fitted, "RS")(8.0, 4.0) < 60
    assert (tmp_path / "mine" / "adexp-fs_rs.fit.png").stat().st_size > 10_000
    ds = ss.open(tmp_path)  # the fit beside it is no sweep
    commands = [sys.executable, "-m", "spikesweep", "ls", str(tmp_path)]
    listed = subprocess.run(commands, capture_output=True, text=True, check=True).stdout
    assert len(listed.splitlines()) == 2
    np.testing.assert_array_equal(ds.rate.mean("seed"), fitted.observed)


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["neuron.RS.C_m=-1.0"], "neuron.RS.C_m"),
        (["neuron=jercog", "network=jercog"], "Jercog in EINetwork has no network.exc.weight"),
        (["neuron=izhikevich", "network.populations=[RS]"], "Izhikevich in RandomNetwork has no neuron.g_L"),
    ],
)
def test_refusal_is_one_readable_message_before_anything_is_simulated(tmp_path, capsys, words, part):
    with pytest.raises(SystemExit) as end:
        main(["fit", *words, f"outputs={tmp_path}"])
    assert end.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("refused: ")
    assert part in said
    assert len(said.splitlines()) == 1
    assert not list(tmp_path.iterdir())
