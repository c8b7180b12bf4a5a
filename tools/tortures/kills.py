"""detect, separate and train, killed at random moments and continued, end as if undisturbed."""

import json
import random
from pathlib import Path

import audiodet  # noqa: F401  first
import soundfile as sf
import torch
from safetensors.torch import save_file

from audiodet.config.loading import load_config
from audiodet.engine.checkpoint import describe
from audiodet.inference.journal import NAME
from audiodet.modeling.stock import build_model
from audiodet.weights import CARD
from tortures.processes import command, contents, kill_after, run_whole, start
from tortures.result import Result
from tortures.sounds import write_sounds
from tortures.training import train, write_training

VARYING = (NAME, "audiodet_run.json")  # their lines may come in another order, or hold times
MOST = 30  # kills of one run


def kill_detect(folder: Path, rng: random.Random, kills: int) -> Result:
    """Rows of all formats; one recording is none."""
    result = Result("detect killed (-9)")
    sounds = write_sounds(folder / "sounds", rng, 16)
    (sounds / "05.wav").write_text("no sound")
    model = "--model rcrnn_rare --device cpu --quiet --resume"
    arguments = ["detect", sounds, *model.split()]
    arguments += ["--format", "tsv,csv,jsonl,audacity,raven,rttm", "--threshold", "0.05", "-o"]
    return _kill_commands(result, folder, rng, kills, arguments, code=3)


def kill_separate(folder: Path, rng: random.Random, kills: int) -> Result:
    """Wavs of every class."""
    result = Result("separate killed (-9)")
    sounds = write_sounds(folder / "sounds", rng, 8)
    (sounds / "05.wav").write_text("no sound")
    model = _mask_model(folder)
    arguments = ["separate", sounds, "--model", model, "--device", "cpu", "--resume", "-o"]
    return _kill_commands(result, folder, rng, kills, arguments, code=3)


def kill_train(folder: Path, rng: random.Random, kills: int) -> Result:
    """Weights of the end, and files of the folder."""
    result = Result("train killed (-9)")
    config = write_training(folder / "data", rng)
    undisturbed = folder / "undisturbed"
    run_whole(train, config, str(folder / "first"))  # loads what is loaded once
    code, seconds = run_whole(train, config, str(undisturbed))
    result.expect(code == 0, f"undisturbed training: exit code {code}", 0)
    expected = _weights(undisturbed)

    def check(out: Path) -> None:
        same = (out / "model_final.pth").exists() and _same(expected, _weights(out))
        result.expect(same, f"{out}: other weights than undisturbed", 0)
        left = [path.name for path in out.glob("*.pth")] + [p.name for p in out.glob(".*")]
        result.expect(len(left) <= 3, f"{out}: {left} are left", 0)

    def begin(out: Path):
        return start(train, config, str(out))

    return _kill(result, folder, rng, kills if code == 0 else 0, seconds, begin, check, 0)


def _kill_commands(result, folder, rng, kills, arguments, code) -> Result:
    undisturbed = folder / "undisturbed"
    log = folder / "undisturbed.log"
    run_whole(command, [*arguments, undisturbed], log)  # loads what is loaded once
    found, seconds = run_whole(command, [*arguments, folder / "timed"], log)
    result.expect(found == code, f"undisturbed: exit code {found}", 0)
    expected = _tables(undisturbed)

    def check(out: Path) -> None:
        result.expect(_tables(out) == expected, f"{out}: other files than undisturbed", 0)

    def begin(out: Path):
        return start(command, [*arguments, out], f"{out}.log")

    return _kill(result, folder, rng, kills if found == code else 0, seconds, begin, check, code)


def _kill(result, folder, rng, kills, seconds, begin, check, code) -> Result:
    """Begin runs that are killed, and continued until they end, and check each."""
    number = 0
    while result.tries < kills:
        number += 1
        out = folder / f"out{number}"
        for _ in range(MOST):
            process = begin(out)
            if not kill_after(process, rng.uniform(0.1, 1.1) * seconds):
                break
            result.tries += 1
        wrong = f"{out}: exit code {process.exitcode} at the end"
        result.expect(process.exitcode == code, wrong, 0)
        check(out)
        _expect_no_traceback(result, out)
    result.note = f"{number} runs brought to their end"
    return result


def _tables(out: Path) -> dict[str, bytes]:
    """Files of a run; of wavs the samples, because libsndfile writes the time into their heads."""
    found = contents(out, VARYING)
    for name in found:
        if name.endswith(".wav"):
            found[name] = sf.read(out / name, dtype="float32")[0].tobytes()
    return found


def _expect_no_traceback(result: Result, out: Path) -> None:
    log = Path(f"{out}.log")
    text = log.read_text(errors="replace") if log.exists() else ""
    result.expect("Traceback" not in text, f"{log}: a traceback", 0)


def _weights(out: Path) -> dict:
    return torch.load(out / "model_final.pth", weights_only=True)["model"]


def _same(expected: dict, found: dict) -> bool:
    return all(torch.allclose(found[name], x, atol=1e-6) for name, x in expected.items())


def _mask_model(folder: Path) -> str:
    """An untrained model with masks that finds something everywhere."""
    torch.manual_seed(0)
    root = Path(__file__).resolve().parents[2]
    opts = ["MODEL.DEVICE", "cpu", "MODEL.TFSEG.LEVEL", "bin", "TEST.THRESHOLDS", "[0.0]"]
    opts += ["DATASETS.LABELS", "['a', 'b/c', 'b_c']"]
    cfg = load_config(str(root / "configs" / "tfseg" / "Base-TFSeg.yaml"), opts)
    tensors = {k: x.contiguous() for k, x in build_model(cfg).state_dict().items()}
    path = str(folder / "masks.safetensors")
    save_file(tensors, path, {CARD: json.dumps(describe(cfg))})
    return path
