"""A cohort in chunks: whom the compiled path takes, everyone else by the search for one patient, one set of tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, overload

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import chdtrc

from igkinetics.cards.model import Card
from igkinetics.cohort.model import Cohort, Patient
from igkinetics.errors import told_error
from igkinetics.fit.batch.fitted import Fitted, contractions
from igkinetics.fit.batch.frames import chunk_tables
from igkinetics.fit.batch.inputs import Entrant
from igkinetics.fit.batch.joining import Columns, Words, frame_of, size_of, words_of
from igkinetics.fit.batch.layout import CHANGED, LEFT_WORDS, X
from igkinetics.fit.batch.lines import lines_in
from igkinetics.fit.batch.run import CHUNK, Chunk, Taking, fitted_chunk
from igkinetics.fit.cohort import INTERRUPTED, NOT_TRIED, Noted, PatientResult, patient_result, unfitted, with_tables
from igkinetics.fit.cohort_checks import Learnt, learnt_of
from igkinetics.fit.columns import TABLES, WITH_ESTIMATES
from igkinetics.fit.common_steps import Linear, lines_of
from igkinetics.fit.options import FitOptions
from igkinetics.fit.problem import PRIOR_NAME
from igkinetics.fit.records import DRAW_COLUMNS
from igkinetics.fit.result import PatientFit
from igkinetics.fit.tables import OF_PATIENTS, together, whole_tables
from igkinetics.fit.unexplained import WHOLE_COURSE_P
from igkinetics.parallel import Progress, as_far_as_reached

MOST_DRAWS: Final = 2000
"""Of each patient of a whole chunk."""
NOT_TAKEN: Final = "record or prior of another kind"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkResult:
    """The columns of those fitted in a chunk, all patients' results left to the search for one with why, and what is
    asked of the whole cohort."""

    tables: dict[str, Columns]
    noted: dict[int, Noted]
    left: dict[int, PatientResult]
    why: Counter[str]
    learnt: Learnt
    lines: dict[str, Linear]


@dataclass(frozen=True, slots=True, kw_only=True)
class InChunks:
    """A whole cohort: tables, what is to be said of single patients, and how many were left to the search for one."""

    fits: DeferredFits
    tables: dict[str, pd.DataFrame]
    noted: list[Noted]
    left: dict[str, int]
    interrupted: bool


@dataclass(frozen=True, slots=True, eq=False)
class DeferredFits(Sequence[PatientFit]):
    """The fits of single patients, made when one is asked for: their points are not those behind the tables."""

    cohort: Cohort
    card: Card
    options: FitOptions
    made: dict[int, PatientFit] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.cohort.patient_ids)

    @overload
    def __getitem__(self, place: int) -> PatientFit: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[PatientFit]: ...
    def __getitem__(self, place: int | slice) -> PatientFit | Sequence[PatientFit]:
        if isinstance(place, slice):
            return [self[own] for own in range(*place.indices(len(self)))]
        if not -len(self) <= place < len(self):
            raise IndexError(place)
        own = place % len(self)
        if own not in self.made:
            patient = self.cohort.patient(self.cohort.patient_ids[own])
            self.made[own] = patient_result(self.cohort, patient, [(self.card, 1.0)], self.options).fit
        return self.made[own]

    def over(self, options: FitOptions) -> dict[str, pd.DataFrame]:
        """All tables for another window or other thresholds: the same fits, from the same random numbers."""
        return fit_in_chunks(self.cohort, self.card, options).tables


def fit_in_chunks(cohort: Cohort, card: Card, options: FitOptions, progress: Progress | None = None) -> InChunks:
    taking = Taking(cohort, card, options)
    n = len(cohort.patient_ids)
    size = chunk_size(options)
    starts = range(0, n, size)
    tasks = [partial(chunk_result, taking, start, min(start + size, n)) for start in starts]

    def chunks_done(done: int, _: int) -> None:
        if progress is not None:
            progress(min(done * size, n), n)

    reached = as_far_as_reached(tasks, options.jobs, chunks_done)
    results = [
        reached.results[place] if place in reached.results else not_reached(taking, start, min(start + size, n))
        for place, start in enumerate(starts)
    ]
    left = {place: result for each in results for place, result in each.left.items()}
    tried = [result.fit for result in left.values() if result.fit.status not in NOT_TRIED]
    tables = {name: put_together(name, cohort, results, left) for name in (*OF_PATIENTS, "draws")}
    learnt = merged([*(each.learnt for each in results), learnt_of(tried)])
    lines = {name: line for each in results for name, line in each.lines.items()} | lines_of(tried)
    noted = {place: one for each in results for place, one in each.noted.items()}
    noted |= {place: result.fit for place, result in left.items() if result.fit.status not in NOT_TRIED}
    return InChunks(
        fits=DeferredFits(cohort, card, options, {place: result.fit for place, result in left.items()}),
        tables=tables | whole_tables(cohort, tables, learnt, lines, options),
        noted=[noted[place] for place in sorted(noted)],
        left=dict(sum((each.why for each in results), Counter())),
        interrupted=reached.interrupted,
    )


def chunk_size(options: FitOptions) -> int:
    """Patients at a time; fewer where there are so many draws of each that a chunk would take much memory."""
    return max(CHUNK * MOST_DRAWS // max(options.draws, MOST_DRAWS), 1) if options.intervals == "draws" else CHUNK


def chunk_result(taking: Taking, start: int, end: int) -> ChunkResult:
    """The patients in these places; those marked on the way, and all where an error of ours comes up, one by one."""
    cohort, options = taking.cohort, taking.options
    patients = {place: cohort.patient(cohort.patient_ids[place]) for place in range(start, end)}
    why: Counter[str] = Counter()
    chunk, kept = None, dict[int, Entrant]()
    try:
        found = {place: taking.entrant(place, patient) for place, patient in patients.items()}
        entrants = [entrant for entrant in found.values() if entrant is not None]
        if entrants:
            chunk = judged(fitted_chunk(entrants, options, cohort.igg_unit))
            fitted = Fitted(cohort=cohort, chunk=chunk, options=options)
            kept = {entrant.place: entrant for entrant in fitted.entrants}
            why.update(LEFT_WORDS[code] for code in chunk.found.code if code)
            tables = chunk_tables(fitted)
            learnt, lines = learnt_in(fitted), lines_in(fitted, taking.scanned)
    except Exception as error:  # noqa: BLE001 (told in the run record; nobody loses a fit by it)
        chunk, kept, why = None, {}, Counter({f"error: {told_error(error)}": end - start})
    left = {
        place: patient_result(cohort, patient, [(taking.card, 1.0)], options)
        for place, patient in patients.items()
        if place not in kept
    }
    if others := len(left) - why.total():
        why[NOT_TAKEN] = others
    if chunk is None:
        return ChunkResult(tables={}, noted={}, left=left, why=why, learnt={}, lines={})
    return ChunkResult(tables=tables, noted=dict(kept), left=left, why=why, learnt=learnt, lines=lines)


def judged(chunk: Chunk) -> Chunk:
    """Whole courses that lie beyond chance are changes too."""
    misfit, used = chunk.found.misfit[:, 0], chunk.found.misfit[:, 1]
    beyond = chunk.fitted & (used >= 2) & (chdtrc(np.maximum(used, 1), misfit) < 2.0 * WHOLE_COURSE_P)
    chunk.found.code[beyond] = CHANGED
    return chunk


def not_reached(taking: Taking, start: int, end: int) -> ChunkResult:
    cohort = taking.cohort
    patients: dict[int, Patient] = {place: cohort.patient(cohort.patient_ids[place]) for place in range(start, end)}
    left = {
        place: with_tables(cohort, unfitted(patient, taking.card, "set_aside", INTERRUPTED), taking.options)
        for place, patient in patients.items()
    }
    return ChunkResult(tables={}, noted={}, left=left, why=Counter(), learnt={}, lines={})


def put_together(
    name: str, cohort: Cohort, results: Sequence[ChunkResult], left: Mapping[int, PatientResult]
) -> pd.DataFrame:
    """One table of all patients, in the order of the cohort."""
    names = DRAW_COLUMNS if name == "draws" else TABLES[name]
    parts = [each.tables[name] for each in results if size_of(each.tables.get(name, {}))]
    others = together(name, [left[place].tables for place in sorted(left)])
    if others.empty:
        return frame_of(parts, names)
    if not parts:
        return others
    places = {patient_id: place for place, patient_id in enumerate(cohort.patient_ids)}
    parts.append(
        {
            column: words_of(others[column].to_numpy(dtype=object))
            if isinstance(parts[0].get(column), (Words, str))
            else others[column].to_numpy()
            for column in names
        }
    )
    order = np.argsort(np.concatenate([places_of(part["patient_id"], places) for part in parts]), kind="stable")
    return frame_of(parts, names, order)


def places_of(column: Any, places: Mapping[str, int]) -> npt.NDArray[np.int64]:
    """Of the patient of each row."""
    if isinstance(column, Words):
        return np.array([places[text] for text in column.texts], dtype=np.int64)[column.which]
    return np.array([places[text] for text in column], dtype=np.int64)


def merged(parts: Sequence[Learnt]) -> Learnt:
    found: Learnt = {}
    for part in parts:
        for name, rows in part.items():
            found.setdefault(name, []).extend(rows)
    return found


def learnt_in(fitted: Fitted) -> Learnt:
    """As learnt_of: of patients whose estimates are their own."""
    learnt: Learnt = {}
    found, priors = fitted.chunk.found, fitted.chunk.priors
    for places in fitted.classes():
        own = places[np.isin(fitted.status[0][places].astype(str), WITH_ESTIMATES)]
        if not own.size:
            continue
        rows, names = fitted.rows[own], fitted.entrants[places[0]].names
        contraction = contractions(fitted, own)
        for i, name in enumerate(names):
            shared = [fitted.entrants[place].prior.uncertainty[PRIOR_NAME.get(name, name)] for place in own]
            eta, sd = found.estimates[rows, i, X] - priors.mu[rows, 0, i], priors.sd[rows, 0, i]
            columns = (eta.tolist(), contraction[:, i].tolist(), sd.tolist(), shared)
            learnt.setdefault(name, []).extend(zip(*columns, strict=True))
    return learnt
