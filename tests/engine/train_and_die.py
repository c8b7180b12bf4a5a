"""tools/train_net.py that logs every loss and may be killed in the middle of a checkpoint.

Usage: train_and_die.py LOSSES.jsonl KILL_AT <arguments of train_net.py>; KILL_AT -1 for never.
"""

import json
import os
import runpy
import signal
import sys
from pathlib import Path

import torch

from audiodet.engine.trainer import Trainer

log, kill_at = open(sys.argv[1], "a", encoding="utf-8"), int(sys.argv[2])
train_net = str(Path(__file__).resolve().parents[2] / "tools" / "train_net.py")
whole_save, silent_step = torch.save, Trainer.run_step


def run_step(self):
    silent_step(self)
    loss = self.storage.history("total_loss").latest()
    print(json.dumps([self.iter, loss]), file=log, flush=True)


def save(data, path):
    whole_save(data, path)
    if data["iteration"] == kill_at:
        os.truncate(path, os.path.getsize(path) // 2)
        os.kill(os.getpid(), signal.SIGKILL)


Trainer.run_step, torch.save = run_step, save
sys.argv = [train_net, *sys.argv[3:]]
if __name__ == "__main__":
    runpy.run_path(train_net, run_name="__main__")
