"""tools/torture.py: its small version finds nothing, and what is broken is found."""

import random

import pytest
from tortures import recordings
from tortures.mutations import mutated
from tortures.result import Result

import torture


@pytest.mark.parametrize("kind", ["recordings", "texts", "names", "streams", "files"])
def test_the_small_version_finds_nothing(kind, tmp_path, capsys):
    assert torture.main([kind, "--small", "--output-dir", str(tmp_path)]) == 0
    said = capsys.readouterr()
    cells = [cell.strip() for cell in said.out.splitlines()[2].split("|")]
    assert int(cells[2]) >= 6 and cells[3] == "0", said


def test_kills_of_detect(tmp_path, capsys):
    assert torture.main(["detect", "--small", "--output-dir", str(tmp_path)]) == 0
    assert "brought to their end" in capsys.readouterr().out


def test_a_seed_mutates_the_same():
    data = bytes(range(256)) * 10
    made = [[mutated(data, random.Random(seed)) for _ in range(3)] for seed in (1, 1, 2)]
    assert made[0] == made[1] != made[2] and data not in made[0]


def test_what_is_broken_is_found(tmp_path, monkeypatch, capsys):
    """A reader that dies of damaged files, and one that needs too much memory."""

    def broken(path, *options):
        if path.endswith(".flac"):
            raise IndexError("list index out of range")
        return [bytearray(2 << 30)] if path.endswith(".ogg") else []

    monkeypatch.setattr(recordings, "read_blocks", broken)
    assert torture.main(["recordings", "--small", "--output-dir", str(tmp_path)]) == 1
    said = capsys.readouterr()
    assert "IndexError: list index out of range" in said.err and "MemoryError" in said.err
    assert list((tmp_path / "recordings").glob("*.flac"))


def test_a_try_is_counted():
    result = Result("kind")
    result.expect(True, "good")
    result.expect(False, "bad")
    result.expect(False, "a condition of tries", tries=0)
    assert result.tries == 2 and result.failures == ["bad", "a condition of tries"]
