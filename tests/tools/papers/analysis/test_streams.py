"""The picture of the five streams: what stands where, in seconds."""

import numpy as np
import pytest
import torch

from papers.analysis.streams import draw_streams, stream_arrays
from audiodet.events import Event
from audiodet.visualization import save_figure
from tests.modeling.self_mask_clips import build, clip

LABELS = ["a", "b", "c"]


@pytest.fixture(scope="module")
def drawn():
    mapped = {**clip(frames=1024), "width": 10.0}
    arrays = stream_arrays(build(), mapped)
    return arrays, draw_streams(mapped, arrays, LABELS, [Event(2.0, 3.5, "b")], "a clip")


def test_arrays_are_the_models_streams():
    model, mapped = build("MODEL.SELF_MASK.MAPS", 4).eval(), clip(frames=1024)
    with torch.no_grad():
        (found,) = model.streams([mapped])
    arrays = stream_arrays(model.train(), mapped)
    assert set(arrays) == {"f^s", "f^c", "f^e", "f^p", "f^r", "M^R"}
    np.testing.assert_allclose(arrays["f^s"], found.cells.sigmoid(), rtol=1e-6)
    np.testing.assert_allclose(arrays["M^R"], found.mask_map.sigmoid().amax(0), rtol=1e-6)
    assert arrays["M^R"].max() == pytest.approx(arrays["f^p"].max())
    assert all(x.min() >= 0 and x.max() <= 1 for x in arrays.values())
    assert "M^R" not in stream_arrays(build("MODEL.SELF_MASK.MAPS", 0), mapped)


def test_the_mask_lies_over_the_spectrogram(drawn):
    arrays, figure = drawn
    spectrogram, mask = figure.axes[0].images
    assert list(spectrogram.get_extent()) == list(mask.get_extent()) == [0, 10.0, 0, 128]
    assert spectrogram.get_array().shape == (128, 1024) and 0 < mask.get_alpha() < 1
    np.testing.assert_array_equal(mask.get_array(), arrays["M^R"])
    (box,) = figure.axes[0].patches
    assert (box.get_x(), box.get_width()) == (2.0, 1.5) and figure.axes[0].texts[
        0
    ].get_text() == "b"


def test_cells_labels_and_curves(drawn):
    arrays, figure = drawn
    cells, beside, curves = figure.axes[1:]
    np.testing.assert_array_equal(cells.images[0].get_array(), arrays["f^s"].T)
    assert [t.get_text() for t in cells.get_yticklabels()] == LABELS
    np.testing.assert_allclose([bar.get_width() for bar in beside.patches], arrays["f^c"])
    for patch, name in zip(curves.patches, ("f^e", "f^p", "f^r")):
        data = patch.get_data()
        np.testing.assert_array_equal(data.values, arrays[name])
        np.testing.assert_allclose(data.edges, np.linspace(0, 10, 129))
    assert {ax.get_xlim() for ax in (figure.axes[0], cells, curves)} == {(0, 10.0)}


def test_without_a_mask_module_and_with_a_last_half_cell(tmp_path):
    mapped = {**clip(frames=300), "width": 3.0}
    figure = draw_streams(mapped, stream_arrays(build("MODEL.SELF_MASK.MAPS", 0), mapped), LABELS)
    assert len(figure.axes[0].images) == 1 and len(figure.axes[-1].patches) == 2
    assert figure.axes[-1].patches[0].get_data().edges[-1] == pytest.approx(304 * 0.01)
    save_figure(figure, tmp_path / "streams.png")
    assert (tmp_path / "streams.png").stat().st_size > 10_000
