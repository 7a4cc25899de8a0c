/* onnxruntime-web on the processor (wasm) or on the graphics card (WebGPU). */

import { load } from "./files.js";

/* The runtime for "webgpu" or "wasm": {Tensor, session(graph, kept)}.

   Its script and its wasm come through our own cache, looked at as all files are. A server
   that calls the script no script is no trouble: it is run from what came. One thread,
   since several would ask the server for special headers. */
export async function runtime(base, about, device, took) {
  const { script, binary } = about[device];
  const [code, wasmBinary] = await Promise.all(
    [script, binary].map((part) => load(base, part, took)),
  );
  const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  const ort = await import(url);
  URL.revokeObjectURL(url);
  ort.env.logLevel = "error";
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmBinary = wasmBinary;
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
