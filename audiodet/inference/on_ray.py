"""The work of a run on a Ray cluster: one model per actor, recordings dealt out in small groups.

Recordings are read where the actor runs, so all machines need the same paths. When an actor dies,
another takes its place and its group is done anew; what is found reaches the journal once.
"""

import os
import socket
from collections import Counter
from collections.abc import Iterator, Sequence

from audiodet.errors import AudiodetError, AudioError
from audiodet.inference.detector import Detection

GROUP = 4  # recordings per task
TRIES = 3  # with a recording whose worker died


def check_ray() -> None:
    """Raise AudiodetError when Ray is not installed."""
    try:
        import ray  # noqa: F401
    except ImportError:
        raise AudiodetError(
            "--ray needs Ray, which is not installed: pip install 'audiodet[ray]'"
        ) from None


class Worker:
    """What an actor holds: one detector."""

    def __init__(self, request):
        self.request, self.detector = request, request.detector()

    def pid(self) -> int:
        """The actor's process."""
        return os.getpid()

    def detect(self, paths: Sequence[str]) -> list[Detection]:
        """Detections of a group of recordings."""
        return list(self.detector.detect_many(paths, self.request.batch_size, workers=1))


def connect(address: str, workers: int) -> None:
    """Join the cluster at ``address``, or start one here ("local"), unless that is done already.

    Raises:
        AudiodetError: there is no such cluster.
    """
    import ray

    if ray.is_initialized():
        return
    options = {"address": None if address == "local" else address}
    if address == "local" and workers:
        options["num_cpus"] = workers
    try:
        if ":" in address:
            host, _, port = address.rpartition("/")[2].rpartition(":")
            socket.create_connection((host, int(port)), timeout=10).close()  # Ray waits for minutes
        ray.init(**options, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, ValueError, RuntimeError, OSError) as error:
        reason = " ".join(str(error).split())
        raise AudiodetError(f"--ray {address}: no cluster there ({reason})") from error


def start_workers(request) -> list:
    """Actors of :class:`Worker`, all ready: as many as asked for, or one per CPU or GPU."""
    import ray

    connect(request.ray, request.workers)
    resources = ray.cluster_resources()
    most = _gpus(request) or max(1, int(resources.get("CPU", 1)))
    workers = [new_worker(request) for _ in range(min(request.workers or most, most))]
    ray.get([worker.pid.remote() for worker in workers])  # raises when one cannot begin
    return workers


def new_worker(request):
    """One actor; it may not be ready yet."""
    import ray

    needs = {"num_cpus": 1, "num_gpus": 1 if _gpus(request) else 0}
    return ray.remote(Worker).options(**needs).remote(request)


def _gpus(request) -> int:
    import ray

    return int(ray.cluster_resources().get("GPU", 0)) if request.device != "cpu" else 0


def detect_on_ray(request, paths: Sequence[str]) -> Iterator[Detection]:
    """Detections of all recordings, as groups are finished.

    The recordings of a worker that died are tried again one by one, on a new worker.

    Raises:
        AudiodetError: the workers cannot start, or the cluster is gone.
    """
    import ray
    from ray.exceptions import RayActorError, RayError

    workers, tries = [], Counter()
    groups = [list(paths[i : i + GROUP]) for i in range(0, len(paths), GROUP)]
    try:
        workers = start_workers(request)
        idle, running = list(workers), {}
        while groups or running:
            while idle and groups:
                worker, group = idle.pop(), groups.pop(0)
                running[worker.detect.remote(group)] = (worker, group)
            (task,), _ = ray.wait(list(running), num_returns=1)
            worker, group = running.pop(task)
            try:
                found = ray.get(task)
            except RayActorError as error:
                workers.remove(worker)
                worker = new_worker(request)
                workers.append(worker)
                tries.update(group)
                groups += [[path] for path in group if tries[path] < TRIES]
                found = [_lost(path, error) for path in group if tries[path] >= TRIES]
            idle.append(worker)
            yield from found
    except RayError as error:
        reason = " ".join(str(error).split())
        raise AudiodetError(f"--ray {request.ray}: {reason}; continue with --resume") from error
    finally:
        for worker in workers:
            ray.kill(worker)


def _lost(path: str, error: Exception) -> Detection:
    reason = " ".join(str(error).split())[:200]
    return Detection(path, error=AudioError(f"{path}: {TRIES} workers died of it ({reason})"))
