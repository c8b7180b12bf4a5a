"""What an event is, and which candidate events are reported: plain data, seconds, no torch."""

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from audiodet.errors import AudioError, ConfigError, require_package

if TYPE_CHECKING:
    import pandas


class Event(NamedTuple):
    """One sound event; onset and offset are in seconds from the clip's start.

    ``low_hz`` and ``high_hz`` are its frequencies, None where the system does not know them.
    """

    onset: float
    offset: float
    label: str
    score: float = 1.0
    low_hz: float | None = None
    high_hz: float | None = None


@dataclass(frozen=True)
class Agreement:
    """When a predicted event is a hit of a true one (the rule of sed_eval's EventBasedMetrics).

    Attributes:
        collar: largest distance of the onsets, in seconds.
        evaluate_offset: the offsets must agree too, within the larger of `collar` and
            `offset_fraction` of the true event's length.
    """

    collar: float = 0.5
    evaluate_offset: bool = False
    offset_fraction: float = 0.5


@dataclass
class Detection:
    """What became of one recording.

    Attributes:
        source: as it was named to the detector.
        events: in order of onset; empty when there is an error.
        duration: of the recording, in seconds.
        error: why it could not be used, else None.
        candidates: the same events and those below their thresholds, down to the detector's floor,
            in order of onset.
        scores: over time, where they were asked for: see
            :class:`~audiodet.inference.curves.ScoreCurves`.
    """

    source: object
    events: list[Event] = field(default_factory=list)
    duration: float = 0.0
    error: AudioError | None = None
    candidates: list[Event] = field(default_factory=list)
    scores: Any = None

    def to_dataframe(self, candidates: bool = False) -> "pandas.DataFrame":
        """The events (or all candidates) as a pandas DataFrame, a row each.

        Columns as in the tables of `audiodet detect`: filename, onset, offset, event_label, score;
        and low_hz, high_hz, NaN where they are not known. Samples have no filename.

        Raises:
            AudiodetError: pandas is not installed.
        """
        require_package("pandas", "Detection.to_dataframe()")
        import pandas as pd

        events = self.candidates if candidates else self.events
        table = pd.DataFrame(events, columns=Event._fields)
        table = table.astype({"score": float, "low_hz": float, "high_hz": float})
        table = table.rename(columns={"label": "event_label"})
        name = os.fspath(self.source) if isinstance(self.source, str | os.PathLike) else None
        table.insert(0, "filename", name)
        return table


def decide(
    events: Iterable[Event],
    thresholds: Mapping[str, float],
    best_event_per_clip: bool = False,
    min_lengths: Mapping[str, float] | None = None,
) -> list[Event]:
    """The events of one clip that are reported, in order of onset.

    Args:
        events: candidate events of the clip.
        thresholds: an event stays when its score is at least the threshold of its label.
        best_event_per_clip: of each label only the highest score stays (of equal scores the
            earliest onset), the protocol of DCASE 2017 Task 2.
        min_lengths: shorter events, in seconds, are left out; labels without one keep all.
    """
    kept = sorted(event for event in events if event.score >= thresholds[event.label])
    if min_lengths:
        kept = [e for e in kept if e.offset - e.onset >= min_lengths.get(e.label, 0.0)]
    if best_event_per_clip:
        best = {}
        for event in kept:
            if event.label not in best or event.score > best[event.label].score:
                best[event.label] = event
        kept = sorted(best.values())
    return kept


def thresholds_by_label(
    thresholds: float | Sequence[float] | Mapping[str, float],
    labels: Sequence[str],
    key: str = "TEST.THRESHOLDS",
) -> dict[str, float]:
    """One threshold for each label, from any form that a configuration or a model holds.

    Args:
        thresholds: one number for all labels (alone or in a sequence), one per label in their
            order, or a mapping that names every label.
        key: what they are called in an error; shortest lengths come in the same forms.

    Raises:
        ConfigError: a label has no threshold, or there are too many.
    """
    if isinstance(thresholds, Mapping):
        if set(thresholds) != set(labels):
            _refuse_unknown(thresholds, labels)
            raise ConfigError(
                f"thresholds are given for {sorted(thresholds)}, expected {sorted(labels)}"
            )
        return _numbers({label: thresholds[label] for label in labels}, key)
    values = list(thresholds) if isinstance(thresholds, Sequence) else [thresholds]
    if len(values) == 1:
        values *= len(labels)
    if len(values) != len(labels):
        raise ConfigError(
            f"{key} has {len(values)} numbers, expected 1 or {len(labels)}, "
            f"one for each of {list(labels)}"
        )
    return _numbers(dict(zip(labels, values)), key)


def _numbers(values: Mapping[str, float], key: str) -> dict[str, float]:
    """The same as floats; ConfigError for NaN, above which nothing is."""
    numbers = {label: float(value) for label, value in values.items()}
    for label, value in numbers.items():
        if math.isnan(value):
            raise ConfigError(f"{key} of {label} is NaN, expected a number")
    return numbers


MANY_LABELS = 20  # an error does not name more


def _refuse_unknown(names: Iterable[str], labels: Sequence[str]) -> None:
    """ConfigError for names that are none of many labels, with those that are spelled alike."""
    from difflib import get_close_matches

    unknown = sorted(set(names) - set(labels))
    if not unknown or len(labels) <= MANY_LABELS:
        return
    alike = []
    for name in unknown:
        alike += get_close_matches(name, labels, cutoff=0.5)
    such_as = f", such as {alike}" if alike else ""
    raise ConfigError(
        f"thresholds are given for {unknown}, expected some of the model's {len(labels)} "
        f"labels{such_as}"
    )
