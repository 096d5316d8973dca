"""The header of a saved model, palate.json: it describes the folder and has checksums of every file, its own too."""

import json
from collections.abc import Mapping, Sequence
from errno import ENOENT
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import xxhash
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from palate.errors import ArtifactError
from palate.models.registry import current_name
from palate.system.files import previous_of

FORMAT = 1
FILES = ("palate.json", "weights.safetensors", "interactions.safetensors", "users.parquet", "items.parquet")
HEADER, WEIGHTS, INTERACTIONS, USERS, ITEMS = FILES
LARGEST_HEADER = 64 * 2**20
"""Bytes; the history of a million epochs fits."""

UNSEALED = "0" * 32
"""Stands for the header's own checksum while it is computed."""

Record = Mapping[str, int | float]
Rows = Annotated[int, Field(ge=1, lt=2**31)]
Checksum = Annotated[str, Field(pattern="^[0-9a-f]{32}$")]


class Strict(BaseModel):
    """A record without missing fields, unknown fields or conversions of types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Training(Strict):
    """The record of a training: its options, history, metrics and notes."""

    preset: str | None = None
    seed: int = Field(0, ge=0)
    split: dict[str, str | float] = Field(default_factory=dict)
    history: Sequence[Record] = Field(default_factory=list)
    """One record per epoch, without durations."""
    metrics: Record = Field(default_factory=dict)
    """Metrics of the test part, which is read once."""
    baselines: Mapping[str, Record] = Field(default_factory=dict)
    """Metrics of simpler models on the same test part."""
    half_widths: dict[float, float] = Field(default_factory=dict)
    """{level: half width of the interval around a predicted rating}, in spreads for a model that knows them: see
    `evaluation/intervals.py`."""
    refitted: bool = False
    """True if the model was trained again on the training and validation parts together (refit)."""
    notes: list[str] = Field(default_factory=list)
    """Notes of the table's reading, and of the search if Palate chose the model."""


class Header(Strict):
    """The contents of palate.json."""

    format: int = Field(ge=1)
    versions: dict[str, str]
    model: Annotated[str, AfterValidator(current_name)]
    config: dict[str, Any]
    n_users: Rows
    n_items: Rows
    fingerprint: str
    training: Training
    checksums: dict[str, Checksum]
    """XXH3 checksum of each file, this one too."""


def read_header(path: Path) -> Header:
    """Read the header of a saved model, without opening the other files.

    Raises:
        ArtifactError: the folder is no Palate model, is damaged, or is of a newer format.
    """
    file = path / HEADER
    try:
        if size(file) > LARGEST_HEADER:
            raise ArtifactError(f"{file} is larger than {LARGEST_HEADER} bytes: it is no Palate model")
        text = file.read_bytes().decode()
        fields = json.loads(text)
        if not isinstance(fields, dict) or not isinstance(fields.get("format"), int):
            raise ArtifactError(f"{path} is no Palate model: {HEADER} has no format number")
        if fields["format"] > FORMAT:
            raise ArtifactError(f"{path} has format {fields['format']}, newer than {FORMAT}: upgrade palate to open it")
        header = Header.model_validate_json(text)
        if header.checksums.keys() != set(FILES) or sealed(text.replace(header.checksums[HEADER], UNSEALED)) != text:
            raise ValueError("it is not as it was written")
        return header
    except ArtifactError:
        raise
    except (FileNotFoundError, NotADirectoryError):
        if not path.exists() and (previous_of(path) / HEADER).is_file():
            raise ArtifactError(
                f"{path} was being replaced when the program stopped: rename {previous_of(path)} to it"
            ) from None
        problem = f"has no {HEADER}: it is no Palate model" if path.exists() else "does not exist"
        raise ArtifactError(f"{path} {problem}; make one with palate train") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))[:100]
        raise ArtifactError(f"{path} is damaged: {HEADER}: {place} {first['msg']}") from error
    except (ValueError, RecursionError) as error:
        raise ArtifactError(f"{path} is damaged: {HEADER}: {in_short(error)}") from error
    except OSError as error:
        raise ArtifactError(f"{path} can't be opened: {error.strerror}") from error


def in_short(error: BaseException) -> str:
    """Return an error's message in one line of at most 200 characters."""
    return " ".join(str(error).split())[:200]


def size(file: Path) -> int:
    """Return a plain file's size in bytes; anything else counts as missing, since opening a pipe would wait forever."""
    if not file.is_file():
        raise FileNotFoundError(ENOENT, "no such file", str(file))
    return file.stat().st_size


def sealed(text: str) -> str:
    """Return the header's text with its own checksum in place of `UNSEALED`."""
    return text.replace(UNSEALED, xxhash.xxh3_128_hexdigest(text.encode()))


def checksum(file: Path) -> str:
    """Return the XXH3 checksum of a file, which is mapped into memory. It shows damage, not attacks."""
    return xxhash.xxh3_128_hexdigest(np.memmap(file, mode="r").data if size(file) else b"")
