"""The file palate.json of a model's folder: what the folder says of itself, sealed by a checksum."""

import json
from collections.abc import Mapping, Sequence
from errno import ENOENT
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import xxhash
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from palate.errors import ArtifactError
from palate.system.files import previous_of

FORMAT = 1
FILES = ("palate.json", "weights.safetensors", "interactions.safetensors", "users.parquet", "items.parquet")
HEADER, WEIGHTS, INTERACTIONS, USERS, ITEMS = FILES
LARGEST_HEADER = 64 * 2**20
"""Bytes; a history of a million epochs fits."""

UNSEALED = "0" * 32
"""What stands for the header's own checksum while that is computed."""

Record = Mapping[str, int | float]
Rows = Annotated[int, Field(ge=1, lt=2**31)]
Checksum = Annotated[str, Field(pattern="^[0-9a-f]{32}$")]


class Strict(BaseModel):
    """Nothing missing, nothing unknown, nothing taken for what it is not."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Training(Strict):
    """How a model came to be, and how good it was found."""

    preset: str | None = None
    seed: int = Field(0, ge=0)
    split: dict[str, str | float] = Field(default_factory=dict)
    history: Sequence[Record] = Field(default_factory=list)
    """A record per epoch, without durations."""
    metrics: Record = Field(default_factory=dict)
    """Of the test part, read once."""
    baselines: Mapping[str, Record] = Field(default_factory=dict)
    """The same of simpler models, on the same test part."""
    half_widths: dict[float, float] = Field(default_factory=dict)
    """{level: how far an interval reaches to either side of a predicted rating}, in spreads of a model that knows
    them: see `evaluation/intervals.py`."""
    refitted: bool = False
    """Whether it was trained again on training and validation part, after validation had chosen what there is to."""
    notes: list[str] = Field(default_factory=list)
    """What the reading took and left out, and how the model was found where Palate chose it."""


class Header(Strict):
    """The file palate.json."""

    format: int = Field(ge=1)
    versions: dict[str, str]
    model: str
    config: dict[str, Any]
    n_users: Rows
    n_items: Rows
    fingerprint: str
    training: Training
    checksums: dict[str, Checksum]
    """Of each file, this one among them."""


def read_header(path: Path) -> Header:
    """What the folder says of itself, without opening the rest.

    Raises:
        ArtifactError: it is no artifact, or of a newer format.
    """
    file = path / HEADER
    try:
        if size(file) > LARGEST_HEADER:
            raise ArtifactError(f"{file} is larger than {LARGEST_HEADER} bytes: it is no Palate model")
        text = file.read_bytes().decode()
        found = json.loads(text)
        if not isinstance(found, dict) or not isinstance(found.get("format"), int):
            raise ArtifactError(f"{path} is no Palate model: {HEADER} has no format number")
        if found["format"] > FORMAT:
            raise ArtifactError(f"{path} has format {found['format']}, newer than {FORMAT}: upgrade palate to open it")
        header = Header.model_validate_json(text)
        if header.checksums.keys() != set(FILES) or sealed(text.replace(header.checksums[HEADER], UNSEALED)) != text:
            raise ValueError("it is not as it was written")
        return header
    except ArtifactError:
        raise
    except (FileNotFoundError, NotADirectoryError):
        if not path.exists() and (previous_of(path) / HEADER).is_file():
            raise ArtifactError(
                f"{path} was being replaced when something stopped: rename {previous_of(path)} to it"
            ) from None
        what = f"has no {HEADER}: it is no Palate model" if path.exists() else "does not exist"
        raise ArtifactError(f"{path} {what}; make one with palate train") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))[:100]
        raise ArtifactError(f"{path} is damaged: {HEADER}: {place} {first['msg']}") from error
    except (ValueError, RecursionError) as error:
        raise ArtifactError(f"{path} is damaged: {HEADER}: {in_short(error)}") from error
    except OSError as error:
        raise ArtifactError(f"{path} can't be opened: {error.strerror}") from error


def in_short(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]


def size(file: Path) -> int:
    """Bytes. Only a plain file has any: to open a pipe would be to wait for it."""
    if not file.is_file():
        raise FileNotFoundError(ENOENT, "no such file", str(file))
    return file.stat().st_size


def sealed(text: str) -> str:
    """The header's text with its own checksum in it, in place of `UNSEALED`."""
    return text.replace(UNSEALED, xxhash.xxh3_128_hexdigest(text.encode()))


def checksum(file: Path) -> str:
    """XXH3: against damage, not against an enemy, whom nothing here gives code to run. Mapped, so at memory's speed."""
    return xxhash.xxh3_128_hexdigest(np.memmap(file, mode="r").data if size(file) else b"")
