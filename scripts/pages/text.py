"""Markdown: pages, tables, and parts of a page that are made anew."""

from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "palate"
MADE = "<!-- Made by scripts/make_docs.py; don't edit it here. -->"


def page(title: str, *parts: str) -> str:
    """Return a whole page that is made by a script."""
    return "\n\n".join([MADE, f"# {title}", *parts]) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ["---"] * len(head), *([cell.replace("|", r"\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def sentence(text: str | None) -> str:
    """Return the text on one line."""
    return " ".join((text or "").split())


def read(name: str) -> str:
    """Return the text of a page in the repository."""
    return (ROOT / name).read_text(encoding="utf-8")


def between(text: str, name: str, made: str) -> str:
    """Return the text with what stands between <!-- name --> and <!-- /name --> replaced."""
    before, _, rest = text.partition(f"<!-- {name} -->")
    _, _, after = rest.partition(f"<!-- /{name} -->")
    return f"{before}<!-- {name} -->\n{made}\n<!-- /{name} -->{after}"


def fenced(text: str, language: str = "") -> str:
    """Return the text as a block of code."""
    return f"```{language}\n{text}\n```"
