"""Options that several subcommands share, and what they have in common when they run."""

import argparse
import os
import sys
from collections.abc import Callable

from audiodet.errors import AudiodetError

DEFAULT_MODEL = "rcrnn_rare"
AUDIOSET = "audioset"  # the public network as it is, whose file does not ship
AUDIOSET_FILE = "mn04_as_mAP_432.pt"


def add_recordings(parser, output: str, output_help: str) -> None:
    """Which recordings, and the folder to write to, by default ``output``."""
    parser.add_argument(
        "inputs",
        nargs="+",
        metavar="INPUT",
        help="a recording, a folder (with all that is in it), or @file with one path a line",
    )
    parser.add_argument(
        "-o", "--output", default=output, metavar="OUT", help=f"{output_help} (%(default)s)"
    )


def add_model(parser, default: str = DEFAULT_MODEL) -> None:
    """Which model, and how it decides; ``default`` "" where none serves."""
    default_help = f" ({default})" if default else ""
    parser.add_argument(
        "--model", metavar="NAME", help=f"a model that ships, or a checkpoint{default_help}"
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


def check_model(args: argparse.Namespace) -> None:
    """Refuse options of :func:`add_model` that contradict each other; "audioset" is filled in."""
    if args.model == AUDIOSET:
        _fill_in_audioset(args)
    if bool(args.config_file) != bool(args.weights):
        args.parser.error("--config-file and --weights belong together")
    if args.config_file and args.model:
        args.parser.error("--model and --config-file exclude each other")


def _fill_in_audioset(args: argparse.Namespace) -> None:
    """``--model audioset --weights FILE`` -> the configuration that belongs to the file."""
    from audiodet.model_zoo import get_config_file

    if not args.weights or args.config_file:
        args.parser.error(
            f"--model {AUDIOSET} expects --weights {AUDIOSET_FILE}, a file of the public "
            "EfficientAT release, and no --config-file"
        )
    args.config_file = get_config_file("pretrained/audioset.yaml")
    args.model = None


def number(kind: type, least: float) -> Callable[[str], float]:
    """A parser of finite numbers of at least ``least``, for an option's ``type``."""

    def parse(text: str):
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not least <= value < float("inf"):
            raise argparse.ArgumentTypeError(f"{text!r}, expected a number of at least {least}")
        return value

    return parse


def _threshold(text: str) -> float | dict[str, float]:
    score = number(float, 0)
    if "=" not in text:
        return score(text)
    thresholds = {}
    for part in text.split(","):
        label, _, value = part.partition("=")
        thresholds[label.strip()] = score(value)
    return thresholds


def piped(work: Callable[[], int]) -> int:
    """Run what may print to a pipe whose reader goes away."""
    try:
        return work()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise AudiodetError("stdout was closed before all events were printed") from None
