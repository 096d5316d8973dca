"""Write the pages and parts of pages that follow from the code.

docs/reference/cli/ comes from the commands, models.md from the models' settings, http.md from the OpenAPI document, the
table of errors.md from the errors; the tables of figures from what the benchmarks wrote; the tree of files in
docs/architecture.md and the rooms in README.md from first lines.

    python -m scripts.make_docs

A test writes them again and fails where a page differs.
"""

from scripts.pages.code import main_flow, tree
from scripts.pages.commands import command_pages
from scripts.pages.errors import errors_table
from scripts.pages.http import http_page
from scripts.pages.models import models_page, with_results
from scripts.pages.text import ROOT, between, fenced, read

WITH_RESULTS = (
    "docs/reference/performance.md",
    "docs/reference/ratings.md",
    "docs/reference/lists.md",
    "docs/how-to/best.md",
)
"""Pages with tables of what benchmarks wrote."""


def pages() -> dict[str, str]:
    """Return the path of every page in the repository, and its text."""
    made = command_pages() | {"docs/reference/models.md": models_page(), "docs/reference/http.md": http_page()}
    made |= {name: with_results(read(name)) for name in WITH_RESULTS}
    made["README.md"] = between(read("README.md"), "rooms", fenced(tree(rooms_only=True)))
    made["docs/reference/errors.md"] = between(read("docs/reference/errors.md"), "errors", errors_table())
    architecture = between(read("docs/architecture.md"), "flow", fenced(main_flow(), "python"))
    made["docs/architecture.md"] = between(architecture, "tree", fenced(tree()))
    return made


def main() -> None:
    for name, text in pages().items():
        (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
