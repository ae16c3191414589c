"""Where trees can grow: whether there is a GPU, and an XGBoost that can use it.

Here: asking the machine, once, before anything runs. Not here: the setting that asks for a GPU (``settings``), growing (``propensity.trees``).
"""

from __future__ import annotations

import ctypes
import sys

DRIVER = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"


def gpus(driver: str = DRIVER) -> int:
    """How many GPUs NVIDIA's driver shows to this process (CUDA_VISIBLE_DEVICES counts); 0 without a driver."""
    try:
        cuda = ctypes.CDLL(driver)
    except OSError:
        return 0
    found = ctypes.c_int(0)
    is_told = cuda.cuInit(0) == 0 and cuda.cuDeviceGetCount(ctypes.byref(found)) == 0
    return found.value if is_told else 0


def without_gpu(driver: str = DRIVER) -> tuple[str, str] | None:
    """Why no GPU can be used, and what to do about it; None where one can."""
    if not gpus(driver):
        return "no driver of NVIDIA's shows a GPU here", "write cpu, or run where nvidia-smi lists a GPU"
    import xgboost as xgb  # deferred: a second to import, and only where there is a GPU to use

    if not xgb.build_info().get("USE_CUDA"):
        return "the installed xgboost-cpu cannot use a GPU", "install xgboost in place of xgboost-cpu, or write cpu"
    return None
