"""The core trains and answers where palate[serve] is not installed, and says what a service needs."""

import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests import trained
from tests.tables import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def normal(requirement: str) -> str:
    """Return the name of a requirement, as in "SQLAlchemy>=2" -> "sqlalchemy"."""
    return re.split(r"[^\w.-]", requirement)[0].lower().replace("_", "-")


CORE = {normal(requirement) for requirement in PROJECT["dependencies"]}
EXTRAS = {normal(requirement) for requirement in PROJECT["optional-dependencies"]["serve"]}
MODULES = sorted(
    module
    for module, names in packages_distributions().items()
    if {normal(name) for name in names} & EXTRAS and not {normal(name) for name in names} & CORE
)

CODE = """
import sys
sys.modules.update(dict.fromkeys(sys.argv.pop(1).split(",")))  # None: its import fails
from palate.cli import main
main()
"""


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", CODE, ",".join(MODULES), *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.skipif(not {"litestar", "uvicorn"} <= set(MODULES), reason="palate[serve] is not installed")
def test_the_core_runs_without_the_extras(tmp_path: Path) -> None:
    trained.ratings().write_csv(tmp_path / "ratings.csv")
    training = run(tmp_path, "train", "ratings.csv", "--model", "bias", "-o", "m.palate")
    assert training.returncode == 0, training.stderr
    listed = run(tmp_path, "recommend", "m.palate", "--user", "1", "--json")
    assert listed.returncode == 0, listed.stderr
    assert '"items"' in listed.stdout
    refused = run(tmp_path, "serve", "m.palate")
    assert refused.returncode != 0
    assert re.fullmatch(r'error: [^\n]*: pip install "palate\[serve\]"\n', refused.stderr), refused.stderr
