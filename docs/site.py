"""MkDocs hooks: files outside docs/ that pages link to (README, model cards, code) join the site, under repository/."""

from __future__ import annotations

import os
import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

_REPOSITORY = Path(__file__).parent.parent
_LINK = re.compile(r"\]\(([^)#:\s]+)([^)\s]*)\)")  # target and anchor of links and pictures that are no web addresses
_CODE = re.compile(r"`[^`\n]+`")
_PREFIX = "repository"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add every file of the repository that a page, or an added page, links to."""
    waiting = [Path(page.abs_src_path or "") for page in files.documentation_pages()]
    added: set[Path] = set()
    while waiting:
        page = waiting.pop()
        for target, _ in _LINK.findall(page.read_text(encoding="utf-8")):
            linked = _linked(page, target)
            if linked.is_file() and not _in_docs(linked) and linked not in added:
                added.add(linked)
                files.append(File.generated(config, _place(linked), abs_src_path=str(linked)))
                if linked.suffix == ".md":
                    waiting.append(linked)
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links lead to where the files lie in the site (of those to folders the text stays), and mend tables."""
    source = Path(page.file.abs_src_path or "")
    here = posixpath.dirname(page.file.src_uri)

    def placed(link: re.Match[str]) -> str:
        linked = _linked(source, link[1])
        if not linked.is_file():
            return link[0]
        return f"]({posixpath.relpath(_place(linked), here or '.')}{link[2]})"

    markdown = re.sub(r"^\|.*$", lambda row: _CODE.sub(_with_plain_bars, row[0]), markdown, flags=re.MULTILINE)
    markdown = re.sub(r"(?<!!)\[([^\]]*)\]\(([^)#:\s]+)\)", lambda m: _text_of_folders(m, source), markdown)
    return _LINK.sub(placed, markdown)


def _with_plain_bars(code: re.Match[str]) -> str:
    """Code in a table: there GitHub needs a backslash before a bar, which MkDocs would show."""
    return code[0].replace("\\|", "|")


def _text_of_folders(link: re.Match[str], source: Path) -> str:
    return link[1] if _linked(source, link[2]).is_dir() else link[0]


def _linked(page: Path, target: str) -> Path:
    return Path(os.path.normpath(page.parent / target))


def _in_docs(path: Path) -> bool:
    return path.is_relative_to(_REPOSITORY / "docs")


def _place(path: Path) -> str:
    """Where a file of the repository lies in the site's sources."""
    if _in_docs(path):
        return path.relative_to(_REPOSITORY / "docs").as_posix()
    return f"{_PREFIX}/{path.relative_to(_REPOSITORY).as_posix()}"
