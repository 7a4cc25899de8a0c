/* The engine in a kernel, seen from a panel: what session.js is where a page's worker
   trains. It speaks through two hidden widgets; see mocolib/lab/wire.py. */
"use strict";
globalThis.Why = globalThis.Why ?? {};
(() => {
  const LOOK = 200, // ms between two looks for the widgets
    LONG = 10_000, // ms until they are missed
    ASK = 4_000; // ms until a silent kernel is asked what it has said
  const ALONE = "No kernel stands behind this panel: run its cell to train here.";
  const SILENT =
    "Nothing has come from the kernel for 10 seconds. It may have other work and still " +
    "come; if it was restarted, reload this page and run the cell again.";
  const KEPT = "They are decoded here and go to this notebook's kernel.";
  const ARRAYS = { uint8: Uint8ClampedArray, float32: Float32Array };

  /* What JSON has no word for; see `plain` in wire.py. */
  function revived(_, value) {
    if (value?.number) return Number(value.number);
    if (!value?.array) return value;
    const raw = Uint8Array.from(atob(value.base64), (c) => c.charCodeAt(0));
    return new ARRAYS[value.array](raw.buffer);
  }

  /* A typed array in base64. */
  function coded({ buffer }) {
    const bytes = new Uint8Array(buffer);
    let text = "";
    for (let i = 0; i < bytes.length; i += 32768)
      text += String.fromCharCode(...bytes.subarray(i, i + 32768));
    return btoa(text);
  }

  class Session {
    /* It outlives its element, which a notebook takes out and puts back. */
    static stays = true;

    /* hear(message) gets what the engine says. */
    constructor(hear, _, { wire, recipe }) {
      Object.assign(this, { hear, wire, recipe, silent: SILENT, alone: false });
      Object.assign(this, { run: 0, next: 0, count: 0, waiting: [] });
      this.from = Math.random().toString(36).slice(2);
      this.watcher = new MutationObserver(() => this.read());
      this.tell({ do: "hello" });
      this.await(performance.now());
    }

    /* Where and by what a run was trained, from the engine's "ready". */
    made({ about }) {
      return { about: { ...about }, device: "in the kernel" };
    }

    /* --- the widgets --------------------------------------------------------------- */

    /* Those in the document; a notebook that was closed and opened has others. */
    find() {
      const of = (name) => document.querySelector(`.why-${name}-${this.wire}`);
      const box = of("into")?.querySelector("textarea"),
        out = of("out");
      if (!box || !out || box === this.box) return;
      Object.assign(this, { box, out });
      this.watcher.disconnect();
      this.watcher.observe(out, { childList: true, subtree: true });
      of("plain")?.style.setProperty("display", "none");
      if (this.alone) this.hear({ is: "alone", sentence: "" });
    }

    await(since) {
      this.send();
      const waited = performance.now() - since;
      if (this.box || this.ended || waited > 30 * LONG) return;
      if (waited > LONG && !this.alone) {
        this.alone = true;
        this.hear({ is: "alone", sentence: ALONE });
      }
      setTimeout(() => this.await(since), this.alone ? 10 * LOOK : LOOK);
    }

    send() {
      this.find();
      if (!this.box) return;
      const { from, waiting: messages } = this;
      this.box.value = messages.length ? JSON.stringify({ from, messages }) : "";
      this.box.dispatchEvent(new Event("input", { bubbles: true }));
    }

    read() {
      const said = this.out.querySelector(".why-said");
      if (!said) return;
      const batch = JSON.parse(said.textContent, revived);
      if (batch.to !== this.from || batch.batch === this.last) return;
      this.last = batch.batch;
      this.take(batch);
    }

    /* --- messages ------------------------------------------------------------------ */

    /* A batch: what is new in it, unless some of what came before is missing. */
    take({ heard, since, busy, messages }) {
      const before = this.waiting.length;
      this.waiting = this.waiting.filter(([number]) => number >= heard);
      if (since > this.next) this.tell({ do: "again", since: this.next });
      else {
        const fresh = messages.slice(this.next - since);
        this.next += fresh.length;
        for (const message of fresh) if (message.run === this.run) this.hear(message);
      }
      if (before && !this.waiting.length) this.send(); // which empties the widget
      clearTimeout(this.timer);
      if (busy) this.timer = setTimeout(() => this.ask(), ASK);
    }

    /* The last that was said may have been lost. */
    ask() {
      if (!this.waiting.length) this.tell({ do: "again", since: this.next });
    }

    tell(message) {
      if (this.held) this.held.push(message);
      else {
        this.waiting.push([this.count++, message]);
        this.send();
      }
    }

    /* A new training of runs [{seed, settings}], on the reader's own pictures if there
       are some: they are decoded here, as in a page, and what is asked meanwhile waits. */
    begin({ files, ...asked }) {
      const run = ++this.run,
        begin = { do: "begin", run, ...asked };
      if (!files) return this.tell(begin);
      this.held = [];
      this.decoded(files, run)
        .then((images) => [{ ...begin, images }, ...this.held])
        .catch(({ message: sentence }) => {
          this.hear({ is: "trouble", sentence });
          return [];
        })
        .then((messages) => {
          this.held = null;
          if (run === this.run) for (const message of messages) this.tell(message);
        });
    }

    async decoded(files, run) {
      const { image_size: side, batch_size: batch } = this.recipe;
      const sizes = { channels: 1, height: side, width: side };
      const took = (came, of) => {
        if (run === this.run) this.hear({ is: "files", what: "pictures", came, of });
      };
      const found = await Why.pictures(files, sizes, batch, took);
      const packed = ["train", "trainLabels", "test", "testLabels"].map((name) => [
        name,
        coded(found[name]),
      ]);
      const { classes, failed } = found;
      return { ...Object.fromEntries(packed), classes, failed, shape: [1, side, side] };
    }

    stop() {
      this.held = null;
      this.tell({ do: "pause" });
      this.ended = true;
      this.watcher.disconnect();
      clearTimeout(this.timer);
    }
  }

  Object.assign(Why, { kept: KEPT, lacking: () => "", Session });
})();
