"""The page as one document, and the application that serves it: every script and style from this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from shiny import App, Inputs, Outputs, Session, ui

from igkinetics.app.guard import policy_for
from igkinetics.app.head_start import HORIZON_DAY, HeadStart
from igkinetics.app.opening import Opening, cards_view
from igkinetics.provenance import RESEARCH_NOTICE
from igkinetics.report.environment import TEMPLATES, strict_environment
from igkinetics.units import IGG_UNITS

ASSETS: Final = Path(__file__).resolve().parent / "assets"
PLACEHOLDER: Final = '<meta name="shiny-dependency-placeholder" content="">'
FIELDS: Final = (
    ("dose_g", "Dose", "g", 0, 100, 1, 0),
    ("interval_day", "Interval", "days", 7, 56, 1, 28),
    ("start_day", "Start in", "days", 0, 56, 1, 0),
)
"""Key, words, unit, ends and step of the slider, where it stands at first: no dose is anybody's default."""
VIALS: Final = ("1", "2.5", "5", "10", "20")


def document(opening: Opening) -> str:
    """The page."""
    return (
        strict_environment(ASSETS)
        .get_template("page.html.j2")
        .render(
            notice=RESEARCH_NOTICE,
            placeholder=PLACEHOLDER,
            units=IGG_UNITS,
            cards=cards_view(),
            chosen_card=opening.card,
            thresholds="; ".join(f"{each:g}" for each in opening.thresholds),
            fields=FIELDS,
            vials=VIALS,
            horizon=f"{HORIZON_DAY:g}",
        )
    )


def application(opening: Opening, head_start: HeadStart) -> tuple[App, str]:
    """The application for one reader, each window with a desk of its own; and the policy of its page."""

    def server(input: Inputs, output: Outputs, session: Session) -> None:
        from igkinetics.app.session import server_for  # here: by then the head start has loaded what it needs

        server_for(opening, head_start)(input, output, session)

    assets = {"/assets": ASSETS, "/look/style.css": TEMPLATES / "style.css"}
    made = App(ui.page_html(document(opening)), server, static_assets=assets, test_mode=False)
    if callable(made.ui):
        raise AssertionError("the page is one document, rendered once")
    return made, policy_for(made.ui["html"])
