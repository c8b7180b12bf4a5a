"""Global pooling against a plain sort, by hand, and at its two ends."""

import numpy as np
import pytest
import torch

from audiodet.errors import ConfigError
from audiodet.modeling.pooling import AttentionPooling, GlobalRankPooling, rank_weights


def plain(x, decay):
    """Sort, weigh, divide by the sum of weights."""
    weights = decay ** torch.arange(x.shape[-1], dtype=x.dtype)
    return (x.sort(-1, descending=True).values * weights).sum(-1) / weights.sum()


def test_by_hand():
    x = torch.tensor([[[0.2, 0.8, 0.4]]])
    # weights 1, 1/2, 1/4 of 0.8, 0.4, 0.2
    assert GlobalRankPooling(0.5)(x).item() == pytest.approx((0.8 + 0.2 + 0.05) / 1.75)


def test_the_papers_weights():
    """Z = 4,906.684 over 64 x 311 bins; half of the weight lies in the 3,373 largest."""
    weights = rank_weights(0.9998, 64 * 311).numpy().astype(float)
    assert 1 / weights[-1] == pytest.approx(4906.684, rel=1e-5)
    assert np.argmax(weights[::-1].cumsum() >= 0.5) + 1 == 3373


@pytest.mark.parametrize("decay", [0.0, 0.3, 0.9998, 1.0])
def test_equals_a_plain_sort(decay):
    """Values and gradients, with negative values, zeros and ties."""
    torch.manual_seed(0)
    values = torch.randn(2, 3, 500).round(decimals=1)
    values[0, 0] = values[0, 0].abs() * torch.linspace(1, 2, 500)
    x, y = values.clone().requires_grad_(), values.double().requires_grad_()
    ours, theirs = GlobalRankPooling(decay)(x), plain(y, decay)
    torch.testing.assert_close(ours.double(), theirs, atol=1e-6, rtol=0)
    with torch.no_grad():
        torch.testing.assert_close(GlobalRankPooling(decay)(x), ours)
    (ours * torch.arange(6.0).view(2, 3)).sum().backward()
    (theirs * torch.arange(6.0).view(2, 3)).sum().backward()
    # Tied units may share their weights in another way: the sum over equal values is what counts.
    for row, other, value in zip(x.grad.flatten(0, 1), y.grad.flatten(0, 1), values.flatten(0, 1)):
        for v in value.unique():
            assert row[value == v].sum().item() == pytest.approx(
                other[value == v].sum().item(), abs=1e-6
            )


def test_equals_a_plain_sort_at_real_size():
    """41 classes over 311 frames of 64 bands, as probabilities crowd near 0."""
    torch.manual_seed(0)
    x = torch.randn(1, 41, 311 * 64).mul(3).sub(4).sigmoid()
    expected = plain(x.double(), 0.9998)
    for needs_gradient in (True, False):
        found = GlobalRankPooling(0.9998)(x.clone().requires_grad_(needs_gradient)).detach()
        torch.testing.assert_close(found.double(), expected, atol=1e-6, rtol=0)


def test_ends_are_maximum_and_mean():
    x = torch.rand(2, 4, 1000)
    assert torch.equal(GlobalRankPooling(0)(x), x.amax(-1))
    torch.testing.assert_close(GlobalRankPooling(1)(x), x.mean(-1))
    torch.testing.assert_close(GlobalRankPooling(1 - 1e-9)(x), x.mean(-1))


@pytest.mark.parametrize("decay", [-0.1, 1.5])
def test_a_decay_that_is_none(decay):
    with pytest.raises(ConfigError, match=f"MODEL.TFSEG.RANK_DECAY is {decay}, expected 0 to 1"):
        GlobalRankPooling(decay)


def test_attention_is_a_weighted_mean():
    x = torch.tensor([[[0.2, 0.8]]])
    logits = torch.tensor([[[0.0, np.log(3.0)]]])  # weights 1/4 and 3/4
    assert AttentionPooling()(x, logits).item() == pytest.approx(0.05 + 0.6)
    same = torch.zeros(1, 1, 2)
    assert AttentionPooling()(x, same).item() == pytest.approx(0.5)


def test_weights_made_while_a_model_infers_serve_its_training():
    rank_weights.cache_clear()
    x = torch.rand(1, 2, 50)
    with torch.inference_mode():
        GlobalRankPooling(0.9)(x)
    x.requires_grad_()
    GlobalRankPooling(0.9)(x).sum().backward()
    assert x.grad.sum() == pytest.approx(2.0)
