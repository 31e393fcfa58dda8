// The chart of one patient: record, fit and regimens as SVG, drawn anew from plain numbers in a few milliseconds.
"use strict";
const Chart = (() => {
  const SPACE = "http://www.w3.org/2000/svg";
  const EDGE = {top: 12, right: 14, bottom: 42, left: 56};

  function element(parent, name, attributes, words) {
    const made = document.createElementNS(SPACE, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (words !== undefined) made.textContent = words;
    parent.appendChild(made);
    return made;
  }

  function steps(low, high, wanted) {
    const rough = (high - low) / wanted, power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough);
    const found = [];
    for (let at = Math.ceil(low / step - 1e-9) * step; at <= high + 1e-9; at += step) found.push(Number(at.toPrecision(12)));
    return found;
  }

  function line(days, levels, x, y) {
    let path = "", open = false;
    days.forEach((day, place) => {
      if (day === null || levels[place] === null) { open = false; return; }
      path += `${open ? "L" : "M"}${x(day).toFixed(1)} ${y(levels[place]).toFixed(1)}`;
      open = true;
    });
    return path;
  }

  function band(days, lower, upper, x, y) {
    const known = days.map((_, place) => place).filter((place) => lower[place] !== null && upper[place] !== null);
    if (known.length < 2) return "";
    const up = known.map((place) => `${x(days[place]).toFixed(1)} ${y(upper[place]).toFixed(1)}`);
    const down = known.reverse().map((place) => `${x(days[place]).toFixed(1)} ${y(lower[place]).toFixed(1)}`);
    return `M${up.join("L")}L${down.join("L")}Z`;
  }

  const most = (values) => values.reduce((high, value) => (value !== null && value > high ? value : high), 0);

  // scale: the highest level is kept while a slider moves, so that the picture does not jump.
  function draw(box, patient, outlooks, thresholds, kept) {
    const width = Math.max(280, box.clientWidth), height = width < 520 ? 280 : 360;
    const shown = Object.values(outlooks);
    const days = [...patient.samples.map((one) => one[0]), ...patient.doses.map((one) => one[0]), ...patient.curve.day];
    for (const one of shown) days.push(one.day[0], one.day[one.day.length - 1]);
    const first = days.length ? Math.min(...days) : 0, last = Math.max(first + 1, ...days);
    const levels = [most(patient.samples.map((one) => one[1])), most(patient.curve.upper), ...thresholds, 1];
    for (const one of shown) levels.push(most(one.upper));
    const high = Math.max(1.05 * Math.max(...levels), kept || 0);
    const x = (day) => EDGE.left + ((day - first) / (last - first)) * (width - EDGE.left - EDGE.right);
    const y = (level) => height - EDGE.bottom - (Math.min(level, high) / high) * (height - EDGE.top - EDGE.bottom);
    const svg = document.createElementNS(SPACE, "svg");
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("width", width);
    svg.setAttribute("height", height);
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", `IgG of patient ${patient.words} over time, ${patient.unit}; the numbers stand in the tables below`);
    for (const [start, stop] of patient.therapy) {
      const left = x(Math.max(start, first)), right = x(Math.min(stop === null ? last : stop, last));
      if (right > left) element(svg, "rect", {class: "therapy", x: left, y: EDGE.top, width: right - left, height: height - EDGE.top - EDGE.bottom});
    }
    for (const level of steps(0, high, 5)) {
      element(svg, "line", {class: "grid", x1: EDGE.left, x2: width - EDGE.right, y1: y(level), y2: y(level)});
      element(svg, "text", {class: "tick", x: EDGE.left - 6, y: y(level) + 4, "text-anchor": "end"}, level);
    }
    for (const day of steps(first, last, width < 520 ? 4 : 8)) {
      element(svg, "text", {class: "tick", x: x(day), y: height - EDGE.bottom + 18, "text-anchor": "middle"}, String(day).replace("-", "−"));
    }
    element(svg, "line", {class: "axis", x1: EDGE.left, x2: width - EDGE.right, y1: y(0), y2: y(0)});
    element(svg, "text", {class: "axis-name", x: (EDGE.left + width - EDGE.right) / 2, y: height - 6, "text-anchor": "middle"}, "Time (day)");
    element(svg, "text", {class: "axis-name", x: 0, y: 0, transform: `translate(14 ${(EDGE.top + height - EDGE.bottom) / 2}) rotate(-90)`, "text-anchor": "middle"}, `Serum IgG (${patient.unit})`);
    for (const level of thresholds) element(svg, "line", {class: "threshold", x1: EDGE.left, x2: width - EDGE.right, y1: y(level), y2: y(level)});
    const curve = patient.curve;
    element(svg, "path", {class: "band fit", d: band(curve.day, curve.lower, curve.upper, x, y)});
    element(svg, "path", {class: "line endogenous", d: line(curve.day, curve.endogenous, x, y)});
    element(svg, "path", {class: "line fit", d: line(curve.day, curve.median, x, y)});
    for (const which of ["none", "b", "a"]) {
      const one = outlooks[which];
      if (!one) continue;
      if (which !== "none") element(svg, "path", {class: `band ${which}`, d: band(one.day, one.lower, one.upper, x, y)});
      element(svg, "path", {class: `line ${which}`, d: line(one.day, one.median, x, y)});
      one.doses.forEach((day, place) => {
        const foot = y(0) - (which === "a" ? 0 : 9);
        element(svg, "path", {class: `dose ${which}`, d: `M${x(day).toFixed(1)} ${foot}l-4 8h8Z`});
        if (which !== "none") element(svg, "rect", {class: "grip", "data-which": which, "data-place": place, x: x(day) - 9, y: foot - 4, width: 18, height: 20});
      });
    }
    for (const [day] of patient.doses) element(svg, "line", {class: "dose given", x1: x(day), x2: x(day), y1: y(0), y2: y(0) - 13});
    if (shown.length) {
      const from = shown[0].from_day;
      element(svg, "line", {class: "from", x1: x(from), x2: x(from), y1: EDGE.top, y2: y(0)});
    }
    for (const [day, level, limit] of patient.samples) {
      const at = [x(day), y(level)];
      if (limit === 0) element(svg, "circle", {class: "sample", cx: at[0], cy: at[1], r: 4});
      else element(svg, "path", {class: "sample open", d: limit < 0 ? `M${at[0] - 5} ${at[1] - 4}h10l-5 9Z` : `M${at[0] - 5} ${at[1] + 4}h10l-5 -9Z`});
    }
    box.replaceChildren(svg);
    box.dayAt = (clientX) => {  // the day under a place of the window, of this drawing
      const frame = svg.getBoundingClientRect(), at = ((clientX - frame.left) / frame.width) * width;
      return first + ((at - EDGE.left) / (width - EDGE.left - EDGE.right)) * (last - first);
    };
    return high;
  }

  const KEY = [
    ["sample", "measured"], ["fit", "fit with its interval"], ["endogenous", "of it the patient’s own"], ["a", "regimen A"],
    ["b", "regimen B"], ["none", "no more immunoglobulin"], ["threshold", "level of the plan"], ["given", "dose given"], ["therapy", "B-cell-depleting therapy"],
  ];
  function key(list, has) {
    list.replaceChildren();
    for (const [name, words] of KEY) {
      if (!has(name)) continue;
      const item = document.createElement("li");
      const svg = document.createElementNS(SPACE, "svg");
      for (const [attribute, value] of [["width", 26], ["height", 12], ["aria-hidden", "true"]]) svg.setAttribute(attribute, value);
      if (name === "sample") element(svg, "circle", {class: "sample", cx: 13, cy: 6, r: 4});
      else if (name === "therapy") element(svg, "rect", {class: "therapy", x: 2, y: 1, width: 22, height: 10});
      else if (name === "given") element(svg, "line", {class: "dose given", x1: 13, x2: 13, y1: 0, y2: 12});
      else if (name === "threshold") element(svg, "line", {class: "threshold", x1: 0, x2: 26, y1: 6, y2: 6});
      else element(svg, "path", {class: `line ${name}`, d: "M0 6h26"});
      item.append(svg, words);
      list.appendChild(item);
    }
  }
  return {draw, key};
})();
