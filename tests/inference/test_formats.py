"""Each format, read back by what others read it with."""

import csv
import io
import json
import os
from dataclasses import replace

import pytest

from audiodet.data.labels.table import read_table
from audiodet.inference.formats import FORMATS, TEXT_FORMATS, Origin
from audiodet.names import unique_names
from audiodet.inference.outputs import write_all
from audiodet.names import decodable
from audiodet.events import Detection, Event

ORIGIN = Origin("rcrnn_rare", 50.0, 8000.0, {"model": "rcrnn_rare", "window": 30.0}, {})
NAMES = ["a.wav", "sub folder/a.flac", 'tab\there, "quoted".wav', "line\nend.wav", "b\udcff.wav"]
EVENTS = [
    [Event(0.1234567, 1.5, "dog", 0.98765), Event(0.5, 2.25, "cat bird", 0.5)],
    [],
    [Event(0.0, 1.0, "dog", 1.0)],
    [Event(2.0, 3.0, "dog", 0.25)],
    [Event(1.0, 2.0, "dog", 0.75)],
]
SHOWN = ["a.wav", "sub folder/a.flac", 'tab\\there, "quoted".wav', "line\\nend.wav", "b\\xff.wav"]


@pytest.fixture
def written(tmp_path):
    """Recordings of 10 s with odd names, in every format."""
    origin = replace(ORIGIN, names=unique_names(NAMES))

    def recordings():
        return (Detection(p, e, 10.0) for p, e in zip(NAMES, EVENTS))

    assert len(write_all(tmp_path, FORMATS, recordings, origin)) == len(FORMATS) == 8
    return tmp_path


def test_tsv_is_a_label_table(written):
    table = read_table(written / "audiodet_events.tsv")
    assert table.problems == [] and table.kind == "strong"
    assert [row.filename for row in table.rows] == [SHOWN[i] for i in (0, 0, 1, 2, 3, 4)]
    assert table.rows[0].onset == 0.123 and table.rows[0].labels == ("dog",)
    assert table.rows[2].onset is None  # a recording without events
    header, first = open(written / "audiodet_events.tsv").read().splitlines()[:2]
    assert header == "filename\tonset\toffset\tevent_label\tscore"
    assert first == "a.wav\t0.123\t1.500\tdog\t0.9877"


def test_csv_has_the_same_cells(written):
    tsv = [line.split("\t") for line in open(written / "audiodet_events.tsv").read().splitlines()]
    assert list(csv.reader(io.StringIO((written / "audiodet_events.csv").read_text()))) == tsv


def test_json_lines_carry_model_and_parameters(written):
    lines = [json.loads(line) for line in open(written / "audiodet_events.jsonl", encoding="utf-8")]
    assert len(lines) == 5 and lines[3]["filename"] == "line\nend.wav"
    assert lines[0] == {
        "filename": "a.wav",
        "onset": 0.1234567,
        "offset": 1.5,
        "event_label": "dog",
        "score": 0.98765,
        "low_hz": 50.0,
        "high_hz": 8000.0,
        "model": "rcrnn_rare",
        "parameters": {"model": "rcrnn_rare", "window": 30.0},
    }


def test_raven_times_run_on_and_offsets_do_not(written):
    text = (written / "audiodet_selections.txt").read_text()
    lines = [line.split("\t") for line in text.splitlines()]
    table = [dict(zip(lines[0], line)) for line in lines[1:]]
    assert lines[0] == [
        "Selection",
        "View",
        "Channel",
        "Begin Time (s)",
        "End Time (s)",
        "Low Freq (Hz)",
        "High Freq (Hz)",
        "Begin Path",
        "File Offset (s)",
        "Event Label",
        "Score",
    ]
    assert [row["Selection"] for row in table] == ["1", "2", "3", "4", "5"]
    starts = [0, 0, 20, 30, 40]  # the second recording has no events but 10 s
    for row, start, event in zip(table, starts, sum(EVENTS, [])):
        assert float(row["Begin Time (s)"]) == pytest.approx(start + event.onset, abs=6e-4)
        assert float(row["End Time (s)"]) == pytest.approx(start + event.offset, abs=6e-4)
        assert float(row["File Offset (s)"]) == pytest.approx(event.onset, abs=6e-4)
        assert (row["Low Freq (Hz)"], row["High Freq (Hz)"]) == ("50.0", "8000.0")
        assert row["Begin Path"].startswith("/")


def test_rttm_has_ten_fields_and_durations(written):
    lines = [line.split() for line in open(written / "audiodet_events.rttm")]
    assert {len(line) for line in lines} == {10}
    assert lines[0] == "SPEAKER a 1 0.123 1.377 <NA> <NA> dog 0.9877 <NA>".split()
    assert lines[1][7] == "cat_bird"
    assert len({line[1] for line in lines}) == 4


def test_audacity_has_a_track_per_recording(written):
    folder = written / "audiodet_labels"
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        f"{name}.txt" for name in unique_names(NAMES).values()
    )
    assert (folder / "a.txt").read_text() == "0.123\t1.500\tdog\n0.500\t2.250\tcat bird\n"
    assert (folder / "a_2.txt").read_text() == ""


def test_parquet(written):
    pq = pytest.importorskip("pyarrow.parquet")
    table = pq.read_table(written / "audiodet_events.parquet")
    assert table.column_names == ["filename", "onset", "offset", "event_label", "score"]
    rows = table.to_pylist()
    assert rows[0] == {
        "filename": "a.wav",
        "onset": 0.1234567,
        "offset": 1.5,
        "event_label": "dog",
        "score": 0.98765,
    }
    assert rows[2]["filename"] == "sub folder/a.flac" and rows[2]["onset"] is None
    assert table.schema.metadata[b"model"] == b"rcrnn_rare"


