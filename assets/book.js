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

// what is wider than the page can be scrolled by keyboard
function reachable() {
  for (const one of document.querySelectorAll("article pre, article .wide"))
    if (one.scrollWidth > one.clientWidth) one.tabIndex = 0;
}
addEventListener("load", reachable);
addEventListener("toggle", reachable, true); // a fold has opened
