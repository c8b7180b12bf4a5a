"""``audiodet plot``: pictures of recordings and what a model detects in them.

Draw the spectrogram of each recording, the events that a model detects, and its scores over time.
"""

import argparse
import os
import sys

from audiodet.cli.options import add_model, add_option, check_model, new_command, number, tell


def add_parser(commands) -> None:
    """Add ``audiodet plot``."""
    parser = new_command(commands, run, "plot", __doc__, exits="")
    add_option(parser, "inputs", nargs="+", metavar="INPUT")
    parser.add_argument(
        "-o",
        "--output",
        default=".",
        metavar="OUT",
        help="folder for NAME.png; of one recording also a file, such as picture.svg (%(default)s)",
    )
    add_model(parser)
    seconds = number(float, 0)
    add = parser.add_argument
    add("--start", type=seconds, default=0.0, metavar="S", help="second to begin at (%(default)s)")
    length = number(float, 0.1)
    add("--seconds", type=length, default=60.0, metavar="S", help="seconds drawn (%(default)s)")


def run(args: argparse.Namespace) -> int:
    """Run ``audiodet plot``."""
    check_model(args)
    is_file = os.path.splitext(args.output)[1] and not os.path.isdir(args.output)
    if is_file and len(args.inputs) > 1:
        args.parser.error(f"-o {args.output}: expected a folder for several recordings")
    from audiodet.errors import AudioError
    from audiodet.inference.detector import Detector
    from audiodet.inference.inputs import collect
    from audiodet.inference.opening import open_model
    from audiodet.names import unique_names

    model = open_model(args.model, args.config_file, args.weights, args.device, args.engine)
    detector = Detector(model, args.thresholds)
    paths, problems = collect(args.inputs)
    names = unique_names(paths)
    for detection in detector.detect_many(paths, with_scores=True):
        path = detection.source
        picture = args.output if is_file else os.path.join(args.output, f"{names[path]}.png")
        try:
            if detection.error:
                raise detection.error
            said = detection.plot(picture, args.start, args.seconds)
        except AudioError as error:
            problems.append((path, str(error).removeprefix(f"{path}: ")))
            continue
        print(f"{picture}: {said}", file=sys.stderr)
    return tell(problems)
