"""Options that several subcommands share, and what they have in common when they run."""

import argparse
import sys
from collections.abc import Callable

DEFAULT_MODEL = "audiodet_rare"
AUDIOSET = "audioset"  # the public network as it is, whose file does not ship
AUDIOSET_FILE = "mn04_as_mAP_432.pt"
SAMPLES = 1000  # of the bootstrap, where a training's configuration wants none
SOME_FAILED = 3  # exit code: done, but some recordings could not be used


HELP = {
    "inputs": "a recording, a folder (with all that is in it), or @file with one path a line",
    "--config-file": "with --weights: a model's YAML",
    "--weights": "with --config-file: a checkpoint",
    "--threshold": "lowest score of an event, for all labels or by label (the model's)",
    "--floor": "lowest score of a candidate that the journal keeps for other thresholds and the "
    "report (%(default)s)",
    "--contrast": "for rare events in long recordings, about 0.75: where the half minute around an "
    "event is full of candidates of its label, its score counts less (%(default)s)",
    "--engine": "onnxruntime, torch, or auto: the first where a file of `audiodet export` is there "
    "and no GPU (%(default)s)",
    "--device": "auto, cpu, cuda or cuda:1 (%(default)s)",
    "--window": "recordings longer than this, in seconds, are cut into windows (%(default)s)",
    "--overlap": "seconds that two windows share, at most half of one (%(default)s)",
    "--batch-size": "windows per call of the network; changes no more than rounding "
    "(GPU 16, CPU 1)",
    "--workers": "threads, or actors of Ray (one per core)",
    "--resume": "continue the run in OUT that was stopped",
    "--ray": "work on Ray: on this machine, or on the cluster at host:port, ray://... or auto; "
    "put it after the inputs or write --ray=ADDRESS",
    "--report": "also make a page to see, hear and judge the events: OUT/report/index.html",
    "--quiet": "say only what failed",
    "labelled": "labels.tsv:audio_folder, or labels of any format that is read and folders of "
    "recordings",
    "--collar": "seconds that the onset of a hit may be away (the model's, usually 0.5)",
    "--offset": "offsets of hits must agree too, within the larger of the collar and F of the true "
    "event's length (0.5)",
    "--delay": "an event is printed at the latest S seconds of sound after its end; events longer "
    "than half of S may be cut (%(default)s)",
}


def new_command(commands, run: Callable, name: str, text: str, exits: str | None = None):
    """A subcommand's parser.

    Args:
        run: what runs it: parsed arguments -> exit code.
        text: a line "NAME: what it does.", then a paragraph for its own help.
        exits: where recordings that could not be used are named, "" for on stderr; None where it
            has other exit codes than those.
    """
    line, _, about = (text or "").partition("\n\n")  # python -OO has none
    if exits is not None:
        where = f" ({exits})" if exits else ""
        about += (
            "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done but some recordings could not be "
            f"used{where}, 130 interrupted."
        )
    summary = line.partition(": ")[2].rstrip(".")
    parser = commands.add_parser(name, help=summary, description=about)
    parser.set_defaults(run=run, parser=parser)
    return parser


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
    add_threshold(parser)
    add_option(parser, "--device", default="auto", metavar="D")
    add_option(parser, "--engine", choices=("auto", "onnxruntime", "torch"), default="auto")


def add_loudness(parser, verbose: str = "say a line about each recording") -> None:
    """How much is said on stderr; ``verbose``: what else."""
    loudness = parser.add_mutually_exclusive_group()
    add_option(loudness, "--quiet", action="store_true")
    loudness.add_argument("--verbose", action="store_true", help=verbose)


def add_scoring(parser) -> None:
    """Which labelled recordings, and when a reported event is a hit of a true one."""
    add_option(parser, "labelled", nargs="+", metavar="LABELS:AUDIO")
    seconds = number(float, 0)
    add_option(parser, "--collar", type=seconds, metavar="S")
    add_option(parser, "--offset", nargs="?", const=0.5, type=seconds, metavar="F")
    add_option(parser, "--window", type=seconds, default=30.0, metavar="S")
    add_option(parser, "--overlap", type=seconds, default=6.0, metavar="S")
    add_option(parser, "--device", default="auto", metavar="D")
    add_option(parser, "--quiet", action="store_true")


def with_scoring(cfg, args: argparse.Namespace):
    """A model's configuration with the collars of :func:`add_scoring`, and detect's protocol."""
    cfg = cfg.clone()
    cfg.defrost()
    cfg.TEST.BEST_EVENT_PER_CLIP = False
    cfg.TEST.BOOTSTRAP = cfg.TEST.BOOTSTRAP or SAMPLES
    if args.collar is not None:
        cfg.TEST.COLLAR = args.collar
    if args.offset is not None:
        cfg.TEST.EVALUATE_OFFSET = True
        cfg.TEST.OFFSET_FRACTION = args.offset
    cfg.freeze()
    return cfg


def tell(problems, notes=()) -> int:
    """Print notes and recordings that could not be used on stderr -> exit code 0, or 3."""
    from audiodet.names import printable

    for note in notes:
        print(f"note: {printable(note)}", file=sys.stderr)
    for path, reason in problems:
        print(f"error: {printable(f'{path}: {reason}')}", file=sys.stderr)
    return SOME_FAILED if problems else 0


def add_threshold(parser) -> None:
    """The lowest score of an event, instead of the model's."""
    value = "X|LABEL=X,..."
    add_option(parser, "--threshold", dest="thresholds", type=_threshold, metavar=value)


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


def intermixed(parser: argparse.ArgumentParser) -> None:
    """Let a subcommand's positional arguments stand before, between and after its options."""
    plain = parser.parse_known_args

    def parse(args=None, namespace=None):
        parser.parse_known_args = plain  # which the next line uses, for each of the two kinds
        try:
            return parser.parse_known_intermixed_args(args, namespace)
        finally:
            parser.parse_known_args = parse

    parser.parse_known_args = parse
