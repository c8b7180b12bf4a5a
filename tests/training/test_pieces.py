"""Long recordings in pieces: no event is cut, nothing moves, originals stay as they are."""

import numpy as np
import pytest
import soundfile as sf

from audiodet.audio import read_audio
from audiodet.data.labels.table import read_table
from audiodet.training.pieces import LONGEST, cuts, in_pieces
from tests.training.sounds import drawn_events, write_recording


def test_cuts_lie_between_events():
    events = [(onset, onset + 3.0) for onset in np.arange(0.0, 200.0, 3.5)]
    edges = cuts(events, 210.0)
    assert edges[0] == 0.0 and edges[-1] == 210.0
    assert max(np.diff(edges)) <= LONGEST and len(edges) < 12
    for edge in edges[1:-1]:
        assert not any(onset < edge < offset for onset, offset in events)


def test_an_event_longer_than_a_piece_stays_whole():
    assert cuts([(10.0, 100.0)], 120.0) == [0.0, 9.5, 100.5, 120.0]
    assert cuts([(0.0, 100.0)], 120.0) == [0.0, 100.5, 120.0]
    assert cuts([], 95.0) == [0.0, 30.0, 60.0, 90.0, 95.0]


def test_events_and_samples_are_those_of_the_recording(tmp_path):
    events = drawn_events(3, 0.5, 95.0, gap=2.0)
    audio = tmp_path / "long.wav"
    write_recording(audio, events, 95.0)
    before = audio.read_bytes()
    rows = [f"long.wav\t{on}\t{off}\t{label}" for on, off, label in events]
    path = tmp_path / "train.tsv"
    path.write_text("\n".join(["filename\tonset\toffset\tevent_label", *rows]) + "\n")
    table = read_table(path)
    table.audio_dir = str(tmp_path)
    pieces = in_pieces(table, tmp_path / "pieces")
    assert audio.read_bytes() == before
    start = 0.0
    found = []
    joined = []
    for name, own in pieces.events().items():
        found += [(start + e.onset, start + e.offset, e.label) for e in own]
        joined.append(sf.read(name, dtype="float32")[0])
        start += len(joined[-1]) / 16000
    assert len(joined) == 4
    assert [label for *_, label in found] == [label for *_, label in events]
    times = np.array([row[:2] for row in events])
    assert np.array([row[:2] for row in found]) == pytest.approx(times, abs=2e-4)
    assert np.abs(np.concatenate(joined) - read_audio(str(audio))).max() < 1e-6


def test_a_short_recording_is_used_itself(tmp_path):
    write_recording(tmp_path / "short.wav", [], 2.0)
    path = tmp_path / "train.tsv"
    path.write_text("filename\tonset\toffset\tevent_label\nshort.wav\t0.5\t1\tlow\n")
    table = read_table(path)
    table.audio_dir = str(tmp_path)
    pieces = in_pieces(table, tmp_path / "pieces")
    assert list(pieces.clips()) == [str(tmp_path / "short.wav")]
    assert not (tmp_path / "pieces").exists()
