/* On paper everything is unfolded and light; afterwards the page is as it was. */
"use strict";
(() => {
  const root = document.documentElement;
  let folded = [], theme = null;
  // paper counts as a light screen, at which the theme sets the reader's choice again
  const light = () => { if (root.dataset.theme !== "light") root.dataset.theme = "light"; };
  const guard = new MutationObserver(light);

  function before() {
    if (theme !== null) return; // two events may announce one print
    theme = root.dataset.theme;
    light();
    guard.observe(root, { attributes: true, attributeFilter: ["data-theme"] });
    folded = [...document.querySelectorAll("details:not([open])")];
    for (const one of folded) one.open = true;
  }

  function after() {
    if (theme === null) return;
    guard.disconnect();
    root.dataset.theme = theme;
    theme = null;
    for (const one of folded) one.open = false;
  }

  addEventListener("beforeprint", before);
  addEventListener("afterprint", after);
  matchMedia("print").addEventListener("change", ({ matches }) => (matches ? before() : after()));
})();
