"""The form of the code, as far as linters don't see to it."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINES_MAX = 400
FUNCTION_LINES_MAX = 60
UNFINISHED = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|X" + r"XX)\b")
PRIVATE = re.compile(r"(?<![\w.])/(root|home|work)/")


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    return [ROOT / name for name in listed if (ROOT / name).is_file()]


FILES = tracked()
PYTHON = [path for path in FILES if path.suffix == ".py"]


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", PYTHON, ids=named)
def test_a_module_says_what_it_is_and_stays_readable(path: Path) -> None:
    text = path.read_text()
    tree = ast.parse(text)
    assert ast.get_docstring(tree), "no module docstring"
    assert text.count("\n") <= LINES_MAX
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= FUNCTION_LINES_MAX, f"{node.name} has {length} lines"


@pytest.mark.parametrize("path", FILES, ids=named)
def test_nothing_is_left_unfinished_or_tied_to_one_machine(path: Path) -> None:
    if path == Path(__file__):
        return
    text = path.read_text(errors="replace")
    assert not UNFINISHED.search(text)
    assert not PRIVATE.search(text)


def test_every_module_of_the_core_and_wire_has_its_test() -> None:
    missing = [
        named(path)
        for path in PYTHON
        if path.parent.name in {"core", "wire"}
        and path.parent.parent == ROOT / "l2announcer"
        and path.name != "__init__.py"
        and not (ROOT / "tests/unit" / path.parent.name / f"test_{path.name}").exists()
    ]
    assert missing == []


def test_only_the_package_is_installed_and_its_dependencies_are_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pinned = (ROOT / "requirements/run.txt").read_text().lower()
    for dependency in project["dependencies"]:
        name = re.split(r"[<>=]", dependency)[0].strip().lower()
        assert re.search(rf"^{re.escape(name)}==", pinned, re.MULTILINE), f"{name} is not pinned"
    assert "--hash=sha256:" in pinned
    assert "index-url" not in pinned
    assert "://" not in pinned
