/* The worker that trains one run, or some beside each other, a step in turn. Messages in:
   begin, train, pause, step, change, rewind, fork. Out: files, ready, step, paused, rewound,
   forked, done, trouble; each names the training that it is about, and `part` which of its
   runs. */

import { fitting, speed } from "./device.js";
import { load, manifest as ask } from "./files.js";
import { look } from "./look.js";
import { pictures, Told } from "./pictures.js";
import { runtime } from "./runtime.js";
import { STATE, Trainer } from "./trainer.js";

let trainers = [],
  run = 0,
  queue = Promise.resolve();
let turn = 0; // counts what is asked; a training goes on until something else is
let changes = []; // by part, what was set since the last "begin"; its trainer may be on its way
const kits = new Map(); // a shape on a device: what has been loaded for it
const chosen = new Map(); // the device that a shape runs on

const say = (is, more = {}) => postMessage({ is, run, ...more });

/* While this worker lives it holds a lock; the page asks for it once we have it, and gets
   it when the worker dies. */
const LOCK = `why-train-${crypto.getRandomValues(new Uint32Array(2)).join("-")}`;
navigator.locks?.request(LOCK, () => {
  say("alive", { lock: LOCK });
  return new Promise(() => {});
});

/* Messages are worked off one after another, but for those that a run listens to. */
self.onmessage = ({ data }) => {
  if (data.do === "begin") changes = [];
  if (data.do === "change") {
    changes[data.part] = { ...changes[data.part], ...data.settings };
    trainers[data.part]?.change(data.settings);
    return;
  }
  const mine = ++turn;
  if (data.do === "pause") return;
  const work = {
    begin,
    rewind,
    fork,
    step: () => step(true),
    train: () => train(mine, data.until),
  };
  queue = queue.then(() => work[data.do](data)).catch(trouble);
};

function trouble(error) {
  turn += 1;
  const said = error.message ?? `error ${error}`; // the runtime throws numbers, too
  const full = /memory|allocat/i.test(said);
  const sentence = full
    ? "The browser ran out of memory; the curve so far stays."
    : error instanceof Told
      ? error.message
      : `The training failed: ${said}.`;
  say("trouble", { sentence });
}

/* A new training: the files of its shape where they are missing, and the start of each
   of its runs [{seed, settings}]. */
async function begin({ run: number, base, shape, runs, files, device, keeps }) {
  trainers = [];
  run = number;
  const kit = await kitFor(base, shape, device);
  const { manifest } = kit;
  const decoded = (n, of) => say("files", { what: "pictures", came: n, of });
  const images = files
    ? await pictures(files, manifest.images, manifest.batch, decoded)
    : kit.images;
  for (const { settings } of runs) await kit.step(settings.optimizer);
  trainers = runs.map(
    ({ seed, settings }, part) =>
      new Trainer({
        kit,
        manifest,
        images,
        seed,
        keeps,
        settings: { ...settings, ...changes[part] },
      }),
  );
  say("ready", {
    device: kit.device,
    version: kit.version,
    layers: manifest.layers,
    data: {
      own: Boolean(files),
      failed: images.failed,
      train: images.trainLabels.length,
      test: images.testLabels.length,
      classes: images.classes,
    },
  });
}

/* All go on; with `until`, step counts by part, each as far as there. */
async function train(mine, until) {
  const due = (trainer, part) =>
    goesOn(trainer) && trainer.done < (until?.[part] ?? Infinity);
  while (turn === mine && trainers.some(due)) {
    await step(false, due);
    await breath();
  }
  if (trainers.some(goesOn)) say("paused");
}

const goesOn = ({ over, done, manifest: { recipe } }) => !over && done < recipe.steps;

/* One step of every run. One that is asked for by itself is looked at in any case; of
   the others those with a reading, since much is sent. */
async function step(alone, due = goesOn) {
  for (const [part, trainer] of trainers.entries()) {
    if (!due(trainer, part)) continue;
    const start = performance.now(),
      row = await trainer.step();
    const took = performance.now() - start,
      good = Number.isFinite(row.loss);
    const seen = alone || trainer.isDue() ? await look(trainer) : null;
    say("step", { part, row, took, look: seen });
    trainer.over = !good;
    if (!goesOn(trainer))
      say("done", {
        part,
        outcome: good ? "finished" : `diverged at step ${row.step}`,
      });
  }
}

/* A run goes back so many steps, or as far as its states are kept. */
async function rewind({ part, steps }) {
  const trainer = trainers[part],
    left = trainer.rewind(steps);
  trainer.over = false;
  say("rewound", { part, left, look: await look(trainer) });
}

/* Another run begins that far back in one, which stays as it is. */
async function fork({ part: from, steps }) {
  const trainer = trainers[from].fork(steps),
    part = trainers.push(trainer) - 1;
  changes[part] = {};
  say("forked", { part, from, left: trainer.done, look: await look(trainer) });
}

/* Let messages in: they wait while one promise follows another. */
const breath = () =>
  new Promise((go) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      go();
    };
    port2.postMessage(null);
  });

/* --- what has to be loaded ------------------------------------------------------- */

/* The shape on the device that suits it. */
async function kitFor(base, shape, asked) {
  const timed = async (device, steps) => speed(await kitOf(base, shape, device), steps);
  if (!chosen.has(shape)) chosen.set(shape, await fitting(timed, asked));
  return kitOf(base, shape, chosen.get(shape));
}

async function kitOf(base, shape, device) {
  const name = `${shape} ${device}`;
  if (!kits.has(name)) kits.set(name, await made(base, shape, device));
  return kits.get(name);
}

async function made(base, shape, device) {
  const [manifest, about] = await Promise.all([
    ask(base, shape, "step"),
    ask(base, "ort/ort", device),
  ]);
  const parts = [
    about[device].script,
    about[device].binary,
    manifest.step,
    manifest.features,
    manifest.images,
  ];
  const of = parts.reduce((sum, part) => sum + part.bytes, 0);
  let came = 0;
  const took = (n) => {
    came += n; // more than due where a server unpacks what it sends
    say("files", { what: "bytes", came: Math.min(came, of), of });
  };
  const [engine, step, features, raw] = await Promise.all([
    runtime(base, about, device, took),
    ...parts.slice(2).map((part) => load(base, part, took)),
  ]);
  say("files", { what: "graphs", came: of, of });
  const next = STATE.map((state) => `next_${state}`);
  const ready = async ({ inputs }, graph) => ({
    inputs,
    session: await engine.session(graph, next),
  });
  const steps = { [manifest.recipe.optimizer]: await ready(manifest.step, step) };
  /* The graph of another optimizer comes when it is chosen. */
  const stepOf = async (optimizer) =>
    (steps[optimizer] ??= await ready(
      manifest[optimizer],
      await load(base, manifest[optimizer], () => {}),
    ));
  let monitor = null; // made at its first reading, so that the first step comes sooner
  return {
    ...engine,
    manifest,
    step: stepOf,
    images: unpacked(manifest, raw),
    features: async () => (monitor ??= await engine.session(features)),
  };
}

/* The images file: pixels of both splits, then their labels, a byte each. */
function unpacked(
  { images: { train, test, channels, height, width, classes }, mean, std },
  raw,
) {
  const size = channels * height * width,
    ends = [train * size, test * size, train, test];
  let at = 0;
  const [a, b, trainLabels, testLabels] = ends.map(
    (n) => new Uint8Array(raw, (at += n) - n, n),
  );
  return {
    train: a,
    test: b,
    trainLabels,
    testLabels,
    classes,
    mean: Float32Array.from(mean),
    std: Float32Array.from(std),
  };
}
