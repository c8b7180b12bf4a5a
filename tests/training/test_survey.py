"""What recordings hold, counted by hand."""

import pytest

from audiodet.errors import DataError
from audiodet.training.splits import read_splits
from audiodet.training.survey import survey
from tests.training.sounds import RATE, write_folder, write_recording


def looked_at(folder):
    return survey(read_splits(folder / "audio", folder / "labels"))


def write_labels(folder, name, rows):
    text = "filename\tonset\toffset\tevent_label\n"
    (folder / "labels").mkdir(exist_ok=True)
    (folder / "labels" / name).write_text(text + "".join("\t".join(row) + "\n" for row in rows))


@pytest.fixture
def by_hand(tmp_path):
    """Five events in train; two of "low" follow one another at once, one of "high" does not."""
    write_recording(tmp_path / "audio" / "a.wav", [], 10.0)
    write_recording(tmp_path / "audio" / "b.wav", [], 5.0)
    rows = [("0", "1", "low"), ("1.01", "2", "low"), ("2.005", "4", "high"), ("5", "6", "low")]
    write_labels(tmp_path, "train.tsv", [("a.wav", *row) for row in [*rows, ("7", "9", "high")]])
    write_labels(tmp_path, "val.tsv", [("b.wav", "1", "2", "low")])
    return tmp_path


def test_facts(by_hand):
    facts, _ = looked_at(by_hand)
    assert facts.labels == ("high", "low") and facts.kind == "strong"
    assert facts.lengths == pytest.approx([0.99, 1.0, 1.0, 1.995, 2.0])
    assert facts.touching == pytest.approx(1 / 5)
    assert facts.seconds("train") == 10.0 and facts.sample_rate == RATE
    assert facts.events["train"] == {"low": 3, "high": 2}
    assert "train: 1 recordings, 0.2 min, 5 events (2 high, 3 low)" in facts.lines()


def test_a_bad_recording_is_named_and_the_others_stay(by_hand):
    (by_hand / "audio" / "c.wav").write_bytes(b"RIFF no sound")
    table = by_hand / "labels" / "train.tsv"
    table.write_text(table.read_text() + "c.wav\t0\t1\tlow\n")
    facts, tables = looked_at(by_hand)
    assert list(facts.bad) == ["c.wav"] and list(tables["train"].clips()) == ["a.wav"]


def test_a_split_of_bad_recordings_is_refused(by_hand):
    (by_hand / "audio" / "b.wav").write_bytes(b"RIFF no sound")
    with pytest.raises(DataError, match="no usable recording in val"):
        looked_at(by_hand)


def test_times_in_milliseconds_are_seen(by_hand):
    write_labels(by_hand, "train.tsv", [("a.wav", "1000", "2000", "low")])
    with pytest.raises(DataError, match="milliseconds"):
        looked_at(by_hand)


def test_a_label_that_cannot_be_learned_is_refused(by_hand):
    write_labels(by_hand, "val.tsv", [("b.wav", "1", "2", "lwo")])
    with pytest.raises(DataError, match="val has labels lwo that train has not.*high, low"):
        looked_at(by_hand)


def test_kinds_are_not_mixed(tmp_path):
    write_folder(tmp_path, {"train": 2}, weak=True, seconds=1.0)
    write_folder(tmp_path, {"val": 2}, seconds=1.0)
    with pytest.raises(DataError, match="strong and weak labels"):
        looked_at(tmp_path)
