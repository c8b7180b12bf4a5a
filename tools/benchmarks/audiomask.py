"""AudioMask R101 beside stock detectron2 Faster R-CNN R101-FPN on the same spectrograms."""

from pathlib import Path

import numpy as np
import torch
from detectron2.modeling import build_model
from detectron2.structures import Boxes, Instances
from fvcore.nn import FlopCountAnalysis

from benchmarks.int8 import quantized
from benchmarks.timing import config, measure, print_figures, print_times, training_step
from audiodet.data.datasets.standins import recipes_to_dicts
from audiodet.data.mapper import SEDMapper
from audiodet.data.mixing.rules import make_recipes
from audiodet.data.mixing.soundbank import load_soundbank
from audiodet.engine.checkpoint import SEDCheckpointer
from audiodet.export.write import export
from audiodet.modeling.hooks.fusion import VerifierFusion
from audiodet.modeling.trained import load_trained
from synthetic_bank import write_synthetic_bank

BANDS = 128
FRAMES = 1305  # of 30 s
CROP = 348  # frames of 8 s
ONNX = "AudioMask, onnxruntime"
REGIONS = (1, 5)  # that the verifier looks at in a clip: most clips of a rare event, and many


def build(name: str, *opts):
    """An untrained model of configs/audiomask, on the CPU."""
    torch.manual_seed(0)
    return build_model(config(f"audiomask/{name}", *opts)).eval()


