"""SEDEvaluator and temporal AP on registered toy datasets."""

import json

import pytest
import torch
from detectron2.data import DatasetCatalog, MetadataCatalog
from detectron2.evaluation import inference_on_dataset
from detectron2.structures import Boxes, BoxMode, Instances

from audiodet import get_cfg
from audiodet.errors import AudiodetError, ConfigError, DataError
from audiodet.evaluation import (
    registry,
    SEDEvaluator,
    TemporalAPEvaluator,
    build_sed_evaluators,
    load_clips,
    score_clips,
)

LABELS = ["babycry", "glassbreak"]
# Events of 10-s clips: (onset, offset, category) in seconds; the last clip has none.
TRUTH = [
    [(1.0, 2.5, 0)],
    [(0.1234567, 0.1734567, 1), (4.0, 4.05, 1)],
    [(2.0, 3.0, 0), (5.00049, 5.05951, 1)],
    [],
]


def record(image_id: int, events, **extra) -> dict:
    annotations = [
        {"bbox": [on, 0.0, off, 1.0], "bbox_mode": BoxMode.XYXY_ABS, "category_id": k, "iscrowd": 0}
        for on, off, k in events
    ]
    clip = {"file_name": f"audio/clip{image_id}.wav", "image_id": image_id, "height": 1}
    return {**clip, "width": 10.01, "annotations": annotations, "label_kind": "strong", **extra}


@pytest.fixture
def dataset():
    """Registers records under a name; the name is free again afterwards."""
    names = []

    def register(records, name="toy_sed"):
        DatasetCatalog.register(name, lambda: records)
        MetadataCatalog.get(name).set(thing_classes=LABELS, evaluator_type="sed")
        names.append(name)
        return name

    yield register
    for name in names:
        DatasetCatalog.remove(name)
        MetadataCatalog.remove(name)


def instances(events) -> dict:
    """(onset, offset, category, score) in seconds -> a model's output for one clip."""
    found = Instances((1, 10))
    boxes = torch.tensor([[on, 0.0, off, 1.0] for on, off, _, _ in events]).reshape(-1, 4)
    found.pred_boxes = Boxes(boxes)
    found.pred_classes = torch.tensor([k for _, _, k, _ in events], dtype=torch.int64)
    found.scores = torch.tensor([score for *_, score in events], dtype=torch.float32)
    return {"instances": found}


def oracle(events, score=0.9) -> dict:
    return instances([(on, off, k, score) for on, off, k in events])


def config(**test):
    cfg = get_cfg()
    for key, value in {"THRESHOLDS": (0.5,), "BOOTSTRAP": 0, **test}.items():
        cfg.TEST[key] = value
    return cfg


def run(evaluator, records, outputs):
    evaluator.reset()
    for clip, output in zip(records, outputs):
        # The mapper leaves the seconds that the spectrogram spans in "width".
        evaluator.process([{**clip, "width": 10.02, "duration": clip["width"]}], [output])
    return evaluator.evaluate()


def test_truth_scores_perfectly_and_short_events_survive_ap(dataset, tmp_path):
    records = [record(i, events) for i, events in enumerate(TRUTH)]
    name = dataset(records)
    evaluator = build_sed_evaluators(config(), name, str(tmp_path))
    found = run(evaluator, records, [oracle(events) for events in TRUTH])
    assert found["sed"]["ER"] == 0 and found["sed"]["F1"] == 100
    assert found["segment"]["ER"] == 0 and found["segment"]["F1"] == 100
    assert found["bbox"]["AP"] == pytest.approx(100)
    assert found["bbox"]["AP-glassbreak"] == pytest.approx(100)


def test_wrong_labels_are_substitutions(dataset, tmp_path):
    """Class by class each of the two costs an insertion and a deletion, together one error."""
    records = [record(0, [(1.0, 2.0, 0), (4.0, 5.0, 1)])]
    evaluator = SEDEvaluator(dataset(records), config(), str(tmp_path))
    found = run(evaluator, records, [oracle([(1.0, 2.0, 1), (4.0, 5.0, 0)])])
    assert found["sed"]["ER"] == 2.0 and found["micro_events"]["ER"] == 1.0
    written = json.loads((tmp_path / "metrics.json").read_text())["micro_events"]
    assert written == {"F1": 0, "ER": 1, "substitutions": 1, "deletions": 0, "insertions": 0}


