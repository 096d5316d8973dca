"""Functions that the benchmarks share: find the data, sum up figures, and write results."""

import json
import math
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import llvmlite.binding as llvm
import torch

HERE = Path(__file__).parent
PICTURES = HERE.parent / "docs" / "pictures"

T95 = (math.nan, math.nan, 12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
"""Student's t for a two-sided 95 % interval, by the number of values; more than ten count as ten."""


def data(name: str) -> Path:
    """Return a folder of real data, under PALATE_DATA or else ../shared/data beside the repository."""
    folder = Path(os.environ.get("PALATE_DATA") or HERE.parents[1] / "shared" / "data") / name
    if not folder.is_dir():
        raise SystemExit(f"{folder} is missing: set PALATE_DATA to the folder that holds {name}")
    return folder


def spread(values: Sequence[float]) -> str:
    """Format mean ± standard deviation over seeds."""
    return f"{mean(values):.4f} ± {stdev(values):.4f}" if len(values) > 1 else f"{values[0]:.4f}"


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % confidence interval of the mean of independent values."""
    half = T95[min(len(values), 10)] * stdev(values) / math.sqrt(len(values))
    return mean(values) - half, mean(values) + half


def as_markdown(rows: Sequence[dict[str, Any]]) -> str:
    """Format rows with the same keys as a table."""
    lines = [list(rows[0]), ["---"] * len(rows[0]), *([str(value) for value in row.values()] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def printed(*command: str) -> Any:
    """Run a command as a process of its own and return the JSON that it prints."""
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def peak() -> int:
    """Return the peak memory of this process in bytes; getrusage would include that of its parent."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def record(name: str, figures: dict[str, Any], summary: str, table: Sequence[dict[str, Any]] = ()) -> None:
    """Print the table, write `results/<name>.json`, and append a row to results.md."""
    about = write(name, figures, table)
    with (HERE / "results.md").open("a", encoding="utf-8") as file:
        file.write(f"| {' | '.join([*about.values(), summary])} |\n")
    if table:
        print(f"\n{as_markdown(table)}")
    print(f"\n{summary}")


def write(name: str, figures: dict[str, Any], table: Sequence[dict[str, Any]] = ()) -> dict[str, str]:
    """Write `results/<name>.json`; return the command, the date and the machine."""
    about = {
        "date": datetime.now(UTC).date().isoformat(),
        "commit": _commit(),
        "machine": _machine(),
        "command": f"python -m benchmarks.{Path(sys.argv[0]).stem}{''.join(f' {word}' for word in sys.argv[1:])}",
    }
    folder = HERE / "results"
    folder.mkdir(exist_ok=True)
    text = json.dumps({**about, "figures": figures, "table": list(table)}, indent=1, ensure_ascii=False)
    (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    return about


def _commit() -> str:
    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=HERE, capture_output=True, text=True, check=False).stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "--", "../src")
    return (git("rev-parse", "--short", "HEAD") or "no git") + (" with changes" if changed else "")


def _machine() -> str:
    """Describe the machine, such as "x86_64 (znver4), 2 cores, 1 thread, torch 2.13.0"; OMP_NUM_THREADS sets the
    threads."""
    processor = f"{platform.machine()} ({llvm.get_host_cpu_name()})"
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else processor
    threads = torch.get_num_threads()
    version = torch.__version__.partition("+")[0]
    return f"{device}, {os.cpu_count()} cores, {threads} thread{'s' if threads > 1 else ''}, torch {version}"
