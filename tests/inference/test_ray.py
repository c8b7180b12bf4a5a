"""The same rows from two workers on Ray, one of which is killed."""

import os
import signal
from types import SimpleNamespace

import pytest
import soundfile as sf

from audiodet.inference import on_ray
from tests.inference.conftest import rows
from tests.inference.sounds import sound
from tests.tiny import RATE

ray = pytest.importorskip("ray")


@pytest.fixture(scope="module")
def cluster():
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """A folder of 31 recordings, one of which is none, and one of a rate that is warned of."""
    folder = tmp_path_factory.mktemp("ray")
    for number in range(30):
        sf.write(folder / f"{number:02}.wav", sound(1.0 + number % 4, number), RATE)
    (folder / "20.wav").write_text("no sound")
    sf.write(folder / "slow.wav", sound(2.0), 8000)
    return folder


def test_no_cluster_at_that_address(detect, many, tmp_path):
    code, _, told = detect(many, "-o", tmp_path / "out", "--ray=127.0.0.1:1")
    assert code == 1 and "--ray 127.0.0.1:1: no cluster there" in told


def test_a_killed_worker_costs_no_row(cluster, many, detect, tmp_path, monkeypatch, caplog):
    begin, collected, killed = on_ray.start_workers, on_ray.detect_on_ray, []

    def start_and_note(request):
        workers = begin(request)
        killed.append(ray.get([worker.pid.remote() for worker in workers]))
        return workers

    def kill_one_in_the_middle(request, paths):
        for number, found in enumerate(collected(request, paths)):
            if number == 5:
                os.kill(killed[0][1], signal.SIGKILL)
            yield found

    monkeypatch.setattr(on_ray, "start_workers", start_and_note)
    monkeypatch.setattr(on_ray, "detect_on_ray", kill_one_in_the_middle)
    code, _, told = detect(many, "-o", tmp_path / "ray", "--ray", "--workers", "2")
    assert len(killed[0]) == 2 and len(set(killed[0])) == 2
    assert code == 3, told
    assert "slow.wav: sampled at 8000 Hz" in caplog.text
    assert detect(many, "-o", tmp_path / "local")[0] == 3
    names = ("audiodet_events.tsv", "errors.tsv", "warnings.tsv")
    assert [rows(tmp_path / "ray" / name) for name in names] == [
        rows(tmp_path / "local" / name) for name in names
    ]


def test_a_recording_that_kills_every_worker_fails_alone(cluster, many, monkeypatch):
    class Fragile(on_ray.Worker):
        def __init__(self, request):
            pass

        def detect(self, paths):
            if any(path == "deadly" for path in paths):
                os.kill(os.getpid(), signal.SIGKILL)
            return [(on_ray.Detection(path), []) for path in paths]

    monkeypatch.setattr(on_ray, "Worker", Fragile)
    monkeypatch.setattr(on_ray, "TRIES", 2)
    request = SimpleNamespace(workers=2, device="cpu", ray="local")
    paths = ["a", "b", "deadly", "c", "d", "e"]
    found = {d.source: d.error for d in on_ray.detect_on_ray(request, paths)}
    assert sorted(found) == sorted(paths)
    assert [path for path, error in found.items() if error] == ["deadly"]
    assert "2 workers died of it" in str(found["deadly"])


def test_a_ray_that_cannot_start(detect, many, tmp_path, monkeypatch):
    """Whatever its parts raise: one line."""

    def fail(**options):
        raise Exception("The current node timed out during startup.\nThis could happen because")

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", fail)
    code, said, told = detect(many, "-o", tmp_path / "out", "--ray")
    assert code == 1 and said == "" and told.count("\n") == 1
    assert told.startswith("error: --ray local: Ray cannot start here (The current node timed out")


def test_what_ray_says_of_dead_workers_is_not_shown(monkeypatch, capfd):
    from ray._private import worker

    assert worker.print_to_stdstream  # by which this version of Ray tells them
    monkeypatch.setattr(worker, "print_to_stdstream", lambda data, prefix: print(data))
    on_ray._silence()
    worker.print_to_stdstream("A worker died", False)
    assert capfd.readouterr().out == ""
