"""``audiodet stream``: events of raw PCM on stdin, as they happen.

Read raw PCM from stdin and print events as JSON lines. Ctrl-C and SIGTERM end the stream: what was
heard until then is printed. Exit codes: 0 done, 1 failed, 2 wrong usage, 130 and 143 stopped by
those signals.
"""

import argparse
import json
import sys

from audiodet.cli.options import add_model, add_option, check_model, new_command, number
from audiodet.inference.formats import COLUMNS, SAMPLE_FORMATS


def add_parser(commands) -> None:
    """Add ``audiodet stream``."""
    parser = new_command(commands, run, "stream", __doc__)
    positive = number(int, 1)
    parser.add_argument(
        "--sample-rate", type=positive, required=True, metavar="HZ", help="of stdin"
    )
    parser.add_argument(
        "--channels", type=positive, default=1, metavar="N", help="of stdin, averaged (%(default)s)"
    )
    parser.add_argument(
        "--sample-format",
        choices=tuple(SAMPLE_FORMATS),
        default="s16le",
        help="as ffmpeg names them (%(default)s)",
    )
    add_option(parser, "--delay", type=number(float, 0), default=12.0, metavar="S")
    add_model(parser)


def run(args: argparse.Namespace) -> int:
    """Run ``audiodet stream``."""
    check_model(args)
    from audiodet.inference.opening import open_model
    from audiodet.inference.stream import Stoppable, detect_stream, read_pcm, stream_detector

    named = (args.model, args.config_file, args.weights)
    model = open_model(*named, device=args.device, engine=args.engine)
    detector = stream_detector(model, args.thresholds, args.delay)
    with Stoppable(sys.stdin.buffer) as stdin:
        pieces = read_pcm(stdin, args.sample_rate, args.channels, args.sample_format)
        for event in detect_stream(detector, pieces, args.sample_rate):
            row = dict(zip(COLUMNS[1:], event[:4]))  # without the file's name
            print(json.dumps(row), flush=True)
    return 128 + stdin.stopped if stdin.stopped else 0
