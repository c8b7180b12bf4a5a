"""The end of a training: thresholds, scores of the test recordings, and the folder that detects."""

import contextlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

from audiodet.evaluation.clips import ClipResult, save_clips, write_events
from audiodet.evaluation.counts import Matching, score_clips
from audiodet.evaluation.goals import Goal, tune_for_goal
from audiodet.files import write_text
from audiodet.inference.detector import Detector
from audiodet.inference.loading import with_decisions
from audiodet.training.found import clips_found, detected, tags_found

VAL, TEST = "val", "test"


def finish(model, cfg, plan: dict, output: Path, goal: Goal, say) -> Detector:
    """Tune on val, score test, write the folder -> its detector.

    Args:
        model: trained; cfg: its configuration.
        plan: what was found and chosen, see :mod:`audiodet.training.run`.
        say: called with lines for people.
    """
    labels = list(cfg.DATASETS.LABELS)
    strong = plan["kind"] == "strong"
    matching = Matching.from_config(cfg)
    with open(output / "training" / "log.txt", "a") as log, contextlib.redirect_stdout(log):
        find = clips_found if strong else tags_found
        tuned = tune_for_goal(find(cfg, model, VAL), labels, goal, matching, lengths=strong)
        tags = [] if strong or TEST not in plan["splits"] else tags_found(cfg, model, TEST)
    for label, reason in tuned.missed.items():
        say(f"{label}: {reason}")
    detector = Detector(with_decisions(model, cfg, tuned.thresholds, tuned.min_lengths))
    lines = []
    if TEST in plan["splits"]:
        clips = detected(detector, output, plan) if strong else tags
        lines = _score(clips, detector, matching, output / "test")
    about = _about(plan, output, lines, matching.collar)
    write_text(output / "README.txt", about)
    detector.save(output)  # a folder with weights is a whole one
    for folder in ("cache", "pieces"):
        shutil.rmtree(output / "training" / folder, ignore_errors=True)
    for path in (output / "training").glob("*.pth"):
        path.unlink()
    say(about)
    return detector


def _score(clips: list[ClipResult], detector: Detector, matching, folder: Path) -> list[str]:
    """Write what was found in the test recordings, and say the scores."""
    long_enough = [_without_short(clip, detector.min_lengths) for clip in clips]
    decisions = (detector.thresholds, False)
    scores = score_clips(long_enough, detector.labels, *decisions, matching)
    events = {clip.name: clip.decided(*decisions) for clip in long_enough}
    write_events(events, folder / "events.tsv", scores=True)
    save_clips(clips, folder / "clips.jsonl")
    hits, inserted, missed = scores.counts.sum(axis=(0, 1))
    micro = 200 * hits / max(1, 2 * hits + inserted + missed)
    figures = {"mean": scores.mean, "F1_all_events": micro, "labels": scores.per_label}
    write_text(folder / "metrics.json", json.dumps(figures, indent=1))
    lines = [f"F1 {scores.mean['F1']:.1f} % (mean of the labels), {micro:.1f} % (all events)"]
    for label, row in scores.per_label.items():
        rates = ", ".join(f"{name} {row[name]:.1f} %" for name in ("F1", "precision", "recall"))
        lines.append(f"  {label}: {rates}")
    return lines


def _without_short(clip: ClipResult, min_lengths: dict) -> ClipResult:
    kept = [e for e in clip.candidates if e.offset - e.onset >= min_lengths[e.label]]
    return replace(clip, candidates=kept)


def _about(plan: dict, output: Path, scores: list[str], collar: float) -> str:
    """What the folder is, for people."""
    lines = [f"A detector of audiodet, recipe {plan['recipe']}.", *plan["survey"]]
    if scores:
        how = (
            "labels of whole recordings"
            if plan["kind"] == "weak"
            else f"onsets within {collar:g} s"
        )
        lines += ["", f"On its test recordings ({how}):", *scores]
    if plan["kind"] == "weak":
        lines += ["It learned from labels without times: onsets and offsets are its guess."]
    lines += [
        "",
        "Events in new recordings:",
        f"  audiodet detect RECORDINGS --model {output} -o out",
    ]
    return "\n".join(lines) + "\n"