def test_ap_knows_events_of_ten_milliseconds(dataset, tmp_path):
    """COCO's own conversion rounds to a millisecond: IoU 0.95 of 10 ms would be lost."""
    records = [record(i, [(1.00049 + i, 1.01049 + i, 0)]) for i in range(5)]
    evaluator = build_sed_evaluators(config(), dataset(records), str(tmp_path))
    found = run(evaluator, records, [oracle([(1.00049 + i, 1.01049 + i, 0)]) for i in range(5)])
    assert found["bbox"]["AP-babycry"] == pytest.approx(100)


def test_ap_is_interval_ap(dataset, tmp_path):
    """One event of 1 s, found with temporal IoU 0.8: a hit at 0.5, 0.55 ... 0.75, (0.8)."""
    records = [record(0, [(1.0, 2.0, 0)])]
    evaluator = build_sed_evaluators(config(), dataset(records), str(tmp_path))
    found = run(evaluator, records, [oracle([(1.0, 1.81, 0)])])
    assert found["bbox"]["AP-babycry"] == pytest.approx(70)
    assert found["bbox"]["AP50"] == pytest.approx(100)


@pytest.mark.parametrize("number", [118, 250])
def test_ap_counts_every_event_of_a_long_clip(dataset, tmp_path, number):
    """COCO's own AP ends at 100 detections of a label: 118 perfect events would score 84."""
    events = [(5.0 * i, 5.0 * i + 1.0, 0) for i in range(number)]
    records = [record(0, events, width=2000.0)]
    evaluator = build_sed_evaluators(config(), dataset(records), str(tmp_path))
    ap = run(evaluator, records, [oracle(events)])["bbox"]
    assert ap["AP-babycry"] == ap["AP"] == ap["AP50"] == pytest.approx(100)


def test_ap_without_a_folder(dataset):
    records = [record(0, [(1.0, 2.0, 0)])]
    evaluator = TemporalAPEvaluator(dataset(records), config())
    assert run(evaluator, records, [oracle([(1.0, 2.0, 0)])])["bbox"]["AP50"] == pytest.approx(100)


def test_ap_judges_times_alone(dataset, tmp_path):
    """A detector whose boxes have four learned sides loses nothing by their other two."""
    records, found = [record(0, [(1.0, 2.0, 0)])], oracle([(1.0, 2.0, 0)])
    found["instances"].pred_boxes.tensor[:, 1::2] = torch.tensor([0.1, 0.7])
    evaluator = build_sed_evaluators(config(), dataset(records), str(tmp_path))
    assert run(evaluator, records, [found])["bbox"]["AP-babycry"] == pytest.approx(100)
    assert found["instances"].pred_boxes.tensor[0, 3] == pytest.approx(0.7)  # left to the caller


def test_nothing_found(dataset, tmp_path):
    records = [record(i, events) for i, events in enumerate(TRUTH)]
    evaluator = build_sed_evaluators(config(), dataset(records), str(tmp_path))
    found = run(evaluator, records, [oracle([]) for _ in TRUTH])
    assert found["sed"]["ER"] == 1 and found["sed"]["F1"] == 0
    assert found["sed"]["deletions"] == 1 and found["sed"]["insertions"] == 0
    assert found["bbox"]["AP"] == 0


def test_a_second_truth_under_the_same_name_is_not_remembered(dataset, tmp_path):
    first, second = [record(0, [(1.0, 2.0, 0)])], [record(5, [(7.0, 9.0, 0), (1.0, 2.0, 1)])]
    name = dataset(first)
    build_sed_evaluators(config(), name, str(tmp_path / "a"))
    DatasetCatalog.remove(name)
    DatasetCatalog.register(name, lambda: second)
    evaluator = build_sed_evaluators(config(), name, str(tmp_path / "b"))
    found = run(evaluator, second, [oracle([(7.0, 9.0, 0), (1.0, 2.0, 1)])])
    assert found["bbox"]["AP"] == pytest.approx(100)


