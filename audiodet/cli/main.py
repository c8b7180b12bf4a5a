"""The ``audiodet`` command: its subcommands, its exit codes, its error line.

Exit codes: 0 done; 1 an error, or the check that was asked for failed; 2 wrong usage; 3 done, but
some inputs could not be used; 130 interrupted. A subcommand is a module with ``add_parser`` and
``run``, which imports heavy modules only when it runs.
"""

import argparse
import importlib
import sys
from collections.abc import Sequence
from importlib.util import find_spec

from audiodet import __version__
from audiodet.cli.streams import cannot_print, own_streams
from audiodet.errors import AudiodetError

COMMANDS = (
    "detect report clips plot stream separate train evaluate tune compare export models doctor data"
).split()


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
    for name in COMMANDS:
        importlib.import_module(f"audiodet.cli.{name}").add_parser(commands)
    return parser
