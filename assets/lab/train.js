/* <why-train>: trains MoCo v3 in the page, in a worker, and draws while it goes on.

   controls -> settings of the run (all but shape and seed can change in mid-run) ->
   session.js, which has the worker -> rows -> record.js -> charts, table and sentence.
   Before the first click nothing is loaded: what was recorded is shown alone. */
"use strict";
(() => {
  const { draw, escaped, finite, short, swatch, Record } = Why;
  const LIVE = { colour: "#0173b2", dash: "" }, BEFORE = { colour: "#de8f05", dash: "7 3" };
  const RECORDED = { colour: "#888", dash: "2 3" };
  const LAYERS = [["#0173b2", ""], ["#029e73", "9 3 2 3"], ["#d55e00", "4 2 1 2"]];
  const NEXT = ["shape", "seed"]; // they hold from the next run on
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
      if (k === 0) this.at = [...this.shape.at]; // each shape has a rate that suits it
      else if (this.going) {
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
      if (is === "files") this.files_(message);
      else if (is === "ready") this.ready(message);
      else if (is === "step") this.take(message);
      else if (is === "paused") this.phase = "paused";
      else if (is === "done") { this.live.outcome = message.outcome; this.phase = "done"; }
      else if (is === "trouble") this.lost(message.sentence);
      if (is === "step" ? performance.now() >= this.next : is !== "files") this.show();
    }

    files_({ what, came, of }) {
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
      this.live.took = took;
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

    async own_(source) {
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
        if (target.className === "files") this.own_(target);
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
      drop.addEventListener("drop", (event) => { over(event, false); this.own_(event.dataTransfer); });
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
      this.showLayers();
      this.querySelector(".charts").innerHTML = this.charts().join("");
      this.querySelector(".table").innerHTML = this.table();
      if (!(phase === "training" && this.live.steps % 50)) // not every step is told
        this.querySelector(".spoken").textContent = this.sentence();
      const end = performance.now();
      this.next = end + Math.max(WAIT, RATIO * (end - start));
    }

    /* The runs that are shown: the one that goes on, the one before, the recorded one. */
    curves() {
      const near = this.nearest(), curves = [];
      const own = (record, style, name) => record?.steps && curves.push({
        name, style, record, group: record.group(record.layers[0]) });
      own(this.live, LIVE, "this run");
      own(this.before, BEFORE, "the run before");
      if (near) curves.push({ name: `recorded: ${near.name}`, style: RECORDED, group: near.group });
      return curves;
    }

    charts() {
      const curves = this.curves(), empty = { lines: {}, bands: {}, images: 1, until: this.shape.recipe.steps };
      const shown = curves.length ? curves : [{ name: "nothing yet", style: LIVE, group: empty }];
      const marks = (this.live?.changes ?? []).map((change) => ({
        at: change.step * this.live.recipe.batch_size, words: change.words }));
      return this.data.charts.map((chart) => {
        const layers = chart.key === "gradient" ? this.layerCurves() : [];
        const rest = layers.length ? shown.filter(({ record }) => record !== this.live) : shown;
        return draw(chart, [...layers, ...rest], "images", false, marks);
      });
    }

    /* The gradient of the first layer, of the last, and of one that is chosen. */
    get layerNames() {
      const names = this.live?.layers ?? [];
      const other = names.includes(this.layer) ? this.layer : names[Math.floor(names.length / 2)];
      return names.length ? [names[0], names.at(-1), other] : [];
    }

    layerCurves() {
      if (!this.live?.steps) return [];
      return this.layerNames.map((name, i) => ({
        name, style: { colour: LAYERS[i][0], dash: LAYERS[i][1] }, group: this.live.group(name) }));
    }

    showLayers() {
      const legend = this.querySelector(".layers"), names = this.layerNames;
      if (legend.dataset.of === names.join()) return; // a list that is open stays open
      legend.dataset.of = names.join();
      const said = (i) => `<span>${swatch({ colour: LAYERS[i][0], dash: LAYERS[i][1] })} ${escaped(names[i])}</span>`;
      const options = (this.live?.layers ?? []).map((name) =>
        `<option${name === names[2] ? " selected" : ""}>${escaped(name)}</option>`);
      legend.innerHTML = names.length ? `<span>Gradient of this run:</span>${said(0)}${said(1)}
        <label>${swatch({ colour: LAYERS[2][0], dash: LAYERS[2][1] })} <select class="layer"
        aria-label="another layer">${options.join("")}</select></label>` : "";
    }

    /* The recorded run whose settings are nearest; words weigh more than any number. */
    nearest() {
      const { settings } = this, far = (run) => Object.entries(settings).reduce((sum, [name, value]) => {
        const own = run.settings[name];
        if (typeof value === "string") return sum + 100 * (own !== value);
        return sum + Math.abs(Math.log(Math.max(own, 1e-9) / Math.max(value, 1e-9)));
      }, 0);
      const fit = this.data.recorded.filter((run) => run.shape === null || run.shape === this.shape.name);
      return fit.length ? fit.reduce((a, b) => (far(b) < far(a) ? b : a)) : null;
    }

    table() {
      const said = (value, digits, times = 1) => (finite(value) ? (value * times).toFixed(digits) : "–");
      const rows = this.curves().map(({ name, style, record, group }) => {
        const end = (key) => group.lines[key]?.[1]?.at(-1) ?? null;
        const [loss, knn] = record ? [record.last("loss"), record.last("knn")] : [end("loss"), end("knn") / 100];
        const state = record ? (record.outcome || (record === this.live ? this.phase : "stopped")) : "finished";
        const steps = record?.steps ?? group.until;
        return `<tr><th scope="row">${swatch(style)} ${escaped(name)}</th><td>${steps}</td>
          <td>${said(loss, 3)}</td><td>${said(knn, 1, 100)}</td><td>${escaped(state)}</td></tr>`;
      });
      const heads = ["run", "steps", "loss", "kNN, %", "state"].map((h) => `<th scope="col">${h}</th>`);
      return rows.length ? `<table><thead><tr>${heads.join("")}</tr></thead><tbody>${rows.join("")}</tbody></table>` : "";
    }

    /* What the charts show, for those who do not see them. */
    sentence() {
      const { live, phase } = this;
      const chosen = this.data.axes.map((axis, k) => axis.spoken[this.at[k]]).join(", ");
      if (!live) return `Chosen: ${chosen}, seed ${this.seed}. ${phase === "idle" ? "Press Train." : ""}`;
      const knn = live.last("knn"), loss = live.last("loss");
      const readings = live.steps ? `, loss ${short(loss ?? NaN)}${knn === null ? "" : `, kNN ${short(100 * knn)} %`}` : "";
      const changes = live.changes.map((c) => `${c.words} from step ${c.step} on`).join("; ");
      return `${live.outcome || phase}: step ${live.steps} of ${live.recipe.steps}${readings}. ${changes}`;
    }
  }

  Why.define("why-train", WhyTrain);
})();
