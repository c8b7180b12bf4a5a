"""``audiodet detect``: find events in recordings of any length and number."""

import argparse

from audiodet.cli.options import (
    DEFAULT_MODEL,
    add_model,
    add_recordings,
    check_model,
    number,
    piped,
)
from audiodet.inference.formats import FORMATS


def add_parser(commands) -> None:
    """Add ``audiodet detect``."""
    parser = commands.add_parser(
        "detect",
        help="find events in recordings of any length and number",
        description="Find events in recordings. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 "
        "done but some inputs could not be used (errors.tsv names each and why), 130 interrupted.",
    )
    add_recordings(parser, "audiodet_output", "folder for the events, or - for stdout")
    parser.add_argument(
        "--format",
        type=_formats,
        default=("tsv",),
        metavar="F,...",
        help=f"one or more of {', '.join(FORMATS)} (tsv)",
    )
    add_model(parser)
    _add_windows(parser)
    _add_work(parser)
    parser.set_defaults(run=run, parser=parser)


def _add_windows(parser) -> None:
    """How long recordings are cut."""
    parser.add_argument(
        "--window",
        type=number(float, 0),
        default=30.0,
        metavar="S",
        help="recordings longer than this, in seconds, are cut into windows (%(default)s)",
    )
    parser.add_argument(
        "--overlap",
        type=number(float, 0),
        default=6.0,
        metavar="S",
        help="seconds that two windows share, at most half of one (%(default)s)",
    )


def _add_work(parser) -> None:
    """How the work is done."""
    positive = number(int, 1)
    parser.add_argument(
        "--batch-size",
        type=positive,
        default=0,
        metavar="N",
        help="windows per call of the network; changes no more than rounding (GPU 16, CPU 1)",
    )
    parser.add_argument(
        "--workers",
        type=positive,
        default=0,
        metavar="N",
        help="threads, or actors of Ray (one per core)",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="continue the run in OUT that was stopped; tables there in other formats are renewed",
    )
    parser.add_argument(
        "--ray",
        nargs="?",
        const="local",
        type=_address,
        metavar="ADDRESS",
        help="work on Ray: on this machine, or on the cluster at host:port, ray://... or auto; "
        "put it after the inputs or write --ray=ADDRESS",
    )


def run(args: argparse.Namespace) -> int:
    """Run ``audiodet detect``."""
    check_model(args)
    if args.output == "-" and (len(args.format) != 1 or args.resume):
        args.parser.error("-o -: expected one --format and no --resume")
    if args.output == "-" and args.format[0] in ("parquet", "audacity"):
        args.parser.error(f"-o -: {args.format[0]} is not written to stdout, expected a folder")
    from audiodet.inference.request import Request
    from audiodet.inference.run import run as run_request

    request = Request(
        inputs=tuple(args.inputs),
        output=args.output,
        formats=args.format,
        model=args.model or DEFAULT_MODEL,
        config_file=args.config_file,
        weights=args.weights,
        thresholds=args.threshold,
        device=args.device,
        batch_size=args.batch_size,
        workers=args.workers,
        window=args.window,
        overlap=args.overlap,
        resume=args.resume,
        ray=args.ray,
    )
    return piped(lambda: run_request(request))


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
