"""`models`: the model cards that priors and simulations come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from igkinetics.cli.status import DEFECT_OF_OURS, INPUT_AT_FAULT, answering

if TYPE_CHECKING:
    from igkinetics.report.card_view import CardView

models = typer.Typer(help="Model cards: list, show, check.", rich_markup_mode=None, no_args_is_help=True)
CardName = Annotated[str, typer.Argument(metavar="ID|FILE", help="A card's id or a card file.")]


@models.command("list")
@answering
def list_models() -> None:
    """Ids and titles of the shipped cards."""
    from igkinetics.cards.load import list_cards, load_card

    for card_id in list_cards():
        print(f"{card_id}: {load_card(card_id).title}")


@models.command("show")
@answering
def show(card: CardName) -> None:
    """One card: its numbers, where each is from, and what is doubtful."""
    from igkinetics.cards.load import load_card
    from igkinetics.report.card_view import card_view

    loaded = load_card(card)
    print("\n".join(card_lines(card_view(loaded.id, loaded.sha256, card))))


def card_lines(view: CardView) -> list[str]:
    """A card as lines of text."""
    lines = [f"{view.card_id}: {view.title}", view.population, f"SHA-256 {view.sha256}", "", "Numbers"]
    lines += [f"  {number.name} = {number.value}  [{number.kind}] {number.ground}" for number in view.numbers]
    lines += ["", "Sources", *(f"  {line}" for line in view.citations)]
    return [*lines, "", "Doubts", *(f"  {doubt}" for doubt in view.doubts)]
