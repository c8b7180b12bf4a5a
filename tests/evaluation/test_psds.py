"""Scores without thresholds, by hand; the macro F1 of DCASE 2019 Task 4 against sed_eval."""

import ast
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from detectron2.data import DatasetCatalog, MetadataCatalog
from detectron2.structures import Boxes, Instances
from sed_eval.sound_event import EventBasedMetrics
from sed_scores_eval.base_modules.io import read_sed_scores

from audiodet.config import get_cfg
from audiodet.errors import ConfigError, DataError
from audiodet.evaluation.clips import ClipResult
from audiodet.evaluation import Matching, score_clips
from audiodet.evaluation import SEDEvaluator, build_sed_evaluators
from audiodet.evaluation import psds
from audiodet.evaluation.psds import ScoreEvaluator
from audiodet.events import Event
from audiodet.evaluation.pairs import paired_bootstrap
from papers.pairs import pool_scores

from .test_statistics import bootstrap

LABELS = ["a", "b", "c"]
# Four clips of 10 s; "b" touches and overlaps itself, "c" never sounds.
EVENTS = [
    [(1.0, 3.0, 0)],
    [(2.0, 4.0, 0), (5.0, 7.0, 1), (6.0, 8.0, 1)],
    [(4.0, 6.0, 1)],
    [(7.0, 9.0, 0)],
]


def note(onset, offset, k):
    return {"bbox": [onset, 0.0, offset, 1.0], "bbox_mode": 0, "category_id": k, "iscrowd": 0}


@pytest.fixture
def dataset():
    records = [
        {
            "file_name": f"{i}.wav",
            "image_id": i,
            "height": 1,
            "width": 10.0,
            "label_kind": "strong",
            "annotations": [note(*e) for e in events],
        }
        for i, events in enumerate(EVENTS)
    ]
    DatasetCatalog.register("toy_scores", lambda: records)
    MetadataCatalog.get("toy_scores").set(thing_classes=LABELS, evaluator_type="sed")
    yield "toy_scores"
    DatasetCatalog.remove("toy_scores")
    MetadataCatalog.remove("toy_scores")


def config(**test):
    cfg = get_cfg()
    values = {"COLLAR": 0.2, "EVALUATE_OFFSET": True, "OFFSET_FRACTION": 0.2}
    values.update({"BOOTSTRAP": 0, "THRESHOLDS": (0.5,)})
    for key, value in {**values, **test}.items():
        cfg.TEST[key] = value
    return cfg


def outputs(found=EVENTS, shift=0.0, step=0.1, score=0.9, low=0.1):
    """Frame scores that know the events; steps of 0.1 s that reach 0.3 s beyond the clip."""
    edges = torch.arange(104, dtype=torch.float64) * step
    centres, results = (edges[:-1] + step / 2).numpy(), []
    for events in found:
        scores = np.full((103, 3), low)
        for onset, offset, k in events:
            scores[(centres > onset + shift) & (centres < offset + shift), k] = score
        results.append({"frame_scores": torch.from_numpy(scores), "frame_edges": edges})
    return results


def evaluate(evaluator, results):
    evaluator.reset()
    evaluator.process([{"image_id": i} for i in range(len(results))], results)
    return evaluator.evaluate()["scores"]


def test_a_perfect_system(dataset, caplog):
    with caplog.at_level("WARNING"):
        found = evaluate(ScoreEvaluator(dataset, config()), outputs())
    assert found["PSDS1"] == found["PSDS2"] == found["PSDS1-a"] == pytest.approx(1.0)
    assert found["F1-best"] == found["AP"] == found["F1-best-b"] == pytest.approx(100.0)
    assert "left out: c" in caplog.text and "F1-best-c" not in found


