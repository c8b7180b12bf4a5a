"""Numbers of the papers' texts in the configurations of their own corpora."""

import pytest
import yaml

from audiodet.data.datasets.tut_rare import MADE
from audiodet.data.mixing.rules import LONGEST, RATIOS
from audiodet.engine.setup import load_config
from make_rare_sets import TRAINING, VALIDATION
from make_remix import MIXTURES
from tests.test_configs import CONFIGS

SETTINGS = {
    "audiomask/R_101_fused": """
        INPUT: {AUDIO: {SAMPLE_RATE: 44100},
                SPECTROGRAM: {N_FFT: 2048, HOP: 1014, N_MELS: 128, NORMALIZE: clip}}
        MODEL: {META_ARCHITECTURE: AudioMask, MASK_ON: False, RESNETS: {DEPTH: 101},
                FUSION: {WEIGHT: 0.75, MIN_SCORE: 0.6, WINDOW: segment}, VERIFIER: {FRAMES: 200},
                ROI_BOX_HEAD: {POOLER_TYPE: ROIAlignV2}, ANCHOR_GENERATOR: {OFFSET: 0.0}}
        DATASETS: {LABELS: [babycry], TRAIN: [tut_rare_made_babycry_all],
                   VAL: [tut_rare_made_babycry_all_val],
                   TEST: [tut_rare_2017_babycry_devtest, tut_rare_2017_babycry_eval]}
        SOLVER: {VAL_PERIOD: 2500, IMS_PER_BATCH: 2, BEST: {METRIC: val/total_loss, MODE: min}}
        TEST: {BEST_EVENT_PER_CLIP: True, COLLAR: 0.5, EVALUATE_OFFSET: False}
        """,
    "audiomask/verifier": """
        INPUT: {CROP_AUDIO: {EVENT_FRACTION: 1.0}}
        MODEL: {VERIFIER: {FRAMES: 200, POOLS: [10, 7], DROPOUT: 0.1, RELEASED: False}}
        SOLVER: {OPTIMIZER: adam, BASE_LR: 0.001, IMS_PER_BATCH: 150, VAL_PERIOD: 34,
                 EARLY_STOP: {METRIC: val/frame_accuracy, MODE: max, PATIENCE: 10,
                              MIN_DELTA: 0.0001}}
        """,
    "rcrnn/babycry": """
        INPUT: {SPECTROGRAM: {N_FFT: 2048, HOP: 1014, N_MELS: 64}}
        MODEL:
          CRNN: {UNITS: 50, RNN: bigru}
          ANCHOR_GENERATOR: {SIZES: [[8, 16, 32, 64, 128, 256]], OFFSET: 0.625}
          RPN: {CONV_DIMS: [128], POST_NMS_TOPK_TRAIN: 100, POST_NMS_TOPK_TEST: 100,
                SMOOTH_L1_BETA: 1.0, LOSS_WEIGHT: 1.0, BBOX_REG_LOSS_WEIGHT: 1.0}
          ROI_BOX_HEAD: {POOLER_TYPE: ROIPool, POOLER_RESOLUTION: 7, NUM_FC: 2, FC_DIM: 128,
                         DROPOUT: 0.5, SMOOTH_L1_BETA: 1.0, BBOX_REG_LOSS_WEIGHT: 1.0,
                         BBOX_REG_WEIGHTS: [1.0, 1.0, 1.0, 1.0]}
        DATASETS: {TRAIN: [tut_rare_made_babycry_nearly_all], VAL: [tut_rare_2017_babycry_devtest]}
        SOLVER: {OPTIMIZER: adam, BASE_LR: 0.00001, IMS_PER_BATCH: 80, VAL_PERIOD: 63,
                 EARLY_STOP: {METRIC: val/total_loss, PATIENCE: 10}}
        TEST: {THRESHOLDS: [0.8], BEST_EVENT_PER_CLIP: True, COLLAR: 0.5, EVALUATE_OFFSET: False}
        """,
    "rcrnn/pretrain_babycry": """
        MODEL: {META_ARCHITECTURE: SequenceTagger, TAGGER: {LOSS: clip}}
        DATASETS: {TRAIN: [tut_rare_made_babycry_half], VAL: [tut_rare_2017_babycry_devtest]}
        SOLVER: {OPTIMIZER: adam, BASE_LR: 0.001, IMS_PER_BATCH: 80, VAL_PERIOD: 63,
                 EARLY_STOP: {METRIC: val/total_loss, PATIENCE: 10}}
        """,
    "crnn/synthetic_crnn": """
        INPUT: {AUDIO: {SAMPLE_RATE: 44100}, SEQUENCE: {SHIFT: 73},
                SPECTROGRAM: {N_FFT: 1764, HOP: 882, N_MELS: 40, F_MIN: 0.0, NORMALIZE: train}}
        MODEL: {TAGGER: {LOSS: frame, LOW_THRESHOLD: 0.5},
                FRAME_STACK: {KERNEL: [5, 5], DROPOUT: 0.25}}
        SOLVER: {OPTIMIZER: adam, BASE_LR: 0.001,
                 EARLY_STOP: {METRIC: micro_0.02s/F1, MODE: max, PATIENCE: 100},
                 BEST: {METRIC: micro_0.02s/F1, MODE: max}}
        TEST: {THRESHOLDS: [0.5], MICRO_SECONDS: [0.02, 1.0]}
        """,
    "crnn/tut2016_crnn": """
        INPUT: {AUDIO: {SAMPLE_RATE: 44100}, SEQUENCE: {SHIFT: 73},
                SPECTROGRAM: {N_FFT: 1764, HOP: 882, N_MELS: 40, F_MIN: 0.0, F_MAX: 0.0}}
        """,
    "crnn/chime_crnn": """
        INPUT: {AUDIO: {SAMPLE_RATE: 16000},
                SPECTROGRAM: {N_FFT: 640, HOP: 320, N_MELS: 40, F_MIN: 0.0, F_MAX: 0.0}}
        """,
    "self_mask/desed_best": """
        INPUT: {AUDIO: {SAMPLE_RATE: 44100},
                SPECTROGRAM: {N_FFT: 2048, HOP: 431, N_MELS: 128, NORMALIZE: product,
                              PAD_SECONDS: 10.0}}
        MODEL: {SELF_MASK: {ALPHA: 0.01, STEM: 64, WIDTHS: [64, 128, 256, 512], MAPS: 1},
                CONNECT_CUT: {SECONDS: 0.2}}
        SOLVER: {VAL_PERIOD: 214, TOP: {COUNT: 4, METRIC: val/total_loss}}
        TEST: {COLLAR: 0.2, EVALUATE_OFFSET: True, OFFSET_FRACTION: 0.2,
               ZERO_WITHOUT_REFERENCE: True}
        """,
    "self_mask/desed": "MODEL: {SELF_MASK: {ALPHA: 0.1}}",
    "tfseg/dcase2018_gwrp": """
        INPUT: {AUDIO: {SAMPLE_RATE: 32000},
                SPECTROGRAM: {N_FFT: 2048, HOP: 1024, WINDOW: hamming, CENTRE: False, POWER: 1,
                              N_MELS: 64, F_MIN: 50.0, F_MAX: 16000.0, FLOOR: 1.0e-8,
                              FLOOR_ADDED: True, NORMALIZE: train, NORMALIZE_CLIPS: 6000}}
        MODEL: {TAGGER: {LOW_THRESHOLD: 0.1, JOIN_GAP: 10, DROP_LENGTH: 10},
                TFSEG: {MAPS: [32, 32, 64, 64, 128, 128, 128, 128], RANK_DECAY: 0.9998, GATE: 0.1}}
        SOLVER: {OPTIMIZER: adam, BASE_LR: 0.001, IMS_PER_BATCH: 24, MAX_ITER: 10000}
        TEST: {THRESHOLDS: [0.2], TAG_THRESHOLD: 0.1, FRAME_THRESHOLD: 0.1, MASK_THRESHOLD: 0.1,
               COLLAR: 0.2, EVALUATE_OFFSET: True, OFFSET_FRACTION: 0.5}
        """,
}


