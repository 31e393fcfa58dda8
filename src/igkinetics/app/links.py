"""Links of the page that save something: addresses of this window's session, answered when they are followed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from functools import partial
from typing import Final

from shiny import Session
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from igkinetics.app.saves import SAVES, Save, Wanted
from igkinetics.app.views import Message
from igkinetics.errors import InputError

NOTHING: Final = "There is nothing to save yet: pick a fitted patient, and give a level and a regimen.\n"


def offer_links(session: Session, wanted: Callable[[], Wanted | None]) -> list[Message]:
    """What the page shows as links. wanted: what it shows when one is followed; None for nothing."""
    return [
        {
            "words": each.words,
            "file": each.file,
            "href": session.dynamic_route(each.file.replace(".", "_"), partial(answer, each, wanted)),
        }
        for each in SAVES
    ]


def answer(save: Save, wanted: Callable[[], Wanted | None], request: Request) -> ASGIApp:
    """The file, made in a thread; or, as no attachment, in plain words why there is none."""

    async def respond(scope: Scope, receive: Receive, send: Send) -> None:
        await (await asyncio.to_thread(response_of, save, wanted()))(scope, receive, send)

    return respond


def response_of(save: Save, wanted: Wanted | None) -> Response:
    if wanted is None:
        return PlainTextResponse(NOTHING)
    try:
        content = save.make(wanted)
    except InputError as error:
        return PlainTextResponse(f"{save.words} cannot be saved.\n{error}\n")
    name = re.sub(r"[^\w.-]+", "_", wanted.patient.patient_id, flags=re.ASCII)[:60]
    headers = {"Content-Disposition": f'attachment; filename="{name}-{save.file}"'}
    return Response(content, media_type=save.kind, headers=headers)
