"""To open a model and to answer once loads no compiler: it would take longer than the answer."""

import subprocess
import sys
from pathlib import Path

import pytest

TORCHS = "torch._dynamo torch.fx.experimental.symbolic_shapes sympy"
STORED = Path(__file__).parent / "artifacts" / "format-1"


def loaded(script: str, modules: str) -> list[str]:
    """Those of the modules that a process has imported after the script."""
    script += f"\nimport sys; print(*[name for name in {modules.split()} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=200)
    return ran.stdout.split()


def test_a_model_is_built_on_the_meta_device_without_torchs_compiler() -> None:
    script = "import torch\nfrom palate.models import MODELS\nwith torch.device('meta'):\n"
    script += "    for cls in MODELS.values():\n        cls(cls.Config(), 5, 7)"
    assert loaded(script, TORCHS) == []


@pytest.mark.parametrize("name", ["bias", "popularity"])
def test_one_list_needs_no_compiled_loop(name: str) -> None:
    script = f"import palate\nrecommender = palate.load({str(STORED / name)!r})\n"
    script += "recommender.recommend(recommender.table.user_ids.id(0))"
    assert loaded(script, f"{TORCHS} numba") == []
