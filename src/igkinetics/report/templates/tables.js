"use strict";
// Sorting, filtering and searching of the page's tables. Without it every table stands there whole.
(() => {
  const minus = (text) => text.replaceAll("−", "-").trim();
  const numberOf = (text) => {
    const found = /^[<>]?\s*(-?\d+(?:\.\d+)?(?:e[-+]?\d+)?)/.exec(minus(text));
    return found ? Number(found[1]) : null;
  };
  const keyOf = (row, column) => row.cells[column].textContent.trim();

  function compare(one, other, sign) {
    const unknown = [one, other].map((text) => text === "" || text === "–");
    if (unknown[0] || unknown[1]) return unknown[0] - unknown[1];
    const numbers = [numberOf(one), numberOf(other)];
    if (numbers[0] !== null && numbers[1] !== null) return sign * (numbers[0] - numbers[1]);
    return sign * one.localeCompare(other, "en", { numeric: true });
  }

  function sortBy(table, heading) {
    const falling = heading.getAttribute("aria-sort") === "ascending";
    for (const each of table.tHead.rows[0].cells) each.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", falling ? "descending" : "ascending");
    const column = heading.cellIndex;
    const rows = [...table.tBodies[0].rows];
    rows.sort((a, b) => compare(keyOf(a, column), keyOf(b, column), falling ? -1 : 1));
    table.tBodies[0].append(...rows);
  }

  for (const table of document.querySelectorAll("table.sortable")) {
    for (const heading of table.tHead.rows[0].cells) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.textContent = heading.textContent;
      button.addEventListener("click", () => sortBy(table, heading));
      heading.replaceChildren(button);
    }
  }

  function choices(select, rows, column) {
    const values = [...new Set(rows.map((row) => keyOf(row, column)))].filter((text) => text !== "").sort();
    for (const value of values) select.add(new Option(value, value));
    select.closest("label").hidden = values.length < 2;
  }

  for (const tools of document.querySelectorAll(".tools")) {
    const table = document.getElementById(tools.dataset.table);
    const rows = [...table.tBodies[0].rows];
    const search = tools.querySelector("input");
    const selects = [...tools.querySelectorAll("select")];
    const said = tools.querySelector("output");
    const show = () => {
      const wanted = search.value.trim().toLowerCase();
      let shown = 0;
      for (const row of rows) {
        const named = keyOf(row, 0).toLowerCase().includes(wanted);
        const chosen = selects.every((select) => !select.value || keyOf(row, Number(select.dataset.column)) === select.value);
        row.hidden = !(named && chosen);
        shown += row.hidden ? 0 : 1;
      }
      said.textContent = `${shown} of ${rows.length} shown`;
    };
    for (const select of selects) choices(select, rows, Number(select.dataset.column));
    for (const control of [search, ...selects]) control.addEventListener("input", show);
    tools.hidden = false;
    show();
  }
})();