@pytest.mark.parametrize("name", TEXT_FORMATS)
def test_a_row_is_one_line_whatever_a_file_is_called(name, written):
    path = written / TEXT_FORMATS[name].file
    for file in [path] if path.is_file() else path.iterdir():
        for line in file.read_bytes().decode("utf-8").split("\n"):
            assert all(c.isprintable() or c == "\t" for c in line)


def test_names_are_unique_and_blank_free():
    names = unique_names(["x/a.wav", "y/a.wav", "a_2.wav", "a b.wav", "a\tb.wav", " .wav"])
    assert len(set(names.values())) == 6
    assert names["x/a.wav"] == "a" and names["y/a.wav"] == "a_2" and names["a b.wav"] == "a_b"
    assert not any(set(name) & set(" \t\n/") for name in names.values())


def test_long_names_are_cut_and_numbered(tmp_path):
    """A byte that is no UTF-8 is written as four, more than the name of a file may have."""
    odd = "\udcff" * 240
    paths = [f"x/{odd}.wav", f"y/{odd}.wav", "鳥" * 80 + ".wav", "ä.wav"]
    names = unique_names(paths)
    assert [len(name.encode()) for name in names.values()] == [200, 202, 198, 2]

    def recordings():
        return (Detection(path, [], 1.0) for path in paths)

    write_all(tmp_path, ["audacity"], recordings, replace(ORIGIN, names=names))
    assert len(list((tmp_path / "audiodet_labels").iterdir())) == 4


def test_frequencies_of_an_event_go_where_a_format_has_them(tmp_path):
    """A mask's frequencies in Raven, JSON and Audacity; all that the model hears otherwise."""
    events = [Event(0.5, 1.5, "dog", 0.9, 400.0, 1200.5), Event(2.0, 3.0, "cat", 0.8)]

    def recordings():
        return [Detection("a.wav", events, 10.0)]

    write_all(tmp_path, FORMATS, recordings, replace(ORIGIN, names={"a.wav": "a"}))
    raven = (tmp_path / "audiodet_selections.txt").read_text()
    header, *rows = [line.split("\t") for line in raven.splitlines()]
    columns = [header.index(name) for name in ("Low Freq (Hz)", "High Freq (Hz)")]
    assert [[row[c] for c in columns] for row in rows] == [["400.0", "1200.5"], ["50.0", "8000.0"]]
    lines = [
        json.loads(line) for line in open(tmp_path / "audiodet_events.jsonl", encoding="utf-8")
    ]
    assert [(line["low_hz"], line["high_hz"]) for line in lines] == [
        (400.0, 1200.5),
        (50.0, 8000.0),
    ]
    track = (tmp_path / "audiodet_labels" / "a.txt").read_text()
    assert track == "0.500\t1.500\tdog\n\\\t400.0\t1200.5\n2.000\t3.000\tcat\n"


def test_short_names_are_explained(written):
    """Audacity's files and RTTM's identifiers, by a table that any reader of TSV reads."""
    lines = (written / "audiodet_names.tsv").read_text(encoding="utf-8").splitlines()
    table = dict(line.split("\t") for line in lines[1:])
    assert lines[0] == "name\tfilename" and list(table.values()) == SHOWN
    assert {f"{name}.txt" for name in table} == {
        path.name for path in (written / "audiodet_labels").iterdir()
    }
    for line in (written / "audiodet_events.rttm").read_text().splitlines():
        assert table[line.split()[1]] in SHOWN


def test_no_names_where_none_are_short(tmp_path):
    write_all(tmp_path, ("tsv", "raven"), lambda: iter([]), ORIGIN)
    assert not (tmp_path / "audiodet_names.tsv").exists()


def test_audacity_labels_with_scores(written):
    plain = (written / "audiodet_labels" / "a.txt").read_text().splitlines()
    scored = (written / "audiodet_labels_scores" / "a.txt").read_text().splitlines()
    assert plain == ["0.123\t1.500\tdog", "0.500\t2.250\tcat bird"]
    assert scored == ["0.123\t1.500\tdog 0.99", "0.500\t2.250\tcat bird 0.50"]


@pytest.mark.parametrize("form", [*TEXT_FORMATS, "parquet"])
def test_no_name_or_label_forges_a_row_or_a_formula(form, tmp_path):
    """As many rows as events, and no cell begins as a formula does."""
    odd = [
        "=1+1",
        "+x",
        "-x",
        "@x",
        "a\tb",
        "a\nb",
        "a\0b",
        "a\u2028b",
        "\x85",
        '"',
        "a,b",
        "\udcff",
    ]
    paths = [f"{name}.wav" for name in odd]
    origin = Origin("m", 0.0, 8000.0, {}, unique_names(paths))
    found = [Detection(path, [Event(0.0, 1.0, name, 0.5)], 2.0) for path, name in zip(paths, odd)]
    written = write_all(tmp_path, [form], lambda: iter(found), origin)
    if form == "parquet":
        pq = pytest.importorskip("pyarrow.parquet")
        table = pq.read_table(written[0]).to_pylist()
        assert [row["filename"] for row in table] == [decodable(path) for path in paths]
        return
    files = [written[0]]
    if os.path.isdir(written[0]):
        files = [os.path.join(written[0], name) for name in os.listdir(written[0])]
    lines = []
    for file in files:
        text = open(file, encoding="utf-8", newline="").read()
        assert "\0" not in text
        lines += text.splitlines()
    header = TEXT_FORMATS[form].header.count("\n")
    assert len(lines) == header + len(odd)
    if form in ("jsonl", "rttm"):
        return
    delimiter = "," if form == "csv" else "\t"
    for cells in csv.reader(lines, delimiter=delimiter):
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))], cells
