"""The keys of MODEL that audiodet adds, each with its unit."""

from detectron2.config import CfgNode as CN


def add_model_keys(cfg: CN) -> None:
    """Add the keys, in place; after those of :mod:`audiodet.config.keys`."""
    _add_common(cfg)
    _add_recurrent(cfg)
    _add_tagger(cfg)
    _add_segmentation(cfg)
    _add_verifier(cfg)
    _add_pretrained(cfg)
    _add_hooks(cfg)


def _add_common(cfg: CN) -> None:
    # Always as many as DATASETS.LABELS.
    cfg.MODEL.ROI_HEADS.NUM_CLASSES = len(cfg.DATASETS.LABELS)
    # Configurations (YAML) of an ensemble's members; TEST.ENSEMBLE fills it in.
    cfg.MODEL.MEMBERS = ()
    # Load pickled checkpoints that could execute code. Only for files you made yourself.
    cfg.MODEL.TRUST_PICKLE = False
    # Checkpoint whose backbone starts this model's (clip-level pre-training); "" for none.
    cfg.MODEL.BACKBONE.INIT_WEIGHTS = ""
    # Keep the backbone as it was loaded (second setting of R-CRNN's Table 3).
    cfg.MODEL.BACKBONE.FREEZE = False
    # "float32", or "bfloat16" for convolutions and fully connected layers of the backbone; "auto"
    # is bfloat16 where the CPU or GPU multiplies it natively, which is faster, else float32.
    cfg.MODEL.BACKBONE.PRECISION = "float32"


def _add_recurrent(cfg: CN) -> None:
    cfg.MODEL.CRNN = CN()
    # "bigru", "gru" (one direction) or "none" (the paper's Table 1).
    cfg.MODEL.CRNN.RNN = "bigru"
    # Recurrent units per direction (U in the paper).
    cfg.MODEL.CRNN.UNITS = 50

    # Frame-level networks of Çakır et al.: CNN, RNN, CRNN, FNN (build_frame_stack_backbone).
    cfg.MODEL.FRAME_STACK = CN()
    # Max pooling over frequency after each convolution; () for no convolutions.
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
    # Batch norm behind fully connected layers too.
    cfg.MODEL.FRAME_STACK.FC_NORM = False
    # Frames that a network without convolutions sees at once; odd.
    cfg.MODEL.FRAME_STACK.CONTEXT = 1
    cfg.MODEL.FRAME_STACK.DROPOUT = 0.25

    cfg.MODEL.ROI_BOX_HEAD.DROPOUT = 0.5


def _add_tagger(cfg: CN) -> None:
    # Classifiers per clip or per time step (SequenceTagger).
    cfg.MODEL.TAGGER = CN()
    # "clip": one label set per clip (maximum over time); "frame": one per time step; "both": clip
    # labels of all clips, and steps of those whose labels have times.
    cfg.MODEL.TAGGER.LOSS = "clip"
    # Clip labels are learned of the features' maximum over time, before the last layer, instead of
    # the maximum of its outputs (LOSS "clip").
    cfg.MODEL.TAGGER.POOL_FEATURES = False
    # Median filter over the frame probabilities, in seconds; 0.0 for none.
    cfg.MODEL.TAGGER.MEDIAN_SECONDS = 0.0
    # An event ends where the probability falls below this; its score is its highest frame,
    # which TEST.THRESHOLDS decides on (hysteresis).
    cfg.MODEL.TAGGER.LOW_THRESHOLD = 0.2
    # Steps before and after an event that are taught as part of it: short ones are too few.
    cfg.MODEL.TAGGER.WIDEN_STEPS = 0
    # Steps at either end of an event that are taught as silence, so that events of a label which
    # touch stay apart; a detected event gets them back.
    cfg.MODEL.TAGGER.SHRINK_STEPS = 0
    # It also ends where the probability falls below this part of its highest; 0.0 for no such rule.
    cfg.MODEL.TAGGER.PEAK_FRACTION = 0.0
    # Time steps of the network for which it may do so, for all labels or one for each.
    cfg.MODEL.TAGGER.PEAK_DIP = (0,)
    # Events of a label (that reach TEST.THRESHOLDS) are joined over gaps of up to JOIN_GAP time
    # steps of the network; then events of up to DROP_LENGTH steps are dropped.
    cfg.MODEL.TAGGER.JOIN_GAP = 0
    cfg.MODEL.TAGGER.DROP_LENGTH = 0
    # The same four with a number for each label instead; () for none. Where the first is given,
    # events are joined whatever their score. TEST.TUNE_RULES finds them.
    cfg.MODEL.TAGGER.LOW_THRESHOLDS = ()
    cfg.MODEL.TAGGER.MEDIANS = ()
    cfg.MODEL.TAGGER.JOIN_GAPS = ()
    cfg.MODEL.TAGGER.DROP_LENGTHS = ()


