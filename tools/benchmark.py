#!/usr/bin/env python
"""Speed of every step, as medians and ratios measured in turn in one run."""
import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import audiodet  # noqa: F401  makes detectron2 importable

import numpy as np
import soundfile
import torch
from tabulate import tabulate

from audiodet import model_zoo
from audiodet.data.mixtures import make_recipes, render
from audiodet.data.soundbank import load_soundbank
from audiodet.data.spectrogram import LogMel
from audiodet.data.synthetic_bank import write_synthetic_bank
from audiodet.errors import AudiodetError
from audiodet.files import write_text
from audiodet.inference.predictor import Predictor
from audiodet.modeling.postprocessing import decide, events_from_instances

RATE, SECONDS = 44100, 30.0


def parse_args():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="rcrnn_rare", help="name or checkpoint (rcrnn_rare)")
    parser.add_argument("--batch-size", type=int, default=8, help="clips per batch at inference")
    parser.add_argument("--rounds", type=int, default=9, help="measurements of each item (9)")
    parser.add_argument("--threads", type=int, default=0, help="torch threads; 0: as torch chooses")
    parser.add_argument("--output", help="write the figures as JSON too")
    return parser.parse_args()


def front_end(wave: np.ndarray) -> dict:
    """Log-mel of one 30-s clip: audiodet's module and librosa, the same output."""
    import librosa

    module, tensor = LogMel(RATE, 2048, 1014, 64), torch.from_numpy(wave)

    def ours():
        return module(tensor).numpy()

    def librosas():
        power = librosa.feature.melspectrogram(y=wave, sr=RATE, hop_length=1014, n_mels=64)
        return np.log(np.maximum(power, 1e-10))

    difference = float(np.abs(ours() - librosas()).max())
    print(f"log-mel: largest difference from librosa {difference:.1e} (natural log of power)")
    return {"log-mel, audiodet": ours, "log-mel, librosa": librosas}


def inference(model, wave: np.ndarray, folder: str, batch: int) -> dict:
    """The steps from files to events for one batch of 30-s clips."""
    predictor = Predictor(model)
    paths = [f"{folder}/{i}.wav" for i in range(batch)]
    for path in paths:
        soundfile.write(path, wave, RATE, subtype="PCM_24")
    waves = [predictor.decode(path) for path in paths]
    inputs = [predictor.features(w) for w in waves]

    @torch.inference_mode()
    def network():
        return model(inputs)

    def post():
        for clip, output in zip(inputs, outputs):
            found = events_from_instances(output["instances"], predictor.labels, clip["duration"])
            decide(found, predictor.thresholds, True)

    outputs = network()
    return {
        "decode": lambda: [predictor.decode(path) for path in paths],
        "features": lambda: [predictor.features(w) for w in waves],
        "network": network,
        "post-processing": post,
        "files to events, all": lambda: list(predictor(paths, batch)),
    }


def training(model) -> dict:
    """One training step as configs/rcrnn/rare.yaml takes it: 16 crops of 8 s."""
    from detectron2.structures import Boxes, Instances
    from detectron2.utils.events import EventStorage

    from audiodet.engine.trainer import Trainer

    optimizer = Trainer.build_optimizer(model.cfg, model)
    frames = round(8 * RATE / model.cfg.INPUT.SPECTROGRAM.HOP)
    bands = model.cfg.INPUT.SPECTROGRAM.N_MELS
    truth = Instances((bands, frames))
    truth.gt_boxes = Boxes(torch.tensor([[100.0, 0.0, 150.0, float(bands)]]))
    truth.gt_classes = torch.tensor([0])
    batch = [{"image": torch.randn(1, bands, frames), "instances": truth} for _ in range(16)]

    def step():
        model.train()
        with EventStorage():
            loss = sum(model(batch).values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        model.eval()

    return {"training step": step}


def rendering(folder: str) -> dict:
    """A 30-s mixture from a bank in memory: plain, and augmented for training."""
    bank = write_synthetic_bank(os.path.join(folder, "bank"))
    clips, label = load_soundbank(bank).clips, "gunshot"
    plain = make_recipes(clips, label, 8, 0)
    rich = make_recipes(clips, label, 8, 0, augment=True, distractors=1)
    return {
        "mixture, plain": lambda: [render(recipe, bank) for recipe in plain],
        "mixture, augmented": lambda: [render(recipe, bank) for recipe in rich],
    }


def measure(items: dict, rounds: int) -> dict:
    """Seconds of each item, all items in turn; the first round warms up and is left out."""
    times = {name: [] for name in items}
    for number in range(rounds + 1):
        for name, function in items.items():
            start = time.perf_counter()
            function()
            if number:
                times[name].append(time.perf_counter() - start)
    return times


def import_seconds(first: str, then: str) -> float:
    """Median over five fresh processes: seconds that ``then`` takes after ``first``."""
    code = f"import time\n{first}\nt = time.perf_counter()\n{then}\nprint(time.perf_counter() - t)"
    runs = [
        subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True)
        for _ in range(5)
    ]
    return statistics.median(float(run.stdout.strip().splitlines()[-1]) for run in runs)


def report(times: dict, batch: int) -> dict:
    """Print medians a clip and the ratios that have goals; return all figures."""
    clips = {"mixture, plain": 8, "mixture, augmented": 8, "training step": 16}
    per_batch = ("decode", "features", "network", "post-processing", "files to events, all")
    clips.update(dict.fromkeys(per_batch, batch))
    rows, medians = [], {}
    for name, values in times.items():
        each = [1000 * value / clips.get(name, 1) for value in values]
        medians[name] = statistics.median(each)
        unit = "crop of 8 s" if name == "training step" else "30-s clip"
        rows.append([name, f"{medians[name]:.2f}", f"{min(each):.2f}", f"{max(each):.2f}", unit])
    print(tabulate(rows, ["step", "median ms", "min", "max", "a"], disable_numparse=True))
    figures = {
        "log-mel, times faster than librosa": medians["log-mel, librosa"] / medians["log-mel, audiodet"],
        "real-time factor": medians["files to events, all"] / 1000 / SECONDS,
        "import audiodet, seconds": import_seconds("import torch", "import audiodet"),
        "import for detection beyond torch and detectron2, seconds": import_seconds(
            "import audiodet, torch, detectron2.modeling, detectron2.engine",
            "import audiodet.modeling, audiodet.model_zoo, audiodet.inference.predictor",
        ),
        "peak memory, MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    for name, value in figures.items():
        print(f"{name}: {value:.4g}")
    return {"medians, ms": medians, **figures}


def main(args) -> None:
    """Measure everything on this machine."""
    if args.threads:
        torch.set_num_threads(args.threads)
    model = model_zoo.get(args.model)
    wave = np.random.default_rng(0).normal(0, 0.05, int(RATE * SECONDS)).astype(np.float32)
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, "
          f"{torch.get_num_threads()} threads, torch {torch.__version__}")  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        items = {**front_end(wave), **inference(model, wave, folder, args.batch_size)}
        items.update(rendering(folder))
        times = measure(items, args.rounds)
        times.update(measure(training(model), args.rounds))
    figures = report(times, args.batch_size)
    if args.output:
        write_text(Path(args.output), json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    try:
        main(parse_args())
    except AudiodetError as error:
        sys.exit(f"error: {error}")
