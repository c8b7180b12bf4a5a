"""What the tools' command lines share: help from the module's text, errors in one line."""

import argparse
import sys
from collections.abc import Callable

from audiodet.errors import AudiodetError


def parser_of(text: str) -> argparse.ArgumentParser:
    """A parser whose help is a module's text: its first paragraph, and at the end the others."""
    summary, _, others = text.partition("\n\n")
    return argparse.ArgumentParser(
        description=summary, epilog=others, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def run_main(main: Callable, parse_args: Callable) -> None:
    """Do what the command line asks for; what a user can correct is said in one line."""
    try:
        main(parse_args())
    except AudiodetError as error:
        sys.exit(f"error: {error}")
