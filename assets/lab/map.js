/* The map of a panel: a cell a setting, rows and columns two of its axes, the stronger its
   colour the worse. A press shows the cell's curves. */
"use strict";
globalThis.Why = globalThis.Why ?? {};
(() => {
  const { escaped, finite, said } = Why;

  const groupOf = ({ at, data }, map, row, column) => {
    const wanted = at.with(map.rows, row).with(map.columns, column);
    return data.groups.find((group) => group.at.every((v, k) => v === wanted[k]));
  };

  /* How bad a value is, 0 to 1: a deep fall, much accuracy lost, a low linear probe. */
  function badness(panel, by) {
    const all = panel.data.groups.map(({ facts }) => facts[by]?.[0]).filter(finite);
    const [low, high] = [Math.min(...all), Math.max(...all)];
    const share = (v) => (high > low ? (v - low) / (high - low) : 0);
    return panel.data.map.good.includes(by) ? (v) => 1 - share(v) : share;
  }

  /* The map, and the words above it: which measure its numbers are. */
  function frame({ data: { map, axes } }, id) {
    const options = map.by.map((by) => `<option>${escaped(by)}</option>`);
    const name = said("Map: {rows} by {columns}", {
      rows: axes[map.rows].label,
      columns: axes[map.columns].label,
    });
    return `<div class="buttons"><label for="${id}-by">${said("in each cell")}</label>
      <select class="by" id="${id}-by">${options.join("")}</select></div>
      <div class="map" role="group" aria-label="${escaped(name)}"
      style="--columns:${axes[map.columns].words.length}"></div>
      <p class="note">${said("{columns} from left to right, {rows} from top to bottom. n: runs; ✕: runs of them that collapsed; –: not recorded yet.", { rows: axes[map.rows].label, columns: axes[map.columns].label })}</p>`;
  }

  function cell(panel, by, bad, row, column) {
    const { axes, map } = panel.data,
      group = groupOf(panel, map, row, column);
    const name = Why.listed([
      axes[map.rows].spoken[row],
      axes[map.columns].spoken[column],
    ]);
    const value = group?.facts[by]?.[0];
    if (!finite(value)) {
      const told = said("{name}: not recorded yet", { name });
      return `<div class="cell" role="img" aria-label="${escaped(told)}">–</div>`;
    }
    const lost = group.tally.collapsed ?? 0,
      runs = group.seeds.length;
    const fields = { name, by, value: value.toFixed(1), runs, lost };
    const told = said("{name}: {by} {value}; runs: {runs}, collapsed: {lost}", fields);
    const here = group.at.every((v, k) => v === panel.at[k]);
    return `<button type="button" class="cell" data-row="${row}" data-column="${column}"
      aria-label="${escaped(told)}" title="${escaped(told)}" aria-pressed="${here}"
      style="--bad:${bad(value).toFixed(2)}"><b>${value.toFixed(1)}</b>
      <small>n ${runs}${lost ? ` ✕${lost}` : ""}</small></button>`;
  }

  /* Fill the map for what is chosen; the focus stays in its cell. */
  function fill(panel) {
    const { axes, map } = panel.data,
      place = panel.querySelector(".map"),
      by = panel.querySelector("select.by").value;
    const { row, column } = document.activeElement?.dataset ?? {},
      inside = place.contains(document.activeElement);
    const bad = badness(panel, by);
    const head = (text) => `<span class="head">${escaped(text)}</span>`;
    const lines = axes[map.rows].words.map((word, i) => {
      const cells = axes[map.columns].words.map((_, k) => cell(panel, by, bad, i, k));
      return head(word) + cells.join("");
    });
    const [down, across] = [map.rows, map.columns].map((k) => escaped(axes[k].label));
    const corner = `<span class="head corner">${down} ↓<br>${across} →</span>`;
    place.innerHTML =
      corner + axes[map.columns].words.map(head).join("") + lines.join("");
    if (inside)
      place.querySelector(`[data-row="${row}"][data-column="${column}"]`)?.focus();
  }

  /* What a press on a cell asks for, as a setting. */
  function pressed({ at, data: { map } }, { row, column }) {
    return at.with(map.rows, Number(row)).with(map.columns, Number(column));
  }

  Object.assign(Why, { map: { fill, frame, pressed } });
})();