def _add_segmentation(cfg: CN) -> None:
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
    # The same with a number for each label instead; () for none.
    cfg.MODEL.TFSEG.GATES = ()

    # ResNet with a self-mask module (SelfMaskNet, build_self_mask_backbone).
    cfg.MODEL.SELF_MASK = CN()
    # Channels of the stem and of the four base blocks.
    cfg.MODEL.SELF_MASK.STEM = 64
    cfg.MODEL.SELF_MASK.WIDTHS = (64, 128, 256, 512)
    # Maps of the mask: 1 for all channels, STEM for one a channel, 0 for no mask module.
    cfg.MODEL.SELF_MASK.MAPS = 1
    # Weight of the region loss.
    cfg.MODEL.SELF_MASK.ALPHA = 0.1


def _add_verifier(cfg: CN) -> None:
    # AudioMask's frame-level verifier (FrameVerifier).
    cfg.MODEL.VERIFIER = CN()
    # Frames of a segment (4.6 s at the paper's hop).
    cfg.MODEL.VERIFIER.FRAMES = 200
    # Pooling over the mel bands after each of the two convolutions; their product reaches all.
    cfg.MODEL.VERIFIER.POOLS = (10, 7)
    cfg.MODEL.VERIFIER.DROPOUT = 0.1
    # The authors' released network instead of the paper's: see FrameVerifier.
    cfg.MODEL.VERIFIER.RELEASED = False
    # Frames between two segments when whole clips are scored.
    cfg.MODEL.VERIFIER.STRIDE = 100


def _add_pretrained(cfg: CN) -> None:
    # Networks trained on AudioSet (build_mn04_backbone); INIT_WEIGHTS names the published file.
    cfg.MODEL.PRETRAINED = CN()
    # Numbers of the layers whose maps the neck sees, and whether it sees the AudioSet logits too.
    cfg.MODEL.PRETRAINED.LAYERS = (6, 12, 16)
    cfg.MODEL.PRETRAINED.SCORES = False
    # Frames of a time step: 8, 16 or 32.
    cfg.MODEL.PRETRAINED.STRIDE = 16
    # Necks side by side, each with a head of its own (EnsembleTagger).
    cfg.MODEL.PRETRAINED.NECKS = 1
    # Channels of the neck; its layer over time: "conv" over KERNEL steps, "bigru" or "none".
    cfg.MODEL.PRETRAINED.CHANNELS = 96
    cfg.MODEL.PRETRAINED.CONTEXT = "conv"
    cfg.MODEL.PRETRAINED.KERNEL = 5
    cfg.MODEL.PRETRAINED.DROPOUT = 0.2
    # Seconds around each moment that squeeze-excitation averages over; 0.0: the whole clip.
    cfg.MODEL.PRETRAINED.SE_SECONDS = 10.0
    # Number of the first layer that learns, and its rate as a part of the neck's.
    cfg.MODEL.PRETRAINED.LEARNED_FROM = 100
    cfg.MODEL.PRETRAINED.RATE_FACTOR = 0.2
    # Folder that keeps the maps of layers that do not learn; "" computes them each time.
    cfg.MODEL.PRETRAINED.CACHE_DIR = ""


def _add_hooks(cfg: CN) -> None:
    # Hooks in order: "BoxVoting", "VerifierFusion" (detectors), "ConnectAndCut", "ClipContrast"
    # (any system).
    cfg.MODEL.POSTPROCESSORS = ()
    cfg.MODEL.CONNECT_CUT = CN()
    # Gaps in a class that are filled, then events that are removed, are shorter than this, seconds.
    cfg.MODEL.CONNECT_CUT.SECONDS = 0.2
    cfg.MODEL.BOX_VOTING = CN()
    # IoU above which NMS drops the weaker of two boxes of a class.
    cfg.MODEL.BOX_VOTING.NMS = 0.3
    # IoU from which on a box votes for the one that is kept.
    cfg.MODEL.BOX_VOTING.IOU = 0.5
    cfg.MODEL.CLIP_CONTRAST = CN()
    # How much what else a clip seems to hold of a label takes from an event's log-odds.
    cfg.MODEL.CLIP_CONTRAST.WEIGHT = 0.75
    cfg.MODEL.FUSION = CN()
    # Checkpoint or shipped model of a FrameVerifier or of a frame-level SequenceTagger.
    cfg.MODEL.FUSION.VERIFIER = ""
    # Lambda of D = lambda alpha + (1 - lambda) beta: 0 is the detector, 1 the verifier.
    cfg.MODEL.FUSION.WEIGHT = 0.75
    # Detections under this confidence never reach the verifier.
    cfg.MODEL.FUSION.MIN_SCORE = 0.6
    # alpha is the mean over the 200-frame "segment" (the paper's), or over the "box" inside it.
    cfg.MODEL.FUSION.WINDOW = "segment"
