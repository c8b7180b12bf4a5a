"""The command in processes that begin at once, because they fork from one that has it loaded."""

import multiprocessing
import os
import signal
import sys
import time
from pathlib import Path

import audiodet  # noqa: F401  first
import torch

import audiodet.engine.trainer  # noqa: F401  loaded once, in the server that processes fork from
import audiodet.inference.run  # noqa: F401
import audiodet.inference.separated  # noqa: F401
from audiodet.cli import main
from audiodet.cli.streams import own_streams


def start(target, *arguments):
    """A process that calls ``target`` of this module or another."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tortures.processes"])
    process = context.Process(target=target, args=arguments)
    process.start()
    return process


def command(arguments, log) -> None:
    """What a process runs that :func:`start` starts: ``audiodet``, its stderr in a file."""
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    number = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(number, sys.stderr.fileno())
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    own_streams()
    sys.exit(main(list(map(str, arguments))))


def kill_after(process, seconds: float) -> bool:
    """Kill a process unless it ends before; whether it was killed."""
    process.join(seconds)
    process.kill()
    process.join()
    return process.exitcode == -signal.SIGKILL


def run_whole(target, *arguments) -> tuple[int, float]:
    """Run to the end -> (exit code, seconds)."""
    began = time.monotonic()
    process = start(target, *arguments)
    process.join()
    return process.exitcode, time.monotonic() - began


def contents(folder, without=()) -> dict[str, bytes]:
    """All files under a folder but those of some names."""
    found = {}
    for path in sorted(Path(folder).rglob("*")):
        if path.is_file() and path.name not in without:
            found[str(path.relative_to(folder))] = path.read_bytes()
    return found
