"""``audiodet separate``: write a wav of each class that is detected in recordings.

Separate detected sounds by the masks of a segmentation model, one wav a class, at the recording's
own rate and length, one channel, 32-bit float.
"""

import argparse

from audiodet.cli.options import (
    add_model,
    add_option,
    add_recordings,
    check_model,
    new_command,
    number,
    tell,
)

SEPARATING = "tfseg_remix_mini"  # the model that ships with masks


def add_parser(commands) -> None:
    """Add ``audiodet separate``."""
    parser = new_command(commands, run, "separate", __doc__, exits="errors.tsv names each and why")
    add_recordings(parser, "audiodet_separated", "folder for <recording>_<class>.wav")
    add_option(parser, "--window", type=number(float, 0), default=10.0, metavar="S")
    add_option(parser, "--resume", action="store_true")
    add_option(parser, "--quiet", action="store_true")
    add_model(parser, default=SEPARATING)


def run(args: argparse.Namespace) -> int:
    """Run ``audiodet separate``."""
    check_model(args, default=SEPARATING)
    from audiodet.inference.opening import open_model
    from audiodet.inference.separated import SeparatedRun
    from audiodet.inference.separation import Separator
    from audiodet.inference.work import Work

    named = (args.model, args.config_file, args.weights)
    model = open_model(*named, device=args.device, engine=args.engine)
    separator = Separator(model, args.thresholds, args.window)
    work = Work(args.inputs, args.quiet)
    name = args.config_file or args.model
    SeparatedRun(work, separator, args.output, name, args.window, args.resume).to_end()
    return tell(work.problems)
