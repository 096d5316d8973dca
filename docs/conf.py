"""Sphinx makes the site from these pages: `make site` writes it to site/."""

import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

project = "Palate"
copyright = "Palate contributors"
html_title = "Palate"
html_theme = "furo"
html_favicon = "../src/palate/service/static/icon.svg"
html_show_sphinx = False
html_copy_source = False

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["html_image"]
myst_heading_anchors = 4

default_role = "code"  # docstrings write `code` as Markdown does
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 80

ROOT = Path(__file__).parents[1]
FROM_THE_ROOT = {
    "contributing": "CONTRIBUTING.md",
    "changelog": "CHANGELOG.md",
    "releasing": "RELEASING.md",
    "security": "SECURITY.md",
    "results": "benchmarks/results.md",
}
"""Pages of the site whose text is a file outside docs/; the page itself holds only a link to that file."""


def use_file(_: Sphinx, page: str, text: list[str]) -> None:
    """Replace a page's text by its file's, whose links are made relative to docs/."""
    if page in FROM_THE_ROOT:
        file = (ROOT / FROM_THE_ROOT[page]).read_text(encoding="utf-8")
        text[0] = re.sub(r"(\]\()(?!https?:|#)([^)\s]+)", lambda link: link[1] + _from_docs(link[2]), file)


def _from_docs(link: str) -> str:
    pages = {file: f"{page}.md" for page, file in FROM_THE_ROOT.items()}
    return pages.get(link) or (link.removeprefix("docs/") if link.startswith("docs/") else f"../{link}")


def name_language(_: Sphinx, page: str, __: str, context: dict[str, Any], ___: object) -> None:
    """Say in the head of a Korean page that it is Korean."""
    if page.startswith("ko/"):
        context["language"] = "ko"


def setup(app: Sphinx) -> None:
    app.connect("source-read", use_file)
    app.connect("html-page-context", name_language)
