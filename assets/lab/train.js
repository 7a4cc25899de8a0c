/* <why-train>: trains MoCo v3 in the page, in a worker, and draws while it goes on.

   controls -> settings of the run (all but shape and seed can change while it goes on) ->
   session.js, which has the worker -> rows -> record.js -> train_view.js, the charts.
   Before the first click nothing is loaded: what was recorded is shown alone. */
"use strict";
(() => {
  const { Record, trainView: view } = Why;
  const WAIT = 250, RATIO = 20; // ms between two pictures, and in units of what one takes

  class WhyTrain extends HTMLElement {
    connectedCallback() {
      if (this.data) return;
      this.data = JSON.parse(this.querySelector("script").textContent);
      Object.assign(this, { live: null, before: null, session: null, files: null, seed: 0, next: 0 });
      this.phase = Why.lacking() ? "unsupported" : "idle";
      this.at = [...this.data.shapes[0].at];
      this.readAddress();
      this.build();
      this.show();
      addEventListener("pagehide", () => this.leave());
    }

    disconnectedCallback() { this.leave(); }

    /* --- settings, and the page's address ------------------------------------------ */

    readAddress() {
      const [at, seed] = Why.fromAddress(this.id)?.split("_") ?? [];
      const known = at?.split(".").map(Number) ?? [];
      const { axes } = this.data;
      if (known.length === axes.length && axes.every((axis, k) => axis.words[known[k]] !== undefined))
        this.at = known;
      if (/^\d{1,9}$/.test(seed ?? "")) this.seed = Number(seed);
    }

    get shape() { return this.data.shapes[this.at[0]]; }

    /* The chosen recipe fields, without the shape. */
    get settings() {
      return Object.fromEntries(this.data.axes.slice(1).map((axis, k) =>
        [axis.name, axis.values[this.at[k + 1]]]));
    }

    choose(k, i) {
      if (this.at[k] === i) return;
      this.at[k] = i;
      const { name, values, spoken } = this.data.axes[k];
      if (k === 0) { // another run, at a rate that suits it
        this.reset();
        this.at = [...this.shape.at];
      } else if (this.going) {
        this.live.change(name, values[i], spoken[i]);
        this.session.tell({ do: "change", settings: { [name]: values[i] } });
      }
      this.changed();
    }

    changed() {
      Why.toAddress(this.id, `${this.at.join(".")}_${this.seed}`);
      this.show();
    }

    /* --- the run ------------------------------------------------------------------- */

    get going() { return ["loading", "training", "paused"].includes(this.phase); }

    press(what) {
      if (what === "reset") this.reset();
      else if (what === "download") this.download();
      else if (what === "pause") this.session.tell({ do: "pause" });
      else {
        if (!this.going) this.begin();
        this.stepping = what === "step";
        if (this.phase === "paused" && what === "train") this.phase = "training";
        this.session.tell({ do: what });
      }
      this.show();
    }

    begin() {
      if (this.live?.steps) this.before = this.live;
      const own = this.files ? { dataset: "folder:own-pictures" } : {};
      this.live = new Record({ ...this.shape.recipe, ...this.settings, ...own, seed: this.seed });
      this.session ??= new Why.Session((message) => this.hear(message), (sentence) => this.lost(sentence));
      this.session.begin({ shape: this.shape.name, seed: this.seed, settings: this.settings, files: this.files });
      this.phase = "loading";
      this.say("");
      this.progress("loading", 0);
    }

    hear(message) {
      const { is } = message;
      if (is === "files") this.loading(message);
      else if (is === "ready") this.ready(message);
      else if (is === "step") this.take(message);
      else if (is === "paused") this.phase = "paused";
      else if (is === "done") { this.live.outcome = message.outcome; this.phase = "done"; }
      else if (is === "trouble") this.lost(message.sentence);
      if (is === "step" ? performance.now() >= this.next : is !== "files") this.show();
    }

    loading({ what, came, of }) {
      const mega = (n) => (n / 1e6).toFixed(1);
      const text = { bytes: `loading ${mega(came)} of ${mega(of)} MB`, graphs: "preparing the graphs",
        pictures: `decoding ${came} of ${of} pictures` }[what];
      this.progress(text, came / of);
    }

    ready({ device, version, layers, data }) {
      Object.assign(this.live, { layers, device });
      this.live.about = {
        trained_in: "page", "onnxruntime-web": version, device, generator: "xoshiro128**",
        data_name: data.own ? "own pictures" : this.live.recipe.dataset,
        data: `${data.train} training and ${data.test} test images`,
      };
      this.own = data.own && data.classes.length < 2 ? "One class only, so there is no kNN." : "";
      this.phase = this.stepping ? "paused" : "training";
    }

    take({ row, took }) {
      this.live.rows.push(row);
      this.times = [...(this.times ?? []), took].slice(-20);
      took = [...this.times].sort((a, b) => a - b)[Math.floor(this.times.length / 2)];
      if (this.stepping) this.phase = "paused";
      const { steps } = this.live.recipe, runs = this.live.device === "webgpu" ? "WebGPU" : "wasm, one thread";
      this.progress(`step ${row.step} of ${steps} · ${took.toFixed(0)} ms a step · ${runs}`, row.step / steps);
    }

    lost(sentence) {
      if (this.live && !this.live.outcome) this.live.outcome = "stopped";
      this.session?.stop();
      this.session = null;
      this.phase = "done";
      this.say(sentence);
      this.show();
    }

    reset() {
      this.session?.tell({ do: "pause" });
      if (this.session) this.session.run += 1; // what is still on its way is not heard
      if (this.live?.steps) this.before = this.live;
      this.live = null;
      this.phase = "idle";
      this.say("");
      this.progress("", 0);
    }

    /* Leaving the page stops it. */
    leave() {
      if (!this.session) return;
      this.lost(this.going ? "The training stopped when the page was left." : "");
    }

    download() {
      const { recipe } = this.live, time = new Date().toISOString().replace(/\D/g, "").slice(0, 14);
      const name = `page-${this.shape.name}-${recipe.seed}-${time}`;
      const link = document.createElement("a");
      link.href = URL.createObjectURL(Why.zip(this.live.folder(name, this.data.version)));
      link.download = `${name}.zip`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    }

    async use(source) {
      this.files = await Why.chosenFiles(source);
      if (!this.files.length) this.files = null;
      this.reset();
      this.show();
    }

    /* --- what is on the screen ----------------------------------------------------- */

    build() {
      const controls = this.data.axes.map((axis, k) => Why.control(this.id, axis, k)).join("");
      const button = (name, text) => `<button type="button" data-press="${name}">${text}</button>`;
      this.innerHTML = `<div class="controls">${controls}<div class="control"><label for="${this.id}-seed">seed</label>
        <input type="number" id="${this.id}-seed" class="seed" min="0" max="999999999" step="1"></div></div>
        <div class="buttons">${button("train", "Train")}${button("pause", "Pause")}${button("step", "Step")}
        ${button("reset", "Reset")}${button("download", "Download the run")}
        <progress max="1" value="0" aria-label="progress"></progress><span class="progress"></span></div>
        <p class="trouble" role="alert"></p><div class="charts"></div>
        <div class="buttons layers"></div><div class="table"></div>
        <details class="own"><summary>Train on your own pictures</summary><p>Choose pictures, or drop them
        here; the folder a picture lies in is its class. They are decoded in this page and never leave it.</p>
        <div class="buttons"><label>pictures <input type="file" class="files" accept="image/*" multiple></label>
        <label>folder <input type="file" class="files" webkitdirectory></label>
        <button type="button" class="back">Back to Fashion-MNIST</button></div><p class="chosen"></p></details>
        <p class="spoken" role="status"></p>`;
      this.listen();
      this.say(Why.lacking());
    }

    listen() {
      this.addEventListener("input", ({ target }) => {
        if (target.dataset.axis) this.choose(Number(target.dataset.axis), Number(target.value));
        else if (target.className === "layer") { this.layer = target.value; this.show(); }
      });
      this.addEventListener("change", ({ target }) => {
        if (target.className === "files") this.use(target);
        if (target.className !== "seed") return;
        this.seed = Math.min(999999999, Math.max(0, Math.floor(Number(target.value)) || 0));
        this.changed();
      });
      this.addEventListener("click", ({ target }) => {
        if (target.dataset.press) this.press(target.dataset.press);
        else if (target.className === "back") { this.files = null; this.reset(); this.show(); }
      });
      const drop = this.querySelector(".own");
      const over = (event, on) => { event.preventDefault(); drop.classList.toggle("over", on); };
      drop.addEventListener("dragover", (event) => over(event, true));
      drop.addEventListener("dragleave", (event) => over(event, false));
      drop.addEventListener("drop", (event) => { over(event, false); this.use(event.dataTransfer); });
    }

    say(sentence) { this.querySelector(".trouble").textContent = sentence; }

    progress(text, share) {
      this.querySelector("progress").value = share;
      this.querySelector(".progress").textContent = text;
    }

    show() {
      const start = performance.now(), { phase } = this;
      Why.setControls(this, this.data.axes, this.at);
      this.querySelector(".seed").value = this.seed;
      const can = { train: !["loading", "training", "unsupported"].includes(phase),
        pause: phase === "training", step: !["loading", "training", "unsupported"].includes(phase),
        reset: Boolean(this.live), download: Boolean(this.live?.steps) };
      for (const [name, on] of Object.entries(can)) this.querySelector(`[data-press=${name}]`).disabled = !on;
      this.querySelector(".chosen").textContent = this.files
        ? `${this.files.length} files of yours, from the next run on. ${this.own ?? ""}` : "";
      view.showLayers(this, this.querySelector(".layers"));
      this.querySelector(".charts").innerHTML = view.charts(this);
      this.querySelector(".table").innerHTML = view.table(this);
      const part = `${phase} ${Math.floor((this.live?.steps ?? 0) / 50)} ${this.live?.changes.length} ${this.at}`;
      if (part !== this.told) { // not every step is told
        this.told = part;
        this.querySelector(".spoken").textContent = view.sentence(this);
      }
      const end = performance.now();
      this.next = end + Math.max(WAIT, RATIO * (end - start));
    }
  }

  Why.define("why-train", WhyTrain);
})();
