"""Files that are complete or as they were before; the state of a model or an optimizer in one."""

import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from io import BytesIO
from typing import Any, BinaryIO, TypeVar

import numpy as np

Owner = TypeVar("Owner")


def save(path: str | os.PathLike[str], owner: Any) -> None:
    """Write the ``state_dict()`` of a model or an optimizer to an .npz file, without pickle.

    Raises TypeError if it has no state, or one that is not made of numbers and text; OSError if the
    file cannot be written, or is no regular one. A former file is then still as it was.

    >>> from tempfile import TemporaryDirectory
    >>> from tinygrad_loss import Tensor, optim
    >>> with TemporaryDirectory() as folder:
    ...     save(f"{folder}/gd.npz", optim.GD([Tensor(1.0, requires_grad=True)], lr=0.1))
    ...     print(*np.load(f"{folder}/gd.npz"))
    optimizer lr
    """
    import zipfile  # here, as pathlib below: it takes longer to import than this library

    arrays: dict[str, Any] = {}
    for name, value in _state("save", path, owner).items():
        if isinstance(value, list) and any(hasattr(x, "shape") for x in value):
            arrays |= {f"{name}.{i}": x for i, x in enumerate(value)}
        else:
            arrays[name] = value
    with replacing(path) as file, zipfile.ZipFile(file, "w") as archive:
        for name, x in arrays.items():
            array = x.get() if hasattr(x, "get") else np.asarray(x)  # CuPy's come to the host
            if array.dtype.kind not in "biufU":
                raise TypeError(f"save: {name} is {x!r}; expected numbers or text")
            entry = zipfile.ZipInfo(f"{name}.npy")  # of a fixed date: equal arrays, equal files
            with archive.open(entry, "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def load(path: str | os.PathLike[str], owner: Owner) -> Owner:
    """Read what ``save`` wrote into a model or optimizer of the same kind and sizes; return it.

    Nothing in the file is evaluated. Raises FileNotFoundError if there is no such file; ValueError
    if it is damaged, not written by ``save``, or of another model or optimizer, and then nothing
    has been changed; TypeError if what it is to be read into has no state.

    >>> from tempfile import TemporaryDirectory
    >>> from tinygrad_loss import Tensor, optim
    >>> w = Tensor(1.0, requires_grad=True)
    >>> with TemporaryDirectory() as folder:
    ...     save(f"{folder}/gd.npz", optim.GD([w], lr=0.5))
    ...     print(load(f"{folder}/gd.npz", optim.GD([w], lr=0.1)))
    GD(1 parameters, 1 numbers, lr=0.5)
    """
    import zipfile

    own = _state("load", path, owner)
    arrays: dict[str, Any] = {}
    with open(os.fspath(path), "rb") as file:
        try:
            archive = zipfile.ZipFile(file)
            for entry in archive.infolist():
                if (name := entry.filename.removesuffix(".npy")) in arrays:
                    raise ValueError(f"it holds {name!r} twice")
                content = BytesIO(archive.read(entry))
                arrays[name] = array = np.lib.format.read_array(content, allow_pickle=False)
                if array.dtype.kind not in "biufU" or content.read(1):
                    raise ValueError(f"{name} is no array of numbers")
        except Exception as error:  # of any kind, such as MemoryError, when bytes are wrong
            damaged = f"{path} is damaged, or was not written by save"
            raise ValueError(f"load: {damaged}: {error}") from None
    state: dict[str, Any] = {}
    for name, array in arrays.items():
        if isinstance(own.get(group := name.rpartition(".")[0]), list):
            state.setdefault(group, []).append(array)
        else:
            state[name] = array if hasattr(own.get(name, array), "shape") else array.tolist()
    try:
        owner.load_state_dict(state)  # type: ignore[attr-defined]
    except (TypeError, ValueError) as error:
        reason = str(error).removeprefix("load_state_dict: ")
        raise ValueError(f"load: {path}: {reason}") from None
    return owner


def _state(what: str, path: Any, owner: Any) -> dict[str, Any]:
    if isinstance(owner, type) or not hasattr(owner, "load_state_dict"):
        if not isinstance(path, str | bytes | os.PathLike):
            raise TypeError(f"{what}: got {type(path).__name__} as path: the path comes first")
        what += f"({str(path)!r}, ...): got {type(owner).__name__}"
        raise TypeError(f"{what}; expected a model or an optimizer")
    return owner.state_dict()


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file that takes the place of ``path`` when all is written; on an error, nothing does.

    It is written beside it and then renamed, with the permissions of the former file; of a symbolic
    link, the target is replaced. All who write share a lock on the folder. Who gets it alone knows
    that the unfinished files of ``path`` are of processes that were killed, and removes them.
    """
    from glob import escape
    from pathlib import Path

    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():  # a device would be replaced by a file
        raise OSError(f"save: {path} is a folder, a pipe or a device; expected the name of a file")
    os.stat(target.parent)  # if there is none, the error should not name the temporary file
    temporary = target.with_name(f".{target.name}.{os.urandom(4).hex()}.part")
    with ExitStack() as at_end:
        with suppress(ImportError, OSError):  # where a folder has no lock, nothing is removed
            import fcntl

            folder = os.open(target.parent, os.O_RDONLY)
            at_end.callback(os.close, folder)
            with suppress(OSError):  # another is writing
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                for unfinished in target.parent.glob(f".{escape(target.name)}.????????.part"):
                    unfinished.unlink()
            fcntl.flock(folder, fcntl.LOCK_SH)
        with open(temporary, "xb") as file:
            at_end.callback(temporary.unlink, missing_ok=True)
            with suppress(FileNotFoundError):
                temporary.chmod(stat.S_IMODE(target.stat().st_mode))
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
