"""Segments of equal length around regions: what a verifier looks at (AudioMask, section III-C).

Shape shorthand: R regions, L frames of a segment, T frames of the clip.
"""

import torch


def segment_starts(boxes: torch.Tensor, frames: int, length: int) -> torch.Tensor:
    """First frame of the segment of each region, (R,) int64.

    A region that is longer than a segment is cropped about its centre, a shorter one takes its
    neighbours on both sides; at the clip's borders the segment shifts inside. A clip that is
    shorter than a segment has them all start at 0.

    Args:
        boxes: (R, 4) in frames.
        frames: T.
        length: L.
    """
    centres = (boxes[:, 0] + boxes[:, 2]) / 2
    return (centres - length / 2).round().long().clamp(0, max(0, frames - length))


def frames_of_segments(starts: torch.Tensor, length: int) -> torch.Tensor:
    """(R,) first frames -> (R, L) frames."""
    return starts[:, None] + torch.arange(length, device=starts.device)


def mean_in_boxes(scores: torch.Tensor, boxes: torch.Tensor, starts: torch.Tensor) -> torch.Tensor:
    """Mean of (R, L) frame scores over the frames of each segment that its region touches, (R,).

    A region of no length counts as the frame that it lies in.
    """
    frames = frames_of_segments(starts, scores.shape[1])
    touched = (frames + 1 > boxes[:, :1]) & (frames < boxes[:, 2:3])
    centres = ((boxes[:, 0] + boxes[:, 2]) / 2).floor().long()
    last = starts + scores.shape[1] - 1
    touched |= frames == torch.minimum(torch.maximum(centres, starts), last)[:, None]
    return (scores * touched).sum(1) / touched.sum(1)
