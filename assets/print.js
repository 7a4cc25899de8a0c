/* On paper everything is unfolded and light; afterwards the page is as it was. */
"use strict";
(() => {
  const root = document.documentElement;
  let folded = [], theme = null;

  function before() {
    if (theme !== null) return; // two events may announce one print
    theme = root.dataset.theme;
    root.dataset.theme = "light";
    folded = [...document.querySelectorAll("details:not([open])")];
    for (const one of folded) one.open = true;
  }

  function after() {
    if (theme === null) return;
    root.dataset.theme = theme;
    theme = null;
    for (const one of folded) one.open = false;
  }

  addEventListener("beforeprint", before);
  addEventListener("afterprint", after);
  matchMedia("print").addEventListener("change", ({ matches }) => (matches ? before() : after()));
})();
