"""Pictures of scored clips: hits, misses and false alarms side by side."""

import itertools
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from detectron2.data import DatasetCatalog, MetadataCatalog

from audiodet.data.mapper import SEDMapper
from audiodet.errors import DataError
from audiodet.evaluation.clips import ClipResult, load_clips, reference_clips
from audiodet.evaluation.counts import Matching, score_clips
from audiodet.visualization.clip_plot import draw_clip, save_figure

KINDS = ("hit", "miss", "false_alarm")


def visualize_results(
    cfg, dataset_name: str, results_dir: str, output_dir: str, limit: int = 12
) -> list[Path]:
    """Draw scored clips with true events in red and decided events with class and score.

    Args:
        cfg: configuration that the dataset was scored with.
        dataset_name: the registered dataset, with the labels of the evaluation.
        results_dir: what :class:`~audiodet.evaluation.SEDEvaluator` wrote.
        output_dir: gets one "<kind>_<clip>.png" per clip.
        limit: pictures; hits, misses and false alarms of all labels take turns.

    Returns:
        paths of the pictures.

    Raises:
        DataError: the results are of another dataset.
    """
    clips = load_clips(os.path.join(results_dir, "clips.jsonl"))
    with open(os.path.join(results_dir, "metrics.json"), encoding="utf-8") as file:
        scored = json.load(file)
    decision = (scored["thresholds"], scored["best_event_per_clip"])
    truth = reference_clips(dataset_name, MetadataCatalog.get(dataset_name).thing_classes)
    records = {truth[r["image_id"]].name: r for r in DatasetCatalog.get(dataset_name)}
    mapper = SEDMapper(cfg, is_train=False)
    log_mel = mapper.log_mel
    paths = []
    for kind, clip in choose_clips(clips, *decision, Matching.from_config(cfg), limit):
        if clip.name not in records:
            raise DataError(f"{results_dir}: clip {clip.name} is not in dataset {dataset_name}")
        figure = draw_clip(
            mapper.spectrogram(records[clip.name]),
            *(log_mel.seconds_per_frame, log_mel.f_min, log_mel.f_max),
            truth=clip.reference,
            detections=clip.decided(*decision),
            title=f"{clip.name}: {kind.replace('_', ' ')}",
        )
        paths.append(Path(output_dir) / f"{kind}_{Path(clip.name).stem}.png")
        save_figure(figure, paths[-1])
    return paths


def choose_clips(
    clips: Sequence[ClipResult],
    thresholds: Mapping[str, float],
    best_event_per_clip: bool,
    matching: Matching,
    limit: int,
) -> list[tuple[str, ClipResult]]:
    """Up to `limit` (kind, clip): a hit, a miss and a false alarm of the first label, and so on.

    "miss": a true event was missed; "false_alarm": none was, but something else was reported;
    "hit": all is right. Clips rightly left without events are not shown.
    """
    labels = list(thresholds)
    scores = score_clips(clips, labels, thresholds, best_event_per_clip, matching)
    queues = {(label, kind): [] for label in labels for kind in KINDS}
    for clip, counts in zip(clips, scores.counts):
        hits, inserted, missed = counts.sum(axis=0)
        if hits or inserted or missed:
            kind = "miss" if missed else "false_alarm" if inserted else "hit"
            queues[labels[counts.sum(axis=1).argmax()], kind].append(clip)
    shown = []
    for turn in itertools.zip_longest(*queues.values()):  # one clip of each queue
        for (_, kind), clip in zip(queues, turn):
            if clip is not None:
                shown.append((kind, clip))
    return shown[:limit]
