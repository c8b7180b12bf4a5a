"""Pictures of clips, their events and what a model detects in them."""

from audiodet.visualization.clip_plot import draw_clip, save_figure
from audiodet.visualization.results import choose_clips, visualize_results

__all__ = ["choose_clips", "draw_clip", "save_figure", "visualize_results"]
