"""The therapy table: intervals of B-cell depletion, each with its agent."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

import numpy as np
import pandas as pd

from igkinetics.cohort.mapping.contract import suggestion
from igkinetics.cohort.mapping.headings import plain
from igkinetics.cohort.mapping.keys import TherapyMapping
from igkinetics.cohort.model import Floats
from igkinetics.cohort.parse.cells import one_spelling, patient_column
from igkinetics.cohort.parse.findings import Finding, Table, refuse, warn
from igkinetics.cohort.parse.parsed import Parsed, whole_table
from igkinetics.cohort.parse.times import read_times
from igkinetics.cohort.presets.concepts import agent_named
from igkinetics.errors import Problem, counted

OUTLASTING: Final = (
    (
        "an anti-CD20 antibody",
        180.0,
        "rituximab|mabthera|rituxan|truxima|ruxience|riabni|rixathon|obinutuzumab|gazyva|ofatumumab|arzerra|kesimpta|"
        "ocrelizumab|ocrevus|ublituximab|briumvi|anti.?cd20|"
        r"\b(?:r|g|o)-?(?:mini-?)?(?:chop|chp|cvp|benda\w*|b|fc|dhap|dhaox|ice|gemox|epoch|hyper-?cvad|ivac)\b|\bfcr\b|\bbr\b|"
        r"\bda-epoch-r\b|pola-r",
    ),
    (
        "CAR-T cells",
        30.0,
        r"\bcar.?t\b|leucel|cabtagene|\b(?:tisa|axi|brexu|liso|ide|cilta|obe).?cel\b|kymriah|yescarta|tecartus|breyanzi|"
        "abecma|carvykti|aucatzyl",
    ),
)
"""What is given once or a few times and empties B cells for long, and courses (days) so short that their stop is
probably the last dose. CD19+ cells were back 11 months (quartiles 7.3 and 18.0) after rituximab in 134 children
(Hoppener et al.); aplasia after CAR-T cells began by day 7 and lasted 24 months in 60 % of 34 (PMC7870804)."""

DEPLETING: Final = re.compile(
    r"anti.?(?:cd ?(?:19|20|22|38)|bcma|gprc5d)|bispecific|\bbite\b|\bbsab|t.?cell engager|blina|blincyto|tecvayli|"
    r"elrexfio|linvoseltamab|lynozyfic|talquetamab|talvey|epcoritamab|epkinly|odronextamab|lunsumio|columvi|tafasitamab|"
    r"monjuvi|loncastuximab|zynlonta|inebilizumab|uplizna|besponsa|darzalex|isatuximab|sarclisa|blenrep|r-?chop|\bfcr\b"
)


def depletes(name: str) -> bool:
    """Whether the name of an agent, or of a group or event, says one that depletes B cells."""
    text = plain(name).replace("_", " ")
    return bool(
        agent_named(name) or DEPLETING.search(text) or any(re.search(names, text) for _, _, names in OUTLASTING)
    )


def parse_therapy(table: Table) -> Parsed:
    """Columns of the frame: patient_id, start, stop (moments; inf: ongoing), agent, start_date_only."""
    start, findings = read_times(table, "start", "either", needed=True)
    stop, stop_findings = read_times(table, "stop", "either", needed=False)
    stop_findings = [_with_advice(finding) for finding in stop_findings]
    findings += patient_column(table) + stop_findings
    agent_cells = table.column("agent")
    agent = pd.Series("", index=table.text.index, dtype=str) if agent_cells is None else agent_cells.str.strip()
    refused_stop = np.zeros(len(agent), dtype=bool)
    for finding in stop_findings:
        refused_stop[finding.rows] = True
    agent, agent_notes = one_spelling(agent, "therapy", "agent")
    ends, notes, problems = _ends(table, start.moment, stop.moment, agent, refused_stop)
    if table.column("stop") is not None:
        expected = (
            "stop must be after start; where depletion outlasts the last dose, leave stop empty and "
            "state lasts_day under [therapy]"
        )
        reversed_rows = (stop.moment <= start.moment) & (stop.is_date == start.is_date)
        findings += refuse(reversed_rows, "stop", table.text["stop"], expected)
        findings += _stops_at_last_doses(table, stop.moment - start.moment, agent)
    frame = pd.DataFrame(
        {
            "patient_id": table.text["patient_id"],
            "start": start.moment,
            "stop": ends,
            "agent": agent,
            "start_date_only": start.date_only,
        }
    )
    return Parsed(
        table=table,
        frame=frame,
        times=(start, stop),
        findings=tuple(findings),
        problems=tuple(problems),
        notes=(*agent_notes, *notes),
    )


def _with_advice(finding: Finding) -> Finding:
    """An unreadable stop may be a word for a therapy that goes on."""
    if not isinstance(finding.expected, str):
        return finding
    return replace(finding, expected=f"{finding.expected}; left empty while the therapy goes on")


def _stops_at_last_doses(table: Table, days: Floats, agent: pd.Series[str]) -> list[Finding]:
    """Warn of stops that are probably days of the last dose, of agents whose depletion outlasts it by months."""
    findings: list[Finding] = []
    for what, short, names in OUTLASTING:
        named = agent.str.contains(names, case=False, regex=True).to_numpy(dtype=bool)
        expected = (
            f"read as the day on which B cells were back; after {what} they stay away for months. If it is that of the "
            "last dose, leave stop empty and state lasts_day under [therapy]"
        )
        findings += warn(named & (days > 0) & (days <= short), "stop", table.text["stop"], expected)
    return findings


def _ends(
    table: Table, start: Floats, stop: Floats, agent: pd.Series[str], refused: np.typing.NDArray[np.bool_]
) -> tuple[Floats, list[str], list[Problem]]:
    """Stops with the empty ones filled: start + lasts_day where stated for the agent, else inf."""
    lasts = table.settings.lasts_day if isinstance(table.settings, TherapyMapping) else None
    problems = []
    if isinstance(lasts, dict):
        agents = sorted(set(agent))
        folded = {name.casefold() for name in agents}
        problems = [
            whole_table(table, "lasts_day", name, f"no row has this agent; {suggestion(name, agents)}")
            for name in lasts
            if name.casefold() not in folded
        ]
        lasting = {name.casefold(): day for name, day in lasts.items()}
        days = agent.str.casefold().map(lasting).to_numpy(dtype=np.float64)
    else:
        days = np.full(len(agent), np.nan if lasts is None else lasts)
    empty = np.isnan(stop) & ~refused
    filled = np.where(empty, start + days, stop)
    ongoing = empty & np.isnan(days)
    n_lasting, n_ongoing = int((empty & ~ongoing).sum()), int(ongoing.sum())
    notes = []
    if n_lasting:
        notes.append(f"therapy: {counted(n_lasting, 'row')} without a stop: lasts_day ({_shown(lasts)})")
    if n_ongoing:
        notes.append(f"therapy: {counted(n_ongoing, 'row')} without a stop, taken as ongoing")
    return np.where(ongoing, np.inf, filled), notes, problems


def check_ends(therapy: Parsed) -> Parsed:
    """Refuse a course without a stop that goes on into a later one of the same agent; ask where the agents differ."""
    stop = therapy.table.column("stop")
    rows = therapy.usable()
    endless = np.isinf(rows["stop"].to_numpy(dtype=np.float64))
    if stop is None or not endless.any():
        return therapy
    order = rows.iloc[np.lexsort((rows["start"], rows["patient"]))]
    last = order.groupby("patient")["start"].transform("max")
    last_of_agent = order.groupby(["patient", "agent"])["start"].transform("max")
    several = order.groupby(["patient", "agent"])["start"].transform("size") > 1
    no_stop = np.isinf(order["stop"])
    ended = np.isfinite(order["stop"]).groupby(order["patient"]).transform("any")
    later = no_stop & several & (order["start"] < last_of_agent)
    others = no_stop & ~later & ended & (order["start"] < last)
    told = (
        "no stop, and a later course of this agent follows: it would go on for ever and hold all later ones; write the "
        "day on which it ended, or lasts_day under [therapy]"
    )
    asked = "no stop, so it is taken to go on through the later courses: is the stop missing?"
    return therapy.with_findings(
        [
            *refuse(therapy.rows(order.index[later]), "stop", stop, told),
            *warn(therapy.rows(order.index[others]), "stop", stop, asked),
        ]
    )


def _shown(lasts: float | dict[str, float] | None) -> str:
    if isinstance(lasts, dict):
        return ", ".join(f"{agent} {days:g} days" for agent, days in lasts.items())
    return f"{lasts:g} days"
