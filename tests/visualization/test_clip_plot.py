"""What the pictures show, measured on their pixels and their text."""

import itertools

import librosa
import matplotlib.image
import numpy as np
import pytest

from audiodet.data.spectrogram import LogMel
from audiodet.errors import AudiodetError
from audiodet.events import Event
from audiodet.visualization import draw_clip, save_figure
from audiodet.visualization.clip_plot import mel_positions

HOP = 1014 / 44100
LOG_MEL = np.random.default_rng(0).normal(-8, 1, (64, 1305)).astype(np.float32)


def draw(log_mel=LOG_MEL, **kwargs):
    return draw_clip(log_mel, HOP, 0.0, 22050.0, **kwargs)


def pixels(figure) -> np.ndarray:
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3].astype(int)


def coloured_seconds(figure, ax, channel: int) -> np.ndarray:
    """Times of pixel columns of an axes that hold a strong colour: channel 0 red, 2 blue."""
    image = pixels(figure)
    box = ax.get_window_extent()
    rows = slice(image.shape[0] - int(box.y1) + 2, image.shape[0] - int(box.y0) - 2)
    inside = image[rows]
    others = np.delete(inside, channel, axis=-1).max(axis=-1)
    columns = np.flatnonzero((inside[..., channel] - others > 80).any(axis=0))
    return ax.transData.inverted().transform(np.column_stack([columns + 0.5, columns]))[:, 0]


def spectrogram_axes(figure):
    return next(ax for ax in figure.axes if ax.images)


def tags(figure) -> dict:
    """Window extent of every label that stands in a coloured tag."""
    figure.canvas.draw()
    texts = [text for ax in figure.axes for text in ax.texts if text.get_bbox_patch()]
    return {text: text.get_bbox_patch().get_window_extent() for text in texts}


@pytest.mark.parametrize("bands, f_min, f_max", [(64, 0.0, 22050.0), (128, 50.0, 16000.0)])
def test_frequency_axis_is_librosas(bands, f_min, f_max):
    centres = librosa.mel_frequencies(bands + 2, fmin=f_min, fmax=f_max)[1:-1]
    assert mel_positions(centres, bands, f_min, f_max) == pytest.approx(np.arange(bands), abs=1e-6)
    ax = spectrogram_axes(draw_clip(np.zeros((bands, 300)), HOP, f_min, f_max))
    shown = [(tick.get_position()[1], float(tick.get_text())) for tick in ax.get_yticklabels()]
    assert len(shown) >= 4
    for row, hz in shown:
        assert row == pytest.approx(np.interp(hz, centres, np.arange(bands)), abs=0.5)


def test_loud_frame_stands_at_its_time_and_frequency():
    log_mel = np.full((64, 1305), -10.0, np.float32)
    log_mel[40, 900:903] = 0.0
    figure = draw(log_mel)
    ax = spectrogram_axes(figure)
    rows, columns = np.nonzero(pixels(figure).sum(axis=-1) < 60)
    height = pixels(figure).shape[0]
    points = ax.transData.inverted().transform(
        np.column_stack([columns + 0.5, height - rows - 0.5])
    )
    frame = np.abs(points[:, 0] / HOP - 901) < 6
    band = np.abs(points[:, 1] - 40) < 1
    inside = (points[:, 0] > 0.1) & (points[:, 0] < 29.9) & (np.abs(points[:, 1] - 31) < 31)
    assert (frame & band).any() and not (inside & ~(frame & band)).any()


@pytest.mark.parametrize("kind, channel", [("truth", 0), ("detections", 2)])
def test_boxes_stand_at_their_seconds(kind, channel):
    figure = draw(**{kind: [Event(10.0, 12.5, "babycry", 0.9)]})
    seconds = coloured_seconds(figure, spectrogram_axes(figure), channel)
    assert seconds.min() == pytest.approx(10.0, abs=0.06)  # two pixels
    assert seconds.max() == pytest.approx(12.5, abs=0.06)


@pytest.mark.parametrize("kind, channel", [("truth", 0), ("detections", 2)])
def test_an_event_of_20_ms_is_visible(kind, channel):
    figure = draw(**{kind: [Event(17.0, 17.02, "gunshot", 0.9)]})
    seconds = coloured_seconds(figure, spectrogram_axes(figure), channel)
    assert len(seconds) >= 2 and np.abs(seconds - 17.01).max() < 0.08


