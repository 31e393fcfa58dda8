"""What every page shares: the templates, the style, the script of the tables, the notice."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from igkinetics import text
from igkinetics.charts import style
from igkinetics.provenance import RESEARCH_NOTICE

TEMPLATES: Final = Path(__file__).resolve().parent / "templates"
SCRIPT: Final = (TEMPLATES / "tables.js").read_text(encoding="utf-8")
SCRIPT_HASH: Final = "sha256-" + base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
"""The one script that a page's content security policy lets run."""


def page_environment() -> Environment:
    """Jinja with autoescape; a name that a template does not get is an error, never empty text."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["visible"] = text.visible
    environment.filters["number"] = text.number
    environment.filters["share"] = text.share
    environment.globals |= {"script": SCRIPT, "script_hash": SCRIPT_HASH, "notice": RESEARCH_NOTICE, "look": style}
    return environment
