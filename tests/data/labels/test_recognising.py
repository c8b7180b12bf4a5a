"""Label files as other programs write them, and what they mean; expectations by hand.

The files of JAMS, ELAN and Praat are as jams 0.3.5, pympi-ling 1.71 and praatio 6.2 write them
(shortened), which read the same events from them.
"""

import json
import random

import pytest

from audiodet.data.labels.recognising import read_file, stem_without_addition
from audiodet.errors import DataError

DOG = ("a.wav", 0.5, 1.25, "dog")
CAT = ("b.wav", 2.0, 3.5, "cat")

# Format, file's name, its text, and the events.
TABLES = {
    "DESED": (
        "DESED TSV",
        "x.tsv",
        "filename\tonset\toffset\tevent_label\na.wav\t0.5\t1.25\tdog\nb.wav\t2\t3.5\tcat\n",
    ),
    "quoted by Excel": (
        "DESED TSV",
        "x.txt",
        '"filename"\t"onset"\t"offset"\t"event_label"\r\n"a.wav"\t"0.5"\t"1.25"\t"dog"\r\n'
        "b.wav\t2\t3.5\tcat\r\n",
    ),
    "comma": (
        "comma CSV",
        "x.csv",
        'event_label,filename,onset,offset\n"dog",a.wav,0.5,1.25\ncat,b.wav,2,3.5\n',
    ),
    "semicolon, decimal comma": (
        "semicolon CSV",
        "x.csv",
        "sep=;\nfilename;onset;offset;event_label\na.wav;0,5;1,25;dog\nb.wav;2;3,5;cat\n",
    ),
    "duration": (
        "comma CSV",
        "x.csv",
        "file,start,duration,class\na.wav,0.5,.75,dog\nb.wav,2,1.5,cat",
    ),
    "milliseconds": (
        "tab-separated table",
        "x.tsv",
        "File\tStart (ms)\tEnd (ms)\tSpecies\na.wav\t500\t1250\tdog\nb.wav\t2000\t3500\tcat\n",
    ),
    "clock": (
        "comma CSV",
        "x.csv",
        "path,begin,end,tag\na.wav,0:00.5,0:01.25,dog\nb.wav,00:00:02,0:00:03.5,cat\n",
    ),
    "BirdNET": (
        "comma CSV",
        "a.BirdNET.results.csv",
        "Start (s),End (s),Scientific name,Common name,Confidence,File\n"
        "0.5,1.25,Canis familiaris,dog,0.8,a.wav\n2.0,3.5,Felis catus,cat,0.9,b.wav\n",
    ),
    "list": ("event list", "x.txt", "a.wav\t0.5\t1.25\tdog\nb.wav\t2\t3.5\tcat\n"),
    "RTTM": (
        "RTTM",
        "x.rttm",
        ";; made by hand\nSPEAKER a.wav 1 0.5 0.75 <NA> <NA> dog <NA> <NA>\n"
        "SPEAKER b.wav 1 2 1.5 <NA> <NA> cat 0.5 <NA>\n",
    ),
    "JSON lines": (
        "JSON lines",
        "x.jsonl",
        '{"filename": "a.wav", "onset": 0.5, "offset": 1.25, "event_label": "dog"}\n'
        '{"filename": "b.wav", "onset": 2, "offset": 3.5, "event_label": "cat"}\n',
    ),
    "JSON records": (
        "JSON records",
        "x.json",
        '[{"file": "a.wav", "start": 0.5, "end": 1.25, "label": "dog"},'
        '{"file": "b.wav", "start": 2, "end": 3.5, "label": "cat"}]',
    ),
}


def write(folder, name, text, encoding="utf-8"):
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return str(path)


def events_of(table):
    assert table.problems == []
    return [(row.filename, row.onset, row.offset, *row.labels) for row in table.rows]