def test_labels_never_touch_and_stay_in_the_picture():
    rng = np.random.default_rng(1)
    onsets = np.append(rng.uniform(0, 30, 40), [29.99, 0.0])
    events = [Event(t, t + 0.3, "glassbreak", rng.random()) for t in onsets]
    figure = draw(truth=events, detections=events, title="crowded")
    extents = list(tags(figure).values())
    assert len(extents) == 84
    for a, b in itertools.combinations(extents, 2):
        assert a.x1 <= b.x0 or b.x1 <= a.x0 or a.y1 <= b.y0 or b.y1 <= a.y0
    picture, spectrogram = figure.bbox, spectrogram_axes(figure).get_window_extent()
    for box in extents:
        assert picture.x0 <= box.x0 and box.x1 <= picture.x1
        assert picture.y0 <= box.y0 and box.y1 <= picture.y1
        assert box.y0 >= spectrogram.y1 or box.y1 <= spectrogram.y0  # beside it, not over it


def test_truth_has_labels_and_detections_have_scores():
    figure = draw(truth=[Event(1, 2, "babycry")], detections=[Event(3, 4, "gunshot", 0.934)])
    assert [text.get_text() for text in tags(figure)] == ["babycry", "gunshot 0.93"]


def test_panels_come_on_request():
    plain, empty = draw(), draw(truth=[], detections=[])
    assert len(plain.axes) == 1 and len(empty.axes) == 3
    words = [text.get_text() for ax in empty.axes for text in ax.texts]
    assert sorted(words) == ["detected", "none", "none", "truth"]
    times = np.linspace(0, 30, 50)
    full = draw(proposals=[(1, 4, 0.9), (2, 3, 0.2)], curves={"babycry": (times, times / 30)})
    proposals, curves = full.axes[1:]
    segments = proposals.collections[0].get_segments()
    assert [s.tolist() for s in segments] == [[[1, 0.9], [4, 0.9]], [[2, 0.2], [3, 0.2]]]
    assert curves.get_legend().get_texts()[0].get_text() == "babycry"
    limits = {tuple(ax.get_xlim()) for ax in full.axes}
    assert limits == {(-0.5 * HOP, 1304.5 * HOP)}


def test_fused_regions_have_both_scores_and_the_chosen_one_is_filled():
    chosen, other = Event(1, 4, "babycry", 0.8), Event(6, 7, "gunshot", 0.3)
    figure = draw(detections=[chosen], regions=[(chosen, 0.6), (other, 0.5)])
    panel = figure.axes[-1]
    heights = [line.get_ydata()[0] for line in panel.lines]
    assert heights == [0.6, 0.8, 0.5, 0.3]  # beta and D of each
    assert [text.get_text()[:16] for text in panel.texts] == [
        "babycry D 0.80, ",
        "gunshot D 0.30, ",
    ]
    (filled,) = panel.collections
    box = filled.get_paths()[0].get_extents()
    assert (box.x0, box.x1, box.y0, box.y1) == (1, 4, 0, 0.8)


def test_silence_can_be_drawn():
    assert len(draw(np.full((64, 100), -23.0, np.float32), truth=[]).axes) == 2


def test_saved_whole_or_not_at_all(tmp_path):
    figure = draw(truth=[Event(1, 2, "babycry")])
    save_figure(figure, tmp_path / "new" / "clip.png")
    image = matplotlib.image.imread(tmp_path / "new" / "clip.png")
    assert image.shape[1] == 1210 and image.shape[0] > 300
    with pytest.raises(ValueError):
        save_figure(figure, tmp_path / "new" / "clip.nonsense")
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["clip.png"]
    with pytest.raises(AudiodetError, match="clip.png: cannot be written to"):
        save_figure(figure, tmp_path / "new" / "clip.png" / "clip.png")


def test_an_event_with_frequencies_has_a_box_of_them():
    """The box of the bands 9 to 19 of 64; one without frequencies is full-height."""
    module = LogMel(32000, 2048, 1024, 64, 50.0, 16000.0)
    edges = module.band_edges()
    events = [Event(1.0, 2.0, "a", 0.9, edges[10], edges[20]), Event(3.0, 4.0, "a", 0.9)]
    figure = draw_clip(
        np.random.default_rng(0).normal(size=(64, 200)), 0.032, 50.0, 16000.0, truth=events
    )
    (spectrogram,) = [ax for ax in figure.axes if ax.images]
    boxes = [(p.get_x(), p.get_y() * 64, p.get_height() * 64) for p in spectrogram.patches]
    np.testing.assert_allclose(boxes, [(1.0, 10, 10), (3.0, 0, 64)], atol=1e-4)
