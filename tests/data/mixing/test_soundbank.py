"""Sound banks: the CSV layout, plain folders, and splits by source."""

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from audiodet.data.mixing.soundbank import Clip, hold_out, load_soundbank, soundbank_root
from audiodet.errors import DataError

HEADER = "path,kind,label,split,fold,duration,onset,offset,split_group,licence\n"
ROWS = [
    "b/rain.wav,backgrounds,rain,train,0,2.0,,,g1,CC0",
    "a/cry.wav,events,babycry,val,3,1.0,0.25,0.75,g2,CC0",
    "c/dog.wav,distractors,dog,train,1,1.0,,,g3,CC0",
]


def write_wav(path: Path, seconds: float = 0.1, rate: int = 8000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    sf.write(path, np.full(round(seconds * rate), 0.5), rate)
    return path


def write_bank(folder: Path, rows=ROWS, header=HEADER) -> str:
    for row in rows:
        write_wav(folder / row.split(",")[0])
    (folder / "soundbank.csv").write_text(header + "\n".join(rows) + "\n", encoding="utf-8-sig")
    return str(folder)


def event(label: str, group: str, number: int = 0, kind: str = "events") -> Clip:
    return Clip(f"{kind}/{label}/{group}-{number}", kind, label, "train", 0, 0.0, 1.0, 1.0, group)


def test_table_is_read_sorted_with_empty_edges_as_whole_file(tmp_path):
    bank = load_soundbank(write_bank(tmp_path))
    cry, rain, dog = bank.clips
    assert cry == Clip("a/cry.wav", "events", "babycry", "val", 3, 0.25, 0.75, 1.0, "g2")
    assert (rain.onset, rain.offset, rain.duration) == (0.0, 2.0, 2.0)
    assert bank.labels == ["babycry"]
    assert bank.select(kind="distractors") == [dog]
    assert bank.select(folds=[0, 3]) == [cry, rain]
    assert bank.select(split="train", labels=["rain", "babycry"]) == [rain]
    assert bank.select(groups=["g3", "g9"]) == [dog]


@pytest.mark.parametrize(
    "row, words",
    [
        ("a/cry.wav,event,babycry,val,3,1.0,0.2,0.7,g2,CC0", ["'event'", "events", ":2"]),
        ("a/cry.wav,events,babycry,val,3,1.0,0.8,0.7,g2,CC0", ["onset 0.8", "offset 0.7"]),
        ("a/cry.wav,events,babycry,val,3,1.0,0.2,1.7,g2,CC0", ["offset 1.7", "duration 1.0"]),
        ("a/cry.wav,events,babycry,val,x,1.0,0.2,0.7,g2,CC0", ["'x'", "numbers"]),
        ("a/cry.wav,events,babycry,val", ["numbers", ":2"]),
    ],
)
def test_contradicting_row_is_named(tmp_path, row, words):
    with pytest.raises(DataError) as error:
        load_soundbank(write_bank(tmp_path, [row] + ROWS[:1]))
    assert all(word in str(error.value) for word in words + ["soundbank.csv"])


def test_missing_things_are_named(tmp_path):
    with pytest.raises(DataError, match="nowhere.*no such folder"):
        load_soundbank(str(tmp_path / "nowhere"))
    folder = write_bank(tmp_path / "file")
    (tmp_path / "file" / "a" / "cry.wav").unlink()
    with pytest.raises(DataError, match="soundbank.csv:3.*a/cry.wav is missing"):
        load_soundbank(folder)
    with pytest.raises(DataError, match="no column split_group"):
        load_soundbank(write_bank(tmp_path / "col", header=HEADER.replace("split_group", "x")))
    for left, absent in ((ROWS[1:], "backgrounds"), (ROWS[:1], "events")):
        with pytest.raises(DataError, match=f"no {absent}"):
            load_soundbank(write_bank(tmp_path / absent, left))


def test_plain_folders_are_a_bank(tmp_path):
    for label, count in (("dog", 8), ("cat", 6)):
        for i in range(count):
            write_wav(tmp_path / label / f"{i}.wav", seconds=0.1 * (i + 1))
    for i in range(5):
        write_wav(tmp_path / "background" / f"place{i}" / "x.flac")
    write_wav(tmp_path / "distractors" / "knock.wav")
    (tmp_path / "dog" / "notes.txt").write_text("not audio")
    bank = load_soundbank(str(tmp_path))
    assert bank.labels == ["cat", "dog"]
    assert Counter(c.kind for c in bank.clips) == {"events": 14, "backgrounds": 5, "distractors": 1}
    assert Counter(c.fold for c in bank.select(labels=["dog"])) == {0: 2, 1: 2, 2: 2, 3: 2}
    assert Counter(c.fold for c in bank.select(labels=["cat"])) == {0: 2, 1: 2, 2: 1, 3: 1}
    assert Counter(c.fold for c in bank.select(kind="backgrounds")) == {0: 2, 1: 1, 2: 1, 3: 1}
    assert all((c.split == "val") == (c.fold == 3) for c in bank.clips)
    assert len({c.split_group for c in bank.clips}) == 20
    third = next(c for c in bank.clips if c.path == "dog/2.wav")
    assert (third.onset, third.offset, third.duration) == (0.0, 0.3, 0.3)
    assert load_soundbank(str(tmp_path)) == bank


@pytest.mark.parametrize("suffix", ["aiff", "AIF", "w64", "flac"])
def test_a_bank_of_any_readable_format(tmp_path, suffix):
    """What detect reads, a bank may hold: of AIFF it once "held no events"."""
    for place in ("dog/a", "dog/b", "backgrounds/rain"):
        path = tmp_path / f"{place}.{suffix}"
        path.parent.mkdir(exist_ok=True)
        kind = "AIFF" if suffix.lower() in ("aiff", "aif") else suffix.upper()
        sf.write(path, np.full(800, 0.5), 8000, format=kind)
    bank = load_soundbank(str(tmp_path))
    assert [clip.path for clip in bank.clips] == sorted(
        f"{place}.{suffix}" for place in ("dog/a", "dog/b", "backgrounds/rain")
    )
    assert bank.labels == ["dog"] and {clip.duration for clip in bank.clips} == {0.1}


def test_plain_bank_may_keep_events_in_a_folder(tmp_path):
    write_wav(tmp_path / "events" / "dog" / "a.wav")
    write_wav(tmp_path / "backgrounds" / "b.wav")
    clips = load_soundbank(str(tmp_path)).clips
    assert [(c.kind, c.label) for c in clips] == [("backgrounds", "backgrounds"), ("events", "dog")]
    write_wav(tmp_path / "events" / "loose.wav")
    with pytest.raises(DataError, match="loose.wav.*without a label"):
        load_soundbank(str(tmp_path))


def test_plain_bank_without_backgrounds_or_audio(tmp_path):
    write_wav(tmp_path / "dog" / "a.wav")
    with pytest.raises(DataError, match="no backgrounds"):
        load_soundbank(str(tmp_path))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no events"):
        load_soundbank(str(tmp_path / "empty"))


def test_hold_out_splits_by_source():
    clips = [event("dog", f"d{g}", n) for g in range(10) for n in range(3)]
    clips += [event("cat", f"c{g}") for g in range(4)]
    clips += [event("rain", f"r{g}", kind="backgrounds") for g in range(10)]
    clips += [event("knock", "d0", kind="distractors")]  # shares its source with a dog
    kept, held = hold_out(clips, 0.2, seed=1)
    assert sorted(kept + held, key=repr) == sorted(clips, key=repr)
    assert not {c.split_group for c in kept} & {c.split_group for c in held}
    groups = {label: {c.split_group for c in held if c.label == label} for label in ("dog", "cat")}
    assert {label: len(g) for label, g in groups.items()} == {"dog": 2, "cat": 2}
    assert len([c for c in held if c.kind == "backgrounds"]) == 2
    assert hold_out(reversed(clips), 0.2, seed=1)[1] == held[::-1]
    assert any(hold_out(clips, 0.2, seed=s)[1] != held for s in range(2, 6))


def test_hold_out_needs_enough_sources():
    rain = [event("rain", f"r{g}", kind="backgrounds") for g in range(2)]
    with pytest.raises(DataError, match="cat: 2 source groups, expected at least 3"):
        hold_out(rain + [event("cat", f"c{g}") for g in range(2)], 0.2, seed=0)
    with pytest.raises(DataError, match="backgrounds: 1 source groups, expected at least 2"):
        hold_out(rain[:1] + [event("cat", f"c{g}") for g in range(3)], 0.2, seed=0)


def test_root_comes_from_argument_then_environment(monkeypatch):
    monkeypatch.setenv("AUDIODET_SOUNDBANK", "/from/environment")
    assert soundbank_root("/given") == "/given"
    assert soundbank_root() == "/from/environment"
    monkeypatch.delenv("AUDIODET_SOUNDBANK")
    with pytest.raises(DataError, match="AUDIODET_SOUNDBANK"):
        soundbank_root()


def test_real_bank_agrees_with_its_table(soundbank):
    bank = load_soundbank(soundbank)
    with open(f"{soundbank}/soundbank.csv", newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert len(bank.clips) == len(rows)
    assert bank.labels == ["babycry", "glassbreak", "gunshot"]
    folds = Counter((c.split_group, c.fold, c.split) for c in bank.clips)
    assert len(folds) == len({group for group, _, _ in folds})  # a source is in one fold and split
    for clip in bank.clips[::40]:
        duration = sf.info(f"{soundbank}/{clip.path}").duration
        assert duration == pytest.approx(clip.duration, abs=2e-3)


@pytest.mark.parametrize(
    "path, encoding, words",
    [
        ("dog/ü.wav", "latin-1", "soundbank.csv: not a text file .*expected UTF-8 text"),
        ("x" * 300 + ".wav", "utf-8", "soundbank.csv:2: file x+.wav is missing in"),
        ("a\0b.wav", "utf-8", "soundbank.csv: not a text file .it holds NUL."),
        ('"' + "x" * 200_000 + '"', "utf-8", r"soundbank.csv:\d: field larger than field limit"),
    ],
)
def test_tables_that_are_odd_are_named(path, encoding, words, tmp_path):
    header = "path,kind,label,split,fold,duration,onset,offset,split_group\n"
    row = f"{path},events,dog,train,0,1.0,,,a\n"
    (tmp_path / "soundbank.csv").write_bytes((header + row).encode(encoding))
    with pytest.raises(DataError, match=words):
        load_soundbank(str(tmp_path))


def test_a_row_that_is_cut_short_is_named(tmp_path):
    header = "path,kind,label,split,fold,duration,onset,offset,split_group\n"
    (tmp_path / "soundbank.csv").write_text(header + "a.wav,eve")
    with pytest.raises(DataError, match="soundbank.csv:2: kind 'eve', expected one of"):
        load_soundbank(str(tmp_path))
