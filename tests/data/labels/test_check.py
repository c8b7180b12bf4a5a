"""`audiodet data check`: every mistake is listed, and the exit code says whether to train."""

import shutil

import numpy as np
import pytest
import soundfile as sf
from detectron2.data import DatasetCatalog, MetadataCatalog

from audiodet import __version__, cli
from audiodet.data.labels.check import check_dataset, check_tsv
from audiodet.data.datasets import register_tsv
from audiodet.data.labels.split_report import find_leaks, format_reports
from audiodet.errors import DataError

HEADER = "filename\tonset\toffset\tevent_label\n"
GOOD = HEADER + "a.wav\t0.5\t1.0\tdog\nb.wav\t0\t2\tdog\nb.wav\t1\t1.8\tcar\n"


@pytest.fixture
def data(tmp_path, monkeypatch):
    """Working directory with audio/{a,b,c}.wav of 2 s, each different; writes tables."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "audio").mkdir()
    for number, name in enumerate("abc"):
        noise = np.random.default_rng(number).uniform(-0.1, 0.1, 16000)
        sf.write(f"audio/{name}.wav", noise, 8000)

    def write(text, name="labels.tsv"):
        (tmp_path / name).write_text(text)
        return name

    return write


def test_a_sound_split(data):
    report = check_tsv(data(GOOD + "c.wav\n"), "audio", ["dog", "car"])
    assert not report.errors and not report.warnings
    assert report.negatives == 1  # said in the report, and no mistake
    assert (report.clips, report.seconds, report.events) == (3, 6.0, {"dog": 2, "car": 1})
    assert report.durations["dog"] == [0.5, 2.0]
    text, sound = format_reports([report])
    assert sound and "dog: 2 events, min / median / max 0.50 / 1.25 / 2.00 s" in text


def test_a_recording_of_any_readable_format_that_is_not_listed(data):
    for name in ("extra.aiff", "extra.W64"):
        kind = "AIFF" if name.endswith("aiff") else "W64"
        sf.write(f"audio/{name}", np.full(16000, 0.1), 8000, format=kind)
    report = check_tsv(data(GOOD), "audio", ["dog", "car"])
    others = report.warnings["in the folder but not listed, not used"]
    assert others == ["c.wav", "extra.W64", "extra.aiff"]


def test_every_mistake_is_listed_in_one_go(data):
    shutil.copy("audio/a.wav", "audio/copy.wav")
    sf.write("audio/nan.wav", np.full(8000, np.nan), 8000, subtype="FLOAT")
    content = open("audio/c.wav", "rb").read()
    open("audio/cut.wav", "wb").write(content[:1000])
    rows = """a.wav\t1\t0.5\tdog
