"""Scores against numbers worked by hand and against sed_eval called directly."""

import numpy as np
import pytest
from sed_eval.sound_event import EventBasedMetrics, SegmentBasedMetrics

from audiodet.errors import DataError
from audiodet.evaluation import (
    ClipResult,
    Matching,
    load_clips,
    of_label,
    pool_scores,
    results,
    save_clips,
    score_clips,
    score_micro,
    score_segments,
    table,
)
from audiodet.evaluation.counts import sed_eval_list
from audiodet.evaluation.scores import OVERALL, SEDScores
from audiodet.events import Event

LABELS = ["cry", "shot"]
ALL = {"cry": 0.0, "shot": 0.0}


def worked_example() -> list[ClipResult]:
    """cry: hit, miss, insertion, and one 0.6 s late (a miss and an insertion); shot: one hit."""
    return [
        ClipResult("hit", 10, [Event(1, 2, "cry")], [Event(1.4, 3, "cry", 0.9)]),
        ClipResult("miss", 10, [Event(1, 2, "cry")], []),
        ClipResult("insertion", 10, [], [Event(5, 6, "cry", 0.9)]),
        ClipResult("late", 10, [Event(1, 2, "cry")], [Event(1.6, 2, "cry", 0.9)]),
        ClipResult("other", 10, [Event(3, 4, "shot")], [Event(3, 4, "shot", 0.9)]),
        ClipResult("empty", 10, [], []),
    ]


def random_clips(seed: int = 0, number: int = 60, target: bool = False) -> list[ClipResult]:
    """Events anywhere; most are found with onset and offset some tenths of a second off."""
    rng = np.random.default_rng(seed)

    def events(mean):
        onsets = rng.uniform(0, 8, rng.poisson(mean))
        labels = rng.choice(LABELS, len(onsets)).tolist()
        return [Event(t, t + rng.uniform(0.1, 2), k, rng.random()) for t, k in zip(onsets, labels)]

    def heard(event):
        onset = max(0.0, event.onset + rng.normal(0, 0.25))
        offset = max(onset + 0.05, event.offset + rng.normal(0, 0.3))
        return Event(onset, offset, event.label, rng.random())

    clips = []
    for i in range(number):
        true = events(1.5)
        found = [heard(event) for event in true if rng.random() < 0.8] + events(1.0)
        clips.append(ClipResult(f"c{i}", 10.0, true, found, LABELS[i % 2] if target else None))
    return clips


def test_worked_example():
    scores = score_clips(worked_example(), LABELS, ALL)
    assert scores.totals["cry"].tolist() == [1, 2, 2]
    cry = scores.per_label["cry"]
    assert cry["ER"] == pytest.approx(4 / 3) and cry["F1"] == pytest.approx(100 * 2 / 6)
    assert cry["precision"] == pytest.approx(100 / 3) and cry["recall"] == pytest.approx(100 / 3)
    assert cry["deletions"] == pytest.approx(2 / 3) and cry["insertions"] == pytest.approx(2 / 3)
    assert scores.mean["ER"] == pytest.approx((4 / 3 + 0) / 2)
    assert scores.mean["F1"] == pytest.approx((100 / 3 + 100) / 2)


@pytest.mark.parametrize("evaluate_offset", [False, True])
def test_equals_sed_eval_over_whole_lists(evaluate_offset):
    clips = random_clips()
    matching = Matching(collar=0.3, evaluate_offset=evaluate_offset, offset_fraction=0.2)
    scores = score_clips(clips, LABELS, {"cry": 0.3, "shot": 0.6}, matching=matching)
    referee = EventBasedMetrics(
        LABELS, evaluate_offset=evaluate_offset, t_collar=0.3, percentage_of_length=0.2
    )
    evaluate_directly(referee, clips)
    found = referee.results()
    assert scores.mean["ER"] == pytest.approx(
        found["class_wise_average"]["error_rate"]["error_rate"]
    )
    assert scores.mean["F1"] == pytest.approx(
        100 * found["class_wise_average"]["f_measure"]["f_measure"]
    )
    for label in LABELS:
        ours, theirs = scores.per_label[label], found["class_wise"][label]
        assert ours["ER"] == pytest.approx(theirs["error_rate"]["error_rate"])
        assert ours["deletions"] == pytest.approx(theirs["error_rate"]["deletion_rate"])
        assert ours["insertions"] == pytest.approx(theirs["error_rate"]["insertion_rate"])
        for name, key in [("F1", "f_measure"), ("precision", "precision"), ("recall", "recall")]:
            assert ours[name] == pytest.approx(100 * theirs["f_measure"][key])


