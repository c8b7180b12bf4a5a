"""R-CRNN and what every system shares: features, mixtures, inference, training step, imports."""

import os
import resource

import numpy as np
import soundfile
import torch

from audiodet import model_zoo
from benchmarks.timing import (
    import_seconds,
    measure,
    print_figures,
    print_times,
    training_step,
)
from audiodet.data.mixing.rules import make_recipes
from audiodet.data.mixing.rendering import render
from audiodet.data.mixing.soundbank import load_soundbank
from audiodet.data.spectrogram import LogMel
from audiodet.engine.trainer import Trainer
from audiodet.audio.io import read_audio
from audiodet.inference.detector import Detector
from audiodet.events import decide
from audiodet.modeling.instances import events_from_instances
from synthetic_bank import write_synthetic_bank

RATE = 44100
SECONDS = 30.0


def run(args, folder: str) -> dict:
    """Measure with the model ``args.model``; ``folder`` is for scratch files."""
    model = model_zoo.get(args.model)
    bank = write_synthetic_bank(os.path.join(folder, "bank"))
    clips = load_soundbank(bank).clips
    waves = [render(recipe, bank) for recipe in make_recipes(clips, "gunshot", args.batch_size, 0)]
    items = {**front_end(waves[0]), **inference(model, waves, folder)}
    items.update(rendering(bank, clips))
    times = measure(items, args.rounds)
    times.update(measure(training(model), args.rounds))
    return report(times, args.batch_size)


def front_end(wave: np.ndarray) -> dict:
    """Log-mel of one 30-s clip: audiodet's module and librosa, the same output."""
    import librosa

    module = LogMel(RATE, 2048, 1014, 64)
    tensor = torch.from_numpy(wave)

    def ours():
        return module(tensor).numpy()

    def librosas():
        power = librosa.feature.melspectrogram(y=wave, sr=RATE, hop_length=1014, n_mels=64)
        return np.log(np.maximum(power, 1e-10))

    difference = float(np.abs(ours() - librosas()).max())
    print(f"log-mel: largest difference from librosa {difference:.1e} (natural log of power)")
    return {"log-mel, audiodet": ours, "log-mel, librosa": librosas}


def inference(model, mixtures, folder: str) -> dict:
    """The steps from files to events for one batch of 30-s mixtures.

    NMS and the model's hooks (box voting) are in "network, hooks", thresholds in "decisions".
    """
    detector = Detector(model)
    batch = len(mixtures)
    paths = [f"{folder}/{i}.wav" for i in range(batch)]
    for path, wave in zip(paths, mixtures):
        soundfile.write(path, wave, RATE, subtype="PCM_24")
    waves = [read_audio(path, RATE) for path in paths]
    inputs = [detector.features(w) for w in waves]

    @torch.inference_mode()
    def network():
        return model(inputs)

    def decisions():
        for clip, output in zip(inputs, outputs):
            events = events_from_instances(output["instances"], detector.labels, clip["duration"])
            decide(events, detector.thresholds, True)

    outputs = network()
    return {
        "decode": lambda: [read_audio(path, RATE) for path in paths],
        "features": lambda: [detector.features(w) for w in waves],
        "network, hooks": network,
        "decisions": decisions,
        "files to events, all": lambda: list(detector.detect_many(paths, batch)),
    }


def training(model) -> dict:
    """One training step as configs/rcrnn/rare.yaml takes it: 16 crops of 8 s."""
    optimizer = Trainer.build_optimizer(model.cfg, model)
    spectrogram = model.cfg.INPUT.SPECTROGRAM
    frames = round(8 * RATE / spectrogram.HOP)
    return {"training step": training_step(model, optimizer, spectrogram.N_MELS, frames, 16)}


def rendering(bank: str, clips) -> dict:
    """A 30-s mixture from a bank in memory: plain, and augmented for training."""
    plain = make_recipes(clips, "gunshot", 8, 0)
    rich = make_recipes(clips, "gunshot", 8, 0, augment=True, distractors=1)
    return {
        "mixture, plain": lambda: [render(recipe, bank) for recipe in plain],
        "mixture, augmented": lambda: [render(recipe, bank) for recipe in rich],
    }


def report(times: dict, batch: int) -> dict:
    """Print medians a clip and the ratios that have goals; return all figures."""
    clips = {"mixture, plain": 8, "mixture, augmented": 8, "training step": 16}
    per_batch = ("decode", "features", "network, hooks", "decisions", "files to events, all")
    clips.update(dict.fromkeys(per_batch, batch))
    medians = print_times(times, clips, {"training step": "crop of 8 s"})
    figures = {
        "log-mel, times faster than librosa": medians["log-mel, librosa"]
        / medians["log-mel, audiodet"],
        "real-time factor": medians["files to events, all"] / 1000 / SECONDS,
        "import audiodet, seconds": import_seconds("import torch", "import audiodet"),
        "import for detection beyond torch and detectron2, seconds": import_seconds(
            "import audiodet, torch, detectron2.modeling, detectron2.engine",
            "import audiodet.modeling, audiodet.model_zoo, audiodet.inference.detector",
        ),
        "peak memory, MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print_figures(figures)
    return {"medians, ms": medians, **figures}
