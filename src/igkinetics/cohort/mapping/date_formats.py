"""The form of dates in foreign tables: proposed where only one reading fits every cell, else left to choose."""

from __future__ import annotations

import json
import re
from typing import Final

import pandas as pd

ORDERS: Final = {
    r"\d{1,2}\.\d{1,2}\.\d{4}": ("%d.%m.%Y",),
    r"\d{1,2}\.\d{1,2}\.\d{2}": ("%d.%m.%y",),
    r"\d{1,2}/\d{1,2}/\d{4}": ("%d/%m/%Y", "%m/%d/%Y"),
    r"\d{1,2}/\d{1,2}/\d{2}": ("%d/%m/%y", "%m/%d/%y"),
    r"\d{1,2}-\d{1,2}-\d{4}": ("%d-%m-%Y", "%m-%d-%Y"),
    r"\d{1,2}-\d{1,2}-\d{2}": ("%d-%m-%y", "%m-%d-%y"),
    r"\d{1,2}[- ][A-Za-z]{3}[- ]\d{4}": ("%d-%b-%Y", "%d %b %Y"),
    r"\d{1,2}[A-Za-z]{3}\d{4}": ("%d%b%Y",),
    r"\d{4}/\d{1,2}/\d{1,2}": ("%Y/%m/%d",),
    r"\d{8}": ("%Y%m%d",),
}
"""The look of a date -> the forms it could have."""
CLOCKS: Final = {
    r"": "",
    r" \d{1,2}:\d{2}": " %H:%M",
    r" \d{1,2}:\d{2}:\d{2}": " %H:%M:%S",
    r" \d{1,2}:\d{2} ?[AaPp][Mm]": " %I:%M %p",
    r" \d{1,2}:\d{2}:\d{2} ?[AaPp][Mm]": " %I:%M:%S %p",
    r":\d{2}:\d{2}": ":%H:%M",
    r":\d{2}:\d{2}:\d{2}": ":%H:%M:%S",
}


def date_format(cells: pd.DataFrame, column: str | tuple[str, str]) -> list[str]:
    """The line datetime_format where all dates are of one form; two forms with a column of times that may be empty."""
    if isinstance(column, str):
        return _line(*formats_of(cells[column]), clocks=("",))
    clock = " %H:%M:%S" if bool(cells[column[1]].str.count(":").max() == 2) else " %H:%M"
    return _line(*formats_of(cells[column[0]]), clocks=(clock, ""))


def formats_of(cells: pd.Series[str]) -> tuple[list[str], int]:
    """(the forms that every filled cell fits, how many cells); none for ISO dates, day numbers or a mix."""
    filled = cells[cells.str.strip() != ""].str.strip()
    for look, orders in ORDERS.items():
        for clock, directive in CLOCKS.items():
            if len(filled) and bool(filled.str.fullmatch(look + clock).all()):
                forms = [order + directive for order in orders]
                read = {form: pd.to_datetime(filled, format=form, errors="coerce") for form in forms}
                return [form for form in forms if read[form].notna().all()] or forms, len(filled)
    return [], len(filled)


def readings(cells: pd.Series[str]) -> list[tuple[str, ...]]:
    """The forms, tried on every cell, that read all of them: one for each order of day and month that does."""
    filled = pd.Series(cells.str.strip().unique(), dtype=str)
    filled = filled[filled != ""]
    readings = []
    for order in (0, 1):
        forms, rest = [], filled
        for look, orders in ORDERS.items():
            alike = rest[rest.str.match(look)] if len(rest) else rest
            for clock, directive in CLOCKS.items() if len(alike) else ():
                part = alike[alike.str.fullmatch(look + clock)]
                form = orders[min(order, len(orders) - 1)] + directive
                read = part[pd.to_datetime(part, format=form, errors="coerce").notna()]
                if len(read):
                    forms.append(form)
                    rest = rest.drop(read.index)
                    alike = alike.drop(part.index)
        if forms and rest.empty and tuple(forms) not in readings:
            readings.append(tuple(forms))
    return readings


def _line(forms: list[str], n_cells: int, *, clocks: tuple[str, ...]) -> list[str]:
    if not forms:
        return []
    written = [form + clock for form in forms[:1] for clock in clocks]
    shown = f"datetime_format = {json.dumps(written if len(written) > 1 else written[0])}"
    if len(forms) > 1:
        return [f"# {shown}    # CHOOSE: day and month could be either"]
    two_orders = re.search(r"[/-]", forms[0]) is not None and "%b" not in forms[0] and not forms[0].startswith("%Y")
    all_cells = "the one cell" if n_cells == 1 else f"all {n_cells} cells"
    only = f": the only order of day and month that fits {all_cells}; CHOOSE another if it is wrong"
    return [f"{shown}    # GUESS{only if two_orders else ''}"]
