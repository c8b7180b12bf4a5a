"""Every configuration key that audiodet adds to detectron2's, with its unit."""
from detectron2.config import CfgNode as CN


def add_audiodet_config(cfg: CN) -> None:
    """Add audiodet's keys to a detectron2 configuration, in place."""
    _add_input(cfg)
    _add_data(cfg)
    _add_model(cfg)
    _add_training(cfg)
    _add_test(cfg)


def _add_input(cfg: CN) -> None:
    cfg.INPUT.AUDIO = CN()
    # Rate that every recording is resampled to, in Hz.
    cfg.INPUT.AUDIO.SAMPLE_RATE = 44100

    cfg.INPUT.SPECTROGRAM = CN()
    # Length of the Hann window and of the FFT, in samples.
    cfg.INPUT.SPECTROGRAM.N_FFT = 2048
    # Hop between two frames, in samples.
    cfg.INPUT.SPECTROGRAM.HOP = 1014
    # Mel bands: the height of the detector's image.
    cfg.INPUT.SPECTROGRAM.N_MELS = 64
    # Edges of the mel bank, in Hz; F_MAX 0.0 is half the sample rate.
    cfg.INPUT.SPECTROGRAM.F_MIN = 0.0
    cfg.INPUT.SPECTROGRAM.F_MAX = 0.0
    # Floor of the mel power under the logarithm: silence gives log(FLOOR), not -inf.
    cfg.INPUT.SPECTROGRAM.FLOOR = 1e-10
    # "train": per-band mean and deviation over training clips, kept in the model.
    # "clip": minimum and maximum of each clip become 0 and 1.
    cfg.INPUT.SPECTROGRAM.NORMALIZE = "train"
    # Training clips that the per-band mean and deviation are measured on.
    cfg.INPUT.SPECTROGRAM.NORMALIZE_CLIPS = 200

    cfg.INPUT.CROP_AUDIO = CN()
    # Length of the random crop that training sees, in seconds; 0.0 keeps the whole clip.
    cfg.INPUT.CROP_AUDIO.SECONDS = 0.0
    # Fraction of crops that are placed around a random event of the clip.
    cfg.INPUT.CROP_AUDIO.EVENT_FRACTION = 0.5
    # An event is kept when the crop holds at least this fraction of it, or of the crop's length.
    cfg.INPUT.CROP_AUDIO.MIN_EVENT_FRACTION = 0.5

    # Label-aware augmentation of training spectrograms. 0 switches a part off.
    cfg.INPUT.SPEC_AUGMENT = CN()
    cfg.INPUT.SPEC_AUGMENT.TIME_MASKS = 0
    # Longest time mask, in frames, and widest frequency mask, in mel bands.
    cfg.INPUT.SPEC_AUGMENT.TIME_WIDTH = 20
    cfg.INPUT.SPEC_AUGMENT.FREQ_MASKS = 0
    cfg.INPUT.SPEC_AUGMENT.FREQ_WIDTH = 8
    # Largest change of level of the whole crop, in dB.
    cfg.INPUT.SPEC_AUGMENT.GAIN_DB = 0.0
    # Largest gain of a random smooth equaliser curve over the mel axis, in dB.
    cfg.INPUT.SPEC_AUGMENT.EQ_DB = 0.0
    # Folder that keeps computed log-mels; "" computes them each time.
    cfg.INPUT.CACHE_DIR = ""


def _add_data(cfg: CN) -> None:
    # Validation sets: validation loss and threshold tuning.
    cfg.DATASETS.VAL = ()
    # Folder of the sound bank that mixtures are rendered from; "" reads AUDIODET_SOUNDBANK.
    cfg.DATASETS.SOUNDBANK = ""
    # A user's own datasets, "name=labels.tsv:audio_folder", registered in every process.
    cfg.DATASETS.CUSTOM = ()
    # Labels, in the order of the model's outputs.
    cfg.DATASETS.LABELS = ("babycry", "glassbreak", "gunshot")


