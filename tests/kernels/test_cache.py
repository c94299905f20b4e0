"""Compiled kernels on the disk: found again, never an old model, no damage believed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import spikesweep
from spikesweep.kernels.compile.cache import folder
from spikesweep.kernels.compile.compiler import KernelCache
from spikesweep.kernels.compile.jit import kept

CODE = """
import numpy as np
from spikesweep.kernels.compile.vector_math import exp_each
print(repr(float(exp_each(np.array([1.0]))[0])))
"""


def start(home, source=None):
    path = str(Path(spikesweep.__file__).parents[1] if source is None else source)
    env = {**os.environ, "SPIKESWEEP_CACHE_DIR": str(home), "PYTHONPATH": path}
    return subprocess.Popen([sys.executable, "-c", CODE], env=env, stdout=subprocess.PIPE, text=True)


def run(home, source=None):
    process = start(home, source)
    said, _ = process.communicate(timeout=900)
    assert process.returncode == 0
    return float(said.split()[0])


def kernels(home):
    return sorted(Path(home).rglob("*.kernel"))


def test_a_second_process_finds_what_the_first_compiled(tmp_path):
    first = run(tmp_path)
    (file,) = kernels(tmp_path)
    before = file.stat().st_mtime_ns
    assert run(tmp_path) == first == pytest.approx(2.718281828459045, rel=1e-15)
    assert kernels(tmp_path) == [file]
    assert file.stat().st_mtime_ns == before


@pytest.mark.slow
def test_a_damaged_file_is_compiled_again(tmp_path):
    first = run(tmp_path)
    (file,) = kernels(tmp_path)
    data = file.read_bytes()
    middle = len(data) // 2
    flipped = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
    for wrong in (data[:middle], b"import os", flipped):
        file.write_bytes(wrong)
        assert run(tmp_path) == first
        assert file.read_bytes() != wrong


def test_an_edit_of_a_called_function_is_never_served_from_the_cache(tmp_path):
    """numba's own cache returns the old result here."""
    source = tmp_path / "src"
    shutil.copytree(Path(spikesweep.__file__).parent, source / "spikesweep", symlinks=True)
    home = tmp_path / "cache"
    first = run(home, source)
    file = source / "spikesweep" / "kernels" / "compile" / "vector_math.py"
    text = file.read_text()
    edited = text.replace("return 0.0 if x < _EXP_MIN else y", "return 0.0 if x < _EXP_MIN else y + 1.0")
    assert edited != text
    file.write_text(edited)
    assert run(home, source) == pytest.approx(first + 1.0)
    assert len(kernels(home)) == 2


@pytest.mark.slow
def test_processes_that_start_together_neither_race_nor_crash(tmp_path):
    processes = [start(tmp_path) for _ in range(4)]
    said = [p.communicate(timeout=900)[0] for p in processes]
    assert [p.returncode for p in processes] == [0] * 4
    assert len({line.split()[0] for line in said}) == 1
    assert len(kernels(tmp_path)) == 1


def test_a_folder_that_others_can_write_to_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setenv("SPIKESWEEP_CACHE_DIR", str(tmp_path))
    folder.cache_clear()
    try:
        place = folder()
        assert place is not None
        place.chmod(0o777)
        folder.cache_clear()
        assert folder() is None
    finally:
        folder.cache_clear()


def test_a_kernel_around_foreign_code_is_not_kept():
    def foreign(x):
        return x

    foreign.__module__ = "somewhere"

    def loop(x):
        return foreign(x)

    loop.__module__ = "spikesweep.kernels.cells.driver"
    assert not isinstance(getattr(kept(loop, foreign), "_cache", None), KernelCache)


MODELS = """
import sys, tempfile, spikesweep as ss
for neuron, cell in [pair.split("/") for pair in sys.argv[1:]]:
    ds = ss.run(ss.load(f"neuron={neuron}", f"network.populations=[{cell}]", "grid.fe=[9]", "grid.fi=[2]",
        "grid.seed=[0]", "protocol.duration=500.0", "compute=serial", f"outputs={tempfile.mkdtemp()}"))
    print("rate", cell, float(ds.rate.sum()))
"""


def test_loops_of_different_models_bear_different_names():
    def made():
        def loop(x):
            return x

        loop.__module__ = "spikesweep.kernels.cells.driver"
        return loop

    names = [kept(made(), text).py_func.__qualname__ for text in ("one", "other", "one")]
    assert names[0] == names[2] != names[1]


@pytest.mark.slow
def test_kernels_of_different_processes_are_never_taken_for_each_other(tmp_path):
    """numba numbers functions by process: loops of two models, each compiled first, bear one number."""

    def rates(home, *models):
        env = {
            **os.environ,
            "SPIKESWEEP_CACHE_DIR": str(home),
            "PYTHONPATH": str(Path(spikesweep.__file__).parents[1]),
        }
        command = [sys.executable, "-c", MODELS, *models]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=900)
        assert done.returncode == 0, done.stderr
        return [line for line in done.stdout.splitlines() if line.startswith("rate")]

    models = ("lif/LIF", "adexp/RS", "eif/EIF")
    alone = [line for model in models for line in rates(tmp_path / "one", model)]
    assert len({line.split()[2] for line in alone}) == 3
    assert rates(tmp_path / "one", *models) == alone
    assert rates(tmp_path / "other", *models) == alone


TWO = """
import numpy as np
from spikesweep.kernels.compile.vector_math import exp_each
from spikesweep.kernels.random.draws import poisson_trains
exp_each(np.array([1.0]))
poisson_trains(np.array([1], np.uint64), np.array([1.0]), 5.0)
"""


def files(home):
    return {file.name: file.stat().st_mtime_ns for file in kernels(home)}


