"""``audiodet clips``: a wav of each event that detect found.

Cut each event that a run of detect reported out of its recording, into a folder per class with the
surest first, and a table clips.tsv. Recordings are only read.
"""

import argparse
import sys

from audiodet.cli.options import new_command, number, tell


def add_parser(commands) -> None:
    """Add ``audiodet clips``."""
    parser = new_command(commands, run, "clips", __doc__, exits="")
    parser.add_argument("run_folder", metavar="RUN", help="folder that audiodet detect wrote")
    parser.add_argument("-o", "--output", required=True, metavar="OUT", help="folder of the clips")
    parser.add_argument(
        "--margin",
        type=number(float, 0),
        default=0.5,
        metavar="S",
        help="seconds before and after each event (%(default)s)",
    )
    parser.add_argument(
        "--max-per-class",
        type=number(int, 1),
        default=0,
        metavar="N",
        help="only the surest N (all)",
    )


def run(args: argparse.Namespace) -> int:
    """Run ``audiodet clips``."""
    from audiodet.inference.event_clips import write_clips
    from audiodet.inference.results import read_run

    found = read_run(args.run_folder)
    written, problems = write_clips(found, args.output, args.margin, args.max_per_class)
    print(f"{written} clips in {args.output}", file=sys.stderr)
    return tell(problems.items())
