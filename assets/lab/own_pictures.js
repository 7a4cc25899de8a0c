/* The part of <why-train> that takes the reader's own pictures: chosen or dropped. */
"use strict";
globalThis.Why = globalThis.Why ?? {};
(() => {
  const { said } = Why;
  const MOST = 4000; // pictures; more would only make the reader wait
  const HELD = 6; // where there are classes, each so many-th picture is for the monitor
  const BOOKS = "Fashion-MNIST"; // what a page brings along
  const WHERE = Why.kept ?? said("They are decoded in this page and never leave it.");
  const CHOOSE = said(
    "Choose pictures, or drop them here; the folder a picture lies in is its class.",
  );
  const MARKUP = `<summary>${said("Train on your own pictures")}</summary><p>${CHOOSE}
    ${WHERE}</p>
    <div class="buttons"><label>${said("pictures")} <input type="file" class="files"
    accept="image/*" multiple></label><label>${said("folder")} <input type="file" class="files"
    webkitdirectory></label><button type="button" class="back">${said("Back to {books}", { books: BOOKS })}</button>
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
      refused = own
        ? lacking(own, batch)
        : said("These cannot be read. Nothing has changed.");
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

  /* Why these cannot be trained on, in a sentence; "" where they can. */
  function lacking({ list, pictures, folders, others }, batch) {
    if (!pictures) {
      const files = counted("1 file", "{count} files", others);
      return said("{files}, and no picture. Nothing has changed.", { files });
    }
    const held = (n) => (folders > 1 ? Math.ceil(n / HELD) : 0);
    let least = batch;
    while (least - held(least) < batch) least += 1;
    if (list.length >= least) return "";
    const fields = {
      pictures: pictureCount(pictures),
      folders: counted("1 folder", "{count} folders", folders),
      batch,
      least,
    };
    return folders > 1
      ? said(
          "{pictures} in {folders}: training takes {batch} at a time, so at least " +
            "{least} are needed, since every sixth is kept to test on. " +
            "Nothing has changed.",
          fields,
        )
      : said(
          "{pictures} in {folders}: training takes {batch} at a time, so at least " +
            "{least} are needed. Nothing has changed.",
          fields,
        );
  }

  /* --- words ------------------------------------------------------------------------- */

  const number = (n) => n.toLocaleString("en");
  const counted = (one, many, n) => said(n === 1 ? one : many, { count: number(n) });
  const kinds = (n) => counted("1 class", "{count} classes", n);
  const pictureCount = (n) => counted("1 picture", "{count} pictures", n);
  const share = (n, all) =>
    n < all
      ? said("{some} of {pictures}", { some: number(n), pictures: pictureCount(all) })
      : pictureCount(all);

  /* What the reader's pictures have come to in a run: `counts` are the worker's. */
  function usedWords({ pictures, list }, { failed, classes }) {
    const used = {
      pictures: share(list.length - failed, pictures),
      classes: kinds(classes.length),
      lost: number(failed),
    };
    return failed
      ? said("{pictures}, {classes}; {lost} could not be decoded", used)
      : said("{pictures}, {classes}", used);
  }

  /* What is trained on, or will be by the next run; "" where that is the book's own. */
  function chosenWords({ files, used, counts, live }) {
    const next = !live.length || files !== used;
    if (!files)
      return next && live.length && used
        ? said("{books}, from the next run on.", { books: BOOKS })
        : "";
    const others =
      files.others > 0 &&
      counted("1 other file left out.", "{count} other files left out.", files.others);
    if (!next && counts) {
      const lone =
        counts.classes.length < 2 && said("One class only, so there is no kNN.");
      const words = said("{words}.", { words: usedWords(files, counts) });
      return [words, lone, others].filter(Boolean).join(" ");
    }
    const most =
      files.list.length < files.pictures &&
      said("No more are taken; each folder gives as many as it can.");
    const taken = {
      pictures: share(files.list.length, files.pictures),
      classes: kinds(files.folders),
    };
    const first = next
      ? said("{pictures}, {classes}, from the next run on.", taken)
      : said("{pictures}, {classes}.", taken);
    return [first, most, others].filter(Boolean).join(" ");
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
