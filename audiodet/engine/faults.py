"""What can go wrong in the middle of a training, as one line; and what it is continued from."""

import contextlib
import errno
import logging
import re
import zipfile
from pathlib import Path

from detectron2.engine import hooks
from torch import nn

from audiodet.errors import AudiodetError

LAST = "last_checkpoint"
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)
PERIODIC = re.compile(r"model_\d{7}\.pth$")
logger = logging.getLogger(__name__)


@contextlib.contextmanager
def one_line(trainer):
    """Errors of a training that a user can cause as AudiodetErrors of one line.

    Raises:
        AudiodetError: a loss that is no number, a loader process that died, a file that cannot be
            written, or an error in a loader process.
    """
    folder = trainer.cfg.OUTPUT_DIR
    try:
        yield
    except FloatingPointError as error:
        raise AudiodetError(
            f"{folder}: the loss is no finite number at iteration {trainer.iter} "
            f"({_short(error)}), expected a SOLVER.BASE_LR below {trainer.cfg.SOLVER.BASE_LR:g} or "
            "SOLVER.CLIP_GRADIENTS.ENABLED True; --resume with them goes on from the last "
            "checkpoint"
        ) from error
    except (AudiodetError, OSError) as error:
        if "Original Traceback" in str(error):
            last = str(error).strip().splitlines()[-1]  # of the text from the loader's process
            raise AudiodetError(re.sub(r"^(audiodet\.errors\.)?\w+: ", "", last)) from error
        if getattr(error, "errno", None) not in FULL:
            raise
        reason = (error.strerror or str(error))[:200]
        raise AudiodetError(
            f"{error.filename or folder}: cannot be written ({reason}); make room and continue "
            "with --resume"
        ) from error
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise AudiodetError(
            f"{folder}: a process of the data loader died at iteration {trainer.iter} "
            f"({_short(error)}): often too little memory; --resume goes on from the last "
            "checkpoint, with a smaller DATALOADER.NUM_WORKERS if it happens again"
        ) from error


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:160]


def last_checkpoint(folder: str) -> str:
    """Path of the checkpoint that ``--resume`` continues; "" where there is none.

    That is the one that ``last_checkpoint`` names; where this file is empty or its checkpoint is
    not whole, the newest whole one, which is said.
    """
    place = Path(folder)
    try:
        named = (place / LAST).read_bytes().decode("utf-8", "replace").strip("\0 \n")
    except OSError:
        return ""
    if named and _is_whole(place / named):
        return str(place / named)
    others = [path for path in place.glob("model_*.pth") if _of_course(path.name)]
    others = sorted(others, key=lambda path: path.stat().st_mtime_ns)
    whole = [str(path) for path in others if _is_whole(path)]
    if not whole and named:
        return str(place / named)  # which loading refuses
    found = whole[-1] if whole else ""
    said = f"it goes on from {found}" if found else "there is none, it begins anew"
    logger.warning(f"{place / LAST}: names {named!r}, expected a whole checkpoint; {said}")
    return found


def _of_course(name: str) -> bool:
    """Whether a checkpoint is one of a training's course, not of its best moments."""
    return bool(PERIODIC.match(name)) or name == "model_final.pth"


def _is_whole(path: Path) -> bool:
    """Whether a file has both ends of what torch.save writes."""
    return path.is_file() and zipfile.is_zipfile(path)


class KeptCheckpoints(hooks.PeriodicCheckpointer):
    """detectron2's; a resumed training counts the checkpoints from before among those it keeps."""

    def before_train(self):
        super().before_train()
        if not self.trainer.start_iter:  # others are of an earlier training
            return
        folder = Path(self.checkpointer.save_dir)
        names = sorted(path.name for path in folder.glob("model_*.pth"))
        self.recent_checkpoints = [str(folder / name) for name in names if PERIODIC.match(name)]
        while len(self.recent_checkpoints) > self.max_to_keep:
            self.path_manager.rm(self.recent_checkpoints.pop(0))


class LossNormalizers:
    """The running normalisers of RetinaNet's and FCOS's losses, which are no tensors of theirs."""

    NAME = "loss_normalizer"

    def __init__(self, model: nn.Module):
        self.modules = dict(model.named_modules())

    def state_dict(self) -> dict[str, float]:
        state = {}
        for name, module in self.modules.items():
            if hasattr(module, self.NAME):
                state[name] = float(getattr(module, self.NAME))
        return state

    def load_state_dict(self, state: dict[str, float]) -> None:
        for name, value in state.items():
            if name in self.modules:
                setattr(self.modules[name], self.NAME, value)
