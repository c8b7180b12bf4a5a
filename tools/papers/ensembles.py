"""Ensembles after the fact: the stored candidates of finished evaluations, joined clip by clip."""

from collections.abc import Sequence
from dataclasses import replace

from audiodet.errors import DataError
from audiodet.evaluation.clips import ClipResult
from audiodet.voting import Voting
from papers.folds import of_each


def join_clips(runs: Sequence[Sequence[ClipResult]], voting: Voting = Voting()) -> list[ClipResult]:
    """Results of several models on the same clips -> those of their ensemble.

    Args:
        runs: for each member its clips, as :func:`audiodet.evaluation.load_clips` reads them from
            a ``clips.jsonl``; in any order.
    """
    first, *others = [{clip.name: clip for clip in run} for run in runs]
    for number, member in enumerate(others, 2):
        _check(first, member, number)
    joined = []
    for name, clip in first.items():
        candidates = [clip.candidates, *(member[name].candidates for member in others)]
        joined.append(replace(clip, candidates=voting.join(candidates), parts={}))
    return joined


def join_folds(members: Sequence[dict], voting: Voting = Voting()) -> dict:
    """{fold: {condition: clips}} of each member -> the same of their ensemble."""
    first, *others = members
    joined = {}
    for fold, conditions in first.items():
        if not all(fold in member for member in others):
            raise DataError(f"a member of the ensemble has no fold {fold}, expected {list(first)}")
        joined[fold] = {}
        for name, clips in conditions.items():
            runs = [clips, *(member[fold][name] for member in others)]
            joined[fold][name] = join_clips(runs, voting)
    return joined


def scored_events(clips: dict) -> dict:
    """{fold: {condition: clips}} without candidates of labels that a clip is not scored for."""

    def scored(clip: ClipResult) -> ClipResult:
        events = [event for event in clip.candidates if clip.is_scored(event.label)]
        return replace(clip, candidates=events, parts={})

    return of_each(clips, scored)


def _check(first: dict, member: dict, number: int) -> None:
    """Refuse a member that was not scored on the very clips of the first."""
    if set(first) != set(member):
        different = sorted(set(first) ^ set(member))
        raise DataError(
            f"member {number} of the ensemble: {len(member)} clips, expected the {len(first)} of "
            f"the first; {different[0]} is only in one of them"
        )
    for name, clip in first.items():
        if clip.reference != member[name].reference:
            raise DataError(
                f"member {number} of the ensemble: {name} has the events {member[name].reference}, "
                f"expected {clip.reference} as the first has them"
            )
