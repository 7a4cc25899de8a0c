/* The runs of a <why-train>: asked for here, trained by the worker, kept side by side.

   `live` are those that go on: one, or a pair from one seed, and what branches off; `kept`
   those that go on no more. `on` hears what there is to see: show(), progress(text, share),
   say(sentence). */
"use strict";
globalThis.Why = globalThis.Why ?? {};
(() => {
  const { Record, said } = Why;
  const KEPT = 4; // branches that stay on the charts beside what goes on, and all runs
  const OWN = "folder:own-pictures";
  const SILENCE = 10; // seconds after which a word is said
  const SILENT = said(
    "Nothing has come for {count} seconds. It may be slow and still come; " +
      "Clear ends the waiting.",
    { count: SILENCE },
  );

  class Training {
    /* data: the panel's; see mocolib/lab/train_here.py. */
    constructor(data, on) {
      Object.assign(this, {
        data,
        on,
        live: [],
        kept: [],
        session: null,
        files: null, // the reader's own pictures, for the next run
        used: null, // those of the runs that go on
        count: 0,
        arm: 0, // which of the live ones goes back, and is changed once there are branches
        back: null, // the steps to go back that have not been asked for yet
        deeds: new Why.Deeds(), // what was done since the begin
      });
      this.phase = Why.lacking() ? "unsupported" : "idle";
    }

    get going() {
      return ["loading", "training", "paused"].includes(this.phase);
    }

    /* The reader's own pictures that what is shown is of, if any. */
    get own() {
      return this.live.length ? this.used : this.files;
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
        race: idle,
        rewind: Boolean(
          this.session && this.steps && this.phase !== "loading" && !this.race,
        ),
        reset: this.live.length + this.kept.length > 0,
        download: this.steps > 0,
        link: this.steps > 0 && !this.used && !this.race,
        replay: idle,
      };
    }

    /* On with what is under way, or a new run of these settings; `pair`: two runs from
       the same seed, which differ in what the panel compares; `seeds`: a race of so many. */
    train(chosen, { pair = false, stepping = false, seeds = 1 } = {}) {
      if (pair || seeds > 1 || !this.going) this.begin(chosen, pair, seeds);
      this.stepping = stepping;
      if (this.phase === "paused" && !stepping) this.phase = "training";
      if (this.deeds.again) {
        this.goOn();
        return;
      }
      this.session.tell({ do: stepping ? "step" : "train" });
      this.wait(true);
    }

    /* Who trains, from the first run on. */
    open() {
      this.session ??= new Why.Session(
        (message) => this.hear(message),
        (sentence) => this.lost(sentence),
        this.data,
      );
    }

    begin({ settings, seed, words }, pair, seeds = 1) {
      Object.assign(this, { used: this.files, counts: null });
      this.put(this.live);
      const { compare, recipe, shape } = this.data,
        sides = pair ? compare.values : [null];
      const runs = Array.from({ length: seeds * sides.length }, (_, n) => ({
        seed: seed + Math.floor(n / sides.length),
        settings: {
          ...recipe,
          ...settings,
          ...(pair && { [compare.name]: sides[n % sides.length] }),
        },
      }));
      const own = this.files ? { dataset: OWN } : {};
      this.live = runs.map(
        (one, n) =>
          new Record(
            { ...one.settings, ...own, seed: one.seed },
            this.count++,
            [
              pair ? compare.words[n % sides.length] : "",
              ...words,
              one.seed === this.data.seed && seeds === 1
                ? ""
                : said("seed {seed}", one),
            ]
              .filter(Boolean)
              .join(", "),
          ),
      );
      this.race = seeds > 1;
      Object.assign(this, { arm: 0, back: null, deeds: new Why.Deeds(), pair });
      this.open();
      // a race does not go back, and many pasts would fill the memory
      this.session.begin({ shape, runs, files: this.files, keeps: !this.race });
      this.phase = "loading";
      this.on.say("");
      this.on.progress(said("loading"), 0);
    }

    pause() {
      this.deeds.again = null;
      this.session.tell({ do: "pause" });
    }

    /* A setting, in words, to every run that it is for, and news to. */
    change(name, value, words) {
      for (const [part, record] of this.live.entries())
        if (this.listens(part) && record.settings[name] !== value)
          this.set(part, name, value, words);
    }

    set(part, name, value, words) {
      const record = this.live[part];
      this.deeds.set(part, record.steps, name, value);
      record.change(name, value, words);
      this.session?.tell({ do: "change", part, settings: { [name]: value } });
    }

    /* Runs that go on no more stay on the charts for a while, but not over other data. */
    put(records) {
      const dataset = this.used ? OWN : this.data.recipe.dataset;
      for (const record of records) record.outcome ||= "stopped";
      const all = [...this.kept, ...records.filter(({ steps }) => steps)].filter(
        ({ recipe }) => recipe.dataset === dataset,
      );
      const branches = all.filter(({ from }) => from).slice(-KEPT);
      this.kept = all.filter((one) => !one.from || branches.includes(one));
    }

    /* --- what the worker says ------------------------------------------------------ */

    hear(message) {
      const { is, part, look } = message,
        record = this.live[part];
      if (this.silent) this.on.say("");
      if (is === "files") this.loading(message);
      else if (is === "ready") this.ready(message);
      else if (is === "step") this.take(record, message);
      else if (is === "paused") this.paused();
      else if (is === "forked" || is === "rewound") this.cameBack(message);
      else if (is === "done") this.done(record, message);
      else if (is === "trouble") this.lost(message.sentence);
      else if (is === "alone") this.on.say(message.sentence);
      if (look) this.live[part].looks.push({ ...look, step: this.live[part].steps });
      this.on.show(this.stepping ? "asked" : is); // a single step is shown in any case
      this.wait(["loading", "training"].includes(this.phase) || is === "ready");
    }

    /* A word where nothing is heard for long of what has been asked for. */
    wait(on) {
      clearTimeout(this.timer);
      this.silent = false;
      if (!on) return;
      this.timer = setTimeout(() => {
        this.silent = true;
        this.on.say(this.session?.silent ?? SILENT);
      }, 1000 * SILENCE);
    }

    paused() {
      if (this.deeds.again) this.goOn();
      else this.phase = "paused";
    }

    loading({ what, came, of }) {
      const mega = (n) => (n / 1e6).toFixed(1);
      const text = {
        bytes: said("loading {came} of {of} MB", { came: mega(came), of: mega(of) }),
        graphs: said("preparing the graphs"),
        pictures: said("decoding {came} of {of} pictures", { came, of }),
      }[what];
      this.on.progress(text, came / of);
    }

    ready(message) {
      const { layers, data } = message;
      this.counts = data;
      for (const record of this.live) {
        record.begin(layers);
        const { about, device } = this.session.made(message, record.recipe);
        if (data.own) about.pictures = Why.usedWords(this.used, data);
        record.about = about;
        this.device = device;
      }
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
        time = usual.toFixed(0),
        arm = this.live[this.arm];
      if (record !== arm && !arm.outcome) return; // one of them is enough to follow
      this.on.progress(
        said("step {step} of {steps} · {time} ms a step · {device}", {
          step: row.step,
          steps,
          time,
          device: this.device,
        }),
        row.step / steps,
      );
    }

    done(record, { outcome }) {
      record.outcome = outcome;
      if (this.live.every((one) => one.outcome)) this.phase = "done";
    }

    lost(sentence) {
      for (const record of this.live) record.outcome ||= "stopped";
      this.end();
      this.phase = "done";
      this.on.say(sentence);
      this.on.show();
    }

    end() {
      this.wait(false);
      this.back = this.deeds.again = null;
      this.session?.stop();
      this.session = null;
    }

    reset() {
      // what loads or hangs hears nothing more
      if (this.phase === "loading" || this.silent) this.end();
      this.wait(false);
      this.session?.tell({ do: "pause" });
      if (this.session) this.session.run += 1; // what is still on its way is not heard
      if (this.live.length) this.put(this.live);
      else this.kept = [];
      this.live = [];
      this.phase = "idle";
      this.on.say("");
      this.on.progress("", 0);
    }

    /* The reader's own pictures from the next run on, or null for none. */
    use(files) {
      this.files = files;
    }

    /* Leaving the page stops it; a notebook only puts a panel aside. */
    leave(forGood) {
      if (!this.session || (Why.Session.stays && !forGood)) return;
      this.lost(this.going ? said("The training stopped when the page was left.") : "");
    }
  }

  Object.assign(Training.prototype, Why.branching);
  Object.assign(Why, { Training });
})();
