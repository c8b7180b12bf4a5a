"""The best few checkpoints of a training, and the ensemble that they make."""

import json

import pytest
import torch
from detectron2.engine import HookBase
from detectron2.modeling import build_model

from audiodet.engine.ensemble import FrameEnsemble, build_ensemble, checkpoint_paths, class_f1
from audiodet.engine.setup import load_config
from audiodet.errors import ConfigError
from audiodet.modeling.frame_classifier import FrameClassifier
from tests.tiny import StopAt, tiny_config, train, write_tiny_data
from train_net import evaluate_only

TAGGER = (
    "MODEL.META_ARCHITECTURE",
    "SequenceTagger",
    "MODEL.TAGGER.LOSS",
    "frame",
    "SOLVER.VAL_PERIOD",
    1,
    "SOLVER.TOP.COUNT",
    3,
    "SOLVER.CHECKPOINT_PERIOD",
    100,
    "TEST.THRESHOLDS",
    "[0.3]",
)


class Member(FrameClassifier):
    """Says the same scores of every clip."""

    def __init__(self, scores):
        super().__init__(
            clip_input=None, num_classes=2, stride=8, offset=0.5, low=0.5, median_frames=0
        )
        self.scores = torch.tensor(scores)

    def step_scores(self, batched_inputs):
        return [self.scores for _ in batched_inputs]


def test_weights_by_class_by_hand():
    members = [Member([[0.8, 0.2], [0.4, 0.6]]), Member([[0.2, 0.4], [0.4, 1.0]])]
    ensemble = FrameEnsemble(members, torch.tensor([[30.0, 0.0], [10.0, 0.0]]))
    clip = {"image": torch.zeros(1, 4, 16), "width": 2.0, "height": 1}
    (found,) = ensemble([clip])
    # class 0: three quarters of the first; class 1: nobody is any good, the plain mean
    torch.testing.assert_close(found["frame_scores"], torch.tensor([[0.65, 0.3], [0.4, 0.8]]))
    assert found["instances"].pred_boxes.tensor[:, 0::2].tolist() == [[1.0, 2.0], [0.0, 1.0]]
    torch.testing.assert_close(found["clip_scores"], torch.tensor([0.65, 0.8]))
    (alone,) = FrameEnsemble(members[:1], torch.ones(1, 2))([clip])
    torch.testing.assert_close(alone["frame_scores"], members[0].scores)


def test_only_frame_level_models():
    with pytest.raises(
        ConfigError, match=r"an ensemble of \['Linear'\], expected frame-level models"
    ):
        FrameEnsemble([torch.nn.Linear(1, 1)], torch.ones(1, 2))


def test_masks_and_clip_scores_are_averaged_too():
    opts = ["MODEL.DEVICE", "cpu", "MODEL.TFSEG.MAPS", "[4]", "MODEL.TFSEG.GATE", "0.5"]
    cfg, members = load_config("configs/tfseg/remix_mini.yaml", opts), []
    for seed in range(2):
        torch.manual_seed(seed)
        members.append(build_model(cfg).eval())
    clip = {"image": torch.randn(1, 64, 40), "width": 2.56, "height": 1}
    weights = torch.linspace(1, 8, 8) / 10
    with torch.no_grad():
        each = [member([clip])[0] for member in members]
        (found,) = FrameEnsemble(members, torch.stack([weights, 1 - weights]))([clip])
    for key in ("masks", "clip_scores"):
        (a, b), share = (x[key] for x in each), weights.reshape(-1, *[1] * (each[0][key].dim() - 1))
        torch.testing.assert_close(found[key], share * a + (1 - share) * b)
    gate = found["clip_scores"] > 0.5
    assert gate.any() and not gate.all()
    torch.testing.assert_close(found["frame_scores"], (found["masks"].mean(1) * gate[:, None]).T)
    assert hasattr(found["instances"], "low_hz")


class Losses(HookBase):
    """Keeps the validation loss of every iteration."""

    def __init__(self):
        self.values = {}

    def after_step(self):
        self.values[self.trainer.iter] = self.trainer.storage.latest()["val/total_loss"][0]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_tiny_data(tmp_path_factory.mktemp("ensemble") / "tiny_ensemble")


@pytest.fixture(scope="module")
def trained(data):
    cfg, losses = tiny_config(data, data.folder / "out", *TAGGER, test=["test"]), Losses()
    train(cfg, losses)
    return cfg, losses.values


def kept(folder):
    return [int(p.stem.rpartition("_")[2]) for p in sorted(folder.glob("model_top_*.pth"))]


def test_the_checkpoints_of_the_lowest_validation_losses_stay(data, trained):
    _, losses = trained
    assert kept(data.folder / "out") == sorted(sorted(losses, key=losses.get)[:3])
    assert (data.folder / "out" / "last_checkpoint").read_text() == "model_final.pth"


def test_a_resumed_training_keeps_the_same_ones(data, trained, tmp_path):
    _, losses = trained
    cfg = tiny_config(data, tmp_path, *TAGGER, "SOLVER.CHECKPOINT_PERIOD", 4)
    with pytest.raises(InterruptedError):
        train(cfg, StopAt(5))
    train(cfg, resume=True)
    assert kept(tmp_path) == sorted(sorted(losses, key=losses.get)[:3])


def test_an_ensemble_from_checkpoints(data, trained):
    cfg = trained[0].clone()
    pattern = str(data.folder / "out" / "model_top_*.pth")
    cfg.defrost()
    cfg.TEST.ENSEMBLE = (pattern,)
    ensemble = build_ensemble(cfg)
    assert len(ensemble.members) == 3 and len(checkpoint_paths([pattern, pattern])) == 3
    members = [torch.tensor(class_f1(cfg, member)) for member in ensemble.members]
    weights = torch.stack(members)
    weights = torch.where(weights.sum(0) > 0, weights, 1.0)
    torch.testing.assert_close(ensemble.weights, weights / weights.sum(0))
    out = data.folder / "both"
    cfg.OUTPUT_DIR = str(out)  # no MODEL.WEIGHTS: the ensemble is all there is
    cfg.TEST.EVALUATORS = ("events", "scores")
    found = evaluate_only(cfg)
    assert 0 <= found["sed"]["F1"] <= 100 and 0 <= found["scores"]["PSDS2"] <= 1
    metrics = json.loads((out / "inference" / cfg.DATASETS.TEST[0] / "metrics.json").read_text())
    assert metrics["sed"]["F1"] == pytest.approx(found["sed"]["F1"])


def test_what_an_ensemble_needs(data, trained):
    cfg = trained[0].clone()
    cfg.defrost()
    cfg.TEST.ENSEMBLE = (str(data.folder / "nothing_*.pth"),)
    with pytest.raises(ConfigError, match="no file matches .*nothing_.*, expected checkpoints"):
        build_ensemble(cfg)
    cfg.DATASETS.VAL = ()
    with pytest.raises(ConfigError, match="TEST.ENSEMBLE needs DATASETS.VAL"):
        build_ensemble(cfg)
    with pytest.raises(ConfigError, match="SOLVER.TOP watches"):
        tiny_config(data, data.folder / "x", *TAGGER, "SOLVER.VAL_PERIOD", 0)
