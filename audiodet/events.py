"""What an event is, and which candidate events are reported: plain data, seconds, no torch."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from audiodet.errors import AudioError, ConfigError


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


@dataclass
class Detection:
    """What became of one recording.

    Attributes:
        source: as it was named to the detector.
        events: in order of onset; empty when there is an error.
        duration: of the recording, in seconds.
        error: why it could not be used, else None.
    """

    source: object
    events: list[Event] = field(default_factory=list)
    duration: float = 0.0
    error: AudioError | None = None


def decide(
    events: Iterable[Event], thresholds: Mapping[str, float], best_event_per_clip: bool = False
) -> list[Event]:
    """The events of one clip that are reported, in order of onset.

    Args:
        events: candidate events of the clip.
        thresholds: an event stays when its score is at least the threshold of its label.
        best_event_per_clip: of each label only the highest score stays (of equal scores the
            earliest onset), the protocol of DCASE 2017 Task 2.
    """
    kept = sorted(event for event in events if event.score >= thresholds[event.label])
    if best_event_per_clip:
        best = {}
        for event in kept:
            if event.label not in best or event.score > best[event.label].score:
                best[event.label] = event
        kept = sorted(best.values())
    return kept


def thresholds_by_label(
    thresholds: float | Sequence[float] | Mapping[str, float], labels: Sequence[str]
) -> dict[str, float]:
    """One threshold for each label, from any form that a configuration or a model holds.

    Args:
        thresholds: one number for all labels (alone or in a sequence), one per label in their
            order, or a mapping that names every label.

    Raises:
        ConfigError: a label has no threshold, or there are too many.
    """
    if isinstance(thresholds, Mapping):
        if set(thresholds) != set(labels):
            _refuse_unknown(thresholds, labels)
            raise ConfigError(
                f"thresholds are given for {sorted(thresholds)}, expected {sorted(labels)}"
            )
        return {label: float(thresholds[label]) for label in labels}
    values = list(thresholds) if isinstance(thresholds, Sequence) else [thresholds]
    if len(values) == 1:
        values *= len(labels)
    if len(values) != len(labels):
        raise ConfigError(
            f"TEST.THRESHOLDS has {len(values)} numbers, expected 1 or {len(labels)}, "
            f"one for each of {list(labels)}"
        )
    return dict(zip(labels, map(float, values)))


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
