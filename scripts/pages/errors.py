"""The table of errors, from `palate.errors`."""

from palate import errors
from scripts.pages.text import sentence, table


def errors_table() -> str:
    """Return a row for each error: its name, the builtin that it also is, and its meaning."""
    rows = []
    for error in vars(errors).values():
        if isinstance(error, type) and issubclass(error, errors.PalateError):
            builtins = [base.__name__ for base in error.__bases__ if base.__module__ == "builtins"]
            rows.append((f"`{error.__name__}`", ", ".join(f"`{name}`" for name in builtins), sentence(error.__doc__)))
    return table(("error", "is also a", "meaning"), rows)
