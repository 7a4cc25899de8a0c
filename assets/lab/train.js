/* <why-train>: trains MoCo v3 in the page, in a worker, and draws while it goes on.

   controls -> settings of the run (all but the seed can change while it goes on) ->
   session.js, which has the worker -> rows -> record.js -> train_view.js, the charts.
   Before the first click nothing is loaded: what was recorded is shown alone. */
"use strict";
(() => {
  const { said, trainView: view } = Why;
  const WAIT = 250,
    RATIO = 20; // ms between two pictures, and in units of what one takes

  class WhyTrain extends HTMLElement {
    connectedCallback() {
      if (this.data) return;
      this.data = JSON.parse(this.querySelector("script").textContent);
      Object.assign(this, { next: 0, at: [...this.data.at], seed: this.data.seed });
      this.training = new Why.Training(this.data, {
        say: (sentence) => this.say(sentence),
        progress: (text, share) => this.progress(text, share),
        show: (what) => {
          if (what !== "files" && (what !== "step" || performance.now() >= this.next))
            this.show();
        },
      });
      this.readAddress();
      this.build();
      this.show();
      if (Why.Session.stays) this.training.open();
      addEventListener("pagehide", () => this.training.leave(true));
    }

    disconnectedCallback() {
      this.training.leave();
    }

    /* --- settings, and the page's address ------------------------------------------ */

    readAddress() {
      const [at, seed, done] = Why.fromAddress(this.id)?.split("_") ?? [];
      this.at = Why.places(at, this.data.axes, this.at);
      if (/^\d{1,9}$/.test(seed ?? "")) this.seed = Number(seed);
      this.script = Why.link.read(done, this.data);
    }

    /* The address of what has been done here, for others; copied where that may be. */
    async copyLink() {
      const { begun, training, data } = this,
        done = Why.link.written(training.pair, training.deeds.list, data.axes);
      Why.toAddress(this.id, `${begun}_${done}`);
      const copied = await navigator.clipboard?.writeText(location.href).then(
        () => true,
        () => false,
      );
      this.querySelector(".state").textContent = copied
        ? said("the link is copied")
        : said("the link is this page's address now");
    }

    /* The chosen recipe fields. */
    get settings() {
      return Object.fromEntries(
        this.data.axes.map((axis, k) => [axis.name, axis.values[this.at[k]]]),
      );
    }

    choose(k, i) {
      if (this.at[k] === i) return;
      this.at[k] = i;
      const { name, values, spoken } = this.data.axes[k];
      if (this.training.going) this.training.change(name, values[i], spoken[i]);
      this.changed();
    }

    /* Another of the runs goes back now, and is changed; the controls show its settings. */
    follow(part) {
      const { training, data } = this;
      training.arm = part;
      const own = training.live[part].settings;
      this.at = data.axes.map(({ name, values }) => values.indexOf(own[name]));
      this.show();
    }

    get place() {
      return `${this.at.join(".")}_${this.seed}`;
    }

    changed() {
      this.script = null;
      Why.toAddress(this.id, this.place);
      this.show();
    }

    press(what) {
      const { training } = this;
      if (!training.can[what]) return;
      const begins =
        ["pair", "race", "replay"].includes(what) ||
        (["train", "step"].includes(what) && !training.going);
      if (begins) this.begun = this.place;
      if (what === "download") Why.download(training.live, this.data);
      else if (what === "link") this.copyLink();
      else if (what === "replay") training.replay(this.chosen, this.script);
      else if (["pause", "rewind", "reset"].includes(what)) training[what]();
      else
        training.train(this.chosen, {
          pair: what === "pair" || (what === "race" && Boolean(this.data.compare)),
          stepping: what === "step",
          seeds: what === "race" ? Why.SEEDS : 1,
        });
      this.show();
    }

    /* What a new run is asked for with; its words say what is not as the panel began. */
    get chosen() {
      const { axes, at } = this.data;
      const words = axes.flatMap((axis, k) =>
        this.at[k] === at[k] ? [] : [axis.spoken[this.at[k]]],
      );
      return { settings: this.settings, seed: this.seed, words };
    }

    /* --- what is on the screen ----------------------------------------------------- */

    build() {
      const { axes, compare, layers } = this.data;
      const seed = `<div class="control"><label for="${this.id}-seed">${said("seed")}</label>
        <input type="number" id="${this.id}-seed" class="seed" min="0" max="999999999" step="1"></div>`;
      const button = (name, text) =>
        `<button type="button" data-press="${name}">${text}</button>`;
      const options = Object.entries(layers).map(
        ([name, words]) => `<option value="${name}">${Why.escaped(words)}</option>`,
      );
      this.innerHTML = `${Why.controls(this.id, axes, seed)}
        <div class="buttons presses">${button("train", said("Train"))}${compare ? button("pair", Why.escaped(compare.label)) : ""}
        ${button("race", said("Race {count} seeds", { count: Why.SEEDS }))}${button("pause", said("Pause"))}${button("step", said("Step"))}${button("rewind", said("{count} steps back", { count: Why.BACK }))}
        ${button("reset", said("Clear"))}${button("download", said("Download the run"))}
        ${button("link", said("Copy a link to this"))}${button("replay", said("Do again what the link has"))}</div>
        <div class="buttons branches" hidden><label>${said("run")} <select class="arm"></select></label>
        <span></span></div>
        <div class="buttons"><progress max="1" value="0" aria-label="${said("training")}"></progress><span class="state"></span></div>
        <p class="trouble" role="alert"></p><div class="race" hidden></div><why-charts class="all"></why-charts>
        <p class="note behind"></p><div class="buttons"><label>${said("gradient of")} <select class="layer">${options.join("")}</select></label>
        <span class="spikes"></span></div><div class="heats" hidden></div><div class="buttons readings" hidden><label for="${this.id}-reading">${said("learned by")}</label>
        <input type="range" id="${this.id}-reading" class="reading" min="0" step="1"><output for="${this.id}-reading"></output></div>
        <div class="learned"></div><div class="table"></div>
        <p class="heard" role="status"></p>`;
      this.own = Why.ownPictures(this.data.recipe.batch_size, (files) => {
        this.training.use(files);
        this.show();
      });
      this.own.open = this.data.own;
      if (this.data.own) this.prepend(this.own);
      else this.append(this.own);
      this.listen();
      this.say(Why.lacking());
    }

    listen() {
      this.addEventListener("input", ({ target }) => {
        if (target.dataset.axis)
          this.choose(Number(target.dataset.axis), Number(target.value));
        else if (target.className === "arm") this.follow(Number(target.value));
        else if (target.className === "reading") {
          const i = Number(target.value);
          this.reading = i < this.readings.length - 1 ? this.readings[i] : undefined;
          this.showLearned();
        } else if (target.className === "layer") {
          this.layer = target.value;
          this.show();
        }
      });
      this.addEventListener("change", ({ target }) => {
        if (target.className !== "seed") return;
        this.seed = Math.min(
          999999999,
          Math.max(0, Math.floor(Number(target.value)) || 0),
        );
        this.changed();
      });
      this.addEventListener("click", ({ target }) => {
        if (target.dataset.press) this.press(target.dataset.press);
      });
    }

    say(sentence) {
      this.querySelector(".trouble").textContent = sentence;
    }

    progress(text, share) {
      this.querySelector("progress").value = share;
      this.querySelector(".state").textContent = text;
    }

    show() {
      const start = performance.now(),
        { training } = this,
        { live, phase } = training;
      Why.setControls(this, this.data.axes, this.at);
      const seed = this.querySelector(".seed");
      if (seed !== document.activeElement) seed.value = this.seed; // else it is typed into
      for (const [name, on] of Object.entries(training.can))
        for (const button of this.querySelectorAll(`[data-press=${name}]`))
          Why.enable(button, on);
      this.querySelector("[data-press=link]").hidden = "kernel" in this.dataset;
      this.querySelector("[data-press=replay]").hidden = !this.script;
      this.showArms();
      this.own.show(training);
      Why.showRace(this.querySelector(".race"), this);
      this.querySelector("why-charts.all").show(view.charts(this));
      this.querySelector(".layer").value = view.layerOf(this);
      this.querySelector(".behind").textContent = view.behind(this);
      this.querySelector(".spikes").textContent = view.spikes(this);
      Why.showHeat(this.querySelector(".heats"), live, this.data.layers);
      this.showLearned();
      this.querySelector(".table").innerHTML = view.table(this);
      // while they train not every step is told
      const steps =
        phase === "training"
          ? Math.floor(training.steps / 50)
          : live.map(({ steps }) => steps);
      const part = `${phase} ${steps} ${live.map(({ changes }) => changes.length)} ${this.at}`;
      if (part !== this.told) {
        this.told = part;
        this.querySelector(".heard").textContent = view.sentence(this);
      }
      const end = performance.now();
      this.next = end + Math.max(WAIT, RATIO * (end - start));
    }

    /* Which of the runs goes back, where there are several. */
    showArms() {
      const { live, arm, race } = this.training,
        select = this.querySelector(".arm");
      const names = live.map(view.nameOf);
      if (names.join("\n") !== select.told) {
        select.told = names.join("\n");
        select.innerHTML = names
          .map((name, part) => `<option value="${part}">${Why.escaped(name)}</option>`)
          .join("");
      }
      select.value = arm;
      const row = select.closest("div");
      row.hidden = race || live.length < 2;
      row.querySelector("span").textContent = live.some(({ from }) => from)
        ? said("goes back and hears of changes; the others go on as they are.")
        : said("goes back; both hear of changes.");
    }

    /* What has been learned by the reading that is chosen, or by now; drawn again only
       where it is another. */
    showLearned() {
      const place = this.querySelector(".learned"),
        seen = this.training.live.filter(({ looks }) => looks.length),
        step = this.showReadings(seen);
      while (place.children.length > seen.length) place.lastChild.remove();
      seen.forEach((record, i) => {
        const own =
            place.children[i] ?? place.appendChild(document.createElement("div")),
          look = record.look(step) ?? record.looks[0];
        if (own.look === look) return;
        own.look = look;
        Why.showLearned(own, look, record.words, !i);
      });
    }

    /* The slider over the readings; at its end it follows the run. The chosen step. */
    showReadings(seen) {
      const steps = [
        ...new Set(seen.flatMap(({ looks }) => looks.map(({ step }) => step))),
      ].sort((a, b) => a - b);
      const row = this.querySelector(".readings"),
        slider = row.querySelector("input");
      row.hidden = steps.length < 2;
      if (!steps.includes(this.reading)) this.reading = undefined;
      slider.max = steps.length - 1;
      slider.value = steps.indexOf(this.reading ?? steps.at(-1));
      const words =
        this.reading === undefined
          ? said("now")
          : said("step {step}", { step: this.reading });
      slider.setAttribute("aria-valuetext", words);
      row.querySelector("output").textContent = words;
      this.readings = steps;
      return this.reading;
    }
  }

  Why.define("why-train", WhyTrain);
})();
