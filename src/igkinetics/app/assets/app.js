// The page's own script: what is typed or dragged goes to the server, what comes back is shown. Nothing is computed here.
"use strict";
(() => {
  const $ = (selector, root) => (root || document).querySelector(selector);
  const make = RecordTables.make;
  const state = {patient: null, outlooks: {}, thresholds: [], high: 0, unit: "", current: ""};
  const flying = {}, waiting = {}, settling = {};
  const latencies = [];
  window.igkinetics = {latencies, state};
  if (location.search) history.replaceState(null, "", location.pathname);

  const send = (name, value) => Shiny.setInputValue(name, value, {priority: "event"});
  function trouble(box, words) {
    box.textContent = words;
    box.hidden = !words;
  }

  // ---- the chart and the numbers
  function redraw(settled) {
    if (!state.patient) return;
    const shown = Object.fromEntries(Object.entries(state.outlooks).filter(([which]) => which !== "b" || comparing()));
    state.high = Chart.draw($("#chart"), state.patient, shown, state.thresholds, settled ? 0 : state.high);
    Chart.key($("#chart-key"), (name) => ({
      sample: state.patient.samples.length, fit: state.patient.curve.day.length, endogenous: state.patient.curve.day.length,
      a: shown.a, b: shown.b, none: shown.none, threshold: state.thresholds.length, given: state.patient.doses.length, therapy: state.patient.therapy.length,
    }[name]));
  }
  function numbers() {
    const {a, b, none} = state.outlooks, some = a || none, table = $("#numbers");
    table.hidden = !some;
    if (!some) return;
    const columns = {a, b: comparing() ? b : null, none};
    table.classList.toggle("alone", !columns.b);
    const body = $("tbody", table);
    some.rows.forEach((row, place) => {
      const line = body.rows[place] || body.insertRow();
      if (!line.cells.length) {
        line.append(make("th", {scope: "row"}), make("td", {class: "a"}), make("td", {class: "b"}), make("td", {class: "none"}));
      }
      line.cells[0].textContent = row.label;
      line.dataset.key = row.key;
      ["a", "b", "none"].forEach((which, column) => {
        const cell = line.cells[column + 1], own = columns[which] && columns[which].rows[place];
        cell.textContent = own ? own.text : "";
        if (own && own.value !== null) cell.dataset.value = own.value; else delete cell.dataset.value;
      });
    });
    while (body.rows.length > some.rows.length) body.deleteRow(-1);
  }
  function curveTable() {
    if (!$("#curve-table").open || !state.patient) return;
    const shown = ["a", "b", "none"].filter((which) => state.outlooks[which] && (which !== "b" || comparing()));
    const names = {a: "Regimen A", b: "Regimen B", none: "No more"};
    const head = make("tr", {}, make("th", {scope: "col"}, "Day"), ...shown.map((which) => make("th", {scope: "col"}, `${names[which]}, ${state.patient.unit}`)));
    const body = make("tbody");
    const days = shown.length ? state.outlooks[shown[0]].day : [];
    days.forEach((day, place) => {
      if (place % 7) return;
      const cells = shown.map((which) => { const one = state.outlooks[which]; return make("td", {}, `${one.median[place]} (${one.lower[place]} to ${one.upper[place]})`); });
      body.append(make("tr", {}, make("th", {scope: "row"}, String(day)), ...cells));
    });
    $("#curve-table .scroll").replaceChildren(make("table", {}, make("caption", {}, "Median and 95 % interval, week by week"), make("thead", {}, head), body));
  }

  // ---- regimens
  const comparing = () => $(".regimen.b .on").checked;
  const fieldset = (which) => $(`.regimen.${which}`);
  function regimen(which) {
    const found = {};
    for (const field of fieldset(which).querySelectorAll(".field[data-key]")) found[field.dataset.key] = Number($(".typed", field).value || NaN);
    for (const select of fieldset(which).querySelectorAll("select")) found[select.dataset.key] = select.value;
    return found;
  }
  let count = 0;
  function ask(which, quick, began) {
    if (!state.patient || !state.patient.fitted || !state.thresholds.length) return;
    if (flying[which]) { waiting[which] = {quick: quick && (!waiting[which] || waiting[which].quick), began}; return; }
    count += 1;
    flying[which] = {stamp: count, began, quick};
    send(`regimen_${which}`, {...regimen(which), quick, stamp: count});
  }
  function landed(which) {
    const flight = flying[which];
    flying[which] = null;
    if (waiting[which]) {
      const next = waiting[which];
      waiting[which] = null;
      ask(which, next.quick, next.began);
    }
    return flight;
  }
  function moved(which) {
    fieldset(which).setAttribute("aria-busy", "true");
    ask(which, true, performance.now());
    clearTimeout(settling[which]);
    settling[which] = setTimeout(() => ask(which, false, performance.now()), 250);
  }
  for (const box of document.querySelectorAll(".regimen")) {
    const which = box.dataset.which;
    for (const field of box.querySelectorAll(".field[data-key]")) {
      const slider = $("input[type=range]", field), typed = $(".typed", field);
      slider.addEventListener("input", () => { typed.value = slider.value; moved(which); });
      typed.addEventListener("input", () => { if (typed.value === "") return; slider.value = typed.value; moved(which); });
    }
    for (const select of box.querySelectorAll("select")) select.addEventListener("change", () => moved(which));
  }
  // A dose in the chart can be dragged: the first moves the start, a later one the interval. The sliders do the same by keyboard.
  let held = null;
  const chart = $("#chart");
  chart.addEventListener("pointerdown", (event) => {
    const grip = event.target.closest(".grip");
    if (!grip) return;
    const {which} = grip.dataset, one = state.outlooks[which];
    held = {which, place: Number(grip.dataset.place), first: one.doses[0], from: one.from_day};
    chart.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  chart.addEventListener("pointermove", (event) => {
    if (!held) return;
    const day = chart.dayAt(event.clientX), key = held.place ? "interval_day" : "start_day";
    const slider = $(`.field[data-key=${key}] input[type=range]`, fieldset(held.which));
    const wanted = held.place ? (day - held.first) / held.place : day - held.from;
    const value = String(Math.min(Number(slider.max), Math.max(Number(slider.min), Math.round(wanted))));
    if (value === slider.value) return;
    slider.value = value;
    slider.dispatchEvent(new Event("input", {bubbles: true}));
  });
  for (const end of ["pointerup", "pointercancel"]) chart.addEventListener(end, () => { held = null; });
  $(".regimen.b .on").addEventListener("change", () => {
    fieldset("b").classList.toggle("off", !comparing());
    if (comparing()) {
      for (const field of fieldset("a").querySelectorAll(".field[data-key]")) {
        const other = $(`.field[data-key=${field.dataset.key}]`, fieldset("b"));
        for (const kind of [".typed", "input[type=range]"]) if (!state.touched) $(kind, other).value = $(kind, field).value;
      }
      state.touched = true;
      moved("b");
    }
    numbers(); redraw(true);
  });
  fieldset("b").classList.add("off");

  // Numbers of an earlier fit or plan are taken away before anything else is shown.
  function forget() {
    state.outlooks = {};
    for (const place of document.querySelectorAll("#chart-said, #outlook-said, .regimen .said")) place.textContent = "";
    for (const box of document.querySelectorAll(".regimen")) { trouble($(".trouble", box), ""); box.removeAttribute("aria-busy"); }
  }

  // ---- what the server tells
  const on = (name, answer) => Shiny.addCustomMessageHandler(name, answer);
  function listen() {
    on("cohort", (told) => {
      state.unit = told.unit;
      $("#cohort-said").textContent = told.name ? `${told.name}: ${told.n} patient${told.n === 1 ? "" : "s"}, IgG in ${told.unit}` : "Nothing is open.";
      for (const place of document.querySelectorAll(".unit")) place.textContent = told.unit ? `(${told.unit})` : "";
      $("#check").hidden = !told.name;
      $("#check-lines").textContent = [...told.lines, told.problems || (told.name ? "No problems." : "")].join("\n");
      if (told.name && told.opened) { $("#opening").open = false; $("#check").open = Boolean(told.problems); state.current = ""; }
      trouble($("#opening-trouble"), told.trouble || "");
    });
    on("preparing", (told) => {
      const said = $("#patient-said");
      said.toggleAttribute("aria-busy", Boolean(told.words));
      if (told.words && said.textContent !== told.words) said.textContent = told.words;
      if (!told.words) said.textContent = "Open a cohort, or type a patient’s values.";
    });
    on("patients", (told) => {
      const select = $("#patient");
      select.replaceChildren(...told.patients.map((one) => make("option", {value: one.id}, one.words)));
      $("#patients-said").textContent = told.said;
      const wanted = told.choose || state.current || (told.patients.length ? told.patients[0].id : "");
      select.value = wanted;
      if (select.value && select.value !== state.current) {
        state.current = select.value;
        select.dispatchEvent(new Event("change", {bubbles: true}));
      }
    });
    on("patient", (told) => {
      const same = state.patient && state.patient.patient === told.patient;
      state.patient = told;
      state.current = told.patient;
      forget();
      for (const which of ["a", "b"]) { flying[which] = null; waiting[which] = null; }
      $("#patient-heading").textContent = `Patient ${told.words}${told.edited ? " (edited)" : ""}`;
      $("#patient-said").textContent = told.said;
      $("#patient-said").classList.toggle("warning", !told.fitted || told.doubtful);
      $("#patient-notes").replaceChildren(...told.notes.map((note) => make("li", {}, note)));
      $("#undo").hidden = !told.edited;
      trouble($("#record-trouble"), "");
      const typing = same && $("#record-tables").contains(document.activeElement);
      if (!typing) RecordTables.fill($("#record-tables"), told.record, told.unit, false, (record) => send("record", {...record, stamp: performance.now()}));
      numbers(); redraw(true); curveTable();
      if (told.stamp) latencies.push({kind: "record", ms: performance.now() - told.stamp});
    });
    on("plan", (told) => {
      state.thresholds = told.thresholds;
      trouble($("#plan-trouble"), told.trouble);
      if (!told.thresholds.length) forget();
      numbers(); redraw(true);
      for (const which of ["a", ...(comparing() ? ["b"] : [])]) { flying[which] = null; ask(which, false, performance.now()); }
    });
    on("outlook", (told) => {
      state.outlooks[told.which] = told;
      $("#chart-said").textContent = told.notes.join("; ");
      const box = fieldset(told.which);
      if (box) {
        trouble($(".trouble", box), "");
        $(".said", box).textContent = told.given;
        if (!told.quick) box.removeAttribute("aria-busy");
      }
      numbers(); redraw(!told.quick);
      if (!told.quick) { curveTable(); $("#outlook-said").textContent = ["a", "b"].filter((which) => state.outlooks[which] && (which === "a" || comparing())).map((which) => `Regimen ${which.toUpperCase()}: ${state.outlooks[which].said}`).join(" "); }
      if (told.stamp) {
        const flight = landed(told.which);
        if (flight && flight.stamp === told.stamp) latencies.push({kind: flight.quick ? "quick" : "full", ms: performance.now() - flight.began});
      }
    });
    on("refused", (told) => {
      if (told.which) {
        delete state.outlooks[told.which];
        $(".said", fieldset(told.which)).textContent = "";
        $("#outlook-said").textContent = "";
        trouble($(".trouble", fieldset(told.which)), told.words);
        fieldset(told.which).removeAttribute("aria-busy");
        landed(told.which); numbers(); redraw(true);
      } else trouble($(told.where), told.words);
    });
    on("worklist", (told) => {
      $("#worklist-said").textContent = told.said;
      const head = make("tr", {}, ...told.columns.map((words) => make("th", {scope: "col"}, words)));
      const rows = told.rows.map((row) => make("tr", {}, make("th", {scope: "row"}, make("button", {type: "button", class: "link", onclick: () => choose(row.id)}, row.words)), ...row.cells.map((cell) => make("td", {}, cell))));
      $("#worklist").replaceChildren(...(told.rows.length ? [make("table", {}, make("caption", {}, told.caption), make("thead", {}, head), make("tbody", {}, ...rows))] : []));
    });
    on("saves", (told) => {
      state.saves = told.saves;
      $("#saves").replaceChildren(...told.saves.map((one) => make("li", {}, make("button", {type: "button", onclick: () => save(one)}, one.words))));
    });
  }
  // A file is fetched first, so that what cannot be made is told on the page; the browser then asks where it goes.
  async function save(one) {
    trouble($("#save-trouble"), "");
    $("#save-said").textContent = `${one.words} …`;
    const answer = await fetch(one.href);
    $("#save-said").textContent = "";
    const named = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition") || "");
    if (!answer.ok || !named) { trouble($("#save-trouble"), await answer.text()); return; }
    const link = make("a", {href: URL.createObjectURL(await answer.blob()), download: named[1]});
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    $("#save-said").textContent = `${link.download} handed to the browser.`;
  }
  function choose(patient) {
    state.current = "";
    $("#search").value = "";
    send("choose", patient);
    $("#main").focus();
  }

  $("#new-patient").addEventListener("click", () => {
    const blank = {patient_id: "", weight_kg: "", samples: [], doses: [], therapy: []};
    RecordTables.fill($("#record-tables"), blank, state.unit || $("#unit").value || "choose the unit", true, (record) => send("record", {...record, igg_unit: $("#unit").value}));
    $("#record").open = true;
    $("#patient-heading").textContent = "A patient to be typed";
    $("#patient-said").textContent = "Give a name, and days with IgG values; the fit follows as soon as a row is complete.";
    $("#record-tables .name").focus();
  });
  const cardSaid = () => { $("#card-said").textContent = $("#card").selectedOptions[0].title; };
  $("#card").addEventListener("change", cardSaid);
  cardSaid();
  $("#undo").addEventListener("click", () => send("undo", state.patient.patient));
  $("#make-worklist").addEventListener("click", () => { $("#worklist-said").textContent = "Fitting everybody …"; send("make_worklist", Date.now()); });
  $("#patient").addEventListener("change", () => { state.current = $("#patient").value; });
  $("#curve-table").addEventListener("toggle", curveTable);
  new ResizeObserver(() => redraw(true)).observe($("#chart"));
  listen();
})();
