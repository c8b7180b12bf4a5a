"""``audiodet train``: your own detector, from a folder of labelled recordings.

Train a detector on labelled recordings: look at the data, divide them (or take train, val and test
as LABELS are divided), choose a recipe and say why, train, tune a threshold for each label, score
the test recordings. OUT then serves as --model anywhere.
"""

import argparse
from dataclasses import fields

from audiodet.cli.options import SOME_FAILED, add_loudness, intermixed, new_command, number


def add_parser(commands) -> None:
    """Add ``audiodet train``."""
    parser = new_command(commands, run, "train", __doc__, exits="")
    add = parser.add_argument
    add("audio", metavar="AUDIO", help="folder of the recordings, which are only read")
    add("labels", metavar="LABELS", help="a label file of any format, or a folder of them")
    add("settings", nargs="*", metavar="KEY VALUE", help="keys of the configuration and values")
    add("-o", "--output", required=True, metavar="OUT", help="folder of the detector")
    add("--config", default="", metavar="F", help="a YAML instead of the recipe that is chosen")
    add(
        "--minutes",
        type=number(float, 0.01),
        default=25.0,
        metavar="N",
        help="most time that training may take (%(default)s)",
    )
    add(
        "--false-alarms-per-hour",
        type=number(float, 0),
        metavar="N",
        help="thresholds that keep each label at N or fewer (else those of the best F1)",
    )
    add("--device", default="auto", metavar="D", help="auto, cpu, cuda or cuda:1 (%(default)s)")
    add("--resume", action="store_true", help="continue a training in OUT that was stopped")
    add_loudness(parser, "say all that is logged, which training/log.txt keeps")
    intermixed(parser)


def run(args: argparse.Namespace) -> int:
    """Run ``audiodet train``."""
    if len(args.settings) % 2:
        args.parser.error(f"{args.settings[-1]}: expected KEY VALUE pairs after LABELS")
    from audiodet.training.options import Options
    from audiodet.training.run import TrainingRun

    options = {field.name: getattr(args, field.name) for field in fields(Options)}
    training = TrainingRun(args.audio, args.labels, args.output, Options(**options))
    training.to_end()
    return SOME_FAILED if training.bad else 0