@pytest.mark.parametrize("name", TABLES)
def test_tables_that_name_recordings(name, tmp_path):
    """By what they hold: a misleading suffix does not matter."""
    kind, file, text = TABLES[name]
    table = read_file(write(tmp_path, file, text))
    assert table.format == kind and table.kind == "strong"
    assert events_of(table) == [DOG, CAT]
    assert events_of(read_file(write(tmp_path, "other.dat", text))) == [DOG, CAT]
    utf_16 = read_file(write(tmp_path, "other.dat", text, "utf-16"))
    assert events_of(utf_16) == [DOG, CAT]


def test_guessed_columns_are_said(tmp_path):
    table = read_file(write(tmp_path, "x.tsv", TABLES["milliseconds"][2]))
    assert table.notes == [
        "columns: filename from 'File', onset from 'Start (ms)' in milliseconds, offset from "
        "'End (ms)' in milliseconds, event_label from 'Species'"
    ]
    text = "site,label,file,start,end\ndog,x,a.wav,0.5,1.25\n"
    table = read_file(write(tmp_path, "x.csv", text), {"event_label": "site"})
    assert events_of(table) == [DOG]
    for columns, words in (
        ({"event_label": "nothing"}, "x.csv: no column 'nothing', found .*'site'"),
        ({"labels": "site"}, "--columns labels=site, expected one of filename, onset"),
    ):
        with pytest.raises(DataError, match=words):
            read_file(str(tmp_path / "x.csv"), columns)


def test_audacity(tmp_path):
    """Standard and extended; a label may have blanks; an empty track is no event."""
    text = "0.500000\t1.250000\tdog\n\\\t100.0\t2000.5\n2\t3.5\tcat bird\n"
    table = read_file(write(tmp_path, "a.txt", text))
    assert table.format == "Audacity labels"
    assert events_of(table) == [("a", 0.5, 1.25, "dog"), ("a", 2.0, 3.5, "cat bird")]
    assert [(row.low_hz, row.high_hz) for row in table.rows] == [(100.0, 2000.5), (None, None)]
    comma = read_file(write(tmp_path, "a.txt", text.replace(".", ",")))
    assert events_of(comma) == events_of(table) and comma.rows[0].high_hz == 2000.5
    empty = read_file(write(tmp_path, "b.txt", ""))
    assert [(row.filename, row.labels) for row in empty.rows] == [("b", ())]
    point = read_file(write(tmp_path, "c.txt", "1\t1\tdog\n2\t3\t\n"))
    assert [str(problem).split("c.txt")[1] for problem in point.problems] == [
        ":1: c: onset 1 and offset 1 s, expected 0 <= onset < offset",
        ":2: c: onset, offset, event_label are ['2', '3', ''], expected all three or none",
    ]


RAVEN = "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)"


def test_raven_counts_from_the_begin_of_each_file(tmp_path):
    """Begin Time runs on: the second recording begins 60 s later."""
    text = f"{RAVEN}\tBegin Path\tFile Offset (s)\tAnnotation\n"
    text += "1\tSpectrogram 1\t1\t0.5\t1.25\t100\t900.5\tC:\\rec\\a.wav\t0.5\tdog\n"
    text += "2\tWaveform 1\t1\t62.0\t63.5\t0\t8000\tC:\\rec\\b.wav\t2.0\tcat\n"
    text += "2\tSpectrogram 1\t1\t62.0\t63.5\t200\t4000\tC:\\rec\\b.wav\t2.0\tcat\n"
    table = read_file(write(tmp_path, "all.txt", text))
    assert table.format == "Raven selection table"
    assert events_of(table) == [("C:\\rec\\a.wav", *DOG[1:]), ("C:\\rec\\b.wav", *CAT[1:])]
    assert [(row.low_hz, row.high_hz) for row in table.rows] == [(100, 900.5), (200, 4000)]
    assert table.notes[-1].startswith("1 rows of the waveform view left out")
    without = text.replace("\tFile Offset (s)", "\tOther")
    with pytest.raises(DataError, match="2 recordings .*expected that column"):
        read_file(write(tmp_path, "all.txt", without))
    lost = text.replace("\t0.5\tdog", "\t\tdog")
    assert len(read_file(write(tmp_path, "all.txt", lost)).problems) == 1


