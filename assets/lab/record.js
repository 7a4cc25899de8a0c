/* A run that goes on in the page: its rows, what is drawn of them, and its run folder. */
"use strict";
globalThis.Why = globalThis.Why ?? {};
(() => {
  const MOST = 300; // points of a curve; more than the axes have pixels is a waste

  /* Points thinned so that peaks and dips stay: the least and the largest of each part. */
  function thinned(x, y) {
    const size = Math.ceil(x.length / (MOST / 2));
    if (size <= 2) return [x, y];
    const kept = [0];
    for (let i = 1; i < x.length - 1; i += size) {
      const part = Array.from(
        { length: Math.min(size, x.length - 1 - i) },
        (_, k) => i + k,
      );
      const by = (pick) => part.reduce((a, b) => (pick(y[b], y[a]) ? b : a));
      kept.push(
        ...[...new Set([by((a, b) => a < b), by((a, b) => a > b)])].sort(
          (a, b) => a - b,
        ),
      );
    }
    kept.push(x.length - 1);
    return [kept.map((i) => x[i]), kept.map((i) => y[i])];
  }

  class Record {
    /* recipe: what was asked for, as mocolib's recipe.json; rows grow by one a step.
       `number` tells the records of a panel apart; `words` says what is its own. */
    constructor(recipe, number, words = "") {
      Object.assign(this, {
        recipe,
        number,
        words,
        rows: [],
        changes: [],
        outcome: "",
        run: words, // without where it branched
        about: {},
        layers: [],
        spikes: null,
        looks: [], // what it has learned, by reading
      });
    }

    /* The same run up to a step, to go on from there in another way. */
    branch(step, number) {
      const own = new Record(
        this.recipe,
        number,
        Why.said("{run} from step {step}", { run: this.run, step }).trim(),
      );
      Object.assign(own, {
        run: this.run,
        about: this.about,
        from: { step, record: this },
        looks: this.looks.filter((look) => look.step <= step),
      });
      own.begin(this.layers);
      this.rows.slice(0, step).forEach((row) => own.push(row));
      own.changes = this.changes.filter((change) => change.step < step);
      return own;
    }

    /* Take the settings that are in force in another run, as changes from here on. */
    adopt(other) {
      for (const [name, value] of Object.entries(other.settings)) {
        if (this.settings[name] === value) continue;
        this.change(name, value, other.changes.findLast((c) => name in c).words);
      }
    }

    begin(layers) {
      this.layers = layers;
      this.spikes = new Why.Spikes(layers, this.recipe.warmup_steps);
    }

    push(row) {
      this.rows.push(row);
      this.spikes.push(row);
    }

    /* What it has learned by then, or by now. */
    look(step = Infinity) {
      return this.looks.findLast((look) => look.step <= step);
    }

    get steps() {
      return this.rows.length;
    }

    /* The settings in force behind the last step. */
    get settings() {
      const changes = this.changes.map(({ step, ...more }) => more);
      return Object.assign({}, this.recipe, ...changes);
    }

    /* The last reading of a column; null where there is none. */
    last(name) {
      return this.rows.findLast((row) => row[name] != null)?.[name] ?? null;
    }

    /* [steps, values] of a column, where it was read and can be drawn. */
    column(name, times = 1) {
      // a branch is drawn from where it leaves
      const rows = this.from
        ? this.rows.slice(Math.max(0, this.from.step - 1))
        : this.rows;
      const good = rows.filter((row) => Number.isFinite(row[name] ?? NaN));
      return thinned(
        good.map((row) => row.step),
        good.map((row) => times * row[name]),
      );
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
        mocolib: version,
        ...about,
        changes,
      };
      const good = outcome === "finished";
      const end = {
        outcome,
        steps,
        loss: good ? this.last("loss") : null,
        knn: good ? this.last("knn") : null,
        linear_probe: null,
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

  /* The run folders of some records as one zip, for the reader to keep. */
  function download(records, { shape, version }) {
    const time = new Date().toISOString().replace(/\D/g, "").slice(0, 14),
      files = {};
    for (const [i, record] of records.entries()) {
      const name = `page-${shape}-${record.recipe.seed}-${time}${records.length > 1 ? `-${i + 1}` : ""}`;
      Object.assign(files, record.folder(name, version));
    }
    const link = document.createElement("a");
    link.href = URL.createObjectURL(Why.zip(files));
    link.download = `page-${shape}-${time}.zip`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  const json = (value) => `${JSON.stringify(value, null, 1)}\n`;
  /* JSON has no word for what is not finite; Python reads these. */
  const spelled = (v) =>
    typeof v !== "number" || Number.isFinite(v)
      ? JSON.stringify(v)
      : Number.isNaN(v)
        ? "NaN"
        : v > 0
          ? "Infinity"
          : "-Infinity";
  const line = (row) =>
    `{${Object.entries(row)
      .map(([k, v]) => `${JSON.stringify(k)}: ${spelled(v)}`)
      .join(", ")}}`;

  Object.assign(Why, { Record, download });
})();
