"""Pictures of clips, their events and what a model detects in them."""

import importlib

# Imported when first used: the report page, a part of this package, needs no matplotlib.
_LAZY = {
    "choose_clips": "results",
    "draw_clip": "clip_plot",
    "save_figure": "clip_plot",
    "visualize_results": "results",
}
__all__ = list(_LAZY)


def __getattr__(name: str):
    if name in _LAZY:
        return getattr(importlib.import_module(f"audiodet.visualization.{_LAZY[name]}"), name)
    raise AttributeError(f"module 'audiodet.visualization' has no attribute {name!r}")
