/* Files for the training: fetched once, looked at, kept by the browser, unpacked here.

   What comes need not be what was asked for: an error page, half a file, one that the
   server has unpacked on the way. So a file is known by what it holds: `hash` is that of
   its unpacked content, `size` its length. Nothing else is kept, nor taken from the cache.
   Where a page has no cache (plain http), the file is fetched anew. */

const CACHE = "why-inpage";

/* {file, bytes, size, hash} to an ArrayBuffer; `took(n)` hears of each n bytes that came,
   less than none where what came was of no use. */
export async function load(base, part, took) {
  const url = new URL(part.file, base);
  url.searchParams.set("v", part.hash);
  const store = await globalThis.caches?.open(CACHE).catch(() => null);
  const kept = await taken(store, url, part);
  if (kept) {
    took(part.bytes);
    return kept;
  }
  const { came, whole } = await twice((again) => fetched(url, part, took, again));
  await keep(store, url, came).catch(() => {}); // a full disk is no trouble
  return whole;
}

/* What the cache has of it; what is damaged there makes room. */
async function taken(store, url, part) {
  try {
    const kept = await store?.match(url);
    const whole = kept && (await unpacked(await kept.arrayBuffer(), part));
    if (kept && !whole) await store.delete(url);
    return whole;
  } catch {
    return null; // a cache that cannot be read is none
  }
}

async function keep(store, url, came) {
  await store?.delete(url, { ignoreSearch: true }); // what an earlier build had there
  await store?.put(url, new Response(came));
}

/* Where an answer is of no use it is asked for once more, past all that keep answers. */
const twice = (ask) => ask(false).catch(() => ask(true));

async function fetched(url, part, took, again) {
  let n = 0;
  try {
    const response = await answer(url, again ? "reload" : "default"),
      parts = [];
    for (const reader = response.body.getReader(); ; ) {
      const { done, value } = await reader.read().catch(() => {
        throw new Error(`${url.pathname} broke off after ${n} bytes`);
      });
      if (done) break;
      parts.push(value);
      n += value.length;
      took(value.length);
    }
    const came = await new Blob(parts).arrayBuffer(),
      whole = await unpacked(came, part);
    if (whole) return { came, whole };
    throw strange(url, n, response);
  } catch (error) {
    took(-n);
    throw error;
  }
}

async function answer(url, cache) {
  const response = await fetch(url, { cache }).catch(() => {
    throw new Error(`${url.pathname} cannot be fetched (no answer)`);
  });
  if (response.ok) return response;
  throw new Error(`${url.pathname} cannot be fetched (${response.status})`);
}

const strange = (url, n, { headers }) =>
  new Error(
    `in place of ${url.pathname} came something else ` +
      `(${n} bytes, ${headers.get("content-type") ?? "of no type"})`,
  );

/* The content of what came, packed or not; null where it is not what it should be. */
async function unpacked(came, { size, hash }) {
  const [first, second] = new Uint8Array(came.slice(0, 2));
  const whole = first === 0x1f && second === 0x8b ? await gunzipped(came) : came;
  if (whole?.byteLength !== size) return null;
  // pages that came by plain http have no digest; there the length must do, and gzip's sum
  const { subtle } = globalThis.crypto;
  return !subtle || (await digest(subtle, whole)).startsWith(hash) ? whole : null;
}

const gunzipped = (came) =>
  new Response(new Blob([came]).stream().pipeThrough(new DecompressionStream("gzip")))
    .arrayBuffer()
    .catch(() => null);

async function digest(subtle, content) {
  const bytes = new Uint8Array(await subtle.digest("SHA-256", content));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/* The manifest of a shape is asked for anew each time: it says what is current. It has
   the field `known`; an answer without is none of ours. */
export function manifest(base, name, known) {
  const url = new URL(`${name}.json`, base);
  return twice(async (again) => {
    const response = await answer(url, again ? "reload" : "no-cache"),
      came = await response.arrayBuffer(),
      about = parsed(came);
    if (about?.[known]) return about;
    throw strange(url, came.byteLength, response);
  });
}

function parsed(came) {
  try {
    return JSON.parse(new TextDecoder().decode(came));
  } catch {
    return null;
  }
}