def test_target_restricts_all_scores(dataset, tmp_path):
    """Neither a false alarm nor a miss of another label than the clip's target counts."""
    records = [
        record(0, [(1.0, 2.0, 0), (8.0, 9.0, 1)], target="babycry"),
        record(1, [(3.0, 4.0, 1)], target="glassbreak"),
    ]
    evaluator = build_sed_evaluators(config(), dataset(records), str(tmp_path))
    outputs = [oracle([(1.0, 2.0, 0), (5.0, 6.0, 1)], 0.95), oracle([(3.0, 4.0, 1)], 0.9)]
    found = run(evaluator, records, outputs)
    assert found["sed"]["ER"] == 0
    assert found["bbox"]["AP"] == pytest.approx(100)


def test_thresholds_and_best_event_come_from_the_configuration(dataset):
    records = [record(0, [(1.0, 2.0, 0)])]
    name = dataset(records)
    output = [instances([(1.0, 2.0, 0, 0.7), (5.0, 6.0, 0, 0.6), (8.0, 9.0, 0, 0.4)])]
    assert run(SEDEvaluator(name, config()), records, output)["sed"]["ER"] == 1
    assert run(SEDEvaluator(name, config(THRESHOLDS=(0.3,))), records, output)["sed"]["ER"] == 2
    assert (
        run(SEDEvaluator(name, config(THRESHOLDS=(0.65, 0.1))), records, output)["sed"]["ER"] == 0
    )
    best = config(BEST_EVENT_PER_CLIP=True)
    assert run(SEDEvaluator(name, best), records, output)["sed"]["ER"] == 0
    tuned = SEDEvaluator(name, config(), thresholds={"babycry": 0.65, "glassbreak": 0.5})
    assert run(tuned, records, output)["sed"]["ER"] == 0


def test_collar_and_offsets_come_from_the_configuration(dataset):
    records = [record(0, [(1.0, 3.0, 0)])]
    name, output = dataset(records), [oracle([(1.4, 4.2, 0)])]
    assert run(SEDEvaluator(name, config()), records, output)["sed"]["ER"] == 0
    assert run(SEDEvaluator(name, config(COLLAR=0.3)), records, output)["sed"]["ER"] == 2
    assert run(SEDEvaluator(name, config(EVALUATE_OFFSET=True)), records, output)["sed"]["ER"] == 2
    wide = config(EVALUATE_OFFSET=True, OFFSET_FRACTION=0.7)  # 1.4 s of 2 s
    assert run(SEDEvaluator(name, wide), records, output)["sed"]["ER"] == 0


def test_clips_of_equal_file_names_keep_their_folders(dataset):
    records = [record(0, [], file_name="a/1.wav"), record(1, [], file_name="b/1.wav")]
    evaluator = SEDEvaluator(dataset(records), config())
    run(evaluator, records, [oracle([])] * 2)
    assert [clip.name for clip in evaluator.clips] == ["a/1.wav", "b/1.wav"]


def test_clips_left_out_by_the_model_are_told(dataset, caplog):
    records = [record(0, [(1.0, 2.0, 0)]), record(1, [(1.0, 2.0, 0)])]
    found = run(SEDEvaluator(dataset(records), config()), records[:1], [oracle([(1.0, 2.0, 0)])])
    assert found["sed"]["ER"] == 0
    assert "toy_sed: 1 of 2 clips were processed" in caplog.text


def test_events_are_cut_to_the_clip(dataset):
    records = [record(0, [(9.5, 10.01, 0)])]
    evaluator = SEDEvaluator(dataset(records), config(SEGMENT_SECONDS=0.01))
    found = run(
        evaluator,
        records,
        [instances([(-0.2, 0.01, 0, 0.9), (10.01, 10.02, 0, 0.9), (9.5, 10.5, 0, 0.9)])],
    )
    onsets_and_offsets = [(e.onset, e.offset) for e in evaluator.clips[0].candidates]
    assert onsets_and_offsets == [(0.0, pytest.approx(0.01)), (9.5, pytest.approx(10.01))]
    assert found["sed"]["ER"] == 1  # the stump at the start is an insertion, the last box is gone


