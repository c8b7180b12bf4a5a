"""What detectron2's users rely on: its zoo's architectures, its idioms, and the page for them."""

import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from detectron2 import model_zoo
from detectron2.config import get_cfg as detectron2_cfg
from detectron2.modeling import META_ARCH_REGISTRY, build_model
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import audiodet
from audiodet.config.unused import NOT_DONE, SGD_ONLY, WITHOUT_EFFECT
from audiodet.engine.setup import load_config
from audiodet.engine.trainer import Trainer
from audiodet.errors import AudiodetError, ConfigError
from audiodet.modeling.stock import NO_DETECTORS, StockDetector
from tests.tiny import LABELS, ROOT, run_tool, tiny_config, tiny_opts, train, write_tiny_data

RETINANET = "COCO-Detection/retinanet_R_50_FPN_1x.yaml"
FASTER = "COCO-Detection/faster_rcnn_R_50_FPN_1x.yaml"
ZOO = {
    "RetinaNet": (RETINANET, ()),
    "Faster R-CNN": (FASTER, ()),
    "Faster R-CNN, grey": (FASTER, ("MODEL.PIXEL_MEAN", [0.0], "MODEL.PIXEL_STD", [1.0])),
    "Cascade R-CNN": ("Misc/cascade_mask_rcnn_R_50_FPN_1x.yaml", ("MODEL.MASK_ON", False)),
    "FCOS": (RETINANET, ("MODEL.META_ARCHITECTURE", "FCOS")),
}
# An 18-layer ResNet and narrow heads, on the sounds of tests/tiny.py.
SMALL = {
    "MODEL.DEVICE": "cpu",
    "MODEL.WEIGHTS": "",
    "MODEL.RESNETS.DEPTH": 18,
    "MODEL.RESNETS.RES2_OUT_CHANNELS": 64,
    "MODEL.RESNETS.NORM": "BN",
    "MODEL.BACKBONE.FREEZE_AT": 0,
    "MODEL.FPN.OUT_CHANNELS": 32,
    "MODEL.ROI_BOX_HEAD.FC_DIM": 32,
    "INPUT.AUDIO.SAMPLE_RATE": 16000,
    "INPUT.SPECTROGRAM.N_FFT": 512,
    "INPUT.SPECTROGRAM.HOP": 256,
    "DATASETS.LABELS": LABELS,
    "SOLVER.OPTIMIZER": "sgd",
    "SOLVER.IMS_PER_BATCH": 2,
    "SOLVER.MAX_ITER": 2,
    "TEST.THRESHOLDS": [0.0],
    "TEST.BOOTSTRAP": 0,
    "DATALOADER.NUM_WORKERS": 0,
    "SEED": 1,
}


@pytest.fixture(scope="module")
def tiny_data(tmp_path_factory):
    return write_tiny_data(tmp_path_factory.mktemp("users") / "tiny_users")


def zoo_file(name: str) -> str:
    return model_zoo.get_config_file(ZOO[name][0])


def zoo_opts(data, folder, name: str, *opts) -> list:
    custom = [
        f"{data.name}_{x}={data.folder}/{x}.tsv:{data.folder}/audio" for x in ("train", "test")
    ]
    pairs = [part for pair in SMALL.items() for part in pair]
    pairs += ["DATASETS.CUSTOM", custom, *ZOO[name][1], *opts]
    found = tiny_opts(data, folder, *pairs, test=["test"])
    return [*found, "DATASETS.VAL", "[]"]


def zoo_config(name: str, *opts):
    pairs = [part for pair in SMALL.items() for part in pair]
    return load_config(zoo_file(name), [str(x) for x in (*pairs, *ZOO[name][1], *opts)])


