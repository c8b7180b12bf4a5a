"""What every system promises, and what can be added from outside without an edit of the package."""

import ast
from collections import OrderedDict
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
import torch
from detectron2.config import configurable
from detectron2.data import DatasetCatalog, MetadataCatalog
from detectron2.evaluation import DatasetEvaluator
from detectron2.modeling import META_ARCH_REGISTRY
from detectron2.modeling.postprocessing import detector_postprocess
from torch import nn
from torch.nn import functional as F

import audiodet
from audiodet.data.label_kinds import LabelKinds
from audiodet.data.mapper import SEDMapper
from audiodet.engine.checkpoint import init_backbone
from audiodet.engine.trainer import Trainer
from audiodet.errors import ConfigError, DataError
from audiodet.evaluation.registry import EVALUATOR_REGISTRY
from audiodet.inference.detector import Detector
from audiodet.modeling.clip_input import ClipInput
from audiodet.modeling.frame_events import events_from_scores
from audiodet.modeling.model import SEDModel, label_kinds
from audiodet.visualization import draw_clip, save_figure, sources
from tests.systems import RATE, SYSTEMS, build, save_verifier
from tests.tiny import LABELS, SECONDS, tiny_config, train, write_clip, write_tiny_data

PACKAGE = Path(audiodet.__file__).parent
OPTIONS = ("SOLVER.MAX_ITER", 2, "TEST.THRESHOLDS", "[0.0]")
LOW_BANDS = ("INPUT.SPECTROGRAM.F_MAX", 8000.0)
WHOLE_CLIPS = ("INPUT.CROP_AUDIO.SECONDS", 0.0)


class BandTagger(SEDModel, nn.Module):
    """The sixth system: each frame's bands through one linear layer; learns from clip labels."""

    time_stride = 1

    @configurable
    def __init__(self, *, clip_input, bands: int, num_classes: int):
        super().__init__()
        self.clip_input = clip_input
        self.classifier = nn.Linear(bands, num_classes)
        self.register_buffer("seen", torch.zeros(()))

    @classmethod
    def from_config(cls, cfg):
        return {
            "clip_input": ClipInput.from_config(cfg),
            "bands": cfg.INPUT.SPECTROGRAM.N_MELS,
            "num_classes": len(cfg.DATASETS.LABELS),
        }

    @classmethod
    def label_kinds(cls, cfg):
        return LabelKinds(("weak",))

    def measure(self, records):
        self.seen.fill_(len(records))

    def forward(self, batched_inputs):
        images = self.clip_input(batched_inputs, self.classifier.weight.device)
        logits = self.classifier(images.tensor[:, 0].transpose(1, 2))  # (N, T, K)
        if self.training:
            targets = torch.stack([clip["clip_labels"] for clip in batched_inputs])
            loss = F.binary_cross_entropy_with_logits(logits.amax(1), targets.to(logits))
            return {"loss_clip": loss}
        scores = logits.detach().sigmoid().cpu()
        outputs = []
        for clip, rows in zip(batched_inputs, scores):
            bands, frames = clip["image"].shape[-2:]
            rows = rows[:frames]
            events = events_from_scores(rows.numpy(), 0.0, 1, 0.5, (bands, frames))
            outputs.append(
                {
                    "instances": detector_postprocess(events, clip["height"], clip["width"]),
                    "frame_scores": rows,
                    "frame_seconds": (torch.arange(frames) + 0.5) * clip["width"] / frames,
                }
            )
        return outputs


class CandidateCounter(DatasetEvaluator):
    """An evaluator from outside: how many events a clip has before the thresholds."""

    def __init__(self, dataset_name, cfg, output_dir=None, thresholds=None):
        self.labels = MetadataCatalog.get(dataset_name).thing_classes
        self.reset()

    def reset(self):
        self.counts = []

    def process(self, inputs, outputs):
        self.counts += [len(output["instances"]) for output in outputs]

    def evaluate(self):
        figures = {"clips": len(self.counts), "labels": len(self.labels)}
        return OrderedDict(candidates={**figures, "mean": float(np.mean(self.counts))})


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_tiny_data(tmp_path_factory.mktemp("promise") / "tiny_promise")


@pytest.fixture
def system():
    """The sixth system, registered as a user would register it."""
    META_ARCH_REGISTRY.register(BandTagger)
    yield "BandTagger"
    META_ARCH_REGISTRY._obj_map.pop("BandTagger")


@pytest.fixture
def evaluator():
    EVALUATOR_REGISTRY.register(CandidateCounter)
    yield "CandidateCounter"
    EVALUATOR_REGISTRY._obj_map.pop("CandidateCounter")


