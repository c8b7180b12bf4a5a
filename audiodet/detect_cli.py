"""The subcommands ``audiodet detect`` and ``audiodet stream``."""

import argparse
import json
import logging
import os
import sys
import warnings

from audiodet.errors import AudiodetError

FORMATS = ("tsv", "csv", "jsonl", "audacity", "raven", "rttm", "parquet")
MODEL = "rcrnn_rare"


def add_detect(commands) -> None:
    """``audiodet detect INPUT...``"""
    parser = commands.add_parser(
        "detect",
        help="find events in recordings of any length and number",
        description="Find events in recordings. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 "
        "done but some inputs could not be used (errors.tsv names each and why), 130 interrupted.",
    )
    add_recordings(parser, "audiodet_output", "folder for what is found, or - for stdout")
    parser.add_argument(
        "--format",
        type=_formats,
        default=("tsv",),
        metavar="F,...",
        help=f"one or more of {', '.join(FORMATS)} (tsv)",
    )
    add_model(parser)
    _add_work(parser)
    parser.set_defaults(run=run_detect, parser=parser)


def _add_work(parser) -> None:
    """How the work of ``audiodet detect`` is done."""
    positive = _number(int, 1)
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
        "--window",
        type=_number(float, 0),
        default=30.0,
        metavar="S",
        help="recordings longer than this, in seconds, are cut into windows (%(default)s)",
    )
    parser.add_argument(
        "--overlap",
        type=_number(float, 0),
        default=6.0,
        metavar="S",
        help="seconds that two windows share, at most half of one (%(default)s)",
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
        "put it behind the inputs or write --ray=ADDRESS",
    )


def add_stream(commands) -> None:
    """``audiodet stream``"""
    parser = commands.add_parser(
        "stream",
        help="events of raw PCM on stdin, as they happen",
        description="Read raw PCM from stdin and print events as JSON lines.",
    )
    positive = _number(int, 1)
    parser.add_argument("--sample-rate", type=positive, required=True, metavar="HZ")
    parser.add_argument("--channels", type=positive, default=1, metavar="N", help="(%(default)s)")
    parser.add_argument(
        "--sample-format",
        choices=("s16le", "s32le", "f32le"),
        default="s16le",
        help="(%(default)s)",
    )
    parser.add_argument(
        "--delay",
        type=_number(float, 0),
        default=12.0,
        metavar="S",
        help="an event is printed at the latest so many seconds of sound after its end; events "
        "longer than half of it may be cut (%(default)s)",
    )
    add_model(parser)
    parser.set_defaults(run=run_stream, parser=parser)


def add_recordings(parser, output: str, what: str) -> None:
    """Which recordings, and the folder for ``what`` comes of them, by default ``output``."""
    parser.add_argument(
        "inputs",
        nargs="+",
        metavar="INPUT",
        help="a recording, a folder (with all that is in it), or @file with one path a line",
    )
    parser.add_argument(
        "-o", "--output", default=output, metavar="OUT", help=f"{what} (%(default)s)"
    )


def add_model(parser, default: str = MODEL) -> None:
    """Which model, and how it decides; ``default`` "" where none serves."""
    parser.add_argument(
        "--model",
        metavar="NAME",
        help="a model that ships, or a checkpoint" + f" ({default})" * bool(default),
    )
    parser.add_argument(
        "--config-file", default="", metavar="F", help="with --weights: a model's YAML"
    )
    parser.add_argument(
        "--weights", default="", metavar="F", help="with --config-file: a checkpoint"
    )
    parser.add_argument(
        "--threshold",
        type=_threshold,
        metavar="X|LABEL=X,...",
        help="lowest score of an event, for all labels or by label (the model's)",
    )
    parser.add_argument(
        "--device", default="auto", metavar="D", help="auto, cpu, cuda or cuda:1 (%(default)s)"
    )


def run_detect(args: argparse.Namespace) -> int:
    """Run ``audiodet detect``."""
    check_model(args)
    if args.output == "-" and (len(args.format) != 1 or args.resume):
        args.parser.error("-o -: expected one --format and no --resume")
    if args.output == "-" and args.format[0] in ("parquet", "audacity"):
        args.parser.error(f"-o -: {args.format[0]} is not written to stdout, expected a folder")
    quiet()
    from audiodet.inference.run import Request, run

    request = Request(
        inputs=tuple(args.inputs),
        output=args.output,
        formats=args.format,
        model=args.model or MODEL,
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
    return _piped(lambda: run(request))


def run_stream(args: argparse.Namespace) -> int:
    """Run ``audiodet stream``."""
    check_model(args)
    quiet()
    from audiodet.inference.loading import load_model
    from audiodet.inference.stream import detect_stream, read_pcm, stream_detector

    name = "" if args.config_file else args.model or MODEL
    model = load_model(name, args.config_file, args.weights, args.device)
    detector = stream_detector(model, args.threshold, args.delay)

    def print_all() -> int:
        pcm = (sys.stdin.buffer, args.sample_rate, args.channels, args.sample_format)
        for event in detect_stream(detector, read_pcm(*pcm), args.sample_rate):
            row = {"onset": event.onset, "offset": event.offset}
            row |= {"event_label": event.label, "score": event.score}
            print(json.dumps(row), flush=True)
        return 0

    return _piped(print_all)


def quiet() -> None:
    """Silence what torch says about detectron2's code; a user of this command cannot mend it."""
    warnings.simplefilter("ignore", FutureWarning)
    logging.getLogger("torch.fx._symbolic_trace").setLevel(logging.ERROR)


def _piped(work) -> int:
    """Run what may print to a pipe whose reader goes away."""
    try:
        return work()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise AudiodetError("stdout was closed before all events were printed") from None


def check_model(args: argparse.Namespace) -> None:
    """Refuse options that contradict each other."""
    if bool(args.config_file) != bool(args.weights):
        args.parser.error("--config-file and --weights belong together")
    if args.config_file and args.model:
        args.parser.error("--model and --config-file exclude each other")


def _formats(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    for name in names:
        if name not in FORMATS:
            raise argparse.ArgumentTypeError(f"{name!r}, expected one of {', '.join(FORMATS)}")
    return names


def _number(kind, least):
    def parse(text: str):
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not least <= value < float("inf"):
            raise argparse.ArgumentTypeError(f"{text!r}, expected a number of at least {least}")
        return value

    return parse


def _threshold(text: str):
    number = _number(float, 0)
    if "=" not in text:
        return number(text)
    pairs = (part.partition("=") for part in text.split(","))
    return {label.strip(): number(value) for label, _, value in pairs}


def _address(text: str) -> str:
    if text not in ("local", "auto") and ":" not in text:
        raise argparse.ArgumentTypeError(
            f"{text!r}, expected auto, host:port or ray://host:port; inputs go before --ray"
        )
    return text
