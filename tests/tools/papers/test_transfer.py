"""The songs of a size, and what is read from a training that has ended."""

import json

import sys
from argparse import Namespace

import pytest

import transfer as tool
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
    short = starts(tmp_path / "x.pt", coarse=False)
    assert short["audiodet_rare"].settings["INPUT.SPECTROGRAM.HOP"] == 80  # steps of 20 ms


def test_the_table_grows_and_what_is_done_is_not_trained_again(tmp_path, monkeypatch, capsys):
    done = []
    monkeypatch.setattr(tool, "soundbank_root", lambda: "")
    monkeypatch.setattr(tool, "load_soundbank", lambda root: None)
    monkeypatch.setattr(tool, "bank_task", lambda *args: Namespace(starts={"a": 1, "b": 2}))

    def train(task, size, start, folder):
        done.append((size, start, folder.name))
        return {"recordings": 3, "F1": 100.0 / size}

    monkeypatch.setattr(tool, "trained", train)
    arguments = ["transfer.py", "--output-dir", str(tmp_path), "--tasks", "bank"]
    for more in (["--sizes", "10", "--starts", "b"], ["--sizes", "20", "10"]):
        monkeypatch.setattr(sys, "argv", [*arguments, *more])
        tool.main(tool.parse_args())
    assert done == [(10, "b", "b_10"), (20, "a", "a_20"), (20, "b", "b_20"), (10, "a", "a_10")]
    lines = capsys.readouterr().out.splitlines()[-5:-1]
    assert [line.split("|")[2:6] for line in lines][0] == [
        "               10 ",
        " a       ",
        "            3 ",
        " 10.00 ",
    ]
    assert len(json.loads((tmp_path / "transfer.json").read_text())) == 4


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
