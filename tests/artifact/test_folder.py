import dataclasses
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
import xxhash
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import numpy as safe_numpy
from safetensors.torch import load_file, save_file

import palate
from palate.artifact import folder as artifact
from palate.artifact import header
from palate.artifact.header import FILES, HEADER, INTERACTIONS, ITEMS, USERS, WEIGHTS
from palate.errors import ArtifactError, OutputError, PalateError
from palate.models import MODELS, current_name, name_of
from tests import trained
from tests.names import EVERY_MODEL

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good folder, to be copied before it is harmed."""
    path = tmp_path_factory.mktemp("saved") / "m.palate"
    trained.train(output=path, baselines=())
    return path


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "m.palate"))


def reseal(folder: Path) -> None:
    """Make every checksum right, as one who means harm would."""
    header = json.loads((folder / HEADER).read_bytes())
    for name in FILES[1:]:
        if (folder / name).is_file():
            header["checksums"][name] = xxhash.xxh3_128_hexdigest((folder / name).read_bytes())
    header["checksums"][HEADER] = "0" * 32
    text = json.dumps(header)
    sealed = text.replace("0" * 32, xxhash.xxh3_128_hexdigest(text.encode()))
    (folder / HEADER).write_bytes(sealed.encode())


def rewrite_header(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    header = json.loads((folder / HEADER).read_bytes())
    change(header)
    (folder / HEADER).write_text(json.dumps(header))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def in_one_line(error: Exception) -> str:
    assert "\n" not in str(error)
    return str(error)


def refused(folder: Path) -> str:
    """The one line that the folder is refused with."""
    with pytest.raises(ArtifactError) as caught:
        palate.load(folder)
    message = in_one_line(caught.value)
    assert len(message) < 600
    assert str(folder) in message
    return message


@pytest.mark.parametrize("model", MODELS)
def test_opened_again_it_answers_as_before(model: str, tmp_path: Path) -> None:
    before = trained.train(model).recommender
    before.save(tmp_path / "m.palate")
    after = palate.load(tmp_path / "m.palate")
    assert after.training == before.training
    assert type(after.model) is MODELS[model]
    assert after.model.config == before.model.config
    assert after.table.fingerprint == before.table.fingerprint
    assert after.split.hash == before.split.hash == after.training.split["hash"]
    assert after.table.catalogue.frame.equals(before.table.catalogue.frame)
    for user in (1, 7, 30):
        assert after.recommend(user) == before.recommend(user)
    assert after.recommend(ratings={101: 5, 102: 1}) == before.recommend(ratings={101: 5, 102: 1})
    assert after.evaluate() == before.evaluate() == before.training.metrics
    if before.predicts_ratings:
        assert after.predict(3, [101, 102, 103]) == before.predict(3, [101, 102, 103])


def test_numbers_of_the_record_stay_what_they_were(saved: Path) -> None:
    history = palate.load(saved).training.history
    assert [repr(record["epoch"]) for record in history] == ["1", "2", "3"]
    assert set(history[0]) == {"epoch", "train_loss", "validation_loss"}, "durations would differ from run to run"


@pytest.mark.parametrize("model", MODELS)
def test_data_without_ratings_or_times(model: str, tmp_path: Path) -> None:
    frame = trained.ratings().drop("timestamp")
    if not MODELS[model].NEEDS_RATINGS:
        frame = frame.drop("rating")
    before = trained.train(model, frame).recommender
    before.save(tmp_path / "m.palate")
    after = palate.load(tmp_path / "m.palate")
    assert after.table.times is None
    assert (after.table.ratings is None) == (before.table.ratings is None)
    assert after.table.fingerprint == before.table.fingerprint
    assert after.recommend(1) == before.recommend(1)


@pytest.mark.parametrize("model", MODELS)
def test_the_same_run_gives_the_same_bytes(model: str, tmp_path: Path) -> None:
    for name in ("a", "b"):
        trained.train(model, output=tmp_path / name)
    for name in FILES:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name
    assert names(tmp_path / "a") == sorted(FILES)
    assert names(tmp_path) == ["a", "b"], "nothing else stays behind"


def test_another_seed_gives_other_bytes(saved: Path, tmp_path: Path) -> None:
    trained.train(output=tmp_path / "other", baselines=(), seed=1)
    for name in FILES[:3]:
        assert (tmp_path / "other" / name).read_bytes() != (saved / name).read_bytes(), name


def test_it_opens_without_the_data(tmp_path: Path) -> None:
    trained.ratings().write_csv(tmp_path / "r.csv")
    trained.train(source=tmp_path / "r.csv", output=tmp_path / "m.palate")
    (tmp_path / "r.csv").unlink()
    moved = (tmp_path / "m.palate").rename(tmp_path / "elsewhere")
    assert len(palate.load(moved).recommend(1, k=3)) == 3


def test_saving_twice_and_saving_what_was_opened(saved: Path, tmp_path: Path) -> None:
    opened = palate.load(saved)
    for name in ("a", "b"):
        opened.save(tmp_path / name)
        for file in FILES:
            assert (tmp_path / name / file).read_bytes() == (saved / file).read_bytes()
    assert opened.table.catalogue.frame.columns == ["title", "text", "categories"]


def test_whoever_may_read_the_folder_may_read_every_file(saved: Path) -> None:
    assert len({(saved / name).stat().st_mode for name in FILES}) == 1


# Places that hold no whole artifact.


def test_nothing_there(tmp_path: Path) -> None:
    assert refused(tmp_path / "m.palate") == f"{tmp_path / 'm.palate'} does not exist; make one with palate train"


def test_an_empty_or_a_foreign_folder_or_a_plain_file(tmp_path: Path) -> None:
    assert "it is no Palate model" in refused(tmp_path)
    (tmp_path / "notes.txt").write_text("hello")
    assert "it is no Palate model" in refused(tmp_path)
    assert "it is no Palate model" in refused(tmp_path / "notes.txt")
    (tmp_path / HEADER).write_text('{"name": "something else"}')
    assert "no format number" in refused(tmp_path)
    (tmp_path / HEADER).write_text("[1, 2]")
    assert "no format number" in refused(tmp_path)


def test_a_name_too_long_for_the_file_system(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="can't be opened: File name too long"):
        palate.load(tmp_path / ("x" * 300))


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_missing(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert name in refused(folder)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("rest", [0, 1, 0.5, -1])
def test_a_truncated_file(folder: Path, name: str, rest: float) -> None:
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: int(rest * len(content)) if 0 < rest < 1 else int(rest)])
    assert name in refused(folder)


@pytest.mark.parametrize("name", FILES)
def test_a_longer_file(folder: Path, name: str) -> None:
    with (folder / name).open("ab") as file:
        file.write(b"\n")
    assert name in refused(folder)


@pytest.mark.parametrize("name", FILES)
def test_any_flipped_byte_is_noticed(folder: Path, name: str) -> None:
    content = (folder / name).read_bytes()
    every = max(1, len(content) // 200)
    for at in range(0, len(content), every):
        harmed = bytearray(content)
        harmed[at] ^= 1 << (at % 8)
        (folder / name).write_bytes(harmed)
        refused(folder)
    (folder / name).write_bytes(content)
    assert palate.load(folder)


@pytest.mark.parametrize("name", FILES)
def test_files_that_are_folders_or_pipes(folder: Path, name: str) -> None:
    (folder / name).unlink()
    (folder / name).mkdir()
    refused(folder)
    (folder / name).rmdir()
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / name)  # to read it would wait for ever
        refused(folder)


def test_files_of_two_artifacts_mixed(folder: Path, tmp_path: Path) -> None:
    trained.train(output=tmp_path / "other", baselines=(), seed=1)
    shutil.copy(tmp_path / "other" / WEIGHTS, folder)
    assert refused(folder).endswith("weights.safetensors is not as it was written; train the model again")


def test_a_newer_format(folder: Path) -> None:
    rewrite_header(folder, lambda header: header.update(format=2, something="new"))
    assert refused(folder) == f"{folder} has format 2, newer than 1: upgrade palate to open it"


def test_half_written_it_stands_beside_and_is_not_opened(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.palate"
    whole = palate.load(saved)

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(safe_numpy, "save_file", die)
        patch.setattr(shutil, "rmtree", lambda *_, **__: None)  # killed, it would not clean up either
        with pytest.raises(KeyboardInterrupt):
            whole.save(path)
    [beside] = tmp_path.iterdir()
    assert beside.name.startswith(".m.palate.")
    assert beside.suffix == ".tmp"
    assert refused(path).endswith("does not exist; make one with palate train")
    assert "no palate.json" in refused(beside)
    whole.save(path)
    assert palate.load(path).recommend(1) == whole.recommend(1)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device"), RuntimeError("bug")])
@pytest.mark.parametrize("stage", ["save_file", "checksum", "replace"])
def test_when_writing_fails_the_old_one_stays(
    folder: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, stage: str
) -> None:
    other = trained.train(baselines=(), seed=1).recommender
    before = {name: (folder / name).read_bytes() for name in FILES}

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(Path if stage == "replace" else artifact, stage, fail)
    with pytest.raises(OutputError if isinstance(error, OSError) else type(error)) as caught:
        other.save(folder)
    if isinstance(error, OSError):
        assert str(caught.value) == f"can't write {folder}: No space left on device"
    assert {name: (folder / name).read_bytes() for name in FILES} == before
    assert names(folder.parent) == ["m.palate"], "nothing half-written stays"


def test_killed_between_two_renames_the_old_one_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = palate.load(folder), trained.train(baselines=(), seed=1).recommender
    rename = Path.replace

    def die_at_the_second(path: Path, target: Path) -> Path:
        if path.suffix == ".tmp":
            raise KeyboardInterrupt
        return rename(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", die_at_the_second)
        with pytest.raises(KeyboardInterrupt):
            new.save(folder)
    message = refused(folder)
    assert "was being replaced when the program stopped: rename " in message
    previous = re.findall(r"rename (\S+) to it", message)[0]
    assert palate.load(previous).recommend(1) == old.recommend(1)
    new.save(folder)
    assert palate.load(folder).recommend(1) == new.recommend(1)
    assert not Path(previous).exists()


def test_what_is_no_artifact_is_not_overwritten(saved: Path, tmp_path: Path) -> None:
    whole = palate.load(saved)
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("years of work")
    for place in (precious, precious / "thesis.txt", tmp_path):
        with pytest.raises(OutputError, match="is left as it is; choose another name"):
            whole.save(place)
    assert (precious / "thesis.txt").read_text() == "years of work"
    kept = shutil.copytree(saved, tmp_path / "m.palate.previous")  # a name that a person may well give
    whole.save(tmp_path / "m.palate")
    whole.save(tmp_path / "m.palate")
    assert palate.load(kept)


def test_a_place_that_cannot_be_written(saved: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="can't write"):
        palate.load(saved).save(tmp_path / "file" / "m.palate")


# Folders that mean harm: every checksum is right.


def with_weights(change: Callable[[dict[str, torch.Tensor]], Any]) -> Callable[[Path], object]:
    def harm(folder: Path) -> None:
        weights = {name: value.clone() for name, value in load_file(folder / WEIGHTS).items()}
        change(weights)
        save_file(weights, folder / WEIGHTS)

    return harm


def with_columns(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], object]:
    def harm(folder: Path) -> None:
        columns = {name: value.copy() for name, value in safe_numpy.load_file(folder / INTERACTIONS).items()}
        change(columns)
        safe_numpy.save_file(columns, folder / INTERACTIONS)

    return harm


def with_frame(name: str, change: Callable[[pl.DataFrame], pl.DataFrame]) -> Callable[[Path], object]:
    def harm(folder: Path) -> None:
        change(pl.read_parquet(folder / name)).write_parquet(folder / name)

    return harm


def with_header(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], object]:
    return lambda folder: rewrite_header(folder, change)


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


HARM: dict[str, Callable[[Path], object]] = {
    "a weight of another shape": with_weights(lambda w: w.update({"vectors.weight": w["vectors.weight"][:-1]})),
    "a transposed weight": with_weights(lambda w: w.update({"vectors.weight": w["vectors.weight"].T.contiguous()})),
    "a weight of another type": with_weights(lambda w: w.update({"vectors.weight": w["vectors.weight"].double()})),
    "half a weight": with_weights(lambda w: w.update({"vectors.weight": w["vectors.weight"].half()})),
    "NaN": with_weights(lambda w: w["vectors.weight"][0].fill_(torch.nan)),
    "infinity": with_weights(lambda w: w["mean"].fill_(torch.inf)),
    "a weight missing": with_weights(lambda w: w.pop("mean")),
    "a weight too many": with_weights(lambda w: w.update(more=torch.zeros(3))),
    "a user out of bounds": with_columns(lambda c: c["users"].__setitem__(-1, 30)),
    "a user below zero": with_columns(lambda c: c["users"].__setitem__(0, -1)),
    "users out of order": with_columns(lambda c: c["users"].__setitem__(0, 7)),
    "an item out of bounds": with_columns(lambda c: c["items"].__setitem__(3, 20)),
    "an item below zero": with_columns(lambda c: c["items"].__setitem__(3, -1)),
    "a part that is none": with_columns(lambda c: c["part"].__setitem__(3, 4)),
    "all of it test": with_columns(lambda c: c["part"].fill(2)),
    "a rating that is NaN": with_columns(lambda c: c["ratings"].__setitem__(3, np.nan)),
    "a time that is infinite": with_columns(lambda c: c["times"].__setitem__(3, np.inf)),
    "a column too short": with_columns(lambda c: c.update(times=c["times"][:-1])),
    "a column of two dimensions": with_columns(lambda c: c.update(times=c["times"][:, None])),
    "no rows": with_columns(lambda c: c.update({name: column[:0] for name, column in c.items()})),
    "a scalar": with_columns(lambda c: c.update(users=np.array(0, np.int32))),
    "a column of another type": with_columns(lambda c: c.update(users=c["users"].astype(np.int64))),
    "no users": with_columns(lambda c: c.pop("users")),
    "no ratings, and a model that needs them": with_columns(lambda c: c.pop("ratings")),
    "a column that none knows": with_columns(lambda c: c.update(more=c["users"])),
    "ids out of order": with_frame(USERS, lambda f: f.reverse()),
    "an id twice": with_frame(ITEMS, lambda f: f.with_columns(id=pl.lit(7, pl.Int64))),
    "an id that is null": with_frame(USERS, lambda f: f.with_columns(pl.lit(None, pl.Int64).alias("id"))),
    "ids of another type": with_frame(USERS, lambda f: f.cast(pl.Float64)),
    "ids as lists": with_frame(USERS, lambda f: f.select(pl.col("id").reshape((-1, 1)))),
    "too few ids": with_frame(USERS, lambda f: f.head(-1)),
    "too many ids": with_frame(USERS, lambda f: pl.concat([f, pl.DataFrame({"id": [10**6]})])),
    "no ids": with_frame(USERS, lambda f: f.rename({"id": "name"})),
    "users with a column more": with_frame(USERS, lambda f: f.with_columns(more=1)),
    "items with a column more": with_frame(ITEMS, lambda f: f.with_columns(more=1)),
    "a map with one axis": with_frame(ITEMS, lambda f: f.drop("y")),
    "a map of another type": with_frame(ITEMS, lambda f: f.with_columns(x=pl.col("x").cast(pl.Float64))),
    "a place that is infinite": with_frame(ITEMS, lambda f: f.with_columns(y=pl.lit(np.inf, pl.Float32))),
    "a place that is NaN": with_frame(ITEMS, lambda f: f.with_columns(y=pl.lit(np.nan, pl.Float32))),
    "a place off the map": with_frame(ITEMS, lambda f: f.with_columns(x=pl.lit(1.5, pl.Float32))),
    "half a place": with_frame(ITEMS, lambda f: f.with_columns(x=pl.lit(None, pl.Float32))),
    "titles that are numbers": with_frame(ITEMS, lambda f: f.with_columns(title=1)),
    "categories that are text": with_frame(ITEMS, lambda f: f.with_columns(categories=pl.lit("x"))),
    "Parquet that is none": lambda folder: (folder / USERS).write_bytes(b"PAR1 nothing PAR1"),
    "safetensors that is none": lambda folder: (folder / WEIGHTS).write_bytes(b"\xff" * 8),
    "a header of 2^63 bytes": lambda folder: (folder / WEIGHTS).write_bytes(b"\xff" * 7 + b"\x7f{}"),
    "an empty file": lambda folder: (folder / USERS).write_bytes(b""),
    "dim of 10^12": with_header(lambda h: h["config"].update(dim=10**12)),
    "hidden of 10^12": with_header(lambda h: h["config"].update(hidden=10**12)),
    "dim of 10^6": with_header(lambda h: h["config"].update(dim=10**6)),
    "10^9 users": with_header(lambda h: h.update(n_users=10**9)),
    "10^30 users": with_header(lambda h: h.update(n_users=10**30)),
    "no users at all": with_header(lambda h: h.update(n_users=0)),
    "fewer items": with_header(lambda h: h.update(n_items=19)),
    "a setting that is unknown": with_header(lambda h: h["config"].update(colour="red")),
    "a setting of another type": with_header(lambda h: h["config"].update(dim="many")),
    "a setting that is NaN": with_header(lambda h: h["config"].update(learning_rate=float("nan"))),
    "settings that are none": with_header(lambda h: h.update(config=[])),
    "a setting nested deeply": with_header(lambda h: h["config"].update(dim=nested(500))),
    "a key more": with_header(lambda h: h.update(more=1)),
    "a key more inside": with_header(lambda h: h["training"].update(more=1)),
    "a key less": with_header(lambda h: h.pop("fingerprint")),
    "no training record": with_header(lambda h: h.update(training=None)),
    "a format that is text": with_header(lambda h: h.update(format="1")),
    "a format that is true": with_header(lambda h: h.update(format=True)),
    "a format of 0": with_header(lambda h: h.update(format=0)),
    "a seed below 0": with_header(lambda h: h["training"].update(seed=-1)),
    "a metric that is text": with_header(lambda h: h["training"]["metrics"].update(rmse="0.1")),
    "a metric that is NaN": with_header(lambda h: h["training"]["metrics"].update(rmse=float("nan"))),
    "a note that is half a character": with_header(lambda h: h["training"].update(notes=["\ud800"])),
    "a checksum of another kind": with_header(lambda h: h["checksums"].update({"notes.txt": "0"})),
    "a checksum too many": with_header(lambda h: h["checksums"].update({"notes.txt": "1" * 32})),
    "a model that is a command": with_header(lambda h: h.update(model="os:system")),
    "a model of another name": with_header(lambda h: h.update(model="")),
    "another of Palate's models": with_header(lambda h: h.update(model="bias")),
}


@pytest.mark.parametrize("harm", HARM)
def test_hostile_content_with_right_checksums(folder: Path, harm: str) -> None:
    HARM[harm](folder)
    reseal(folder)
    began = time.process_time()
    refused(folder)
    assert time.process_time() - began < 2


def test_resealing_alone_does_no_harm(folder: Path) -> None:
    reseal(folder)
    assert palate.load(folder)


def test_nesting_that_breaks_the_parser(folder: Path) -> None:
    text = (folder / HEADER).read_text()
    (folder / HEADER).write_text(text.replace('"notes": [', '"notes": [' + "[" * 100_000))
    refused(folder)


def test_numbers_too_long_for_python(folder: Path) -> None:
    text = (folder / HEADER).read_text()
    (folder / HEADER).write_text(text.replace('"n_users": 30', '"n_users": 3' + "0" * 5000))
    refused(folder)


def test_a_header_too_large_to_be_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(header, "LARGEST_HEADER", 100)
    assert "larger than 100 bytes" in refused(folder)


def test_no_memory_is_taken_on_the_headers_word(folder: Path) -> None:
    resource = pytest.importorskip("resource", reason="limits of memory are Unix's")
    HARM["dim of 10^6"](folder)
    reseal(folder)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused(folder)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kilobytes; dim² is 4 TB


def test_a_parquet_that_says_it_is_long_is_not_read(folder: Path) -> None:
    many = pl.DataFrame({"id": pl.int_range(20_000_000, eager=True)})
    many.write_parquet(folder / USERS)
    reseal(folder)
    began = time.process_time()
    assert "users.parquet should have 30 rows" in refused(folder)
    assert time.process_time() - began < 0.5


def test_a_name_of_a_model_imports_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder.parent / "evil_module.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(folder.parent)
    rewrite_header(folder, lambda header: header.update(model="evil_module:Model"))
    reseal(folder)
    message = refused(folder)
    assert f"'evil_module:Model', which is not one of Palate's: {EVERY_MODEL}" in message
    assert "palate.load(path, model=YourModel)" in message


def test_nothing_in_src_can_unpickle() -> None:
    dangerous = re.compile(
        r"pickle|\bdill\b|joblib|marshal\b|shelve|torch\.load|torch\.save|np\.load\b|np\.save|\beval\(|exec\("
    )
    for file in sorted((ROOT / "src").rglob("*.py")):
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            harmless = "never pickle" in line or ".eval()" in line
            assert harmless or not dangerous.search(line), f"{file}:{number}: {line}"


def works(recommender: palate.Recommender) -> None:
    """It answers, or says in Palate's words why it doesn't."""
    ids = recommender.table.user_ids.ids
    items = recommender.table.item_ids.ids
    for ask in (
        lambda: recommender.recommend(ids[0], k=3),
        lambda: recommender.recommend(
            ratings={items[0]: recommender.table.scale[1]} if recommender.table.scale else {}
        ),
        lambda: recommender.predict(ids[-1], items[0]),
        lambda: recommender.similar(items[0]),
        lambda: recommender.evaluate(),
    ):
        try:
            ask()
        except PalateError as error:
            in_one_line(error)


@dataclasses.dataclass(frozen=True)
class Mutation:
    """One way to harm a file's bytes."""

    kind: str
    at: float
    value: bytes

    def __call__(self, content: bytes) -> bytes:
        at = int(self.at * len(content))
        if self.kind == "overwrite":
            return content[:at] + self.value + content[at + len(self.value) :]
        if self.kind == "insert":
            return content[:at] + self.value + content[at:]
        if self.kind == "cut":
            return content[:at] + content[at + len(self.value) :]
        return content[: max(at, 1)]


