"""One window's conversation with the server: what was typed or dragged comes in, plain numbers and words go out.

Shiny keeps track of what depends on what: a regimen that moves asks for its own outlook and refits nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

from shiny import Inputs, Outputs, Session, reactive

from igkinetics.app.asked import number_of, plan_of, regimen_of
from igkinetics.app.desk import Desk
from igkinetics.app.head_start import HeadStart
from igkinetics.app.links import offer_links
from igkinetics.app.opening import Chosen, Opening, read_chosen
from igkinetics.app.records import record_from
from igkinetics.app.saves import Wanted
from igkinetics.app.views import (
    Message,
    cohort_view,
    outlook_view,
    patient_view,
    patients_view,
    unfit_view,
)
from igkinetics.app.whatif import Patient, Plan
from igkinetics.app.worklist import worklist_view
from igkinetics.cohort.proportion import refuse_out_of_proportion
from igkinetics.errors import InputError

NAMES: Final = {"a": "Regimen A", "b": "Regimen B", "none": "No more immunoglobulin"}
SECONDS_BETWEEN_WORDS: Final = 0.4
DEFECT: Final = "This is a defect of ours, not of your data; the lines on the terminal say where. Please report it."
Answer = Callable[[], Awaitable[None]]


class Conversation:
    """The desk of one window, and what the window is told. fitted and planned: what a regimen is asked of."""

    def __init__(self, opening: Opening, head_start: HeadStart, inputs: Inputs, session: Session) -> None:
        self.opening, self.head_start, self.input, self.session = opening, head_start, inputs, session
        self.desk = Desk(card=opening.card)
        self.opened: reactive.Value[int] = reactive.Value(0)
        self.edited: reactive.Value[int] = reactive.Value(0)
        self.fitted: reactive.Value[str] = reactive.Value("")
        self.planned: reactive.Value[Patient | None] = reactive.Value(None)
        self.choose = ""
        self.stamp: float | None = None
        self.asked: dict[str, dict[str, Any]] = {}

    async def tell(self, kind: str, message: Message) -> None:
        await self.session.send_custom_message(kind, message)

    async def refusing(self, where: str, step: Answer) -> bool:
        """Take a step; what it refuses is told at this place of the page. Whether it was taken."""
        try:
            await step()
        except InputError as error:
            await self.tell("refused", {"where": where, "words": words_of(error)})
            return False
        return True

    async def open(self, read: Callable[[], Any]) -> None:
        """Another cohort on the desk, or what is wrong with its files."""
        try:
            cohort = await asyncio.to_thread(read)
        except InputError as error:
            await self.tell("cohort", cohort_view(self.desk) | {"trouble": str(error)})
            return
        self.desk.open(cohort)
        await self.show_cohort()

    async def begin(self) -> None:
        """The cohort of the command line, its first patient fitted by then; what takes long is told meanwhile."""
        head_start = self.head_start
        while not await asyncio.to_thread(head_start.shown.wait, SECONDS_BETWEEN_WORDS):
            await self.tell("preparing", {"words": head_start.words})
        await self.tell("preparing", {"words": ""})
        if self.opening.path is None:
            await self.tell("cohort", cohort_view(self.desk))
            return
        try:
            await asyncio.to_thread(head_start.hand_over, self.desk)
        except InputError as error:
            await self.tell("cohort", cohort_view(self.desk) | {"trouble": str(error)})
            return
        await self.show_cohort()

    async def show_cohort(self) -> None:
        self.choose = self.desk.first_followed
        self.fitted.set("")
        await self.tell("cohort", cohort_view(self.desk) | {"opened": True})
        self.moved(self.opened)

    def moved(self, counter: reactive.Value[int]) -> None:
        """Whoever depends on this counter is asked anew."""
        with reactive.isolate():
            counter.set(counter.get() + 1)

    async def list_patients(self) -> None:
        self.opened.get()
        view = patients_view(self.desk, str(self.input.search()))
        choose, self.choose = self.choose, ""
        await self.tell("patients", view | {"choose": choose})

    async def show_patient(self) -> None:
        """The record and fit of the patient who was picked."""
        self.opened.get(), self.edited.get()
        patient_id, card = self.input.patient(), str(self.input.card())
        if not patient_id or patient_id not in self.desk.patient_ids:
            return
        self.desk.card = card
        self.planned.set(None)
        try:
            fit = await asyncio.to_thread(self.desk.fit, patient_id)
        except InputError as error:  # a card that cannot take this patient, a question about the record
            self.fitted.set("")
            await self.tell("patient", unfit_view(self.desk, patient_id, words_of(error)))
            return
        view = patient_view(self.desk, patient_id, fit)
        stamp, self.stamp = self.stamp, None
        await self.tell("patient", view | {"stamp": stamp})
        self.head_start.drawn.set()
        self.fitted.set("")
        self.fitted.set(patient_id if view["fitted"] else "")

    async def make_plan(self) -> None:
        """The plan that all regimens share, and what comes without any more immunoglobulin."""
        self.opened.get(), self.edited.get()
        patient_id, plan, trouble = self.fitted.get(), None, ""
        try:
            plan = plan_of(str(self.input.thresholds()), self.input.horizon(), self.input.from_day())
            if plan is not None and self.desk.cohort is not None:
                refuse_out_of_proportion(self.desk.cohort, thresholds=plan.thresholds)
            patient = await self.prepared(patient_id, plan)
        except InputError as error:
            plan, patient, trouble = None, None, words_of(error)
        self.planned.set(patient)
        if patient is not None:
            nothing = await asyncio.to_thread(patient.under, {"name": NAMES["none"]})
            await self.tell("outlook", outlook_view(patient, nothing, "none"))
        await self.tell("plan", {"thresholds": list(plan.thresholds) if plan else [], "trouble": trouble})

    async def prepared(self, patient_id: str, plan: Plan | None) -> Patient | None:
        if plan is None or not patient_id or patient_id not in self.desk.patient_ids:
            return None
        patient = self.desk.plan(patient_id, plan)
        await asyncio.to_thread(lambda: patient.prepared)
        return patient

    async def show_regimen(self, which: str) -> None:
        """What one regimen does; stamp: the page's own number of this question."""
        asked, patient = self.input[f"regimen_{which}"](), self.planned.get()
        if patient is None:
            return
        try:
            regimen = regimen_of(asked, NAMES[which])
            outlook = await asyncio.to_thread(partial(patient.under, regimen, quick=bool(asked["quick"])))
        except InputError as error:
            self.asked.pop(which, None)
            await self.tell("refused", {"which": which, "words": words_of(error)})
            return
        self.asked[which] = regimen
        view = outlook_view(patient, outlook, which)
        await self.tell("outlook", view | {"quick": bool(asked["quick"]), "stamp": int(asked["stamp"])})

    def wanted(self) -> Wanted | None:
        """What the page shows, for whatever is saved of it."""
        with reactive.isolate():
            patient = self.planned.get()
            shown = ("a", "b") if self.input.comparing() else ("a",)
        if patient is None or "a" not in self.asked:
            return None
        regimens = tuple(self.asked[which] for which in shown if which in self.asked)
        own = self.desk.of(patient.patient_id)
        return Wanted(patient=patient, own=own, card=self.desk.card, regimens=regimens)

    async def take_record(self) -> None:
        """A record that was typed, in place of the patient's own or as a new one."""
        given: dict[str, Any] = self.input.record()
        fresh = self.desk.cohort is None

        async def step() -> None:
            record = record_from(given)
            await asyncio.to_thread(self.desk.edit, record, str(given.get("igg_unit", "")))

        if await self.refusing("#record-trouble", step):
            self.stamp = given.get("stamp")
            if fresh:
                await self.tell("cohort", cohort_view(self.desk))
            patient_id = str(given["patient_id"]).strip()
            if self.input.patient() != patient_id:
                self.choose = patient_id
                self.moved(self.opened)
            else:
                self.moved(self.edited)

    async def take_back(self) -> None:
        self.desk.undo(str(self.input.undo()))
        self.moved(self.edited)

    async def pick(self) -> None:
        """A patient of the worklist, whatever the search lists."""
        self.choose = str(self.input.choose())
        self.moved(self.opened)

    async def take_files(self) -> None:
        files = [Chosen(name=each["name"], place=Path(each["datapath"])) for each in self.input.upload() or []]
        await self.open(partial(read_chosen, files, str(self.input.unit())))

    async def show_worklist(self) -> None:
        """Everybody fitted and forecast, most urgent first; the page answers meanwhile."""

        async def step() -> None:
            plan = plan_of(str(self.input.thresholds()), self.input.horizon(), None)
            days = number_of("days of the worklist", self.input.worklist_days())
            levels = plan.thresholds if plan else ()
            view = await asyncio.to_thread(worklist_view, self.desk.whole, self.desk.card, levels, days)
            await self.tell("worklist", view)

        if not await self.refusing("#worklist-said", step):
            await self.tell("worklist", {"said": "", "rows": [], "columns": [], "caption": ""})


