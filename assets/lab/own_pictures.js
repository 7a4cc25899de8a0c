/* The part of <why-train> that takes the reader's own pictures: chosen or dropped. */
"use strict";
globalThis.Why = globalThis.Why ?? {};
(() => {
  const MARKUP = `<summary>Train on your own pictures</summary><p>Choose pictures, or drop
    them here; the folder a picture lies in is its class. They are decoded in this page and
    never leave it.</p><div class="buttons"><label>pictures <input type="file" class="files"
    accept="image/*" multiple></label><label>folder <input type="file" class="files"
    webkitdirectory></label><button type="button" class="back">Back to Fashion-MNIST</button>
    </div><p class="chosen"></p>`;

  /* A <details> that calls use(files), [{file, path}] or null for none of them. */
  function ownPictures(use) {
    const part = document.createElement("details");
    part.className = "own";
    part.innerHTML = MARKUP;
    const take = async (source) => {
      const files = await chosenFiles(source);
      use(files.length ? files : null);
    };
    part.addEventListener("change", ({ target }) => {
      if (target.className === "files") take(target);
    });
    part.addEventListener("click", ({ target }) => {
      if (target.className === "back") use(null);
    });
    const over = (event, on) => {
      event.preventDefault();
      part.classList.toggle("over", on);
    };
    part.addEventListener("dragover", (event) => over(event, true));
    part.addEventListener("dragleave", (event) => over(event, false));
    part.addEventListener("drop", (event) => {
      over(event, false);
      take(event.dataTransfer);
    });
    return part;
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

  Object.assign(Why, { ownPictures });
})();
