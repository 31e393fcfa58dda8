"""Rows of a large CSV table, byte for byte those of pandas' `to_csv`, as compiled code writes them.

Numbers have ten significant digits, as of "%.10g": each is scaled by a power of ten that a double holds exactly, which
errs by less than DOUBTFUL of a unit in the last digit. Where that might turn the rounding, and outside the powers that
are exact, Python writes the row.
"""

from __future__ import annotations

import csv
import io
from math import floor, isnan, log10
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from igkinetics.kinetics.compile import inner
from igkinetics.kinetics.parameters import Floats
from igkinetics.output.files import FLOAT_FORMAT

Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]

DIGITS = 10
LEAST, MOST = 10 ** (DIGITS - 1), 10**DIGITS
POWERS = np.array([10.0**k for k in range(23)])
"""The powers of ten that a double holds exactly."""
DOUBTFUL = 1e-4
LONGEST_NUMBER = 24
MINUS, POINT, ZERO, COMMA, LINE_FEED, LETTER_E, PLUS = (ord(sign) for sign in "-.0,\ne+")
FLOATS, INTS, WORDS = range(3)
ROWS_AT_ONCE: Final = 16384
MIXED: Final = ("string", "empty", "boolean")


@inner
def digits_of(x: float) -> tuple[int, int]:
    """The ten significant digits of a positive number as a whole number, and the power of ten of the first; the whole
    number is -1 where rounding leaves that in doubt."""
    power = floor(log10(x))
    whole = 0
    for _ in range(3):
        up = DIGITS - 1 - power
        if not -22 <= up <= 22:
            return -1, 0
        scaled = x * POWERS[up] if up >= 0 else x / POWERS[-up]
        below = floor(scaled)
        if abs(scaled - below - 0.5) < DOUBTFUL:
            return -1, 0
        whole = int(below) + (1 if scaled - below > 0.5 else 0)
        if scaled < LEAST - 0.04:  # the logarithm was one too high; by less, it rounds to LEAST
            power -= 1
        elif scaled >= MOST + 0.5:
            power += 1
        else:
            break
    if whole == MOST:
        return LEAST, power + 1
    return whole, power


@inner
def put_float(x: float, out: Bytes, at: int) -> int:
    """Where the text of x ends that begins here; -1 where Python has to write it."""
    if isnan(x):
        return at
    if x < 0.0:
        out[at] = MINUS
        at += 1
        x = -x
    if x == 0.0 or x > 1e300:  # the sign of 0, and infinity
        return -1
    whole, power = digits_of(x)
    if whole < 0:
        return -1
    n = DIGITS
    while whole % 10 == 0 and n > 1:
        whole //= 10
        n -= 1
    fixed = -4 <= power < DIGITS
    if fixed and power < 0:
        out[at], out[at + 1] = ZERO, POINT
        at += 2
        for _ in range(-1 - power):
            out[at] = ZERO
            at += 1
    ahead = (power + 1 if power >= 0 else 0) if fixed else 1
    end = at + n + (1 if 0 < ahead < n else 0)
    for k in range(n):
        place = n - 1 - k
        out[at + place + (1 if 0 < ahead <= place else 0)] = ZERO + whole % 10
        whole //= 10
    if 0 < ahead < n:
        out[at + ahead] = POINT
    for _ in range(ahead - n if fixed else 0):
        out[end] = ZERO
        end += 1
    if not fixed:
        out[end], out[end + 1] = LETTER_E, MINUS if power < 0 else PLUS
        power = abs(power)
        out[end + 2], out[end + 3] = ZERO + power // 10, ZERO + power % 10
        end += 4
    return end


@inner
def put_int(x: int, out: Bytes, at: int) -> int:
    if x < 0:
        out[at] = MINUS
        at += 1
        x = -x
    n, rest = 1, x // 10
    while rest > 0:
        n += 1
        rest //= 10
    for k in range(n):
        out[at + n - 1 - k] = ZERO + x % 10
        x //= 10
    return at + n


