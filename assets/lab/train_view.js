/* What <why-train> shows of its runs: charts, the legend of layers, a table, a sentence. */
"use strict";
globalThis.Why = globalThis.Why ?? {};
(() => {
  const { draw, escaped, finite, short, swatch } = Why;
  const LIVE = { colour: "#0173b2", dash: "" }, BEFORE = { colour: "#de8f05", dash: "7 3" };
  const RECORDED = { colour: "#888", dash: "2 3" };
  // the layers of one run share a chart: first, last, and one that is chosen
  const LAYERS = [LIVE, { colour: "#029e73", dash: "9 3 2 3" }, { colour: "#d55e00", dash: "4 2 1 2" }];

  /* The runs of a panel: the one that goes on, the one before, the nearest recorded one. */
  function curves({ live, before, shape, settings, data }) {
    const near = nearest(data.recorded, shape, settings), found = [];
    const own = (record, style, name) => record?.steps && found.push({
      name, style, record, group: record.group(record.layers[0]) });
    own(live, LIVE, "this run");
    own(before, BEFORE, "the run before");
    if (near) found.push({ name: `recorded: ${near.name}`, style: RECORDED,
      group: cut(near.group, shape.recipe.steps * shape.recipe.batch_size) });
    return found;
  }

  /* The recorded run whose settings are nearest; words weigh more than any number. */
  function nearest(recorded, shape, settings) {
    const far = (run) => Object.entries(settings).reduce((sum, [name, value]) => {
      const own = run.settings[name];
      if (typeof value === "string") return sum + 100 * (own !== value);
      return sum + Math.abs(Math.log(Math.max(own, 1e-9) / Math.max(value, 1e-9)));
    }, 0);
    const fit = recorded.filter((run) => run.shape === shape.name);
    return fit.length ? fit.reduce((a, b) => (far(b) < far(a) ? b : a)) : null;
  }

  /* A recorded run as far as this shape sees images. */
  function cut(group, images) {
    const until = Math.min(group.until, Math.ceil(images / group.images)), lines = {};
    for (const [key, rows] of Object.entries(group.lines)) {
      const kept = rows[0]?.filter((step) => step <= until).length;
      if (kept) lines[key] = rows.map((row) => row.slice(0, kept));
    }
    return { ...group, lines, until };
  }

  function charts(panel) {
    const { live, shape: { recipe }, data } = panel, shown = curves(panel);
    const nothing = { lines: {}, bands: {}, images: recipe.batch_size, until: recipe.steps };
    if (!shown.length) shown.push({ name: "nothing yet", style: LIVE, group: nothing });
    const marks = (live?.changes ?? []).map(({ step, words }) => ({ at: step * recipe.batch_size, words }));
    const layers = live?.steps ? layerNames(panel).map((name, i) =>
      ({ name, style: LAYERS[i], group: live.group(name) })) : [];
    return data.charts.map((chart) => {
      const rest = shown.filter(({ record }) => chart.key !== "gradient" || !record || record !== live);
      return draw(chart, chart.key === "gradient" ? [...layers, ...rest] : shown, "images", false, marks);
    }).join("");
  }

  function layerNames({ live, layer }) {
    const names = live?.layers ?? [];
    const other = names.includes(layer) ? layer : names[Math.floor(names.length / 2)];
    return names.length ? [names[0], names.at(-1), other] : [];
  }

  /* The legend of the gradient's chart; a list that is open must not be made anew. */
  function showLayers(panel, legend) {
    const names = layerNames(panel), known = names.join();
    if (legend.dataset.of === known) return;
    legend.dataset.of = known;
    const said = (i) => `<span>${swatch(LAYERS[i])} ${escaped(names[i])}</span>`;
    const options = (panel.live?.layers ?? []).map((name) =>
      `<option${name === names[2] ? " selected" : ""}>${escaped(name)}</option>`);
    legend.innerHTML = names.length ? `<span>Gradient of this run:</span>${said(0)}${said(1)}
      <label>${swatch(LAYERS[2])} <select class="layer" aria-label="another layer">${options.join("")}</select></label>` : "";
  }

  function table(panel) {
    const said = (value, digits, times = 1) => (finite(value) ? (value * times).toFixed(digits) : "–");
    const rows = curves(panel).map(({ name, style, record, group }) => {
      const end = (key) => group.lines[key]?.[1]?.at(-1) ?? null;
      const [loss, knn] = record ? [record.last("loss"), record.last("knn")] : [end("loss"), end("knn") / 100];
      const state = record ? record.outcome || (record === panel.live ? panel.phase : "stopped") : "recorded";
      return `<tr><th scope="row">${swatch(style)} ${escaped(name)}</th><td>${record?.steps ?? group.until}</td>
        <td>${said(loss, 3)}</td><td>${said(knn, 1, 100)}</td><td>${escaped(state)}</td></tr>`;
    });
    const heads = ["run", "steps", "loss", "kNN, %", "state"].map((h) => `<th scope="col">${h}</th>`);
    return rows.length ? `<table><thead><tr>${heads.join("")}</tr></thead><tbody>${rows.join("")}</tbody></table>` : "";
  }

  /* What the charts show, for those who do not see them. */
  function sentence({ live, phase, data, at, seed }) {
    const chosen = data.axes.map((axis, k) => axis.spoken[at[k]]).join(", ");
    if (!live) return `Chosen: ${chosen}, seed ${seed}.${phase === "idle" ? " Press Train." : ""}`;
    const knn = live.last("knn"), loss = live.last("loss");
    const readings = live.steps ? `, loss ${short(loss ?? NaN)}${knn === null ? "" : `, kNN ${short(100 * knn)} %`}` : "";
    const changes = live.changes.map((c) => ` From step ${c.step} on: ${c.words}.`).join("");
    return `${live.outcome || phase}: step ${live.steps} of ${live.recipe.steps}${readings}.${changes}`;
  }

  Object.assign(Why, { trainView: { charts, showLayers, table, sentence } });
})();
