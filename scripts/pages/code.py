"""The tree of files, from their first lines and layers; and the main flow."""

import ast
import re
import tomllib
from pathlib import Path
from textwrap import dedent

from scripts.pages.text import ROOT, SOURCE

WITHOUT_A_LINE = {
    "__init__.pyi": "the public names",
    "index.html": "the studio's page",
    "icon.svg": "its icon",
    "py.typed": "tells type checkers that Palate is typed",
    "TERMS.txt": "GroupLens' terms for the sample, and what was changed",
    "movies.parquet": "titles and genres of MovieLens small",
    "ratings.parquet": "its ratings",
}
"""What there is to say of files that can't say it themselves."""


def tree(rooms_only: bool = False) -> str:
    """Return the package's files, or only its folders, each with what its first line says of it."""
    rows = [("src/palate/", ""), *_branches(SOURCE, "", rooms_only)]
    width = max(len(name) for name, _ in rows) + 2
    return "\n".join(f"{name:{width}}{phrase}".rstrip() for name, phrase in rows)


def _branches(folder: Path, before: str, rooms_only: bool) -> list[tuple[str, str]]:
    rows = []
    for path in (paths := in_order(folder, rooms_only)):
        last = path == paths[-1]
        name = f"{path.name}{'/' if path.is_dir() else ''}"
        room = path / "__init__.py"
        phrase = _phrase(room) if rooms_only and room.exists() else _phrase(path)
        rows.append((f"{before}{'└' if last else '├'}── {name}", phrase))
        if path.is_dir() and not rooms_only:
            rows += _branches(path, before + ("    " if last else "│   "), rooms_only)
    return rows


def in_order(folder: Path, rooms_only: bool = False) -> list[Path]:
    """Return what a folder holds in the order of its layers, top first, as pyproject.toml has them."""
    package = ".".join(folder.relative_to(SOURCE.parent).parts)
    layers = [re.split(r"\s*\|\s*", layer) for layer in _layers().get(package, [])]
    order = ["__init__", "__main__", *(name for layer in layers for name in layer)]
    others = order.index("registry") if folder.name == "models" else len(order)  # each model stands below the registry

    def place(path: Path) -> tuple[bool, int, bool, str]:
        code = path.suffix in ("", ".py", ".pyi")
        named = path.stem in order
        return (not code, order.index(path.stem) if named else others, not named, path.name)

    paths = [path for path in folder.iterdir() if path.is_file() or _has_files(path)]
    if rooms_only:
        paths = [path for path in paths if (path / "__init__.py").exists()]
    return sorted(paths, key=place)


def _has_files(folder: Path) -> bool:
    """Return whether a folder holds more than the compiled files of modules that may be gone."""
    return any(path.is_file() and "__pycache__" not in path.parts for path in folder.rglob("*"))


def _layers() -> dict[str, list[str]]:
    """Return the layers of each package that has a contract about them, top first."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    return {contract["containers"][0]: contract["layers"] for contract in contracts if contract["type"] == "layers"}


def _comment(text: str) -> str:
    """Return the comment that JavaScript, CSS or SVG begins with."""
    comment = re.match(r"(?://|/\*|<!--)\s*(.*?)\s*(?:\*/|-->|$)", text, re.MULTILINE)
    return comment[1] if comment else ""


def _phrase(path: Path) -> str:
    """Return the first sentence of a module's docstring if it is one line, else the first line."""
    if path.is_dir():
        return ""
    if path.name in WITHOUT_A_LINE:
        return WITHOUT_A_LINE[path.name]
    text = path.read_text(encoding="utf-8")
    said = ast.get_docstring(ast.parse(text)) if path.suffix == ".py" else _comment(text)
    if not said:
        raise SystemExit(f"{path.relative_to(ROOT)} says nothing of itself: begin it with a docstring of one line")
    return said.splitlines()[0].partition(". ")[0].rstrip(".")


def main_flow() -> str:
    """The body of `palate.train`, without its docstring."""
    lines = (SOURCE / "pipeline.py").read_text(encoding="utf-8").splitlines()
    (train,) = [node for node in ast.parse("\n".join(lines)).body if getattr(node, "name", "") == "train"]
    assert isinstance(train, ast.FunctionDef)
    return dedent("\n".join(lines[train.body[0].end_lineno or 0 : train.end_lineno])).strip()
