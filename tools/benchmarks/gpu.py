"""A training step and `audiodet detect` where the network is, before and after batching.

"detectron2's boxes" are the same model with detectron2's own code for proposals and regions.
"""

import copy
import itertools
import json
import subprocess
import sys
import time
from pathlib import Path

import torch
from detectron2.structures import Boxes, Instances
from detectron2.utils.events import EventStorage
from torch import nn
from torch.profiler import profile

from audiodet.engine.checkpoint import SEDCheckpointer
from audiodet.engine.optimizer import build_optimizer
from audiodet.engine.stepping import build_stepper
from audiodet.errors import AudiodetError
from audiodet.inference.detector import Detector
from audiodet.modeling.stock import build_model
from benchmarks.detect import write_long
from benchmarks.plain import detectron2s_own
from benchmarks import timing
from benchmarks.timing import measure, print_figures, print_times

SECONDS = 8.0
PRECISIONS = {
    "float32": ["MODEL.BACKBONE.PRECISION", "float32"],
    "bfloat16 backbone": ["MODEL.BACKBONE.PRECISION", "bfloat16"],
    "AMP": ["MODEL.BACKBONE.PRECISION", "float32", "SOLVER.AMP.ENABLED", True],
}
CRYS = ["DATASETS.LABELS", ["babycry", "glassbreak", "gunshot"]]
SYSTEMS = {"R-CRNN": ("rcrnn/rare", []), "AudioMask R101": ("audiomask/R_101_FPN", CRYS)}


def run(args, folder: str) -> dict:
    """Measure on ``args.device``; ``folder`` is for scratch files."""
    device = args.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda":
        print(torch.cuda.get_device_name())
    medians = {}
    for system in SYSTEMS:
        with EventStorage():
            times = measure(synchronised(steps(system, device, args.crops)), args.rounds)
        unit = f"step of {args.crops} crops of {SECONDS:g} s"
        medians.update(print_times(times, {}, dict.fromkeys(times, unit)))
    figures = {}
    for name in SYSTEMS:
        stubs = (f"{name}, no network, detectron2's boxes", f"{name}, no network")
        figures[f"{name}, no network, times faster"] = medians[stubs[0]] / medians[stubs[1]]
    if device == "cuda":
        figures["peak GPU memory, MB"] = torch.cuda.max_memory_allocated() / 2**20
    figures.update(detection(args, folder, device))
    print_figures(figures)
    if device == "cuda":
        profile_step(args.crops, device)
    return {"medians, ms": medians, **figures}


def config(system: str, device: str, *opts):
    """Configuration of one of SYSTEMS."""
    path, own = SYSTEMS[system]
    return timing.config(path, *own, *opts, device=device)


def steps(system: str, device: str, crops: int) -> dict:
    """Steps of every precision, and with detectron2's code for boxes; also without a network."""
    torch.manual_seed(0)
    items = {}
    for precision, opts in PRECISIONS.items():
        cfg = config(system, device, *(opts if device == "cuda" else opts[:2]))
        model = build_model(cfg)
        batch = clips(cfg, crops)
        items[f"{system}, {precision}"] = step(cfg, model, batch)
        if precision == "float32":
            plain = detectron2s_own(model)
            items[f"{system}, {precision}, detectron2's boxes"] = step(cfg, plain, batch)
            stub = without_network(model, batch)
            items[f"{system}, no network"] = step(cfg, stub, batch)
            items[f"{system}, no network, detectron2's boxes"] = step(
                cfg, detectron2s_own(stub), batch
            )
    return items


def clips(cfg, count: int) -> list[dict]:
    """Training crops on the CPU, as a loader yields them, with one to three events."""
    spec = cfg.INPUT.SPECTROGRAM
    frames = round(SECONDS * cfg.INPUT.AUDIO.SAMPLE_RATE / spec.HOP)
    batch = []
    for number in range(count):
        events = 1 + number % 3
        onsets = torch.rand(events) * 0.6 * frames
        offsets = onsets + 10 + torch.rand(events) * 0.3 * frames
        zero = torch.zeros(events)
        truth = Instances((spec.N_MELS, frames))
        truth.gt_boxes = Boxes(torch.stack((onsets, zero, offsets, zero + spec.N_MELS), dim=1))
        truth.gt_classes = torch.arange(events)
        batch.append({"image": torch.randn(1, spec.N_MELS, frames), "instances": truth})
    return batch


