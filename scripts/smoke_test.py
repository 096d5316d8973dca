"""Build the wheel, install it into an empty environment, and use it there without the checkout.

    python -m scripts.smoke_test [--wheel FILE] [--install]

The wheel's dependencies are linked from the environment that runs the script: what the wheel requires, what that
requires in turn, and nothing else. So a dependency that the wheel does not declare is missing, as it would be for a
user, and PyTorch need not be installed again. With --install, pip installs them with the versions of constraints.txt.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from tempfile import TemporaryDirectory

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")

EXTRAS = ("litestar", "uvicorn", "msgspec", "sqlalchemy", "prometheus_client")
"""Modules of palate[serve]: the core must run without them."""

USE = """
import json, sys
from importlib.util import find_spec
from pathlib import Path
import palate

prefix, extras, path = sys.argv[1], sys.argv[2].split(), sys.argv[3]
assert Path(palate.__file__).is_relative_to(prefix), palate.__file__
assert not [name for name in extras if find_spec(name)], "the environment has an extra"
recommender = palate.load(path)
print(json.dumps([row.id for row in recommender.recommend(1, k=10)]))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wheel", type=Path, help="wheel to test; by default it is built from the checkout")
    parser.add_argument("--install", action="store_true", help="install the dependencies instead of linking them")
    options = parser.parse_args()
    start = time.perf_counter()
    with TemporaryDirectory() as name:
        folder = Path(name).resolve()
        wheel = options.wheel or build(folder)
        environment = folder / "environment"
        install(environment, wheel, with_dependencies=options.install)
        ready = time.perf_counter()
        use(environment, folder)
    print(f"{wheel.name}: built and installed in {ready - start:.0f} s, used in {time.perf_counter() - ready:.0f} s")


def build(folder: Path) -> Path:
    """Build the wheel of the checkout."""
    run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder, cwd=ROOT)
    (wheel,) = folder.glob("*.whl")
    return wheel


def install(environment: Path, wheel: Path, *, with_dependencies: bool) -> None:
    """Make an environment that has the wheel and its dependencies, and nothing else."""
    run(sys.executable, "-m", "venv", "--without-pip", environment)
    python = environment / "bin" / "python"
    pip = (*PIP, "--python", python)
    if with_dependencies:
        run(*pip, "install", "--quiet", "--constraint", ROOT / "constraints.txt", wheel)
    else:
        run(*pip, "install", "--quiet", "--no-deps", "--no-index", wheel)
        site_packages = Path(output(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
        for entry in {entry for required in requirements(site_packages) for entry in entries(required)}:
            (site_packages / entry.name).symlink_to(entry)
    run(*pip, "check")


def requirements(site_packages: Path) -> Iterator[Distribution]:
    """Yield the distributions that the installed wheel requires, directly or indirectly, without extras."""
    installed = Distribution.discover(path=[str(site_packages)])
    (wheel,) = (candidate for candidate in installed if candidate.name == "palate")
    ahead, seen = list(wheel.requires or ()), {"palate"}
    while ahead:
        requirement = Requirement(ahead.pop())
        name = canonicalize_name(requirement.name)
        if name in seen or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        seen.add(name)
        try:
            required = distribution(name)
        except PackageNotFoundError:
            raise SystemExit(f"{name} is required and not installed here: run with --install") from None
        yield required
        ahead += required.requires or ()


def entries(required: Distribution) -> set[Path]:
    """Return the files and folders of a distribution that lie directly in site-packages."""
    tops = {file.parts[0] for file in required.files or () if file.parts[0] not in ("..", "__pycache__")}
    return {Path(str(required.locate_file(top))) for top in tops}


def use(environment: Path, folder: Path) -> None:
    """Run the commands of a first session in an empty folder, and check what they print.

    Raises:
        AssertionError: a command answers otherwise than it must.
    """
    empty = folder / "empty"
    empty.mkdir()
    palate = environment / "bin" / "palate"

    def command(*words: str) -> str:
        return output(palate, *words, cwd=empty)

    assert "recommend" in command("--help")
    assert command("--version").split()[-1] == wheel_version(environment)
    command("sample", "movielens-small", "-o", "ratings.csv")
    command("train", "movielens-small", "--model", "bias", "-o", "m.palate")
    recommended = [row["id"] for row in json.loads(command("recommend", "m.palate", "--user", "1", "--json"))["items"]]
    python = environment / "bin" / "python"
    ids = json.loads(output(python, "-c", USE, environment, " ".join(EXTRAS), "m.palate", cwd=empty))
    assert ids == recommended, f"Python recommends {ids}, the command {recommended}"
    refusal = subprocess.run((palate, "serve", "m.palate"), cwd=empty, env=clean(), capture_output=True, text=True)
    assert refusal.returncode != 0
    assert refusal.stderr.count("\n") == 1, refusal.stderr
    assert 'pip install "palate[serve]"' in refusal.stderr, refusal.stderr


def wheel_version(environment: Path) -> str:
    (info,) = environment.glob("lib/*/site-packages/palate-*.dist-info")
    return Distribution.at(info).version


def clean() -> dict[str, str]:
    """Return the environment variables without those that would lead Python back to the checkout."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PALATE", "VIRTUAL"))}


def run(*command: str | Path, cwd: Path | None = None) -> None:
    """Run a command. Its output is shown if it fails, and that ends the script."""
    output(*command, cwd=cwd)


def output(*command: str | Path, cwd: Path | None = None) -> str:
    """Return what a command prints; end the script with its output if it fails."""
    done = subprocess.run(command, cwd=cwd, env=clean(), capture_output=True, text=True)
    if done.returncode:
        line = " ".join(map(str, command))
        raise SystemExit(f"{line}\n{done.stdout}{done.stderr}\nfailed with exit status {done.returncode}")
    return done.stdout


if __name__ == "__main__":
    main()
