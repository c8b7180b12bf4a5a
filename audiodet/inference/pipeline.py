"""Work that runs ahead in threads, delivered in order."""

import contextlib
import ctypes
import os
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

_END = object()


def cores() -> int:
    """Cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS
        return os.cpu_count() or 1


def in_order(items: Iterable, keys: Iterable, key: Callable) -> Iterator:
    """Items that come in any order, one per key, each held until those of earlier keys are out."""
    held = {}
    keys = iter(keys)
    wanted = next(keys, _END)
    for item in items:
        held[key(item)] = item
        while wanted in held:
            yield held.pop(wanted)
            wanted = next(keys, _END)


def run_ahead(
    sources: Iterable, produce: Callable, workers: int, ahead: int, depth: int = 4
) -> Iterator[tuple]:
    """Call ``produce(source)``, a generator function, in threads; memory is bounded.

    Args:
        sources: pulled in the calling thread, ``ahead`` of them before they are needed.
        workers: number of threads, each on one source at a time.
        ahead: sources under way or waiting.
        depth: items that a source may have ready.

    Yields:
        (source, item) in the order of the sources and of their items. An exception that
        ``produce`` raises is delivered as that source's last item.
    """
    sources = iter(sources)
    running = deque()
    stop = threading.Event()
    with ThreadPoolExecutor(workers, thread_name_prefix="audiodet") as pool:
        try:
            while True:
                while len(running) < ahead and (source := next(sources, _END)) is not _END:
                    box = queue.Queue(depth)
                    running.append((source, box))
                    pool.submit(_fill, produce, source, box, stop)
                if not running:
                    return
                source, box = running.popleft()
                while (item := box.get()) is not _END:
                    yield source, item
        finally:
            stop.set()


def _fill(produce, source, box: queue.Queue, stop: threading.Event) -> None:
    try:
        for item in produce(source):
            if not _put(box, item, stop):
                return
    except Exception as error:  # the consumer decides what it means
        _put(box, error, stop)
    _put(box, _END, stop)


def _put(box: queue.Queue, item, stop: threading.Event) -> bool:
    """Wait for room in ``box``; False when nobody wants the item any more."""
    while not stop.is_set():
        with contextlib.suppress(queue.Full):
            box.put(item, timeout=0.1)
            return True
    return False


def in_batches(
    windows: Iterator[tuple], listen: Callable, batch_size: int, networks: int
) -> Iterator[tuple]:
    """Batches of (source, (inputs, place) or exception), in order, each with its answer to come.

    Args:
        listen: called in threads, ``networks`` at a time, with the inputs of a batch.
    """
    pending = deque()
    with ThreadPoolExecutor(networks, thread_name_prefix="audiodet-network") as pool:
        while batch := list(islice(windows, batch_size)):
            inputs = [window[0] for _, window in batch if not isinstance(window, Exception)]
            pending.append((batch, pool.submit(listen, inputs)))
            if len(pending) > networks + 1:  # each network has its batch, and one waits
                yield pending.popleft()
        yield from pending


def give_back_memory() -> None:
    """Return freed arrays to the system at once: several threads would else fragment the heap.

    Without it, memory creeps up by a tenth and more over hours of sound. Two heaps serve all
    threads: what each keeps for itself is 50 MB on two cores. glibc only.
    """
    mmap_threshold = -3  # as in malloc.h
    trim_threshold = -1
    arena_max = -8
    with contextlib.suppress(AttributeError, OSError, TypeError):
        library = ctypes.CDLL(None)
        library.mallopt(mmap_threshold, 4 << 20)
        library.mallopt(trim_threshold, 32 << 20)
        library.mallopt(arena_max, 2)
