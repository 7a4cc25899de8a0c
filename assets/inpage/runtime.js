/* onnxruntime-web, on the graphics card where the browser offers WebGPU, else on wasm. */

import { load } from "./files.js";

/* Whether WebGPU can be had here. */
export async function hasGpu() {
  return Boolean(await navigator.gpu?.requestAdapter().catch(() => null));
}

/* The runtime for "webgpu" or "wasm": {Tensor, session(graph, kept)}.

   Its wasm comes packed through our own cache; one thread, since several would ask the
   server for special headers. */
export async function runtime(base, about, device, took) {
  const { script, binary } = about[device];
  const ort = await import(new URL(script, base));
  ort.env.logLevel = "error";
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmBinary = await load(base, binary, took);
  /* `kept`: outputs that go in again at the next step and so stay where they are. */
  const session = (graph, kept = []) => ort.InferenceSession.create(new Uint8Array(graph), {
    executionProviders: [device],
    ...(device === "webgpu" && {
      preferredOutputLocation: Object.fromEntries(kept.map((name) => [name, "gpu-buffer"])),
    }),
  });
  return { Tensor: ort.Tensor, session, device, version: about.version };
}
