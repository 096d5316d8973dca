"""Whole or not at all."""

import os
from pathlib import Path

import pytest

from palate.errors import ArtifactError, OutputError
from palate.system import files
from palate.system.files import check_writable, folder_written_beside, previous_of, written_beside


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "deeper" / "file.txt"
    with written_beside(path) as beside:
        beside.write_text("half")
        assert beside.parent == path.parent
        assert not path.exists()
        beside.write_text("whole")
    assert path.read_text() == "whole"
    assert names(path.parent) == ["file.txt"]


def test_a_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")
    with written_beside(path) as beside:
        beside.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"


@pytest.mark.parametrize("error", [ValueError("mine"), KeyboardInterrupt(), ArtifactError("mine")])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path, error: BaseException) -> None:
    """Whatever was raised passes as it is, Palate's own errors too."""
    path = tmp_path / "file.txt"
    path.write_text("old")

    def fail() -> None:
        with written_beside(path) as beside:
            beside.write_text("half")
            raise error

    with pytest.raises(type(error)) as caught:
        fail()
    assert caught.value is error
    assert path.read_text() == "old"
    assert names(tmp_path) == ["file.txt"]


def test_what_the_system_says_becomes_an_output_error(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    with pytest.raises(OutputError, match=r"can't write .*file\.txt: No space left on device"), written_beside(path):
        raise OSError(28, "No space left on device")
    with pytest.raises(OutputError, match=r"can't write .*file\.txt: out of luck"), written_beside(path):
        raise OSError("out of luck")
    assert names(tmp_path) == []


def test_places_where_no_file_can_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "file" / "below", tmp_path / "folder", Path("/proc/palate/file")):
        with pytest.raises(OutputError, match="can't write"), written_beside(path) as beside:
            beside.write_text("x")
        with pytest.raises(OutputError, match="can't write"), folder_written_beside(tmp_path / "file" / "below"):
            pass
    assert names(tmp_path) == ["file", "folder"]
    assert names(tmp_path / "folder") == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="Permission denied"), written_beside(tmp_path / "file") as beside:
        beside.write_text("x")
    tmp_path.chmod(0o700)


def test_the_file_behind_a_link_is_written(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    with written_beside(tmp_path / "link") as beside:
        beside.write_text("new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_a_folder_appears_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder"
    with folder_written_beside(path) as beside:
        (beside / "a").write_text("1")
        assert not path.exists()
    assert names(path) == ["a"]
    assert names(path.parent) == ["folder"]


def test_a_folder_is_swapped_whole(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    path.mkdir()
    (path / "old").write_text("1")
    with folder_written_beside(path) as beside:
        (beside / "new").write_text("2")
        assert names(path) == ["old"]
    assert names(path) == ["new"]
    assert names(tmp_path) == ["folder"]


def test_a_failure_leaves_the_old_folder(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    path.mkdir()
    (path / "old").write_text("1")

    def fail() -> None:
        with folder_written_beside(path) as beside:
            (beside / "new").write_text("2")
            raise ArtifactError("mine")

    with pytest.raises(ArtifactError, match="mine"):
        fail()
    assert names(path) == ["old"]
    assert names(tmp_path) == ["folder"]


def test_what_a_crash_left_behind_does_no_harm(tmp_path: Path) -> None:
    """Killed between the two renames: only the old folder is there, under its other name. Killed after: both are."""
    path = tmp_path / "folder"
    previous = previous_of(path)
    for there in ([previous], [previous, path]):
        for folder in there:
            folder.mkdir()
            (folder / "old").write_text("1")
        with folder_written_beside(path) as beside:
            (beside / "new").write_text("2")
        assert names(path) == ["new"]
        assert names(tmp_path) == ["folder"]
        (path / "new").unlink()
        path.rmdir()


def test_the_old_folder_is_whole_at_every_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the two renames it is under its other name."""
    path = tmp_path / "folder"
    path.mkdir()
    (path / "old").write_text("1")
    moments = []
    original = Path.replace

    def noting(self: Path, target: Path) -> Path:
        moments.append([(folder / "old").exists() for folder in (path, previous_of(path))])
        return original(self, target)

    monkeypatch.setattr(Path, "replace", noting)
    with folder_written_beside(path) as beside:
        (beside / "new").write_text("2")
    assert moments == [[True, False], [False, True]]


def test_a_file_is_not_replaced_by_a_folder(tmp_path: Path) -> None:
    """Someone's ratings.csv, say."""
    (tmp_path / "ratings.csv").write_text("precious")
    with (
        pytest.raises(OutputError, match=r"ratings\.csv: it is a file"),
        folder_written_beside(tmp_path / "ratings.csv"),
    ):
        pass
    assert (tmp_path / "ratings.csv").read_text() == "precious"
    assert names(tmp_path) == ["ratings.csv"]


def test_the_folder_one_stands_in_can_be_named_by_a_dot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with folder_written_beside(Path()) as beside:
        (beside / "new").write_text("2")
    assert names(tmp_path / "here") == ["new"]
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(OutputError), written_beside(Path()) as beside:
        beside.write_text("x")
    assert names(tmp_path) == ["here"]


def test_a_place_can_be_tried_before_the_work(tmp_path: Path) -> None:
    check_writable(tmp_path / "new" / "folder")
    assert names(tmp_path / "new") == []
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="can't write"):
        check_writable(tmp_path / "file" / "below")


def test_two_at_once_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with written_beside(path) as first, written_beside(path) as second:
        assert first != second
        first.write_text("1")
        second.write_text("2")
    assert path.read_text() == "1"  # the one that ended last
    assert files._beside(path).name.startswith(".")
