"""Registration of published trees."""

from detectron2.data import DatasetCatalog, MetadataCatalog

from audiodet.data.datasets.common import held_out, register_tree


def test_trees_of_two_roots_stay_apart():
    """A set that is registered from another root is read anew."""
    reads = []

    def load(root):
        reads.append(root)
        return [
            {"file_name": root, "annotations": [{"bbox": [0.0, 0.0, 2.0, 1.0], "category_id": 0}]}
        ]

    for root in ("a", "b"):
        register_tree("toy_tree", ["x"], load, root)
        for _ in range(3):
            (clip,) = DatasetCatalog.get("toy_tree")
            assert clip["file_name"] == root and len(clip["annotations"]) == 1
            clip["annotations"].clear()
        DatasetCatalog.remove("toy_tree")
    MetadataCatalog.remove("toy_tree")
    assert reads == ["a", "b"]


def test_a_fifth_is_held_out():
    clips = list("abcdefghij")
    assert held_out(clips, "val") == ["a", "f"]
    assert held_out(clips, "fit") == list("bcdeghij")
    assert len(held_out(clips[:7], "val")) == len(held_out(clips[:9], "val")) == 2
