"""faults.md G2, G3: a file is complete, or as it was before."""

import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import tinygrad_loss as tl
from tinygrad_loss import Tensor, optim
from tinygrad_loss.nn import Linear, load, save

from .test_save_load import assert_equal_states

posix = pytest.mark.skipif(os.name != "posix", reason="permissions and locks are POSIX's")

WRITER = """
import os, sys, time
import numpy as np
from tinygrad_loss.nn import Linear, save

def wait(fd, fsync=os.fsync):
    fsync(fd)
    print("written", flush=True)
    sys.stdin.readline()

os.fsync = wait
save(sys.argv[1], Linear(3, 3, rng=np.random.default_rng(1)))
"""


def writing(path):
    """A process that has written its file, but not yet renamed it; it goes on at a line."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, path],
        cwd=Path(tl.__file__).parents[1],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "written\n"
    return process


def linear(seed=0):
    return Linear(3, 3, rng=np.random.default_rng(seed))


@posix
def test_what_killed_processes_leave_is_removed_by_the_next_one(tmp_path):
    path = tmp_path / "weights[1].npz"  # a name that is a pattern, too
    save(path, linear())
    before = path.read_bytes()
    other = tmp_path / ".weights[1].npz.notes"
    other.touch()
    for _ in range(2):
        process = writing(path)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert path.read_bytes() == before
        assert len(list(tmp_path.iterdir())) == 3  # one is left, never two
    save(path, linear(2))
    assert sorted(tmp_path.iterdir()) == [other, path]
    assert_equal_states(load(path, linear()).state_dict(), linear(2).state_dict())


@posix
def test_a_process_that_still_writes_is_left_alone(tmp_path):
    path = tmp_path / "weights.npz"
    process = writing(path)
    save(path, linear(2))
    assert_equal_states(load(path, linear()).state_dict(), linear(2).state_dict())
    assert len(list(tmp_path.iterdir())) == 2
    process.communicate("go on\n")
    assert process.returncode == 0
    assert_equal_states(load(path, linear()).state_dict(), linear(1).state_dict())
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("locks", ["none", "refused"])
def test_where_there_are_no_locks_files_are_complete_all_the_same(tmp_path, monkeypatch, locks):
    """As on Windows, and on some network drives. Nothing of another process is removed there."""

    def flock(*_):
        raise OSError("no locks available")

    refusing = SimpleNamespace(LOCK_EX=2, LOCK_NB=4, LOCK_SH=1, flock=flock)
    monkeypatch.setitem(sys.modules, "fcntl", None if locks == "none" else refusing)
    left = tmp_path / ".weights.npz.01234567.part"
    left.touch()
    for seed in (1, 2):
        save(tmp_path / "weights.npz", linear(seed))
        assert_equal_states(
            load(tmp_path / "weights.npz", linear()).state_dict(), linear(seed).state_dict()
        )
    assert sorted(tmp_path.iterdir()) == [left, tmp_path / "weights.npz"]


def test_threads_that_save_to_one_path_at_once(tmp_path):
    path, errors = tmp_path / "weights.npz", []

    def work(seed):
        try:
            for _ in range(10):
                save(path, linear(seed))
                load(path, linear())
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert list(tmp_path.iterdir()) == [path]


@posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444, 0o755])
def test_a_file_keeps_its_mode(tmp_path, mode):
    path = tmp_path / "weights.npz"
    path.touch()
    path.chmod(mode)
    save(path, linear())
    assert stat.S_IMODE(path.stat().st_mode) == mode
    load(path, linear())


@posix
@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_a_new_file_has_the_mode_that_umask_leaves(tmp_path, mask):
    former = os.umask(mask)
    try:
        save(tmp_path / "weights.npz", linear())
    finally:
        os.umask(former)
    assert stat.S_IMODE((tmp_path / "weights.npz").stat().st_mode) == 0o666 & ~mask


@posix
def test_secrets_are_not_readable_while_they_are_written(tmp_path, monkeypatch):
    path, modes, fsync = tmp_path / "weights.npz", [], os.fsync
    path.touch(0o600)
    path.chmod(0o600)
    monkeypatch.setattr(
        os, "fsync", lambda fd: (modes.append(stat.S_IMODE(os.fstat(fd).st_mode)), fsync(fd))
    )
    save(path, linear())
    assert modes == [0o600]


@posix
@pytest.mark.parametrize("exists", [True, False])
def test_a_symbolic_link_stays_one(tmp_path, exists):
    """Its target is replaced, in its own folder; of a dangling link, it is made."""
    (tmp_path / "runs").mkdir()
    target, link = tmp_path / "runs" / "7.npz", tmp_path / "latest.npz"
    if exists:
        save(target, linear())
    link.symlink_to(Path("runs") / "7.npz")
    save(link, linear(1))
    assert link.is_symlink()
    assert not target.is_symlink()
    assert_equal_states(load(target, linear()).state_dict(), linear(1).state_dict())
    assert [p.name for p in target.parent.iterdir()] == ["7.npz"]


def test_a_folder_is_not_replaced(tmp_path):
    (tmp_path / "weights.npz").mkdir()
    with pytest.raises(OSError, match=r"save: .*weights\.npz is a folder.* name of a file$"):
        save(tmp_path / "weights.npz", linear())
    assert [p.name for p in tmp_path.iterdir()] == ["weights.npz"]


def test_a_folder_that_is_not_there_is_named_and_no_temporary_file(tmp_path):
    with pytest.raises(FileNotFoundError) as error:
        save(tmp_path / "runs" / "weights.npz", linear())
    assert str(error.value.filename) == str(tmp_path / "runs")


@posix
@pytest.mark.parametrize("linked", [False, True])
def test_what_is_no_regular_file_is_not_replaced(tmp_path, linked):
    """A pipe stands for a device: root's save("/dev/null", ...) made a file of it."""
    path = pipe = tmp_path / "pipe.txt"
    os.mkfifo(pipe)
    if linked:
        path = tmp_path / "link.txt"
        path.symlink_to(pipe)
    w = Tensor([1.0], requires_grad=True)
    savers = lambda: save(path, linear()), lambda: optim.save(path, optim.GD([w], 0.1))
    for write in (*savers, lambda: tl.draw(w.sum()).save(path)):
        before = sorted(tmp_path.iterdir())
        with pytest.raises(OSError, match=rf"save: .*{path.name} is .*a pipe or a device"):
            write()
        assert sorted(tmp_path.iterdir()) == before
        assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.parametrize("ending", [".html", ".txt", ".dot"])
def test_a_picture_is_complete_or_as_it_was(tmp_path, monkeypatch, ending):
    graph = tl.draw((Tensor([1.0, 2.0], requires_grad=True, name="x") ** 2).sum())
    path = tmp_path / f"loss{ending}"
    assert graph.save(path) == path
    before = path.read_bytes()
    assert b"x" in before

    def crash(*_):
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", crash)
        with pytest.raises(OSError, match="no space left"):
            tl.draw(Tensor([1.0], requires_grad=True).sum()).save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
