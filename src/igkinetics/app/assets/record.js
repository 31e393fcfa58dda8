// The record of a patient as tables that can be typed in. A finished change is handed on at once.
"use strict";
const RecordTables = (() => {
  const TABLES = [
    ["samples", "Samples", [["day", "Day or date", "decimal"], ["igg", "IgG", "decimal"]]],
    ["doses", "Immunoglobulin given", [["day", "Day or date", "decimal"], ["amount_g", "Grams", "decimal"], ["duration_h", "Hours", "decimal"], ["route", "Route", "text"]]],
    ["therapy", "B-cell-depleting therapy", [["start", "Start", "decimal"], ["stop", "Stop (empty: ongoing)", "decimal"], ["agent", "Agent", "text"]]],
  ];
  const NEEDED = {samples: [0, 1], doses: [0, 1], therapy: [0]};

  function make(name, attributes, ...inside) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) {
      if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
      else made.setAttribute(key, value);
    }
    made.append(...inside);
    return made;
  }

  // record: as the server tells it; changed(record): called with the whole record after a finished change.
  function fill(box, record, unit, isNew, changed) {
    box.replaceChildren();
    const name = make("input", {type: "text", autocomplete: "off", class: "name", value: record.patient_id});
    if (!isNew) name.readOnly = true;
    const weight = make("input", {type: "text", inputmode: "decimal", autocomplete: "off", class: "weight", value: record.weight_kg});
    box.append(make("p", {class: "person"}, make("label", {}, "Patient ", name), " ", make("label", {}, "Weight, kg ", weight)));
    const bodies = {};
    const collect = () => {
      const found = {patient_id: name.value.trim(), weight_kg: weight.value.trim()};
      for (const [table] of TABLES) found[table] = [...bodies[table].rows].map((row) => [...row.querySelectorAll("input")].map((cell) => cell.value.trim()));
      return found;
    };
    const whole = () => {
      const found = collect();
      const halves = TABLES.some(([table]) => found[table].some((row) => row.some((cell) => cell) && NEEDED[table].some((place) => !row[place])));
      if (!halves && found.patient_id && found.samples.some((row) => row[0])) changed(found);
    };
    box.onchange = whole;
    for (const [table, title, columns] of TABLES) {
      const body = make("tbody");
      bodies[table] = body;
      const add = (cells, date) => {
        const row = make("tr");
        columns.forEach(([column, words, kind], place) => {
          const cell = make("input", {type: "text", inputmode: kind, autocomplete: "off", class: column, value: cells[place] || ""});
          const label = make("label", {}, make("span", {class: "unseen"}, `${title}, row ${body.rows.length + 1}: ${words}`), cell);
          row.append(make("td", {}, label, ...(place === 0 && date ? [make("small", {}, date)] : [])));
        });
        const remove = make("button", {type: "button", class: "remove", "aria-label": `Remove row ${body.rows.length + 1} of ${title}`, onclick: () => { row.remove(); whole(); }}, "×");
        row.append(make("td", {}, remove));
        body.append(row);
        return row;
      };
      record[table].forEach((cells, place) => add(cells, table === "samples" ? (record.dates || [])[place] : ""));
      const empty = isNew ? {samples: 4, doses: 1, therapy: 1}[table] : table === "samples" ? 1 : 0;
      for (let extra = 0; extra < empty; extra += 1) add([], "");
      const head = make("tr", {}, ...columns.map(([, words]) => make("th", {scope: "col"}, words === "IgG" ? `IgG, ${unit}` : words)), make("th", {scope: "col"}, make("span", {class: "unseen"}, "Remove")));
      const more = make("button", {type: "button", class: "more", onclick: () => add([], "").querySelector("input").focus()}, "Add a row");
      box.append(make("div", {class: "typed-table", role: "region", "aria-label": title}, make("table", {"data-table": table}, make("caption", {}, title), make("thead", {}, head), body), more));
    }
  }
  return {fill, make};
})();