def test_events_in_the_wrong_place(dataset):
    """0.5 s late: outside of 0.2 s, and 1.5 of 2 s are met, which 0.7 and 0.1 both let pass."""
    evaluator = ScoreEvaluator(dataset, config())
    late = evaluate(evaluator, outputs(shift=0.5))
    assert late["PSDS1"] == late["PSDS2"] == pytest.approx(1.0) and late["F1-best"] == 0.0
    later = evaluate(evaluator, outputs(shift=1.0))  # half of most: only PSDS 2 forgives
    assert later["PSDS1"] < 0.3 and later["PSDS2"] == pytest.approx(1.0)
    onset_only = ScoreEvaluator(dataset, config(COLLAR=0.6, EVALUATE_OFFSET=False))
    assert evaluate(onset_only, outputs(shift=0.5))["F1-best"] == pytest.approx(100.0)


def test_one_label_missed_by_hand(dataset):
    """PSDS: mean of the labels' recall less its deviation; F1 and AP: the mean of 1 and little."""
    only_a = outputs([[e for e in events if e[2] == 0] for events in EVENTS])
    found = evaluate(ScoreEvaluator(dataset, config()), only_a)
    assert found["PSDS1"] == found["PSDS2"] == pytest.approx(0.5 - 0.5)
    assert found["PSDS1-a"] == pytest.approx(1.0) and found["PSDS1-b"] == 0.0
    assert found["F1-best-a"] == pytest.approx(100.0) and found["F1-best-b"] == 0.0
    assert found["F1-best"] == pytest.approx(50.0)


def test_half_of_each_label_by_hand(dataset):
    half = [EVENTS[0], [EVENTS[1][1], EVENTS[1][2]], [], []]  # one of three "a", one of two "b"
    found = evaluate(ScoreEvaluator(dataset, config()), outputs(half))
    rates = np.array([1 / 3, 1 / 2])
    assert found["PSDS1"] == pytest.approx(rates.mean() - rates.std(), abs=1e-6)
    assert found["F1-best-a"] == pytest.approx(100 * 2 / (1 + 3))


def test_a_single_label(dataset):
    """No cross triggers are possible.

    From 0.1 on everything is found: PSDS 2 lets that pass but in the clip without "a", which is one
    false alarm in 40 s, 90 of 100 an hour.
    """
    only_a = [[e for e in events if e[2] == 0] for events in EVENTS]
    for record, events in zip(DatasetCatalog.get(dataset), only_a):
        record["annotations"] = [note(*e) for e in events]
    found = evaluate(ScoreEvaluator(dataset, config()), outputs(only_a[:2] + [[], []]))
    assert found["PSDS1"] == found["PSDS1-a"] == pytest.approx(2 / 3)
    assert found["PSDS2"] == found["PSDS2-a"] == pytest.approx(0.9 * 2 / 3 + 0.1)


@pytest.fixture
def many(dataset):
    """100 clips of 10 s with one "a" each; 70 of them are found."""
    records = DatasetCatalog.get(dataset)
    first = dict(records[0])
    records[:] = [
        {**first, "file_name": f"{i}.wav", "image_id": i, "annotations": [note(1.0, 3.0, 0)]}
        for i in range(100)
    ]
    found = [[(1.0, 3.0, 0)] if i % 10 < 7 else [] for i in range(100)]
    return dataset, outputs(found, low=0.0)


def test_intervals_of_a_proportion(many):
    """PSDS 1 is the share of events found: p +- 1.96 sqrt(p (1 - p) / n); F1 is 2 p / (1 + p)."""
    name, results = many
    assert not any("-low" in x for x in evaluate(ScoreEvaluator(name, config()), results))
    found = evaluate(ScoreEvaluator(name, config(BOOTSTRAP=10)), results)
    assert found["PSDS1"] == pytest.approx(0.7)
    expected = 2 * 1.96 * np.sqrt(0.7 * 0.3 / 100)
    assert found["PSDS1-high"] - found["PSDS1-low"] == pytest.approx(expected, rel=0.25)
    slope = 200 / (1 + 0.7) ** 2  # of F1 in percent over the share
    assert found["F1-best-high"] - found["F1-best-low"] == pytest.approx(slope * expected, rel=0.3)
    for measure in ("PSDS1", "PSDS2", "F1-best", "AP"):
        assert found[f"{measure}-low"] <= found[measure] <= found[f"{measure}-high"]
        assert found[f"{measure}-a-low"] <= found[f"{measure}-a"] <= found[f"{measure}-a-high"]