def test_one_label_equals_sed_eval_overall():
    clips = random_clips()
    for clip in clips:
        clip.reference = [e for e in clip.reference if e.label == "cry"]
    scores = score_clips(clips, LABELS, {"cry": 0.3, "shot": 2.0})
    referee = EventBasedMetrics(["cry"], evaluate_offset=False, t_collar=0.5)
    evaluate_directly(referee, clips, only="cry")
    overall = referee.results_overall_metrics()
    assert scores.per_label["cry"]["ER"] == pytest.approx(overall["error_rate"]["error_rate"])
    assert scores.per_label["cry"]["F1"] == pytest.approx(100 * overall["f_measure"]["f_measure"])


def test_segments_equal_sed_eval():
    clips = random_clips()
    scores = score_segments(clips, LABELS, {"cry": 0.3, "shot": 0.6}, seconds=0.5)
    referee = SegmentBasedMetrics(LABELS, time_resolution=0.5)
    evaluate_directly(referee, clips, length=10.0)
    average = referee.results_class_wise_average_metrics()
    assert scores.mean["ER"] == pytest.approx(average["error_rate"]["error_rate"])
    assert scores.mean["F1"] == pytest.approx(100 * average["f_measure"]["f_measure"])


def evaluate_directly(referee, clips, only=None, length=None):
    def as_dicts(events):
        return [
            {"event_onset": e.onset, "event_offset": e.offset, "event_label": e.label}
            for e in events
            if only in (None, e.label)
        ]

    for clip in clips:
        found = [e for e in clip.candidates if e.score >= {"cry": 0.3, "shot": 0.6}[e.label]]
        extra = () if length is None else (length,)
        referee.evaluate(as_dicts(clip.reference), as_dicts(found), *extra)


def busy_clips(number: int) -> list[ClipResult]:
    """Clips of 10 s with up to a dozen events of four labels, many of them under a wrong label."""
    rng = np.random.default_rng(1)
    labels = ["a", "b", "c", "d"]
    clips = []
    for i in range(number):
        true, reported = [], []
        for onset in rng.uniform(0, 9, rng.integers(0, 7)):
            label = str(rng.choice(labels))
            true.append(Event(onset, onset + rng.uniform(0.05, 2), label))
            if rng.random() < 0.8:
                other = str(rng.choice(labels)) if rng.random() < 0.3 else label
                start = max(0.0, onset + rng.normal(0, 0.3))
                reported.append(Event(start, start + rng.uniform(0.05, 2), other))
        for onset in rng.uniform(0, 9, rng.integers(0, 4)):
            reported.append(Event(onset, onset + 0.5, str(rng.choice(labels))))
        clips.append(ClipResult(f"c{i}", 10.0, sorted(true), sorted(reported)))
    return clips


def assert_counts_are_separate_ones(scores: SEDScores, separate, names) -> None:
    """As sed_eval alone on each label's events, and on all events: clip by clip."""
    for i, clip in enumerate(scores.clips):
        for k, label in enumerate(scores.labels):
            events = [of_label(side, label) for side in (clip.reference, clip.candidates)]
            counts = separate([label], *events).class_wise[label]
            assert scores.counts[i, k].tolist() == [counts[x] for x in ("Ntp", "Nfp", "Nfn")]
        overall = separate(scores.labels, clip.reference, clip.candidates).overall
        assert scores.overall[i].tolist() == [overall[name] for name in names]
    assert scores.overall[:, 3].sum() > 20  # substitutions


@pytest.mark.parametrize("matching", [Matching(0.5), Matching(0.2, True, 0.3)])
def test_one_pass_equals_a_pass_for_each_label_and_one_for_all(matching):
    def separate(labels, true, reported):
        metrics = EventBasedMetrics(
            list(labels),
            t_collar=matching.collar,
            evaluate_offset=matching.evaluate_offset,
            percentage_of_length=matching.offset_fraction,
        )
        return metrics.evaluate(sed_eval_list(true), sed_eval_list(reported))

    names = ("Nref", "Nsys", "Ntp", "Nsubs", "Nfn", "Nfp")
    everything = dict.fromkeys("abcd", 0.0)
    scores = score_clips(busy_clips(300), list("abcd"), everything, matching=matching)
    assert_counts_are_separate_ones(scores, separate, names)


def test_segments_equal_sed_evals_passes():
    def separate(labels, true, reported):
        metrics = SegmentBasedMetrics(list(labels), time_resolution=0.5)
        return metrics.evaluate(sed_eval_list(true), sed_eval_list(reported), 10.0)

    everything = dict.fromkeys("abcd", 0.0)
    scores = score_segments(busy_clips(300), list("abcd"), everything, seconds=0.5)
    assert_counts_are_separate_ones(scores, separate, OVERALL)


