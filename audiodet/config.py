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
    # "clip": minimum and maximum of each clip become 0 and 1; "product": of band, frame and clip;
    # "none": the front end's values.
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
    # The validation loss is measured on such crops too, one of each clip and always the same.
    cfg.INPUT.CROP_AUDIO.VALIDATE = False

    # Training on consecutive sequences of each clip instead of random crops.
    cfg.INPUT.SEQUENCE = CN()
    # Length of a sequence, in frames; 0 for none. A clip gives as many as fit once, the last one
    # ending with the clip; a shorter clip is one sequence.
    cfg.INPUT.SEQUENCE.FRAMES = 0
    # The sequences of each epoch start so many frames later than those of the epoch before.
    cfg.INPUT.SEQUENCE.SHIFT = 73

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

    # "log_mel" (INPUT.SPECTROGRAM), or that of a network trained on AudioSet: "efficientat", "yamnet".
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


def _add_model(cfg: CN) -> None:
    # As many as DATASETS.LABELS, which the tools see to.
    cfg.MODEL.ROI_HEADS.NUM_CLASSES = len(cfg.DATASETS.LABELS)
    # Load pickled checkpoints that could execute code. Only for files you made yourself.
    cfg.MODEL.TRUST_PICKLE = False
    # Checkpoint whose backbone starts this model's (clip-level pre-training); "" for none.
    cfg.MODEL.BACKBONE.INIT_WEIGHTS = ""
    # Keep the backbone as it was loaded (second setting of R-CRNN's Table 3).
    cfg.MODEL.BACKBONE.FREEZE = False
    # "float32", or "bfloat16" for convolutions and fully connected layers of the backbone.
    cfg.MODEL.BACKBONE.PRECISION = "float32"

    cfg.MODEL.CRNN = CN()
    # "bigru", "gru" (one direction) or "none" (the paper's Table 1).
    cfg.MODEL.CRNN.RNN = "bigru"
    # Recurrent units per direction (U in the paper).
    cfg.MODEL.CRNN.UNITS = 50

    # Frame-level networks of Çakır et al.: CNN, RNN, CRNN, FNN (build_frame_stack_backbone).
    cfg.MODEL.FRAME_STACK = CN()
    # Max pooling over frequency behind each convolution; () for no convolutions.
    cfg.MODEL.FRAME_STACK.POOLS = (5, 4, 2)
    # Feature maps of each convolution.
    cfg.MODEL.FRAME_STACK.MAPS = 256
    # Bands and frames of each convolution.
    cfg.MODEL.FRAME_STACK.KERNEL = (5, 5)
    # Forward GRU layers, and units of each.
    cfg.MODEL.FRAME_STACK.RNN_LAYERS = 1
    cfg.MODEL.FRAME_STACK.RNN_UNITS = 256
    # Fully connected layers before the output layer, and units of each.
    cfg.MODEL.FRAME_STACK.FC_LAYERS = 0
    cfg.MODEL.FRAME_STACK.FC_UNITS = 256
    # Linear units whose maximum is one unit of a fully connected layer; 1 takes ReLU instead.
    cfg.MODEL.FRAME_STACK.MAXOUT = 1
    # Frames that a network without convolutions sees at once; odd.
    cfg.MODEL.FRAME_STACK.CONTEXT = 1
    cfg.MODEL.FRAME_STACK.DROPOUT = 0.25

    cfg.MODEL.ROI_BOX_HEAD.DROPOUT = 0.5

    # Classifiers per clip or per time step (SequenceTagger).
    cfg.MODEL.TAGGER = CN()
    # "clip": one label set per clip (maximum over time); "frame": one per time step; "both": clip
    # labels of all clips, and steps of those whose labels have times.
    cfg.MODEL.TAGGER.LOSS = "clip"
    # Median filter over the frame probabilities, in seconds; 0.0 for none.
    cfg.MODEL.TAGGER.MEDIAN_SECONDS = 0.0
    # An event ends where the probability falls below this; its score is its highest frame,
    # which TEST.THRESHOLDS decides on (hysteresis).
    cfg.MODEL.TAGGER.LOW_THRESHOLD = 0.2
    # It also ends where the probability falls below this part of its highest; 0.0 for no such rule.
    cfg.MODEL.TAGGER.PEAK_FRACTION = 0.0
    # Events of a label (that reach TEST.THRESHOLDS) are joined over so many time steps of the
    # network, or fewer; then an event of so many steps, or fewer, is dropped.
    cfg.MODEL.TAGGER.JOIN_GAP = cfg.MODEL.TAGGER.DROP_LENGTH = 0

    # Time-frequency segmentation from clip labels (TFSegmentation).
    cfg.MODEL.TFSEG = CN()
    # Feature maps of the 3x3 convolutions (build_mask_network_backbone).
    cfg.MODEL.TFSEG.MAPS = (32, 32, 64, 64, 128, 128, 128, 128)
    # What has a probability: each "bin" of time and frequency, or each "frame" (then no masks).
    cfg.MODEL.TFSEG.LEVEL = "bin"
    # How the clip's follows: "rank" (RANK_DECAY) or "attention" (learned weights).
    cfg.MODEL.TFSEG.POOLING = "rank"
    # r of global weighted rank pooling: 0 is the maximum, 1 the mean.
    cfg.MODEL.TFSEG.RANK_DECAY = 0.9998
    # Frame scores of a class whose clip score is not above this are 0.
    cfg.MODEL.TFSEG.GATE = 0.1

    # ResNet with a self-mask module (SelfMaskNet, build_self_mask_backbone).
    cfg.MODEL.SELF_MASK = CN()
    # Channels of the stem and of the four base blocks.
    cfg.MODEL.SELF_MASK.STEM = 64
    cfg.MODEL.SELF_MASK.WIDTHS = (64, 128, 256, 512)
    # Maps of the mask: 1 for all channels, STEM for one a channel, 0 for no mask module.
    cfg.MODEL.SELF_MASK.MAPS = 1
    # Weight of the region loss.
    cfg.MODEL.SELF_MASK.ALPHA = 0.1

    # AudioMask's frame-level verifier (FrameVerifier).
    cfg.MODEL.VERIFIER = CN()
    # Frames of a segment (4.6 s at the paper's hop).
    cfg.MODEL.VERIFIER.FRAMES = 200
    # Pooling over the mel bands behind each of the two convolutions; their product reaches all.
    cfg.MODEL.VERIFIER.POOLS = (10, 7)
    cfg.MODEL.VERIFIER.DROPOUT = 0.1
    # The authors' released network instead of the paper's: see FrameVerifier.
    cfg.MODEL.VERIFIER.RELEASED = False
    # Frames between two segments when whole clips are scored.
    cfg.MODEL.VERIFIER.STRIDE = 100

    _add_pretrained(cfg)

    # Hooks in order: "BoxVoting", "VerifierFusion" (detectors), "ConnectAndCut" (any system).
    cfg.MODEL.POSTPROCESSORS = ()
    cfg.MODEL.CONNECT_CUT = CN()
    # Gaps in a class that are filled, then events that are removed, are shorter than this, seconds.
    cfg.MODEL.CONNECT_CUT.SECONDS = 0.2
    cfg.MODEL.BOX_VOTING = CN()
    # IoU above which NMS drops the weaker of two boxes of a class.
    cfg.MODEL.BOX_VOTING.NMS = 0.3
    # IoU from which on a box votes for the one that is kept.
    cfg.MODEL.BOX_VOTING.IOU = 0.5
    cfg.MODEL.FUSION = CN()
    # Checkpoint or shipped model of a FrameVerifier or of a frame-level SequenceTagger.
    cfg.MODEL.FUSION.VERIFIER = ""
    # Lambda of D = lambda alpha + (1 - lambda) beta: 0 is the detector, 1 the verifier.
    cfg.MODEL.FUSION.WEIGHT = 0.75
    # Detections under this confidence never reach the verifier.
    cfg.MODEL.FUSION.MIN_SCORE = 0.6
    # alpha is the mean over the 200-frame "segment" (the paper's), or over the "box" inside it.
    cfg.MODEL.FUSION.WINDOW = "segment"


