"""Which recordings train, validate and test."""

import pytest

from audiodet.data.labels.table import read_table
from audiodet.errors import DataError
from audiodet.data.labels.writing import write_table
from audiodet.training.splits import named_splits, read_splits
from tests.training.sounds import write_folder


@pytest.fixture
def folder(tmp_path):
    return write_folder(tmp_path, {"train": 4, "valid": 2, "eval": 2}, seconds=1.0)


def test_names_of_files_are_splits(folder):
    tables = read_splits(folder / "audio", folder / "labels")
    assert list(tables) == ["train", "val", "test"]
    assert [len(table.clips()) for table in tables.values()] == [4, 2, 2]


def test_other_names_are_none(tmp_path):
    """A recorder called "train" is no split."""
    for name in ("train_station.txt", "test 1.txt", "latest.tsv", "contest.tsv"):
        (tmp_path / name).touch()
    assert named_splits(tmp_path) == {}


def test_two_files_of_one_split_are_refused(folder):
    (folder / "labels" / "validation.csv").touch()
    with pytest.raises(DataError, match="valid.tsv and validation.csv are all of the val split"):
        named_splits(folder / "labels")


def test_a_test_split_alone_is_refused(folder):
    (folder / "labels" / "train.tsv").unlink()
    with pytest.raises(DataError, match="holds valid.tsv, eval.tsv and no labels to train on"):
        read_splits(folder / "audio", folder / "labels")


def test_a_recording_in_two_splits_is_refused(folder):
    table = folder / "labels" / "eval.tsv"
    table.write_text(table.read_text() + "train0.wav\t0.1\t0.2\tlow\n")
    with pytest.raises(DataError, match="train0.wav is in train and test"):
        read_splits(folder / "audio", folder / "labels")


def test_what_is_written_reads_the_same(folder, tmp_path):
    table = read_splits(folder / "audio", folder / "labels")["train"]
    write_table(tmp_path / "again.tsv", table)
    assert read_table(tmp_path / "again.tsv").events() == table.events()