@pytest.mark.parametrize("name", ZOO)
def test_an_architecture_of_the_zoo_trains_is_scored_and_detects(
    name, tiny_data, tmp_path, monkeypatch
):
    opts = zoo_opts(tiny_data, tmp_path, name)
    arguments = ("--config-file", zoo_file(name))
    assert run_tool(monkeypatch, *arguments, *opts) == ""
    log = (tmp_path / "log.txt").read_text()
    assert "INPUT.MIN_SIZE_TRAIN has no effect" in log and "LabGym.detectron2" not in log
    checkpoint = tmp_path / "model_final.pth"
    scored = tmp_path / "inference" / f"{tiny_data.name}_test"
    metrics = (scored / "metrics.json").read_text()
    assert json.loads(metrics)["clips"] == 3
    (scored / "metrics.json").unlink()
    again = run_tool(monkeypatch, *arguments, "--eval-only", *opts, "MODEL.WEIGHTS", checkpoint)
    assert again == "" and (scored / "metrics.json").read_text() == metrics
    detector = audiodet.Detector.from_pretrained(str(checkpoint), device="cpu")
    events = detector.detect(tiny_data.audio("test", 1))
    rows = [line.split("\t") for line in (scored / "events.tsv").read_text().splitlines()]
    assert len(events) == len([row for row in rows if "test1" in row[0] and row[1]])
    assert events or "R-CNN" not in name  # a dense detector is unsure after two iterations
    assert {event.label for event in events} <= set(LABELS)
    assert all(0 <= event.onset < event.offset <= 2.0 for event in events)


def test_events_do_not_depend_on_the_batch():
    """Each clip alone gives what it gives beside a longer one."""
    torch.manual_seed(0)
    model = audiodet.build_model(zoo_config("RetinaNet", "MODEL.RETINANET.PRIOR_PROB", 0.4)).eval()
    clips = [{"image": torch.randn(1, 64, frames), "width": frames / 50.0} for frames in (150, 230)]
    together = [output["instances"] for output in model(clips)]
    for clip, batched in zip(clips, together):
        alone = model([clip])[0]["instances"]
        assert len(alone) > 0
        torch.testing.assert_close(alone.pred_boxes.tensor, batched.pred_boxes.tensor)
        assert alone.pred_boxes.tensor[:, 2].max() <= clip["width"]


@pytest.mark.parametrize("channels", [1, 3])
def test_what_the_detector_sees_is_the_normalised_log_mel(channels):
    cfg = zoo_config("RetinaNet", "MODEL.PIXEL_MEAN", [9.0] * channels)
    model = audiodet.build_model(cfg)
    model.clip_input.normalizer.mean.fill_(2.0)
    model.clip_input.normalizer.std.fill_(4.0)
    seen = []
    model.detector.backbone.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    image = torch.randn(1, 64, 100)
    model.eval()([{"image": image}])
    assert seen[0].shape == (1, channels, 64, 128)  # padded to a multiple of res5's stride
    for channel in seen[0][0]:
        torch.testing.assert_close(channel[:, :100], (image[0] - 2.0) / 4.0)
        assert not channel[:, 100:].any()


def test_the_backbone_starts_and_freezes_by_the_same_keys(tiny_data, tmp_path):
    """From a checkpoint of another stock architecture; its buffers stay too."""

    def config(name, folder, *opts):
        cfg = load_config(zoo_file(name), zoo_opts(tiny_data, folder, name, *opts))
        audiodet.data.datasets.setup_datasets(cfg)
        return cfg

    first, _ = train(config("Faster R-CNN", tmp_path / "first", "DATASETS.TEST", "[]"))
    path = tmp_path / "first" / "model_final.pth"
    keys = ("MODEL.BACKBONE.INIT_WEIGHTS", path, "MODEL.BACKBONE.FREEZE", True)
    opts = (*keys, "MODEL.ROI_HEADS.NAME", "CascadeROIHeads", "DATASETS.TEST", "[]")
    opts += ("MODEL.ROI_BOX_HEAD.CLS_AGNOSTIC_BBOX_REG", True)
    second, _ = train(config("Faster R-CNN", tmp_path / "second", *opts))
    before = first.system.backbone.state_dict()
    for name, tensor in second.system.backbone.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    assert torch.equal(
        first.system.clip_input.normalizer.mean, second.system.clip_input.normalizer.mean
    )


