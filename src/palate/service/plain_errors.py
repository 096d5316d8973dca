"""Messages of msgspec about a value -> plain sentences: the value, what it must be, and its bound."""

import re

from palate.data.reading.values import shown

EXPECTED = re.compile(
    r"^Expected `(?P<kinds>[^`]+)`(?: (?P<bound>of length >=|of length <=|matching regex|>=|<=|>|<) (?P<limit>.+?))?"
    r"(?:, got `\w+`)?$"
)
KINDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
BOUNDS = {">=": "of at least", "<=": "of at most", ">": "above", "<": "below"}
MISSING = re.compile(r"^Object missing required field `(\w+)`$")
UNKNOWN = re.compile(r"^Object contains unknown field `(.*)`$", re.DOTALL)
ENUM = re.compile(r"^Invalid enum value")

LONGEST = 60
"""Largest number of characters of an unknown field's name in a message."""


def plain(message: str, value: object) -> str:
    """Return what a message of msgspec says, in plain words. value: the value that the message is about."""
    if match := MISSING.match(message):
        return f"the field {match[1]!r} is missing: give it"
    if match := UNKNOWN.match(message):
        return f"unknown field {match[1][:LONGEST]!r}: remove it, or correct its name"
    if ENUM.match(message):
        return f"{shown(value)} is none of the values of this field: /docs names them"
    if match := EXPECTED.match(message):
        kinds = " or ".join(KINDS.get(kind, kind) for kind in match["kinds"].split(" | "))
        return (
            f"the value is {shown(value)}: it must be {kinds}{_bound(match['bound'], match['limit'], match['kinds'])}"
        )
    return message


def _bound(bound: str | None, limit: str | None, kinds: str) -> str:
    if bound is None:
        return ""
    if bound == "matching regex":
        return " without the character NUL"
    if bound in BOUNDS:
        return f" {BOUNDS[bound]} {limit}"
    most = "at most" if bound.endswith("<=") else "at least"
    return f" of {most} {limit} {'characters' if 'str' in kinds else 'values'}"
