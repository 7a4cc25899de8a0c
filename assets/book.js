/* Small repairs of what the theme, Sphinx and pandas leave to screen readers to guess. */
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  // the logo stands outside of every landmark
  const side = document.querySelector(".bd-sidebar-primary");
  side?.setAttribute("role", "complementary");
  side?.setAttribute("aria-label", "The book");

  // a table's corner above its index is no heading
  for (const one of document.querySelectorAll("table.dataframe th:empty"))
    one.replaceWith(document.createElement("td"));

  // roles that ARIA has given up, and a list whose items are none
  for (const one of document.querySelectorAll(".citation-list, .citation"))
    one.removeAttribute("role");
});