def test_raven_of_one_recording(tmp_path):
    text = f"{RAVEN}\tSpecies\n1\tSpectrogram 1\t1\t0.5\t1.25\t100\t900\tdog\n"
    table = read_file(write(tmp_path, "a.Table.1.selections.txt", text))
    assert events_of(table) == [("a.Table.1.selections", *DOG[1:])]
    assert "no column of file names: recordings are found by the label file's name" in table.notes


@pytest.mark.parametrize(
    "stem, recording",
    [
        ("a.Table.1.selections", "a"),
        ("a.selections", "a"),
        ("a.BirdNET.selection.table", "a"),
        ("a_labels", "a"),
        ("a.b", "a.b"),
    ],
)
def test_what_programs_add_to_names(stem, recording):
    assert stem_without_addition(stem) == recording


OBSERVATIONS = [
    {"time": 0.5, "duration": 0.75, "value": "dog", "confidence": 0.25},
    {"time": 2.0, "duration": 1.5, "value": {"label": "cat", "role": "foreground"}},
    {"time": 0.0, "duration": 9.0, "value": {"label": "park", "role": "background"}},
]


def jams(data):
    annotation = {"namespace": "segment_open", "data": data, "sandbox": {}}
    content = {"file_metadata": {"duration": 9}, "annotations": [annotation], "sandbox": {}}
    return json.dumps(content)


def test_jams(tmp_path):
    """Sparse and dense; scaper's background is no event; tags without times are weak."""
    table = read_file(write(tmp_path, "a.jams", jams(OBSERVATIONS)))
    assert table.format == "JAMS"
    assert events_of(table) == [("a", *DOG[1:]), ("a", *CAT[1:])]
    assert [row.score for row in table.rows] == [0.25, None]
    dense = {key: [each.get(key) for each in OBSERVATIONS] for key in OBSERVATIONS[0]}
    assert events_of(read_file(write(tmp_path, "a.jams", jams(dense)))) == events_of(table)
    tags = [{"time": 0, "duration": 0, "value": value} for value in ("dog", "cat, big")]
    weak = read_file(write(tmp_path, "a.jams", jams(tags)))
    assert weak.kind == "weak" and weak.rows[0].labels == ("dog", "cat, big")


def region(start, end, *labels):
    return {"type": "labels", "value": {"start": start, "end": end, "labels": list(labels)}}


def test_label_studio(tmp_path):
    """Uploads, local files, cancelled and missing annotations, an empty one, and JSON-MIN."""
    upload = {"audio": "/data/upload/7/1a2b3c4d-a.wav"}
    tasks = [
        {"data": upload, "annotations": [{"result": [region(0.5, 1.25, "dog")]}]},
        {
            "data": {"sound": "/data/local-files/?d=deep/b.wav"},
            "annotations": [
                {"was_cancelled": True, "result": [region(0, 9, "wrong")]},
                {"result": [region(2, 3.5, "cat", "pet")]},
            ],
        },
        {"data": {"audio": "http://host/c%20d.wav"}, "annotations": [{"result": []}]},
        {"data": {"audio": "e.wav"}, "annotations": []},
    ]
    table = read_file(write(tmp_path, "x.json", json.dumps(tasks)))
    assert table.format == "Label Studio" and table.problems == []
    assert [(row.filename, row.labels) for row in table.rows] == [
        ("a.wav", ("dog",)),
        ("deep/b.wav", ("cat",)),
        ("deep/b.wav", ("pet",)),
        ("/c d.wav", ()),
    ]
    assert table.notes == ["task 4 (e.wav) is not annotated: left out"]
    least = [{"id": 1, "audio": upload["audio"], "label": [region(0.5, 1.25, "dog")["value"]]}]
    assert events_of(read_file(write(tmp_path, "x.json", json.dumps(least)))) == [DOG]
    choices = [{"type": "choices", "value": {"choices": ["dog", "cat"]}}]
    tasks = [{"data": upload, "annotations": [{"result": choices}]}]
    weak = read_file(write(tmp_path, "x.json", json.dumps(tasks)))
    assert weak.kind == "weak" and weak.rows[0].labels == ("dog", "cat")


