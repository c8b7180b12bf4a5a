"""Time-frequency segmentation: rank pooling against a plain sort, real time, training, memory."""

import numpy as np
import torch
from detectron2.modeling import build_model

from benchmarks.timing import config, measure, peak_memory, print_figures, print_times
from benchmarks.timing import training_step
from audiodet.data.spectrogram import LogMel
from audiodet.engine.trainer import Trainer
from audiodet.errors import AudiodetError
from audiodet.inference.masking import filtered
from audiodet.modeling.pooling import GlobalRankPooling

CONFIG = "tfseg/dcase2018_gwrp"  # the paper's sizes, without weights
CLIPS = 4
CLASSES = 41
BANDS = 64
FRAMES = 311
DECAY = 0.9998
SECONDS = 10.0
BATCH = 4
POOLING = ("", ", with gradient")


def run(args, folder: str) -> dict:
    """Measure pooling alone, then the network of the paper's sizes."""
    times = measure({**pooling(), **network()}, args.rounds)
    share = {name: CLIPS for name in times if name.startswith("pooling")} | {"training step": BATCH}
    medians = print_times(times, share, dict.fromkeys(times, "10-s clip"))
    figures = {
        f"pooling{kind}, times faster than a plain sort": (
            medians[f"pooling, plain sort{kind}"] / medians[f"pooling, audiodet{kind}"]
        )
        for kind in POOLING
    }
    figures["real-time factor"] = medians["samples to events and masks"] / 1000 / SECONDS
    for name in network():
        code = f"from {__name__} import network\nnetwork()[{name!r}]()"
        figures[f"peak memory, {name}, MB"] = peak_memory(code)
    print_figures(figures)
    return {"medians, ms": medians, **figures}


def plain_sort(x: torch.Tensor) -> torch.Tensor:
    """Weighted rank pooling as the formula says: sort, weigh, divide by the sum of weights."""
    weights = DECAY ** torch.arange(x.shape[-1], dtype=x.dtype)
    return (x.sort(-1, descending=True).values * weights).sum(-1) / weights.sum()


def pooling() -> dict:
    """Both ways over the masks of some clips, with and without the gradient."""
    ours = GlobalRankPooling(DECAY)
    shape = (CLIPS, CLASSES, BANDS * FRAMES)
    x = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    both = {"audiodet": ours, "plain sort": plain_sort}
    gradients = {}

    def with_gradient(name, pool):
        leaf = x.clone().requires_grad_()
        pool(leaf).sum().backward()
        gradients[name] = leaf.grad

    items = {f"pooling, {name}": lambda pool=pool: pool(x) for name, pool in both.items()}
    for name, pool in both.items():
        key = f"pooling, {name}{POOLING[1]}"
        items[key] = lambda name=name, pool=pool: with_gradient(name, pool)
        items[key]()
    difference = float((ours(x).double() - plain_sort(x.double())).abs().max())
    apart = float((gradients["audiodet"] - gradients["plain sort"]).abs().max())
    print(f"largest difference from a plain sort {difference:.1e}, of gradients {apart:.1e}")
    if max(difference, apart) > 1e-6:
        raise AudiodetError("rank pooling differs from a plain sort by more than 1e-6")
    return items


def network() -> dict:
    """The steps from samples to events and masks and to separated sounds; a training step."""
    cfg = config(CONFIG)
    model = build_model(cfg).eval()
    log_mel = LogMel.from_config(cfg)
    noise = np.random.default_rng(0).normal(0, 0.05, int(SECONDS * log_mel.sample_rate))
    noise = noise.astype(np.float32)
    wave = torch.from_numpy(noise)
    masks = np.random.default_rng(1).random((3, BANDS, FRAMES), np.float32)  # of three classes

    @torch.inference_mode()
    def detect():
        return model([{"image": log_mel(wave)[None]}])

    step = training_step(
        model, Trainer.build_optimizer(cfg, model), BANDS, FRAMES, BATCH, len(cfg.DATASETS.LABELS)
    )
    return {
        "samples to events and masks": detect,
        "separation of three classes": lambda: filtered(noise, masks, log_mel),
        "training step": step,
    }
