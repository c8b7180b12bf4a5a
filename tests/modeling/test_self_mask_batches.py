"""The self-mask ResNet on batches of any clips: unequal lengths, one kind of labels, learning."""

import pytest
import torch

from audiodet.errors import ConfigError
from tests.modeling.self_mask_clips import build, clip


def test_unequal_lengths_in_a_batch_equal_one_by_one():
    model = build().eval()
    clips = [clip(frames=frames, seed=frames) for frames in (1024, 300, 1024, 301)]
    with torch.no_grad():
        for together, one in zip(model.streams(clips), clips):
            (alone,) = model.streams([one])
            assert len(together.cells) == model.backbone.steps(one["image"].shape[-1])
            for a, b in zip(together, alone):
                torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_in_training_silence_follows_a_shorter_clip():
    """One pass for all lengths; a clip's streams end with its last cell."""
    model, seen = build().train(), []
    model.backbone.register_forward_hook(lambda m, inputs, out: seen.append(inputs[0].shape))
    clips = [clip("strong", [(0.0, 9.0, 1)], [1], 300), clip("weak", labels=[0], frames=1024)]
    found = model.streams(clips)
    assert seen == [(2, 1, 128, 1024)]
    assert [len(x.cells) for x in found] == [len(x.sound) for x in found] == [38, 128]
    assert found[0].mask_map.shape == (1, 64, 152) and len(found[0].mask) == 38
    assert all(loss.isfinite() for loss in model(clips).values())


def test_only_weak_or_only_strong_clips():
    model = build().train()
    weak = model([clip("weak", labels=[1]), clip("weak", labels=[0])])
    assert weak["loss_cell"] == 0 and weak["loss_clip"] > 0
    sum(weak.values()).backward()
    strong = model([clip("strong", [(8.0, 80.0, 2)], [2])])
    assert strong["loss_cell"] > 0 and strong["loss_clip"] > 0


def test_the_model_learns_a_clip_it_sees_often():
    model = build()
    batch = [clip("strong", [(100.0, 300.0, 1)], [1], 512), clip("weak", (), [0], 512, seed=1)]
    batch[0]["image"][:, 30:60, 100:300] += 6.0
    batch[1]["image"][:, 80:110, 50:250] += 6.0
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(12):
        optimizer.zero_grad()
        loss = sum(model(batch).values())
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        scores = model.step_scores(batch)
    inside = scores[0][15:35, 1].mean() - scores[0][[*range(8), *range(45, 64)], 1].mean()
    assert inside > 0.3 and scores[1][:, 0].max() > scores[1][:, 2].max()


def test_bad_sizes():
    with pytest.raises(
        ConfigError, match=r"MODEL.SELF_MASK.MAPS is 3, expected 0, 1 or 4 \(the stem's\)"
    ):
        build("MODEL.SELF_MASK.MAPS", 3)
    with pytest.raises(ConfigError, match=r"WIDTHS is \[4, 4, 6\], expected 4"):
        build("MODEL.SELF_MASK.WIDTHS", "(4, 4, 6)")
    with pytest.raises(ConfigError, match="64 mel bands, the backbone expects 128"):
        build().eval()([{"image": torch.zeros(1, 64, 100)}])