LONG_TEXTGRID = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 60
tiers? <exists>
size = 2
item []:
    item [1]:
        class = "IntervalTier"
        name = "a"
        xmin = 0
        xmax = 60
        intervals: size = 3
        intervals [1]:
            xmin = 0
            xmax = 0.5
            text = ""
        intervals [2]:
            xmin = 0.5
            xmax = 1.25
            text = "dog"
        intervals [3]:
            xmin = 2
            xmax = 3.5
            text = "say ""cat"" 2 times"
    item [2]:
        class = "TextTier"
        name = "p"
        xmin = 0
        xmax = 60
        points: size = 1
        points [1]:
            number = 1.0
            mark = "click"
"""
SHORT_TEXTGRID = """File type = "ooTextFile"
Object class = "TextGrid"

0
60
<exists>
2
"IntervalTier"
"a"
0
60
3
0
0.5
""
0.5
1.25
"dog"
2
3.5
"say ""cat"" 2 times"
"TextTier"
"p"
0
60
1
1.0
"click"
"""


@pytest.mark.parametrize("text", [LONG_TEXTGRID, SHORT_TEXTGRID])
def test_textgrid(text, tmp_path):
    table = read_file(write(tmp_path, "a.TextGrid", text, "utf-16"))
    assert table.format == "Praat TextGrid"
    assert events_of(table) == [("a", 0.5, 1.25, "dog"), ("a", 2.0, 3.5, 'say "cat" 2 times')]
    assert table.notes == ["tier 'p': 1 points without a length are left out"]
    with pytest.raises(DataError, match="ends early or is damaged"):
        read_file(write(tmp_path, "a.TextGrid", text[: len(text) // 2]))


EAF = """<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT AUTHOR="pympi" FORMAT="2.8" VERSION="2.8">
<HEADER MEDIA_FILE="" TIME_UNITS="milliseconds">
<MEDIA_DESCRIPTOR MEDIA_URL="file:///x/a.mp4" MIME_TYPE="video/mp4"/>
<MEDIA_DESCRIPTOR MEDIA_URL="file:///x/rec%201.wav" MIME_TYPE="audio/x-wav"
 RELATIVE_MEDIA_URL="./rec%201.wav"/>
