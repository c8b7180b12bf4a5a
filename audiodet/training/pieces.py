"""Long recordings in pieces, so that memory and time do not grow with a recording's length.

Originals are only read. Pieces are cut where no event is, are FLAC of 24 bits at the recording's
own rate, and lie in the folder of the training until it has ended.
"""

import os
from dataclasses import replace
from pathlib import Path

import soundfile as sf

from audiodet.audio import audio_info, read_audio
from audiodet.data.labels.rows import LabelTable, Row
from audiodet.files import atomic_path

LONGEST = 30.0  # seconds of a recording that stays whole, and of a piece
PIECES = "pieces"  # the folder's name
SHORTEST = 1.0  # seconds of a piece
MARGIN = 0.5  # seconds between a cut and an event, where there is room


def in_pieces(table: LabelTable, folder: Path) -> LabelTable:
    """A table whose recordings are at most about LONGEST seconds long, by absolute paths.

    A recording with weak labels stays whole: a piece need not hold them.
    """
    rows = []
    for number, (name, own) in enumerate(table.clips().items()):
        path = os.path.abspath(os.path.join(table.audio_dir, name))
        duration = audio_info(path).duration
        if duration <= LONGEST or table.kind != "strong":
            rows += [replace(row, filename=path) for row in own]
            continue
        stem = folder / f"{Path(table.path).stem}_{number:05d}"
        rows += _pieces(path, own, duration, str(stem))
    return replace(table, rows=rows, audio_dir="")


def _pieces(path: str, rows: list[Row], duration: float, stem: str) -> list[Row]:
    """Write the pieces of a recording -> its rows, each in the piece that holds it."""
    events = sorted((row for row in rows if row.onset is not None), key=lambda row: row.onset)
    edges = cuts([(row.onset, row.offset) for row in events], duration)
    moved = []
    for number, (start, end) in enumerate(zip(edges, edges[1:])):
        piece = f"{stem}_{number:04d}.flac"
        _write(path, piece, start, end - start)
        inside = [row for row in events if start <= row.onset < end]
        for row in inside:
            offset = min(row.offset, end) - start
            moved.append(replace(row, filename=piece, onset=row.onset - start, offset=offset))
        if not inside:
            moved.append(Row(0, piece))
    return moved


def cuts(events: list[tuple[float, float]], duration: float) -> list[float]:
    """Where to cut: from 0 to ``duration``, at most LONGEST apart but where events leave no gap.

    Args:
        events: (onset, offset) in order of onset.
    """
    places = _places(events, duration)
    edges = [0.0]
    while duration - edges[-1] > LONGEST:
        limit = edges[-1] + LONGEST
        least = edges[-1] + SHORTEST
        later = [(max(first, least), last) for first, last in places if last > least]
        if not later:
            break
        (place,) = [place for place in later if place[0] <= limit][-1:] or later[:1]
        edges.append(max(place[0], min(place[1], limit)))
    return [*edges, duration]


def _places(events, duration: float) -> list[tuple[float, float]]:
    """(first, last) place of a cut in each gap between events: in the middle of a short one."""
    places = []
    reached = 0.0
    for onset, offset in [*events, (duration, duration)]:
        margin = min(MARGIN, (onset - reached) / 2)
        if onset > reached:
            places.append((reached + margin, onset - margin))
        reached = max(reached, offset)
    return places


def _write(path: str, piece: str, start: float, seconds: float) -> None:
    if os.path.isfile(piece):  # of a training that was stopped
        return
    rate = audio_info(path).sample_rate
    samples = read_audio(path, rate, start, seconds)
    with atomic_path(piece) as temporary:
        sf.write(temporary, samples, rate, "PCM_24", format="FLAC")
