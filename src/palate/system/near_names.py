"""Near misses: the known names that are spelt most like an unknown one."""

from collections.abc import Iterable

NEAR_MISSES = 3
LIKENESS = 60.0
"""A name is a near miss from this edit similarity in percent on."""


def did_you_mean(name: object, names: Iterable[object], most: int = NEAR_MISSES) -> str:
    """Return "; did you mean 'a', 'b' or 'c'?" with the names spelt most like this one, best first, or an empty text.

    Text stands in quotes, so that it is clear where a name ends; a number stands alone.
    """
    from rapidfuzz import process  # noqa: PLC0415 - only for a message

    known = list(names)
    matches = process.extract(str(name), list(map(str, known)), limit=most, score_cutoff=LIKENESS)
    near = [repr(known[place]) for _, _, place in matches]
    return f"; did you mean {' or '.join(filter(None, [', '.join(near[:-1]), near[-1]]))}?" if near else ""
