"""Writes docs/nonmem.md: every column name of a NONMEM event file and what happens to it. Run: python docs/nonmem.py"""

from __future__ import annotations

from pathlib import Path

from igkinetics.cohort.nonmem.items import page

if __name__ == "__main__":
    Path(__file__).with_suffix(".md").write_text(page(), encoding="utf-8", newline="\n")
