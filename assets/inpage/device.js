/* Which of the two runs a shape: WebGPU or wasm.

   WebGPU is not always the faster one. The graph is two thousand small operations, and a
   weak graphics card takes longer to be asked for them than a processor takes to do them.
   So it is measured. A card that makes a step in QUICK ms is kept without a comparison,
   which would cost the reader another download; a slower one must beat wasm. Whatever goes
   wrong on WebGPU, in its start or in a step, is no trouble: then wasm runs. A card that
   software imitates is not tried, since it cannot win. */

import { Trainer } from "./trainer.js";

const QUICK = 100,
  STEPS = 3,
  LONGEST = 10_000; // ms a step, steps, ms for all of them

/* "webgpu" or "wasm". speed(device, steps) gives milliseconds a step or throws. The reader's
   address may ask for one of both: then nothing is compared, but WebGPU must work. */
export async function fitting(speed, asked) {
  const forced = asked === "webgpu";
  if (asked === "wasm" || !(await hasCard(forced))) return "wasm";
  const time = (device) =>
    speed(device, forced ? 0 : STEPS).catch((error) => {
      console.info(`No training on ${device} here: ${error.message ?? error}`);
      return Infinity;
    });
  const card = await time("webgpu");
  return card < (forced || card < QUICK ? Infinity : await time("wasm"))
    ? "webgpu"
    : "wasm";
}

async function hasCard(forced) {
  const adapter = await navigator.gpu?.requestAdapter().catch(() => null);
  return Boolean(adapter && (forced || !adapter.info?.isFallbackAdapter));
}

/* Milliseconds of a step on what a kit holds, after one that is not counted. */
export function speed(kit, steps) {
  const late = () => new Promise((go) => setTimeout(go, LONGEST, Infinity));
  return steps ? Promise.race([measured(kit, steps), late()]) : measured(kit, 0);
}

async function measured(kit, steps) {
  const { manifest, images } = kit;
  const run = new Trainer({
    kit,
    manifest,
    images,
    seed: 0,
    settings: manifest.recipe,
  });
  await run.features(images.test, [0]); // the monitor must work as well
  const { loss } = await run.step(),
    start = performance.now();
  if (!Number.isFinite(loss)) throw new Error("the loss is not a number");
  for (let i = 0; i < steps; i++) await run.step();
  return (performance.now() - start) / Math.max(steps, 1);
}
