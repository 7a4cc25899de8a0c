/* onnxruntime-web on the processor (wasm) or on the graphics card (WebGPU). */

import { load } from "./files.js";

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
  const session = (graph, kept = []) =>
    ort.InferenceSession.create(new Uint8Array(graph), {
      executionProviders: [device],
      logSeverityLevel: 3, // errors alone: that WebGPU leaves shapes to the processor is none
      ...(device === "webgpu" && {
        preferredOutputLocation: Object.fromEntries(
          kept.map((name) => [name, "gpu-buffer"]),
        ),
      }),
    });
  return { Tensor: ort.Tensor, session, device, version: about.version };
}
