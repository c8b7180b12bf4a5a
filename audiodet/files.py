"""Writing files so that a reader never meets half of one."""

import errno
import glob
import os
import re
import shutil
from contextlib import contextmanager, suppress
from pathlib import Path

from audiodet.errors import AudiodetError

TEMPORARY = re.compile(r"^\..*\.\d+\.(tmp|old)(\.\w+)?$")  # names of what is not whole yet


@contextmanager
def atomic_path(path: str | os.PathLike, durable: bool = True):
    """Yield a temporary path beside `path` that replaces it when the block ends well.

    The suffix is kept (writers that look at it work), missing folders are made, and after an
    error the temporary file is gone and `path` is as it was.

    Args:
        durable: the file is on disk before it gets its name, so that a loss of power cannot leave
            an empty one; not for files that are checked when they are read.

    Raises:
        AudiodetError: the folder cannot be made or written to.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.touch()
    except OSError as error:
        raise _not_writable(path.parent, error) from error
    try:
        yield temporary
        if durable:
            _to_disk(temporary)
        os.replace(temporary, path)
        if durable:
            _to_disk(path.parent)
    except OSError as error:
        error.filename = error.filename or str(path)  # a full disk names no file
        raise
    finally:
        temporary.unlink(missing_ok=True)


def _not_writable(folder: Path, error: OSError) -> AudiodetError:
    return AudiodetError(
        f"{folder}: cannot be written to ({error.strerror}), expected a folder in which this user "
        "may make files"
    )


def _to_disk(path: Path) -> None:
    """Make sure that a file, or the names in a folder, outlast a loss of power."""
    try:
        number = os.open(path, os.O_RDONLY)
    except PermissionError:  # a folder in which one may write, but not look
        return
    try:
        os.fsync(number)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # a file system that cannot
            raise
    finally:
        os.close(number)


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write `text` to `path` as UTF-8, whole or not at all; see :func:`atomic_path`."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextmanager
def atomic_folder(path: str | os.PathLike):
    """Yield a temporary folder beside `path` that takes its place when the block ends well.

    What earlier processes that were killed left of theirs is removed first.

    Raises:
        AudiodetError: the folder cannot be made.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    old = path.with_name(f".{path.name}.{os.getpid()}.old")
    try:
        _clear_leftovers(path)
        temporary.mkdir(parents=True)
    except OSError as error:
        raise _not_writable(path.parent, error) from error
    try:
        yield temporary
        with suppress(FileNotFoundError):
            os.replace(path, old)
        os.replace(temporary, path)
        _to_disk(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _clear_leftovers(path: Path) -> None:
    """Remove temporary folders of :func:`atomic_folder` whose process is gone."""
    for ending in ("tmp", "old"):
        for folder in path.parent.glob(f".{glob.escape(path.name)}.*.{ending}"):
            process = folder.name.split(".")[-2]
            if process.isdigit() and not Path("/proc", process).exists():
                shutil.rmtree(folder, ignore_errors=True)


def remove_temporaries(folder: str | os.PathLike) -> None:
    """Remove what killed processes left of this module's files; for a folder's only writer."""
    for path in Path(folder).glob(".*"):
        if not TEMPORARY.search(path.name):
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
