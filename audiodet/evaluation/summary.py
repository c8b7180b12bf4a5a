"""What the events of clips score, as figures, as tables for people, and as files."""

import os
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from audiodet.evaluation.clips import ClipResult, save_clips, write_events
from audiodet.evaluation.counts import Matching, Segments, score_clips
from audiodet.evaluation.report import micro_table, one_line, table, write_json
from audiodet.evaluation.scores import SEDScores, micro_rates, micro_results, results


@dataclass
class Summary:
    """Scores of events.

    Attributes:
        figures: {task: {metric: value}}.
        texts: tables for people.
        head: what was scored and how, for metrics.json.
    """

    figures: OrderedDict
    texts: list[str] = field(default_factory=list)
    head: dict = field(default_factory=dict)


def summarize(
    name: str,
    clips: Sequence[ClipResult],
    labels: Sequence[str],
    thresholds: Mapping[str, float],
    cfg,
) -> Summary:
    """Event- and segment-based scores of the decided events, as the TEST section of cfg says.

    Figures: "sed" and "segment" are :func:`~audiodet.evaluation.scores.results`, "micro_events"
    :func:`~audiodet.evaluation.scores.micro_rates` of the events of all labels together, and each
    of TEST.MICRO_SECONDS has a "micro_<seconds>s".
    """
    test = cfg.TEST
    matching = Matching.from_config(cfg)
    scored = (clips, labels, thresholds, test.BEST_EVENT_PER_CLIP)
    events = score_clips(*scored, matching)
    events = replace(events, zero_f1=test.ZERO_WITHOUT_REFERENCE)
    segments = score_clips(*scored, Segments(test.SEGMENT_SECONDS))
    summary = Summary(OrderedDict(sed=results(events, test.BOOTSTRAP)))
    summary.figures["segment"] = results(segments, test.BOOTSTRAP)
    offsets = "onset and offset" if matching.evaluate_offset else "onset only"
    flat = micro_rates(events.overall.sum(axis=0))
    summary.figures["micro_events"] = {name: float(value) for name, value in flat.items()}
    summary.texts = [
        f"{len(clips)} clips, event-based, {offsets}, collar {matching.collar} s:\n"
        f"{table(events, summary.figures['sed'], thresholds)}",
        f"segment-based, {test.SEGMENT_SECONDS} s:\n{table(segments, summary.figures['segment'])}",
        f"all labels together, event-based: {one_line(flat, flat)}",
    ]
    for seconds in test.MICRO_SECONDS:
        same = seconds == test.SEGMENT_SECONDS
        micro = segments if same else score_clips(*scored, Segments(seconds))
        _add_micro(summary, micro, seconds, test.BOOTSTRAP)
    summary.head = {"dataset": name, **_described(events, thresholds, test)}
    return summary


def _described(events: SEDScores, thresholds: Mapping[str, float], test) -> dict:
    """What was scored and how."""
    left_out = events.without_reference
    return {
        "clips": len(events.clips),
        "labels": list(events.labels),
        "thresholds": dict(thresholds),
        "best_event_per_clip": test.BEST_EVENT_PER_CLIP,
        "left_out_of_mean": [] if test.ZERO_WITHOUT_REFERENCE else left_out,
        "scored_zero": left_out if test.ZERO_WITHOUT_REFERENCE else [],
    }


def _add_micro(summary: Summary, micro, seconds: float, resamples: int) -> None:
    """Figures and a line of segments of all labels together."""
    flat = micro_results(micro, resamples)
    summary.figures[f"micro_{seconds:g}s"] = flat
    text = micro_table(micro, flat)
    summary.texts.append(f"all labels together, segments of {seconds:g} s:\n{text}")


def write_summary(folder: str, clips: Sequence[ClipResult], summary: Summary) -> None:
    """Write metrics.json, events.tsv (decided events), truth.tsv and clips.jsonl.

    The last holds all candidates, to be scored again or pooled.
    """
    write_json({**summary.head, **summary.figures}, folder, "metrics.json")
    decision = (summary.head["thresholds"], summary.head["best_event_per_clip"])
    decided = {}
    truth = {}
    for clip in clips:
        decided[clip.name] = clip.decided(*decision)
        truth[clip.name] = clip.reference
    write_events(decided, os.path.join(folder, "events.tsv"), scores=True)
    write_events(truth, os.path.join(folder, "truth.tsv"))
    save_clips(clips, os.path.join(folder, "clips.jsonl"))