def edited(file):
    file.write_text(file.read_text() + "\nEDITED = True\n")


@pytest.mark.slow
def test_what_a_kernel_is_not_made_of_compiles_nothing_again(tmp_path):
    source, home = tmp_path / "src", tmp_path / "cache"
    shutil.copytree(Path(spikesweep.__file__).parent, source / "spikesweep", symlinks=True)

    def compile_both():
        env = {**os.environ, "SPIKESWEEP_CACHE_DIR": str(home), "PYTHONPATH": str(source)}
        subprocess.run([sys.executable, "-c", TWO], env=env, check=True, timeout=900)
        return files(home)

    first = compile_both()
    assert len(first) == 2
    package = source / "spikesweep"
    for place in ("analysis/plots", "protocols", "sweep", "store", "api", "config", "models/neurons"):
        for file in (package / place).glob("*.py"):
            edited(file)
    (package / "analysis" / "plots" / "more.py").write_text("")
    assert compile_both() == first
    edited(package / "kernels" / "random" / "philox.py")  # only the trains are made of it
    second = compile_both()
    assert len(second) == 3
    assert first.items() <= second.items()
    edited(package / "kernels" / "compile" / "jit.py")  # both
    assert len(compile_both()) == 5


FOREIGN = """
import sys, spikesweep as ss
ds = ss.run(ss.load("models=" + sys.argv[1], "neuron=qif", "network.populations=[QIF]", "protocol=fi_curve",
    "protocol.duration=50.0", "grid.i_ext=[100]", "compute=serial", "outputs=" + sys.argv[2]))
print("rate", float(ds.rate.max()))
"""


@pytest.mark.slow
def test_kernels_of_models_outside_are_kept_by_their_source(tmp_path):
    from spikesweep.api.new import write

    folder, home = tmp_path / "kept_models", tmp_path / "cache"
    write("neuron", "QIF", folder)
    (folder / "part.py").write_text("from spikesweep.kernels.compile.jit import compiled\nGAIN = 1.0\n")
    model = folder / "qif.py"
    text = model.read_text().replace("import numpy as np\n", "import numpy as np\n\nfrom .part import GAIN\n")
    model.write_text(text.replace("dv = c.dt", "dv = GAIN * c.dt"))

    def rate(name):
        env = {**os.environ, "SPIKESWEEP_CACHE_DIR": str(home)}
        command = [sys.executable, "-c", FOREIGN, str(folder), str(tmp_path / name)]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=900)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()[-1], files(home)

    before, first = rate("a")
    assert first
    assert rate("b") == (before, first)
    (folder / "unused.py").write_text("x = 1\n")
    assert rate("c") == (before, first)
    (folder / "part.py").write_text("GAIN = 3.0\n")
    after, second = rate("d")
    assert float(after) > 1.5 * float(before)
    assert first.items() < second.items()


def test_a_model_that_imports_what_is_not_known_is_not_kept(tmp_path, monkeypatch):
    from spikesweep import folder_packages
    from spikesweep.kernels.compile.cache import code_of

    for name, text in (("known", "import numpy\nimport os.path"), ("unknown", "import pytest")):
        (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.setitem(folder_packages.FOLDERS, "m_imports", tmp_path)
    os.utime(tmp_path / "known.py", (1, 1))
    os.utime(tmp_path / "unknown.py", (1, 1))
    assert code_of(frozenset({"m_imports.known"}))
    assert code_of(frozenset({"m_imports.unknown"})) is None
    assert code_of(frozenset({"m_imports.known", "m_imports.unknown"})) is None


def test_a_file_that_is_newer_than_the_process_is_not_kept(tmp_path, monkeypatch):
    """The process may have imported what stood there before: its machine code is not that of the new file."""
    from spikesweep import folder_packages
    from spikesweep.kernels.compile.cache import code_of

    monkeypatch.setitem(folder_packages.FOLDERS, "m_newer", tmp_path)
    (tmp_path / "late.py").write_text("x = 1\n")
    os.utime(tmp_path / "late.py", (4e9, 4e9))
    assert code_of(frozenset({"m_newer.late"})) is None


def test_the_quick_search_for_imports_misses_none():
    from spikesweep import sources

    root = Path(spikesweep.__file__).parent
    texts = [p.read_bytes() for p in (*root.rglob("*.py"), *root.rglob("*.py.txt"))]
    texts += [
        b"import a, b.c as d\nif x: import e\nx = 1; import f\nfrom .g import (h,  # one\n  i as j,\n)\n",
        b"def f():\n    from k import l, \\\n        m\n    from . import n\n",
    ]
    for text in texts:
        quick = {(i.module, name, i.level) for i in sources.likely_imports(text) for name in i.names or ("",)}
        exact = {(i.module, name, i.level) for i in sources.exact_imports(text) for name in i.names or ("",)}
        assert exact <= quick


def test_imports_are_found_wherever_a_statement_may_be():
    from spikesweep import sources

    text = b"""
class A:
    def f(self):
        try:
            import a
        except* E:
            from b import c
        else:
            import d
        finally:
            import e
async def g():
    async with x: import f
    async for y in z: import h
    else: import i
    while y:
        match y:
            case 1: import j
if x: import k
elif y: import l
else: from . import m
"""
    every = {(i.module, *i.names) for i in sources.exact_imports(text)}
    assert every == {("b", "c"), ("", "m"), *((name,) for name in "adefhijkl")}


def test_kernels_are_pickled_by_their_name():
    import pickle

    from spikesweep.kernels.random import draws, philox
    from spikesweep.models import AdExp

    for kernel in (AdExp.step, philox.uniform, draws.poisson_trains):
        assert pickle.loads(pickle.dumps(kernel)) is kernel
