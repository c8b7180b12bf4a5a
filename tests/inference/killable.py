"""``audiodet detect`` in a process of its own that begins at once, for tests that kill it."""

import multiprocessing
import os
import resource
import signal
import sys

import audiodet  # noqa: F401  first

import torch

import audiodet.inference.run  # noqa: F401  loaded once, in the server that processes fork from
import audiodet.modeling  # noqa: F401
from audiodet.cli import main


def start(arguments, file_limit: int = 0):
    """A process that runs ``audiodet detect``.

    Args:
        file_limit: bytes beyond which none of its files may grow.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.inference.killable"])
    process = context.Process(target=_detect, args=([*map(str, arguments)], file_limit))
    process.start()
    return process


def _detect(arguments, file_limit):
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's "&" leaves it ignored
    if file_limit:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, file_limit))
    log = arguments[arguments.index("-o") + 1] + ".log"
    sys.stderr.flush()
    os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), sys.stderr.fileno())
    sys.exit(main(["detect", *arguments]))
