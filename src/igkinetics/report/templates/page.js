"use strict";
// What a page can do where scripts run: sort, filter and search; fold and print; read, enlarge and save charts.
// Without it everything stands there whole.

// Tables -------------------------------------------------------------------------------------------------------------
(() => {
  const minus = (text) => text.replaceAll("−", "-").trim();
  const numberOf = (text) => {
    const found = /^[<>]?\s*(-?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?)/.exec(minus(text));
    return found ? Number(found[1].replaceAll(",", "")) : null;
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

  for (const table of document.querySelectorAll("table")) {
    const headings = [...table.tHead.rows[0].cells];
    const words = headings.map((heading) => heading.textContent.trim());
    if (table.classList.contains("sortable")) {
      for (const heading of headings) {
        const button = document.createElement("button");
        button.type = "button";
        button.className = "sort";
        button.textContent = heading.textContent;
        button.addEventListener("click", () => sortBy(table, heading));
        heading.replaceChildren(button);
      }
    }
    if (headings.length > 3 && !table.classList.contains("scrolls")) {  // on a telephone each row is a card that names its cells
      table.classList.add("labelled");
      for (const row of table.tBodies[0].rows)
        for (const cell of row.cells) if (cell.tagName === "TD") cell.dataset.label = words[cell.cellIndex] || "";
    }
  }

  function choices(select, rows, column) {
    const values = [...new Set(rows.map((row) => keyOf(row, column)))].filter((text) => text !== "").sort();
    for (const value of values) select.add(new Option(value, value));
    select.closest("label").hidden = values.length < 2;
  }

  // one search for a patient acts on the table and on all that carries a patient's name: charts, links, other rows
  for (const tools of document.querySelectorAll(".tools[data-table]")) {
    const table = document.getElementById(tools.dataset.table);
    const rows = [...table.tBodies[0].rows];
    const named = tools.dataset.everywhere === undefined ? [] : [...document.querySelectorAll("[data-name]")];
    const search = tools.querySelector("input");
    const selects = [...tools.querySelectorAll("select")];
    const said = tools.querySelector("output");
    const show = () => {
      const wanted = search.value.trim().toLowerCase();
      const kept = new Set();
      for (const row of rows) {
        const name = keyOf(row, 0);
        const chosen = selects.every((select) => !select.value || keyOf(row, Number(select.dataset.column)) === select.value);
        row.hidden = !(name.toLowerCase().includes(wanted) && chosen);
        if (!row.hidden) kept.add(name);
      }
      for (const each of named) each.hidden = !kept.has(each.dataset.name);
      said.textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length} shown`;
    };
    for (const select of selects) choices(select, rows, Number(select.dataset.column));
    for (const control of [search, ...selects]) control.addEventListener("input", show);
    tools.hidden = false;
    show();
  }
})();

// Folds, links and print ---------------------------------------------------------------------------------------------
(() => {
  const shown = (node) => {
    for (let at = node; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
    const own = node.querySelector(":scope > details");
    if (own) own.open = true;
    node.scrollIntoView();
  };
  const follow = () => {  // #methods opens what is folded; #patient=P07 leads to the patient of that name
    const hash = decodeURIComponent(location.hash.slice(1));
    const name = hash.startsWith("patient=") ? hash.slice(8) : null;
    const articles = [...document.querySelectorAll("article[data-name]")];
    const node = name === null ? hash && document.getElementById(hash) : articles.find((each) => each.dataset.name === name);
    if (node) shown(node);
  };
  addEventListener("hashchange", follow);
  follow();
  const print = document.getElementById("print-all");
  if (!print) return;
  print.hidden = false;
  print.addEventListener("click", () => {
    const closed = [...document.querySelectorAll("details:not([open])")];
    for (const each of closed) each.open = true;
    addEventListener("afterprint", () => { for (const each of closed) each.open = false; }, { once: true });
    window.print();
  });
})();

// Charts -------------------------------------------------------------------------------------------------------------
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const shift = (node) => {
    const found = /translate\(([-\d.e]+)[ ,]+([-\d.e]+)\)/.exec(node.getAttribute("transform") || "");
    return found ? [Number(found[1]), Number(found[2])] : [0, 0];
  };
  const first = (text) => (text.querySelector("tspan") || text).textContent.trim();
  const number = (text) => (/^[-−]?[\d.,]+ ?%?$/.test(text) ? Number(text.replace("−", "-").replace(/[,%\s]/g, "")) : NaN);

  // What a drawing holds, read back from it: axes by their labels, which lie exactly where their values do.
  function axes(root) {
    const found = {};
    for (const group of root.querySelectorAll("g.role-axis")) {
      const labels = [...group.querySelectorAll("g.role-axis-label text")];
      const line = group.querySelector("g.role-axis-domain line");
      if (!labels.length) continue;
      const inner = group.querySelector(":scope > g");
      const [left, top] = shift(inner);
      const across = line ? line.getAttribute("x2") !== "0" : top > 1;
      const title = group.querySelector("g.role-axis-title text");
      const at = (label) => (across ? shift(label)[0] : Number(/[-\d.]+\)$/.exec(label.getAttribute("transform"))[0].slice(0, -1)));
      // a label is set 0.35 of its height below its tick: ticks know better where they stand
      const ticks = [...group.querySelectorAll("g.role-axis-tick line")].map((tick) => shift(tick)[across ? 0 : 1]);
      const offset = !across && ticks.length === labels.length ? labels.map(at).reduce((sum, y, i) => sum + y - ticks[i], 0) / labels.length : across ? 0 : 4.5;
      const marks = labels.map((label) => ({ at: at(label) - offset, words: first(label), value: number(first(label)) }));
      marks.sort((a, b) => a.at - b.at);
      found[across ? "x" : "y"] = {
        title: title ? title.textContent : "", marks, numeric: marks.length > 1 && marks.every((mark) => !Number.isNaN(mark.value)),
        percent: marks.some((mark) => mark.words.endsWith("%")), left, top,
      };
    }
    return found;
  }

  function valueAt(axis, place) {
    if (!axis) return "";
    const { marks } = axis;
    if (!axis.numeric) return marks.reduce((best, mark) => (Math.abs(mark.at - place) < Math.abs(best.at - place) ? mark : best), marks[0]).words;
    let i = marks.findIndex((mark) => mark.at >= place);
    i = Math.min(Math.max(i < 0 ? marks.length - 1 : i, 1), marks.length - 1);
    const [a, b] = [marks[i - 1], marks[i]];
    return a.value + ((place - a.at) / (b.at - a.at)) * (b.value - a.value);
  }

  const words = (axis, value) => {
    if (typeof value === "string") return value;
    const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
    return value.toFixed(digits).replace("-", "−") + (axis.percent ? " %" : "");
  };

  // every point that was drawn: of lines and of symbols, in the coordinates of the plot, with the name it was given
  function points(root) {
    const all = [];
    const marks = [...root.querySelectorAll("g.mark-line path, g.mark-symbol path")].filter((mark) => !mark.closest(".role-legend"));
    for (const [place, mark] of marks.entries()) {
      const name = mark.getAttribute("aria-label") || "";
      if (mark.closest(".mark-symbol")) {
        const [x, y] = shift(mark);
        all.push({ mark: "point", series: place, name, x, y });
        continue;
      }
      for (const [, x, y] of (mark.getAttribute("d") || "").matchAll(/[ML]([-\d.e]+),([-\d.e]+)/g))
        all.push({ mark: "line", series: place, name, x: Number(x), y: Number(y) });
    }
    return all;
  }

  const tip = document.createElement("div");
  tip.className = "tip";
  tip.setAttribute("aria-hidden", "true");
  tip.hidden = true;
  document.body.append(tip);

  function watch(svg) {
    const root = svg.querySelector("g.role-frame.root > g");
    if (!root) return null;
    let read = null;
    const known = () => (read = read || { axes: axes(root), points: points(root) });
    svg.addEventListener("pointermove", (event) => {
      const { axes: scales, points: all } = known();
      if (!scales.x || !scales.y || !all.length) return;
      const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(root.getScreenCTM().inverse());
      const away = (point) => (point.x - at.x) ** 2 + (point.y - at.y) ** 2 - (point.mark === "point" ? 30 : 0);
      const nearest = all.reduce((best, point) => (away(point) < away(best) ? point : best), all[0]);
      tip.hidden = away(nearest) > 900;
      const said = ["x", "y"].map((way) => `${scales[way].title || ""} ${words(scales[way], valueAt(scales[way], nearest[way]))}`.trim());
      tip.textContent = [nearest.name, ...said].filter(Boolean).join(", ");
      (svg.closest("dialog") || document.body).append(tip);
      tip.style.left = `${Math.min(event.clientX + 12, innerWidth - tip.offsetWidth - 4)}px`;
      tip.style.top = `${event.clientY + 14}px`;
    });
    svg.addEventListener("pointerleave", () => { tip.hidden = true; });
    return known;
  }

  function save(name, href) {
    const link = document.createElement("a");
    link.download = name;
    link.href = href;
    link.click();
  }
  const fileName = (figure) => (figure.querySelector("[role=img]").getAttribute("aria-label") || "chart").replace(/[^\p{L}\p{N}]+/gu, "-").slice(0, 80);

  function savePng(figure, svg) {
    const copy = svg.cloneNode(true);
    const size = ["width", "height"].map((side) => 3 * Number(svg.getAttribute(side)));
    copy.setAttribute("xmlns", SVG);
    const image = new Image();
    image.onload = () => {
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = size;
      canvas.getContext("2d").drawImage(image, 0, 0, ...size);
      save(`${fileName(figure)}.png`, canvas.toDataURL("image/png"));
    };
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
  }

  function saveCsv(figure, known) {
    const { axes: scales, points: all } = known();
    const cell = (value) => (/[",\n]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : value);
    const exact = (value) => (typeof value === "number" ? Number(value.toPrecision(5)) : value);
    const rows = all.map((point) => [point.mark, point.series + 1, point.name, exact(valueAt(scales.x, point.x)), exact(valueAt(scales.y, point.y))]);
    const heading = ["mark", "series", "name", scales.x ? scales.x.title || "x" : "x", scales.y ? scales.y.title || "y" : "y"];
    save(`${fileName(figure)}.csv`, `data:text/csv;charset=utf-8,${encodeURIComponent([heading, ...rows].map((row) => row.map(cell).join(",")).join("\r\n"))}`);
  }

  function button(text, hint, act) {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    made.title = hint;
    made.addEventListener("click", act);
    return made;
  }

  function enlarge(figure, svg, extra) {
    const dialog = document.createElement("dialog");
    dialog.className = "large";
    const label = figure.querySelector("[role=img]").getAttribute("aria-label");
    dialog.setAttribute("aria-label", label);
    const copy = svg.cloneNode(true);
    const whole = svg.getAttribute("viewBox").split(" ").map(Number);
    let box = [...whole];
    const show = () => copy.setAttribute("viewBox", box.join(" "));
    const zoom = (factor, [x, y] = [box[0] + box[2] / 2, box[1] + box[3] / 2]) => {
      if (box[2] * factor > whole[2]) box = [...whole];
      else box = [x - (x - box[0]) * factor, y - (y - box[1]) * factor, box[2] * factor, box[3] * factor];
      show();
    };
    const placeOf = (event) => { const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(copy.getScreenCTM().inverse()); return [at.x, at.y]; };
    copy.addEventListener("wheel", (event) => { event.preventDefault(); zoom(event.deltaY < 0 ? 0.8 : 1.25, placeOf(event)); }, { passive: false });
    let held = null;
    copy.addEventListener("pointerdown", (event) => { held = placeOf(event); });
    copy.addEventListener("pointerup", () => { held = null; });
    copy.addEventListener("pointermove", (event) => {
      if (!held) return;
      const [x, y] = placeOf(event);
      box = [box[0] + held[0] - x, box[1] + held[1] - y, box[2], box[3]];
      show();
    });
    const bar = document.createElement("p");
    bar.className = "bar";
    bar.append(button("+", "Zoom in", () => zoom(0.7)), button("−", "Zoom out", () => zoom(1.43)),
      button("Whole", "The whole chart", () => { box = [...whole]; show(); }), ...extra(), button("Close", "Back to the page", () => dialog.close()));
    const frame = document.createElement("div");
    frame.setAttribute("role", "img");
    frame.setAttribute("aria-label", label);
    frame.append(copy);
    dialog.append(bar, frame);
    dialog.addEventListener("close", () => { document.body.append(tip); tip.hidden = true; dialog.remove(); });
    document.body.append(dialog);
    dialog.showModal();
    watch(copy);
  }

  for (const figure of document.querySelectorAll("figure")) {
    const svg = figure.querySelector("svg");
    const known = svg && watch(svg);
    if (!known) continue;
    const saving = () => [
      button("PNG", "Save this chart as a picture", () => savePng(figure, svg)),
      button("CSV", "Save the points of this chart, to the precision of the drawing", () => saveCsv(figure, known)),
    ];
    const bar = document.createElement("p");
    bar.className = "bar";
    bar.append(button("Enlarge", "Show large; zoom and read values", () => enlarge(figure, svg, saving)), ...saving());
    figure.querySelector("[role=img]").after(bar);
  }
})();
