/* The controls of a panel: a slider for many numbers, a button each for a few values. */
"use strict";
globalThis.Why = globalThis.Why ?? {};
(() => {
  const escaped = (text) => Why.escaped(text);
  const { said } = Why;
  const ROOM = 2; // controls that a phone has room for, as lab.css has it
  const LONE = said(
    "Not recorded with the other settings: one of them changes as well.",
  );

  /* One control of an axis {name, label, kind, words, spoken}; nothing to choose, none. */
  function control(panel, axis, k) {
    const id = `${panel}-${axis.name}`;
    if (axis.words.length < 2) return "";
    if (axis.kind === "slider")
      return `<div class="control"><label for="${id}">${escaped(axis.label)}</label>
        <input type="range" id="${id}" data-axis="${k}" min="0"
        max="${axis.words.length - 1}" step="1"><output for="${id}"></output></div>`;
    const options = axis.words.map(
      (word, i) =>
        `<label><input type="radio" name="${id}" data-axis="${k}" value="${i}">` +
        `<span>${escaped(word)}</span></label>`,
    );
    return `<fieldset class="control"><legend>${escaped(axis.label)}</legend>
      <div class="options">${options.join("")}</div></fieldset>`;
  }

  /* All controls of a panel, and HTML behind them. Where there are many, a phone shows the
     first ones alone, and a button that brings the rest. */
  function controls(panel, axes, rest = "") {
    const all = axes.map((axis, k) => control(panel, axis, k)).filter(Boolean),
      count = all.length - ROOM;
    const more =
      count < 2
        ? ""
        : `<button type="button" class="more">${said("{count} more settings", { count })}</button>`;
    return `<div class="controls${more && " folds"}">${all.join("")}${rest}${more}</div>`;
  }

  document.addEventListener("click", ({ target }) => {
    if (!target.matches(".why-panel button.more")) return;
    const place = target.parentElement;
    place.classList.add("all");
    place.children[ROOM].querySelector("input:checked, input").focus();
  });

  /* Bring all controls of a panel to the chosen setting. Options that would change
     another control as well, `lone(k, i)`, are drawn fainter. */
  function setControls(panel, axes, at, lone = () => false) {
    for (const input of panel.querySelectorAll("[data-axis]")) {
      const k = Number(input.dataset.axis),
        i = at[k];
      if (input.type === "radio") {
        input.checked = Number(input.value) === i;
        const alone = lone(k, Number(input.value));
        input.parentElement.classList.toggle("lone", alone);
        input.parentElement.title = alone ? LONE : "";
      } else {
        input.value = i;
        input.setAttribute("aria-valuetext", axes[k].spoken[i]);
        input.nextElementSibling.textContent = axes[k].words[i];
      }
    }
  }

  /* Whether a button can be pressed. One that cannot keeps the focus that it has, which
     `disabled` would throw away; who listens leaves its clicks alone. */
  const enable = (button, on) => button.setAttribute("aria-disabled", !on);

  /* The panel's own part of the page's address, so that a view can be linked; in a
     notebook the address is not ours. */
  const ours = (panel) => !("kernel" in panel.dataset);
  const fromAddress = (id) => new URLSearchParams(location.search).get(id);
  /* The places on controls, and what stands behind them, that an address has;
     `start` where it has others than there are. */
  function places(text, axes, start) {
    const known = text?.split(".").map(Number) ?? [];
    const there =
      known.length === start.length &&
      known.every((place) => Number.isInteger(place) && place >= 0) &&
      axes.every(({ words }, k) => known[k] < words.length);
    return there ? known : [...start];
  }
  function toAddress(id, text) {
    const panel = document.getElementById(id);
    if (panel && !ours(panel)) return;
    const url = new URL(location.href);
    url.searchParams.set(id, text);
    history.replaceState(null, "", url);
  }

  /* Define an element once, when the document is whole: before that, the JSON inside
     it may not be there yet. */
  function define(name, element) {
    const now = () => customElements.get(name) || customElements.define(name, element);
    if (document.readyState === "loading")
      document.addEventListener("DOMContentLoaded", now);
    else now();
  }

  /* An element on which files can be dropped: take(dataTransfer) gets them; meanwhile it
     has a class that says so. */
  function takesDrops(element, shown, take) {
    const over = (event, on) => {
      event.preventDefault();
      element.classList.toggle(shown, on);
    };
    element.addEventListener("dragover", (event) => over(event, true));
    element.addEventListener("dragleave", (event) => over(event, false));
    element.addEventListener("drop", (event) => {
      over(event, false);
      take(event.dataTransfer);
    });
  }

  Object.assign(Why, {
    controls,
    enable,
    setControls,
    fromAddress,
    places,
    toAddress,
    define,
    takesDrops,
  });
})();
