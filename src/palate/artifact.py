"""A trained model as one folder: JSON, safetensors and Parquet, never pickle, and nothing in it is ever run.

    palate.json               what it is: format, versions, model, settings, data, split, history, metrics, checksums
    weights.safetensors       the model's parameters and buffers
    interactions.safetensors  every event as rows, and the part of the split it was in
    users.parquet             the users' ids, by row
    items.parquet             the items' ids, titles, texts and categories, by row

It opens without the data it was trained on, and holds no times of day and no durations: the same run gives the same
bytes. Big files are mapped into memory, not read.
"""

import json
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
import xxhash
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError, numpy
from safetensors.torch import load_file, save_file

from palate.data.catalogue import SCHEMA, Catalogue
from palate.data.interactions import Interactions
from palate.data.split import TEST, Split
from palate.data.vocabulary import Vocabulary
from palate.errors import ArtifactError, OutputError
from palate.files import folder_written_beside
from palate.models import MODELS, name_of
from palate.models.contract import Model

FORMAT = 1
HEADER, WEIGHTS, INTERACTIONS, USERS, ITEMS = (
    "palate.json",
    "weights.safetensors",
    "interactions.safetensors",
    "users.parquet",
    "items.parquet",
)
LARGEST_HEADER = 64 * 2**20
"""Bytes; a history of a million epochs fits."""

Metrics = dict[str, float]


class Strict(BaseModel):
    """Nothing missing, nothing unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Training(Strict):
    """How a model came to be, and how good it was found."""

    preset: str | None = None
    seed: int = 0
    split: dict[str, str | float] = Field(default_factory=dict)
    history: list[Metrics] = Field(default_factory=list)
    """A record per epoch, without durations."""
    metrics: Metrics = Field(default_factory=dict)
    """Of the test part, read once."""
    baselines: dict[str, Metrics] = Field(default_factory=dict)
    """The same of simpler models, on the same test part."""
    notes: list[str] = Field(default_factory=list)
    """What the reading took and left out."""


class Header(Strict):
    """The file palate.json."""

    format: int
    versions: dict[str, str]
    model: str
    config: dict[str, Any]
    n_users: int = Field(ge=1)
    n_items: int = Field(ge=1)
    fingerprint: str
    training: Training
    checksums: dict[str, str]


@dataclass(frozen=True, eq=False)
class Artifact:
    """What the folder holds."""

    model: Model
    split: Split
    training: Training


def write(path: Path, artifact: Artifact) -> None:
    """Write the folder, beside and renamed; one that is already there is replaced only by a whole new one.

    Raises:
        OutputError: the place can't be written, or holds something that is no artifact.
    """
    if path.exists() and not (path / HEADER).is_file():
        raise OutputError(f"{path} exists and is not a Palate model: it is left as it is, choose another name")
    model, table = artifact.model, artifact.split.table
    with folder_written_beside(path) as folder:
        weights = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
        save_file(weights, folder / WEIGHTS)
        numpy.save_file(_columns(artifact.split), folder / INTERACTIONS)
        table.user_ids.ids.alias("id").to_frame().write_parquet(folder / USERS)
        table.catalogue.frame.insert_column(0, table.item_ids.ids.alias("id")).write_parquet(folder / ITEMS)
        header = Header(
            format=FORMAT,
            versions={name: version(name) for name in ("palate", "torch", "numpy", "polars", "safetensors")},
            model=name_of(type(model)),
            config=model.config.model_dump(mode="json"),
            n_users=model.n_users,
            n_items=model.n_items,
            fingerprint=table.fingerprint,
            training=artifact.training,
            checksums={name: _checksum(folder / name) for name in (WEIGHTS, INTERACTIONS, USERS, ITEMS)},
        )
        text = json.dumps(header.model_dump(mode="json"), indent=1, ensure_ascii=False)
        (folder / HEADER).write_text(text + "\n", encoding="utf-8")


def read(path: Path, outside: type[Model] | None = None) -> Artifact:
    """Open the folder. `outside` is the class of a model that is not Palate's own: an artifact can't bring code.

    Raises:
        ArtifactError: the folder is missing, corrupt, truncated, foreign, half-written, or of a newer format.
    """
    header = read_header(path)
    try:
        for name in (WEIGHTS, INTERACTIONS, USERS, ITEMS):
            if header.checksums.get(name) != _checksum(path / name):
                raise ArtifactError(f"{path} is damaged: {name} is not as it was written; train it again")
        model = _model(path, header, outside)
        return Artifact(model, _split(path, header), header.training)
    except ArtifactError:
        raise
    except FileNotFoundError as error:
        raise ArtifactError(f"{path} is incomplete: {Path(str(error.filename)).name} is missing") from error
    except (*DAMAGE, OSError) as error:
        raise ArtifactError(f"{path} is damaged: {' '.join(str(error).split())[:200]}") from error


DAMAGE = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    RuntimeError,
    OverflowError,
    SafetensorError,
    pl.exceptions.PolarsError,
    pl.exceptions.PanicException,
)
"""What the libraries beneath raise at bytes they can't make sense of."""