@pytest.mark.parametrize("name", NO_DETECTORS)
def test_what_cannot_learn_from_events_is_refused(name):
    cfg = audiodet.get_cfg()
    cfg.MODEL.META_ARCHITECTURE = name
    with pytest.raises(ConfigError, match=f"{name}.*GeneralizedRCNN, RetinaNet or FCOS"):
        audiodet.build_model(cfg)


def test_a_model_of_images_is_no_start():
    with pytest.raises(ConfigError, match="MODEL.WEIGHTS is 'detectron2://.*INIT_WEIGHTS"):
        load_config(zoo_file("RetinaNet"))


# Configurations


def classes_of(model) -> int:
    if isinstance(model, StockDetector):
        model = model.detector
    return model.num_classes if hasattr(model, "num_classes") else model.roi_heads.num_classes


@pytest.mark.parametrize("make", [audiodet.get_cfg, detectron2_cfg])
@pytest.mark.parametrize("how", ["merged", "set"])
def test_as_many_classes_as_labels(make, how, tmp_path):
    """With any get_cfg, by file or by attribute, of our architectures and of detectron2's."""
    for file in ("configs/rcrnn/babycry.yaml", zoo_file("RetinaNet"), zoo_file("Faster R-CNN")):
        cfg = make()
        if make is detectron2_cfg:
            audiodet.add_audiodet_config(cfg)
        cfg.merge_from_file(file)
        cfg.MODEL.DEVICE = "cpu"
        labels = ["a", "b", "c", "d", "e"]
        if how == "merged":
            cfg.merge_from_list(["DATASETS.LABELS", labels])
        else:
            cfg.DATASETS.LABELS = labels
        cfg.freeze()
        assert classes_of(audiodet.build_model(cfg)) == 5
        if how == "merged" and make is audiodet.get_cfg or "rcrnn" in file:
            assert classes_of(build_model(cfg)) == 5


def test_an_integer_where_a_float_is_expected(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("MODEL: {FUSION: {WEIGHT: 1}}\nSOLVER: {BASE_LR: 1, MAX_ITER: 3}\n")
    cfg = load_config(str(file), ["TEST.COLLAR", "2"])
    assert [type(x) for x in (cfg.MODEL.FUSION.WEIGHT, cfg.SOLVER.BASE_LR, cfg.TEST.COLLAR)] == (
        [float] * 3
    )
    assert (cfg.MODEL.FUSION.WEIGHT, cfg.TEST.COLLAR, cfg.SOLVER.MAX_ITER) == (1.0, 2.0, 3)
    with pytest.raises(ConfigError, match="SOLVER.MAX_ITER"):
        load_config("", ["SOLVER.MAX_ITER", "1.5"])


def test_retinanets_arithmetic_is_pythons():
    cfg = audiodet.get_cfg()
    cfg.merge_from_file(zoo_file("RetinaNet"))
    expected = [[x, x * 2 ** (1.0 / 3), x * 2 ** (2.0 / 3)] for x in [32, 64, 128, 256, 512]]
    assert cfg.MODEL.ANCHOR_GENERATOR.SIZES == expected


@pytest.mark.parametrize(
    "text, message",
    [
        ("!!python/object/apply:os.mkdir ['{}']", "python/object/apply:os.mkdir"),
        ("!!python/name:os.system", "python/name:os.system"),
        ("!!python/object/apply:eval [\"__import__('os').mkdir('{}')\"]", "no arithmetic"),
        ('!!python/object/apply:eval ["[x.real for x in [1]]"]', "x.real is not allowed"),
        ('!!python/object/apply:eval ["9**9**9**9"]', "no arithmetic"),
        (
            '!!python/object/apply:eval ["[[[1 for a in x] for b in x] for x in [[1, 2]]]", 3]',
            "one",
        ),
        ('!!python/object/apply:eval ["[0]*1000000000"]', "expected a number"),
    ],
)
@pytest.mark.parametrize(
    "read", [load_config, lambda file: audiodet.get_cfg().merge_from_file(file)]
)
def test_no_other_code_in_a_yaml(read, text, message, tmp_path):
    """Neither by our loader nor by detectron2's method, which runs what it finds."""
    file = tmp_path / "mine.yaml"
    file.write_text(f"OUTPUT_DIR: {text.format(tmp_path / 'ran')}\n")
    with pytest.raises(Exception, match=re.escape(message)):
        read(str(file))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "key, value",
    [
        ("TEST.AUG.ENABLED", True),
        ("TEST.PRECISE_BN.ENABLED", True),
        ("INPUT.CROP.ENABLED", True),
        ("MODEL.MASK_ON", True),
        ("MODEL.KEYPOINT_ON", True),
        ("MODEL.LOAD_PROPOSALS", True),
        ("SOLVER.REFERENCE_WORLD_SIZE", 8),
        ("DATALOADER.SAMPLER_TRAIN", "RepeatFactorTrainingSampler"),
    ],
)
def test_what_is_not_done_is_refused(key, value):
    assert key in NOT_DONE
    with pytest.raises(ConfigError, match=f"^{key} is set, but {NOT_DONE[key]}"):
        load_config("", [key, str(value)])