mutations = st.builds(
    Mutation,
    st.sampled_from(["overwrite", "insert", "cut", "truncate"]),
    st.floats(0, 1, exclude_max=True),
    st.binary(min_size=1, max_size=9) | st.sampled_from([b"0", b"9", b'"', b"}", b"null", b"-1", b"1e99", b"\xff" * 8]),
)


@pytest.fixture(scope="module")
def harmed(saved: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(saved, tmp_path_factory.mktemp("fuzz") / "m.palate"))


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(harms=st.lists(mutations, min_size=1, max_size=3), right_checksums=st.booleans())
def test_any_mutation_is_refused_or_harmless(
    saved: Path, harmed: Path, name: str, harms: list[Mutation], right_checksums: bool
) -> None:
    original = (saved / name).read_bytes()
    content = original
    for harm in harms:
        content = harm(content)
    (harmed / name).write_bytes(content)
    if right_checksums:
        try:
            reseal(harmed)
        except (ValueError, KeyError, TypeError, AttributeError):
            right_checksums = False
    try:
        opened = palate.load(harmed)
    except ArtifactError as error:
        in_one_line(error)
    else:
        assert right_checksums or content == original
        works(opened)
    finally:
        for each in FILES:
            shutil.copy(saved / each, harmed / each)


# Artifacts of the past.