@inner
def put_rows(
    first: int,
    last: int,
    kinds: Ints,
    floats: Floats,
    ints: Ints,
    which: Ints,
    texts: Bytes,
    text_at: Ints,
    out: Bytes,
) -> tuple[int, int]:
    """Rows from `first` on into out: the row that Python has to write, or `last`, and how many bytes were written.

    kinds (column, 2): of FLOATS, INTS, WORDS and its place among them; floats, ints, which (column, row); a word is one
    of texts, from text_at on."""
    at = 0
    for row in range(first, last):
        begin = at
        for column in range(kinds.shape[0]):
            kind, place = kinds[column, 0], kinds[column, 1]
            if kind == FLOATS:
                x = floats[place, row]
                if x == 0.0 and 1.0 / x > 0.0:
                    out[at] = ZERO
                    at += 1
                else:
                    end = put_float(x, out, at)
                    if end < 0:
                        return row, begin
                    at = end
            elif kind == INTS:
                at = put_int(ints[place, row], out, at)
            else:
                word = which[place, row]
                for k in range(text_at[word], text_at[word + 1]):
                    out[at] = texts[k]
                    at += 1
            out[at] = COMMA if column < kinds.shape[0] - 1 else LINE_FEED
            at += 1
    return last, at


def quoted(words: list[str]) -> list[bytes]:
    """Each as a field of a line of several."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    found = []
    for word in words:
        file.seek(0)
        file.truncate()
        writer.writerow([word, ""])
        found.append(file.getvalue()[:-2].encode())
    return found


def can_be_compiled(table: pd.DataFrame) -> bool:
    """Whether every column is one of numbers, of truth values or of texts."""
    if table.shape[1] < 2 or not table.columns.is_unique:
        return False
    for name in table.columns:
        column = table[name]
        if column.dtype in (np.float64, np.int64, np.bool_):
            continue
        if not (column.dtype == object or isinstance(column.dtype, pd.StringDtype)):
            return False
        if pd.api.types.infer_dtype(column, skipna=True) not in MIXED:
            return False
    return True


class Laid(NamedTuple):
    """The columns of a table as put_rows takes them (see there)."""

    kinds: Ints
    floats: Floats
    ints: Ints
    which: Ints
    texts: Bytes
    text_at: Ints


def laid(table: pd.DataFrame) -> Laid:
    kinds: list[tuple[int, int]] = []
    floats: list[Floats] = []
    ints: list[Ints] = []
    which: list[Ints] = []
    texts: list[bytes] = []
    for name in table.columns:
        column = table[name]
        if column.dtype == np.float64:
            kinds.append((FLOATS, len(floats)))
            floats.append(column.to_numpy())
        elif column.dtype == np.int64:
            kinds.append((INTS, len(ints)))
            ints.append(column.to_numpy())
        else:
            places, words = pd.factorize(column)
            kinds.append((WORDS, len(which)))
            which.append(np.where(places < 0, len(words), places) + len(texts))
            texts += [*quoted([str(word) for word in words]), b""]
    none = np.empty((0, len(table)))
    return Laid(
        kinds=np.array(kinds, dtype=np.int64),
        floats=np.ascontiguousarray(floats) if floats else none,
        ints=np.ascontiguousarray(ints) if ints else none.astype(np.int64),
        which=np.ascontiguousarray(which) if which else none.astype(np.int64),
        texts=np.frombuffer(b"".join(texts) or b" ", dtype=np.uint8).copy(),
        text_at=np.append(0, np.cumsum([len(text) for text in texts], dtype=np.int64)).astype(np.int64),
    )


def write_rows(table: pd.DataFrame, path: Path) -> None:
    """A table that can be compiled, with its heading."""
    columns, n = laid(table), len(table)
    sizes = np.diff(columns.text_at)
    longest = sum(int(sizes[own].max(initial=0)) for own in columns.which)
    longest += LONGEST_NUMBER * (len(columns.floats) + len(columns.ints)) + len(columns.kinds)
    out = np.empty(longest * min(n, ROWS_AT_ONCE), dtype=np.uint8)
    with path.open("wb") as file:
        file.write(b",".join(quoted([str(name) for name in table.columns])) + b"\n")
        row = 0
        while row < n:
            last = min(row + ROWS_AT_ONCE, n)
            reached, size = put_rows(row, last, *columns, out)
            file.write(out[:size].data)
            if reached < last:
                file.write(by_python(columns, reached))
                reached += 1
            row = reached


def by_python(columns: Laid, row: int) -> bytes:
    """One row, in which rounding is in doubt."""
    fields = []
    for kind, place in columns.kinds:
        if kind == FLOATS:
            x = columns.floats[place, row]
            fields.append(b"" if isnan(x) else (FLOAT_FORMAT % x).encode())
        elif kind == INTS:
            fields.append(b"%d" % columns.ints[place, row])
        else:
            word = columns.which[place, row]
            fields.append(columns.texts[columns.text_at[word] : columns.text_at[word + 1]].tobytes())
    return b",".join(fields) + b"\n"