def test_samples_without_an_event_of_a_label_are_left_out(dataset):
    """Halves of four clips often miss "a" or "b": no error, and no sample that has no figure."""
    found = evaluate(ScoreEvaluator(dataset, config(BOOTSTRAP=10)), outputs())
    assert found["F1-best-low"] == found["F1-best-high"] == pytest.approx(100.0)


def test_the_missing_package_is_named(dataset, monkeypatch):
    """Before the model runs, not after."""
    monkeypatch.setitem(sys.modules, "sed_scores_eval", None)
    monkeypatch.delitem(sys.modules, "audiodet.evaluation.psds")
    with pytest.raises(
        ConfigError, match="'scores'.*pip install sed_scores_eval.*C\\+\\+ compiler"
    ):
        build_sed_evaluators(config(EVALUATORS=("scores",)), dataset)
    others = ("events", "tags", "frames")
    assert build_sed_evaluators(config(EVALUATORS=others), dataset)


LATE = ("psds", "psds_of_curves")  # modules that are themselves imported when they are needed


def test_the_package_is_imported_when_it_is_needed():
    """And so is pandas, which only it needs: no other module imports them, or this one."""
    for path in Path(psds.__file__).parent.glob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.Import | ast.ImportFrom) and path.stem not in LATE:
                statement = ast.unparse(node)
                for late in ("sed_scores_eval", "pandas", "evaluation.psds"):
                    assert late not in statement, path


def test_frame_scores_on_disk(dataset, tmp_path):
    evaluate(ScoreEvaluator(dataset, config(), str(tmp_path)), outputs())
    table = read_sed_scores(tmp_path / "scores" / "000001_1.tsv")
    assert list(table.columns) == ["onset", "offset", "a", "b"] and table.offset.iloc[-1] == 10.0
    assert table.a[(table.onset > 2.05) & (table.offset < 3.95)].min() == pytest.approx(0.9)


def detections(events) -> dict:
    """[(onset, offset, label, score), ...] -> a region detector's output."""
    boxes = Boxes(torch.tensor([[on, 0.0, off, 1.0] for on, off, _, _ in events]).reshape(-1, 4))
    scores, labels = torch.tensor([e[3] for e in events]), torch.tensor([e[2] for e in events])
    return {
        "instances": Instances((1, 10), pred_boxes=boxes, scores=scores, pred_classes=labels.long())
    }


def test_a_region_detector_is_scored_by_its_events(dataset):
    """As a frame-level system whose scores are those of the best event that is there."""
    (evaluator,) = build_sed_evaluators(config(EVALUATORS=("scores",)), dataset, None)._evaluators
    clips = [{"image_id": i, "width": 10.01} for i in range(len(EVENTS))]

    def score(found):
        evaluator.reset()
        evaluator.process(clips, [detections(events) for events in found])
        return evaluator.evaluate()["scores"]

    right = [[(*e, 0.3 + 0.1 * i) for e in events] for i, events in enumerate(EVENTS)]
    found = score(right)
    assert found["PSDS1"] == found["PSDS2"] == pytest.approx(1.0)
    assert found["F1-best"] == found["AP"] == pytest.approx(100.0)
    beside = [[*events, (0.1, 0.9, 0, 0.2)] for events in right]  # weaker, in the wrong place
    assert score(beside)["F1-best"] == pytest.approx(100.0)
    stronger = [[*events, (0.1, 0.9, 0, 0.99)] for events in right]
    assert score(stronger)["F1-best-a"] == pytest.approx(100 * 2 * 3 / (3 + 3 + 4))
    assert score([[]] * 4)["F1-best"] == 0.0


