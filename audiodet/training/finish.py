"""The end of a training: thresholds, scores of the test recordings, and the folder that detects."""

import contextlib
import shutil
from pathlib import Path

from audiodet.engine.validation import validation_clips
from audiodet.evaluation.counts import Matching
from audiodet.evaluation.goals import Goal, Tuned, tune_for_goal
from audiodet.evaluation.summary import summarize, write_summary
from audiodet.files import write_text
from audiodet.inference.decisions import write_decisions
from audiodet.inference.detector import Detector
from audiodet.inference.labelled import detect_labelled, read_labelled, without_short
from audiodet.inference.loading import with_decisions
from audiodet.training.found import tags_found
from audiodet.training.pieces import PIECES
from audiodet.visualization.report import Options as PageOptions
from audiodet.visualization.report import from_clips, write_report


def finish(model, cfg, plan: dict, output: Path, goal: Goal, say) -> Detector:
    """Tune on val, score test, write the folder -> its detector.

    Args:
        model: trained; cfg: its configuration.
        plan: what was found and chosen, see :mod:`audiodet.training.run`.
        say: called with lines for people.
    """
    has_test = "test" in plan["splits"]
    with open(output / "training" / "log.txt", "a") as log, contextlib.redirect_stdout(log):
        tuned = _tune(model, cfg, plan, goal)
        detector = Detector(with_decisions(model, cfg, tuned.thresholds, tuned.min_lengths))
        scores = ""
        if has_test and plan["kind"] == "strong":
            scores = _score_events(detector, plan["audio"], output)
        elif has_test:
            scores = _score_tags(detector, tags_found(cfg, model, "test"), output)
    for label, reason in tuned.missed.items():
        say(f"{label}: {reason}")
    about = _about(plan, output, scores)
    write_text(output / "README.txt", about)
    detector.save(output)  # a folder with weights is a whole one
    write_decisions(output, tuned.decisions(goal, Matching.from_config(cfg)))
    for folder in ("cache", PIECES):
        shutil.rmtree(output / "training" / folder, ignore_errors=True)
    for path in (output / "training").glob("*.pth"):
        path.unlink()
    say(about)
    return detector


def _tune(model, cfg, plan: dict, goal: Goal) -> Tuned:
    """Thresholds and shortest lengths by the validation set."""
    strong = plan["kind"] == "strong"
    clips = validation_clips(cfg, model.eval()) if strong else tags_found(cfg, model, "val")
    matching = Matching.from_config(cfg)
    return tune_for_goal(clips, list(cfg.DATASETS.LABELS), goal, matching, lengths=strong)


def _score_events(detector: Detector, audio: str, output: Path) -> str:
    """Hear the test recordings as detect does, write scores and page -> scores for people."""
    labelled = read_labelled([f"{output / 'data' / 'test.tsv'}:{audio}"], detector.labels)
    found = detect_labelled(detector, labelled)
    decided = (found.clips, detector.labels, detector.thresholds)
    matching = Matching.from_config(detector.cfg)
    run = from_clips(output.name, str(output), *decided[::2], labelled.paths)
    write_report(run, output / "test" / "report", PageOptions(matching=matching))
    without_short(found.clips, detector.min_lengths)
    summary = summarize("test", *decided, detector.cfg)
    summary.head |= {"model": str(output), "paths": labelled.paths}
    write_summary(output / "test", found.clips, summary)
    return f"{summary.texts[0]}\n{summary.texts[2]}"


def _score_tags(detector: Detector, clips: list, output: Path) -> str:
    """Write the scores of whole recordings' labels -> scores for people."""
    summary = summarize("test", clips, detector.labels, detector.thresholds, detector.cfg)
    write_summary(output / "test", clips, summary)
    table = summary.texts[0].partition("\n")[2]
    return f"{len(clips)} recordings, an event is a label of a recording:\n{table}"


def _about(plan: dict, output: Path, scores: str) -> str:
    """What the folder is, for people."""
    lines = [f"A detector of audiodet, recipe {plan['recipe']}.", *plan["survey"]]
    if plan["kind"] == "weak":
        lines.append("It learned from labels without times: onsets and offsets are its guess.")
    if scores:
        lines += ["", "On its test recordings:", scores]
        if plan["kind"] == "strong":
            lines += ["", f"See and hear them: {output / 'test' / 'report' / 'index.html'}"]
    command = f"audiodet detect RECORDINGS --model {output} -o out"
    lines += ["", "Events in new recordings:", f"  {command}"]
    return "\n".join(lines) + "\n"
