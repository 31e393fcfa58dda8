"""`models`: the model cards that priors and simulations come from."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from igkinetics.cli.status import DEFECT_OF_OURS, INPUT_AT_FAULT, answering

models = typer.Typer(
    help="Model cards: list, show, check, new, typical, export.", rich_markup_mode=None, no_args_is_help=True
)
CardName = Annotated[str, typer.Argument(metavar="ID|FILE", help="A card's id or a card file.")]
Disposition = Annotated[
    str, typer.Option(metavar="NAME", help="one_compartment or two_compartment; default: the card's first.")
]
Agents = Annotated[
    list[str] | None, typer.Option("--agent", metavar="NAME", help="Therapy that decides S; repeatable.")
]


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
def show(card: CardName) -> None:
    """One card: its numbers, where each is from, and what is doubtful."""
    from igkinetics.cards.describe import describe_card
    from igkinetics.cards.load import load_card

    print(describe_card(load_card(card)), end="")


@models.command("check")
@answering
def check_models(
    cards: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID|FILE]...", help="Cards, or exported models; all shipped cards if none."),
    ] = None,
    as_shipped: Annotated[
        bool, typer.Option("--as-shipped", help="Hold card files to every rule of a shipped card.")
    ] = False,
) -> None:
    """Does each card reproduce the figures of its publication? Fails when one does not."""
    from igkinetics.cards.check import check_card
    from igkinetics.cards.describe import describe_checks
    from igkinetics.cards.export.check_table import check_exported
    from igkinetics.cards.load import SUFFIX, list_cards, load_card

    results, without = [], []
    for name in cards or list_cards():
        if not name.endswith(SUFFIX) and Path(name).is_file():
            found = check_exported(Path(name))
        else:
            card = load_card(name, as_shipped=as_shipped or not cards)
            found = check_card(card)
            without += [] if found else [card]
        results += found
    print(describe_checks(results, origins=bool(cards)) if results else "", end="")
    for card in without:
        print(f"{card.id}: sound, and without checks (private, unchecked).")
    failed = sum(not result.ok for result in results)
    print(f"{len(results) - failed} of {len(results)} checks hold.")
    if failed:
        raise typer.Exit(INPUT_AT_FAULT if cards else DEFECT_OF_OURS)


@models.command("new")
@answering
def new_model(
    card_id: Annotated[str, typer.Argument(metavar="ID|FILE.toml", help="Id of the card to be, or its file.")],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to write it; default ID.toml. Never over a file.")
    ] = None,
    compartments: Annotated[int, typer.Option(metavar="1|2", help="Compartments of IgG.")] = 2,
    endogenous: Annotated[
        str, typer.Option(metavar="turnover|constant|none", help="The patient's own IgG.")
    ] = "turnover",
    subcutaneous: Annotated[bool, typer.Option("--sc", help="With subcutaneous absorption.")] = False,
) -> None:
    """Write a commented card to be filled in with a model of your own."""
    from igkinetics.cards.new_card import new_card_text, write_new

    own = Path(card_id)
    if own.suffix == ".toml":
        card_id, out = own.stem, out or own
    path = out or Path(f"{card_id}.toml")
    text = new_card_text(card_id, compartments=compartments, endogenous=endogenous, subcutaneous=subcutaneous)
    write_new(path, text)
    print(f"Card written to {path}, with example values. Put your own in, then: igkinetics models show {path}")


@models.command("typical")
@answering
def typical(
    card: CardName,
    weight: Annotated[float | None, typer.Option(metavar="KG", help="Body weight; default: as the card says.")] = None,
    covariate: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="Another covariate of the card; repeatable.")
    ] = None,
    agent: Agents = None,
    disposition: Disposition = "",
) -> None:
    """One patient's typical parameters, with units."""
    import math

    from igkinetics.cards.load import load_card
    from igkinetics.cards.private import private_sentences
    from igkinetics.cards.typical import typical_table
    from igkinetics.errors import call_error

    pairs = [text.partition("=") for text in covariate or ()]
    if wrong := [text for text in covariate or () if "=" not in text]:
        raise call_error("covariate", ", ".join(wrong), "must be NAME=VALUE, such as age_y=50")
    found = load_card(card)
    table, notes = typical_table(
        found,
        weight_kg=math.nan if weight is None else weight,
        covariates={name.strip(): value.strip() for name, _, value in pairs},
        agents=tuple(agent or ()),
        disposition=disposition,
    )
    for row in table.to_dict("records"):
        unit = "" if row["unit"] == "1" else f" {row['unit']}"
        spread = f"; omega {row['omega']:.3g} ({row['scale']})" if row["omega"] > 0 else ""
        note = f"; {row['note']}" if row["note"] else ""
        print(f"{row['parameter']} = {row['value']:.6g}{unit}{spread}{note}")
    for note in (*notes, *private_sentences({found.id: found.sha256})):
        print(f"  {note}")


@models.command("export")
@answering
def export_model(
    card: CardName,
    to: Annotated[str, typer.Option("--to", metavar="nonmem|rxode2|mrgsolve", help="Language of the text.")],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to write it; default: the screen. Never over a file.")
    ] = None,
    agent: Agents = None,
    disposition: Disposition = "",
) -> None:
    """The card's model as text for another program, with levels to check it by."""
    from igkinetics.cards.export.specification import specification
    from igkinetics.cards.export.text import exported_text
    from igkinetics.cards.load import load_card
    from igkinetics.cards.new_card import write_new

    model = load_card(card)
    text = exported_text(model, to, disposition=disposition, agents=tuple(agent or ()))
    for note in specification(model, disposition=disposition, agents=tuple(agent or ())).notes:
        print(f"{note}; --agent names it", file=sys.stderr)
    if out is None:
        print(text, end="")
        return
    write_new(out, text)
    print(f"Model written to {out}. Check it here: igkinetics models check {out}")
