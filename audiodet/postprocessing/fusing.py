"""AudioMask's fusion (section III-D): a detector's confidence and a verifier's frames.

Shape shorthand: R events of a clip, L frames of a segment.
"""

import numpy as np


def fuse(alpha, beta, weight: float):
    """D = weight * alpha + (1 - weight) * beta, element-wise."""
    return weight * alpha + (1.0 - weight) * beta


def segment_starts(times: np.ndarray, frames: int, length: int) -> np.ndarray:
    """First frame of the segment of each region (AudioMask, section III-C), (R,) int64.

    A region that is longer than a segment is cropped about its centre, a shorter one takes its
    neighbours on both sides; at the clip's borders the segment shifts inside. A clip that is
    shorter than a segment has them all start at 0.

    Args:
        times: (R, 2) onsets and offsets in frames.
        frames: of the clip.
        length: L.
    """
    centres = (times[:, 0] + times[:, 1]) / 2
    starts = np.rint(centres - length / 2).astype(np.int64)
    return starts.clip(0, max(0, frames - length))


def frames_of_segments(starts: np.ndarray, length: int) -> np.ndarray:
    """(R,) first frames -> (R, L) frames."""
    return starts[:, None] + np.arange(length)


def mean_in_times(scores: np.ndarray, times: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Mean of (R, L) frame scores over the frames of each segment that its region touches, (R,).

    A region of no length counts as the frame that it lies in.
    """
    frames = frames_of_segments(starts, scores.shape[1])
    touched = (frames + 1 > times[:, :1]) & (frames < times[:, 1:])
    centres = np.floor((times[:, 0] + times[:, 1]) / 2).astype(np.int64)
    last = starts + scores.shape[1] - 1
    touched |= frames == np.minimum(np.maximum(centres, starts), last)[:, None]
    return (scores * touched).sum(1) / touched.sum(1)
