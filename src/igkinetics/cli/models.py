"""`models`: the model cards that priors and simulations come from."""

from __future__ import annotations

from typing import Annotated

import typer

from igkinetics.cli.status import DEFECT_OF_OURS, INPUT_AT_FAULT, answering

models = typer.Typer(help="Model cards: list, show, check.", rich_markup_mode=None, no_args_is_help=True)


@models.command("list")
@answering
def list_models() -> None:
    """The shipped cards: size, structure, routes, and which hold typical values only."""
    from igkinetics.cards.describe import cards_table

    for card in cards_table().to_dict("records"):
        doi = f"; doi:{card['doi']}" if card["doi"] else ""
        number = f"{card['n_patients']} people" if card["n_patients"] else "synthesis"
        limited = "; typical values only" if card["use"] == "typical_only" else ""
        print(f"{card['id']}: {card['title']}")
        print(f"    {number}; {card['structure']}; {card['routes']}{limited}{doi}")


@models.command("show")
@answering
def show(card: Annotated[str, typer.Argument(metavar="ID|FILE", help="A card's id or a card file.")]) -> None:
    """One card: its numbers, where each is from, and what is doubtful."""
    from igkinetics.cards.describe import describe_card
    from igkinetics.cards.load import load_card

    print(describe_card(load_card(card)), end="")


@models.command("check")
@answering
def check_models(
    cards: Annotated[
        list[str] | None, typer.Argument(metavar="[ID|FILE]...", help="Cards to check; all shipped ones if none.")
    ] = None,
) -> None:
    """Does each card reproduce the figures of its publication? Fails when one does not."""
    from igkinetics.cards.check import check_card
    from igkinetics.cards.describe import describe_checks
    from igkinetics.cards.load import list_cards, load_card

    results = [result for card in cards or list_cards() for result in check_card(load_card(card))]
    print(describe_checks(results, origins=bool(cards)), end="")
    failed = sum(not result.ok for result in results)
    print(f"{len(results) - failed} of {len(results)} checks hold.")
    if failed:
        raise typer.Exit(INPUT_AT_FAULT if cards else DEFECT_OF_OURS)
