"""Every kind of system, untrained and on 16 kHz: what the tests of all of them share."""

import torch

import audiodet  # noqa: F401  first: makes detectron2 importable

from detectron2.modeling import build_model

from audiodet.engine.checkpoint import SEDCheckpointer
from audiodet.engine.setup import load_config

RATE = 16000
SMALL = [
    "MODEL.DEVICE",
    "cpu",
    "MODEL.BACKBONE.PRECISION",
    "float32",
    "INPUT.AUDIO.SAMPLE_RATE",
    RATE,
    "INPUT.SPECTROGRAM.N_FFT",
    512,
    "INPUT.SPECTROGRAM.HOP",
    256,
    "TEST.THRESHOLDS",
    (0.0,),
    "TEST.BEST_EVENT_PER_CLIP",
    False,
]


def build(name, *opts):
    torch.manual_seed(0)
    cfg = load_config(f"configs/{name}.yaml", [str(x) for x in [*SMALL, *opts]])
    model = build_model(cfg).eval()
    model.cfg = cfg
    return model


def save(model, folder, name: str) -> str:
    """Write a checkpoint -> its path."""
    SEDCheckpointer(model, str(folder), cfg=model.cfg).save(name)
    return f"{folder}/{name}.pth"


def save_verifier(folder) -> str:
    """The verifier that a fused system asks for: the "{verifier}" among SYSTEMS' options."""
    return save(build("audiomask/verifier_rare", "MODEL.VERIFIER.STRIDE", 100), folder, "verifier")


# Configuration and what makes it say something untrained.
SYSTEMS = [
    ("rcrnn/rare", []),
    ("rcrnn/frame_control", ["MODEL.TAGGER.LOW_THRESHOLD", 0.0]),
    ("crnn/poly_mini", ["MODEL.TAGGER.LOW_THRESHOLD", 0.0]),
    ("self_mask/weak_mini", ["MODEL.TAGGER.LOW_THRESHOLD", 0.0]),
    ("audiomask/R_18_FPN", []),
    ("audiomask/verifier_rare", ["MODEL.TAGGER.LOW_THRESHOLD", 0.0]),
    (
        "audiomask/R_18_fused",
        ["MODEL.FUSION.VERIFIER", "{verifier}", "MODEL.FUSION.MIN_SCORE", 0.0],
    ),
    ("tfseg/remix_mini", ["INPUT.SPECTROGRAM.F_MAX", 8000.0, "MODEL.TAGGER.DROP_LENGTH", 0]),
    (
        "tfseg/remix_mini_attention",
        ["INPUT.SPECTROGRAM.F_MAX", 8000.0, "MODEL.TAGGER.LOW_THRESHOLD", 0.0],
    ),
]