def test_nothing_to_score(dataset):
    for record in DatasetCatalog.get(dataset):
        record["annotations"] = []
    with pytest.raises(DataError, match="toy_scores: 0 true events"):
        evaluate(ScoreEvaluator(dataset, config()), outputs())
    DatasetCatalog.get(dataset)[0]["label_kind"] = "weak"
    with pytest.raises(DataError, match="0.wav: its labels are 'weak', expected 'strong'"):
        evaluate(ScoreEvaluator(dataset, config()), outputs())


CLIPS = [
    ClipResult("x", 10.0, [Event(1.0, 3.0, "a")], [Event(1.15, 3.35, "a", 0.9)]),  # 0.4 s are 20 %
    ClipResult(
        "y", 10.0, [Event(1.0, 3.0, "b")], [Event(1.0, 3.45, "b", 0.9), Event(5.0, 6.0, "c", 0.9)]
    ),
    ClipResult("z", 10.0, [Event(2.0, 2.5, "b")], [Event(2.0, 2.65, "b", 0.9)]),  # 0.2 s
]


def challenge_scores(zero):
    matching = Matching.from_config(config())
    scores = score_clips(CLIPS, LABELS, dict.fromkeys(LABELS, 0.5), False, matching)
    return replace(scores, zero_f1=zero)


def test_macro_f1_of_the_challenge_against_sed_eval():
    """200 ms onsets, offsets within the larger of 200 ms and 20 %: a 1/1, b 1/2."""
    metrics = EventBasedMetrics(
        LABELS, t_collar=0.2, percentage_of_length=0.2, empty_system_output_handling="zero_score"
    )
    for clip in CLIPS:
        lists = [
            [
                {"event_onset": e.onset, "event_offset": e.offset, "event_label": e.label}
                for e in part
            ]
            for part in (clip.reference, clip.candidates)
        ]
        metrics.evaluate(*lists)
    theirs = metrics.results_class_wise_metrics()
    ours = challenge_scores(False).per_label
    for label in ("a", "b"):
        assert ours[label]["F1"] == pytest.approx(100 * theirs[label]["f_measure"]["f_measure"])
    assert (ours["a"]["F1"], ours["b"]["F1"]) == (100.0, 50.0) and np.isnan(ours["c"]["F1"])


def test_a_label_without_references_scores_0_if_asked_to():
    out, zero = challenge_scores(False), challenge_scores(True)
    assert out.mean["F1"] == pytest.approx(75.0) and zero.mean["F1"] == pytest.approx(50.0)
    assert zero.per_label["c"]["F1"] == 0 and np.isnan(zero.per_label["c"]["ER"])
    assert zero.mean["ER"] == pytest.approx(out.mean["ER"])
    assert pool_scores([zero]).mean["F1"] == pytest.approx(50.0)
    low, high = bootstrap(zero, 200)["F1"]
    assert 0 <= low <= 50 <= high <= 200 / 3 + 1e-9 and bootstrap(out, 200)["F1"][1] > 70
    assert paired_bootstrap(zero, zero, 20)["F1"] == (0, 0, 0)


def test_the_evaluator_says_what_was_scored_0(dataset, tmp_path, caplog):
    instances = [
        Instances(
            (1, 10),
            pred_boxes=Boxes(torch.tensor([[e[0], 0, e[1], 1] for e in x])),
            scores=torch.ones(len(x)),
            pred_classes=torch.tensor([e[2] for e in x]),
        )
        for x in EVENTS
    ]
    for zero, mean in ((False, 100.0), (True, 200 / 3)):
        evaluator = SEDEvaluator(dataset, config(ZERO_WITHOUT_REFERENCE=zero), str(tmp_path))
        evaluator.process(
            [{"image_id": i} for i in range(4)], [{"instances": x} for x in instances]
        )
        with caplog.at_level("INFO"):
            assert evaluator.evaluate()["sed"]["F1"] == pytest.approx(mean)
        summary = json.loads((tmp_path / "metrics.json").read_text())
        assert summary["left_out_of_mean" if not zero else "scored_zero"] == ["c"]
    assert "without a true event, F1 scored 0 in the mean: c" in caplog.text