def read_header(path: Path) -> Header:
    """What the folder says of itself, without opening the rest.

    Raises:
        ArtifactError: it is no artifact, or of a newer format.
    """
    file = path / HEADER
    previous = path.with_name(f"{path.name}.previous")
    try:
        if file.stat().st_size > LARGEST_HEADER:
            raise ArtifactError(f"{file} is larger than {LARGEST_HEADER} bytes: it is no Palate model")
        found = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(found, dict) or not isinstance(found.get("format"), int):
            raise ArtifactError(f"{path} is no Palate model: {HEADER} has no format number")
        if found["format"] > FORMAT:
            raise ArtifactError(f"{path} has format {found['format']}, newer than {FORMAT}: upgrade palate to open it")
        return Header.model_validate(found)
    except (FileNotFoundError, NotADirectoryError):
        if not path.exists() and (previous / HEADER).is_file():
            raise ArtifactError(f"{path} was being replaced when something stopped: rename {previous} to it") from None
        what = f"has no {HEADER}: it is no Palate model" if path.exists() else "does not exist"
        raise ArtifactError(f"{path} {what}; make one with palate train") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise ArtifactError(f"{path} is damaged: {HEADER} has {place}: {first['msg']}") from error
    except (ValueError, RecursionError, OSError) as error:
        raise ArtifactError(f"{path} is damaged: {HEADER}: {' '.join(str(error).split())[:200]}") from error


def _checksum(file: Path) -> str:
    """XXH3: against damage, not against an enemy, whom nothing here gives code to run. Mapped, so at memory's speed."""
    return xxhash.xxh3_128_hexdigest(np.memmap(file, mode="r").data)


def _columns(split: Split) -> dict[str, NDArray[Any]]:
    table = split.table
    columns: dict[str, NDArray[Any]] = {"users": table.users, "items": table.items, "part": split.part}
    if table.ratings is not None:
        columns["ratings"] = table.ratings
    if table.times is not None:
        columns["times"] = table.times
    return {name: np.ascontiguousarray(column) for name, column in columns.items()}


def _model(path: Path, header: Header, outside: type[Model] | None) -> Model:
    cls = MODELS.get(header.model)
    if outside is not None and name_of(outside) == header.model:
        cls = outside
    if cls is None:
        raise ArtifactError(
            f"{path} holds a model {header.model!r}, which is not one of Palate's: {', '.join(MODELS)}; for your own, "
            "palate.load(path, outside=YourModel)"
        )
    config = cls.Config.model_validate(header.config)
    weights = load_file(path / WEIGHTS)
    with torch.device("meta"):  # no memory is taken on the header's word
        model = cls(config, header.n_users, header.n_items)
    for name, expected in model.state_dict().items():
        found = weights.get(name)
        if found is None or found.shape != expected.shape or found.dtype != expected.dtype:
            raise ValueError(f"weight {name} should be {tuple(expected.shape)} {expected.dtype}")
        if found.is_floating_point() and not found.isfinite().all():
            raise ValueError(f"weight {name} is not finite")
    model.load_state_dict(weights, strict=True, assign=True)
    return model.eval()


def _split(path: Path, header: Header) -> Split:
    columns = {name: value.numpy() for name, value in load_file(path / INTERACTIONS).items()}
    expected = {"users": "int32", "items": "int32", "part": "uint8", "ratings": "float32", "times": "float64"}
    n = len(columns["users"])
    for name, column in columns.items():
        if column.dtype != expected[name] or column.shape != (n,):
            raise ValueError(f"column {name} should be ({n},) {expected[name]}")
    users, items, part = columns["users"], columns["items"], columns["part"]
    in_bounds = (
        n > 0
        and users[0] >= 0
        and users[-1] < header.n_users
        and bool((users[1:] >= users[:-1]).all())
        and items.min() >= 0
        and items.max() < header.n_items
        and part.max() <= TEST
        and all(np.isfinite(columns[name]).all() for name in ("ratings", "times") if name in columns)
    )
    if not in_bounds:
        raise ValueError(f"{INTERACTIONS} has rows out of order or out of bounds")
    user_ids = _vocabulary(path / USERS, "user", header.n_users)
    frame = pl.read_parquet(path / ITEMS)
    item_ids = _vocabulary(path / ITEMS, "item", header.n_items)
    catalogue = Catalogue(frame.drop("id").cast(SCHEMA).select(list(SCHEMA)))  # type: ignore[arg-type]
    table = Interactions(users, items, columns.get("ratings"), columns.get("times"), user_ids, item_ids, catalogue)
    return Split(table, part)


def _vocabulary(file: Path, kind: str, n: int) -> Vocabulary:
    ids = pl.read_parquet(file, columns=["id"])["id"]
    if ids.dtype not in (pl.Int64, pl.UInt64, pl.String) or len(ids) != n or ids.null_count():
        raise ValueError(f"{file.name} should hold {n} ids")
    if n > 1 and not bool((ids[1:] > ids[:-1]).all()):
        raise ValueError(f"{file.name} has ids out of order")
    return Vocabulary("user" if kind == "user" else "item", ids)
