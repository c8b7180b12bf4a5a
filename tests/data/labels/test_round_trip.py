"""What `audiodet detect` writes, in each of its formats, is read again: the same events."""

import os
import shutil

import numpy as np
import pytest
import soundfile as sf

from audiodet.data.labels.reading import read_labels
from audiodet.data.labels.rows import LabelTable, Row
from audiodet.data.labels.writing import write_table
from audiodet.events import Detection, Event
from audiodet.inference.formats import FORMATS, Origin
from audiodet.names import unique_names
from audiodet.inference.inputs import collect
from audiodet.inference.outputs import write_all, write_report

NAMES = [
    "a.wav",
    "a_2.wav",
    "sub folder/a.flac",
    'tab\there, "quoted".wav',
    "line\nend.wav",
    "b\udcff.wav",
    "back\\slash.wav",
    "z/ü.wav",
    "z/long" + "x" * 240 + ".wav",
]
EVENTS = {
    "a.wav": [
        Event(0.123, 1.5, "dog", 0.9876, 400.0, 1200.5),
        Event(0.5, 2.25, "cat, big", 0.5, 100.0, 200.0),
    ],
    "sub folder/a.flac": [Event(0.001, 1.0, "dog", 1.0, 50.0, 8000.0)],
    'tab\there, "quoted".wav': [Event(2.0, 3.0, '"dog"s', 0.25, 50.0, 8000.0)],
    "line\nend.wav": [Event(1.0, 2.0, "dog", 0.75, 50.0, 8000.0)],
    "b\udcff.wav": [Event(1.0, 2.0, "dog", 0.75, 50.0, 8000.0)],
    "back\\slash.wav": [Event(1.0, 2.0, "cat", 0.75, 50.0, 8000.0)],
    "z/ü.wav": [Event(1.5, 2.0, "dög", 0.125, 50.0, 8000.0)],
    "z/long" + "x" * 240 + ".wav": [Event(1.5, 2.0, "dog", 0.125, 50.0, 8000.0)],
}
HOLDS_SCORES = {"tsv", "csv", "jsonl", "raven", "rttm", "parquet"}
HOLDS_BANDS = {"jsonl", "raven", "audacity"}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A folder with recordings of 3 s, one of them without events, and out/ in every format."""
    folder = tmp_path_factory.mktemp("run")
    sf.write(folder / "silence.wav", np.zeros(24000), 8000)
    for name in NAMES:
        path = folder / "audio" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / "silence.wav", path)
    paths, _ = collect([str(folder / "audio")])
    assert len(paths) == len(NAMES)
    origin = Origin("m", 50.0, 8000.0, {}, unique_names(paths))

    def recordings():
        for path in paths:
            name = os.path.relpath(path, folder / "audio")
            yield Detection(path, sorted(EVENTS.get(name, [])), 3.0)

    for name in FORMATS:
        write_all(folder / name, [name], recordings, origin)
        write_report(folder / name, {"model": "m"}, [("broken.wav", "0 bytes")])
    return folder


def expected(name):
    """The events as far as a format can hold them."""
    found = {}
    for path in NAMES:
        found[path] = []
        for event in EVENTS.get(path, []):
            if name not in HOLDS_SCORES:
                event = event._replace(score=1.0)
            if name not in HOLDS_BANDS:
                event = event._replace(low_hz=None, high_hz=None)
            if name == "rttm":
                event = event._replace(label=event.label.replace(" ", "_"))
            found[path].append(event)
    return found


def rounded(events):
    digits = {"onset": 6, "offset": 6, "score": 6}
    found = {}
    for path, items in events.items():
        found[path] = []
        for event in items:
            values = {name: round(getattr(event, name), n) for name, n in digits.items()}
            found[path].append(event._replace(**values))
    return found


# "audacity-scores" has the score in each label, for the eye.
@pytest.mark.parametrize("name", sorted(set(FORMATS) - {"audacity-scores"}))
def test_out_in_equal(name, run):
    """Also the folder of a run is labels; recordings without events are said to have none."""
    table = read_labels(run / name, run / "audio", negatives=True)
    assert table.problems == []
    assert rounded(table.events()) == expected(name)
    if name in ("tsv", "csv", "audacity", "parquet"):  # these list recordings without events
        assert not any("without labels" in note for note in table.notes)


@pytest.mark.parametrize("name", FORMATS)
def test_in_out_in_equal(name, run, tmp_path):
    """The imported table holds what the other format held."""
    table = read_labels(run / name, run / "audio", negatives=True)
    write_table(tmp_path / "labels.tsv", table)
    again = read_labels(tmp_path / "labels.tsv", run / "audio")
    assert again.events() == table.events() and again.format == "DESED TSV"
    assert not again.problems


def test_a_label_in_quotes_and_a_column_of_groups(run, tmp_path):
    row = Row(0, "a.wav", ('"dog"',), 0.1, 0.3, group="site 1")
    write_table(tmp_path / "labels.tsv", LabelTable("x", "strong", [row]))
    text = (tmp_path / "labels.tsv").read_text()
    assert text.splitlines()[1] == 'a.wav\t0.1\t0.3\t"""dog"""\tsite 1'
    (again,) = read_labels(tmp_path / "labels.tsv", run / "audio").rows
    assert (again.labels, again.group) == (row.labels, row.group)
    weak = LabelTable("x", "weak", [Row(0, "a.wav", ("dog, big",))])
    with pytest.raises(ValueError, match="label 'dog, big', expected one without a comma"):
        write_table(tmp_path / "labels.tsv", weak)


def test_all_formats_of_a_run_at_once_are_refused(run, tmp_path):
    for name in ("tsv", "csv"):
        for file in (run / name).glob("audiodet_events*"):
            (tmp_path / file.name).write_bytes(file.read_bytes())
    with pytest.raises(ValueError, match="mixed formats, comma CSV .*, DESED TSV .*; expected one"):
        read_labels(tmp_path, run / "audio")


def test_a_run_without_any_event(run, tmp_path):
    def nothing():
        return iter([Detection("a.wav", [], 3.0)])

    origin = Origin("m", 50.0, 8000.0, {}, {"a.wav": "a"})
    for name in FORMATS:
        write_all(tmp_path / name, [name], nothing, origin)
        table = read_labels(tmp_path / name, run / "audio")
        assert table.events() in ({}, {"a.wav": []}), name
