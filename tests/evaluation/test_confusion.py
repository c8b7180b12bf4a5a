"""Which labels are taken for which, by hand and against the scores."""

from audiodet.evaluation import ClipResult, Matching, score_clips
from audiodet.evaluation.confusion import confusion, confusion_text
from audiodet.evaluation.pairs import only_both, paired_bootstrap, won_clips
from audiodet.events import Event

from .test_counts import LABELS, random_clips

PAIR = ["cry", "shot"]
ALL = {"cry": 0.5, "shot": 0.5}


def test_by_hand():
    """A hit stays a hit though another label lies there too; a far report is a false alarm."""
    true = [Event(1, 2, "cry"), Event(5, 6, "cry"), Event(9, 10, "shot")]
    found = [
        Event(1.1, 2, "cry", 0.9),
        Event(1.0, 2, "shot", 0.95),  # nothing is left at 1 s: a false alarm
        Event(5.2, 6, "shot", 0.8),  # the cry at 5 s taken for a shot
        Event(9.1, 10, "shot", 0.4),  # below the threshold
        Event(12, 13, "cry", 0.6),
    ]
    clips = [ClipResult("a", 20, true, found)]
    table = confusion(clips, PAIR, ALL)
    assert table.tolist() == [[1, 1, 0], [0, 0, 1], [1, 1, 0]]
    text = confusion_text(table, PAIR).splitlines()
    assert text[2].split() == ["cry", "1", "1"] and text[4].split() == ["(nothing)", "1", "1"]


def test_it_adds_up_to_the_scores():
    for matching in (Matching(), Matching(0.3, True)):
        clips = random_clips(number=20)
        thresholds = dict.fromkeys(LABELS, 0.3)
        table = confusion(clips, LABELS, thresholds, matching)
        totals = score_clips(clips, LABELS, thresholds, matching=matching).totals
        for k, label in enumerate(LABELS):
            hits, inserted, missed = totals[label]
            assert table[k, k] == hits
            assert table[k].sum() == hits + missed and table[:, k].sum() == hits + inserted


def clip(name, *scores):
    """A clip with a cry at 1 s, and reports: a hit for a score above 0, else a false alarm."""
    found = [Event(1 if score > 0 else 6 + i, 20, "cry", 0.9) for i, score in enumerate(scores)]
    return ClipResult(name, 30, [Event(1, 2, "cry")], found)


def test_clips_won_by_hand():
    a = [clip("x", 1), clip("y"), clip("z", 1, -1, -1), clip("only a", 1)]
    b = [clip("z", 1), clip("y"), clip("x", -1)]
    shared = only_both(a, b)
    assert [c.name for c in shared[0]] == [c.name for c in shared[1]] == ["x", "y", "z"]
    scores = [score_clips(side, PAIR, ALL) for side in shared]
    won = won_clips(*scores)
    assert won == {"a": [("x", 0, 2)], "b": [("z", 0, 2)], "equal": 1}
    difference, low, high = paired_bootstrap(*scores, n=200)["ER-cry"]
    assert difference == 0 and low < 0 < high
    assert paired_bootstrap(scores[0], scores[0], n=50)["F1-cry"] == (0, 0, 0)
