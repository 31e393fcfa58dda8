"""A writer of small SAS transport files (version 5, character variables), to have something to read."""

from __future__ import annotations

from collections.abc import Sequence

STAMP = b"01JAN24:00:00:00"


def _header(name: str, tail: bytes) -> bytes:
    return f"HEADER RECORD*******{name:<8}HEADER RECORD!!!!!!!".encode() + tail


def _padded(content: bytes) -> bytes:
    return content + b" " * (-len(content) % 80)


def transport_file(dataset: str, names: Sequence[str], rows: Sequence[Sequence[str]]) -> bytes:
    """One data set of character variables."""
    widths = [max(8, *(len(row[place]) for row in rows)) for place in range(len(names))]
    zeros = b"0" * 30 + b"  "
    parts = [
        _header("LIBRARY", zeros),
        b"SAS     SAS     SASLIB  9.4     X       " + b" " * 24 + STAMP,
        STAMP + b" " * 64,
        _header("MEMBER", b"000000000000000001600000000140  "),
        _header("DSCRPTR", zeros),
        b"SAS     " + dataset.encode().ljust(8) + b"SASDATA 9.4     X       " + b" " * 24 + STAMP,
        STAMP + b" " * 64,
        _header("NAMESTR", f"{len(names):010d}".encode() + b"0" * 20 + b"  "),
    ]
    described, position = b"", 0
    for number, (name, width) in enumerate(zip(names, widths, strict=True), start=1):
        described += b"".join(one.to_bytes(2, "big") for one in (2, 0, width, number))
        described += name.encode().ljust(8) + name.encode().ljust(40) + b" " * 8 + (0).to_bytes(2, "big") * 2
        described += (0).to_bytes(2, "big") + b"\x00\x00" + b" " * 8 + (0).to_bytes(2, "big") * 2
        described += position.to_bytes(4, "big") + b"\x00" * 52
        position += width
    parts += [_padded(described), _header("OBS", zeros)]
    data = b"".join(value.encode().ljust(width) for row in rows for value, width in zip(row, widths, strict=True))
    return b"".join(parts) + _padded(data)
