"""``audiodet evaluate``: score a model on labelled recordings.

Run a model over labelled recordings as detect does, and score its events: ER and F1 of each label
with 95 % intervals, and which labels are confused.
"""

import argparse
import os
import sys

from audiodet.cli.options import (
    add_option,
    add_scoring,
    add_threshold,
    new_command,
    tell,
    with_scoring,
)


def add_parser(commands) -> None:
    """Add ``audiodet evaluate``."""
    parser = new_command(commands, run, "evaluate", __doc__, exits="")
    parser.add_argument("model", metavar="MODEL", help="a model that ships, a checkpoint, a folder")
    add_scoring(parser)
    add_threshold(parser)
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        help="folder for metrics.json, events.tsv, truth.tsv and clips.jsonl",
    )
    add_option(parser, "--report", action="store_true")
    parser.add_argument(
        "--psds",
        action="store_true",
        help="also PSDS, AP and the best F1, without thresholds; takes minutes where a model has "
        "many time steps a second",
    )


def run(args: argparse.Namespace) -> int:
    """Run ``audiodet evaluate``."""
    if args.report and not args.output:
        args.parser.error("--report expects a folder to write to: -o OUT")
    from audiodet.inference.detector import Detector
    from audiodet.inference.labelled import detect_labelled, read_labelled, without_short
    from audiodet.inference.loading import load_model

    model = load_model(args.model, device=args.device)
    detector = Detector(model, args.thresholds, args.window, args.overlap, floor=0.0)
    labelled = read_labelled(args.labelled, detector.labels)
    found = detect_labelled(detector, labelled, with_scores=True, quiet=args.quiet)
    without_short(found.clips, detector.min_lengths)
    _score(args, detector, labelled, found)
    return tell(found.problems, labelled.notes)


def _score(args, detector, labelled, found) -> None:
    """Print the scores, and write what is asked for."""
    from audiodet.evaluation.confusion import confusion, confusion_text
    from audiodet.evaluation.counts import Matching
    from audiodet.evaluation.summary import summarize, write_summary

    cfg = with_scoring(detector.cfg, args)
    decided = (found.clips, detector.labels, detector.thresholds)
    summary = summarize(labelled.name, *decided, cfg)
    table = confusion(*decided, Matching.from_config(cfg))
    summary.figures["confusion"] = {"labels": detector.labels, "events": table.tolist()}
    text = confusion_text(table, detector.labels)
    summary.texts.append(f"events by true label, and by the label that was reported:\n{text}")
    if args.psds:
        summary.texts.append(_without_thresholds(summary, found, detector.labels, cfg))
    if args.output:
        summary.head |= {"model": args.model, "paths": labelled.paths}
        write_summary(args.output, found.clips, summary)
    print("\n\n".join(summary.texts))
    if args.report:
        _write_page(args, detector, labelled, found, Matching.from_config(cfg))


def _without_thresholds(summary, found, labels: list[str], cfg) -> str:
    """Add the scores of curves to the figures -> a line for people."""
    from audiodet.evaluation.report import one_line

    try:
        from audiodet.evaluation.psds import MEANS, SCENARIOS
        from audiodet.evaluation.psds_of_curves import figures_of_curves
    except ImportError as error:
        return (
            f"no PSDS: sed_scores_eval cannot be imported ({error}); pip install sed_scores_eval "
            "(a C++ compiler builds it)"
        )
    if not any(clip.reference for clip in found.clips):
        return "no PSDS: 0 true events"
    flat = figures_of_curves(found.clips, found.curves, labels, cfg)
    summary.figures["scores"] = flat
    return f"without thresholds: {one_line(flat, (*SCENARIOS, *MEANS))}"


def _write_page(args, detector, labelled, found, matching) -> None:
    from audiodet.visualization.report import Options, from_clips, write_report

    run = from_clips(
        os.path.basename(labelled.name),
        args.model,
        found.clips,
        detector.thresholds,
        labelled.paths,
        found.curves,
    )
    run.problems += found.problems
    page = write_report(run, os.path.join(args.output, "report"), Options(matching=matching))
    print(f"open {page}", file=sys.stderr)
