/* The worker that trains, seen from the page: started on demand, watched, stopped. */
"use strict";
globalThis.Why = globalThis.Why ?? {};
(() => {
  const { said } = Why;
  const HERE = document.currentScript.src; // .../_static/lab/session.js
  // where the graphs and the runtime lie, seen from here; another language says where
  const GRAPHS = Why.inpage ?? "../../inpage/";

  /* What this browser lacks for training, in a sentence; "" where it lacks nothing. */
  function lacking() {
    if (location.protocol === "file:")
      return said("Training needs a web server; this page was opened as a file.");
    // a tiny module with one vector instruction: the runtime is built with them
    const simd = Uint8Array.of(
      0,
      97,
      115,
      109,
      1,
      0,
      0,
      0,
      1,
      5,
      1,
      96,
      0,
      1,
      123,
      3,
      2,
      1,
      0,
      10,
      10,
      1,
      8,
      0,
      65,
      0,
      253,
      15,
      253,
      98,
      11,
    );
    const has =
      globalThis.WebAssembly &&
      WebAssembly.validate(simd) &&
      globalThis.Worker &&
      globalThis.DecompressionStream &&
      takesModules();
    return has
      ? ""
      : said(
          "This browser cannot train here (it needs WebAssembly with vectors and module workers).",
        );
  }

  /* Whether workers may be modules: such a browser asks for the option's type. */
  function takesModules() {
    let asked = false;
    const url = URL.createObjectURL(new Blob([""]));
    try {
      new Worker(url, {
        get type() {
          asked = true;
          return "module";
        },
      }).terminate();
    } catch {
      return false;
    }
    URL.revokeObjectURL(url);
    return asked;
  }

  class Session {
    /* hear(message) gets what the worker says; lost(sentence) is called once if it dies. */
    constructor(hear, lost) {
      Object.assign(this, { lost, run: 0 });
      this.worker = new Worker(new URL("../inpage/worker.js", HERE), {
        type: "module",
      });
      this.worker.onmessage = ({ data }) => {
        if (data.is === "alive") this.watch(data.lock);
        else if (data.run === this.run) hear(data);
      };
      this.worker.onerror = () =>
        this.gone(said("The part that trains could not be started."));
    }

    /* By what a run was trained, from the worker's "ready" and its recipe. */
    made({ device, version, data }, recipe) {
      const about = {
        trained_in: "page",
        "onnxruntime-web": version,
        device,
        generator: "xoshiro128**",
        data_name: data.own ? "own pictures" : recipe.dataset,
        data: `${data.train} training and ${data.test} test images`,
        threads: 1,
        machine: "a browser",
        date: new Date().toISOString().slice(0, 10),
      };
      return {
        about,
        device: device === "webgpu" ? "WebGPU" : said("wasm, one thread"),
      };
    }

    /* The worker holds a lock while it lives; when we get it, the worker is dead. */
    watch(lock) {
      navigator.locks.request(lock, () =>
        this.gone(
          said(
            "The browser ended the training (it may have run out of memory); the curve so far stays.",
          ),
        ),
      );
    }

    gone(sentence) {
      if (!this.worker) return;
      this.stop();
      this.lost(sentence);
    }

    /* A new training of runs [{seed, settings}]; what earlier ones still say is not heard.
       An address with ?device=wasm or ?device=webgpu asks for that one. */
    begin(asked) {
      this.run += 1;
      const device = new URLSearchParams(location.search).get("device");
      this.tell({
        do: "begin",
        run: this.run,
        base: new URL(GRAPHS, HERE).href,
        device,
        ...asked,
      });
    }

    tell(message) {
      this.worker?.postMessage(message);
    }

    stop() {
      const worker = this.worker;
      this.worker = null;
      worker?.terminate();
    }
  }

  Object.assign(Why, { lacking, Session });
})();
