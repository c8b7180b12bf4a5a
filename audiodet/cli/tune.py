"""``audiodet tune``: choose a model's thresholds on labelled recordings.

Choose the threshold and the shortest length of each label on validation recordings, and leave them
in thresholds.json beside the model (its folder), where detect finds them, with the whole curve in
tuning.tsv. A model that ships stays as it is: with -o OUT a folder is made that serves as --model
OUT.
"""

import argparse
from pathlib import Path

from audiodet.cli.options import add_scoring, new_command, number, tell, with_scoring

SHOWN = 9  # rows of a printed curve; the file has all


def add_parser(commands) -> None:
    """Add ``audiodet tune``."""
    parser = new_command(commands, run, "tune", __doc__, exits="")
    parser.add_argument("model", metavar="MODEL", help="a folder, a checkpoint, or with -o any")
    add_scoring(parser)
    goals = parser.add_mutually_exclusive_group()
    goals.add_argument("--goal", choices=("f1",), help="best F1 (the default)")
    goals.add_argument(
        "--precision",
        type=_share,
        metavar="P",
        help="most hits with a precision of at least P, from 0 to 1",
    )
    goals.add_argument(
        "--false-alarms-per-hour",
        type=number(float, 0),
        metavar="N",
        help="most hits with at most N false alarms an hour of each label",
    )
    parser.add_argument("-o", "--output", metavar="OUT", help="folder for a tuned copy")


def _share(text: str) -> float:
    value = number(float, 0)(text)
    if value > 1:
        raise argparse.ArgumentTypeError(f"{text!r}, expected a share from 0 to 1")
    return value


def run(args: argparse.Namespace) -> int:
    """Run ``audiodet tune``."""
    from audiodet.errors import ConfigError
    from audiodet.evaluation.counts import Matching
    from audiodet.evaluation.goals import Goal, tune_for_goal
    from audiodet.inference.detector import Detector
    from audiodet.inference.labelled import detect_labelled, read_labelled
    from audiodet.inference.loading import load_model, save_model
    from audiodet.weights import SHIPPED, find_weights

    weights = Path(find_weights(args.model))
    if weights.parent == SHIPPED and not args.output:
        raise ConfigError(
            f"{args.model} ships with audiodet and stays as it is, expected -o OUT: a folder for a "
            "tuned copy, which serves as --model OUT"
        )
    detector = Detector(load_model(args.model, device=args.device), 0.0, args.window, args.overlap)
    labelled = read_labelled(args.labelled, detector.labels)
    found = detect_labelled(detector, labelled, quiet=args.quiet)
    matching = Matching.from_config(with_scoring(detector.cfg, args))
    precision = None if args.precision is None else 100 * args.precision
    goal = Goal(precision, args.false_alarms_per_hour)
    before = dict(zip(detector.labels, detector.cfg.TEST.THRESHOLDS))
    tuned = tune_for_goal(found.clips, detector.labels, goal, matching, before)
    if args.output:
        save_model(detector.model, before, args.output)
    folder = args.output or weights.parent
    written = _write(folder, tuned, goal, matching, labelled)
    print(f"{_text(tuned, goal, before)}\n\nwritten: {written}")
    return tell(found.problems, labelled.notes)


def _text(tuned, goal, before: dict) -> str:
    """The choices, a part of each label's curve, and what could not be reached."""
    from tabulate import tabulate

    from audiodet.evaluation.goals import COLUMNS

    rows = []
    parts = []
    for label, curve in tuned.curves.items():
        now = tuned.chosen[label]
        old = curve[max(0, (curve[:, 0] >= before[label]).sum() - 1)]
        values = [f"{before[label]:.3f}", f"{tuned.thresholds[label]:.3f}"]
        values += [f"{tuned.min_lengths[label]:.3f}", f"{old[3]:.1f}"]
        rows.append([label, *values, *(f"{value:.1f}" for value in now[[3, 1, 2, 4]])])
        shown = [f"{label}:", *_thinned(curve, now)]
        parts.append("\n".join(shown))
    heads = ["label", "threshold before", "now", "shortest (s)", "F1 % before", "now"]
    heads += ["precision %", "recall %", "false alarms/h"]
    align = ["left"] + ["right"] * (len(heads) - 1)
    table = tabulate(rows, heads, disable_numparse=True, colalign=align) if rows else ""
    curves = "\n".join([f"curves ({', '.join(COLUMNS)}), the choice marked:", *parts])
    missed = [f"{label}: {reason}" for label, reason in tuned.missed.items()]
    return "\n\n".join([f"goal: {goal}\n{table}", curves, *missed])


def _thinned(curve, chosen) -> list[str]:
    """Some rows of a curve, evenly over its recall, with the chosen one."""
    lines = []
    wanted = [SHOWN * row[2] // (curve[-1, 2] or 1) for row in curve]
    for i, row in enumerate(curve):
        is_chosen = (row == chosen).all()
        if is_chosen or not i or wanted[i] != wanted[i - 1]:
            cells = f"{row[0]:9.3f}" + "".join(f"{value:10.1f}" for value in row[1:])
            lines.append(f" {'*' if is_chosen else ' '}{cells}")
    return lines


def _write(folder, tuned, goal, matching, labelled) -> str:
    """Write the curves, then what detect reads -> its path."""
    from audiodet.evaluation.goals import COLUMNS
    from audiodet.files import write_text
    from audiodet.inference.decisions import write_decisions

    lines = ["\t".join(["event_label", *COLUMNS])]
    for label, curve in tuned.curves.items():
        lines += ["\t".join([label, *(f"{value:.6g}" for value in row)]) for row in curve]
    write_text(Path(folder) / "tuning.tsv", "\n".join(lines) + "\n")
    decisions = tuned.decisions(goal, matching)
    return str(write_decisions(folder, {**decisions, "recordings": len(labelled.paths)}))
