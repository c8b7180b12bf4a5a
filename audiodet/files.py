"""Writing files so that a reader never meets half of one."""

import os
from contextlib import contextmanager
from pathlib import Path

from audiodet.errors import AudiodetError


@contextmanager
def atomic_path(path: str | os.PathLike):
    """Yield a temporary path beside `path` that replaces it when the block ends well.

    The suffix is kept (writers that look at it work), missing folders are made, and after an
    error the temporary file is gone and `path` is as it was.

    Raises:
        AudiodetError: the folder cannot be made or written to.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.touch()
    except OSError as error:
        raise AudiodetError(
            f"{path.parent}: cannot be written to ({error.strerror}), expected a folder in which "
            "this user may make files"
        ) from error
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write `text` to `path` as UTF-8, whole or not at all; see :func:`atomic_path`."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
