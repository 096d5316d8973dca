"""What follows from the registry: what it imports, which packages add models, and that models stand alone."""

import json
import subprocess
import sys
from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from typing import Any

import grimp
import pytest

import palate
from palate.errors import OptionError
from palate.models import MODELS, SINGLE, find, name_of
from palate.models.registry import names_from_packages
from tests import trained
from tests.cli.conftest import Palate
from tests.cli.conftest import here as here
from tests.cli.conftest import palate as palate_command

__all__ = ["here", "palate_command"]

PLAIN = '''
import torch
from palate.models.contract import SolvedModel

class Plain(SolvedModel):
    """score(u, i) = how many events i has."""

    LOOKS_BACK = False

    def __init__(self, config, n_users, n_items):
        super().__init__(config, n_users, n_items)
        self.register_buffer("counts", torch.zeros(n_items))

    def solve(self, train, generator):
        self.counts.copy_(torch.from_numpy(train.item_counts))

    def score(self, query):
        return self.counts.repeat(len(query), 1)

NOT_A_MODEL = 3
'''

Installer = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installer:
    """install("their-package", "plain = theirs:Plain"): as if a package with these entry points were installed."""
    site = tmp_path / "site-packages"
    site.mkdir()
    (site / "theirs.py").write_text(PLAIN, encoding="utf-8")
    (site / "theirs_again.py").write_text("from theirs import Plain\n", encoding="utf-8")
    (site / "broken.py").write_text("\nraise NameError('nothing is called so')\n", encoding="utf-8")
    monkeypatch.syspath_prepend(site)
    for module in ("theirs", "theirs_again", "broken"):
        monkeypatch.delitem(sys.modules, module, raising=False)

    def with_entry_points(package: str, *lines: str) -> None:
        info = site / f"{package.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n", encoding="utf-8")
        (info / "entry_points.txt").write_text("\n".join(["[palate.models]", *lines, ""]), encoding="utf-8")

    return with_entry_points


def modules_after(code: str) -> set[str]:
    """What a process of its own has imported after this code."""
    code += "\nimport json, sys\nprint(json.dumps(list(sys.modules)))"
    return set(json.loads(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout))


def rooms(names: set[str]) -> set[str]:
    """The modules and folders directly in palate.models that these modules are in."""
    return {name.split(".")[2] for name in names if name.startswith("palate.models.")}


# What is imported


def test_names_are_listed_without_a_model_or_torch() -> None:
    names = modules_after("from palate.models import MODELS, SINGLE; list(MODELS), len(SINGLE), 'mf' in MODELS")
    assert rooms(names) == {"registry"}
    assert not names & {"torch", "numba", "llvmlite"}


def test_one_model_is_imported_without_another() -> None:
    names = modules_after("from palate.models import MODELS; MODELS['popularity']")
    assert rooms(names) == {"registry", "contract", "popularity"}
    assert not names & {"numba", "llvmlite"}


# What packages add


def test_an_installed_package_adds_a_model_by_name(install: Installer, tmp_path: Path) -> None:
    install("their-package", "plain = theirs:Plain")
    assert names_from_packages() == {"plain": "their-package"}
    result = trained.train("plain", output=tmp_path / "m.palate", baselines=())
    assert palate.read_header(tmp_path / "m.palate").model == "plain"
    opened = palate.load(tmp_path / "m.palate")
    assert opened.recommend(1) == result.recommender.recommend(1)
    assert name_of(type(opened.model)) == "plain"
    assert type(opened.model) is find("plain") is MODELS["plain"] is SINGLE["plain"] is find("theirs:Plain")


def test_a_package_may_name_a_class_where_it_is_imported_again(install: Installer) -> None:
    install("their-package", "plain = theirs_again:Plain")
    assert name_of(find("theirs:Plain")) == "theirs:Plain"
    assert name_of(find("plain")) == "plain"


def test_a_model_of_a_package_may_be_a_member_of_a_blend(install: Installer) -> None:
    install("their-package", "plain = theirs:Plain")
    settings: dict[str, Any] = {"members": {"plain": {}, "item-knn": {}}}
    assert len(trained.train("list-blend", settings=settings, baselines=()).recommender.recommend(1, k=3)) == 3