def differences(expected: dict, cfg, where="") -> list[str]:
    """What a configuration has otherwise."""
    found = []
    for key, value in expected.items():
        name = f"{where}{key}"
        if isinstance(value, dict):
            found += differences(value, cfg[key], f"{name}.")
        else:
            has = list(cfg[key]) if isinstance(cfg[key], list | tuple) else cfg[key]
            if has != value:
                found.append(f"{name}: {has}, expected {value}")
    return found


@pytest.mark.parametrize("name", SETTINGS)
def test_settings(name):
    cfg = load_config(f"configs/{name}.yaml", [])
    assert not differences(yaml.safe_load(SETTINGS[name]), cfg)


def test_lengths_of_trainings_and_of_a_segment():
    """50 and 100 epochs of 5,000 clips, 40 of 6,000; 200 frames."""

    def epochs(name, clips):
        solver = load_config(f"configs/{name}.yaml", []).SOLVER
        return solver.MAX_ITER * solver.IMS_PER_BATCH / clips

    assert epochs("audiomask/R_101_FPN", 5000) == 50
    assert epochs("audiomask/verifier", 5000) == pytest.approx(100, abs=2)
    assert epochs("tfseg/dcase2018_gwrp", 6000) == 40
    cfg = load_config("configs/audiomask/verifier.yaml", [])
    samples = round(cfg.INPUT.CROP_AUDIO.SECONDS * cfg.INPUT.AUDIO.SAMPLE_RATE)
    assert 1 + samples // cfg.INPUT.SPECTROGRAM.HOP == 200


def test_the_remix_is_as_large_as_the_papers():
    assert 4 * MIXTURES == 8000 and LONGEST == 2.0
    assert RATIOS == (20, 10, 0)


def test_made_sets_are_as_large_and_as_full_as_the_papers():
    assert (TRAINING, VALIDATION) == (5000, 1000)
    assert MADE == {"half": 0.5, "nearly_all": 0.99, "all": 1.0, "half_val": 0.5, "all_val": 1.0}


AUDIOMASK = [path for path in CONFIGS if path.parent.name == "audiomask"]


@pytest.mark.parametrize("path", AUDIOMASK, ids=lambda path: path.stem)
def test_what_audiomasks_tables_score_chooses_nothing(path):
    """Table I scores the development test set, Table II the evaluation set."""
    datasets = load_config(str(path), []).DATASETS
    chosen_on = {*datasets.TRAIN, *datasets.VAL}
    assert not chosen_on & set(datasets.TEST)
    assert not any("devtest" in name or name.endswith("_eval") for name in chosen_on)