def _add_model(cfg: CN) -> None:
    # As many as DATASETS.LABELS, which the tools see to.
    cfg.MODEL.ROI_HEADS.NUM_CLASSES = len(cfg.DATASETS.LABELS)
    # Load pickled checkpoints that could execute code. Only for files you made yourself.
    cfg.MODEL.TRUST_PICKLE = False
    # Checkpoint whose backbone starts this model's (clip-level pre-training); "" for none.
    cfg.MODEL.BACKBONE.INIT_WEIGHTS = ""
    # Keep the backbone as it was loaded (second setting of R-CRNN's Table 3).
    cfg.MODEL.BACKBONE.FREEZE = False
    # "float32", or "bfloat16" for the convolutions of the CRNN backbone.
    cfg.MODEL.BACKBONE.PRECISION = "float32"

    cfg.MODEL.CRNN = CN()
    # "bigru", "gru" (one direction) or "none" (the paper's Table 1).
    cfg.MODEL.CRNN.RNN = "bigru"
    # Recurrent units per direction (U in the paper).
    cfg.MODEL.CRNN.UNITS = 50

    cfg.MODEL.ROI_BOX_HEAD.DROPOUT = 0.5

    # Classifiers per clip or per time step (SequenceTagger).
    cfg.MODEL.TAGGER = CN()
    # "clip": one label set per clip (maximum over time); "frame": one per time step.
    cfg.MODEL.TAGGER.LOSS = "clip"
    # Median filter over the frame probabilities, in seconds; 0.0 for none.
    cfg.MODEL.TAGGER.MEDIAN_SECONDS = 0.0
    # An event ends where the probability falls below this; its score is its highest frame,
    # which TEST.THRESHOLDS decides on (hysteresis).
    cfg.MODEL.TAGGER.LOW_THRESHOLD = 0.2


def _add_training(cfg: CN) -> None:
    # "sgd" (detectron2's) or "adam".
    cfg.SOLVER.OPTIMIZER = "adam"
    # Checkpoints that stay on disk beside the best and the last.
    cfg.SOLVER.CHECKPOINTS_KEPT = 2
    # Validation loss every this many iterations; 0 switches it off.
    cfg.SOLVER.VAL_PERIOD = 0

    # METRIC is "val/total_loss" (every VAL_PERIOD) or a score such as "sed/ER", which during
    # training is measured on DATASETS.VAL (every TEST.EVAL_PERIOD); test sets only at the end.
    # Stop when METRIC has not improved for PATIENCE looks; PATIENCE 0 switches it off.
    cfg.SOLVER.EARLY_STOP = CN()
    cfg.SOLVER.EARLY_STOP.METRIC = "val/total_loss"
    cfg.SOLVER.EARLY_STOP.PATIENCE = 0
    cfg.SOLVER.EARLY_STOP.MIN_DELTA = 0.0
    # "min" or "max".
    cfg.SOLVER.EARLY_STOP.MODE = "min"

    # Keep model_best.pth by METRIC, and end training with it; METRIC "" switches it off.
    cfg.SOLVER.BEST = CN()
    cfg.SOLVER.BEST.METRIC = ""
    cfg.SOLVER.BEST.MODE = "min"


def _add_test(cfg: CN) -> None:
    # Final threshold on an event's score: one for all labels, or one per label.
    cfg.TEST.THRESHOLDS = (0.8,)
    # Keep only the best event of each label in a clip (protocol of DCASE 2017 Task 2).
    cfg.TEST.BEST_EVENT_PER_CLIP = False
    # Choose TEST.THRESHOLDS on DATASETS.VAL before the test sets are scored.
    cfg.TEST.TUNE_THRESHOLDS = False
    # Average the ER over thresholds up to this far away before the best is taken.
    cfg.TEST.TUNE_SMOOTHING = 0.1
    # One threshold for all labels: for validation sets with few sources of each.
    cfg.TEST.TUNE_COMMON = False
    # Collar of event-based scores, in seconds.
    cfg.TEST.COLLAR = 0.5
    # Score offsets too (collar: the larger of COLLAR and OFFSET_FRACTION of the event).
    cfg.TEST.EVALUATE_OFFSET = False
    cfg.TEST.OFFSET_FRACTION = 0.5
    # Segment length of segment-based scores, in seconds.
    cfg.TEST.SEGMENT_SECONDS = 1.0
    # Bootstrap samples behind the 95 % intervals; 0 for none.
    cfg.TEST.BOOTSTRAP = 1000
    # Clips per batch at inference.
    cfg.TEST.BATCH_SIZE = 8


def get_cfg() -> CN:
    """detectron2's defaults with audiodet's keys added; see the comments in this file."""
    from detectron2.config import get_cfg as detectron2_cfg

    cfg = detectron2_cfg()
    add_audiodet_config(cfg)
    return cfg
