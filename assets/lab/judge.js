/* <why-judge>: drop, choose or paste logs; they are judged in this page, by a worker in
   assets/judge that is loaded with the first of them. The chosen columns are in the
   page's address, a file never is. */
"use strict";
globalThis.Why = globalThis.Why ?? {};
(() => {
  const { judgeView: view, said } = Why;
  const HERE = document.currentScript.src; // .../_static/lab/judge.js
  const PASTED = said("pasted"),
    PAUSE = 400; // ms behind the last letter that was typed
  const ALONE = said("Judging needs a web server; this page was opened as a file.");
  const LOST = said("The part that judges could not be started, or it has ended.");
  const MARKUP = `<div class="take"><div class="buttons"><label>${said("logs")} <input
    type="file" class="files" multiple></label><button type="button" data-press="clear">
    ${said("Clear")}</button></div><textarea class="pasted" rows="2" spellcheck="false"
    aria-label="${said("A log as text")}"
    placeholder="${said("… or drop files here, or paste a log as text")}"></textarea>
    <p class="state" role="status"></p><progress hidden
    aria-label="${said("how far the file is read")}"></progress></div>
    <div class="controls columns"></div><why-charts class="all" hidden></why-charts>
    <div class="told"></div>`;

  class WhyJudge extends HTMLElement {
    files = []; // {file, columns} with logs, or with the sentence why there are none
    awaited = 0; // of them
    named = {};

    connectedCallback() {
      if (this.rules) return;
      this.rules = JSON.parse(this.querySelector("script").textContent);
      const text = Why.fromAddress(this.id) ?? "";
      this.named = Object.fromEntries(new URLSearchParams(text));
      this.innerHTML = MARKUP;
      this.addEventListener("change", ({ target }) => this.changed(target));
      this.addEventListener("input", ({ target }) => this.typed(target));
      this.addEventListener("click", ({ target }) => {
        if (target.dataset.press === "clear") this.clear();
      });
      Why.takesDrops(this, "dropping", ({ files }) => this.take([...files]));
    }

    disconnectedCallback() {
      this.worker?.terminate();
    }

    /* --- what the reader does -------------------------------------------------------- */

    changed(target) {
      if (target.className === "files") {
        this.take([...target.files]);
        target.value = ""; // so that the same can be chosen again
      } else if (target.dataset.role) {
        const { role } = target.dataset;
        this.choose(role, target.value);
        Why.toAddress(this.id, new URLSearchParams(this.named).toString());
        this.judge();
      }
    }

    /* A column for a role, or "" for the one that is guessed. Of the two norms both are
       chosen, or none is. */
    choose(role, column) {
      if (column) this.named[role] = column;
      else delete this.named[role];
      const other = { first: "last", last: "first" }[role];
      if (!other) return;
      const guess = this.named[other] ?? view.guessed(other, this.files);
      if (column && guess) this.named[other] = guess;
      else delete this.named[other];
    }

    typed(target) {
      if (target.className !== "pasted") return;
      clearTimeout(this.waits);
      this.waits = setTimeout(() => {
        const text = target.value;
        if (text.trim()) this.take([new File([text], PASTED)]);
      }, PAUSE);
    }

    /* Files beside those that are there; one of the same name takes the other's place. */
    take(given) {
      if (!given.length) return;
      const names = new Set(given.map(({ name }) => name));
      const others = this.files.filter(({ file }) => !names.has(file.name));
      this.files = [...others, ...given.map((file) => ({ file }))];
      this.judge();
    }

    clear() {
      clearTimeout(this.waits);
      this.clearWorker();
      this.files = [];
      this.querySelector(".pasted").value = "";
      this.show();
    }

    /* --- the worker ------------------------------------------------------------------ */

    /* All files anew by the columns that are chosen now; what was under way is dropped. */
    judge() {
      if (this.awaited) this.clearWorker();
      if (location.protocol === "file:") return this.refuse(ALONE);
      const { first, last, ...named } = this.named,
        norms = [first, last].filter(Boolean);
      this.worker ??= this.started();
      this.awaited = this.files.length;
      for (const [id, { file }] of this.files.entries())
        this.worker.postMessage({ id, file, named: { ...named, norms } });
      this.progress();
    }

    clearWorker() {
      this.worker?.terminate();
      this.worker = null;
      this.awaited = 0;
    }

    started() {
      const worker = new Worker(new URL("../judge/worker.js", HERE), {
        type: "module",
      });
      worker.postMessage({ rules: this.rules });
      worker.onmessage = ({ data }) => {
        if (worker === this.worker) this.heard(data);
      };
      worker.onerror = () => {
        if (worker !== this.worker) return;
        this.clearWorker();
        this.refuse(LOST);
      };
      return worker;
    }

    refuse(sentence) {
      this.files = this.files.map(({ file }) => ({ file, sentence }));
      this.show();
    }

    heard({ id, is, share, logs, columns, sentence }) {
      const { file } = this.files[id];
      if (is === "reading") return this.progress(file.name, share);
      this.files[id] = { file, logs, columns, sentence };
      this.awaited -= 1;
      if (!this.awaited) this.show();
    }

    /* --- what is on the screen ------------------------------------------------------- */

    progress(name, share) {
      const bar = this.querySelector("progress");
      bar.hidden = false;
      if (share === undefined) bar.removeAttribute("value");
      else bar.value = share;
      this.say(name ? said("Reading {name}.", { name }) : said("Reading."));
    }

    say(words) {
      const place = this.querySelector(".state");
      if (place.textContent !== words) place.textContent = words; // heard once
    }

    show() {
      const { files, named } = this,
        logs = view.logsOf(files);
      this.querySelector("progress").hidden = true;
      this.showColumns(
        files.some(({ columns }) => columns?.length),
        named,
      );
      const charts = view.charts(files),
        drawn = this.querySelector("why-charts");
      drawn.hidden = !charts;
      if (charts) drawn.show(charts);
      this.querySelector(".told").innerHTML = view.told(files);
      this.say(this.summary(logs));
    }

    /* The columns; the one that was just chosen keeps the focus. */
    showColumns(known, named) {
      const place = this.querySelector(".columns"),
        { activeElement: at } = document;
      const role = place.contains(at) ? at.dataset.role : null;
      place.innerHTML = known ? view.choices(this.id, this.files, named) : "";
      if (role) place.querySelector(`[data-role=${role}]`)?.focus();
    }

    summary(logs) {
      if (!this.files.length) return "";
      const judged = Why.counted(
        "1 log is judged.",
        "{count} logs are judged.",
        logs.length,
      );
      if (logs.length <= view.most) return judged;
      return `${judged} ${said("The first {most} are drawn.", { most: view.most })}`;
    }
  }

  Why.define("why-judge", WhyJudge);
})();