def _add_pretrained(cfg: CN) -> None:
    # Networks trained on AudioSet (build_mn04_backbone); INIT_WEIGHTS names the published file.
    cfg.MODEL.PRETRAINED = CN()
    # Numbers of the layers whose maps the neck sees, and whether it sees the AudioSet logits too.
    cfg.MODEL.PRETRAINED.LAYERS = (6, 12, 16)
    cfg.MODEL.PRETRAINED.SCORES = False
    # Frames of a time step: 8, 16 or 32.
    cfg.MODEL.PRETRAINED.STRIDE = 16
    # Channels of the neck; its layer over time: "conv" over KERNEL steps, "bigru" or "none".
    cfg.MODEL.PRETRAINED.CHANNELS = 96
    cfg.MODEL.PRETRAINED.CONTEXT = "conv"
    cfg.MODEL.PRETRAINED.KERNEL = 5
    cfg.MODEL.PRETRAINED.DROPOUT = 0.2
    # Squeeze-excitation averages over so many seconds around each moment; 0.0: the whole clip.
    cfg.MODEL.PRETRAINED.SE_SECONDS = 10.0
    # Number of the first layer that learns, and its rate as a part of the neck's.
    cfg.MODEL.PRETRAINED.LEARNED_FROM = 100
    cfg.MODEL.PRETRAINED.RATE_FACTOR = 0.2
    # Folder that keeps the maps of layers that do not learn; "" computes them each time.
    cfg.MODEL.PRETRAINED.CACHE_DIR = ""


def _add_training(cfg: CN) -> None:
    # "sgd" (detectron2's) or "adam".
    cfg.SOLVER.OPTIMIZER = "adam"
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


def _add_test(cfg: CN) -> None:
    # What is scored: "events" (strong labels), "tags" (which labels a clip holds), "frames"
    # (strong labels), "masks" (over time and frequency; mixtures whose parts are known), "scores"
    # (PSDS and others without thresholds; of frame scores, or of events where there are none).
    cfg.TEST.EVALUATORS = ("events",)
    # Lowest score of a positive clip, frame and bin for the F1 of "tags", "frames" and "masks".
    cfg.TEST.TAG_THRESHOLD = cfg.TEST.FRAME_THRESHOLD = cfg.TEST.MASK_THRESHOLD = 0.5
    # Frame of the frame-wise scores, in seconds.
    cfg.TEST.FRAME_SECONDS = 0.02
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
    # A label without a true event scores F1 0 in the mean (DCASE 2019 Task 4), or is left out.
    cfg.TEST.ZERO_WITHOUT_REFERENCE = False
    # Checkpoints (files, patterns) of a frame-level system to average, by their F1 on DATASETS.VAL.
    cfg.TEST.ENSEMBLE = ()
    # Segment length of segment-based scores, in seconds.
    cfg.TEST.SEGMENT_SECONDS = 1.0
    # Segment lengths of scores that count all labels together (micro average), in seconds.
    cfg.TEST.MICRO_SECONDS = ()
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
