"""Files that are whole or absent, also after a loss of power."""

import errno
import os

import pytest

from audiodet import files
from audiodet.files import atomic_path, remove_temporaries, write_text


@pytest.fixture
def calls(monkeypatch):
    """What is synced, and when a file gets its name, in order."""
    noted = []
    replace = os.replace

    def note_sync(number):
        noted.append(("sync", os.path.basename(os.readlink(f"/proc/self/fd/{number}"))))

    def note_replace(before, after):
        noted.append(("name", os.path.basename(after)))
        replace(before, after)

    monkeypatch.setattr(files.os, "fsync", note_sync)
    monkeypatch.setattr(files.os, "replace", note_replace)
    return noted


def test_a_file_is_on_disk_before_it_has_its_name(calls, tmp_path):
    write_text(tmp_path / "last_checkpoint", "model_final.pth")
    temporary = f".last_checkpoint.{os.getpid()}.tmp"
    assert calls == [("sync", temporary), ("name", "last_checkpoint"), ("sync", tmp_path.name)]


def test_what_is_checked_when_it_is_read_need_not_be(calls, tmp_path):
    with atomic_path(tmp_path / "a.npy", durable=False) as temporary:
        temporary.write_bytes(b"1")
    assert calls == [("name", "a.npy")]


def test_a_full_disk_names_the_file(tmp_path):
    with pytest.raises(OSError) as error:
        with atomic_path(tmp_path / "table.tsv"):
            raise OSError(errno.ENOSPC, "No space left on device")
    assert error.value.filename == str(tmp_path / "table.tsv") and not list(tmp_path.iterdir())


def test_only_what_was_left_over_is_removed(tmp_path):
    stay = [".hidden", "a.12.tmp", ".a.tmp", ".a.1x.tmp", "a.wav", ".git"]
    go = [".a.12.tmp.wav", ".table.4711.tmp.tsv", ".last_checkpoint.1.tmp", ".folder.3.old"]
    for name in (*stay, *go[:-1]):
        (tmp_path / name).touch()
    (tmp_path / go[-1] / "inside").mkdir(parents=True)
    remove_temporaries(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(stay)
