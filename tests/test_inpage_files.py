"""What comes for the training need not be what was asked for: files.js in a browser."""

import base64
import gzip
import hashlib
import json
import random

import pytest

RAW = random.Random(0).randbytes(4000)
PACKED = gzip.compress(RAW, mtime=0)
ABOUT = {
    **{"file": "it.bin.gz", "bytes": len(PACKED), "size": len(RAW)},
    "hash": hashlib.sha256(RAW).hexdigest()[:16],
}
LOGIN = b"<html>Please log in.</html>"
NO_ANSWER, BREAKS_OFF = {"fails": True}, {"body": PACKED[:900], "breaks": True}
# what came in its place, and what is said of it
WRONG = {
    "a page": ({"body": LOGIN, "type": "text/html"}, "27 bytes, text/html"),
    "nothing": ({"body": b""}, "0 bytes, of no type"),
    "a part": ({"body": PACKED[:-900]}, "in place of /inpage/it.bin.gz came"),
    "another": ({"body": bytes(reversed(PACKED))}, f"{len(PACKED)} bytes"),
    "an older one": ({"body": gzip.compress(RAW[::-1])}, "came something else"),
    "an error": ({"body": LOGIN, "status": 503}, "cannot be fetched (503)"),
    "no answer": (NO_ANSWER, "/inpage/it.bin.gz cannot be fetched (no answer)"),
    "a broken line": (BREAKS_OFF, "/inpage/it.bin.gz broke off after 900 bytes"),
}
EACH = pytest.mark.parametrize("kind", WRONG)
KEPT = [kind for kind, (answer, _) in WRONG.items() if not answer.keys() - {"body"}]

# `fetch` answers with what is given, one after another
STUBBED = """async ({ answers, about, cached, plain }) => {
  const raw = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const text = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)));
  const { fetch, caches, crypto } = globalThis, asked = [], told = [];
  const answered = async (url, { cache }) => {
    asked.push(cache);
    const { body, type, status, fails, breaks } = answers.shift();
    if (fails) throw new TypeError("Failed to fetch");
    let sent = false;
    const pull = (out) => {
      if (sent) return breaks ? out.error(new TypeError("network error")) : out.close();
      sent = true;
      if (body) out.enqueue(raw(body));
      else out.close();
    };
    const headers = type ? { "content-type": type } : {};
    return new Response(new ReadableStream({ pull }), { status, headers });
  };
  const set = (name, value) =>
    Object.defineProperty(globalThis, name, { value, configurable: true });
  const m = await import("/_static/inpage/files.js");
  const base = new URL("/inpage/", location.href), took = (n) => told.push(n);
  const url = new URL(`it.bin.gz?v=${about.hash}`, base);
  await caches.delete("why-inpage");
  const store = await caches.open("why-inpage");
  if (cached !== null) await store.put(url, new Response(raw(cached)));
  set("fetch", answered);
  if (plain) for (const name of ["caches", "crypto"]) set(name, plain[name]);
  try {
    const found = await m.load(base, about, took).then(text, (error) => error.message);
    set("fetch", fetch), set("caches", caches), set("crypto", crypto);
    const kept = await store.match(url);
    return [found, asked, told.reduce((a, b) => a + b, 0),
      kept ? text(await kept.arrayBuffer()) : null];
  } finally { set("fetch", fetch), set("caches", caches), set("crypto", crypto); }
}"""


def coded(content: bytes | None):
    return None if content is None else base64.b64encode(content).decode()


def loaded(page, *answers, about=ABOUT, cached=None, plain=None) -> list:
    """What `load` gives or says, how it asked, what it said of bytes, what is kept."""
    answers = [one | {"body": coded(one.get("body"))} for one in answers]
    given = {"answers": answers, "about": about, "cached": coded(cached)}
    return page.evaluate(STUBBED, given | {"plain": plain})


WHOLE, GOOD = coded(RAW), {"body": PACKED}


def test_a_file_is_fetched_once_and_kept(page):
    assert loaded(page, GOOD) == [WHOLE, ["default"], len(PACKED), coded(PACKED)]
    assert loaded(page, cached=PACKED) == [WHOLE, [], len(PACKED), coded(PACKED)]


@EACH
def test_what_is_not_the_file_is_asked_for_once_more(page, kind):
    """Past every cache; the bytes that came in vain are not counted."""
    found = loaded(page, WRONG[kind][0], GOOD)
    assert found == [WHOLE, ["default", "reload"], len(PACKED), coded(PACKED)]


@EACH
def test_what_comes_wrong_again_is_told_and_not_kept(page, kind):
    answer, words = WRONG[kind]
    said, asked, bytes_told, kept = loaded(page, answer, answer)
    assert words in said
    assert "/inpage/it.bin.gz" in said
    assert (len(asked), bytes_told, kept) == (2, 0, None)


@pytest.mark.parametrize("kind", KEPT)
def test_what_the_cache_has_is_looked_at_too(page, kind):
    """One bad answer that was kept once must not be the last one."""
    found = loaded(page, GOOD, cached=WRONG[kind][0]["body"])
    assert found == [WHOLE, ["default"], len(PACKED), coded(PACKED)]


def test_a_server_may_unpack_what_it_sends(page):
    """Then gzip is the transport's, and the file comes as its content."""
    found = loaded(page, {"body": RAW, "type": "application/octet-stream"})
    assert found == [WHOLE, ["default"], len(RAW), WHOLE]


@pytest.mark.parametrize(
    "kind", sorted({*WRONG} - {"an older one"})
)  # of the same length
def test_a_page_of_plain_http_looks_at_lengths(page, kind):
    """It has neither a cache nor a digest, but gzip's own sum."""
    plain = {"caches": None, "crypto": {}}
    found = loaded(page, WRONG[kind][0], GOOD, plain=plain)
    assert found == [WHOLE, ["default", "reload"], len(PACKED), None]


MANIFEST = """async (answers) => {
  const { fetch } = globalThis, asked = [];
  globalThis.fetch = async (url, { cache }) => {
    asked.push(cache);
    return new Response(answers.shift(), { headers: { "content-type": "text/x" } });
  };
  const m = await import("/_static/inpage/files.js");
  try {
    const base = new URL("/inpage/", location.href);
    return [await m.manifest(base, "page", "step").catch((e) => e.message), asked];
  } finally { globalThis.fetch = fetch; }
}"""


@pytest.mark.parametrize("wrong", ["<html>", '{"step": ', "{}", "null", "[]", ""])
def test_a_manifest_is_one_or_is_asked_for_once_more(page, wrong):
    """It is asked for anew each time: it says what is current."""
    good = json.dumps({"step": {"file": "it"}})
    found, asked = page.evaluate(MANIFEST, [wrong, good])
    assert found == json.loads(good)
    assert asked == ["no-cache", "reload"]
    said, _ = page.evaluate(MANIFEST, [wrong, wrong])
    assert said == (
        "in place of /inpage/page.json came something else "
        f"({len(wrong)} bytes, text/x)"
    )
