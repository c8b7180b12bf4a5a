"""The items of a page, events and true events, as columns that a script reads fast."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from audiodet.events import Agreement, Event
from audiodet.matching import match, possible_hits
from audiodet.visualization.report.media import holds, part_around
from audiodet.visualization.report.sources import Run


@dataclass
class Item:
    """One thing to look at: an event that was found, or a true event.

    Attributes:
        recording: its place in the run.
        event: times, label and score.
        is_truth: whether it is a true event, which has no score of its own.
        hit: of a found event: whether it is one; None in recordings without truth.
        found: of a true event: the threshold at and below which it is found, else None.
        rivals: of a false alarm: places among the items of true events of other labels at its time.
    """

    recording: int
    event: Event
    is_truth: bool = False
    hit: bool | None = None
    found: float | None = None
    rivals: list[int] = field(default_factory=list)


def collect_items(run: Run, matching: Agreement) -> list[Item]:
    """Found events recording by recording in order of onset, then true events likewise."""
    found = []
    true = []
    for number, recording in enumerate(run.recordings):
        events = [Item(number, event) for event in sorted(recording.events)]
        truth = [Item(number, event, True) for event in sorted(recording.truth or ())]
        found += events
        true += truth
        if recording.truth is not None:
            _compare(events, truth, matching)
    places = {id(item): len(found) + place for place, item in enumerate(true)}
    for item in found:
        item.rivals = [places[id(other)] for other in item.rivals]
    return found + true


def _compare(events: Sequence[Item], truth: Sequence[Item], matching: Agreement) -> None:
    """Fill in hits, thresholds and rivals of one recording; rivals are still items."""
    ranked = sorted(events, key=lambda item: -item.event.score)
    true = [item.event for item in truth]
    near = possible_hits(true, [item.event for item in ranked], matching)
    edges = []
    for item, places in zip(ranked, near):
        edges.append([i for i in places if true[i].label == item.event.label])
    found, _ = match(edges)
    for item, place, places in zip(ranked, found, near):
        item.hit = place is not None
        if item.hit:
            truth[place].found = item.event.score
        else:
            others = [truth[i] for i in places]
            item.rivals = [x for x in others if x.event.label != item.event.label]


def labels_of(run: Run, items: Sequence[Item]) -> list[str]:
    """The run's labels that occur, in its order, then others that the truth has.

    All of the run's labels where that is a handful.
    """
    seen = {item.event.label for item in items}
    known = [label for label in run.labels if label in seen or len(run.labels) <= 12]
    return known + sorted(seen - set(known))


def choose_clips(items: Sequence[Item], run: Run, most: int) -> list[int]:
    """Places of the items that get a clip, at most ``most`` of each label.

    Reported events come first, then misses, then the rest; where not all of a kind fit they are
    taken evenly over their scores, so that every part of a slider's range can be heard.
    """
    queues = defaultdict(lambda: ([], [], []))
    for place, item in enumerate(items):
        threshold = run.thresholds.get(item.event.label, 0.5)
        if item.is_truth:
            kind = 2 if item.found is not None and item.found >= threshold else 1
        else:
            kind = 0 if item.event.score >= threshold else 2
        queues[item.event.label][kind].append(place)
    chosen = []
    for kinds in queues.values():
        room = most
        for places in kinds:
            taken = _evenly(sorted(places, key=lambda place: items[place].event.score), room)
            room -= len(taken)
            chosen += taken
    return sorted(chosen)


def share_clips(items: Sequence[Item], chosen: Sequence[int], run: Run) -> dict:
    """{place: (start, seconds, place of the item whose clip it is)} of chosen places, in order.

    An item that lies well inside the clip of the one before it has no clip of its own.
    """
    clips = {}
    last = None
    for place in chosen:
        item = items[place]
        duration = run.recordings[item.recording].duration
        times = (item.event.onset, item.event.offset, duration)
        own = (item.recording, *part_around(*times), place)
        if last is None or last[0] != own[0] or not holds(last[1:3], own[1:3], *times):
            last = own
        clips[place] = last[1:]
    return clips


def _evenly(places: Sequence[int], most: int) -> list[int]:
    if len(places) <= most:
        return list(places)
    return [places[round(i * (len(places) - 1) / max(most - 1, 1))] for i in range(most)]


def columns(items: Sequence[Item], labels: Sequence[str]) -> dict[str, list]:
    """The items by column; times in seconds to the millisecond, labels as places in ``labels``."""
    place = {label: number for number, label in enumerate(labels)}
    table = {name: [] for name in ("recording", "onset", "offset", "label", "score", "hit")}
    for item in items:
        event = item.event
        score = item.found if item.is_truth else event.score
        row = (
            item.recording,
            round(event.onset, 3),
            round(max(event.offset, event.onset + 0.001), 3),
            place[event.label],
            None if score is None else round(score, 9),
            None if item.hit is None else int(item.hit),
        )
        for column, value in zip(table.values(), row):
            column.append(value)
    return table
