/* A run that goes on in the page: its rows, what is drawn of them, and its run folder. */
"use strict";
globalThis.Why = globalThis.Why ?? {};
(() => {
  const RATIO = "adam_rms/patch_projection";
  const MOST = 300; // points of a curve; more than the axes have pixels is a waste

  /* Points thinned so that peaks and dips stay: the least and the largest of each part. */
  function thinned(x, y) {
    const size = Math.ceil(x.length / (MOST / 2));
    if (size <= 2) return [x, y];
    const kept = [0];
    for (let i = 1; i < x.length - 1; i += size) {
      const part = Array.from({ length: Math.min(size, x.length - 1 - i) }, (_, k) => i + k);
      const by = (pick) => part.reduce((a, b) => (pick(y[b], y[a]) ? b : a));
      kept.push(...[...new Set([by((a, b) => a < b), by((a, b) => a > b)])].sort((a, b) => a - b));
    }
    kept.push(x.length - 1);
    return [kept.map((i) => x[i]), kept.map((i) => y[i])];
  }

  class Record {
    /* recipe: what was asked for, as mocolib's recipe.json; rows grow by one a step. */
    constructor(recipe) {
      Object.assign(this, { recipe, rows: [], changes: [], outcome: "", about: {} });
    }

    get steps() { return this.rows.length; }

    /* The last reading of a column; null where there is none. */
    last(name) { return this.rows.findLast((row) => row[name] != null)?.[name] ?? null; }

    /* [steps, values] of a column, where it was read and can be drawn. */
    column(name, times = 1, log = false) {
      const good = this.rows.filter((row) =>
        Number.isFinite(row[name] ?? NaN) && (!log || row[name] > 0));
      return thinned(good.map((row) => row.step), good.map((row) => times * row[name]));
    }

    /* As a panel's charts want it; `layer` is the one whose gradient is drawn. */
    group(layer) {
      const lines = {
        loss: this.column("loss"), knn: this.column("knn", 100),
        gradient: this.column(`grad_inf/${layer}`, 1, true),
        [RATIO]: this.column(RATIO, 1, true),
      };
      for (const key of Object.keys(lines)) if (!lines[key][0].length) delete lines[key];
      return { lines, bands: {}, images: this.recipe.batch_size, until: this.recipe.steps };
    }

    /* Note what was changed behind the last step; moving on at once moves the note. */
    change(name, value, words) {
      const at = this.steps;
      this.changes = this.changes.filter((c) => c.step !== at || !(name in c));
      this.changes.push({ step: at, [name]: value });
      Object.defineProperty(this.changes.at(-1), "words", { value: words }); // not in JSON
    }

    /* {path: text}: the folder that mocolib.runs reads. */
    folder(name, version) {
      const { recipe, about, changes, outcome, steps } = this;
      const provenance = {
        mocolib: version, ...about, threads: 1, machine: "a browser",
        date: new Date().toISOString().slice(0, 10), changes,
      };
      const good = outcome === "finished";
      const end = {
        outcome, steps, loss: good ? this.last("loss") : null,
        knn: good ? this.last("knn") : null, linear_probe: null,
      };
      const whole = outcome === "finished" || outcome.startsWith("diverged");
      return {
        [`${name}/recipe.json`]: json(recipe),
        [`${name}/provenance.json`]: json(provenance),
        [`${name}/steps.jsonl`]: this.rows.map((row) => `${line(row)}\n`).join(""),
        ...(whole && { [`${name}/end.json`]: json(end) }),
      };
    }
  }

  const json = (value) => `${JSON.stringify(value, null, 1)}\n`;
  /* JSON has no word for what is not finite; Python reads these. */
  const spelled = (v) => (typeof v !== "number" || Number.isFinite(v) ? JSON.stringify(v)
    : Number.isNaN(v) ? "NaN" : v > 0 ? "Infinity" : "-Infinity");
  const line = (row) =>
    `{${Object.entries(row).map(([k, v]) => `${JSON.stringify(k)}: ${spelled(v)}`).join(", ")}}`;

  Object.assign(Why, { Record });
})();