@pytest.fixture
def register(tmp_path):
    """Registers clips of an outside dataset: four recordings, a tone of half a second in each."""
    before = set(DatasetCatalog)

    def load(name, kind):
        rng, clips = np.random.default_rng(3), []
        for number in range(4):
            path, label = tmp_path / f"{name}{number}.wav", number % 2
            write_clip(path, rng, [(0.5, 1.0, LABELS[label])])
            clip = {"file_name": str(path), "image_id": number, "height": 1, "width": SECONDS}
            box = {"bbox": [0.5, 0.0, 1.0, 1.0], "bbox_mode": 0, "category_id": label, "iscrowd": 0}
            strong = {"annotations": [box], "label_kind": "strong"}
            weak = {"annotations": [], "clip_labels": [label], "label_kind": "weak"}
            clips.append(clip | {"strong": strong, "weak": weak}[kind])
        return clips

    def add(name, kind="strong"):
        DatasetCatalog.register(name, lambda: load(name, kind))
        MetadataCatalog.get(name).set(thing_classes=list(LABELS), evaluator_type="sed")
        return name

    yield add
    for name in set(DatasetCatalog) - before:
        DatasetCatalog.remove(name)
        MetadataCatalog.remove(name)


def trained(cfg, tmp_path) -> dict:
    """Two iterations, the final evaluation, a detection, a picture -> the evaluation's figures."""
    trainer, losses = train(cfg)
    assert sorted(losses.total) == [0, 1] and all(np.isfinite(list(losses.total.values())))
    results = trainer._last_eval_results
    assert 0 <= results["sed"]["ER"] < 1e4
    weights = str(Path(cfg.OUTPUT_DIR) / "model_final.pth")
    (record, *_) = DatasetCatalog.get(cfg.DATASETS.TEST[0])
    detector = audiodet.Detector.from_pretrained(weights, device="cpu")
    events = detector.detect(record["file_name"])
    assert events and {event.label for event in events} <= set(LABELS)
    assert all(0 <= event.onset < event.offset <= SECONDS for event in events)
    shown_cfg = cfg.clone()
    shown_cfg.merge_from_list(["MODEL.WEIGHTS", weights])
    file_name, image, shown = next(sources.detected(shown_cfg, cfg.DATASETS.TEST[0]))
    assert file_name == record["file_name"] and len(shown["detections"]) == len(events)
    log_mel = SEDMapper(cfg, is_train=False).log_mel
    figure = draw_clip(image, log_mel.seconds_per_frame, log_mel.f_min, log_mel.f_max, **shown)
    save_figure(figure, tmp_path / "clip.png")
    assert matplotlib.image.imread(tmp_path / "clip.png").shape[0] > 100
    return results


def test_a_sixth_system_that_learns_from_weak_labels(system, register, data, tmp_path):
    train_set, test_set = register("outside_weak", "weak"), register("outside_strong")
    names = ("DATASETS.TRAIN", f"['{train_set}']", "DATASETS.TEST", f"['{test_set}']")
    opts = (*OPTIONS, *WHOLE_CLIPS, *names, "MODEL.META_ARCHITECTURE", system)
    cfg = tiny_config(data, tmp_path / "out", *opts)
    assert label_kinds(cfg) == LabelKinds(("weak",))
    trained(cfg, tmp_path)
    weights = torch.load(tmp_path / "out" / "model_final.pth", weights_only=True)["model"]
    assert weights["seen"] == 4  # what it measured on the records travels in its checkpoint
    strong = tiny_config(data, tmp_path / "other", *opts, "DATASETS.TRAIN", f"['{test_set}']")
    with pytest.raises(DataError, match="strong labels, this model learns from weak ones"):
        Trainer.build_train_loader(strong)


def test_a_seventh_dataset(register, data, tmp_path):
    names = [register("outside_train"), register("outside_test")]
    opts = ("DATASETS.TRAIN", f"['{names[0]}']", "DATASETS.TEST", f"['{names[1]}']")
    results = trained(tiny_config(data, tmp_path / "out", *OPTIONS, *opts), tmp_path)
    written = tmp_path / "out" / "inference" / names[1] / "truth.tsv"
    assert len(written.read_text().splitlines()) == 1 + 4 and "bbox" in results


def test_an_evaluator(evaluator, data, tmp_path):
    opts = (*OPTIONS, "TEST.EVALUATORS", f"['events', '{evaluator}']")
    results = trained(tiny_config(data, tmp_path / "out", *opts, test=["test"]), tmp_path)
    assert results["candidates"]["clips"] == 3 and results["candidates"]["labels"] == 2
    assert results["candidates"]["mean"] > 0


@pytest.mark.parametrize("name, bands", [("BandTagger", 64), ("FrameVerifier", 70)])
def test_what_asks_for_a_backbone_needs_one(name, bands, system, data, tmp_path):
    """A freeze is refused when the model is built, other weights before training starts."""
    opts = ("MODEL.META_ARCHITECTURE", name, "INPUT.SPECTROGRAM.N_MELS", bands)
    frozen = tiny_config(data, tmp_path / "out", *opts, "MODEL.BACKBONE.FREEZE", True)
    with pytest.raises(ConfigError, match=f"MODEL.BACKBONE.FREEZE is set, .*{name} has no backb"):
        Trainer.build_model(frozen)
    started = tiny_config(data, tmp_path / "out", *opts, "MODEL.BACKBONE.INIT_WEIGHTS", "a.pth")
    model = Trainer.build_model(started)
    with pytest.raises(ConfigError, match=f"INIT_WEIGHTS is set, but {name} has no backbone"):
        init_backbone(model, started)


