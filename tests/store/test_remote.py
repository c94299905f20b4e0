"""Stores below URLs: pushed, read, checked, refused."""

import os
import re
import shutil
import subprocess
import sys
import threading
import uuid
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import fsspec
import numpy as np
import pytest
import xarray as xr
from object_storage import KEYS, ObjectStorage

import spikesweep as ss
from spikesweep.api.commands import main
from spikesweep.errors import DamagedError, InputError
from spikesweep.protocols import TransferFunction
from spikesweep.store import Reader, Store, place, stored
from spikesweep.store.check import check

WORDS = (
    "neuron=adexp",
    "network=fs_rs",
    "grid.fi=[2]",
    "grid.seed=[0,1]",
    "grid.pop_size=[1,3]",
    "protocol.duration=100.0",
    "protocol.record_spikes=true",
    "compute=serial",
    "compute.block_points=2",
)


@pytest.fixture(scope="session")
def storage():
    found = ObjectStorage()
    yield found
    found.close()


@pytest.fixture
def bucket(storage, monkeypatch):
    """Return the name of a new bucket, for which this process has credentials."""
    for name, value in storage.environment.items():
        monkeypatch.setenv(name, value)
    name = f"bucket-{uuid.uuid4().hex[:12]}"
    storage.client.create_bucket(Bucket=name)
    storage.seen.clear()
    return name


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """Return a store of four blocks with spikes, of which one point failed."""
    folder = tmp_path_factory.mktemp("sweep")
    original = TransferFunction.__call__

    def faulty(self, network, points, whole):
        if np.any((points["fe"] == 12) & (points["seed"] == 1)):
            raise ValueError("no such point")
        return original(self, network, points, whole)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransferFunction, "__call__", faulty)
        ss.run(ss.load(*WORDS, "grid.fe=[6,12]", f"outputs={folder}"))
    (path,) = folder.rglob("*.zarr")
    return path


@pytest.fixture
def local(sweep, tmp_path):
    """Return a store of one's own to change."""
    return Path(shutil.copytree(sweep, tmp_path / "transfer_function" / sweep.name))


def call(capsys, *arguments, code=0):
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    assert ended.value.code == code, err
    return out + err


def files(path):
    return {str(p.relative_to(path)): p.read_bytes() for p in path.rglob("*") if p.is_file()}


def below(storage, bucket, prefix):
    found = storage.objects(bucket).items()
    return {k.removeprefix(f"{prefix}/"): data for k, data in found if k.startswith(f"{prefix}/")}


def puts(storage):
    return [path for method, path in storage.seen if method == "PUT"]


def same(url, path):
    there, here = ss.open(url), ss.open(path)
    assert there.attrs == here.attrs
    assert there.rate.chunks == here.rate.chunks  # read lazily
    xr.testing.assert_identical(there.load(), here.load())
    for name in here.data_vars:
        assert there[name].values.tobytes() == here[name].values.tobytes()
    cells = there.sweep.to_pandas()
    assert len(cells)
    assert cells.equals(here.sweep.to_pandas())
    assert stored(place(url)).failures() == Store(path).failures()


@pytest.mark.slow
def test_a_store_is_read_from_where_it_was_pushed_to(capsys, storage, bucket, sweep):
    url = f"s3://{bucket}/a/s.zarr"
    for folder in ("a/", "a/s.zarr/"):  # as a console makes them
        storage.client.put_object(Bucket=bucket, Key=folder, Body=b"")
    said = call(capsys, "push", sweep, url)
    assert (
        f"{len(files(sweep))} files sent, 0 were there; {url} is read back: all is as it was written" in said
    )
    assert below(storage, bucket, "a/s.zarr") == {**files(sweep), "": b""}
    assert len(call(capsys, "ls", f"s3://{bucket}").splitlines()) == 2
    same(url, sweep)
    part = ss.open(url).sel(fe=6, seed=1)
    assert part.sweep.spikes(population="RS").equals(
        ss.open(sweep).sel(fe=6, seed=1).sweep.spikes(population="RS")
    )


