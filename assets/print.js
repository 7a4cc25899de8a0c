/* On paper everything is unfolded and light; afterwards the page is as it was. */
"use strict";
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let folded = [],
    printing = false;
  // paper counts as a light screen, at which the theme sets the reader's choice again
  const light = () => {
    if (root.dataset.theme !== "light") root.dataset.theme = "light";
  };
  const guard = new MutationObserver(light);

  function before() {
    if (printing) return; // two events may announce one print
    printing = true;
    light();
    guard.observe(root, { attributes: true, attributeFilter: ["data-theme"] });
    folded = [...document.querySelectorAll("details:not([open])")];
    for (const one of folded) one.open = true;
  }

  function after() {
    if (!printing) return;
    printing = false;
    guard.disconnect();
    // from the reader's choice: before() may have come when paper had already made it light
    const { mode } = root.dataset;
    const chosen = mode === "light" || mode === "dark";
    root.dataset.theme = chosen ? mode : dark.matches ? "dark" : "light";
    for (const one of folded) one.open = false;
  }

  addEventListener("beforeprint", before);
  addEventListener("afterprint", after);
  matchMedia("print").addEventListener("change", ({ matches }) =>
    matches ? before() : after(),
  );
})();
