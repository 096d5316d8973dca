"""Read the studio's JavaScript: its tables of texts, and the literals of its code."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import palate

STATIC = Path(palate.__file__).parent / "service" / "static"

LANGUAGES = ("en", "ko")

ENTRY = re.compile(r'^  ("(?:[^"\\]|\\.)*"): ("(?:[^"\\]|\\.)*"),$')

TOKEN = re.compile(
    r"""
    (?P<comment> //[^\n]* | /\*.*?\*/ )
  | (?P<regex> (?<=[(,=:!&|?{;]) \s* /(?![*/]) (?:[^/\\\n[] | \\. | \[(?:[^\]\\\n]|\\.)*\])+ /[a-z]* )
  | "(?P<double>(?:[^"\\\n]|\\.)*)"
  | '(?P<single>(?:[^'\\\n]|\\.)*)'
  | (?P<open>`)
  | (?P<brace>[{}])
    """,
    re.VERBOSE | re.DOTALL,
)
CHUNK = re.compile(r"(?P<text>(?:[^`\\$]|\\.|\$(?!\{))*)(?P<end>`|\$\{)", re.DOTALL)


class Literal(NamedTuple):
    """A string literal, or a part of a template between its expressions."""

    text: str
    before: str
    """The code on the same line before it."""


def table(language: str) -> dict[str, str]:
    """Return the texts of a language by key."""
    lines = (STATIC / f"texts-{language}.js").read_text(encoding="utf-8").splitlines()
    body = lines[lines.index("export default {") + 1 : -1]
    entries = [ENTRY.match(line) for line in body if line]
    assert all(entries), 'a line of the table is not of the form `  "key": "text",`'
    pairs = [(json.loads(entry[1]), json.loads(entry[2])) for entry in entries if entry]
    assert len({key for key, _ in pairs}) == len(pairs), "a key is there twice"
    return dict(pairs)


def literals(code: str) -> Iterator[Literal]:
    """Yield the string literals of JavaScript code, and the text parts of its template literals."""
    place, depth = 0, 0
    templates: list[int] = []  # the depth of braces at which each open template goes on
    while token := TOKEN.search(code, place):
        place = token.end()
        before = code[code.rfind("\n", 0, token.start()) + 1 : token.start()]
        kind = token.lastgroup
        resumes = token[0] == "}" and templates and templates[-1] == depth
        if kind in ("double", "single"):
            yield Literal(token[kind], before)
        elif kind == "open" or resumes:
            if resumes:
                templates.pop()
            chunk = CHUNK.match(code, place)
            assert chunk is not None, "a template literal does not end"
            place = chunk.end()
            yield Literal(chunk["text"], before)
            if chunk["end"] == "${":
                templates.append(depth)
        elif kind == "brace":
            depth += 1 if token[0] == "{" else -1
