"""The packages are ours even where PyPI's `rules`, `sensor` and `console` could be found first."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("package", ["sensor", "rules", "console"])
def test_import_finds_ours(package: str, tmp_path: Path) -> None:
    code = f"import {package}; print({package}.__file__)"
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert Path(found.stdout.strip()) == ROOT / package / "__init__.py"


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['fieldwatch', '--help']\n"
        "from console.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'numpy', 'numba', 'scapy', 'fastapi', 'pyarrow'}\n"
        "print(sorted(heavy & sys.modules.keys()), file=sys.stderr)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stderr.strip() == "[]"
    assert "analyze" in found.stdout


def test_the_core_never_imports_scapy() -> None:
    code = "import sys, rules.analysis, sensor.observer; print('scapy' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"


def test_no_package_files_below_tests() -> None:
    assert not list((ROOT / "tests").rglob("__init__.py"))