def test_values_come_first_and_what_makes_it_a_store_last(capsys, storage, bucket, sweep):
    call(capsys, "push", sweep, f"s3://{bucket}/s.zarr")
    sent = [path.removeprefix(f"/{bucket}/s.zarr/") for path in puts(storage)]
    assert sent[0] == ".spikesweep/push.json"
    assert sent[-1] == "zarr.json"
    values = [
        i for i, n in enumerate(sent) if n.split("/")[0] in ("rate", "status", "ragged") and "zarr" not in n
    ]
    records = [i for i, name in enumerate(sent) if name.startswith(".spikesweep/blocks")]
    metadata = [i for i, name in enumerate(sent) if name in ("rate/zarr.json", "fe/c.0")]
    assert max(values) < min(records)
    assert max(records) < min(metadata)


@pytest.mark.slow
def test_ls_show_and_check_say_of_a_url_what_they_say_of_a_path(capsys, bucket, sweep):
    url = f"s3://{bucket}/a/{sweep.name}"
    call(capsys, "push", sweep, url)
    for command in ("show", "check"):
        assert call(capsys, command, url).replace(url, str(sweep)) == call(capsys, command, sweep)
    there, here = (
        re.sub(r"\d+ (s|min) ", "AGE ", call(capsys, "ls", folder)).splitlines()
        for folder in (f"s3://{bucket}", sweep.parent)
    )
    assert len(there) == 2
    assert there[1].split()[0] == url
    assert there[1].split()[1:] == here[1].split()[1:]
    assert "does not exist" in call(capsys, "ls", f"s3://{bucket}/b", code=2)
    assert call(capsys, "diff", sweep, url).endswith("all results are equal\n")


@pytest.mark.slow
def test_stores_below_a_url_are_opened_together(capsys, bucket, sweep, tmp_path):
    for name in ("one", "two"):
        call(capsys, "push", sweep, f"s3://{bucket}/{name}/s.zarr")
    tree = ss.open(f"s3://{bucket}")
    assert isinstance(tree, xr.DataTree)
    xr.testing.assert_identical(tree["two/s"].to_dataset().load(), ss.open(sweep).load())
    with pytest.raises(InputError, match="does not exist"):
        ss.open(f"s3://{bucket}/three")


