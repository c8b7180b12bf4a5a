"""The ``audiodet`` command: its subcommands, its exit codes, its error line.

Exit codes: 0 done; 1 an error, or the check that was asked for failed; 2 wrong usage; 3 done, but
some inputs could not be used; 130 interrupted. A subcommand is a module with ``add_parser`` and
``run``, which imports heavy modules only when it runs.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib.util import find_spec

from audiodet import __version__
from audiodet.cli.clips import add_parser as add_clips
from audiodet.cli.compare import add_parser as add_compare
from audiodet.cli.data import add_parser as add_data
from audiodet.cli.detect import add_parser as add_detect
from audiodet.cli.doctor import add_parser as add_doctor
from audiodet.cli.evaluate import add_parser as add_evaluate
from audiodet.cli.export import add_parser as add_export
from audiodet.cli.models import add_parser as add_models
from audiodet.cli.plot import add_parser as add_plot
from audiodet.cli.report import add_parser as add_report
from audiodet.cli.separate import add_parser as add_separate
from audiodet.cli.stream import add_parser as add_stream
from audiodet.cli.streams import cannot_print, own_streams
from audiodet.cli.train import add_parser as add_train
from audiodet.cli.tune import add_parser as add_tune
from audiodet.errors import AudiodetError


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line ``argv`` (None: the process's own) and return its exit code."""
    if argv is None:
        own_streams()
    try:
        try:
            args = _parser().parse_args(argv)
            return args.run(args)
        finally:
            sys.stdout.flush()
    except AudiodetError as error:
        return _failed(str(error))
    except ModuleNotFoundError as error:
        if find_spec("torch") is not None:
            raise
        missing = (error.name or "torch").partition(".")[0]
        return _failed(
            f"this needs {missing}, which a light installation lacks. Run: pip install "
            "'audiodet[train]'"
        )
    except BrokenPipeError as error:
        return _failed(str(cannot_print(error)))
    except OSError as error:
        return _failed(f"{error.filename or 'a file'}: {error.strerror or error}")
    except MemoryError:
        return _failed("out of memory; see --window, --workers and --batch-size")
    except KeyboardInterrupt:
        return 130


def _failed(text: str) -> int:
    """Say a line on stderr -> exit code."""
    line = " ".join(text.splitlines()).encode("utf-8", "backslashreplace").decode()
    print(f"error: {line}", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="audiodet", description="Sound event detection.")
    parser.add_argument("--version", action="version", version=f"audiodet {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for add in (
        add_detect,
        add_report,
        add_clips,
        add_plot,
        add_stream,
        add_separate,
        add_train,
        add_evaluate,
        add_tune,
        add_compare,
        add_export,
        add_models,
        add_doctor,
        add_data,
    ):
        add(commands)
    return parser
