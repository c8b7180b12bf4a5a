"""Events and labels as dataset dicts hold them."""

from detectron2.structures import BoxMode

from audiodet.data.labels.annotations import event_annotation, lengthened, weakened


def test_an_event_is_a_box_over_seconds():
    expected = {"bbox": [0.5, 0.0, 2.0, 1.0], "bbox_mode": BoxMode.XYXY_ABS}
    assert event_annotation(0.5, 2.0, 3) == {**expected, "category_id": 3, "iscrowd": 0}


def test_a_weakened_clip_keeps_only_what_it_holds():
    notes = [{"category_id": k, "bbox": [0, 0, 1, 1]} for k in (3, 1, 3)]
    clip = weakened({"annotations": notes, "label_kind": "strong", "width": 10.0})
    assert clip == {"annotations": [], "label_kind": "weak", "clip_labels": [1, 3], "width": 10.0}


def test_a_short_event_ends_later_or_begins_earlier_at_the_clips_end():
    notes = [event_annotation(*times, 0) for times in ((1.0, 1.1), (2.0, 3.0), (9.9, 10.0))]
    clip = lengthened({"annotations": notes, "width": 10.0}, 0.25)
    times = [(a["bbox"][0], a["bbox"][2]) for a in clip["annotations"]]
    assert times == [(1.0, 1.25), (2.0, 3.0), (9.75, 10.0)]
