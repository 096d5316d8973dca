"""Check the built site: every internal link and anchor exists, no page loads anything from another host, and the
Korean pages say that they are Korean.

python -m scripts.check_site site
"""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED = {"src", "srcset", "poster", "data", "action", "formaction", "ping"}
"""Attributes whose address a browser asks for, or sends to, without a click on a link."""

LOADING_LINKS = {"stylesheet", "icon", "preload", "prefetch", "preconnect", "dns-prefetch", "modulepreload", "manifest"}


class Page(HTMLParser):
    """The language, the anchors, the links and the loaded addresses of one page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.language = ""
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attributes}
        self.anchors |= {values[name] for name in ("id", "name") if values.get(name)}
        self.loads += [values[name] for name in LOADED & values.keys()]
        self.loads += re.findall(r"url\(\s*['\"]?([^'\")]+)", values.get("style", ""))
        if tag == "html":
            self.language = values.get("lang", "")
        elif tag == "link" and LOADING_LINKS & set(values.get("rel", "").split()):
            self.loads.append(values.get("href", ""))
        elif tag in ("a", "link") and "href" in values:
            self.links.append(values["href"])


def problems(site: Path) -> list[str]:
    """Return a line for each broken internal link, each request to another host and each wrong language."""
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    lines = []
    for path, page in pages.items():
        shown = path.relative_to(site)
        if shown.parts[0] == "ko" and page.language != "ko":
            lines.append(f"{shown} is in Korean, and its language is {page.language!r}")
        lines += [f"{shown} loads {address}" for address in page.loads if _is_outside(address)]
        lines += [f"{shown} links to {link}" for link in [*page.links, *page.loads] if _is_broken(link, path, pages)]
    for path in sorted(site.rglob("*.css")):
        text = path.read_text(encoding="utf-8")
        addresses = re.findall(r"(?:url\(\s*|@import\s+)['\"]?([^'\")\s;]+)", text)
        lines += [f"{path.relative_to(site)} loads {address}" for address in addresses if _is_outside(address)]
    return lines


def _is_outside(address: str) -> bool:
    return address.startswith("//") or urlsplit(address).scheme not in ("", "data")


def _is_broken(link: str, path: Path, pages: dict[Path, Page]) -> bool:
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return False
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path.resolve()
    anchor = unquote(parts.fragment)
    return not target.exists() or bool(anchor and target in pages and anchor not in pages[target].anchors)


def main() -> None:
    site = Path(sys.argv[1]).resolve()
    lines = problems(site)
    if lines:
        sys.exit("\n".join(lines))
    print(
        f"{site.name}: {len(list(site.rglob('*.html')))} pages, every link leads somewhere, no request to another host"
    )


if __name__ == "__main__":
    main()
