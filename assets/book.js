/* Small repairs of what the theme, Sphinx and pandas leave to screen readers to guess. */
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  // the logo stands outside of every landmark
  const side = document.querySelector(".bd-sidebar-primary");
  side?.setAttribute("role", "complementary");
  side?.setAttribute("aria-label", "The book");

  // a table's corner above its index is no heading
  for (const one of document.querySelectorAll(".cell_output th"))
    if (!one.textContent.trim()) one.replaceWith(document.createElement("td"));

  // roles that ARIA has given up, and a list whose items are none
  for (const one of document.querySelectorAll(".citation-list, .citation"))
    one.removeAttribute("role");
});

// an install line names the wheel beside the book by its whole address, wherever that is
addEventListener("load", () => {
  for (const link of document.querySelectorAll(".why-install a"))
    link.textContent = link.href;
});

// what is wider than the page can be scrolled by keyboard
function reachable() {
  for (const one of document.querySelectorAll("article pre, article .wide"))
    if (one.scrollWidth > one.clientWidth) one.tabIndex = 0;
}
addEventListener("load", reachable);
addEventListener("toggle", reachable, true); // a fold has opened

/* On a phone a table that does not fit is folded: a row becomes a block, its cells under
   each other, each beside its head. */
const PHONE = matchMedia("(max-width: 600px)");
function foldable(table) {
  const heads = [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim());
  for (const row of table.tBodies[0].rows)
    for (const [i, cell] of [...row.cells].entries())
      cell.dataset.head = heads[i] ?? "";
  const fold = () => {
    table.classList.remove("folded");
    const cut = table.offsetWidth > table.parentElement.clientWidth;
    table.classList.toggle("folded", PHONE.matches && cut);
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
const NUMBER = /^[+-]?\d+(\.\d+)?( to .*)?$/;
function sortable(table) {
  const body = table.tBodies[0];
  const value = (row, i) => {
    const text = row.cells[i].textContent.trim();
    return NUMBER.test(text) ? Number.parseFloat(text) : text;
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
  for (const one of formulas) near.observe(one);
  addEventListener("beforeprint", load);
});
