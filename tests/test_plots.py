from pathlib import Path
from xml.etree import ElementTree

import pytest
from matplotlib.image import imread

import palate
from palate.errors import OptionError, OutputError
from palate.training import curves as plots

HISTORY = [
    {"epoch": 1, "train_loss": 1.25, "validation_loss": 1.5, "seconds": 1.0, "ratings_per_second": 10.0},
    {"epoch": 2, "train_loss": 1.0, "validation_loss": 1.125, "seconds": 1.0, "ratings_per_second": 10.0},
    {"epoch": 3, "train_loss": 0.75, "validation_loss": 1.25, "seconds": 1.0, "ratings_per_second": 10.0},
]


def words(svg: Path) -> str:
    """The comments of matplotlib's SVG, in which it says what each shape writes."""
    parser = ElementTree.XMLParser(target=ElementTree.TreeBuilder(insert_comments=True))
    tree = ElementTree.parse(svg, parser)
    return "\n".join(str(node.text).strip() for node in tree.iter() if callable(node.tag))


def test_svg_names_every_loss_and_its_lowest(tmp_path: Path) -> None:
    palate.draw_curves(HISTORY, tmp_path / "c.svg", title="a title")
    said = words(tmp_path / "c.svg")
    for text in ("train loss, lowest 0.7500", "validation loss, lowest 1.1250", "a title", "epoch"):
        assert text in said.splitlines()
    assert "loss" in said.splitlines()
    assert "seconds" not in said


def test_lists_have_curves_of_their_own(tmp_path: Path) -> None:
    history = [{"epoch": n, "train_loss": 9 - n, "validation_ndcg@10": 0.1 - 0.01 * (n - 2) ** 2} for n in (1, 2, 3)]
    palate.draw_curves(history, tmp_path / "c.svg")
    said = words(tmp_path / "c.svg").splitlines()
    for text in ("train loss, lowest 6.0000", "validation ndcg@10, highest 0.1000", "loss", "nDCG@10"):
        assert text in said
    assert said.count("epoch") == 1


def test_png_is_a_picture_of_the_right_size(tmp_path: Path) -> None:
    palate.draw_curves(HISTORY, tmp_path / "C.PNG")
    assert imread(tmp_path / "C.PNG", format="png").shape == (600, 1050, 4)


@pytest.mark.parametrize("name", ["c.svg", "c.png"])
def test_the_same_history_gives_the_same_bytes(tmp_path: Path, name: str) -> None:
    for folder in ("a", "b"):
        palate.draw_curves(HISTORY, tmp_path / folder / name)
    assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    palate.draw_curves(HISTORY[:2], tmp_path / "a" / name)
    assert (tmp_path / "a" / name).read_bytes() != (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize("title", ["$x^$", "costs $5", r"\alpha", "a_b {", "%"])
def test_titles_are_text_and_no_formula(tmp_path: Path, title: str) -> None:
    palate.draw_curves(HISTORY, tmp_path / "c.svg", title=title)
    assert title in words(tmp_path / "c.svg").splitlines()


def test_one_epoch_is_a_point(tmp_path: Path) -> None:
    palate.draw_curves(HISTORY[:1], tmp_path / "c.svg")
    assert "train loss, lowest 1.2500" in words(tmp_path / "c.svg")


@pytest.mark.parametrize("name", ["c.pdf", "c", "c.svg.gz", "svg"])
def test_pictures_of_another_kind(tmp_path: Path, name: str) -> None:
    with pytest.raises(OptionError, match=f"can't draw {name}: its name should end in .svg or .png"):
        palate.draw_curves(HISTORY, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_no_epochs_and_no_place(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="there are no curves: a model that is solved in one step has no epochs"):
        palate.draw_curves([], tmp_path / "c.svg")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="can't write"):
        palate.draw_curves(HISTORY, tmp_path / "file" / "c.svg")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_calibration_has_a_line_for_each_model_and_one_to_compare_with() -> None:
    lines = {"bias": ([1.5, 3.0, 4.5], [0.2, 0.0, -0.1]), "mf": ([1.0, 3.0, 5.0], [0.0, 0.1, 0.0])}
    svg = plots.calibration_svg(lines)
    assert ElementTree.fromstring(svg).tag.endswith("svg")
    assert svg.count("stroke-dasharray: 3.7,1.6") == 1, "where the two are equal"
    one = plots.calibration_svg({"bias": lines["bias"]})
    assert svg.count("<use") - one.count("<use") >= 3, "the three tenths of the other model"
    assert svg == plots.calibration_svg(lines), "the same bytes each time"