def test_a_killed_push_is_no_store_and_goes_on(capsys, storage, bucket, sweep):
    url, n = f"s3://{bucket}/s.zarr", len(files(sweep))
    with storage.holding(n // 2) as held:
        command = [sys.executable, "-m", "spikesweep", "push", str(sweep), url]
        pushing = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            while not held.wait(0.05):
                assert pushing.poll() is None
        finally:
            pushing.kill()
            pushing.wait()
    there = below(storage, bucket, "s.zarr")
    assert len(there) == n // 2
    assert "zarr.json" not in there
    for command in ("check", "show"):
        assert "a push to it goes on, or was stopped" in call(capsys, command, url, code=2)
    with pytest.raises(InputError, match="allowed: the same push again"):
        ss.open(url)
    with pytest.raises(Exception, match=r"(?i)no group|not found|unable"):  # without spikesweep
        xr.open_zarr(fsspec.get_mapper(url), consolidated=False)
    storage.seen.clear()
    call(capsys, "push", sweep, url)
    assert len(puts(storage)) == n - (n // 2 - 1) + 1  # the marker is there once more
    assert below(storage, bucket, "s.zarr") == files(sweep)
    same(url, sweep)


@pytest.mark.slow
def test_a_push_again_sends_what_has_changed(capsys, storage, bucket, local, tmp_path):
    """Nothing; then a point more; then a grown store, of which other files have other names."""
    url = f"s3://{bucket}/s.zarr"
    call(capsys, "push", local, url)
    before = files(local)
    storage.seen.clear()
    assert f"0 files sent, {len(before)} were there" in call(capsys, "push", local, url)
    assert not puts(storage)
    ss.run(ss.load(*WORDS, "grid.fe=[6,12]", f"outputs={tmp_path}", "retry=failed"))
    changed = [name for name, data in files(local).items() if before.get(name) != data]
    assert 0 < len(changed) < len(before) / 2
    assert f"{len(changed)} files sent" in call(capsys, "push", local, url)
    ss.run(ss.load(*WORDS, "grid.fe=[3,6,12]", f"outputs={tmp_path}", "compute.block_points=6"))
    gone = set(before) - set(files(local))
    assert gone
    call(capsys, "push", local, url)
    assert below(storage, bucket, "s.zarr") == files(local)
    same(url, local)


def damage(storage, bucket, key, how):
    data = storage.client.get_object(Bucket=bucket, Key=key)["Body"].read()
    if how == "gone":
        storage.client.delete_object(Bucket=bucket, Key=key)
    else:
        data = data[:-3] if how == "cut" else data[:-9] + bytes([data[-9] ^ 1]) + data[-8:]
        storage.client.put_object(Bucket=bucket, Key=key, Body=data)


DAMAGES = [
    ("rate/c.0.0.0.0.0", "flipped", "points at fe=6"),
    ("ragged/spike/0.0.0.0/", "cut", "points at fe=6"),
    ("ragged/spike/0.0.0.0/", "gone", "points at fe=6"),
    (".spikesweep/blocks/0.0.0.0", "gone", "points at fe=6"),
    (".spikesweep/blocks/0.0.0.0", "flipped", "points at fe=6"),
    (".spikesweep/failures/", "gone", "the reason why"),
    (".spikesweep/failures/", "cut", "failures"),
    ("rate/zarr.json", "cut", "rate/zarr.json is damaged or gone"),
    (".spikesweep/manifest.json", "gone", "manifest.json is damaged or gone"),
]


@pytest.mark.slow
def test_damaged_objects_are_found_and_mended_by_a_push(capsys, storage, bucket, sweep):
    url = f"s3://{bucket}/s.zarr"
    call(capsys, "push", sweep, url)
    for name, how, said in DAMAGES:
        key = max(k for k in storage.objects(bucket) if k.startswith(f"s.zarr/{name}"))
        damage(storage, bucket, key, how)
        found = call(capsys, "check", url, code=1)
        assert said in found
        assert "python -m spikesweep push of the store that was pushed here" in found
        assert "1 files sent" in call(capsys, "push", sweep, url)
        assert below(storage, bucket, "s.zarr") == files(sweep)
    assert call(capsys, "check", url).endswith("whole\n")


@pytest.mark.parametrize("how", ["gone", "cut"])
@pytest.mark.slow
def test_damage_of_what_makes_it_a_store_is_told_and_mended(capsys, storage, bucket, sweep, how):
    url = f"s3://{bucket}/s.zarr"
    call(capsys, "push", sweep, url)
    damage(storage, bucket, "s.zarr/zarr.json", how)
    assert "its zarr.json is damaged" in call(capsys, "check", url, code=2)
    call(capsys, "push", sweep, url)
    assert call(capsys, "check", url).endswith("whole\n")


def test_a_push_reads_back_what_it_wrote(capsys, storage, bucket, sweep):
    """An object that changes after it was written: no store is left, and the same push mends it."""
    url = f"s3://{bucket}/s.zarr"
    storage.after["/s.zarr/zarr.json"] = lambda: damage(storage, bucket, "s.zarr/status/c.0.0.0.0", "flipped")
    said = call(capsys, "push", sweep, url, code=2)
    assert "read back, 2 points at fe=6" in said
    assert "allowed: the same push again" in said
    assert "s.zarr/zarr.json" not in storage.objects(bucket)
    assert "or was stopped" in call(capsys, "check", url, code=2)
    call(capsys, "push", sweep, url)
    assert below(storage, bucket, "s.zarr") == files(sweep)


def test_two_pushes_to_one_place_do_not_both_succeed(capsys, storage, bucket, sweep):
    url, marker = f"s3://{bucket}/s.zarr", "s.zarr/.spikesweep/push.json"

    def another():
        storage.client.put_object(Bucket=bucket, Key=marker, Body=b"of another")

    storage.after["/s.zarr/fe/c.0"] = another
    assert "another push" in call(capsys, "push", sweep, url, code=1)
    assert "s.zarr/zarr.json" not in storage.objects(bucket)


def test_what_is_at_a_place_is_not_overwritten(capsys, storage, bucket, sweep, tmp_path):
    url = f"s3://{bucket}/s.zarr"
    ss.run(ss.load(*WORDS, "grid.fe=[6]", "protocol.dt=0.2", "grid.seed=[0]", f"outputs={tmp_path}"))
    (other,) = tmp_path.rglob("*.zarr")
    call(capsys, "push", other, url)
    before = storage.objects(bucket)
    said = call(capsys, "push", sweep, url, code=2)
    assert f"{url} holds another sweep" in said
    assert f"protocol.dt: 0.2 there, {ss.open(sweep).sweep.configuration['protocol']['dt']} here" in said
    storage.client.put_object(Bucket=bucket, Key="mine/notes.txt", Body=b"notes")
    assert "holds other files and no store" in call(capsys, "push", sweep, f"s3://{bucket}/mine", code=2)
    said = call(capsys, "push", sweep, f"s3://{bucket}/mine/notes.txt", code=2)
    assert "holds other files and no store" in said
    assert storage.objects(bucket) == {**before, "mine/notes.txt": b"notes"}


@pytest.mark.parametrize("less", ["grid.fe=[6]", "grid.fe=[6,9]"])
@pytest.mark.slow
def test_points_that_are_only_there_are_not_lost(capsys, storage, bucket, sweep, tmp_path, less):
    url = f"s3://{bucket}/s.zarr"
    call(capsys, "push", sweep, url)
    ss.run(ss.load(*WORDS, less, f"outputs={tmp_path}"))
    (path,) = tmp_path.rglob("*.zarr")
    before = storage.objects(bucket)
    assert f"{url} holds 2 points that {path} has not" in call(capsys, "push", path, url, code=2)
    assert storage.objects(bucket) == before


@pytest.mark.slow
def test_what_is_not_whole_here_is_not_pushed(capsys, storage, bucket, local):
    url = f"s3://{bucket}/s.zarr"
    with Store(local).locked():
        assert f"{local} is in use by process {os.getpid()}" in call(capsys, "push", local, url, code=2)
    (local / "status" / "c.0.0.0.0").unlink()
    said = call(capsys, "push", local, url, code=2)
    assert f"python -m spikesweep check {local} --repair" in said
    assert not storage.objects(bucket)
    call(capsys, "check", local, "--repair")
    (local / "rate" / "c.0.partial").write_bytes(b"of a killed writer")
    assert "2 points are not computed yet" in call(capsys, "push", local, url)
    assert "2 points are not computed yet" in call(capsys, "check", url)
    assert "s.zarr/rate/c.0.partial" not in storage.objects(bucket)


def command(*arguments, **environment):
    """Return the exit code and the lines of a command of a person who has this environment."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    done = subprocess.run(
        [sys.executable, "-m", "spikesweep", *map(str, arguments)],
        env={**kept, "AWS_EC2_METADATA_DISABLED": "true", **environment},
        capture_output=True,
        text=True,
        timeout=900,
    )
    return done.returncode, (done.stdout + done.stderr).splitlines()


@pytest.mark.parametrize("verb", ["push", "show"])
@pytest.mark.parametrize("lack", ["credentials", "package", "server"])
@pytest.mark.slow
def test_what_a_machine_lacks_is_told_in_a_line(storage, bucket, sweep, tmp_path, lack, verb):
    (tmp_path / "s3fs.py").write_text("raise ImportError('no s3fs')")
    environment, code, said = {
        "credentials": (
            {"AWS_ENDPOINT_URL": storage.url, "HOME": str(tmp_path)},
            2,
            "no credentials are found",
        ),
        "package": ({**storage.environment, "PYTHONPATH": str(tmp_path)}, 2, 'pip install -e ".[s3]"'),
        "server": (
            {**KEYS, "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"},
            1,
            "cannot be reached",
        ),
    }[lack]
    url = f"s3://{bucket}/s.zarr"
    found, lines = command(verb, *([sweep] if verb == "push" else []), url, **environment)
    assert found == code, lines
    (line,) = [line for line in lines if not line.startswith("push")]
    assert said in line
    assert url in line
    assert KEYS["AWS_SECRET_ACCESS_KEY"] not in line


def test_what_cannot_be_asked_is_not_called_damaged(capsys, storage, bucket, sweep, monkeypatch):
    url = f"s3://{bucket}/s.zarr"
    call(capsys, "push", sweep, url)
    for refused in ("/rate/c.0.0.0.0.0", "/.spikesweep/manifest.json", "/blocks/1.0.0.0", "s.zarr/zarr.json"):
        monkeypatch.setattr(storage, "refused", (refused,))
        said = call(capsys, "check", url, code=1)
        assert said.startswith("stopped: ")
        assert "is not permitted" in said
        assert len(said.splitlines()) == 1


def test_a_url_that_is_no_place_is_refused(capsys, bucket, sweep):
    for url, said in {
        "s3://no-such-bucket/s.zarr": "allowed: a bucket that exists",
        f"s3://{bucket}": "is no place for a store",
        "outputs/s.zarr": "is no place for a store",
        "nothing://there/s.zarr": "nothing://there/s.zarr: ValueError: Protocol not known",
        "sftp://me:very-secret@there/s.zarr": "given with a password",
    }.items():
        found = call(capsys, "push", sweep, url, code=2)
        assert said in found
        assert "very-secret" not in found
        assert len([line for line in found.splitlines() if not line.startswith("push")]) == 1
    assert "does not exist" in call(capsys, "check", "s3://no-such-bucket/s.zarr", code=2)
    for words in (["check", "--repair"], ["verify"], ["replay"]):
        call(capsys, "push", sweep, f"s3://{bucket}/s.zarr")
        said = call(capsys, words[0], f"s3://{bucket}/s.zarr", *words[1:], code=2)
        assert "allowed: the path of a store of this machine" in said
    with pytest.raises(InputError, match="is a URL"):
        ss.replay(f"s3://{bucket}/s.zarr", fe=6)


@pytest.mark.parametrize(
    "words", [("outputs=s3://bucket/x",), ("outputs=file:///tmp/x",), ("name=s3://bucket/x",)]
)
def test_no_run_writes_to_a_url(tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="python -m spikesweep push STORE URL"):
        ss.run(ss.load(*words))
    code, (line,) = command("run", *words)
    assert code == 2
    assert line.startswith(f"refused: {words[0].partition('=')[0]} = ")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("scheme", ["memory://{}", "file://{}"])
def test_other_file_systems(capsys, sweep, tmp_path, scheme):
    url = scheme.format(tmp_path / "there" / "s.zarr")
    call(capsys, "push", sweep, url)
    assert "0 files sent" in call(capsys, "push", sweep, url)
    assert call(capsys, "check", url).endswith("whole\n")
    same(url, sweep)
    fs, path = fsspec.url_to_fs(url)
    found = next(name for name in fs.find(path) if name.endswith("/rate/c.0.0.0.0.0"))
    fs.pipe_file(found, fs.cat_file(found)[:-1])
    assert "points at fe=6" in call(capsys, "check", url, code=1)
    assert "1 files sent" in call(capsys, "push", sweep, url)


def test_a_web_server_that_lists_its_folders_is_read(capsys, sweep):
    class Quiet(SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=sweep.parent)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            url = f"http://127.0.0.1:{server.server_port}/{sweep.name}"
            same(url, sweep)
            assert call(capsys, "check", url).endswith("whole\n")
            assert "does not exist" in call(capsys, "show", f"{url}.zarr", code=2)
            assert "cannot be reached" in call(capsys, "push", sweep, f"{url}2", code=1)
        finally:
            server.shutdown()


def test_paths_need_no_file_systems(sweep):
    code = "import sys, spikesweep as ss; ss.open(sys.argv[1]).load(); print('s3fs' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code, str(sweep)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"


@pytest.mark.slow
def test_a_reader_below_a_url_is_of_one_store(storage, bucket, capsys, local, tmp_path):
    """What was opened before the store grew does not mix both."""
    url = f"s3://{bucket}/s.zarr"
    call(capsys, "push", local, url)
    before = Reader.at(place(url)).held()
    assert not check(before)
    ss.run(ss.load(*WORDS, "grid.fe=[3,6,12]", f"outputs={tmp_path}"))
    call(capsys, "push", local, url)
    with pytest.raises(DamagedError):
        check(before)
    assert not check(stored(place(url)))
