"""docs/reference/models.md, from the models' settings; and tables of figures, from what the benchmarks wrote."""

import json
import re

import palate
from palate.models.registry import FORMER_NAMES
from palate.models.settings import Setting
from scripts.pages.text import ROOT, between, page, table


def models_page() -> str:
    """Every model with its settings and presets."""
    parts = ["Give a setting as `--set NAME=VALUE` or `palate.train(..., settings={name: value})`."]
    for name, model in palate.MODELS.items():
        parts.append(f"## {name}\n\n{(model.__doc__ or '').strip().splitlines()[0]}")
        settings = palate.settings_of(model)
        rows = [(f"`{each.name}`", each.bounds, _default(each), each.meaning) for each in settings]
        parts.append(table(("setting", "value", "default", "meaning"), rows) if rows else "No settings.")
        for preset, chosen in model.PRESETS.items():
            parts.append(f"Preset `{preset}`: " + ", ".join(f"`{key}={value}`" for key, value in chosen.items()) + ".")
    return page("Models and their settings", *parts)


def _default(setting: Setting) -> str:
    return setting.written if setting.written == "not set" else f"`{setting.written}`"


def with_results(text: str) -> str:
    """The page with the table of each benchmark named made anew, between <!-- results: name --> and its end."""
    for name in re.findall(r"<!-- results: ([\w-]+) -->", text):
        results = json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text(encoding="utf-8"))
        rows = [list(results["table"][0]), *(map(str, row.values()) for row in results["table"])]
        head, *body = [[with_current_names(cell) for cell in row] for row in rows]
        measured = [f"`{results['command']}`", results["date"], f"commit {results['commit']}", results["machine"]]
        text = between(text, f"results: {name}", f"{table(head, body)}\n\n{', '.join(measured)}")
    return text


def with_current_names(text: str) -> str:
    """The text with models that were measured under a former name called as they are now."""
    for former, name in FORMER_NAMES.items():
        text = re.sub(rf"\b{former}\b", name, text)
    return text
