"""``audiodet compare``: two models on the same labelled recordings.

Run two models over labelled recordings, each with its own thresholds, and say which is better:
differences with 95 % intervals (paired bootstrap by recording), and the recordings that each wins.
"""

import argparse

from audiodet.cli.options import add_scoring, new_command, tell, with_scoring

SHOWN = 5  # recordings that are named for each side
FILE = "comparison.json"
SAMPLES = 1000  # of the bootstrap


def add_parser(commands) -> None:
    """Add ``audiodet compare``."""
    parser = new_command(commands, run, "compare", __doc__, exits="")
    parser.add_argument("a", metavar="A", help="a model that ships, a checkpoint, a folder")
    parser.add_argument("b", metavar="B", help="the other")
    add_scoring(parser)
    parser.add_argument("-o", "--output", metavar="OUT", help="folder for comparison.json")


def run(args: argparse.Namespace) -> int:
    """Run ``audiodet compare``."""
    from audiodet.errors import DataError
    from audiodet.evaluation.counts import Matching
    from audiodet.evaluation.pairs import only_both
    from audiodet.inference.detector import Detector
    from audiodet.inference.labelled import read_labelled
    from audiodet.inference.loading import load_model

    detectors = []
    for name in (args.a, args.b):
        model = load_model(name, device=args.device)
        detectors.append(Detector(model, None, args.window, args.overlap))
    labels = [label for label in detectors[0].labels if label in detectors[1].labels]
    if not labels:
        raise DataError(
            f"{args.a} knows {', '.join(detectors[0].labels)}, {args.b} "
            f"{', '.join(detectors[1].labels)}: expected labels that both know"
        )
    labelled = read_labelled(args.labelled, labels)
    for name, detector in zip((args.a, args.b), detectors):
        alone = [label for label in detector.labels if label not in labels]
        if alone:
            labelled.notes.append(f"only {name} knows, left out: {', '.join(alone)}")
    found = [_detect(detector, labelled, labels, args.quiet) for detector in detectors]
    clips = only_both(found[0].clips, found[1].clips)
    matching = Matching.from_config(with_scoring(detectors[0].cfg, args))
    _tell(args, clips, labels, [detector.thresholds for detector in detectors], matching)
    problems = dict(found[0].problems + found[1].problems)
    return tell(problems.items(), labelled.notes)


def _detect(detector, labelled, labels, quiet: bool):
    """What a detector reports of the labels, decided."""
    from audiodet.inference.labelled import detect_labelled, without_short

    found = detect_labelled(detector, labelled, quiet=quiet)
    without_short(found.clips, detector.min_lengths)
    for clip in found.clips:
        clip.candidates = [event for event in clip.candidates if event.label in labels]
    return found


def _tell(args, clips, labels, thresholds, matching) -> None:
    """Print the differences and the recordings won, and write them."""
    from audiodet.evaluation.counts import score_clips
    from audiodet.evaluation.pairs import paired_bootstrap, won_clips
    from audiodet.evaluation.report import write_json

    scores = [score_clips(c, labels, t, matching=matching) for c, t in zip(clips, thresholds)]
    differences = paired_bootstrap(*scores, SAMPLES)
    figures = [table.figures(table.counts.sum(axis=0)) for table in scores]
    won = won_clips(*scores)
    write_json({"a": args.a, "b": args.b, "differences": differences, **won}, args.output, FILE)
    print(_differences_text(differences, figures, len(clips[0])))
    for side, name in (("a", f"A ({args.a})"), ("b", f"B ({args.b})")):
        named = [f"{clip} ({mine} errors, {other})" for clip, mine, other in won[side][:SHOWN]]
        rest = "" if len(won[side]) <= SHOWN else f" and {len(won[side]) - SHOWN} more"
        named = f": {', '.join(named)}{rest}" if named else ""
        print(f"{name} has fewer errors in {len(won[side])}{named}")
    print(f"equally many in {won['equal']}")


def _differences_text(differences: dict, figures: list[dict], number: int) -> str:
    """A row per figure: both sides, A - B, its interval, and what that means."""
    from tabulate import tabulate

    rows = []
    for name, (difference, low, high) in differences.items():
        a, b = (float(side[name]) for side in figures)
        sign = -1 if name.startswith("ER") else 1  # of ER less is better
        verdict = "open"
        if low > 0 or high < 0:
            verdict = "A is better" if sign * difference > 0 else "B is better"
        digits = 2 if name.startswith("ER") else 1
        cells = [f"{value:.{digits}f}" for value in (a, b, difference)]
        rows.append([name, *cells, f"[{low:.{digits}f}, {high:.{digits}f}]", verdict])
    heads = [f"{number} recordings", "A", "B", "A - B", "95 %", ""]
    return tabulate(rows, heads, disable_numparse=True, colalign=["left", *["right"] * 4, "left"])
