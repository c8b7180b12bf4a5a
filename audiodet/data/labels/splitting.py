"""Train, validation and test sets of labelled recordings.

Iterative stratification (Sechidis, Tsoumakas and Vlahavas, ECML PKDD 2011) over groups of
recordings: the rarest label is dealt out first, each time to the set that still wants most of it.
scikit-learn stratifies groups by one label only, into sets of equal size.
"""

import os
import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from audiodet.data.labels.rows import LabelTable
from audiodet.errors import DataError

SPLITS = ("train", "val", "test")
TRIES = 10  # orders of dealing, of which the evenest result is taken
MANY = 2000  # recordings (or groups), which are even after one
RECORDINGS = None  # what is dealt out as well as labels


def split_recordings(
    table: LabelTable,
    fractions: Sequence[float] = (0.7, 0.15, 0.15),
    groups: Mapping[str, str] | None = None,
    seed: int = 0,
) -> list[LabelTable]:
    """Divide the recordings of a table, stratified by label; one table for each fraction.

    Args:
        fractions: of the events (of weak labels: of the clips); they add up to 1. A set of
            fraction 0 is empty.
        groups: {recording: its group}: recordings of one group stay together; None: each is alone.
        seed: the same seed and table give the same split.

    Raises:
        DataError: the fractions are none, or a label is in fewer recordings (or groups) than
            there are splits.
    """
    wanted = [number for number, fraction in enumerate(fractions) if fraction > 0]
    if min(fractions, default=-1) < 0 or abs(sum(fractions) - 1) > 1e-6:
        raise DataError(f"fractions {list(fractions)}, expected numbers from 0 on that add up to 1")
    clips = table.clips()
    contents = defaultdict(Counter)
    for filename, rows in clips.items():
        content = contents[groups[filename] if groups else filename]
        content[RECORDINGS] += 1
        for row in rows:
            content.update(row.labels)
    _expect_enough(table, contents, len(wanted), "groups" if groups else "recordings")
    deals = []
    for attempt in range(TRIES if len(contents) < MANY else 1):
        order = sorted(contents)
        random.Random(f"{seed} {attempt}").shuffle(order)
        deals.append(_deal(order, contents, {n: fractions[n] for n in wanted}))
    best = min(deals, key=lambda places: _unevenness(places, contents, fractions))
    rows = [[] for _ in fractions]
    for filename, listed in clips.items():
        rows[best[groups[filename] if groups else filename]] += listed
    return [replace(table, rows=some, problems=[], notes=[]) for some in rows]


def groups_of(table: LabelTable, by: str) -> dict[str, str] | None:
    """{recording: its group} for :func:`split_recordings`.

    Args:
        by: "recording" (None is returned), "folder", or else the table's own groups.

    Raises:
        DataError: a recording has no group, or two.
    """
    if by == "recording":
        return None
    groups = {}
    for filename, rows in table.clips().items():
        named = {row.group for row in rows} if by != "folder" else {os.path.dirname(filename)}
        if len(named) > 1 or None in named:
            found = ", ".join(sorted(map(str, named)))
            raise DataError(f"{rows[0].place}: {filename} has {by} {found}, expected one")
        groups[filename] = named.pop()
    return groups


def _expect_enough(table: LabelTable, contents: Mapping, splits: int, what: str) -> None:
    if len(contents) < splits:
        raise DataError(f"{table.path}: {len(contents)} {what}, expected at least {splits}")
    counts = Counter(label for content in contents.values() for label in content)
    few = {label: count for label, count in sorted(counts.items(), key=str) if count < splits}
    if few:
        named = ", ".join(f"{label} in {count}" for label, count in few.items())
        raise DataError(
            f"{table.path}: labels in too few {what} to be in each of {splits} splits: {named}; "
            f"expected at least {splits}: label more, or leave them out by a label map"
        )


def _deal(
    order: Sequence[str], contents: Mapping[str, Counter], fractions: Mapping[int, float]
) -> dict[str, int]:
    """{group: split}, the rarest label first; ``order`` decides between equal groups."""
    total = sum((contents[group] for group in order), Counter())
    wants = {n: {what: part * total[what] for what in total} for n, part in fractions.items()}
    has = {n: set() for n in fractions}
    waiting = {what: {} for what in total}  # its groups; a dict keeps their order
    for group in order:
        for what in contents[group]:
            waiting[what][group] = None
    places = {}
    while len(places) < len(order):
        what = min(
            (what for what in waiting if waiting[what]),
            key=lambda each: (each is RECORDINGS, len(waiting[each]), str(each)),
        )
        for group in list(waiting[what]):
            choice = _allowed(contents[group], has, waiting)
            place = max(choice, key=lambda n: (wants[n][what], wants[n][RECORDINGS]))
            places[group] = place
            has[place] |= contents[group].keys()
            for content, count in contents[group].items():
                wants[place][content] -= count
                del waiting[content][group]
    return places


def _allowed(
    content: Counter, has: Mapping[int, set], waiting: Mapping[str | None, dict]
) -> list[int]:
    """Splits that a group may go to: only those that lack a label which needs all its groups."""
    choice = list(has)
    for label in sorted(content, key=lambda each: len(waiting[each])):
        lacking = [n for n in has if label not in has[n]]
        needed = [n for n in lacking if n in choice]
        if needed and len(lacking) >= len(waiting[label]):
            choice = needed
    return choice


def _unevenness(places: Mapping, contents: Mapping, fractions: Sequence[float]) -> tuple:
    """How many labels some split lacks, then how far shares of labels are from the fractions."""
    held = [Counter() for _ in fractions]
    for group, place in places.items():
        held[place] += contents[group]
    total = sum(held, Counter())
    lacking = 0
    distance = 0.0
    for n, fraction in enumerate(fractions):
        for what, count in total.items():
            lacking += fraction > 0 and not held[n][what]
            distance += abs(held[n][what] / count - fraction)
    return lacking, distance