def test_an_unknown_system_is_named(data, tmp_path):
    cfg = tiny_config(data, tmp_path / "out", "MODEL.META_ARCHITECTURE", "RCRN")
    with pytest.raises(ConfigError, match="META_ARCHITECTURE is 'RCRN', expected .*RCRNN"):
        label_kinds(cfg)


@pytest.mark.parametrize("kinds", [("strang",), (), ("strong", "weak", "none")])
def test_kinds_of_labels_that_do_not_exist(kinds):
    with pytest.raises(ConfigError, match="expected kinds of labels among strong, weak, unlab"):
        LabelKinds(kinds)


def test_detectron2s_own_architectures_learn_from_boxes(data, tmp_path):
    cfg = tiny_config(data, tmp_path / "out", "MODEL.META_ARCHITECTURE", "RetinaNet")
    assert label_kinds(cfg) == LabelKinds(("strong",))


LEARNED = {
    "rcrnn/rare": {"strong"},
    "rcrnn/pretrain": {"strong", "weak"},
    "crnn/poly_mini": {"strong"},
    "crnn/weak_mini": {"strong", "weak"},
    "self_mask/weak_mini": {"strong", "weak"},
    "audiomask/R_18_FPN": {"strong"},
    "audiomask/verifier_rare": {"strong"},
    "tfseg/remix_mini": {"weak"},
}


@pytest.mark.parametrize("name", LEARNED)
def test_kinds_of_labels_of_every_system(name):
    """As the papers have them: the region detectors need times, Kong et al. need none."""
    kinds = label_kinds(build(name, *LOW_BANDS).cfg)
    assert set(kinds.learned) == LEARNED[name]
    together = name in ("crnn/weak_mini", "self_mask/weak_mini")
    assert kinds.apart == together and kinds.ignored == (("unlabelled",) if together else ())


@pytest.mark.parametrize("name, opts", SYSTEMS)
def test_every_system_keeps_its_promise(name, opts, tmp_path):
    """It runs without ``no_grad`` and gives what it says."""
    verifier = save_verifier(tmp_path) if "{verifier}" in opts else ""
    model = build(name, *[str(x).replace("{verifier}", verifier) for x in opts])
    assert isinstance(model, SEDModel)
    sound = np.random.default_rng(0).normal(0, 0.1, 5 * RATE).astype(np.float32)
    clip = Detector(model).features(sound)
    assert torch.is_grad_enabled()
    (output,) = model([clip])
    tensors = [x for x in output.values() if isinstance(x, torch.Tensor)]
    tensors += [output["instances"].pred_boxes.tensor, output["instances"].scores]
    assert not any(x.requires_grad for x in tensors)
    assert len(output["instances"]) and not (output["instances"].scores.diff() > 0).any()
    assert model.has_masks == ("masks" in output) == (name == "tfseg/remix_mini")
    if "frame_scores" in output:
        frames = clip["image"].shape[-1]
        assert abs(len(output["frame_scores"]) * model.time_stride - frames) < 3 * model.time_stride
        assert len(output["frame_scores"]) == len(output["frame_seconds"])
    assert model.has_proposals != ("frame_scores" in output)
    if model.has_proposals:
        (proposals,) = model.propose([clip])
        assert len(proposals) and len(proposals.objectness_logits) == len(proposals.proposal_boxes)
    else:
        with pytest.raises(NotImplementedError, match="no region proposals"):
            model.propose([clip])
    assert len(model.verifiers) == name.endswith("fused")
    assert model.has_backbone == (name != "audiomask/verifier_rare")


def our_systems() -> dict:
    """Name -> class of what this package registers, but for detectron2's own architectures."""
    registered = {name: system.__module__ for name, system in META_ARCH_REGISTRY}
    ours = [name for name, module in registered.items() if module.startswith("audiodet.")]
    stock = "audiodet.modeling.stock"
    return {name: META_ARCH_REGISTRY.get(name) for name in ours if registered[name] != stock}


def test_every_system_of_ours_makes_the_promise():
    systems = our_systems()
    assert {"RCRNN", "AudioMask", "SequenceTagger", "SelfMaskNet", "TFSegmentation"} < set(systems)
    assert all(issubclass(system, SEDModel) for system in systems.values())


def test_nothing_outside_modeling_names_a_system():
    """Neither as a name nor in a text that is not documentation."""
    systems = set(our_systems())
    for path in PACKAGE.rglob("*.py"):
        if "modeling" in path.relative_to(PACKAGE).parts:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        nodes = list(ast.walk(tree))
        texts = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
        words = {node.id for node in nodes if isinstance(node, ast.Name)}
        words |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}
        for node in nodes:
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                words |= set() if id(node) in texts else set(node.value.split())
        assert not words & systems, f"{path} names {words & systems}"


def test_no_model_is_asked_for_its_attributes():
    for path in PACKAGE.rglob("*.py"):
        calls = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call)]
        for call in calls:
            if isinstance(call.func, ast.Name) and call.func.id in ("hasattr", "getattr"):
                asked = ast.unparse(call.args[0])
                assert not {"model", "network", "hook"} & set(asked.split(".")), f"{path}: {asked}"