@pytest.mark.parametrize("count", [score_segments, score_micro])
def test_an_event_that_ends_on_an_edge_does_not_touch_the_next_segment(count):
    """3.0000000000000004 is three seconds; 3.0001 is in the fourth. So is 0.9999 in the first."""
    truth = [Event(1.0, 3.0, "cry")]
    for reported, errors in (
        (Event(1.0, 3.0000000000000004, "cry"), [2, 0, 0]),
        (Event(0.9999999999999999, 3.0, "cry"), [2, 0, 0]),
        (Event(1.0, 3.0001, "cry"), [2, 1, 0]),
        (Event(0.9999, 3.0, "cry"), [2, 1, 0]),
        (Event(1.0000000000000002, 1.9999999999999998, "cry"), [1, 0, 1]),
    ):
        scores = count([ClipResult("a", 10.0, truth, [reported])], LABELS, ALL)
        assert scores.totals["cry"].tolist() == errors
        hits, inserted, missed = errors
        assert scores.overall[0].tolist() == [2, hits + inserted, hits, 0, missed, inserted]


def test_truth_and_silence():
    clips = random_clips()
    truth = [ClipResult(c.name, c.duration, c.reference, c.reference) for c in clips]
    silent = [ClipResult(c.name, c.duration, c.reference, []) for c in clips]
    for score in (score_clips, score_segments):
        assert score(truth, LABELS, ALL).mean["ER"] == 0
        assert score(truth, LABELS, ALL).mean["F1"] == 100
        nothing = score(silent, LABELS, ALL).mean
        assert (nothing["ER"], nothing["F1"], nothing["precision"]) == (1, 0, 0)


def test_a_clip_counts_only_for_its_target():
    clips = random_clips(target=True)
    scores = score_clips(clips, LABELS, ALL)
    for k, label in enumerate(LABELS):
        own = [c for c in clips if c.target == label]
        alone = [
            ClipResult(
                c.name,
                10.0,
                *(
                    [e for e in events if e.label == label]
                    for events in (c.reference, c.candidates)
                ),
            )
            for c in own
        ]
        assert (
            scores.totals[label].tolist()
            == score_clips(alone, LABELS, ALL).counts[:, k].sum(0).tolist()
        )
        assert all(event.label == label for c in own for event in c.decided(ALL, False))


def test_false_alarms_in_empty_clips_count():
    clips = worked_example()
    without = score_clips([c for c in clips if c.name != "insertion"], LABELS, ALL)
    assert (
        score_clips(clips, LABELS, ALL).per_label["cry"]["ER"]
        == without.per_label["cry"]["ER"] + 1 / 3
    )


def test_label_without_reference_is_left_out_and_listed():
    clips = [c for c in worked_example() if c.name != "other"]
    clips[0].candidates.append(Event(7, 8, "shot", 0.9))
    scores = score_clips(clips, LABELS, ALL)
    assert scores.without_reference == ["shot"]
    assert np.isnan(scores.per_label["shot"]["ER"]) and np.isnan(scores.per_label["shot"]["F1"])
    assert scores.mean["ER"] == scores.per_label["cry"]["ER"]
    assert "left out of the mean: shot" in table(scores, results(scores))
    nothing = score_clips([ClipResult("empty", 10)], LABELS, ALL)
    assert np.isnan(nothing.mean["ER"]) and np.isnan(nothing.mean["F1"])


def test_pooled_folds_keep_their_thresholds():
    clips = random_clips()
    low, high = {"cry": 0.1, "shot": 0.1}, {"cry": 0.8, "shot": 0.8}
    folds = [score_clips(clips[:30], LABELS, low), score_clips(clips[30:], LABELS, high)]
    pooled = pool_scores(folds)
    assert (pooled.counts.sum(0) == folds[0].counts.sum(0) + folds[1].counts.sum(0)).all()
    assert len(pooled.clips) == 60
    with pytest.raises(DataError, match="c0: scored twice"):
        pool_scores([folds[0], folds[0]])


def test_clips_survive_a_file(tmp_path):
    clips = random_clips(target=True)
    clips[0].source_group = "freesound 17"
    save_clips(clips, tmp_path / "clips.jsonl")
    assert load_clips(tmp_path / "clips.jsonl") == clips
    with open(tmp_path / "clips.jsonl", "a") as file:
        file.write('{"name": "half')
    with pytest.raises(DataError, match="clips.jsonl, line 61: .*expected a clip's results"):
        load_clips(tmp_path / "clips.jsonl")


def test_unknown_labels_and_double_names_are_refused():
    with pytest.raises(DataError, match="a: label 'dog', expected"):
        score_clips([ClipResult("a", 10, [Event(1, 2, "dog")])], LABELS, ALL)
    with pytest.raises(DataError, match="a: label 'dog', expected"):
        score_clips([ClipResult("a", 10, target="dog")], LABELS, ALL)
    with pytest.raises(DataError, match="a: scored twice"):
        score_clips([ClipResult("a", 10), ClipResult("a", 10)], LABELS, ALL)