def step(cfg, model, batch):
    """A function that takes one step as training does."""
    model.train()
    optimizer = build_optimizer(cfg, model)
    stepper = build_stepper(cfg, model, itertools.repeat(batch), optimizer)
    stepper.iter = 0
    return stepper.run_step


def without_network(model, batch):
    """A copy whose layers all give what they have learned by heart; left is what boxes need."""
    stub = copy.deepcopy(model)
    with torch.no_grad():
        maps = model.features(model.preprocess_image(batch))
        scores = model.proposal_generator.rpn_head(
            [maps[name].float() for name in model.proposal_generator.in_features]
        )
    stub.backbone = Learned(maps)
    stub.proposal_generator.rpn_head = Learned(scores)
    heads = stub.roi_heads
    heads.box_in_features = heads.box_in_features[:1]
    heads.box_pooler = NoPooler()
    heads.box_head = nn.Identity()
    classes = heads.num_classes
    heads.box_predictor.cls_score = nn.Linear(1, classes + 1)
    heads.box_predictor.bbox_pred = nn.Linear(1, 2 * classes)
    return stub.to(model.device)  # its layers have next to no parameters


class Learned(nn.Module):
    """Layers that take no time: whatever comes in, the same goes out."""

    size_divisibility = 0
    padding_constraints = {}

    def __init__(self, outputs):
        super().__init__()
        self.factor = nn.Parameter(torch.ones(()))
        self.outputs = outputs

    def forward(self, *_):
        if isinstance(self.outputs, dict):  # of maps only the sizes are looked at
            return self.outputs
        return [[x * self.factor for x in level] for level in self.outputs]


class NoPooler(nn.Module):
    """A pooler that takes no time: one zero a region."""

    def __init__(self):
        super().__init__()
        self.level_poolers = [lambda x, regions: regions[:, :1] * 0]

    def forward(self, x, boxes):
        return torch.cat([b.tensor[:, :1] for b in boxes]) * 0


def synchronised(items: dict) -> dict:
    """The same, each of which ends when the GPU has."""

    def wait(function):
        function()
        if torch.cuda.is_available():
            torch.cuda.synchronize()

    return {name: lambda f=function: wait(f) for name, function in items.items()}


def profile_step(crops: int, device: str) -> None:
    """Print what a step spends its time on, of the GPU and of the CPU that feeds it."""
    for system in SYSTEMS:
        cfg = config(system, device)
        one = step(cfg, build_model(cfg), clips(cfg, crops))
        with EventStorage():
            for _ in range(3):
                one()
            with profile() as profiler:
                for _ in range(3):
                    one()
        for key in ("self_device_time_total", "self_cpu_time_total"):
            table = profiler.key_averages().table(
                sort_by=key, row_limit=14, max_name_column_width=60
            )
            lines = [line for line in table.splitlines() if line.strip()]
            print(f"{system}, 3 steps, by {key}")
            print("\n".join(line[:62] + line[-90:] for line in lines))


def detection(args, folder: str, device: str) -> dict:
    """Times faster than real time: a Detector, and the whole command on two long files."""
    cfg = config("R-CRNN", "cpu")
    model = build_model(cfg).eval()
    model.cfg = cfg
    nn.init.constant_(model.roi_heads.box_predictor.cls_score.bias[-1:], 6.0)  # events are rare
    SEDCheckpointer(model, folder, cfg=cfg).save("model")
    (recordings := Path(folder, "recordings")).mkdir()
    path = write_long(recordings / "a.wav", max(args.hours))
    figures = {}
    detector = Detector.from_pretrained(f"{folder}/model.pth", device=device)
    list(detector.detect_many([write_long(Path(folder, "warm.wav"), 0.1)]))
    start = time.perf_counter()
    (found,) = detector.detect_many([path])
    seconds = time.perf_counter() - start
    name = f"detect, {max(args.hours):g} hours, a Detector, times real time"
    figures[name] = found.duration / seconds
    (recordings / "b.wav").hardlink_to(path)
    command = [sys.executable, "-m", "audiodet.cli", "detect", str(recordings), "-o"]
    command += [f"{folder}/out", "--model", f"{folder}/model.pth", "--device", device]
    start = time.perf_counter()
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    if run.returncode:
        raise AudiodetError(f"audiodet detect ended with {run.returncode}: {run.stderr.strip()}")
    audio = json.loads(Path(folder, "out", "audiodet_run.json").read_text())["seconds_of_audio"]
    figures["detect, two such files, the whole command, seconds"] = seconds
    figures["detect, two such files, the whole command, times real time"] = audio / seconds
    return figures
