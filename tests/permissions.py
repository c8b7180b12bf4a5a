"""Programs that are stopped by a file's permissions, even when root runs the tests."""

import ctypes
import os

LIBC = ctypes.CDLL(None, use_errno=True)
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 24, 1, 2  # <linux/prctl.h>, capability.h


def obey_permissions():
    """Take root's right to read and write everything from the program that begins next.

    A capability that is dropped from the bounding set is lost with the next execve(2).
    """
    if os.geteuid() == 0:
        for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
            if LIBC.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0):
                raise OSError(ctypes.get_errno(), "prctl(PR_CAPBSET_DROP)")
