"""Overlapping events of one label become one."""

from audiodet.data.labels.overlaps import merge_overlaps


def annotation(onset, offset, label):
    return {"bbox": [onset, 0.0, offset, 1.0], "bbox_mode": 0, "category_id": label, "iscrowd": 0}


def test_overlapping_events_of_one_label_become_one(caplog):
    events = [
        (0.0, 2.0, 0),
        (1.0, 3.0, 0),
        (3.0, 3.5, 0),
        (1.5, 2.5, 1),
        (4.0, 9.0, 0),
        (5.0, 6.0, 0),
    ]
    clip = {"annotations": [annotation(*e) for e in reversed(events)], "width": 10.0}
    with caplog.at_level("INFO"):
        (merged,) = merge_overlaps([clip], "mine")
    found = [(*a["bbox"][::2], a["category_id"]) for a in merged["annotations"]]
    assert found == [(0.0, 3.5, 0), (1.5, 2.5, 1), (4.0, 9.0, 0)]
    assert "mine: 3 events were merged" in caplog.text
    assert len(clip["annotations"]) == 6
