"""Message catalogues: gather what pages say, merge it into the .po files, compile them.

`python -m console.web.catalogues` does all three. It needs Babel, which the console at run time does
not: there the standard library's gettext reads the compiled files. A test proves they are current.
"""

from __future__ import annotations

import io
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

WEB = Path(__file__).parent
LOCALE = WEB / "locale"
TRANSLATED = ("zh",)
METHODS = [("templates/**.html", "jinja2"), ("**.py", "python")]
KEYWORDS = {
    "_": None,
    "gettext": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
    "N_": None,
    "NC_": ((1, "c"), 2),
}


def template() -> Catalog:
    """Every message the templates and modules under console/web mark for translation."""
    catalog = Catalog(project="fieldwatch", charset="utf-8")
    found = extract_from_dir(
        WEB,
        METHODS,
        options_map={"templates/**.html": {"trimmed": "true"}},
        keywords=KEYWORDS,
        comment_tags=("i18n:",),
    )
    for filename, _line, message, comments, context in found:
        # Line numbers would make every edit of a page a change of the catalogue.
        catalog.add(message, None, [(filename, 0)], auto_comments=comments, context=context)
    return catalog


def load(language: str) -> Catalog:
    """The catalogue of `language` as it stands in its .po file, empty where there is none."""
    path = LOCALE / language / "LC_MESSAGES" / "console.po"
    if not path.exists():
        return Catalog(locale=language, project="fieldwatch", charset="utf-8")
    with path.open("rb") as file:
        return read_po(file, locale=language)


def update(language: str, current: Catalog) -> None:
    """Merge `current` into the .po file of `language`: new messages come in empty, old ones go."""
    catalog = load(language)
    created = catalog.creation_date
    catalog.update(current, no_fuzzy_matching=True)
    catalog.obsolete.clear()
    # A new date for every run would make every run a change.
    catalog.creation_date = created
    catalog.last_translator = catalog.language_team = catalog.msgid_bugs_address = "Fieldwatch"
    path = LOCALE / language / "LC_MESSAGES" / "console.po"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(
            file,
            catalog,
            width=110,
            sort_output=True,
            no_location=True,
            ignore_obsolete=True,
        )


def compiled(language: str) -> bytes:
    """The .mo file that belongs to the .po file of `language`."""
    buffer = io.BytesIO()
    write_mo(buffer, load(language))
    return buffer.getvalue()


def compile_all() -> None:
    """Write the .mo file of every language."""
    for language in TRANSLATED:
        (LOCALE / language / "LC_MESSAGES" / "console.mo").write_bytes(compiled(language))


if __name__ == "__main__":
    for language in TRANSLATED:
        update(language, template())
    compile_all()
