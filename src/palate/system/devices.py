"""The device that the arithmetic runs on."""

import torch

from palate.errors import OptionError


def pick(name: str = "auto") -> torch.device:
    """Return the device of that name; "auto" is the first of cuda, mps (Apple) and cpu that this machine has.

    Raises:
        OptionError: the name is no device, or this machine has no such device.
    """
    counts = {"cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available()), "cpu": 1}
    present = [kind for kind, count in counts.items() if count]
    if name == "auto":
        return torch.device(present[0])
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise OptionError(f"device is {name!r}: it must be auto, cpu, cuda, cuda:0 or mps") from error
    if (device.index or 0) >= counts.get(device.type, 0):
        raise OptionError(f"device {name!r} is not on this machine: choose from auto, {', '.join(present)}")
    return device
