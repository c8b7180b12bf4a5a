"""``audiodet separate``: a wav of each class that is detected in recordings."""

import argparse
import os
import sys

from audiodet.cli.options import add_model, add_option, add_recordings, check_model
from audiodet.errors import AudiodetError

SEPARATING = "tfseg_remix_mini"  # the model that ships with masks


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
    add_option(parser, "--window", type=float, default=10.0, metavar="S")
    add_model(parser, default=SEPARATING)
    parser.set_defaults(run=run, parser=parser)


def run(args: argparse.Namespace) -> int:
    """Run ``audiodet separate``."""
    check_model(args, default=SEPARATING)
    import soundfile as sf

    from audiodet.audio.io import audio_info
    from audiodet.files import atomic_path
    from audiodet.inference.formats import unique_names
    from audiodet.inference.inputs import collect
    from audiodet.inference.loading import load_model
    from audiodet.inference.separation import Separator

    model = load_model(args.model, args.config_file, args.weights, args.device)
    separator = Separator(model, args.thresholds, args.window)
    paths, problems = collect(args.inputs)
    names = unique_names(paths)
    for path in paths:
        try:
            sounds = separator.separate_file(path)
        except AudiodetError as error:
            problems.append((path, str(error)))
            continue
        rate = audio_info(path).sample_rate
        for label, samples in sounds.items():
            file_name = f"{names[path]}_{label.replace(os.sep, '_')}.wav"
            wav = os.path.join(args.output, file_name)
            with atomic_path(wav) as temporary:
                sf.write(temporary, samples, rate, "FLOAT", format="WAV")
            print(wav)
    for _, reason in problems:
        print(f"error: {reason}", file=sys.stderr)
    return 3 if problems else 0
