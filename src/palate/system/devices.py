"""Where the arithmetic runs."""

import torch

from palate.errors import OptionError


def pick(name: str = "auto") -> torch.device:
    """`auto` is the first there is of cuda, mps (Apple) and cpu.

    Raises:
        OptionError: the device asked for is unknown, or not on this machine.
    """
    counts = {"cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available()), "cpu": 1}
    there = [kind for kind, count in counts.items() if count]
    if name == "auto":
        return torch.device(there[0])
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise OptionError(f"device {name!r} is not one: try auto, cpu, cuda, cuda:0 or mps") from error
    if (device.index or 0) >= counts.get(device.type, 0):
        raise OptionError(f"device {name!r} is not on this machine: there is {', '.join(there)}")
    return device
