"""What every page shares: the templates and their filters, the style, the script, the lines under the title."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from igkinetics import text
from igkinetics.charts import style
from igkinetics.provenance import RESEARCH_NOTICE

TEMPLATES: Final = Path(__file__).resolve().parent / "templates"
SCRIPT: Final = (TEMPLATES / "page.js").read_text(encoding="utf-8")
SCRIPT_HASH: Final = "sha256-" + base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
"""The one script that a page's content security policy lets run."""
ISO_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


def whole_dates(words: str) -> Markup:
    """Text whose dates are never broken at a hyphen."""
    return Markup(ISO_DATE.sub(r'<span class="date">\g<0></span>', str(escape(words))))


FILTERS: Final = {
    "visible": text.visible,
    "number": text.number,
    "share": text.share,
    "fraction": text.fraction,
    "level": text.level,
    "day": text.day,
    "listed": text.listed,
    "whole_dates": whole_dates,
}
"""What turns values of the tables into what a reader sees: `{{ row.fitted_nadir | level(unit) }}`."""


def strict_environment(folder: Path) -> Environment:
    """Jinja with autoescape; a name that a template does not get is an error, never empty text."""
    return Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def page_environment() -> Environment:
    """That of the reports, with the filters of FILTERS and what every page holds."""
    environment = strict_environment(TEMPLATES)
    environment.filters.update(FILTERS)
    environment.globals |= {"script": SCRIPT, "script_hash": SCRIPT_HASH, "notice": RESEARCH_NOTICE, "look": style}
    return environment


def render_page(template: str, title: str, record: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    """The page of a run: its template with `values`, and the title, the lines under it and the run record."""
    shared = {
        "title": title,
        "byline": byline(record),
        "record": record,
        "record_text": json.dumps(record, indent=2, ensure_ascii=False),
    }
    return page_environment().get_template(template).render(shared | dict(values))


def byline(record: Mapping[str, Any]) -> list[str]:
    """Unit, day and version of a run, as they stand under the title of its page."""
    unit = record.get("igg_unit")
    started = datetime.fromisoformat(record["started"])
    return [
        *([f"IgG in {unit}"] if unit else []),
        f"{started.day} {started:%B %Y}",
        f"igkinetics {record['versions']['igkinetics']}, {record['command']}",
    ]
