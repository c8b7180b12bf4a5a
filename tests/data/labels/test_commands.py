"""`audiodet data import`, `split` and `check`, as they are typed."""

import os

import numpy as np
import pytest
import soundfile as sf

from audiodet import cli
from audiodet.data.datasets.custom import load_tsv

HEADER = "filename\tonset\toffset\tevent_label\n"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Working directory with audio/0.wav to 11.wav of 2 s, each different."""
    monkeypatch.chdir(tmp_path)
    os.mkdir("audio")
    for number in range(12):
        noise = np.random.default_rng(number).uniform(-0.1, 0.1, 16000)
        sf.write(f"audio/{number}.wav", noise, 8000)
    return tmp_path


def write(name, text):
    os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
    with open(name, "w", encoding="utf-8") as file:
        file.write(text)


def run(*words):
    return cli.main(["data", *words])


def test_import_of_audacity_tracks(capsys):
    """What others train on: the table, and what a user is told."""
    write("tracks/0.txt", "0.5\t1.25\tdog\n\\\t100\t200\n")
    write("tracks/1.txt", "0\t1\tcat\n1\t1.5\tcat\n")
    write("tracks/2.txt", "")
    assert run("import", "tracks", "-o", "out/labels.tsv", "--audio", "audio") == 0
    assert open("out/labels.tsv").read() == (
        "filename\tonset\toffset\tevent_label\tlow_hz\thigh_hz\n0.wav\t0.5\t1.25\tdog\t100\t200\n"
        "1.wav\t0\t1\tcat\t\t\n1.wav\t1\t1.5\tcat\t\t\n2.wav\t\t\t\t\t\n"
    )
    assert capsys.readouterr().out == (
        "read as Audacity labels: 3 recordings (1 without labels), 3 events of 2 labels (strong)\n"
        "  cat: 2\n  dog: 1\n"
        "note: 3 recordings found without their suffix, as 0 -> 0.wav\n"
        "note: 9 recordings have no labels, not used: 10.wav, 11.wav, 3.wav and 6 more\n"
        "out/labels.tsv: file names are relative to audio\n"
    )
    clips = load_tsv("out/labels.tsv", "audio")
    assert [len(clip["annotations"]) for clip in clips] == [1, 2, 0]


def test_import_says_what_is_wrong_and_writes_nothing(capsys):
    write("labels.tsv", HEADER + "0.wav\t0\t1\tdog\n0.wav\t0.5\t2\tdog\n1.wav\t400\t900\tdog\n")
    assert run("import", "labels.tsv", "-o", "out.tsv", "--audio", "audio") == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("error: labels.tsv:3: dog 0.5 to 2 s overlaps 0 to 1 s")
    assert lines[1].endswith("milliseconds or samples, expected seconds")
    assert lines[2:] == ["error: out.tsv is not written: 2 errors in the labels"]
    assert not os.path.exists("out.tsv")
    write("labels.tsv", HEADER + "0.wav\t0\t1\tdog\n0.wav\t0.5\t2\tdog\n")
    assert run("import", "labels.tsv", "-o", "out.tsv", "--audio", "audio", "--merge") == 0
    assert open("out.tsv").read() == HEADER + "0.wav\t0\t2\tdog\n"


def test_import_with_a_map_and_columns(capsys):
    write("labels.csv", "file;start;end;kind\n0.wav;0,5;1;d\n1.wav;0,5;1;c\n")
    write("map.tsv", "d\tdog\nc\t\n")
    words = ["--label-map", "map.tsv", "--columns", "event_label=kind", "--negatives"]
    assert run("import", "labels.csv:audio", "-o", "out.tsv", *words) == 0
    lines = open("out.tsv").read().splitlines()
    assert lines[1:3] == ["0.wav\t0.5\t1\tdog", "1.wav\t\t\t"] and len(lines) == 13
    assert "event_label from 'kind'" in capsys.readouterr().out
    assert run("import", "labels.csv", "-o", "out.tsv", "--columns", "kind") == 1
    assert "expected WHAT=NAME" in capsys.readouterr().err


def test_import_without_recordings(capsys):
    write("deep/labels.tsv", HEADER + "far/away.wav\t0\t1\tdog\n")
    assert run("import", "deep/labels.tsv", "-o", "out.tsv") == 0
    assert "no recordings found: times are not checked" in capsys.readouterr().out
    assert open("out.tsv").read() == HEADER + "far/away.wav\t0\t1\tdog\n"
    write("deep/away.txt", "0\t1\tdog\n")
    assert run("import", "deep/away.txt", "-o", "out.tsv") == 1
    assert (
        "away: no recording of this name found, expected --audio FOLDER" in capsys.readouterr().err
    )


def write_twelve():
    rows = "".join(f"{n}.wav\t0\t1\tdog\tsite{n // 2}\n" for n in range(12))
    write("labels.tsv", HEADER.replace("\n", "\tsite\n") + rows)


def test_split_and_check(capsys):
    """The tables pass the check together; recordings of the others are no warning."""
    write_twelve()
    words = ["--by", "site", "--fractions", "0.5", "0.25", "0.25", "--seed", "3"]
    assert run("split", "labels.tsv", "-o", "splits", *words) == 0
    names = {}
    for split in ("train", "val", "test"):
        lines = open(f"splits/{split}.tsv").read().splitlines()
        assert lines[0] == "filename\tonset\toffset\tevent_label\tgroup"
        names[split] = [line.split("\t")[0] for line in lines[1:]]
    assert sorted(sum(names.values(), [])) == sorted(f"{n}.wav" for n in range(12))
    sites = [{int(name[:-4]) // 2 for name in some} for some in names.values()]
    assert sum(map(len, sites)) == 6
    assert "groups            2      2       2" in capsys.readouterr().out or len(sites[0]) >= 2
    specs = [f"{split}=splits/{split}.tsv:audio" for split in names]
    assert run("check", *specs) == 0
    assert "warning" not in capsys.readouterr().out
    assert run("check", specs[0]) == 0
    assert "warning: in the folder but not listed" in capsys.readouterr().out


def test_split_by_what_is_not_there(capsys):
    write_twelve()
    assert run("split", "labels.tsv", "-o", "splits", "--by", "bird") == 1
    assert "labels.tsv: no column 'bird', found" in capsys.readouterr().err
    assert run("split", "labels.tsv", "-o", "splits", "--by", "folder") == 1
    assert "1 groups, expected at least 3" in capsys.readouterr().err
    assert not os.path.exists("splits")


def test_check_of_other_formats_and_of_overlaps(capsys):
    write("tracks/0.txt", "0\t1\tdog\n0.5\t1.5\tdog\n")
    assert run("check", "train=tracks:audio") == 0
    out = capsys.readouterr().out
    assert "  read as Audacity labels\n" in out
    assert (
        "  warning: overlapping events of one label (DATASETS.MERGE_OVERLAPS True joins them) (1)\n"
        "    line 2: dog 0.5 to 1.5 s overlaps 0 to 1 s of the same label in 0.wav\n"
    ) in out
    write("tracks/1.txt", "0\tx\tdog\n")
    assert run("check", "train=tracks:audio") == 1
    assert "tracks/1.txt" in capsys.readouterr().out
