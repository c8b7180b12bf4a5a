"""rare-varied: no clip holds sources of the fold that its set leaves out."""

import pytest

from audiodet.data.datasets.rare_mini import RARE_LABELS
from audiodet.data.datasets.rare_varied import CLIPS, RARE_VARIED, RARE_VARIED_NAMES
from audiodet.data.mixing.soundbank import FOLDS, load_soundbank
from tests.data.datasets.used import used_paths


@pytest.fixture(scope="module")
def sets(synthetic_bank) -> dict:
    return {name: RARE_VARIED.recipes(name, synthetic_bank) for name in RARE_VARIED_NAMES}


@pytest.mark.parametrize("fold", range(FOLDS))
def test_a_set_leaves_its_fold_out(sets, synthetic_bank, fold):
    folds = {clip.path: clip.fold for clip in load_soundbank(synthetic_bank).clips}
    recipes = sets[f"rare_varied_fold{fold}_train"]
    assert {folds[path] for path in used_paths(recipes)} == set(range(FOLDS)) - {fold}
    assert len(recipes) == (FOLDS - 1) * len(RARE_LABELS) * CLIPS


def test_each_clip_is_of_one_fold_and_the_same_in_every_set(sets, synthetic_bank):
    folds = {clip.path: clip.fold for clip in load_soundbank(synthetic_bank).clips}
    everything = sets["rare_varied_all_train"]
    for recipe in everything[::50]:
        assert len({folds[path] for path in used_paths([recipe])}) == 1
    for fold in range(FOLDS):
        own = f"rare_varied_of_fold{fold}_"
        others = [recipe for recipe in everything if not recipe.name.startswith(own)]
        assert list(sets[f"rare_varied_fold{fold}_train"]) == others


def test_names_are_unique_and_labels_deal_alike(sets):
    recipes = sets["rare_varied_all_train"]
    assert len({recipe.name for recipe in recipes}) == len(recipes)
    present = [recipe.target for recipe in recipes if recipe.event]
    assert [present.count(label) for label in RARE_LABELS] == [0.75 * FOLDS * CLIPS] * 3
