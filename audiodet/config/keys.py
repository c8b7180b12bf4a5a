"""The keys of input, data, training and tests that audiodet adds, each with its unit.

Those of MODEL are in :mod:`audiodet.config.model_keys`.
"""

from detectron2.config import CfgNode as CN


def add_keys(cfg: CN) -> None:
    """Add the keys, in place."""
    # Python modules that are imported in every process before anything is built: names, or paths
    # of .py files. They register a user's own systems, datasets, hooks. They run code: only a
    # configuration file or command line is followed here, never a checkpoint.
    cfg.MODULES = ()
    _add_spectrogram(cfg)
    _add_crops(cfg)
    _add_augmentation(cfg)
    _add_data(cfg)
    _add_training(cfg)
    _add_decisions(cfg)
    _add_scores(cfg)


def _add_spectrogram(cfg: CN) -> None:
    cfg.INPUT.AUDIO = CN()
    # Rate that every recording is resampled to, in Hz.
    cfg.INPUT.AUDIO.SAMPLE_RATE = 44100

    cfg.INPUT.SPECTROGRAM = CN()
    # Length of the window and of the FFT, in samples.
    cfg.INPUT.SPECTROGRAM.N_FFT = 2048
    # "hann" (periodic) or "hamming" (symmetric).
    cfg.INPUT.SPECTROGRAM.WINDOW = "hann"
    # Frame t is centred on sample t * HOP (zeros beyond the clip); False: begins there, no padding.
    cfg.INPUT.SPECTROGRAM.CENTRE = True
    # The mel bank sums magnitudes to this power: 2 power, 1 magnitude.
    cfg.INPUT.SPECTROGRAM.POWER = 2
    # Hop between two frames, in samples.
    cfg.INPUT.SPECTROGRAM.HOP = 1014
    # Mel bands: the height of the detector's image.
    cfg.INPUT.SPECTROGRAM.N_MELS = 64
    # Edges of the mel bank, in Hz; F_MAX 0.0 is half the sample rate.
    cfg.INPUT.SPECTROGRAM.F_MIN = 0.0
    cfg.INPUT.SPECTROGRAM.F_MAX = 0.0
    # Floor of the mel power under the logarithm: silence gives log(FLOOR), not -inf.
    cfg.INPUT.SPECTROGRAM.FLOOR = 1e-10
    # Add the floor to every mel power instead of raising only smaller ones to it.
    cfg.INPUT.SPECTROGRAM.FLOOR_ADDED = False
    # "train": per-band mean and deviation over training clips, kept in the model.
    # "clip": minimum and maximum of each clip become 0 and 1; "image": the same as bytes, for
    # backbones that start from an image model; "product": of band, frame and clip; "none": as the
    # front end made it.
    cfg.INPUT.SPECTROGRAM.NORMALIZE = "train"
    # Silence follows a clip up to this length, in seconds, before it is normalised; 0.0: none.
    cfg.INPUT.SPECTROGRAM.PAD_SECONDS = 0.0
    # Training clips that the per-band mean and deviation are measured on.
    cfg.INPUT.SPECTROGRAM.NORMALIZE_CLIPS = 200


def _add_crops(cfg: CN) -> None:
    cfg.INPUT.CROP_AUDIO = CN()
    # Length of the random crop that training sees, in seconds; 0.0 keeps the whole clip.
    cfg.INPUT.CROP_AUDIO.SECONDS = 0.0
    # Fraction of crops that are placed around a random event of the clip.
    cfg.INPUT.CROP_AUDIO.EVENT_FRACTION = 0.5
    # An event is kept when the crop holds at least this fraction of it, or of the crop's length.
    cfg.INPUT.CROP_AUDIO.MIN_EVENT_FRACTION = 0.5
    # The validation loss is measured on such crops too, one of each clip and always the same.
    cfg.INPUT.CROP_AUDIO.VALIDATE = False

    # Training on consecutive sequences of each clip instead of random crops.
    cfg.INPUT.SEQUENCE = CN()
    # Length of a sequence, in frames; 0 for none. A clip gives as many as fit once, the last one
    # ending with the clip; a shorter clip is one sequence.
    cfg.INPUT.SEQUENCE.FRAMES = 0
    # The sequences of each epoch start this many frames later than those of the epoch before.
    cfg.INPUT.SEQUENCE.SHIFT = 73
    # At inference too a clip goes through in sequences of FRAMES, one after another (a
    # SequenceTagger); else whole.
    cfg.INPUT.SEQUENCE.AT_TEST = False


def _add_augmentation(cfg: CN) -> None:
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

    # "log_mel" (INPUT.SPECTROGRAM), or that of a network trained on AudioSet: "efficientat",
    # "efficientat_published" (without faint noise), "yamnet"; "waveform", samples, is of ensembles.
    cfg.INPUT.FRONT_END = "log_mel"
    # RMS that those bring every clip to, the level that their networks were trained at; 0.0: as is.
    cfg.INPUT.LEVEL = 0.05


def _add_data(cfg: CN) -> None:
    # Train on every n-th clip of DATASETS.TRAIN only: a frozen network's maps of few clips can be
    # kept, and more of the same sources teach it little.
    cfg.DATASETS.TRAIN_EVERY = 1
    # Validation sets: validation loss and threshold tuning.
    cfg.DATASETS.VAL = ()
    # Folder of the sound bank that mixtures are rendered from; "" reads AUDIODET_SOUNDBANK.
    cfg.DATASETS.SOUNDBANK = ""
    # A user's own datasets, "name=labels.tsv:audio_folder", registered in every process.
    cfg.DATASETS.CUSTOM = ()
    # Join overlapping events of one label in DATASETS.CUSTOM; how many is logged.
    cfg.DATASETS.MERGE_OVERLAPS = False
    # Weak clips among the SOLVER.IMS_PER_BATCH of each batch, the others strong; 0 shuffles all.
    cfg.DATALOADER.WEAK_PER_BATCH = 0
    # Labels, in the order of the model's outputs.
    cfg.DATASETS.LABELS = ("babycry", "glassbreak", "gunshot")