def run(args, folder: str) -> dict:
    """Measure inference, training step, verifier and the effect of bfloat16."""
    stock = build("stock_R_101_FPN", "MODEL.META_ARCHITECTURE", "GeneralizedRCNN")
    ours = build("R_101_FPN")
    clip = [{"image": torch.randn(1, BANDS, FRAMES), "height": 1, "width": 30.0}]
    items = {**inference(stock, ours, clip), **exported(folder)}
    items.update(**verifier(folder, clip), **matmul())
    times = measure(items, args.rounds)
    times.update(measure(training(stock, ours), max(2, args.rounds // 3)))
    units = {"training step": "2 crops of 8 s", "matmul": "2048^3"}
    medians = print_times(
        times, {}, {x: unit for x in times for k, unit in units.items() if k in x}
    )
    figures = ratios(medians, backbone_macs(ours, clip))
    print_figures(figures)
    figures.update(precision(args.weights, folder))
    return {"medians, ms": medians, **figures}


def inference(stock, ours, clip) -> dict:
    """Whole models and AudioMask's parts, one 30-s clip."""
    features = {}
    images = regions = None

    @torch.inference_mode()
    def backbone():
        nonlocal images
        images = ours.preprocess_image(clip)
        features.update(ours.features(images))

    @torch.inference_mode()
    def proposals():
        nonlocal regions
        regions = ours.proposal_generator(images, features, None)[0]

    @torch.inference_mode()
    def heads():
        ours.roi_heads(images, features, regions, None)

    return {
        "inference, stock": _inference(stock, clip),
        "inference, AudioMask": _inference(ours, clip),
        "  AudioMask's backbone": backbone,
        "  its proposals": proposals,
        "  its heads": heads,
    }


def _inference(model, clip):
    @torch.inference_mode()
    def infer():
        return model(clip)

    return infer


def exported(folder: str) -> dict:
    """AudioMask in onnxruntime on one thread, the front end included."""
    ours = build("R_101_FPN")
    ours.cfg = config("audiomask/R_101_FPN")
    path = Path(folder, "float32.onnx")
    export(ours, path)
    samples = round(30 * ours.cfg.INPUT.AUDIO.SAMPLE_RATE)
    noise = np.random.default_rng(0).normal(0, 0.1, samples).astype(np.float32)
    return {
        f"{ONNX} {name}": lambda model=model: model.run(noise)
        for name, model in quantized(path, [noise]).items()
        if name in ("float32", "int8, static")
    }


def verifier(folder: str, clip) -> dict:
    """The fusion hook on some detections of one clip."""
    cfg = config("audiomask/verifier", "MODEL.BACKBONE.PRECISION", "bfloat16")
    SEDCheckpointer(build_model(cfg), folder, cfg=cfg).save("verifier")
    opts = ["MODEL.FUSION.VERIFIER", f"{folder}/verifier.pth", "MODEL.FUSION.MIN_SCORE", 0.0]
    hook = VerifierFusion(config("audiomask/R_101_FPN", *opts))
    return {
        f"  verifier, {count} regions": lambda found=detections(count): hook(clip, [found])
        for count in REGIONS
    }


def detections(count: int) -> Instances:
    """Detections of 50 frames, far from each other."""
    events = Instances((BANDS, FRAMES))
    onsets = torch.linspace(0, 1200, count)
    boxes = torch.stack([onsets, 0 * onsets, onsets + 50, 0 * onsets + BANDS], 1)
    events.pred_boxes = Boxes(boxes)
    events.scores = torch.full((count,), 0.9)
    events.pred_classes = torch.zeros(count, dtype=torch.int64)
    return events


def matmul() -> dict:
    """The machine's peak, for comparison: 2048 x 2048 x 2048 multiply-adds."""
    a = torch.randn(2048, 2048)
    b = a.bfloat16()
    return {"matmul float32": lambda: a @ a, "matmul bfloat16": lambda: b @ b}


def training(stock, ours) -> dict:
    """One step on two crops of 8 s."""
    models = {"training step, stock": stock, "training step, AudioMask": ours}
    return {
        name: training_step(
            model, torch.optim.SGD(model.parameters(), 1e-4, momentum=0.9), BANDS, CROP, 2
        )
        for name, model in models.items()
    }


def backbone_macs(model, clip) -> float:
    """Multiply-adds of the backbone for one clip, as fvcore counts them."""
    with torch.inference_mode():
        counted = FlopCountAnalysis(model.backbone.eval(), model.preprocess_image(clip).tensor)
        return counted.unsupported_ops_warnings(False).total()


def ratios(medians: dict, macs: float) -> dict:
    """The figures that have goals, and how near the backbone is to the machine's peak."""
    ours = medians["inference, AudioMask"]
    stock = medians["inference, stock"]
    peak = medians["matmul bfloat16"]
    rate = {"peak": 2048**3 / peak, "backbone": macs / medians["  AudioMask's backbone"]}
    return {
        "inference, AudioMask over stock (goal 0.6, bfloat16 0.4)": ours / stock,
        **{f"{name} over stock": ms / stock for name, ms in medians.items() if ONNX in name},
        "training step, AudioMask over stock (goal 0.9)": medians["training step, AudioMask"]
        / medians["training step, stock"],
        **{
            f"verifier of {count} regions over AudioMask (goal 0.05)": medians[
                f"  verifier, {count} regions"
            ]
            / ours
            for count in REGIONS
        },
        "bfloat16 peak, GMAC a second": rate["peak"] / 1e6,
        "backbone, share of that peak": rate["backbone"] / rate["peak"],
    }


def precision(weights: str | None, folder: str) -> dict:
    """Largest change of onset and score that bfloat16 makes, on synthetic mixtures.

    With the R18 detector of ``weights``; without it nothing is said, because an untrained model's
    scores hardly differ from each other.
    """
    if not weights:
        print("bfloat16 against float32: give --weights of a trained R18 detector")
        return {}
    bank = write_synthetic_bank(f"{folder}/bank")
    reduced = load_trained(weights)
    exact = load_trained(weights)
    exact.precision = "float32"
    labels = list(exact.cfg.DATASETS.LABELS)
    recipes = [r for label in labels for r in make_recipes(load_soundbank(bank).clips, label, 8, 0)]
    mapper = SEDMapper(exact.cfg, is_train=False)
    differences = []
    for record in recipes_to_dicts(recipes, labels, bank):
        clip = [mapper(record)]
        with torch.inference_mode():
            a, b = (model(clip)[0]["instances"] for model in (reduced, exact))
        differences += pairs(a, b)
    count = len(differences)
    onset, score = (max(each, default=0.0) for each in zip(*differences or [(0.0, 0.0)]))
    print(
        f"bfloat16 against float32, {count} events: onset up to {1000 * onset:.1f} ms (goal 20), "
        f"score up to {score:.4f} (goal 0.02)"
    )
    return {"onset change, seconds": onset, "score change": score, "events compared": count}


def pairs(a: Instances, b: Instances, least: float = 0.3):
    """Differences of onset and score of each event of ``b`` to ``a``'s nearest of its class."""
    for box, score, k in zip(b.pred_boxes.tensor, b.scores, b.pred_classes):
        same = a[a.pred_classes == k]
        if score < least or not len(same):
            continue
        distance = (same.pred_boxes.tensor[:, [0, 2]] - box[[0, 2]]).abs().sum(1)
        near = int(distance.argmin())
        yield (
            float((same.pred_boxes.tensor[near, 0] - box[0]).abs()),
            float((same.scores[near] - score).abs()),
        )
