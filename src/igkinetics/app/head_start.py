"""What the first curve needs, made in a thread while the server starts and the browser loads the page: kernels loaded
or compiled, the cohort read, the first patient fitted and asked about a regimen of each kind."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from igkinetics.app.opening import Opening
from igkinetics.errors import InputError

if TYPE_CHECKING:
    from igkinetics.app.desk import Desk

LOADING: Final = "Preparing the first patient …"
COMPILING: Final = (
    "Preparing: on its first start the software compiles its numerical code, which takes a minute or two. Later starts "
    "take seconds."
)
HORIZON_DAY: Final = 112.0
"""That of the page before anybody changes it."""
MOST_SECONDS_TO_DRAW: Final = 3.0
ANY_LEVEL_G_PER_L: Final = 4.0
"""Asked about where no level was named: no number of it is shown."""
REGIMENS: Final[tuple[dict[str, Any], ...]] = (
    {"name": "none"},
    {"name": "iv", "dose_g": 20.0, "interval_day": 28.0, "start_day": 0.0, "route": "iv"},
    {"name": "vials", "dose_g": 20.0, "interval_day": 28.0, "start_day": 0.0, "route": "iv", "vial_g": [5.0]},
    {"name": "sc", "dose_g": 8.0, "interval_day": 7.0, "start_day": 0.0, "route": "sc"},
)


@dataclass(eq=False)
class HeadStart:
    """desk: made ready, with the cohort of the command line or, without one, a patient made up for the kernels alone.
    refused: what reading that cohort gave. shown: set once the first patient has a fit, or cannot have one. drawn: set
    by a window that has told its first curve."""

    opening: Opening
    shown: threading.Event = field(default_factory=threading.Event)
    drawn: threading.Event = field(default_factory=threading.Event)
    compiling: bool = False
    desk: Desk | None = None
    refused: InputError | None = None

    def begin(self) -> HeadStart:
        threading.Thread(target=self.run, name="head start", daemon=True).start()
        return self

    @property
    def words(self) -> str:
        """What the page says meanwhile."""
        return COMPILING if self.compiling else LOADING

    def run(self) -> None:
        try:
            self.watch_compiling()
            self.first_fit()
            self.shown.set()
            self.drawn.wait(MOST_SECONDS_TO_DRAW)  # what follows would take the processor from the first curve
            self.ask_regimens()
        except InputError:  # of this patient: told when the page asks for it
            return
        finally:
            self.shown.set()

    def watch_compiling(self) -> None:
        from numba.core import event

        start = self

        class Watch(event.Listener):  # type: ignore[misc]
            def on_start(self, event: Any) -> None:
                start.compiling = True

            def on_end(self, event: Any) -> None:
                return

        event.register("numba:compile", Watch())

    def first_fit(self) -> None:
        from igkinetics.app.desk import Desk

        desk = Desk(card=self.opening.card)
        try:
            desk.open(self.opening.read() if self.opening.path is not None else made_up())
        except InputError as error:
            self.refused = error
            return
        self.desk = desk
        desk.fit(desk.first_followed)

    def ask_regimens(self) -> None:
        """Each kind of regimen once, so that no kernel is loaded or compiled while a slider moves."""
        from igkinetics.app.whatif import Plan
        from igkinetics.units import from_g_per_l

        if self.desk is None or self.desk.cohort is None:
            return
        level = from_g_per_l(ANY_LEVEL_G_PER_L, self.desk.cohort.igg_unit)
        plan = Plan(thresholds=self.opening.thresholds or (level,), horizon_day=HORIZON_DAY)
        patient = self.desk.plan(self.desk.first_followed, plan)
        for regimen in REGIMENS:
            for quick in (False, True):
                try:
                    patient.under(regimen, quick=quick)
                except InputError:  # no absorption in this card, no next dose
                    break

    def hand_over(self, desk: Desk) -> None:
        """Put the cohort of the command line on a window's desk, with what was made of it. InputError as reading it
        gave."""
        if self.refused is not None:
            raise self.refused
        if self.desk is None or self.desk.cohort is None:
            desk.open(self.opening.read())
            return
        desk.open(self.desk.cohort)
        desk.fits, desk.planned = dict(self.desk.fits), dict(self.desk.planned)


def made_up() -> Any:
    """A cohort of one patient that nobody sees."""
    from igkinetics.cohort.read import read_cohort

    samples = {"patient_id": ["A"] * 4, "day": [0, 20, 45, 80], "igg": [620, 480, 390, 410]}
    therapy = {"patient_id": ["A"], "start": [0], "stop": [28], "agent": ["blinatumomab"]}
    return read_cohort(samples=samples, therapy=therapy, igg_unit="mg/dL")
