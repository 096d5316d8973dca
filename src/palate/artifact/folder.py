"""A trained model as one folder: JSON, safetensors and Parquet, never pickle. No code in it is ever run.

    palate.json               the header: format, versions, model, settings, data, split, history, metrics, checksums
    weights.safetensors       the model's parameters and buffers
    interactions.safetensors  every event as rows, with its part of the split
    users.parquet             the users' ids, by row
    items.parquet             the items' ids, titles, texts, categories and positions on the map, by row

The folder opens without the training data. It holds no times of day and no durations: the same run gives the same
bytes. Big files are mapped into memory, not read.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, numpy
from safetensors.torch import load_file, save_file
from torch import Tensor

from palate.artifact.header import (
    FILES,
    FORMAT,
    HEADER,
    INTERACTIONS,
    ITEMS,
    UNSEALED,
    USERS,
    WEIGHTS,
    Header,
    Training,
    checksum,
    in_short,
    read_header,
    sealed,
)
from palate.data.catalogue import SCHEMA, Catalogue
from palate.data.interactions import Interactions
from palate.data.split import KNOWN, TEST, Split
from palate.data.vocabulary import Vocabulary
from palate.errors import ArtifactError, OutputError, either
from palate.models import MODELS, name_of
from palate.models.contract import Model
from palate.system.files import check_writable, folder_written_beside

ALIGNMENT = 64
"""Bytes; torch puts tensors at multiples of it."""

USER_COLUMNS = {"id": None}
ITEM_COLUMNS = {"id": None, **SCHEMA}
"""Columns of the Parquet files, in order; ids have one of `ID_TYPES`."""

PLACES: dict[str, pl.DataType] = {"x": pl.Float32(), "y": pl.Float32()}
"""Further columns of items.parquet if the model has a map (see `item_map.py`); null for items off the map."""

ID_TYPES = (pl.Int64(), pl.UInt64(), pl.String())


@dataclass(frozen=True, eq=False)
class Artifact:
    """The contents of the folder."""

    model: Model
    split: Split
    training: Training
    places: NDArray[np.float32] | None = None
    """(n_items, 2), the position of each item on the map, NaN for items off it; None without a map."""


def check_place(path: Path) -> None:
    """Raise OutputError where `write` would: path can't be written, or is something else than a Palate model."""
    check_writable(path)
    if path.exists() and not (path / HEADER).is_file():
        raise OutputError(f"{path} exists and is not a Palate model: it is left as it is; choose another name")


def write(path: Path, artifact: Artifact) -> None:
    """Write the folder to a temporary path, then rename it: an old model is replaced only by a whole new one.

    Raises:
        OutputError: path can't be written, or is something else than a Palate model.
    """
    check_place(path)
    model, table = artifact.model, artifact.split.table
    with folder_written_beside(path) as folder:
        weights = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
        save_file(weights, folder / WEIGHTS)
        numpy.save_file(_columns(artifact.split), folder / INTERACTIONS)
        table.user_ids.ids.alias("id").to_frame().write_parquet(folder / USERS)
        _items_frame(table, artifact.places).write_parquet(folder / ITEMS)
        for name in (WEIGHTS, INTERACTIONS):
            (folder / name).chmod((folder / USERS).stat().st_mode)  # safetensors lets the owner alone read them
        header = Header(
            format=FORMAT,
            versions={name: version(name) for name in ("palate", "torch", "numpy", "polars", "safetensors")},
            model=name_of(type(model)),
            config=model.config.model_dump(mode="json"),
            n_users=model.n_users,
            n_items=model.n_items,
            fingerprint=table.fingerprint,
            training=artifact.training,
            checksums={HEADER: UNSEALED} | {name: checksum(folder / name) for name in FILES[1:]},
        )
        text = json.dumps(header.model_dump(mode="json"), indent=1, ensure_ascii=False)
        (folder / HEADER).write_bytes(sealed(f"{text}\n").encode())


def read(path: Path, own_model: type[Model] | None = None) -> Artifact:
    """Open the folder. own_model: the class of a model that is not one of Palate's; no code is found by an artifact.

    Raises:
        ArtifactError: the folder is missing, corrupt, truncated, foreign, half-written, or of a newer format.
    """
    header = read_header(path)
    try:
        for name in FILES[1:]:
            if header.checksums[name] != checksum(path / name):
                raise ArtifactError(f"{path} is damaged: {name} is not as it was written; train the model again")
        frame = _frame(path / ITEMS, ITEM_COLUMNS, header.n_items, PLACES)
        model, split = _model(path, header, own_model), _split(path, header, frame)
        if model.NEEDS_RATINGS and split.table.ratings is None:
            raise ValueError(f"model {header.model} needs ratings, and {INTERACTIONS} has none")
        return Artifact(model, split, header.training, _places(frame))
    except ArtifactError:
        raise
    except FileNotFoundError as error:
        raise ArtifactError(f"{path} is incomplete: {Path(str(error.filename)).name} is missing") from error
    except (*DAMAGE, OSError) as error:
        raise ArtifactError(f"{path} is damaged: {in_short(error)}") from error


DAMAGE = (
    ValueError,
    TypeError,
    LookupError,
    RuntimeError,
    OverflowError,
    SafetensorError,
    pl.exceptions.PolarsError,
    pl.exceptions.PanicException,
)
"""Errors that the libraries raise at bytes they can't read."""


