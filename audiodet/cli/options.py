"""Options that several subcommands share, and what they have in common when they run."""

import argparse
import os
import sys
from collections.abc import Callable

from audiodet.errors import AudiodetError

DEFAULT_MODEL = "rcrnn_rare"
AUDIOSET = "audioset"  # the public network as it is, whose file does not ship
AUDIOSET_FILE = "mn04_as_mAP_432.pt"


HELP = {
    "inputs": "a recording, a folder (with all that is in it), or @file with one path a line",
    "--config-file": "with --weights: a model's YAML",
    "--weights": "with --config-file: a checkpoint",
    "--threshold": "lowest score of an event, for all labels or by label, or 'model' (the model's; "
    "with --resume those of the run, which may be changed without running the network again)",
    "--floor": "lowest score of a candidate that the journal keeps for other thresholds and the "
    "report (%(default)s)",
    "--device": "auto, cpu, cuda or cuda:1 (%(default)s)",
    "--window": "recordings longer than this, in seconds, are cut into windows (%(default)s)",
    "--overlap": "seconds that two windows share, at most half of one (%(default)s)",
    "--batch-size": "windows per call of the network; changes no more than rounding "
    "(GPU 16, CPU 1)",
    "--workers": "threads, or actors of Ray (one per core)",
    "--resume": "continue the run in OUT that was stopped; tables there in other formats are "
    "renewed",
    "--ray": "work on Ray: on this machine, or on the cluster at host:port, ray://... or auto; "
    "put it after the inputs or write --ray=ADDRESS",
    "--report": "also make a page to see, hear and judge the events: OUT/report/index.html",
    "--delay": "an event is printed at the latest S seconds of sound after its end; events longer "
    "than half of S may be cut (%(default)s)",
}


def add_option(parser, name: str, **options) -> None:
    """Add an argument with its text of :data:`HELP`."""
    parser.add_argument(name, help=HELP[name], **options)


def add_recordings(parser, output: str, output_help: str) -> None:
    """Which recordings, and the folder to write to, by default ``output``."""
    add_option(parser, "inputs", nargs="+", metavar="INPUT")
    output_help = f"{output_help} (%(default)s)"
    parser.add_argument("-o", "--output", default=output, metavar="OUT", help=output_help)


def add_model(parser, default: str = DEFAULT_MODEL) -> None:
    """Which model, and how it decides; ``default`` "" where none serves."""
    model_help = "a model that ships, or a checkpoint" + (f" ({default})" if default else "")
    parser.add_argument("--model", default="", metavar="NAME", help=model_help)
    add_option(parser, "--config-file", default="", metavar="F")
    add_option(parser, "--weights", default="", metavar="F")
    value = "X|LABEL=X,..."
    add_option(parser, "--threshold", dest="thresholds", type=_threshold, metavar=value)
    add_option(parser, "--device", default="auto", metavar="D")


def check_model(args: argparse.Namespace, default: str = DEFAULT_MODEL) -> None:
    """Refuse options of :func:`add_model` that contradict each other, and fill in the default.

    "audioset" becomes the configuration that belongs to its file.
    """
    if args.model == AUDIOSET:
        _fill_in_audioset(args)
    if bool(args.config_file) != bool(args.weights):
        args.parser.error("--config-file and --weights belong together")
    if args.config_file and args.model:
        args.parser.error("--model and --config-file exclude each other")
    if not args.config_file:
        args.model = args.model or default
        if not args.model:
            args.parser.error("no model: give --model, or --config-file and --weights")


def _fill_in_audioset(args: argparse.Namespace) -> None:
    """``--model audioset --weights FILE`` -> the configuration that belongs to the file."""
    from audiodet.model_zoo import get_config_file

    if not args.weights or args.config_file:
        args.parser.error(
            f"--model {AUDIOSET} expects --weights {AUDIOSET_FILE}, a file of the public "
            "EfficientAT release, and no --config-file"
        )
    args.config_file = get_config_file("pretrained/audioset.yaml")
    args.model = ""


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


def _threshold(text: str) -> float | str | dict[str, float]:
    score = number(float, 0)
    if text == "model":
        return text
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