def test_what_packages_add_is_never_tried_unasked(install: Installer) -> None:
    install("their-package", "plain = theirs:Plain", "broken = broken:Model")
    assert not {"plain", "broken"} & {*MODELS, *SINGLE}
    assert "broken" in MODELS


def test_a_name_of_palates_own_wins(install: Installer) -> None:
    install("their-package", "mf = theirs:Plain", "history = theirs:Plain")
    assert names_from_packages() == {}
    assert find("mf") is palate.MODELS["mf"] is not find("theirs:Plain")
    assert name_of(find("history")) == "svdpp"
    assert name_of(find("theirs:Plain")) == "theirs:Plain"


def test_two_packages_with_one_name_are_an_error_when_it_is_asked_for(install: Installer) -> None:
    install("their-package", "plain = theirs:Plain")
    install("another", "plain = theirs_again:Plain")
    assert find("mf") is MODELS["mf"]
    with pytest.raises(OptionError, match="both add a model 'plain': name its class, theirs") as error:
        find("plain")
    assert all(package in str(error.value) for package in ("their-package", "another"))
    assert name_of(find("theirs:Plain")) == "theirs:Plain"


@pytest.mark.parametrize(
    ("point", "said"),
    [
        ("x = no_such_module:Plain", "model 'x of the package their-package' can't be imported: No module named"),
        ("x = theirs:NoSuch", "model 'x of the package their-package' can't be imported: module 'theirs' has no"),
        ("x = theirs:NOT_A_MODEL", "'x of the package their-package' is not a model"),
        (
            "x = broken:Model",
            "can't be imported: broken.py, line 2: NameError: nothing is called so",
        ),
    ],
)
def test_a_broken_entry_point_is_an_error_when_it_is_asked_for(install: Installer, point: str, said: str) -> None:
    install("their-package", point)
    assert find("mf") is MODELS["mf"]
    with pytest.raises(OptionError, match=said):
        find("x")
    with pytest.raises(OptionError, match=r"unknown model 'y': there are .*, x"):
        find("y")


def test_info_names_the_models_of_packages(install: Installer, palate_command: Palate) -> None:
    install("their-package", "plain = theirs:Plain", "x = broken:Model")
    assert palate_command("info", "--json").json["models"] == [*MODELS, "plain", "x"]
    listed = palate_command("info").out
    assert "of the package their-package" in listed
    assert "how many events i has" in palate_command("info", "plain").out
    assert "NameError" in palate_command("info", "x").error


# What stands alone


@pytest.fixture(scope="module")
def imports() -> grimp.ImportGraph:
    return grimp.build_graph("palate", cache_dir=None)


ROOMS = sorted({f"palate.models.{room}" for room in rooms({path.partition(":")[0] for path in MODELS.paths.values()})})
SHARED = {f"palate.models.{name}" for name in ("contract", "registry", "settings", "shared")}


def test_no_model_imports_another(imports: grimp.ImportGraph) -> None:
    for importer, imported in permutations(ROOMS, 2):
        assert not imports.find_shortest_chains(importer, imported), f"{importer} reaches {imported}"


def test_every_module_of_models_is_a_model_or_shared(imports: grimp.ImportGraph) -> None:
    assert imports.find_children("palate.models") == {*ROOMS, *SHARED}


def test_a_model_imports_what_is_shared_and_no_more_of_models(imports: grimp.ImportGraph) -> None:
    below = {"palate.models.contract", "palate.models.shared", "palate.models.registry"}
    for room in ROOMS:
        others = imports.find_children("palate.models") - {room, *below}
        assert not [other for other in others if imports.find_shortest_chains(room, other)], room


def test_a_class_in_place_of_a_name_is_one_line() -> None:
    with pytest.raises(OptionError, match="it must be a name, such as ease"):
        find(MODELS["bias"])  # type: ignore[arg-type]


def test_models_and_data_import_no_engine(imports: grimp.ImportGraph) -> None:
    below = {f"palate.{name}" for name in ("models", "data", "system", "options", "errors", "results")}
    for room in ("palate.models", "palate.data"):
        above = imports.find_children("palate") - below
        assert not [other for other in above if imports.find_shortest_chains(room, other)], room
