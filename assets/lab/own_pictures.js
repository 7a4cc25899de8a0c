/* The part of <why-train> that takes the reader's own pictures: chosen or dropped. */
"use strict";
globalThis.Why = globalThis.Why ?? {};
(() => {
  const MOST = 4000; // pictures; more would only make the reader wait
  const HELD = 6; // where there are classes, each so many-th picture is for the monitor
  const BOOKS = "Fashion-MNIST"; // what a page brings along
  const WHERE = Why.kept ?? "They are decoded in this page and never leave it.";
  const MARKUP = `<summary>Train on your own pictures</summary><p>Choose pictures, or drop
    them here; the folder a picture lies in is its class. ${WHERE}</p>
    <div class="buttons"><label>pictures <input type="file" class="files"
    accept="image/*" multiple></label><label>folder <input type="file" class="files"
    webkitdirectory></label><button type="button" class="back">Back to ${BOOKS}</button>
    </div><p class="chosen" role="status"></p>`;

  /* A <details> that calls use(own), see `chosenOf`, or use(null) for none of them. What
     is less than a `batch` is refused and changes nothing. show(training) says what holds. */
  function ownPictures(batch, use) {
    const part = document.createElement("details");
    let refused = "";
    part.className = "own";
    part.innerHTML = MARKUP;
    const say = (words) => {
      const place = part.querySelector(".chosen");
      if (place.textContent !== words) place.textContent = words; // heard once
    };
    part.show = (training) => say(refused || chosenWords(training));
    const take = async (source) => {
      const files = await chosenFiles(source).catch(() => null);
      if (files?.length === 0) return; // a choice that was called off
      const own = files && chosenOf(files);
      refused = own ? lacking(own, batch) : `These cannot be read. ${STILL}`;
      if (refused) say(refused);
      else use(own);
    };
    part.addEventListener("change", ({ target }) => {
      if (target.className !== "files") return;
      take(target);
      target.value = ""; // so that the same can be chosen again
    });
    part.addEventListener("click", ({ target }) => {
      if (target.className !== "back") return;
      refused = "";
      use(null);
    });
    Why.takesDrops(part, "over", take);
    return part;
  }

  /* --- what of the files is trained on ---------------------------------------------- */

  /* {list: [{file, folder}], held}, which the worker takes, and the counts of all: pictures,
     folders, and others, files that are no pictures or some program's own. */
  function chosenOf(files) {
    const folders = new Map();
    let pictures = 0;
    for (const { file, path } of [...files].sort((a, b) =>
      a.path < b.path ? -1 : 1,
    )) {
      if (!file.type.startsWith("image/") || /(^|\/)\./.test(path)) continue;
      const folder = path.split("/").slice(0, -1).join("/");
      if (!folders.has(folder)) folders.set(folder, []);
      folders.get(folder).push({ file, folder });
      pictures += 1;
    }
    return {
      list: sampled([...folders.values()]),
      held: HELD,
      pictures,
      folders: folders.size,
      others: files.length - pictures,
    };
  }

  /* At most MOST pictures: as many of each folder as can be, every n-th of a large one. */
  function sampled(folders) {
    const counts = new Map();
    let left = MOST;
    for (const [i, folder] of folders
      .toSorted((a, b) => a.length - b.length)
      .entries()) {
      const count = Math.min(folder.length, Math.floor(left / (folders.length - i)));
      counts.set(folder, count);
      left -= count;
    }
    return folders.flatMap((folder) => {
      const count = counts.get(folder),
        at = (k) => folder[Math.floor((k * folder.length) / count)];
      return Array.from({ length: count }, (_, k) => at(k));
    });
  }

  const STILL = "Nothing has changed.";

  /* Why these cannot be trained on, in a sentence; "" where they can. */
  function lacking({ list, pictures, folders, others }, batch) {
    if (!pictures) return `${counted(others, "file")}, and no picture. ${STILL}`;
    const held = (n) => (folders > 1 ? Math.ceil(n / HELD) : 0);
    let least = batch;
    while (least - held(least) < batch) least += 1;
    if (list.length >= least) return "";
    const reason = folders > 1 ? ", since every sixth is kept to test on" : "";
    return (
      `${counted(pictures, "picture")} in ${counted(folders, "folder")}: training takes ` +
      `${batch} at a time, so at least ${least} are needed${reason}. ${STILL}`
    );
  }

  /* --- words ------------------------------------------------------------------------- */

  const number = (n) => n.toLocaleString("en");
  const counted = (n, one, more = `${one}s`) => `${number(n)} ${n === 1 ? one : more}`;
  const kinds = (n) => counted(n, "class", "classes");
  const share = (n, all) =>
    `${n < all ? `${number(n)} of ` : ""}${counted(all, "picture")}`;

  /* What the reader's pictures have come to in a run: `counts` are the worker's. */
  function usedWords({ pictures, list }, { failed, classes }) {
    const lost = failed ? `; ${number(failed)} could not be decoded` : "";
    return `${share(list.length - failed, pictures)}, ${kinds(classes.length)}${lost}`;
  }

  /* What is trained on, or will be by the next run; "" where that is the book's own. */
  function chosenWords({ files, used, counts, live }) {
    const next = !live.length || files !== used,
      when = next ? ", from the next run on" : "";
    if (!files) return next && live.length && used ? `${BOOKS}${when}.` : "";
    const others = files.others
      ? ` ${counted(files.others, "other file")} left out.`
      : "";
    if (!next && counts) {
      const lone =
        counts.classes.length < 2 ? " One class only, so there is no kNN." : "";
      return `${usedWords(files, counts)}.${lone}${others}`;
    }
    const most =
      files.list.length < files.pictures
        ? " No more are taken; each folder gives as many as it can."
        : "";
    const taken = share(files.list.length, files.pictures);
    return `${taken}, ${kinds(files.folders)}${when}.${most}${others}`;
  }

  /* The files of a drop or a choice, folders read to the end: [{file, path}]. */
  async function chosenFiles(source) {
    const entries = [...(source.items ?? [])]
      .map((item) => item.webkitGetAsEntry?.())
      .filter(Boolean);
    if (entries.length) return (await Promise.all(entries.map(readEntry))).flat();
    return [...source.files].map((file) => ({
      file,
      path: file.webkitRelativePath || file.name,
    }));
  }

  async function readEntry(entry) {
    if (entry.isFile) {
      const file = await new Promise((good, bad) => entry.file(good, bad));
      return [{ file, path: entry.fullPath.slice(1) }];
    }
    const reader = entry.createReader(),
      inside = [];
    for (;;) {
      // a hundred at a time, until there are none
      const some = await new Promise((good, bad) => reader.readEntries(good, bad));
      if (!some.length) break;
      inside.push(...some);
    }
    return (await Promise.all(inside.map(readEntry))).flat();
  }

  Object.assign(Why, { ownPictures, usedWords });
})();
