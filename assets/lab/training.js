/* The runs of a <why-train>: asked for here, trained by the worker, kept side by side.

   `live` are those that go on, one or a pair from one seed; `kept` those that go on no
   more. `on` hears what there is to see: show(), progress(text, share), say(sentence). */
"use strict";
globalThis.Why = globalThis.Why ?? {};
(() => {
  const { Record } = Why;
  const BACK = 10; // steps that a press on the button goes back at least
  const KEPT = 4; // runs that stay on the charts beside those that go on
  const OWN = "folder:own-pictures";

  class Training {
    /* data: the panel's; see mocolib/lab/train_here.py. */
    constructor(data, on) {
      Object.assign(this, {
        data,
        on,
        live: [],
        kept: [],
        session: null,
        files: null,
        count: 0,
      });
      this.phase = Why.lacking() ? "unsupported" : "idle";
    }

    get going() {
      return ["loading", "training", "paused"].includes(this.phase);
    }

    get steps() {
      return Math.max(0, ...this.live.map(({ steps }) => steps));
    }

    /* What can be asked for now. */
    get can() {
      const idle = !["loading", "training", "unsupported"].includes(this.phase);
      return {
        train: idle,
        pair: idle,
        step: idle,
        pause: this.phase === "training",
        rewind: Boolean(this.session && this.steps && this.phase !== "loading"),
        reset: this.live.length > 0,
        download: this.steps > 0,
      };
    }

    /* On with what is under way, or a new run of these settings; `pair`: two runs from
       the same seed, which differ in what the panel compares. */
    train({ settings, seed, words }, { pair = false, stepping = false } = {}) {
      if (pair || !this.going) this.begin(settings, seed, words, pair);
      this.stepping = stepping;
      if (this.phase === "paused" && !stepping) this.phase = "training";
      this.session.tell({ do: stepping ? "step" : "train" });
    }

    begin(settings, seed, words, pair) {
      this.put(this.live);
      const { compare, recipe, shape } = this.data,
        fields = pair ? compare.values : [null];
      const runs = fields.map((value) => ({
        seed,
        settings: { ...recipe, ...settings, ...(pair && { [compare.name]: value }) },
      }));
      const own = this.files ? { dataset: OWN } : {};
      this.live = runs.map(
        (one, i) =>
          new Record(
            { ...one.settings, ...own, seed },
            this.count++,
            [pair ? compare.words[i] : "", ...words].filter(Boolean).join(", "),
          ),
      );
      this.session ??= new Why.Session(
        (message) => this.hear(message),
        (said) => this.lost(said),
      );
      this.session.begin({ shape, runs, files: this.files });
      this.phase = "loading";
      this.on.say("");
      this.on.progress("loading", 0);
    }

    pause() {
      this.session.tell({ do: "pause" });
    }

    rewind() {
      this.session.tell({ do: "rewind", steps: BACK });
    }

    /* A setting, in words, to every run that it is news to. */
    change(name, value, words) {
      for (const [part, record] of this.live.entries()) {
        if (record.settings[name] === value) continue;
        record.change(name, value, words);
        this.session?.tell({ do: "change", part, settings: { [name]: value } });
      }
    }

    /* Runs that go on no more stay on the charts for a while, but not over other data. */
    put(records) {
      const dataset = this.files ? OWN : this.data.recipe.dataset;
      for (const record of records) record.outcome ||= "stopped";
      this.kept = [...this.kept, ...records.filter(({ steps }) => steps)]
        .filter(({ recipe }) => recipe.dataset === dataset)
        .slice(-KEPT);
    }

    /* --- what the worker says ------------------------------------------------------ */

    hear(message) {
      const { is, part, look } = message,
        record = this.live[part];
      if (is === "files") this.loading(message);
      else if (is === "ready") this.ready(message);
      else if (is === "step") this.take(record, message);
      else if (is === "paused") this.phase = "paused";
      else if (is === "rewound") this.rewound(record, message);
      else if (is === "done") this.done(record, message);
      else if (is === "trouble") this.lost(message.sentence);
      if (look) this.live[part].look = { ...look, step: this.live[part].steps };
      this.on.show(this.stepping ? "asked" : is); // a single step is shown in any case
    }

    loading({ what, came, of }) {
      const mega = (n) => (n / 1e6).toFixed(1);
      const text = {
        bytes: `loading ${mega(came)} of ${mega(of)} MB`,
        graphs: "preparing the graphs",
        pictures: `decoding ${came} of ${of} pictures`,
      }[what];
      this.on.progress(text, came / of);
    }

    ready({ device, version, layers, data }) {
      for (const record of this.live) {
        record.begin(layers);
        record.about = {
          trained_in: "page",
          "onnxruntime-web": version,
          device,
          generator: "xoshiro128**",
          data_name: data.own ? "own pictures" : record.recipe.dataset,
          data: `${data.train} training and ${data.test} test images`,
        };
      }
      this.device = device === "webgpu" ? "WebGPU" : "wasm, one thread";
      this.classes = data.classes.length;
      this.phase = this.stepping ? "paused" : "training";
    }

    take(record, { row, took }) {
      record.push(row);
      if (this.stepping) this.phase = "paused";
      this.times = [...(this.times ?? []), took].slice(-20);
      const usual = [...this.times].sort((a, b) => a - b)[
        Math.floor(this.times.length / 2)
      ];
      const { steps } = record.recipe,
        each = `${usual.toFixed(0)} ms a step`;
      this.on.progress(
        `step ${row.step} of ${steps} · ${each} · ${this.device}`,
        row.step / steps,
      );
    }

    /* The run stays as it is; a branch of it goes on from the step it is back at, with
       the settings that are in force now. */
    rewound(record, { part, left }) {
      this.phase = "paused";
      if (left === record.steps) return;
      const branch = record.branch(left, this.count++),
        now = record.settings;
      record.outcome ||= `left at step ${record.steps}`;
      this.put([record]);
      this.live[part] = branch;
      for (const { step, words, ...fields } of record.changes)
        for (const name of Object.keys(fields))
          if (step >= left && branch.settings[name] !== now[name])
            branch.change(
              name,
              now[name],
              record.changes.findLast((c) => name in c).words,
            );
      this.on.progress(
        `back at step ${left}: change something, or train on`,
        left / branch.recipe.steps,
      );
    }

    done(record, { outcome }) {
      record.outcome = outcome;
      if (this.live.every((one) => one.outcome)) this.phase = "done";
    }

    lost(sentence) {
      for (const record of this.live) record.outcome ||= "stopped";
      this.session?.stop();
      this.session = null;
      this.phase = "done";
      this.on.say(sentence);
      this.on.show();
    }

    reset() {
      this.session?.tell({ do: "pause" });
      if (this.session) this.session.run += 1; // what is still on its way is not heard
      this.put(this.live);
      this.live = [];
      this.phase = "idle";
      this.on.say("");
      this.on.progress("", 0);
    }

    /* The reader's own pictures from now on, or null for none. */
    use(files) {
      this.files = files;
      this.reset();
    }

    /* Leaving the page stops it. */
    leave() {
      if (!this.session) return;
      this.lost(this.going ? "The training stopped when the page was left." : "");
    }
  }

  Object.assign(Why, { BACK, Training });
})();
