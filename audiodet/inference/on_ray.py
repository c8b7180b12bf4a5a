"""The work of a run on a Ray cluster: one model per actor, recordings dealt out in small groups.

Recordings are read where the actor runs, so all machines need the same paths. When an actor dies,
Ray starts it anew and gives it its group again; each detection reaches the journal once.
"""

import os
import socket
from collections.abc import Iterator, Sequence

from audiodet.audio.notes import in_batch, noted, tell
from audiodet.errors import AudiodetError, AudioError
from audiodet.events import Detection

GROUP = 4  # recordings per task
TRIES = 3  # with a task whose worker died


class Worker:
    """What an actor holds: one detector."""

    def __init__(self, request):
        self.request = request
        self.detector = request.detector()

    def pid(self) -> int:
        """The actor's process."""
        return os.getpid()

    def detect(self, paths: Sequence[str]) -> list[tuple[Detection, list]]:
        """Detections of a group of recordings, each with the warnings about it."""
        with in_batch():
            detections = self.detector.detect_many(paths, self.request.batch_size, workers=1)
            return [(detection, noted(detection.source)) for detection in detections]


def connect(address: str, workers: int) -> None:
    """Join the cluster at ``address``, or start one here ("local"), unless that is done already.

    Raises:
        AudiodetError: there is no such cluster.
    """
    import ray

    if ray.is_initialized():
        return
    _silence()
    options = {"address": None if address == "local" else address}
    if address == "local" and workers:
        options["num_cpus"] = workers
    try:
        if ":" in address:
            host, _, port = address.rpartition("/")[2].rpartition(":")
            socket.create_connection((host, int(port)), timeout=10).close()  # Ray waits for minutes
        ray.init(**options, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    except Exception as error:  # a start that fails raises whatever its parts do
        what = "Ray cannot start here" if address == "local" else "no cluster there"
        raise AudiodetError(f"--ray {address}: {what} ({_one_line(error)[:300]})") from error


def _silence() -> None:
    """Keep Ray's lines on workers that die, for those who run clusters, from users.

    Ray has no option for them; where a version keeps them elsewhere they are seen.
    """
    from ray._private import worker

    if hasattr(worker, "print_to_stdstream"):
        worker.print_to_stdstream = lambda *told, **options: None


def start_workers(request) -> list:
    """Actors of :class:`Worker`, all ready: as many as asked for, or one per CPU or GPU."""
    import ray

    connect(request.ray, request.workers)
    resources = ray.cluster_resources()
    gpus = int(resources.get("GPU", 0)) if request.device != "cpu" else 0
    most = gpus or max(1, int(resources.get("CPU", 1)))
    options = {
        "num_cpus": 1,
        "num_gpus": 1 if gpus else 0,
        "max_restarts": -1,  # as often as it dies
        "max_task_retries": TRIES - 1,
    }
    actor = ray.remote(Worker).options(**options)
    workers = [actor.remote(request) for _ in range(min(request.workers or most, most))]
    ray.get([worker.pid.remote() for worker in workers])  # raises when one cannot begin
    return workers


def detect_on_ray(request, paths: Sequence[str]) -> Iterator[Detection]:
    """Detections of all recordings, as groups are finished.

    The recordings of a group whose workers died are tried again one by one.

    Raises:
        AudiodetError: the workers cannot start, or the cluster is gone.
    """
    import ray
    from ray.exceptions import RayError
    from ray.util import ActorPool

    workers = []
    lost = list(paths)
    try:
        workers = start_workers(request)
        pool = ActorPool(workers)
        for size in (GROUP, 1):
            lost, reason = yield from _detect_groups(pool, lost, size)
        for path in lost:
            error = AudioError(f"{path}: {TRIES} workers died of it ({reason})")
            yield Detection(path, error=error)
    except RayError as error:
        raise AudiodetError(
            f"--ray {request.ray}: {_one_line(error)}; continue with --resume"
        ) from error
    finally:
        for worker in workers:
            ray.kill(worker)


def _detect_groups(pool, paths: Sequence[str], size: int):
    """Yield detections of recordings in groups -> those whose workers died, and why."""
    from ray.exceptions import RayActorError

    waiting = dict.fromkeys(paths)
    reason = ""
    for start in range(0, len(paths), size):
        pool.submit(lambda worker, group: worker.detect.remote(group), paths[start : start + size])
    while pool.has_next():
        try:
            detections = pool.get_next_unordered()
        except RayActorError as error:
            reason = _one_line(error)[:200]
            continue
        for detection, warnings in detections:
            for warning in warnings:
                tell(detection.source, *warning)
            del waiting[detection.source]
            yield detection
    return list(waiting), reason


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
