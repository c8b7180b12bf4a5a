"""Kinds of errors on clips made by hand."""

from audiodet.evaluation import ClipResult
from papers.error_kinds import error_kinds
from audiodet.events import Event


def clip(number: int, event, *candidates) -> ClipResult:
    reference = [Event(*event, "cry")] if event else []
    found = [Event(on, off, "cry", score) for on, off, score in candidates]
    return ClipResult(str(number), 30.0, reference, found, target="cry")


def test_each_kind():
    cases = {
        "hit": [(5.0, 8.0), (5.4, 8.0, 0.9), (20.0, 21.0, 0.3)],
        "unsure": [(5.0, 8.0), (5.4, 8.0, 0.4)],
        "early": [(5.0, 8.0), (4.0, 8.0, 0.9)],
        "late": [(5.0, 8.0), (7.0, 8.0, 0.4)],
        "elsewhere": [(5.0, 8.0), (20.0, 21.0, 0.9), (5.0, 8.0, 0.8)],
        "nothing": [(5.0, 8.0)],
        "false alarm": [None, (1.0, 2.0, 0.5)],
        None: [None, (1.0, 2.0, 0.4)],
    }
    for number, (kind, case) in enumerate(cases.items()):
        assert error_kinds([clip(number, *case)], {"cry": 0.5})["cry"] == (
            {kind: 1} if kind else {}
        )