def test_keys_without_effect_are_read_nowhere():
    """By name in the sources of audiodet; detectron2's readers of them are not on our path."""
    keys = (*NOT_DONE, *WITHOUT_EFFECT)
    own = [path for path in (ROOT / "audiodet").rglob("*.py") if path.name != "unused.py"]
    text = "\n".join(path.read_text() for path in own)
    for key in keys:
        assert not re.search(rf"cfg\.{re.escape(key)}\b", text), key
    assert set(SGD_ONLY) == {"SOLVER.MOMENTUM", "SOLVER.NESTEROV"}


def test_the_log_names_keys_without_effect(tiny_data, tmp_path, monkeypatch):
    opts = ("TEST.AUG.FLIP", False, "DATALOADER.ASPECT_RATIO_GROUPING", False, "SOLVER.MAX_ITER", 1)
    opts = tiny_opts(tiny_data, tmp_path, *opts, "SOLVER.MOMENTUM", 0.5)
    assert run_tool(monkeypatch, "--config-file", tiny_data.yaml, *opts) == ""
    named = re.findall(r"(\S+) has no effect", (tmp_path / "log.txt").read_text())
    assert named == [
        "DATALOADER.ASPECT_RATIO_GROUPING",
        "TEST.AUG.FLIP",
        "SOLVER.MOMENTUM",
    ]


# Training


def test_pictures_of_training_reach_tensorboard(tiny_data, tmp_path, monkeypatch):
    """Every two iterations, with the training as it is without them."""
    opts = ("SOLVER.MAX_ITER", 3, "SEED", 1, "DATASETS.TEST", "[]")
    for period in (0, 2):
        pairs = tiny_opts(tiny_data, tmp_path / str(period), *opts, "VIS_PERIOD", period)
        assert run_tool(monkeypatch, "--config-file", tiny_data.yaml, *pairs) == ""
    events = EventAccumulator(str(tmp_path / "2"), {"images": 0}).Reload()
    (tag,) = events.Tags()["images"]
    pictures = events.Images(tag)
    assert [picture.step for picture in pictures] == [0, 2]
    assert all(picture.width > 1000 and picture.height > 300 for picture in pictures)
    first, second = (
        torch.load(tmp_path / period / "model_final.pth", weights_only=True)["model"]
        for period in ("0", "2")
    )
    assert all(torch.equal(tensor, second[name]) for name, tensor in first.items())


def test_trainer_finds_its_evaluator(tiny_data, tmp_path):
    """As DefaultTrainer.test, with and without evaluators of one's own."""
    cfg = tiny_config(tiny_data, tmp_path, test=["test"])
    model = Trainer.build_model(cfg).eval()
    scores = Trainer.test(cfg, model)
    evaluator = Trainer.build_evaluator(cfg, cfg.DATASETS.TEST[0], str(tmp_path / "elsewhere"))
    mine = Trainer.test(cfg, model, [evaluator])
    np.testing.assert_equal(mine["sed"], scores["sed"])
    for folder in (tmp_path / "inference" / cfg.DATASETS.TEST[0], tmp_path / "elsewhere"):
        assert (folder / "metrics.json").is_file()


