"""Splits: nothing in two, every label in each, shares near the fractions, the same every time."""

from collections import Counter

import pytest

from audiodet.data.labels.describing import split_text
from audiodet.data.labels.rows import LabelTable, Row
from audiodet.data.labels.splitting import groups_of, split_recordings
from audiodet.errors import DataError


def table_of(contents, groups=None):
    """A table from {recording: its labels}, an event each."""
    table = LabelTable("labels.tsv", "strong", audio_dir="audio")
    for name, labels in contents.items():
        group = groups[name] if groups else None
        events = [Row(0, name, (label,), n, n + 1, group=group) for n, label in enumerate(labels)]
        table.rows += events or [Row(0, name, group=group)]
    return table


def counts_of(part):
    return Counter(label for row in part.rows for label in row.labels)


# 100 recordings: every one has dogs, every fourth a cat, every tenth a cow, 20 are empty.
MANY = {}
for number in range(80):
    cats = ["cat"] * (number % 4 == 0)
    MANY[f"{number}.wav"] = ["dog"] * (1 + number % 3) + cats + ["cow"] * (number % 10 == 0)
MANY |= {f"empty{number}.wav": [] for number in range(20)}


def test_shares_of_every_label():
    """No two sets share a recording, and shares are within one recording's events."""
    table = table_of(MANY)
    parts = split_recordings(table, (0.7, 0.15, 0.15))
    names = [set(part.clips()) for part in parts]
    assert sorted(map(len, names)) == [15, 15, 70] and set().union(*names) == set(MANY)
    total = counts_of(table)
    for part, fraction in zip(parts, (0.7, 0.15, 0.15)):
        assert part.audio_dir == "audio" and part.kind == "strong"
        for label, count in counts_of(part).items():
            assert abs(count - fraction * total[label]) < 2, label
    assert sum(map(len, (part.rows for part in parts))) == len(table.rows)


def test_a_seed_is_a_split():
    def names(seed):
        return [sorted(part.clips()) for part in split_recordings(table_of(MANY), seed=seed)]

    assert names(1) == names(1) and names(1) != names(2)


def test_rare_labels_are_in_every_split():
    """Three recordings of each of four labels, tied to each other by a common one."""
    contents = {f"{label}{n}.wav": [label, "common"] for label in "abcd" for n in range(3)}
    for seed in range(20):
        for part in split_recordings(table_of(contents), seed=seed):
            assert set(counts_of(part)) == {*"abcd", "common"}


def test_groups_stay_together():
    """30 recordings from 10 sites; each site's three stand in one set."""
    contents = {f"{n}.wav": ["dog", "cat"] for n in range(30)}
    sites = {name: f"site{int(name[:-4]) // 3}" for name in contents}
    table = table_of(contents, sites)
    assert groups_of(table, "site") == sites and groups_of(table, "recording") is None
    parts = split_recordings(table, (0.6, 0.2, 0.2), groups_of(table, "site"))
    held = [{sites[name] for name in part.clips()} for part in parts]
    assert [len(part.clips()) for part in parts] == [18, 6, 6]
    assert not (held[0] & held[1] or held[0] & held[2] or held[1] & held[2])
    assert split_text(dict(zip(("train", "val", "test"), parts)), sites).splitlines() == [
        "              train    val    test",
        "recordings       18      6       6",
        "groups            6      2       2",
        "cat              18      6       6",
        "dog              18      6       6",
    ]


def test_groups_by_folder():
    table = table_of({"s1/a.wav": ["dog"], "s1/b.wav": ["dog"], "s2/a.wav": ["dog"]})
    assert groups_of(table, "folder") == {"s1/a.wav": "s1", "s1/b.wav": "s1", "s2/a.wav": "s2"}


def test_a_recording_in_two_groups_or_none():
    with pytest.raises(DataError, match="a.wav has site None, expected one"):
        groups_of(table_of({"a.wav": ["dog"]}, {"a.wav": None}), "site")
    table = table_of({"a.wav": ["dog"]}, {"a.wav": "x"})
    table.rows.append(Row(7, "a.wav", ("dog",), 5, 6, group="y", source="labels.tsv"))
    with pytest.raises(DataError, match="a.wav has site x, y, expected one"):
        groups_of(table, "site")


@pytest.mark.parametrize(
    "contents, fractions, words",
    [
        ({"a": ["x"], "b": ["x"], "c": ["x", "y"]}, (0.7, 0.15, 0.15), "each of 3 splits: y in 1;"),
        ({"a": ["x"], "b": ["x"]}, (0.7, 0.15, 0.15), "2 recordings, expected at least 3"),
        ({"a": ["x"], "b": ["x"], "c": ["x"]}, (0.7, 0.2, 0.2), "expected numbers .* add up to 1"),
        ({"a": ["x"], "b": ["x"], "c": ["x"]}, (1.2, -0.2), "expected numbers .* add up to 1"),
    ],
)
def test_what_cannot_be_split(contents, fractions, words):
    with pytest.raises(DataError, match=words):
        split_recordings(table_of(contents), fractions)


def test_a_set_of_fraction_0_is_empty():
    """A label then needs only two recordings."""
    parts = split_recordings(table_of({"a": ["x"], "b": ["x"]}), (0.5, 0, 0.5))
    assert [len(part.clips()) for part in parts] == [1, 0, 1]


def test_weak_and_unlabelled_tables_are_split_too():
    weak = LabelTable("w", "weak", [Row(0, f"{n}.wav", ("dog", "cat")) for n in range(9)])
    parts = split_recordings(weak, (1 / 3, 1 / 3, 1 / 3))
    assert [counts_of(part) for part in parts] == [{"dog": 3, "cat": 3}] * 3
    unlabelled = LabelTable("u", "unlabelled", [Row(0, f"{n}.wav") for n in range(9)])
    assert [len(part.rows) for part in split_recordings(unlabelled, (1 / 3, 1 / 3, 1 / 3))] == [
        3
    ] * 3
