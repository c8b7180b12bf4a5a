"""What a folder of labelled recordings holds: the facts that a recipe is chosen by."""

import os
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from audiodet.audio import audio_info, read_blocks
from audiodet.audio.limits import Limits
from audiodet.audio.notes import in_batch
from audiodet.data.labels.rows import LabelTable, outside_clip
from audiodet.errors import AudioError, DataError

BLOCK = 30.0  # seconds decoded at a time
SHORTEST = 0.1  # seconds of a recording
TOUCHING = 0.02  # seconds between two events of a label that are counted as one after another


@dataclass(frozen=True)
class Survey:
    """Facts of the labelled recordings; times in seconds.

    Attributes:
        kind: "strong" or "weak".
        labels: sorted.
        events: split -> {label: events, or recordings where labels are weak}.
        durations: split -> {recording: duration}.
        lengths: of the events in train, sorted; empty where labels are weak.
        touching: part of the events in train that the next one of their label follows at once.
        sample_rate: that most recordings have, in Hz.
        bad: {recording: why it cannot be used}.
    """

    kind: str
    labels: tuple[str, ...]
    events: dict[str, Counter]
    durations: dict[str, dict[str, float]]
    lengths: np.ndarray
    touching: float
    sample_rate: int
    bad: dict[str, str]

    def quantile(self, part: float) -> float:
        """Length that a part of the events in train does not exceed."""
        return float(np.quantile(self.lengths, part)) if len(self.lengths) else 0.0

    def seconds(self, split: str) -> float:
        """Duration of a split's recordings."""
        return sum(self.durations.get(split, {}).values())

    def lines(self) -> list[str]:
        """What there is, for people."""
        lines = []
        for split, files in self.durations.items():
            number = sum(self.events[split].values())
            what = "events" if self.kind == "strong" else "labels of whole clips"
            counts = ", ".join(f"{self.events[split][label]} {label}" for label in self.labels)
            minutes = self.seconds(split) / 60
            text = f"{split}: {len(files)} recordings, {minutes:.1f} min, {number} {what}"
            lines.append(f"{text} ({counts})")
        if len(self.lengths):
            short, middle, long = map(self.quantile, (0.05, 0.5, 0.95))
            lines.append(f"events last {short:.3g} to {long:.3g} s, half of them {middle:.3g} s")
        return lines


def survey(tables: dict[str, LabelTable]) -> tuple[Survey, dict[str, LabelTable]]:
    """Look at the recordings of the splits -> the facts, and the tables without bad recordings.

    Raises:
        DataError: labels of two kinds, a split without a usable recording, an event outside its
            recording, or a label that does not occur in train.
    """
    kinds = {table.kind for table in tables.values()}
    if len(kinds) > 1 or "unlabelled" in kinds:
        raise DataError(
            f"{', '.join(tables)} have {' and '.join(sorted(kinds))} labels, expected strong ones "
            "(onset, offset, label) or weak ones (the labels of a recording) everywhere"
        )
    durations, rates, bad = {}, Counter(), {}
    for split, table in tables.items():
        with in_batch():
            durations[split] = _durations(table, rates, bad)
        if not durations[split]:
            first = next(iter(bad.values()), "it lists none")
            raise DataError(f"{table.path}: no usable recording in {split}; the first: {first}")
    tables = {split: _without(table, bad) for split, table in tables.items()}
    labels = tables["train"].labels()
    for split, table in tables.items():
        _check(split, table, durations[split], labels)
    train = tables["train"]
    lengths = [row.offset - row.onset for row in train.rows if row.onset is not None]
    facts = Survey(
        kind=train.kind,
        labels=tuple(labels),
        events={split: _counts(table) for split, table in tables.items()},
        durations=durations,
        lengths=np.sort(lengths),
        touching=_touching(train),
        sample_rate=rates.most_common(1)[0][0],
        bad=bad,
    )
    return facts, tables


def _durations(table: LabelTable, rates: Counter, bad: dict) -> dict[str, float]:
    """Decode all recordings -> duration of each that can be; counts rates, notes what is bad."""
    durations = {}
    for name in table.clips():
        path = os.path.join(table.audio_dir, name)
        try:
            rate = audio_info(path).sample_rate
            limits = Limits(path, rate, rate)  # which rate the model gets is not known yet
            seconds = sum(len(block) for block in read_blocks(path, None, BLOCK, limits)) / rate
            if seconds < SHORTEST:
                raise AudioError(f"{path}: {seconds:.3f} s, expected at least {SHORTEST} s")
        except AudioError as error:
            bad[name] = str(error)
            continue
        limits.warn()
        durations[name] = seconds
        rates[rate] += 1
    return durations


def _without(table: LabelTable, bad: dict) -> LabelTable:
    rows = [row for row in table.rows if os.path.normpath(row.filename) not in bad]
    return replace(table, rows=rows)


def _check(split: str, table: LabelTable, durations: dict, labels: list[str]) -> None:
    unknown = sorted(set(table.labels()) - set(labels))
    if unknown or not labels:
        raise DataError(
            f"{table.path}: {split} has labels {', '.join(unknown) or 'no labels'} that train has "
            f"not, expected some of {', '.join(labels) or 'at least one'}"
        )
    for name, rows in table.clips().items():
        for row in rows:
            problem = outside_clip(row, durations[name])
            if problem:
                raise DataError(f"{row.place or table.path}: {problem}")


def _counts(table: LabelTable) -> Counter:
    return Counter(label for row in table.rows for label in row.labels)


def _touching(table: LabelTable) -> float:
    """Part of the events whose label's next event begins within TOUCHING of their end."""
    if table.kind != "strong":
        return 0.0
    ends = {}
    close = 0
    number = 0
    for name, events in table.events().items():
        for event in events:
            before = ends.get((name, event.label))
            close += before is not None and abs(event.onset - before) <= TOUCHING
            ends[name, event.label] = event.offset
            number += 1
    return close / max(1, number)
