"""``audiodet separate``: a wav of each class that is detected in recordings."""

import argparse
import os
import sys

from audiodet.cli.options import add_model, add_recordings, check_model
from audiodet.errors import AudiodetError


def add_parser(commands) -> None:
    """Add ``audiodet separate``."""
    parser = commands.add_parser(
        "separate",
        help="write a wav of each class that is detected in recordings",
        description="Separate detected sounds by the masks of a segmentation model, one wav a "
        "class, at the recording's own rate and length, one channel, 32-bit float. Exit codes: 0 "
        "done, 1 failed, 2 wrong usage, 3 done but some inputs could not be used.",
    )
    add_recordings(parser, "audiodet_separated", "folder for <recording>_<class>.wav")
    parser.add_argument(
        "--window",
        type=float,
        default=10.0,
        metavar="S",
        help="recordings longer than this, in seconds, are cut into windows (%(default)s)",
    )
    add_model(parser, default="")
    parser.set_defaults(run=run, parser=parser)


def run(args: argparse.Namespace) -> int:
    """Run ``audiodet separate``."""
    check_model(args)
    if not (args.model or args.config_file):
        args.parser.error("no model: give --model, or --config-file and --weights")
    from audiodet.inference.formats import unique_names
    from audiodet.inference.inputs import collect
    from audiodet.inference.loading import load_model
    from audiodet.inference.separation import Separator

    model = load_model(args.model or "", args.config_file, args.weights, args.device)
    separator = Separator(model, args.threshold, args.window)
    paths, problems = collect(args.inputs)
    names = unique_names(paths)
    for path in paths:
        try:
            sounds = separator.separate_file(path)
        except AudiodetError as error:
            problems.append((path, str(error)))
            continue
        for wav in _write_sounds(sounds, args.output, names[path], path):
            print(wav)
    for _, reason in problems:
        print(f"error: {reason}", file=sys.stderr)
    return 3 if problems else 0


def _write_sounds(sounds: dict, folder: str, name: str, path: str):
    """Write {label: samples} at the rate of the recording ``path``; yield the files' names."""
    import soundfile as sf

    from audiodet.audio.io import audio_info
    from audiodet.files import atomic_path

    for label, samples in sounds.items():
        wav = os.path.join(folder, f"{name}_{label.replace(os.sep, '_')}.wav")
        with atomic_path(wav) as temporary:
            sf.write(temporary, samples, audio_info(path).sample_rate, "FLOAT", format="WAV")
        yield wav
