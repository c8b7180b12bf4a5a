"""A training may begin from the AudioSet network inside a model that ships."""

from audiodet.config.loading import load_config
from audiodet.engine.checkpoint import init_backbone
from audiodet.engine.trainer import Trainer
from audiodet.model_zoo import get_config_file
from audiodet.weights import find_weights, read_weights


def test_the_trunk_is_the_shipped_one_and_the_heads_are_new():
    opts = ["MODEL.DEVICE", "cpu", "DATASETS.LABELS", "('dog', 'car')"]
    cfg = load_config(get_config_file("own/pretrained.yaml"), opts)
    model = Trainer.build_model(cfg)
    before = {name: x.clone() for name, x in model.state_dict().items()}
    assert init_backbone(model, cfg) is False  # nothing brought constants of a normalisation
    shipped = read_weights(find_weights("audiodet_rare"))["model"]
    for name, tensor in model.state_dict().items():
        if name.startswith("backbone.trunk."):
            assert tensor.equal(shipped[name]), name
        else:
            assert tensor.equal(before[name]), name
