"""Scores without thresholds (PSDS and others) of recordings whose scores over time are at hand."""

from collections.abc import Mapping, Sequence

from audiodet.data.labels.annotations import event_annotation
from audiodet.evaluation.clips import ClipResult
from audiodet.evaluation.counts import Matching
from audiodet.evaluation.psds import Measures, score_tables


def figures_of_curves(clips: Sequence[ClipResult], curves: Mapping, labels, cfg) -> dict:
    """{metric: value} of :class:`~audiodet.evaluation.psds.Measures`.

    Args:
        clips: with their truth.
        curves: {clip's name: (scores (S, K), edges (S + 1,) in seconds)}.
        cfg: its TEST section says how to score.

    Raises:
        DataError: there is no true event.
    """
    records = []
    outputs = {}
    for number, clip in enumerate(clips):
        events = []
        for event in clip.reference:
            events.append(event_annotation(event.onset, event.offset, labels.index(event.label)))
        record = {"file_name": clip.name, "image_id": number, "width": clip.duration}
        records.append({**record, "annotations": events})
        outputs[number] = curves[clip.name]
    tables = score_tables(records, outputs, labels, "the recordings")
    measures = Measures(*tables, Matching.from_config(cfg), cfg.TEST.SEGMENT_SECONDS)
    return measures.all_figures(with_intervals=cfg.TEST.BOOTSTRAP > 0)
