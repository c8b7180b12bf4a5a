"""``audiodet detect``: find events in recordings of any length and number.

Find events in recordings. With --resume another --threshold (or 'model', for the model's) holds
for all of the run, without running the network again.
"""

import argparse
import os
from dataclasses import fields

from audiodet.cli.options import (
    add_loudness,
    add_model,
    add_option,
    add_recordings,
    check_model,
    new_command,
    number,
)
from audiodet.cli.report import make_report
from audiodet.inference.formats import FOLDERS, FORMATS


def add_parser(commands) -> None:
    """Add ``audiodet detect``."""
    parser = new_command(commands, run, "detect", __doc__, exits="errors.tsv names each and why")
    add_recordings(parser, "audiodet_output", "folder for the events, or - for stdout")
    parser.add_argument(
        "--format",
        dest="formats",
        type=_formats,
        default=("tsv",),
        metavar="F,...",
        help=f"one or more of {', '.join(FORMATS)} (tsv)",
    )
    add_model(parser)
    seconds = number(float, 0)
    add_option(parser, "--window", type=seconds, default=30.0, metavar="S")
    add_option(parser, "--overlap", type=seconds, default=6.0, metavar="S")
    add_option(parser, "--floor", type=seconds, default=0.05, metavar="X")
    add_option(parser, "--contrast", type=seconds, default=0.0, metavar="W")
    positive = number(int, 1)
    add_option(parser, "--batch-size", type=positive, default=0, metavar="N")
    add_option(parser, "--workers", type=positive, default=0, metavar="N")
    add_option(parser, "--resume", action="store_true")
    add_option(parser, "--ray", nargs="?", const="local", type=_address, metavar="ADDRESS")
    add_option(parser, "--report", action="store_true")
    add_loudness(parser)


def run(args: argparse.Namespace) -> int:
    """Run ``audiodet detect``."""
    check_model(args)
    if args.output == "-" and (len(args.formats) != 1 or args.resume):
        args.parser.error("-o -: expected one --format and no --resume")
    if args.output == "-" and args.report:
        args.parser.error("-o -: expected a folder for the page of --report")
    if args.output == "-" and args.formats[0] in ("parquet", *FOLDERS):
        args.parser.error(f"-o -: {args.formats[0]} is not written to stdout, expected a folder")
    from audiodet.inference.request import Request
    from audiodet.inference.run import run as run_request

    options = {field.name: getattr(args, field.name) for field in fields(Request)}
    request = Request(**options)
    code = run_request(request)
    if args.report:
        code = max(code, make_report(args.output, os.path.join(args.output, "report")))
    return code


def _formats(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    for name in names:
        if name not in FORMATS:
            raise argparse.ArgumentTypeError(f"{name!r}, expected one of {', '.join(FORMATS)}")
    return names


def _address(text: str) -> str:
    if text not in ("local", "auto") and ":" not in text:
        raise argparse.ArgumentTypeError(
            f"{text!r}, expected auto, host:port or ray://host:port; inputs go before --ray"
        )
    return text