def answers_as_it_did(folder: Path, answers: Mapping[str, Any]) -> palate.Recommender:
    opened = palate.load(folder)
    assert opened.training.metrics == pytest.approx(answers["metrics"])
    assert opened.evaluate() == pytest.approx(answers["metrics"], rel=1e-5)
    for person, rows in answers["recommend"].items():
        recommended = opened.recommend(int(person), k=5).to_dicts()
        assert [row["id"] for row in recommended] == [row["id"] for row in rows]
        assert [row["title"] for row in recommended] == [row["title"] for row in rows]
        assert [row["score"] for row in recommended] == pytest.approx([row["score"] for row in rows], rel=1e-5)
    return opened


@pytest.mark.parametrize("model", ["neural", "bias", "popularity"])
def test_an_artifact_of_format_1_still_opens_and_answers_as_it_did(model: str) -> None:
    folder = ROOT / "tests" / "artifacts" / "format-1"
    answers_as_it_did(folder / model, json.loads(folder.with_suffix(".json").read_text(encoding="utf-8"))[model])


@pytest.mark.parametrize("model", ["history", "rating-blend"])
def test_a_model_that_was_saved_under_its_former_name_still_opens(model: str, tmp_path: Path) -> None:
    """`svdpp` was called `history`: alone, and as a member of a blend."""
    folder = ROOT / "tests" / "artifacts" / "former-names"
    answers = json.loads(folder.with_suffix(".json").read_text(encoding="utf-8"))[model]
    assert '"history": ' in (folder / model / HEADER).read_text(encoding="utf-8")
    opened = answers_as_it_did(folder / model, answers)
    assert palate.read_header(folder / model).model == current_name(model)
    opened.save(tmp_path / "again")
    answers_as_it_did(tmp_path / "again", answers)
    assert name_of(type(palate.load(tmp_path / "again").model)) == current_name(model)