def test_written_files(dataset, tmp_path):
    records = [record(i, events, source_group=f"g{i}") for i, events in enumerate(TRUTH)]
    evaluator = SEDEvaluator(dataset(records), config(BOOTSTRAP=50), str(tmp_path / "new"))
    outputs = [oracle(events) for events in TRUTH]
    outputs[0] = instances([(1.25, 2.5, 0, 0.75), (8.0, 9.0, 1, 0.25)])
    found = run(evaluator, records, outputs)
    out = tmp_path / "new"
    assert sorted(p.name for p in out.iterdir()) == [
        "clips.jsonl",
        "events.tsv",
        "metrics.json",
        "truth.tsv",
    ]
    events = (out / "events.tsv").read_text().splitlines()
    assert events[0] == "filename\tonset\toffset\tevent_label\tscore"
    assert events[1] == "clip0.wav\t1.25\t2.5\tbabycry\t0.75"
    assert events[-1] == "clip3.wav\t\t\t\t"
    truth = (out / "truth.tsv").read_text().splitlines()
    assert truth[:2] == ["filename\tonset\toffset\tevent_label", "clip0.wav\t1.0\t2.5\tbabycry"]
    assert truth[-1] == "clip3.wav\t\t\t"
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["sed"] == found["sed"] and metrics["thresholds"] == {
        "babycry": 0.5,
        "glassbreak": 0.5,
    }
    assert found["sed"]["ER-source-low"] <= found["sed"]["ER"] <= found["sed"]["ER-source-high"]
    clips = load_clips(out / "clips.jsonl")
    assert clips == evaluator.clips and len(clips[0].candidates) == 2
    again = score_clips(clips, metrics["labels"], metrics["thresholds"])
    assert again.mean["ER"] == found["sed"]["ER"]


def test_runs_under_detectron2(dataset, tmp_path, caplog):
    """inference_on_dataset, and the hooks' flat scalars."""
    from detectron2.evaluation.testing import flatten_results_dict, print_csv_format

    records = [record(i, events) for i, events in enumerate(TRUTH)]
    evaluator = build_sed_evaluators(config(BOOTSTRAP=20), dataset(records), str(tmp_path))
    model = lambda batch: [oracle(TRUTH[clip["image_id"]]) for clip in batch]  # noqa: E731
    found = inference_on_dataset(model, [[r] for r in records], evaluator)
    print_csv_format(found)
    flat = flatten_results_dict(found)
    assert flat["sed/ER"] == 0 and all(isinstance(float(x), float) for x in flat.values())


def test_ranks_are_merged(dataset, monkeypatch):
    """Two ranks that processed half of the clips each score as one that processed all."""
    records = [record(i, events) for i, events in enumerate(TRUTH)]
    name = dataset(records)
    outputs = [oracle(TRUTH[0]), oracle([]), oracle(TRUTH[2]), oracle([(1.0, 2.0, 0)])]
    whole = run(SEDEvaluator(name, config()), records, outputs)
    ranks = [SEDEvaluator(name, config()) for _ in range(2)]
    for i, (clip, output) in enumerate(zip(records, outputs)):
        ranks[i % 2].process([clip], [output])
    gathered = [rank._outputs for rank in ranks]
    monkeypatch.setattr(registry.comm, "gather", lambda data: gathered)
    assert ranks[0].evaluate() == whole
    monkeypatch.setattr(registry.comm, "gather", lambda data: [])
    monkeypatch.setattr(registry.comm, "is_main_process", lambda: False)
    assert ranks[1].evaluate() is None


def test_bad_input_says_so(dataset, tmp_path):
    name = dataset([record(0, [], label_kind="weak")])
    with pytest.raises(DataError, match="clip0.wav.*'weak'.*'strong'"):
        SEDEvaluator(name, config())
    strong = dataset([record(0, [])], "toy_strong")
    with pytest.raises(ConfigError, match="TEST.THRESHOLDS has 3 numbers, expected 1 or 2"):
        SEDEvaluator(strong, config(THRESHOLDS=(0.1, 0.2, 0.3)))
    (tmp_path / "file").write_text("")
    evaluator = SEDEvaluator(strong, config(), str(tmp_path / "file" / "out"))
    with pytest.raises(AudiodetError, match="file/out: cannot be written"):
        run(evaluator, [record(0, [])], [oracle([])])
