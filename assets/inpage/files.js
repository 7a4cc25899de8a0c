/* Files for the training: fetched once, kept by the browser, unpacked here.

   A file is named by what it holds (`hash`), so what the cache has is never stale. Where
   a page has no cache (plain http), the file is fetched anew. */

const CACHE = "why-inpage";

/* {file, bytes, hash} to an ArrayBuffer; `took(n)` hears of each n bytes that came. */
export async function load(base, { file, bytes, hash }, took) {
  const url = new URL(file, base);
  url.searchParams.set("v", hash);
  const store = globalThis.caches && (await caches.open(CACHE).catch(() => null));
  const kept = await store?.match(url);
  if (kept) took(bytes);
  const packed = kept ? await kept.arrayBuffer() : await download(url, took);
  if (store && !kept) await keep(store, url, packed).catch(() => {}); // a full disk is no trouble
  if (!file.endsWith(".gz")) return packed;
  const unpacked = new Blob([packed])
    .stream()
    .pipeThrough(new DecompressionStream("gzip"));
  return new Response(unpacked).arrayBuffer();
}

async function keep(store, url, packed) {
  await store.delete(url, { ignoreSearch: true }); // what an earlier build had there
  await store.put(url, new Response(packed.slice(0)));
}

async function download(url, took) {
  const response = await fetch(url);
  if (!response.ok)
    throw new Error(`${url.pathname} cannot be fetched (${response.status})`);
  const parts = [];
  for (const reader = response.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    took(value.length);
  }
  return new Blob(parts).arrayBuffer();
}

/* The manifest of a shape is asked for anew each time: it says what is current. */
export async function manifest(base, name) {
  const response = await fetch(new URL(`${name}.json`, base), { cache: "no-cache" });
  if (!response.ok)
    throw new Error(`${name}.json cannot be fetched (${response.status})`);
  return response.json();
}