@pytest.mark.parametrize("name", ["[red]m.palate", "a*b?", "year=2024", "two words", "日本", "#%20", "~", "-m"])
def test_a_folder_of_any_name(saved: Path, tmp_path: Path, name: str) -> None:
    opened = palate.load(saved)
    opened.save(tmp_path / name / "m")
    opened.save(tmp_path / name / "m")
    assert palate.load(tmp_path / name / "m").recommend(1) == opened.recommend(1)


# A weight as long as its data


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    trained.train("graph-filter", settings={"rank": 3}, output=tmp_path / "g.palate", baselines=())
    return tmp_path / "g.palate"


def test_a_weight_may_be_as_long_as_its_data(graph: Path) -> None:
    weights, opened = load_file(graph / WEIGHTS), artifact.read(graph).model.state_dict()
    assert weights["items"].numel() > 100
    assert weights.keys() == opened.keys()
    assert all(torch.equal(weights[name], opened[name]) for name in weights)


def test_so_may_one_of_a_blends_member(tmp_path: Path) -> None:
    members = {"graph-filter": {"rank": 3}, "graph-filter:more": {"rank": 5}, "popularity": {}}
    path = tmp_path / "b.palate"
    before = trained.train("list-blend", settings={"members": members}, output=path, baselines=())
    weights, opened = load_file(path / WEIGHTS), artifact.read(path).model.state_dict()
    assert weights["members.graph-filter:more.items"].numel() > 100
    assert weights.keys() == opened.keys()
    assert all(torch.equal(weights[name], opened[name]) for name in weights)
    user = before.recommender.table.user_ids.ids[0]
    assert palate.load(path).recommend(user) == before.recommender.recommend(user)

    with_weights(lambda w: w["members.graph-filter.items"].__setitem__(0, 20))(path)
    reseal(path)
    with pytest.raises(ArtifactError, match="is damaged: weight items has rows out of bounds"):
        artifact.read(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda w: w.update(items=w["items"][:-1]),
        lambda w: w.update(items=w["items"][:, None]),
        lambda w: w.update(items=w["items"][0].clone()),
        lambda w: w.update(items=w["items"].long()),
        lambda w: w["items"].__setitem__(0, 20),
        lambda w: w.update(starts=w["starts"][:-1]),
        lambda w: w["starts"].__setitem__(0, -1),
    ],
)
def test_what_points_elsewhere_is_damage(graph: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    with_weights(change)(graph)
    reseal(graph)
    with pytest.raises(ArtifactError, match="is damaged: weight") as error:
        artifact.read(graph)
    in_one_line(error.value)
