"""From label files to rows of recordings that are there: names, maps, overlaps, folders."""

import os

import numpy as np
import pytest
import soundfile as sf

from audiodet.data.labels.edits import check_times, read_label_map
from audiodet.data.labels.reading import read_labels
from audiodet.errors import DataError

HEADER = "filename\tonset\toffset\tevent_label\n"
PLACES = ("a.wav", "Yard 1.wav", "s1/x.wav", "s2/x.wav", "s2/only.flac", "\u00fc.wav", "._a.wav")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Working directory with audio/ of six recordings of 2 s, and a macOS companion."""
    monkeypatch.chdir(tmp_path)
    for name in PLACES:
        os.makedirs(os.path.dirname(f"audio/{name}"), exist_ok=True)
        sf.write(f"audio/{name}", np.zeros(16000), 8000)
    return tmp_path


def write(name, text):
    os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
    with open(name, "w", encoding="utf-8", newline="") as file:
        file.write(text)
    return name


def table_of(name):
    return write("labels.tsv", f"{HEADER}{name}\t0\t1\tdog\n")


@pytest.mark.parametrize(
    "name, recording, how",
    [
        ("a.wav", "a.wav", ""),
        ("./s1/../a.wav", "a.wav", ""),
        ("audio/a.wav", "a.wav", ""),  # relative to the working directory
        ("s2/x.wav", "s2/x.wav", ""),
        ("u\u0308.wav", "\u00fc.wav", "in another Unicode form or with other slashes"),
        ("s1\\x.wav", "s1/x.wav", "in another Unicode form or with other slashes"),
        ("S1/X.WAV", "s1/x.wav", "in another case"),
        ("C:\\my\\S1\\x.wav", "s1/x.wav", "by the end of their path, in another case"),
        ("/else/where/only.flac", "s2/only.flac", "by the end of their path"),
        ("only.wav", "s2/only.flac", "without their suffix"),
        ("only", "s2/only.flac", "without their suffix"),
        ("Yard_1", "Yard 1.wav", "without their suffix, with _ for blanks"),
        ("only.Table.1.selections", "s2/only.flac", "without their suffix"),
    ],
)
def test_names_of_other_machines(name, recording, how):
    table = read_labels(table_of(name), "audio")
    assert [row.filename for row in table.rows] == [recording]
    assert not table.problems
    said = f"1 recordings found {how}, as {name} -> {recording}"
    assert table.notes == ([said] if how else [])


def test_nothing_is_guessed_between_two():
    table = read_labels(table_of("x.wav"), "audio")
    assert not table.rows
    text = "labels.tsv:2: x.wav may be s1/x.wav, s2/x.wav; expected one recording"
    assert [str(problem) for problem in table.problems] == [text]


def test_absolute_paths(folder):
    inside = read_labels(table_of(folder / "audio" / "s1" / "x.wav"), "audio")
    assert inside.rows[0].filename == "s1/x.wav"
    sf.write("elsewhere.wav", np.zeros(16000), 8000)
    outside = read_labels(table_of(folder / "elsewhere.wav"), "audio")
    assert outside.recording(outside.rows[0].filename) == str(folder / "elsewhere.wav")


def test_labels_of_other_recordings():
    """Three names of each; also through the command line."""
    rows = "".join(f"gone{number}.wav\t0\t1\tdog\n" for number in range(5))
    with pytest.raises(DataError) as error:
        read_labels(write("labels.tsv", HEADER + rows), "audio")
    assert str(error.value) == (
        "labels.tsv: no recording in audio is named in it; it names gone0.wav, gone1.wav, "
        "gone2.wav and 2 more; there are Yard 1.wav, a.wav, s1/x.wav and 3 more"
    )


@pytest.mark.parametrize(
    "paths, audio",
    [
        ("labels.tsv", "audio"),
        ("labels.tsv:audio", None),
        (["labels.tsv", "audio"], None),
        (["audio", "labels.tsv"], None),
        (".", None),  # a folder that holds both
    ],
)
def test_ways_to_name_labels_and_recordings(paths, audio):
    table_of("a.wav")
    table = read_labels(paths, audio)
    assert [table.recording(name) for name in table.clips()] in (["audio/a.wav"], ["./audio/a.wav"])
    assert len(table.unlisted) == 5


def test_labels_beside_recordings():
    write("audio/a.txt", "0\t1\tdog\n")
    table = read_labels("audio/a.txt")
    assert [table.recording(name) for name in table.clips()] == ["audio/a.wav"]
    write("audio/labels.tsv", f"{HEADER}s1/x.wav\t0\t1\tdog\n")
    table = read_labels("audio/labels.tsv")
    assert [table.recording(name) for name in table.clips()] == ["audio/s1/x.wav"]
    table = read_labels(table_of("audio/a.wav"))
    assert [table.recording(name) for name in table.clips()] == ["audio/a.wav"]


def test_a_folder_of_tracks():
    """A track belongs to the recording in the folder of the same name; others are named."""
    write("tracks/s1/x.txt", "0.5\t1\tdog\n")
    write("tracks/s2/x.txt", "")
    write("tracks/a_labels.txt", "0.5\t1\tcat\n")
    write("tracks/README.txt", "how these were made")
    write("tracks/sites.csv", "site,height\nwood,3\n")
    table = read_labels("tracks", "audio")
    events = {name: [event[:3] for event in events] for name, events in table.events().items()}
    assert events == {"s1/x.wav": [(0.5, 1, "dog")], "s2/x.wav": [], "a.wav": [(0.5, 1, "cat")]}
    assert table.unlisted == ["Yard 1.wav", "s2/only.flac", "\u00fc.wav"]
    assert table.format == "Audacity labels" and not table.problems
    assert any(note.startswith("no labels: tracks/sites.csv: column") for note in table.notes)
    negatives = read_labels("tracks", "audio", negatives=True)
    assert negatives.events()["\u00fc.wav"] == [] and not negatives.unlisted


def test_a_folder_that_links_to_itself():
    write("tracks/s1/x.txt", "0.5\t1\tdog\n")
    os.symlink("..", "tracks/s1/up")
    os.symlink("..", "audio/s1/up")
    table = read_labels("tracks", "audio")
    assert [row.filename for row in table.rows] == ["s1/x.wav"] and len(table.unlisted) == 5


def test_one_damaged_file_of_a_folder():
    write(
        "tracks/a.TextGrid", 'File type = "ooTextFile"\nObject class = "TextGrid"\n\n0 1 <exists> 1'
    )
    write("tracks/s1/x.txt", "0.5\t1\tdog\n")
    table = read_labels("tracks", "audio")
    assert len(table.rows) == 1
    with pytest.raises(DataError, match="a.TextGrid: ends early or is damaged"):
        table.require_good()


def test_several_tables_of_one_recording():
    raven = "Selection\tBegin Time (s)\tEnd Time (s)\tSpecies\n1\t{}\t{}\t{}\n"
    write("raven/a.Table.1.selections.txt", raven.format(0, 1, "dog"))
    write("raven/a.Table.2.selections.txt", raven.format(1, 1.5, "cat"))
    table = read_labels("raven", "audio")
    found = {name: [event[:3] for event in events] for name, events in table.events().items()}
    assert found == {"a.wav": [(0, 1, "dog"), (1, 1.5, "cat")]}


def test_mixed_formats_and_kinds():
    write("mixed/a.txt", "0\t1\tdog\n")
    write("mixed/b.csv", "filename,onset,offset,event_label\na.wav,0,1,dog\n")
    words = "mixed: mixed formats, Audacity labels .mixed/a.txt., comma CSV .mixed/b.csv.; expected"
    with pytest.raises(DataError, match=words):
        read_labels("mixed", "audio")
    table = read_labels(["mixed/a.txt", "mixed/b.csv"], "audio")  # by name: so it is meant
    assert len(table.rows) == 2 and table.format == "Audacity labels, comma CSV"
    weak = write("weak.tsv", "filename\tevent_labels\na.wav\tdog\n")
    words = "labels of several kinds: strong .labels.tsv., weak .weak.tsv.|weak .* strong"
    with pytest.raises(DataError, match=words):
        read_labels([table_of("a.wav"), weak], "audio")


def test_a_folder_per_class():
    os.remove("audio/Yard 1.wav")
    table = read_labels("audio")
    assert (table.kind, table.format) == ("weak", "a folder per class")
    assert {row.filename: row.labels for row in table.rows} == {
        "s1/x.wav": ("s1",),
        "s2/only.flac": ("s2",),
        "s2/x.wav": ("s2",),
    }
    assert table.unlisted == ["a.wav", "\u00fc.wav"]
    assert "each recording is weakly labelled" in table.notes[0]
    whole = read_labels("audio", whole_clips=True, label_map={"s2": ""})
    assert whole.kind == "strong"
    events = {name: [event[:3] for event in events] for name, events in whole.events().items()}
    assert events == {"s1/x.wav": [(0, 2, "s1")], "s2/only.flac": [], "s2/x.wav": []}
    with pytest.raises(DataError, match="no label files and no folder per class, found only.flac"):
        read_labels("audio/s2")


def test_label_map():
    path = write("map.tsv", "dog\tanimal\ncat\tanimal\nrain\t\nsnow\t\r\n")
    mapping = read_label_map(path)
    assert mapping == {"dog": "animal", "cat": "animal", "rain": "", "snow": ""}
    rows = "a.wav\t0\t1\tdog\na.wav\t1\t2\train\ns1/x.wav\t0\t1\train\ns2/x.wav\t0\t1\tcar\n"
    table = read_labels(write("labels.tsv", HEADER + rows), "audio", label_map=mapping)
    found = {name: [event.label for event in events] for name, events in table.events().items()}
    assert found == {"a.wav": ["animal"], "s1/x.wav": [], "s2/x.wav": ["car"]}
    assert table.notes == [
        "in the label map, but not in the labels: cat, snow",
        "not in the label map, kept: car",
    ]
    for text in ("dog\ta\tb\n", "dog\ta\ndog\tb\n", "\tnew\n"):
        with pytest.raises(DataError, match="map.tsv:.: .*expected each label once: old<TAB>new"):
            read_label_map(write("map.tsv", text))


def test_labels_that_may_occur():
    table = read_labels(table_of("a.wav"), "audio", labels=["cat", "cow"])
    assert str(table.problems[0]) == "labels.tsv:2: unknown label dog, expected one of cat, cow"
    table = read_labels(table_of("a.wav"), "audio", labels=["dog", "cow"])
    assert table.notes == ["labels that never occur: cow"]


def test_labels_in_two_spellings():
    """One letter in two Unicode forms is one label; upper and lower case are two, and said."""
    rows = "a.wav\t0\t1\tko\u0308ter\na.wav\t1\t2\tk\u00f6ter\na.wav\t1\t2\tK\u00f6ter\n"
    table = read_labels(write("labels.tsv", HEADER + rows), "audio")
    assert table.labels() == ["K\u00f6ter", "k\u00f6ter"]
    assert table.notes == ["labels that differ only in case: K\u00f6ter, k\u00f6ter"]


OVERLAPS = HEADER + (
    "a.wav\t0\t1\tdog\na.wav\t0.5\t1.25\tdog\na.wav\t0.75\t0.8\tdog\na.wav\t1.25\t1.5\tdog\n"
    "a.wav\t0.5\t1\tcat\ns1/x.wav\t0.5\t1\tdog\n"
)


def test_overlaps_joined_refused_or_kept():
    """Events that only touch are two, and so are those of other labels and recordings."""
    path = write("labels.tsv", OVERLAPS)
    assert len(read_labels(path, "audio").rows) == 6
    joined = read_labels(path, "audio", merge=True)
    assert [event[:3] for event in joined.events()["a.wav"]] == [
        (0, 1.25, "dog"),
        (0.5, 1, "cat"),
        (1.25, 1.5, "dog"),
    ]
    assert joined.notes == ["2 events were merged into overlapping ones of their label"]
    refused = read_labels(path, "audio", merge=False)
    assert [str(problem) for problem in refused.problems] == [
        f"labels.tsv:{line}: dog {times} s of the same label in a.wav; --merge joins them"
        for line, times in (
            (3, "0.5 to 1.25 s overlaps 0 to 1"),
            (4, "0.75 to 0.8 s overlaps 0.5 to 1.25"),
        )
    ]


def test_joining_keeps_the_best_score_and_the_whole_band():
    lines = ["filename,onset,offset,event_label,score,low_hz,high_hz"]
    lines += ["a.wav,0,1,dog,0.5,100,200", "a.wav,0.5,1.5,dog,0.75,50,150", "a.wav,1,2,dog,0.25,,"]
    table = read_labels(write("labels.csv", "\n".join(lines)), "audio", merge=True)
    assert [tuple(event) for event in table.events()["a.wav"]] == [(0, 2, "dog", 0.75, None, None)]


@pytest.mark.parametrize(
    "times, words",
    [
        ("0.5\t2.06", "event 0.5 to 2.06 s in a.wav, expected inside the clip's 2.000 s"),
        ("500\t1500", "; these look like milliseconds or samples, expected seconds"),
        ("4000\t12000", "; these look like samples, expected seconds"),
        ("3\t4", "expected inside the clip's 2.000 s"),
    ],
)
def test_times_outside_their_recording(times, words):
    table = read_labels(write("labels.tsv", f"{HEADER}a.wav\t{times}\tdog\n"), "audio")
    check_times(table)
    assert str(table.problems[0]).startswith("labels.tsv:2: event") and len(table.problems) == 1
    assert str(table.problems[0]).endswith(words)


def test_a_missing_recording_is_named():
    rows = "a.wav\t0\t1\tdog\ngone.wav\t0\t1\tdog\n"
    table = read_labels(write("labels.tsv", HEADER + rows), "audio")
    check_times(table)
    assert [str(problem) for problem in table.problems] == [
        "audio/gone.wav: no such file, expected a recording"
    ]


@pytest.mark.parametrize(
    "paths, words",
    [
        ("nowhere.tsv", "nowhere.tsv: cannot be read .No such file"),
        ("audio/a.wav", "a recording, expected labels"),
        ("empty", "empty: neither labels nor recordings"),
        ("labels.tsv:nowhere", "nowhere: no such folder, expected recordings"),
        ([], "neither labels nor recordings"),
    ],
)
def test_what_cannot_be_read(paths, words):
    os.mkdir("empty")
    table_of("a.wav")
    with pytest.raises(DataError, match=words):
        read_labels(paths)
