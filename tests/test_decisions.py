"""Every decision has a number, a title and a status, and the index repeats them."""

import re

from tests.tables import ROOT

FOLDER = ROOT / "docs" / "decisions"
PAGES = {path.name: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("0*.md"))}


def test_the_index_has_every_decision_with_its_title_and_status() -> None:
    rows = re.findall(r"^\| \[(.+)\]\((.+\.md)\) \| (.+) \|$", (FOLDER / "index.md").read_text("utf-8"), re.MULTILINE)
    heads = []
    for name, text in PAGES.items():
        head = re.match(r"# (\d+)\. (.+)\n\nStatus: (.+)\n", text)
        assert head, f"{name} begins otherwise than '# 1. Title' and 'Status: Accepted'"
        heads.append((f"{head[1]} {head[2]}", name, head[3]))
    assert rows == heads


def test_the_numbers_have_no_gap() -> None:
    assert [int(name[:4]) for name in PAGES] == list(range(1, len(PAGES) + 1))


def test_a_status_is_accepted_or_names_what_replaces_it() -> None:
    for name, text in PAGES.items():
        (status,) = re.findall(r"^Status: (.+)$", text, re.MULTILINE)
        later = re.fullmatch(r"Superseded by \[decision (\d+)\]\((.+)\)", status)
        assert status == "Accepted" or (later and PAGES[later[2]].startswith(f"# {later[1]}.")), f"{name}: {status}"
