"""Timing of functions in turn, so that a machine's moods hit all of them alike."""

import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from detectron2.structures import Boxes, Instances
from detectron2.utils.events import EventStorage
from tabulate import tabulate

from audiodet.engine.setup import load_config

CONFIGS = Path(__file__).resolve().parents[2] / "configs"

clock = time.perf_counter  # or time.process_time, see --cpu-time


def config(name: str, *opts, device: str = "cpu"):
    """A configuration of this checkout, such as "rcrnn/rare"."""
    return load_config(str(CONFIGS / f"{name}.yaml"), ["MODEL.DEVICE", device, *map(str, opts)])


def machine() -> str:
    """What the figures were measured on, in one line."""
    kind = platform.processor() or platform.machine()
    cores = f"{os.cpu_count()} cores, {torch.get_num_threads()} threads"
    return f"{kind}, {cores}, torch {torch.__version__}"


def measure(items: Mapping[str, Callable], rounds: int) -> dict[str, list[float]]:
    """Seconds of each item, all items in turn; the first round warms up and is left out."""
    times = {name: [] for name in items}
    for number in range(rounds + 1):
        for name, function in items.items():
            start = clock()
            function()
            if number:
                times[name].append(clock() - start)
    return times


def print_times(
    times: Mapping[str, list[float]], share: Mapping[str, int], unit: Mapping[str, str]
):
    """Print milliseconds and return their medians; an item's time is split among ``share``."""
    rows = []
    medians = {}
    for name, values in times.items():
        each = [1000 * value / share.get(name, 1) for value in values]
        medians[name] = statistics.median(each)
        cells = [f"{medians[name]:.2f}", f"{min(each):.2f}", f"{max(each):.2f}"]
        rows.append([name, *cells, unit.get(name, "30-s clip")])
    print(tabulate(rows, ["step", "median ms", "min", "max", "a"], disable_numparse=True))
    return medians


def print_figures(figures: Mapping[str, float]) -> None:
    """A line for each."""
    for name, value in figures.items():
        print(f"{name}: {value:.4g}", flush=True)


def training_step(
    model, optimizer, bands: int, frames: int, count: int, labels: int = 1
) -> Callable:
    """A function that takes one step on ``count`` crops, each with an event of the first label."""
    truth = Instances((bands, frames))
    truth.gt_boxes = Boxes(torch.tensor([[0.3 * frames, 0.0, 0.5 * frames, float(bands)]]))
    truth.gt_classes = torch.tensor([0])
    tags = {"clip_labels": torch.eye(labels)[0]}
    batch = [
        {"image": torch.randn(1, bands, frames), "instances": truth, **tags} for _ in range(count)
    ]

    def step():
        model.train()
        with EventStorage():
            loss = sum(model(batch).values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        model.eval()

    return step


def peak_memory(code: str) -> float:
    """Peak memory in MB of a fresh process that runs ``code`` (Linux).

    As /proc has it: the maximum of getrusage(2) is inherited from the process that starts it.
    """
    report = "[line] = [x for x in open('/proc/self/status') if x.startswith('VmHWM')]\n"
    report += "print(int(line.split()[1]) / 1024)"
    command = [sys.executable, "-W", "ignore", "-c", f"import audiodet\n{code}\n{report}"]
    places = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    run = subprocess.run(command, env=places, stdout=subprocess.PIPE, text=True, check=True)
    return float(run.stdout.strip().splitlines()[-1])


def import_seconds(first: str, then: str) -> float:
    """Median over five fresh processes: seconds that ``then`` takes after ``first``."""
    code = f"import time\n{first}\nt = time.perf_counter()\n{then}\nprint(time.perf_counter() - t)"
    runs = [
        subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True)
        for _ in range(5)
    ]
    return statistics.median(float(run.stdout.strip().splitlines()[-1]) for run in runs)
