"""The stored candidates of finished evaluations, joined."""

from dataclasses import replace

import pytest

from audiodet.errors import DataError
from audiodet.evaluation.clips import ClipResult, load_clips, save_clips
from audiodet.events import Event
from papers.ensembles import join_clips, join_folds

TRUTH = Event(1.0, 2.0, "dog")


def clip(name, score, **changes):
    candidates = [Event(1.0, 2.0, "dog", score)]
    return ClipResult(name, 30.0, [TRUTH], candidates, "dog", "a source", **changes)


def test_clips_are_joined_by_name(tmp_path):
    first = [clip("a", 0.8, parts={"detector_scores": [0.7]}), clip("b", 0.2)]
    save_clips([clip("b", 0.6), clip("a", 0.4)], tmp_path / "clips.jsonl")
    joined = join_clips([first, load_clips(tmp_path / "clips.jsonl")])
    assert [(x.name, x.candidates[0].score) for x in joined] == [
        ("a", pytest.approx(0.6)),
        ("b", pytest.approx(0.4)),
    ]
    whole = replace(first[0], candidates=joined[0].candidates, parts={})
    assert joined[0] == whole  # the truth, the target and the source stay


def test_members_of_other_clips_are_refused():
    run = [clip("a", 0.8), clip("b", 0.2)]
    with pytest.raises(DataError, match="member 2 .* 1 clips, expected the 2 of the first; b is"):
        join_clips([run, run[:1]])
    other = [run[0], replace(run[1], reference=[])]
    with pytest.raises(DataError, match=r"member 2 .* b has the events \[\], expected \[Event"):
        join_clips([run, other])


def test_members_of_other_folds_are_refused():
    runs = [{0: {"hard": [clip("a", 0.8)]}}, {1: {"hard": [clip("a", 0.8)]}}]
    with pytest.raises(DataError, match=r"a member of the ensemble has no fold 0, expected \[0\]"):
        join_folds(runs)
