/* The state a run starts from, drawn as the manifest says: mocolib's own start values. */

import { generator } from "./random.js";

/* {query, key, first, second}: flat float32 vectors. */
export function start(manifest, seed) {
  const { parameters } = manifest,
    last = parameters.at(-1);
  const query = new Float32Array(last.offset + last.size);
  for (const { name, offset, size, init } of parameters)
    query.set(values(init, size, generator(seed, "weights", name)), offset);
  const key = Float32Array.from(
    manifest.key.flatMap(([offset, size]) => [
      ...query.subarray(offset, offset + size),
    ]),
  );
  return {
    query,
    key,
    first: new Float32Array(query.length),
    second: new Float32Array(query.length),
  };
}

function values(init, size, { uniform, normal }) {
  if (init.kind === "uniform")
    return uniform(size).map((u) => init.low + u * (init.high - init.low));
  if (init.kind === "normal") return normal(size).map((z) => init.mean + z * init.std);
  if (init.kind === "constant") return new Float32Array(size).fill(init.value);
  return Float32Array.from(init.values);
}