def _columns(split: Split) -> dict[str, NDArray[Any]]:
    table = split.table
    columns: dict[str, NDArray[Any]] = {"users": table.users, "items": table.items, "part": split.part}
    if table.ratings is not None:
        columns["ratings"] = table.ratings
    if table.times is not None:
        columns["times"] = table.times
    return {name: np.ascontiguousarray(column) for name, column in columns.items()}


def _class_of(path: Path, header: Header, own_model: type[Model] | None) -> type[Model]:
    """Return the class of the saved model: Palate's, that of an installed package, or the one that is given.

    A given class may have moved to another module since the training; its name is the same.
    """
    cls = MODELS.get(header.model)
    if cls is not None:
        return cls
    if own_model is None:
        named = either("palate.load(path, model=YourModel)", "--model-class package.module:Class")
        raise ArtifactError(
            f"{path} holds a model {header.model!r}, which is not one of Palate's: {', '.join(MODELS)}; name the class "
            f"of your own: {named}"
        )
    if own_model.__qualname__ != header.model.rpartition(":")[2]:
        raise ArtifactError(f"{path} holds a model {header.model!r}, and not {name_of(own_model)!r}")
    return own_model


def _model(path: Path, header: Header, own_model: type[Model] | None) -> Model:
    cls = _class_of(path, header, own_model)
    config = cls.Config.model_validate(header.config)
    weights = {name: _aligned(value) for name, value in load_file(path / WEIGHTS).items()}
    with torch.device("meta"):  # no memory is allocated before the sizes are checked
        model = cls(config, header.n_users, header.n_items)
    for name, expected in model.state_dict().items():
        weight = weights.get(name)
        shape = tuple(expected.shape)
        if name in model.sized_by_data and weight is not None and weight.ndim == len(shape):
            shape = (len(weight), *shape[1:])
        if weight is None or weight.shape != shape or weight.dtype != expected.dtype:
            raise ValueError(f"weight {name} should be {shape} {expected.dtype}")
        if weight.is_floating_point() and not weight.isfinite().all():
            raise ValueError(f"weight {name} is not finite")
    model.load_state_dict(weights, strict=True, assign=True)
    return model.eval()


def _aligned(weight: Tensor) -> Tensor:
    """Return the weight at an aligned address, as it was in training: in a file it may lie elsewhere, and products of
    unaligned numbers round differently."""
    return weight if weight.data_ptr() % ALIGNMENT == 0 else weight.clone()


def _split(path: Path, header: Header, frame: pl.DataFrame) -> Split:
    columns = {name: value.numpy() for name, value in load_file(path / INTERACTIONS).items()}
    expected = {"users": "int32", "items": "int32", "part": "uint8", "ratings": "float32", "times": "float64"}
    if not {"users", "items", "part"} <= columns.keys() <= expected.keys():
        raise ValueError(f"{INTERACTIONS} has the columns {', '.join(columns)}")
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
        and part.max() <= KNOWN
        and part.min() < TEST  # some event is for training
        and all(np.isfinite(columns[name]).all() for name in ("ratings", "times") if name in columns)
    )
    if not in_bounds:
        raise ValueError(f"{INTERACTIONS} has rows out of order or out of bounds")
    user_ids = _vocabulary("user", _frame(path / USERS, USER_COLUMNS, header.n_users))
    item_ids, catalogue = _vocabulary("item", frame), Catalogue(frame.select(*SCHEMA))
    table = Interactions(users, items, columns.get("ratings"), columns.get("times"), user_ids, item_ids, catalogue)
    return Split(table, part, refitted=header.training.refitted)


def _items_frame(table: Interactions, places: NDArray[np.float32] | None) -> pl.DataFrame:
    """Return the items as items.parquet has them."""
    frame = table.catalogue.frame.select(table.item_ids.ids.alias("id"), *SCHEMA)
    if places is None:
        return frame
    return frame.hstack(pl.from_numpy(places, schema=PLACES).fill_nan(None))


def _places(frame: pl.DataFrame) -> NDArray[np.float32] | None:
    """Return the items' positions on the map from the frame of items.parquet."""
    if "x" not in frame.columns:
        return None
    places = frame.select(*PLACES)
    inside = places.select(pl.all().is_between(-1, 1).all()).row(0) == (True, True)
    if not inside or (places["x"].is_null() != places["y"].is_null()).any():
        raise ValueError(f"{ITEMS} has places off the map: x and y must be from -1 to 1, or both null")
    return places.fill_null(np.nan).to_numpy()


def _frame(
    file: Path, columns: Mapping[str, pl.DataType | None], n: int, optional: Mapping[str, pl.DataType] | None = None
) -> pl.DataFrame:
    """Read the file's n rows, with these columns, and perhaps the optional ones after them."""
    lazy = pl.scan_parquet(file, glob=False, hive_partitioning=False)  # no sign in a path is a pattern
    schema = lazy.collect_schema()
    expected = {name: schema.get(name) if dtype is None else dtype for name, dtype in columns.items()}
    if optional and len(schema) > len(expected):
        expected |= optional
    if list(schema.items()) != list(expected.items()) or schema["id"] not in ID_TYPES:
        raise ValueError(f"{file.name} has the columns {dict(schema)}")
    if lazy.select(pl.len()).collect().item() != n:  # from the file's footer, before memory is allocated
        raise ValueError(f"{file.name} should have {n} rows")
    return lazy.collect()


def _vocabulary(kind: Literal["user", "item"], frame: pl.DataFrame) -> Vocabulary:
    ids = frame["id"]
    if ids.null_count() or not bool((ids[1:] > ids[:-1]).all()):
        raise ValueError(f"the {kind} ids are out of order")
    return Vocabulary(kind, ids)