def _add_training(cfg: CN) -> None:
    # "sgd" (detectron2's) or "adam".
    cfg.SOLVER.OPTIMIZER = "adam"
    # A batch of IMS_PER_BATCH clips goes through in so many equal parts, whose gradients are
    # averaged: the same step in less memory (batch norm sees a part at a time).
    cfg.SOLVER.ACCUMULATE = 1
    # Checkpoints that stay on disk beside the best and the last.
    cfg.SOLVER.CHECKPOINTS_KEPT = 2
    # Validation loss every this many iterations; 0 switches it off.
    cfg.SOLVER.VAL_PERIOD = 0

    # METRIC is "val/total_loss" (every VAL_PERIOD) or a score such as "sed/ER", which during
    # training is measured on DATASETS.VAL (every TEST.EVAL_PERIOD; of several sets "sed/ER" is the
    # mean, "<set>/sed/ER" one of them); test sets only at the end.
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

    # Keep the COUNT best checkpoints by METRIC, model_top_<iteration>.pth; 0 switches it off.
    cfg.SOLVER.TOP = CN()
    cfg.SOLVER.TOP.COUNT = 0
    cfg.SOLVER.TOP.METRIC = "val/total_loss"
    cfg.SOLVER.TOP.MODE = "min"


def _add_decisions(cfg: CN) -> None:
    # Clips per batch at inference.
    cfg.TEST.BATCH_SIZE = 8
    # Checkpoints (files, patterns, models that ship) to score as one. Of a frame-level system their
    # probabilities are averaged, by their F1 on DATASETS.VAL; of any others, also unlike ones with
    # front ends of their own, the events vote.
    cfg.TEST.ENSEMBLE = ()
    cfg.TEST.VOTING = CN()
    # Weight of each member, a number or one for each label; () weighs all alike.
    cfg.TEST.VOTING.WEIGHTS = ()
    # Events of a label are the same from this IoU on, each widened by MARGIN seconds to both sides;
    # of two that overlap by more than NMS the weaker goes.
    cfg.TEST.VOTING.IOU = 0.3
    cfg.TEST.VOTING.NMS = 0.3
    cfg.TEST.VOTING.MARGIN = 0.1
    # Final threshold on an event's score: one for all labels, or one per label.
    cfg.TEST.THRESHOLDS = (0.8,)
    # Shortest reported event in seconds: one for all labels, or one per label.
    cfg.TEST.MIN_LENGTHS = (0.0,)
    # Keep only the best event of each label in a clip (protocol of DCASE 2017 Task 2).
    cfg.TEST.BEST_EVENT_PER_CLIP = False
    # Choose TEST.THRESHOLDS on DATASETS.VAL before the test sets are scored.
    cfg.TEST.TUNE_THRESHOLDS = False
    # For "ER", "F1" (of events) or "frame F1" (of the seconds that events cover).
    cfg.TEST.TUNE_METRIC = "ER"
    # Of a frame-level system also choose how scores become events (MODEL.TAGGER.LOW_THRESHOLDS and
    # the like, MODEL.TFSEG.GATES); decisions.yaml in OUTPUT_DIR keeps them.
    cfg.TEST.TUNE_RULES = False
    # Average the ER over thresholds up to this far away before the best is taken.
    cfg.TEST.TUNE_SMOOTHING = 0.1
    # One threshold for all labels: for validation sets with few sources of each.
    cfg.TEST.TUNE_COMMON = False


def _add_scores(cfg: CN) -> None:
    # What is scored: "events" (strong labels), "tags" (which labels a clip holds), "frames"
    # (strong labels), "masks" (over time and frequency; mixtures whose parts are known), "scores"
    # (PSDS and others without thresholds; of frame scores, or of events where there are none).
    cfg.TEST.EVALUATORS = ("events",)
    # Lowest score of a positive clip, frame and bin for the F1 of "tags", "frames" and "masks".
    cfg.TEST.TAG_THRESHOLD = 0.5
    cfg.TEST.FRAME_THRESHOLD = 0.5
    cfg.TEST.MASK_THRESHOLD = 0.5
    # Frame of the frame-wise scores, in seconds.
    cfg.TEST.FRAME_SECONDS = 0.02
    # Collar of event-based scores, in seconds.
    cfg.TEST.COLLAR = 0.5
    # Score offsets too (collar: the larger of COLLAR and OFFSET_FRACTION of the event).
    cfg.TEST.EVALUATE_OFFSET = False
    cfg.TEST.OFFSET_FRACTION = 0.5
    # A label without a true event scores F1 0 in the mean (DCASE 2019 Task 4), or is left out.
    cfg.TEST.ZERO_WITHOUT_REFERENCE = False
    # Segment length of segment-based scores, in seconds.
    cfg.TEST.SEGMENT_SECONDS = 1.0
    # Segment lengths of scores that count all labels together (micro average), in seconds.
    cfg.TEST.MICRO_SECONDS = ()
    # Bootstrap samples of the 95 % intervals; 0 for none.
    cfg.TEST.BOOTSTRAP = 1000
