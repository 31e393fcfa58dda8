"""What can be saved from the page. The browser asks where, and never writes over a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from igkinetics.app.session import Conversation


def offer_saves(talk: Conversation) -> None:
    """Links that are made when they are followed."""
