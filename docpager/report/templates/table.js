"use strict";
for (const tools of document.querySelectorAll(".tools")) tools.hidden = false;

for (const button of document.querySelectorAll("[data-unfold]"))
  button.addEventListener("click", () => {
    for (const step of document.querySelectorAll("details.step"))
      step.open = button.dataset.unfold === "open";
  });

// A long page opens at its quote.
for (const citation of document.querySelectorAll(".citations details"))
  citation.addEventListener("toggle", () => {
    const mark = citation.querySelector("mark");
    const box = mark?.closest(".excerpt");
    if (box) box.scrollTop += mark.getBoundingClientRect().top - box.getBoundingClientRect().top - 60;
  });

const table = document.getElementById("table");
if (table) {
  // A row is [id, question, answer, status, six figures, page]; only some stand in the page at
  // once, for thousands of them would fill the memory of a phone.
  const all = JSON.parse(document.getElementById("rows").textContent);
  const atOnce = 100;
  const statusAt = 3;
  const pageAt = 10;
  const digits = { 8: 4, 9: 1 };
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const find = document.getElementById("find");
  const status = document.getElementById("status");
  const shown = document.getElementById("shown");
  const back = document.getElementById("back");
  const on = document.getElementById("on");
  const said = new Map();
  let found = all;
  let from = 0;

  const written = (row, at) => {
    const value = row[at];
    if (typeof value !== "number") return value ?? "";
    const options = { minimumFractionDigits: digits[at] ?? 0, maximumFractionDigits: digits[at] ?? 0 };
    return value.toLocaleString("en", options);
  };
  const drawn = (row) => {
    const line = document.createElement("tr");
    for (const at of heads.keys()) {
      const cell = document.createElement(at ? "td" : "th");
      if (!at) cell.scope = "row";
      if (at > statusAt) cell.className = "n";
      if (!at && row[pageAt]) {
        const link = document.createElement("a");
        link.href = row[pageAt];
        link.textContent = row[at];
        cell.append(link);
      } else cell.textContent = written(row, at);
      line.append(cell);
    }
    return line;
  };
  const draw = () => {
    const to = Math.min(from + atOnce, found.length);
    body.replaceChildren(...found.slice(from, to).map(drawn));
    back.disabled = from === 0;
    on.disabled = to === found.length;
    const count = (number) => number.toLocaleString("en");
    const rows = found.length ? `, rows ${count(from + 1)} to ${count(to)} shown` : "";
    shown.textContent = `${count(found.length)} of ${count(all.length)} found${rows}`;
  };
  const turn = (by) => {
    from += by;
    draw();
    table.parentElement.scrollTop = 0;
  };
  back.addEventListener("click", () => turn(-atOnce));
  on.addEventListener("click", () => turn(atOnce));

  // Words are looked for in what was asked and said, not in figures.
  const words = (row) => {
    if (!said.has(row)) said.set(row, row.slice(0, statusAt + 1).join(" ").toLowerCase());
    return said.get(row);
  };
  const filter = () => {
    const wanted = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    found = all.filter(
      (row) =>
        (!status.value || row[statusAt] === status.value) &&
        wanted.every((word) => words(row).includes(word)),
    );
    from = 0;
    draw();
  };
  let waiting = 0;
  find.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(filter, 120);
  });
  status.addEventListener("change", filter);
  find.form.addEventListener("submit", (event) => event.preventDefault());

  const collator = new Intl.Collator("en", { numeric: true });
  const missing = (value) => value === null || value === "";
  for (const [at, head] of heads.entries()) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    head.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const other of heads) other.setAttribute("aria-sort", "none");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      all.sort((one, other) => {
        const [a, b] = [one[at], other[at]];
        // What is not known stands last, either way.
        if (missing(a) || missing(b)) return missing(a) - missing(b);
        const order = typeof a === "number" ? a - b : collator.compare(a, b);
        return down ? -order : order;
      });
      filter();
    });
  }
  draw();
}
