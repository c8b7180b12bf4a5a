"""The songs of a size, and what is read from a training that has ended."""

import json

import pytest

from audiodet.errors import DataError
from audiodet.evaluation.clips import ClipResult, save_clips
from audiodet.events import Event
from papers.transfer import Start, Task, _songs, starts, trained


def rows(*songs):
    return [f"{n}.wav\t0.0\t0.1\t{label}" for n, song in enumerate(songs) for label in song]


def test_songs_until_every_syllable_is_there_often_enough():
    table = rows("ab", "abb", "aab", "ab")
    assert _songs(table, 2) == {"0.wav", "1.wav"}
    assert _songs(table, 4) == {"0.wav", "1.wav", "2.wav"}
    with pytest.raises(DataError, match="less than 9 times"):
        _songs(table, 9)


def test_starts_differ_in_their_weights(tmp_path):
    known = starts(tmp_path / "x.pt", coarse=True)
    assert str(tmp_path / "x.pt") in known["AudioSet"].pairs
    assert known["audiodet_rare"].config == known["AudioSet"].config == "pretrained"
    assert known["scratch"].pairs[:2] == ("SOLVER.MAX_ITER", "400")


def test_a_training_that_is_done_is_only_read(tmp_path):
    labels, output = tmp_path / "labels", tmp_path / "out"
    labels.mkdir()
    (labels / "train.tsv").write_text("\n".join(["filename\tonset", *rows("aa", "a")]) + "\n")
    (output / "test").mkdir(parents=True)
    (output / "model.safetensors").write_text("")
    scores = {"labels": ["a"], "sed": {"F1": 50.0, "ER": 1.0}}
    (output / "test" / "metrics.json").write_text(json.dumps(scores))
    found = [Event(1.0, 2.0, "a", 0.2), Event(5.0, 6.0, "a", 0.1)]
    clip = ClipResult("x", 10.0, [Event(1.0, 2.0, "a")], found, None, "x")
    save_clips([clip], output / "test" / "clips.jsonl")
    task = Task(tmp_path, {1: labels}, {"s": Start("fine", 1, {"TEST.COLLAR": 0.5})})
    figures = trained(task, 1, "s", output)
    assert figures == {"recordings": 2, "F1": 50.0, "ER": 1.0, "best F1": 100.0}