def test_expected_results_are_verified(tiny_data, tmp_path):
    name = ("TEST.EXPECTED_RESULTS", [["sed", "ER", 55.0, 0.1]])
    with pytest.raises(SystemExit):
        train(tiny_config(tiny_data, tmp_path, "SOLVER.MAX_ITER", 1, *name, test=["test"]))


# Modules of one's own

SYSTEM = """
from detectron2.modeling import META_ARCH_REGISTRY, RetinaNet

@META_ARCH_REGISTRY.register()
class {name}(RetinaNet):
    pass
"""


@pytest.fixture
def own_module(tmp_path):
    """A file with a system; its name and the system's are this test's."""
    name = f"Own{abs(hash(str(tmp_path)))}"
    path = tmp_path / f"module_{name}.py"
    path.write_text(SYSTEM.format(name=name))
    yield path, name
    META_ARCH_REGISTRY._obj_map.pop(name, None)
    sys.modules.pop(path.stem, None)
    if str(tmp_path) in sys.path:
        sys.path.remove(str(tmp_path))


def test_a_module_by_its_path_or_name(own_module, monkeypatch):
    path, name = own_module
    opts = ("MODEL.META_ARCHITECTURE", name)
    cfg = zoo_config("RetinaNet", "MODULES", [str(path)], *opts)
    assert type(audiodet.build_model(cfg).detector).__name__ == name
    zoo_config("RetinaNet", "MODULES", [path.stem], *opts)
    zoo_config("RetinaNet", "MODULES", [str(path)], *opts)  # once more is not registered again


def test_modules_that_cannot_be_imported(tmp_path):
    with pytest.raises(ConfigError, match="MODULES names .*nowhere.py: no such file"):
        load_config("", ["MODULES", f"['{tmp_path}/nowhere.py']"])
    with pytest.raises(ConfigError, match="MODULES names 'no_such_module_at_all': no such module"):
        load_config("", ["MODULES", "['no_such_module_at_all']"])
    (tmp_path / "json.py").write_text("")
    with pytest.raises(ConfigError, match="give the file another name"):
        load_config("", ["MODULES", f"['{tmp_path}/json.py']"])
    (tmp_path / "of_a_user_broken.py").write_text("import no_such_module_at_all\n")
    with pytest.raises(ModuleNotFoundError):  # a user's mistake keeps its traceback
        load_config("", ["MODULES", f"['{tmp_path}/of_a_user_broken.py']"])


def test_a_checkpoint_imports_nothing(own_module, tiny_data, tmp_path):
    path, name = own_module
    marker = tmp_path / "imported"
    opts = ("MODULES", [str(path)], "MODEL.META_ARCHITECTURE", name, "DATASETS.TEST", "[]")
    opts = zoo_opts(tiny_data, tmp_path / "out", "RetinaNet", *opts)
    cfg = load_config(zoo_file("RetinaNet"), opts)
    audiodet.data.datasets.setup_datasets(cfg)
    trainer, _ = train(cfg)
    trainer.checkpointer.save("model_final")
    checkpoint = str(tmp_path / "out" / "model_final.pth")
    audiodet.Detector.from_pretrained(checkpoint, device="cpu")  # imported by the user before
    META_ARCH_REGISTRY._obj_map.pop(name)
    sys.modules.pop(path.stem)
    path.write_text(SYSTEM.format(name=name) + f"open({str(marker)!r}, 'w').close()\n")
    with pytest.raises(AudiodetError, match="MODULES .* not imported because a checkpoint says so"):
        audiodet.Detector.from_pretrained(checkpoint, device="cpu")
    assert not marker.exists()