def words_of(error: InputError) -> str:
    """What is wrong, a line for each problem."""
    return "\n".join(str(problem).removeprefix("file: ") for problem in error.problems)


def server_for(opening: Opening, head_start: HeadStart) -> Callable[[Inputs, Outputs, Session], None]:
    """The server function of a window."""

    def server(input: Inputs, output: Outputs, session: Session) -> None:
        talk = Conversation(opening, head_start, input, session)

        async def start() -> None:
            await talk.tell("saves", {"saves": offer_links(session, talk.wanted)})
            await talk.begin()

        follow(talk, start)
        for step in (talk.list_patients, talk.show_patient, talk.make_plan):
            follow(talk, step)
        for name, step in (
            ("upload", talk.take_files),
            ("record", talk.take_record),
            ("undo", talk.take_back),
            ("choose", talk.pick),
            ("make_worklist", talk.show_worklist),
            ("regimen_a", partial(talk.show_regimen, "a")),
            ("regimen_b", partial(talk.show_regimen, "b")),
        ):
            when_asked(talk, name, step)

    return server


def follow(talk: Conversation, step: Answer) -> None:
    """Take the step now, and again whenever something that it looked at changes."""

    @reactive.effect
    async def _() -> None:
        await unbroken(talk, step)


def when_asked(talk: Conversation, name: str, step: Answer) -> None:
    """Take the step whenever the page asks for it."""

    @reactive.effect
    @reactive.event(talk.input[name])
    async def _() -> None:
        await unbroken(talk, step)


async def unbroken(talk: Conversation, step: Answer) -> None:
    """The step; an error of ours is told on the page and on the terminal, and the conversation goes on."""
    import sys
    import traceback

    from shiny.types import SilentException

    try:
        await step()
    except SilentException:  # an input that the page has not sent yet
        raise
    except Exception:  # noqa: BLE001 (told in both places; the reader's other work must not be lost)
        traceback.print_exc(file=sys.stderr)
        await talk.tell("refused", {"where": "#opening-trouble", "words": DEFECT})
