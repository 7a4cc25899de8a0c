/* Small repairs of what the theme, Sphinx and pandas leave to screen readers to guess. */
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  // the logo stands outside of every landmark
  const side = document.querySelector(".bd-sidebar-primary");
  side?.setAttribute("role", "complementary");
  side?.setAttribute("aria-label", Why.said("The book"));

  // the names of an index stand over it
  for (const one of document.querySelectorAll(".cell_output table.dataframe")) {
    const index = one.tBodies[0]?.rows[0]?.querySelectorAll("th").length ?? 0;
    for (const row of columns(one.tHead?.rows ?? []))
      for (const cell of row.slice(0, index)) cell.classList.add("index");
  }

  // a table's corner above its index is no heading
  for (const one of document.querySelectorAll(".cell_output th"))
    if (!one.textContent.trim()) one.replaceWith(document.createElement("td"));

  // roles that ARIA has given up, and a list whose items are none
  for (const one of document.querySelectorAll(".citation-list, .citation"))
    one.removeAttribute("role");
});

/* An install line names the wheel beside the book by its whole address, wherever that is. */
addEventListener("load", () => {
  for (const link of document.querySelectorAll(".why-install a"))
    link.textContent = link.href;
});

/* The same place in another language: address, section and what panels show stay. */
addEventListener("click", ({ target }) => {
  const link = target.closest?.("a.why-switch");
  if (!link) return;
  const seen = [...document.querySelectorAll("article section[id]")].filter(
    (one) => one.getBoundingClientRect().top < 120,
  );
  link.search = location.search;
  link.hash = location.hash || (scrollY > 120 && seen.at(-1)?.id) || "";
});

/* What is wider than its place is scrolled there, by the keyboard too. That it is must be
   seen: its edge fades where more of it lies, and words stand below it. */
const SCROLLED =
  "article :is(.wide, .frame, .presses, .why-ledger, mjx-container[display])";
const SLACK = 8; // pixels: less is a formula's margin
function edges(one) {
  const { clientWidth, scrollWidth, scrollLeft, classList } = one,
    rest = scrollWidth - clientWidth - scrollLeft;
  if (scrollWidth > clientWidth) one.tabIndex = 0;
  const isWider = scrollWidth > clientWidth + SLACK;
  classList.toggle("wider", isWider);
  classList.toggle("more-left", isWider && scrollLeft > 1);
  classList.toggle("more-right", isWider && rest > 1);
}
const allEdges = () => document.querySelectorAll(SCROLLED).forEach(edges);
for (const what of ["load", "resize", "input"]) addEventListener(what, allEdges);
addEventListener("toggle", allEdges, true); // a fold has opened
addEventListener(
  "scroll",
  ({ target }) => target.matches?.(SCROLLED) && edges(target),
  true,
);

/* The cells of some rows by column: one that spans several stands in each of them. */
function columns(rows) {
  const places = Array.from(rows, () => []);
  for (const [r, row] of [...rows].entries())
    for (const cell of row.cells) {
      let c = 0;
      while (places[r][c]) c += 1;
      for (const below of places.slice(r, r + cell.rowSpan))
        for (let k = 0; k < cell.colSpan; k++) below[c + k] = cell;
    }
  return places;
}

/* On a phone a table that does not fit is set smaller; if it still does not, it is folded:
   a row becomes a block, its cells under each other, each beside its head. */
const PHONE = matchMedia("(max-width: 600px)");
function foldable(table) {
  const heads = columns(table.tHead.rows),
    words = (cell) => cell?.textContent.trim() ?? "";
  const cells = columns(table.tBodies[0].rows).flatMap((row) =>
    row.map((cell, c) => {
      const above = new Set(heads.map((one) => words(one[c])));
      cell.dataset.head = [...above].filter(Boolean).join(", ");
      return cell;
    }),
  );
  const isShort = (cell) => words(cell).length < 8 && cell.dataset.head.length < 8,
    values = cells.filter(({ tagName }) => tagName === "TD");
  table.classList.toggle("short", values.every(isShort));
  const fold = () => {
    const { classList } = table,
      isCut = () => table.offsetWidth > table.parentElement.clientWidth;
    classList.remove("tight", "folded");
    if (!PHONE.matches || !isCut()) return;
    classList.add("tight");
    if (isCut()) classList.replace("tight", "folded");
  };
  PHONE.addEventListener("change", fold);
  addEventListener("toggle", fold, true); // one that was hidden has no width
  fold();
}
addEventListener("load", () => {
  const tables = document.querySelectorAll("article table:has(thead):has(tbody)");
  for (const one of tables) if (!one.closest(".why-panel, .why-ledger")) foldable(one);
});

/* The heads of the ledger sort it: numbers by size, words by the alphabet, and what is
   empty last, whichever way. An interval counts as its lower end. */
const NUMBER = /^[<+-]?\d+(\.\d+)?( \D+ [+-]?\d+(\.\d+)?)?$/;
function sortable(table) {
  const body = table.tBodies[0];
  brief(table.parentElement);
  const value = (row, i) => {
    const text = row.cells[i].textContent.trim();
    return NUMBER.test(text) ? Number.parseFloat(text.replace("<", "")) : text;
  };
  const order = (a, b) =>
    typeof a === "number" && typeof b === "number"
      ? a - b
      : String(a).localeCompare(String(b));
  for (const [i, head] of [...table.tHead.rows[0].cells].entries()) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.ariaSort === "ascending";
      for (const one of table.tHead.rows[0].cells) one.ariaSort = null;
      head.ariaSort = down ? "descending" : "ascending";
      const empty = (row) => value(row, i) === "";
      const rows = [...body.rows];
      const full = rows.filter((row) => !empty(row));
      full.sort((a, b) => order(value(a, i), value(b, i)) * (down ? -1 : 1));
      body.append(...full, ...rows.filter(empty));
    });
  }
}
document.addEventListener("DOMContentLoaded", () =>
  document.querySelectorAll(".why-ledger table").forEach(sortable),
);

/* On a phone a claim has one line, its primary effect, until all are asked for. */
function brief(ledger) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "every";
  button.textContent = Why.said("every effect");
  const show = (every) => {
    ledger.classList.toggle("brief", !every);
    button.ariaPressed = every;
  };
  button.addEventListener("click", () => show(ledger.classList.contains("brief")));
  show(false);
  ledger.prepend(button);
}

/* MathJax weighs more than all else: it comes when a formula is near, or on paper. */
document.addEventListener("DOMContentLoaded", () => {
  const place = document.querySelector("script#mathjax");
  const formulas = document.querySelectorAll(".math");
  if (!place || !formulas.length) return;
  const load = () => {
    near.disconnect();
    if (document.querySelector("script.mathjax")) return;
    const script = document.createElement("script");
    script.className = "mathjax";
    script.src = place.src;
    document.head.append(script);
  };
  const near = new IntersectionObserver(
    (seen) => seen.some(({ isIntersecting }) => isIntersecting) && load(),
    { rootMargin: "600px" },
  );
  const set = new ResizeObserver((some) => {
    for (const { target } of some) target.querySelectorAll(SCROLLED).forEach(edges);
  });
  for (const one of formulas) {
    near.observe(one);
    set.observe(one);
  }
  addEventListener("beforeprint", load);
});