</HEADER>
<TIME_ORDER>
<TIME_SLOT TIME_SLOT_ID="ts1" TIME_VALUE="500"/><TIME_SLOT TIME_SLOT_ID="ts2" TIME_VALUE="1250"/>
<TIME_SLOT TIME_SLOT_ID="ts3"/>
</TIME_ORDER>
<TIER LINGUISTIC_TYPE_REF="t" TIER_ID="child" PARENT_REF="parent">
<ANNOTATION><REF_ANNOTATION ANNOTATION_ID="a2" ANNOTATION_REF="a1">
<ANNOTATION_VALUE>big</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION>
</TIER>
<TIER LINGUISTIC_TYPE_REF="t" TIER_ID="parent">
<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a1" TIME_SLOT_REF1="ts1" TIME_SLOT_REF2="ts2">
<ANNOTATION_VALUE>dog</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>
<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a3" TIME_SLOT_REF1="ts2" TIME_SLOT_REF2="ts3">
<ANNOTATION_VALUE>cat</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>
</TIER>
</ANNOTATION_DOCUMENT>
"""


def test_elan(tmp_path):
    """Annotations that refer to others have their times; one without a time is said."""
    table = read_file(write(tmp_path, "a.eaf", EAF))
    assert table.format == "ELAN"
    assert events_of(table) == [("rec 1.wav", 0.5, 1.25, "dog"), ("rec 1.wav", 0.5, 1.25, "big")]
    assert table.notes == ["1 annotations without a time are left out"]


def test_weak_and_unlabelled_tables(tmp_path):
    """Several rows of a clip add up; quoted cells are what Excel makes of commas."""
    text = 'filename\tevent_labels\na.wav\t"dog,cat"\n'
    assert read_file(write(tmp_path, "x.tsv", text)).rows[0].labels == ("dog", "cat")
    table = read_file(write(tmp_path, "x.csv", "fname,category\na.wav,dog\na.wav,cat\n"))
    assert table.kind == "weak" and [row.labels for row in table.rows] == [("dog",), ("cat",)]
    assert read_file(write(tmp_path, "x.csv", "filename\na.wav\n")).kind == "unlabelled"


@pytest.mark.parametrize(
    "data, words",
    [
        (b"PK\x03\x04 workbook", "a workbook, expected text; save it as CSV"),
        (b"\xff\xfe\x00", "not a text file"),
        (b"caf\xe9\t1\t2\tx\n", "not a text file .*expected UTF-8"),
        (b"PAR1 and no more", "damaged Parquet"),
        (b"{'a': 1}", ":1: .* is no JSON object"),
        (b'[{"annotations": [1], "data": 5}]', "damaged JSON"),
        (b"<html></html>", "XML of no known form"),
        (b"<ANNOTATION_DOCUMENT", "no XML"),
        (b"a,b\n1,2\n", "column filename, onset, offset, event_label missing, found .'a', 'b'."),
        (b"start_sample\tend_sample\tlabel\n", "'start_sample', expected times in seconds"),
        (b"filename\tonset\toffset\tevent_labels\tevent_label\n", "strong and weak labels in one"),
    ],
)
def test_what_is_no_label_file(data, words, tmp_path):
    path = tmp_path / "x.txt"
    path.write_bytes(data)
    with pytest.raises(DataError, match=words) as error:
        read_file(str(path))
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_a_line_with_too_many_cells(tmp_path):
    text = "file,start,end,label\na.wav,0.5,1.25,dog\na.wav,0,5,1,25,dog\n"
    table = read_file(write(tmp_path, "x.csv", text))
    assert len(table.rows) == 1
    words = "x.csv:3: 6 fields, expected 4, of strong labels"
    assert str(table.problems[0]).endswith(words)


def test_damaged_files_end_in_one_line(tmp_path):
    """Bytes lost, doubled and changed at random: rows, problems or a DataError, nothing else."""
    rng = random.Random(0)
    texts = [text for _, _, text in TABLES.values()]
    texts += [jams(OBSERVATIONS), LONG_TEXTGRID, SHORT_TEXTGRID, EAF]
    pieces = [b"", b'"', b"\t", b"\n", b"9", b"null", b"[", b"}", b"\xff", b"<", b",", b"1e999"]
    failed = 0
    for number in range(600):
        data = bytearray(texts[number % len(texts)].encode())
        for _ in range(rng.choice([1, 3, 10])):
            place = rng.randrange(len(data) + 1)
            length = rng.choice([0, 1, 20])
            data[place : place + length] = rng.choice(pieces)
        path = tmp_path / "x.txt"
        path.write_bytes(data)
        try:
            read_file(str(path))
        except DataError as error:
            failed += 1
            assert str(path) in str(error)
    assert 100 < failed < 590


@pytest.mark.parametrize("time", ["1_0", "nan", "inf", "１", "0x1", "1,000.5", "one", "1e999"])
def test_what_is_no_time(time, tmp_path):
    text = f"filename\tonset\toffset\tevent_label\na.wav\t0\t{time}\tdog\n"
    table = read_file(write(tmp_path, "x.tsv", text))
    assert not table.rows
    assert f"offset is {time!r}, expected a number of seconds" in table.problems[0].text
