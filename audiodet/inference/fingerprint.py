"""Is a file still the one that was heard? Told without reading all of it, in most cases."""

import hashlib
import os

from audiodet.inference.reading import file_state

WHOLE = 1 << 20  # bytes of a file that is hashed as a whole
PARTS = 16  # of a longer one, of PART bytes each
PART = 1 << 16


def fingerprint(path: str, state: list[int]) -> list:
    """Bytes, time of change, inode, time of the inode's change (ns), hash of samples of the bytes.

    Args:
        state: :func:`file_state` before the file was read; where the file is another one by now,
            the result is that state alone, which nothing equals.
    """
    if file_state(path) != state:
        return state
    try:
        status = os.stat(path)
        return [*state, status.st_ino, status.st_ctime_ns, _digest(path, status.st_size)]
    except OSError:
        return state


def is_same(path: str, stored: list) -> bool:
    """Whether a file is the one of a fingerprint; one of an older version knows less.

    A file that was only copied or renamed, with its time of change, is compared by its hash.
    """
    if not stored or file_state(path) != stored[:2]:
        return False
    if len(stored) < 5:
        return os.path.exists(path)
    try:
        status = os.stat(path)
        if [status.st_ino, status.st_ctime_ns] == stored[2:4]:
            return True
        return _digest(path, status.st_size) == stored[4]
    except OSError:
        return False


def _digest(path: str, size: int) -> str:
    digest = hashlib.blake2b(digest_size=8)
    with open(path, "rb") as stream:
        if size <= WHOLE:
            digest.update(stream.read(WHOLE))
        else:
            for number in range(PARTS):
                stream.seek(number * (size - PART) // (PARTS - 1))
                digest.update(stream.read(PART))
    return digest.hexdigest()
