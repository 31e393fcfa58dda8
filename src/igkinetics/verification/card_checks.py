"""Figures of their publications that the shipped model cards have to reproduce."""

from __future__ import annotations

from collections.abc import Iterator

from igkinetics.cards.check import check_card
from igkinetics.cards.load import list_cards, load_card
from igkinetics.verification.comparison import Comparison, Point, compared


def comparisons() -> Iterator[Comparison]:
    for name in list_cards():
        card = load_card(name)
        for check in check_card(card):
            point = Point("", check.expected, check.found, check.tolerance)
            unit = "" if check.unit == "1" else f", {check.unit}"
            inputs = f"{check.inputs}{unit}".removeprefix(", ")
            yield compared(f"card {name}", check.quantity, inputs, [point], check.origin)