def test_every_process_imports_the_modules(own_module, tmp_path):
    """Two processes, which are started afresh."""
    path, name = own_module
    data = write_tiny_data(tmp_path / f"tiny_{name}", {"train": 4, "val": 1, "test": 2})
    opts = ("MODULES", [str(path)], "MODEL.META_ARCHITECTURE", name, "DATALOADER.NUM_WORKERS", 1)
    opts = [*zoo_opts(data, tmp_path / "out", "RetinaNet", *opts), "SOLVER.MAX_ITER", "1"]
    command = [sys.executable, str(ROOT / "tools" / "train_net.py"), "--num-gpus", "2"]
    command += ["--dist-url", "auto", "--config-file", zoo_file("RetinaNet"), *opts]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert (tmp_path / "out" / "model_final.pth").is_file()


# The page, and the screen


def page_blocks() -> list[tuple[str, str]]:
    text = (ROOT / "docs" / "for_detectron2_users.md").read_text()
    assert len(text.splitlines()) <= 120
    return re.findall(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def test_every_line_of_the_page_runs(tmp_path):
    write_tiny_data(tmp_path / "data")
    folder = tmp_path / "data"
    for name in ("tools", "configs"):
        (folder / name).symlink_to(ROOT / name)
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, code in (("python", '"$@"'), ("audiodet", '-m audiodet.cli "$@"')):
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {code}\n')
        (programs / name).chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "CUDA_VISIBLE_DEVICES": "",
    }
    blocks = page_blocks()
    assert [language for language, _ in blocks] == ["bash", "bash", "python", "bash"]
    for language, code in blocks:
        command = {"bash": ["bash", "-euc"], "python": [sys.executable, "-c"]}[language]
        done = subprocess.run(
            [*command, code], cwd=folder, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr[-2000:]
        for words in ("is deprecated", "is_fx_tracing", "LabGym.detectron2"):
            assert words not in done.stdout + done.stderr
    assert (folder / "found" / "audiodet_events.tsv").is_file()
    assert (folder / "found_by_mine" / "audiodet_events.tsv").is_file()


def test_the_page_names_what_there_is():
    """Links lead to files, and dotted names of audiodet can be imported."""
    text = (ROOT / "docs" / "for_detectron2_users.md").read_text()
    for link in re.findall(r"\]\((\.\./[^)]+)\)", text):
        assert (ROOT / "docs" / link).resolve().is_file(), link
    for name in set(re.findall(r"`(audiodet(?:\.\w+)+)", text)):
        done, parts = audiodet, name.split(".")
        for i, part in enumerate(parts[1:], 2):
            try:
                done = getattr(done, part)
            except AttributeError:
                done = __import__(".".join(parts[:i]), fromlist=[part])


FOREIGN = ("torch.jit.script", "is_fx_tracing", "pkg_resources")


@pytest.mark.parametrize(
    "code",
    [
        "from audiodet import Detector",
        "import audiodet.engine.trainer, audiodet.evaluation",
        "import audiodet; from detectron2 import model_zoo; audiodet.get_cfg()",
        "import audiodet, detectron2.modeling.poolers as p; p.is_fx_tracing()",
    ],
)
def test_no_foreign_warnings_on_the_screen(code, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert not [word for word in FOREIGN if word in done.stdout + done.stderr]


def test_other_warnings_still_reach_the_screen():
    code = "import audiodet, warnings; warnings.warn('mine', FutureWarning)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    assert "FutureWarning: mine" in done.stderr


def test_log_records_name_detectron2():
    code = """
import logging
logging.basicConfig(format="%(name)s %(message)s", level=logging.INFO)
import audiodet
import detectron2.data.catalog, logging
logging.getLogger("LabGym.detectron2.data").warning("of LabGym.detectron2._C: %s", 3)
logging.getLogger("LabGym.tools").warning("its own")
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    lines = done.stderr.splitlines()
    assert "LabGym.tools its own" in lines
    if audiodet._detectron2.SOURCE == "labgym":
        assert "detectron2.data of detectron2._C: 3" in lines


def test_importing_audiodet_alone_is_light():
    code = """
import audiodet, sys
loaded = {name.split(".")[0] for name in sys.modules}
heavy = {"torch", "detectron2", "numpy", "matplotlib"} & loaded
assert not heavy, heavy
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
