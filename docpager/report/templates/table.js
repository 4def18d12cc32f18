"use strict";
for (const tools of document.querySelectorAll(".tools")) tools.hidden = false;

for (const button of document.querySelectorAll("[data-unfold]"))
  button.addEventListener("click", () => {
    for (const step of document.querySelectorAll("details.step"))
      step.open = button.dataset.unfold === "open";
  });

const table = document.getElementById("table");
if (table) {
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const find = document.getElementById("find");
  const status = document.getElementById("status");
  const shown = document.getElementById("shown");
  const statusAt = 3;
  let texts = null;

  // Words are looked for in what was asked and said, not in figures.
  const said = (row) =>
    [...row.cells].slice(0, statusAt + 1).map((cell) => cell.textContent).join(" ").toLowerCase();

  const filter = () => {
    texts ??= new Map(rows.map((row) => [row, said(row)]));
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const row of rows) {
      const text = texts.get(row);
      const wanted = !status.value || row.cells[statusAt].textContent === status.value;
      row.hidden = !(wanted && words.every((word) => text.includes(word)));
      count += !row.hidden;
    }
    shown.textContent = `${count.toLocaleString("en")} of ${rows.length.toLocaleString("en")} shown`;
  };

  let waiting = 0;
  find.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(filter, 120);
  });
  status.addEventListener("change", filter);
  find.form.addEventListener("submit", (event) => event.preventDefault());

  const collator = new Intl.Collator("en", { numeric: true });
  const value = (row, at, kind) => {
    const text = row.cells[at].textContent;
    return kind === "number" ? parseFloat(text.replaceAll(",", "")) : text;
  };
  for (const head of table.tHead.rows[0].cells) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    head.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const other of table.tHead.rows[0].cells) other.setAttribute("aria-sort", "none");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const kind = head.dataset.sort;
      const keyed = rows.map((row) => [value(row, head.cellIndex, kind), row]);
      const missing = (key) => key === "" || Number.isNaN(key);
      keyed.sort(([a], [b]) => {
        if (missing(a) || missing(b)) return missing(a) - missing(b);
        const order = kind === "number" ? a - b : collator.compare(a, b);
        return down ? -order : order;
      });
      body.append(...keyed.map(([, row]) => row));
    });
  }
  filter();
}
