"""Texts that are a literal of JSON or of Python -> values; nothing is evaluated."""

import ast
import json
import warnings
from contextlib import suppress
from typing import Any

MOST_CHARACTERS = 1_000_000
"""Longest text that is read as a literal of Python: the parser needs many times its memory."""


def python_literal(text: str) -> Any:
    """Return the value of a literal of Python, such as {'a': [1, True, None]}.

    Raises:
        ValueError: the text is anything but a literal, too long or too deeply nested.
    """
    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"it is longer than {MOST_CHARACTERS:,} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of unusual escapes
            return ast.literal_eval(text)
    except (SyntaxError, MemoryError, RecursionError, TypeError) as error:
        raise ValueError(str(error)) from None


def line_value(line: str) -> Any:
    """Return the value of a line of JSON, or the dictionary in a line that Python wrote.

    Raises:
        ValueError: the line is neither.
        RecursionError: it is too deeply nested.
    """
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        with suppress(ValueError):
            value = python_literal(line.strip())
            if isinstance(value, dict):
                return {str(key): element for key, element in value.items()}
        raise


def list_in(text: str) -> list[Any] | None:
    """Return the list that a text writes as JSON or Python does, such as "['a', 'b']"; None for any other text."""
    if not (text.startswith("[") and text.endswith("]")):
        return None
    for parse in (json.loads, python_literal):
        try:
            value = parse(text)
        except (ValueError, RecursionError):
            continue
        return value if isinstance(value, list) else None
    return None
