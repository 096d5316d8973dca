"""Take the pictures of the tutorial: its commands are run, and what they print becomes an SVG.

    python -m scripts.make_pictures

A picture follows the block of commands that it shows. The studio's pictures need Playwright and Chromium.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import sync_playwright
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text
from tests.service.running import running
from tests.service.studio import CHROMIUM_OPTIONS, chromium

from scripts.make_screenshots import RATED, take

PAGE = Path(__file__).parents[1] / "docs" / "tutorial" / "index.md"
WIDTH = 96
"""Columns of the terminal."""

FRAME = """\
<svg viewBox="0 0 ({terminal_width}+20) ({terminal_height}+20)" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font: {char_height}px "Fira Code", "DejaVu Sans Mono", Menlo, Consolas, monospace }}
{styles}
</style>
<defs>{lines}</defs>
<rect width="100%" height="100%" rx="8" fill="#0c0c0c"/>
<g transform="translate(10, 10)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
"""Rich's own frame fetches its font from another host; this one takes what is there."""


def steps(text: str) -> Iterator[tuple[list[str], str]]:
    """Yield each block of commands and the path of the picture that follows it, or "" without one."""
    pattern = r"^```console\n(.*?)^```$(?:\n\n!\[[^]]*\]\(([^)]+)\))?"
    for block, picture in re.findall(pattern, text, flags=re.DOTALL | re.MULTILINE):
        commands = block.replace("\\\n", "").splitlines()
        yield [command.removeprefix("$ ") for command in commands if command.startswith("$ ")], picture


def draw(commands: list[str], outputs: list[str], path: Path) -> None:
    """Write commands and what each printed as one picture of a terminal."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=WIDTH, file=nowhere, force_terminal=True)
        for command, output in zip(commands, outputs, strict=True):
            console.print(Text.assemble(("$ ", "green"), (command, "bold")))
            console.print(Text.from_ansi(output), end="" if output.endswith("\n\n") else "\n")
        path.parent.mkdir(parents=True, exist_ok=True)
        svg = console.export_svg(title="", theme=MONOKAI, code_format=FRAME, unique_id=path.stem)
    svg = re.sub(r"\(([\d.]+)\+(\d+)\)", lambda sum_: f"{float(sum_[1]) + int(sum_[2]):g}", svg, count=2)
    path.write_text(svg, encoding="utf-8")
    print(path.name)


def printed(command: str, folder: Path) -> str:
    """Run one command and return what it printed, with its colours."""
    place = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "COLUMNS": str(WIDTH)}
    terminal = {"TTY_COMPATIBLE": "1", "TTY_INTERACTIVE": "0"}
    result = subprocess.run(
        command,
        shell=True,
        cwd=folder,
        env={**os.environ, **place, **terminal},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    return re.sub(r"\x1b\[\?25[lh]", "", result.stdout)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, model = Path(name), Path()
        for commands, picture in steps(PAGE.read_text(encoding="utf-8")):
            program, *words = commands[0].split()
            if (program, *words[:1]) == ("palate", "serve"):
                model = folder / words[1]
                photograph(model)
            elif program == "curl":
                with running(model, f"{model}.events.sqlite") as client:
                    asked = commands[0].replace(":8000", f":{client.port}").replace("curl", "curl --silent")
                    draw(commands, [printed(asked, folder)], PAGE.parent / picture)
            else:
                draw(commands, [printed(command, folder) for command in commands], PAGE.parent / picture)


def photograph(model: Path) -> None:
    """Take the picture of the studio with the model that the tutorial serves."""
    with sync_playwright() as playwright, running(model, f"{model}.events.sqlite") as client:
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_OPTIONS)
        take(
            browser,
            f"http://127.0.0.1:{client.port}/",
            "tutorial/studio",
            f"#/try?rate={RATED}",
            {"viewport": {"width": 1280, "height": 720}},
        )
        browser.close()


if __name__ == "__main__":
    main()
