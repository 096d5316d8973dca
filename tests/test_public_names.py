import importlib
import inspect
import subprocess
import sys

import pytest

import palate
from palate import errors

PUBLIC = [
    "Bars",
    "Comparison",
    "Finding",
    "Interactions",
    "MODELS",
    "Profiler",
    "Recommender",
    "Results",
    "Trained",
    "checkup",
    "compare",
    "datasets",
    "draw_curves",
    "errors",
    "load",
    "load_table",
    "options",
    "read",
    "read_header",
    "replay",
    "settings_of",
    "train",
    "usual_model",
    "verdict",
    "with_events",
]
"""To add a name is easy, to take one away breaks somebody's program: both are decided here."""


def test_the_public_names_are_these() -> None:
    assert sorted(vars(palate)["__all__"]) == PUBLIC
    assert set(PUBLIC) <= set(dir(palate))
    for name in PUBLIC:
        assert getattr(palate, name) is not None


def test_every_public_function_and_class_is_described() -> None:
    for name in PUBLIC:
        found = getattr(palate, name)
        if inspect.isfunction(found) or inspect.isclass(found):
            assert inspect.getdoc(found), name


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="trian"):
        palate.trian  # type: ignore[attr-defined]  # noqa: B018


def test_import_palate_imports_nothing_slow() -> None:
    script = (
        "import sys, palate, palate.errors; print(*sorted({'torch', 'polars', 'numpy', 'matplotlib'} & {*sys.modules}))"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout.strip() == ""
    assert importlib.import_module("palate").__file__ == palate.__file__


def test_every_error_is_palates_and_the_matching_builtin() -> None:
    tree = {
        "DataError": ValueError,
        "OptionError": ValueError,
        "UnknownIdError": LookupError,
        "UnsupportedError": TypeError,
        "ArtifactError": OSError,
        "OutputError": OSError,
        "DownloadError": OSError,
        "Interrupted": RuntimeError,
    }
    found = {
        name: cls
        for name, cls in vars(errors).items()
        if inspect.isclass(cls) and issubclass(cls, Exception) and cls is not errors.PalateError
    }
    assert found.keys() == tree.keys()
    for name, builtin in tree.items():
        assert issubclass(found[name], errors.PalateError)
        assert issubclass(found[name], builtin)
        assert name in (errors.__doc__ or ""), "the tree in the docstring names it"