a.wav\tx\t1\tdog
a.wav\t0\t1\tcat
a.wav\t0\t1\tdog
a.wav\t0\t1\tdog
./a.wav\t1\t2.04\tdog
copy.wav\t0\t2.2\tdog
gone.wav\t0\t1\tdog
nan.wav\t0\t1\tdog
cut.wav\t0\t1\tdog
b.wav
"""
    report = check_tsv(data(HEADER + rows), "audio", ["dog", "car"])
    assert {kind: len(found) for kind, found in report.errors.items()} == {
        "bad row": 2,
        "unknown label": 1,
        "missing file": 1,
        "unreadable file": 2,
        "label outside the clip": 1,
    }
    assert report.errors["bad row"][0].startswith("line 2: a.wav: onset 1 and offset 0.5 s")
    assert report.errors["unknown label"] == ["line 4: unknown label cat, expected one of dog, car"]
    assert report.errors["missing file"] == ["audio/gone.wav"]
    assert "8000 NaN" in report.errors["unreadable file"][0]
    assert "truncated" in report.errors["unreadable file"][1]
    assert report.errors["label outside the clip"][0].startswith("line 8: event 0 to 2.2 s in copy")
    assert dict(report.warnings) == {
        "repeated row": ["line 5: a.wav: dog 0 to 1 s"],
        "label ends after the clip": ["line 7: a.wav: dog 1 to 2.04 s is cut to 2.000 s"],
        "duplicate": ["audio/copy.wav has the bytes of audio/a.wav"],
        "in the folder but not listed, not used": ["c.wav"],
        "label that never occurs": ["car"],
    }
    assert "one recording is named a.wav and ./a.wav" in report.notes
    text, sound = format_reports([report])
    assert not sound and text.endswith("7 errors: training on this data would be wrong")


def test_long_lists_are_capped_but_counted(data):
    rows = "".join(f"gone{number}.wav\t0\t1\tdog\n" for number in range(9))
    text, _ = format_reports([check_tsv(data(HEADER + rows + "a.wav\n"), "audio")])
    assert "error: missing file (9)" in text and "... and 4 more" in text
    assert "gone4.wav" in text and "gone5.wav" not in text


def test_weak_labels_are_counted_per_clip(data):
    report = check_tsv(data("filename\tevent_labels\na.wav\tdog,car\nb.wav\tdog\n"), "audio")
    assert report.kind == "weak" and report.events == {"dog": 2, "car": 1}
    assert not report.errors and "dog: 2 clips" in format_reports([report])[0]


def test_what_training_refuses_is_an_error(data):
    """A clip below one analysis window, and in a training split a label without an event."""
    for name, samples in (("short", 2047), ("enough", 2048)):
        sf.write(f"audio/{name}.wav", np.zeros(samples), 44100)
    table = data(HEADER + "short.wav\nenough.wav\na.wav\t0\t1\tdog\n")
    report = check_tsv(table, "audio", ["dog", "car"], "my_train")
    assert report.errors.pop("too short") == [
        "audio/short.wav: 2047 samples at 44100 Hz, expected at least 0.046 s (one analysis "
        "window: 2048 samples at 44100 Hz)"
    ]
    assert report.errors == {"label that never occurs": ["car"]}
    text, sound = format_reports([report])
    assert not sound and "error: label that never occurs (1)" in text
    val = check_tsv(table, "audio", ["dog", "car"], "restrained/my_val")
    assert list(val.errors) == ["too short"]
    assert val.warnings["label that never occurs"] == ["car"]


def test_a_dataset_whose_labels_are_known_when_it_is_loaded(synthetic_bank, monkeypatch):
    monkeypatch.setenv("AUDIODET_SOUNDBANK", synthetic_bank)
    report = check_dataset("rare_quick_val")
    assert not report.errors and set(report.events) == {"babycry", "glassbreak", "gunshot"}
    assert report.clips == 90


@pytest.mark.parametrize(
    "text, kind", [(HEADER, "empty split"), ("filename\tonset\n", "label table")]
)
def test_a_split_that_holds_nothing(data, text, kind):
    assert list(check_tsv(data(text), "audio").errors) == [kind]


def test_a_recording_in_two_splits(data):
    shutil.copy("audio/a.wav", "audio/renamed.wav")
    train = check_tsv(data(GOOD), "audio", name="train")
    other = check_tsv(data(HEADER + "renamed.wav\nc.wav\n", "other.tsv"), "audio", name="val")
    assert find_leaks([train, other]) == ["train and val: audio/a.wav and audio/renamed.wav"]
    assert format_reports([train])[1] and format_reports([other])[1]
    text, sound = format_reports([train, other])
    assert not sound and "error: in two splits (1)" in text


def test_registered_datasets(data):
    def broken():
        raise DataError("no tree here")

    def clips():
        note = {"bbox": [1.0, 0.0, 9.0, 1.0], "category_id": 0, "iscrowd": 0}
        clip = {"file_name": "audio/a.wav", "width": 2.0, "label_kind": "strong"}
        rendered = {**clip, "file_name": "no file", "recipe": {}, "width": 10.0}
        return [{**clip, "annotations": [note]}, {**rendered, "annotations": [note]}]

    names = ["test_check_table", "test_check_broken", "test_check_dicts"]
    try:
        register_tsv(names[0], data(GOOD), "audio")
        for name, loader in zip(names[1:], (broken, clips)):
            DatasetCatalog.register(name, loader)
            MetadataCatalog.get(name).set(thing_classes=["dog"], evaluator_type="sed")
        table, failed, dicts = map(check_dataset, names)
    finally:
        for name in names:
            DatasetCatalog.remove(name)
            MetadataCatalog.remove(name)
    assert not table.errors and table.events == {"dog": 2, "car": 1}
    assert failed.errors["loading"] == ["no tree here"]
    assert (dicts.clips, dicts.seconds) == (2, 12.0)
    assert list(dicts.errors) == ["label outside the clip"]
    outside = "event 1 to 9 s in audio/a.wav, expected inside the clip's 2.000 s"
    assert dicts.errors["label outside the clip"] == [outside]


def test_command_line(data, capsys):
    data(GOOD)
    assert cli.main(["data", "check", "--tsv", "labels.tsv", "--audio", "audio"]) == 0
    assert "labels.tsv: 2 clips (strong), 4.0 s" in capsys.readouterr().out
    assert cli.main(["data", "check", "all=labels.tsv:audio", "--labels", "dog"]) == 1
    assert "unknown label car, expected one of dog" in capsys.readouterr().out
    assert cli.main(["data", "check", "one=labels.tsv:audio", "two=labels.tsv:audio"]) == 1
    assert "one and two: audio/a.wav and audio/a.wav" in capsys.readouterr().out


def test_exit_codes(data, capsys, monkeypatch):
    assert cli.main(["data", "check", "no_such_dataset"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: no_such_dataset: no such dataset, expected one of ")
    assert error.count("\n") == 1 and len(error) < 300
    assert cli.main(["data", "check", "rare_mini_fold0_trian"]) == 1
    assert "expected one of rare_mini_fold0_train, " in capsys.readouterr().err
    for wrong in ([], ["data", "check"], ["data", "check", "--tsv", "x"], ["nonsense"]):
        with pytest.raises(SystemExit) as stop:
            cli.main(wrong)
        assert stop.value.code == 2
    with pytest.raises(SystemExit) as stop:
        cli.main(["--version"])
    assert stop.value.code == 0 and capsys.readouterr().out == f"audiodet {__version__}\n"

    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr("audiodet.cli.doctor.main", interrupt)
    assert cli.main(["doctor"]) == 130
