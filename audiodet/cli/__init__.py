"""The ``audiodet`` command, one module for each subcommand."""

from audiodet.cli.main import main

__all__ = ["main"]
