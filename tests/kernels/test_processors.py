"""The same bits whatever processor the kernels are compiled for."""

import os
import subprocess
import sys

import pytest
from llvmlite.binding import get_host_cpu_features

CODE = """
import hashlib, sys
import spikesweep as ss
POPULATIONS = ("grid.pop_size=[1,9]", "protocol.num_responses=9", "protocol.coherence_sizes=[1]")
small = {
    "neuron=adexp network=fs_rs": ("grid.fe=[6,12]", "grid.fi=[4]", "grid.pop_size=[2]", "grid.seed=[0,1]"),
    "neuron=jercog network=jercog protocol=fi_curve": ("grid.i_ext=[150,300]",),
    "neuron=jercog network=jercog protocol=ei_balance": ("grid.fe=[5]", "grid.fi=[8]", "grid.seed=[0,1]"),
    "neuron=lif_dimensionless network=afferents protocol=population_information": POPULATIONS,
    "neuron=lif_dimensionless network=afferents protocol=population_information name=independent "
    "protocol.populations=independent neuron.LIF.noise=gaussian": POPULATIONS,
    "neuron=izhikevich network=n_to_1 protocol=connection_test": ("grid.seed=[0,1]",),
    "neuron=izhikevich network=fiers_prototype protocol=spiking_network": (),
}
for words, grid in small.items():
    shared = ("compute=serial", "protocol.duration=400.0", f"outputs={sys.argv[1]}")
    ds = ss.run(ss.load(*words.split(), *grid, *shared)).load()
    for name, values in ds.data_vars.items():
        print(words, name, hashlib.sha256(values.values.tobytes()).hexdigest(), float(values.sum()))
"""


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_the_processor_changes_no_bit(tmp_path):
    """SSE2 with two lanes a vector, AVX2 with four and fused multiply-add at hand, and this machine's own."""
    said = {}
    with_avx2 = ("haswell", "skylake") if get_host_cpu_features().get("avx2") else ()
    for processor in ("generic", *with_avx2, None):
        env = {**os.environ, **({"NUMBA_CPU_NAME": processor} if processor else {})}
        done = subprocess.run(
            [sys.executable, "-c", CODE, str(tmp_path / str(processor))],
            env=env,
            capture_output=True,
            text=True,
            timeout=900,
        )
        assert done.returncode == 0, done.stderr
        said[processor] = done.stdout
    assert len(set(said.values())) == 1
    rates = [line for line in said[None].splitlines() if " rate " in line or " spike_count " in line]
    assert len(rates) == 4
    assert all(float(line.split()[-1]) > 0.0 for line in rates)
