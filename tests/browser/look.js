// What a reader, with or without a screen reader, would stumble over. Returns a list of plain sentences.
const found = [];
const name = (node) => `${node.tagName.toLowerCase()}${node.id ? "#" + node.id : ""}`;
const visible = (node) => node.getClientRects().length > 0;

// one h1, and no level of heading left out
const levels = [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].map((node) => Number(node.tagName[1]));
if (levels.filter((level) => level === 1).length !== 1) found.push("not exactly one h1");
levels.forEach((level, i) => { if (i && level > levels[i - 1] + 1) found.push(`heading ${i} jumps to h${level}`); });

// landmarks, language, names
for (const selector of ["main", "header", "footer", "nav[aria-label]", "html[lang]", "title"])
  if (!document.querySelector(selector)) found.push(`no ${selector}`);
for (const node of document.querySelectorAll("svg"))
  if (!node.closest("[role=img][aria-label]:not([aria-label=''])") && node.getAttribute("aria-hidden") !== "true")
    found.push("a drawing without a description");
for (const node of document.querySelectorAll("input, select"))
  if (!node.labels.length || !node.labels[0].textContent.trim()) found.push(`${name(node)} without a label`);
for (const node of document.querySelectorAll("a, button"))
  if (!node.textContent.trim() && !node.getAttribute("aria-label")) found.push(`${name(node)} without words`);
for (const table of document.querySelectorAll("table")) {
  if (!table.tHead || [...table.tHead.rows[0].cells].some((cell) => cell.scope !== "col")) found.push("a table without column headings");
  if (!table.closest("[role=region][aria-label]")) found.push("a table without a name");
}
for (const node of document.querySelectorAll(".scroll")) if (node.tabIndex !== 0) found.push("a scrolled table that keys cannot reach");
const ids = [...document.querySelectorAll("[id]")].map((node) => node.id);
if (new Set(ids).size !== ids.length) found.push("an id used twice");

// contrast AA (WCAG 2.1, 1.4.3) of all text outside drawings
const rgb = (text) => { const all = text.match(/[\d.]+/g).map(Number); return all.length === 4 ? all : [...all, 1]; };
const luminance = ([r, g, b]) => {
  const [x, y, z] = [r, g, b].map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * x + 0.7152 * y + 0.0722 * z;
};
const ground = (node) => {
  for (let at = node; at; at = at.parentElement) { const colour = rgb(getComputedStyle(at).backgroundColor); if (colour[3] === 1) return colour; }
  return [255, 255, 255, 1];
};
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const poor = new Set();
let texts = 0;
while (walker.nextNode()) {
  const node = walker.currentNode.parentElement;
  if (!walker.currentNode.data.trim() || node.closest("svg, script, style") || !visible(node)) continue;
  const look = getComputedStyle(node);
  const pair = [luminance(rgb(look.color)), luminance(ground(node))].sort((a, b) => b - a);
  const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
  const large = parseFloat(look.fontSize) >= 24 || (parseFloat(look.fontSize) >= 18.66 && look.fontWeight >= 700);
  if (ratio < (large ? 3 : 4.5)) poor.add(`contrast ${ratio.toFixed(2)} of ${name(node)}.${node.className}`);
  texts += 1;
}
found.push(...poor);
if (texts < 20) found.push("hardly any text was looked at");

// nothing wider than the window, apart from tables that scroll by themselves
if (document.documentElement.scrollWidth > innerWidth + 1) found.push(`the page is ${document.documentElement.scrollWidth} wide in ${innerWidth}`);
return found;
