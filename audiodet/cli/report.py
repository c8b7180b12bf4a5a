"""``audiodet report``: a page to look at, listen to and judge the events that detect found.

Make a page of a run of audiodet detect: it opens from disk, without a server or a network.
"""

import argparse
import os
import sys

from audiodet.cli.options import new_command, number, tell


def add_parser(commands) -> None:
    """Add ``audiodet report``."""
    parser = new_command(commands, run, "report", __doc__, exits="the page names each")
    parser.add_argument("folder", metavar="RUN", help="folder that audiodet detect wrote")
    parser.add_argument(
        "-o",
        "--output",
        metavar="PAGE",
        help="folder of the page, or NAME.html for one file that holds all (RUN/report)",
    )
    parser.add_argument(
        "--truth", metavar="LABELS[:AUDIO]", help="label table, and the folder that it is about"
    )
    parser.add_argument(
        "--collar",
        type=number(float, 0),
        default=0.5,
        metavar="S",
        help="with --truth: seconds that the onset of a hit may be away (%(default)s)",
    )
    parser.add_argument(
        "--curves",
        action="store_true",
        help="run the model again for its scores over time; without it the page draws those of "
        "the events, which is all that a region detector has",
    )
    parser.add_argument(
        "--max-clips",
        type=number(int, 0),
        default=200,
        metavar="N",
        help="events of a class that can be heard, of each about 35 kB (%(default)s)",
    )


def run(args: argparse.Namespace) -> int:
    """Run ``audiodet report``."""
    page = args.output or os.path.join(args.folder, "report")
    choices = (args.truth, args.collar, args.max_clips, args.curves)
    return make_report(args.folder, page, *choices)


def make_report(
    folder: str,
    page: str,
    truth: str | None = None,
    collar: float = 0.5,
    max_clips: int = 200,
    curves: bool = False,
) -> int:
    """Make the page of a run and say where it is -> exit code 0, or 3 for missing recordings."""
    from audiodet.events import Agreement
    from audiodet.names import printable
    from audiodet.visualization import report

    found = report.from_folder(folder)
    notes = report.add_truth(found, truth) if truth else []
    if curves:
        report.add_curves(found)
    written = report.write_report(found, page, report.Options(max_clips, Agreement(collar)))
    events = sum(len(recording.events) for recording in found.recordings)
    print(f"{events} events of any score: open {printable(str(written))}", file=sys.stderr)
    return tell(found.problems, notes)
