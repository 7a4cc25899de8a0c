/* <why-crops>: two crops of an image to be dragged, and how like the first one, the query,
   is to the second and to other images' keys. What the network made of every crop of a
   grid is in the JSON inside; see mocolib/lab/crops.py. */
"use strict";
(() => {
  const { escaped, said } = Why;
  const KINDS = ["query", "key"];
  const ARROWS = {
    ArrowLeft: [-1, 0],
    ArrowRight: [1, 0],
    ArrowUp: [0, -1],
    ArrowDown: [0, 1],
  };
  const percent = (share) => `${Math.round(100 * share)} %`;

  /* Vectors of whole numbers, in base64, at length 1: a Float32Array each. */
  function unpacked(text, dim) {
    const bytes = Int8Array.from(atob(text), (sign) => sign.charCodeAt(0)),
      rows = [];
    for (let from = 0; from < bytes.length; from += dim) {
      const row = Float32Array.from(bytes.subarray(from, from + dim));
      const length = Math.hypot(...row);
      rows.push(row.map((value) => value / length));
    }
    return rows;
  }

  const cosine = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);

  function softmax(values, temperature) {
    const most = Math.max(...values),
      raised = values.map((value) => Math.exp((value - most) / temperature));
    const sum = raised.reduce((a, b) => a + b);
    return raised.map((value) => value / sum);
  }

  class WhyCrops extends HTMLElement {
    connectedCallback() {
      if (this.data) return;
      this.data = JSON.parse(this.querySelector("script").textContent);
      const { dim, queries, keys, axes, start } = this.data;
      this.queries = unpacked(queries, dim);
      this.keys = unpacked(keys, dim);
      this.at = Why.places(Why.fromAddress(this.id), axes, start);
      this.build();
      for (const k of [0, 1]) this.place(k, ...this.corner(k));
      this.show();
    }

    /* Of the query (0) or the key (1): its size, and where it is, in pixels. */
    size = (k) => this.data.sizes[this.at[1 + k]];
    corner = (k) => this.at.slice(4 + 2 * k, 6 + 2 * k);

    /* Put a crop at the nearest place of the grid that is inside the image. */
    place(k, left, top) {
      const { stride, side } = this.data,
        most = side - this.size(k);
      const near = (value) =>
        Math.max(0, Math.min(most, stride * Math.round(value / stride)));
      this.at.splice(4 + 2 * k, 2, near(left), near(top));
    }

    /* Where a crop's vector stands: by image, then size, row and column. */
    number(image, size, left, top) {
      const { sizes, stride, side } = this.data;
      const across = sizes.map((one) => (side - one) / stride + 1);
      const count = (upTo) =>
        across.slice(0, upTo).reduce((sum, one) => sum + one * one, 0);
      const place = sizes.indexOf(size);
      return (
        image * count() + count(place) + (top / stride) * across[place] + left / stride
      );
    }

    /* The middle of another image, in the middle one of the sizes. */
    middle() {
      const { sizes, stride, side } = this.data,
        size = sizes[sizes.length >> 1];
      const corner = stride * Math.floor((side - size) / 2 / stride);
      return [size, corner, corner];
    }

    build() {
      const { axes, pictures } = this.data,
        names = axes[0].words;
      const crops = KINDS.map(
        (kind, k) =>
          `<button type="button" class="crop ${kind}" data-crop="${k}"></button>`,
      );
      const keys = names.map(
        (name) => `<li><canvas role="img" aria-label="${escaped(name)}"></canvas>
        <span class="bar"><span></span></span><span class="share"></span></li>`,
      );
      this.innerHTML = `${Why.controls(this.id, axes)}<div class="stage">
        <div class="photo"><img alt="" draggable="false">${crops.join("")}</div>
        <div class="among"><div class="asks"><canvas class="asking" role="img"></canvas>
        <span>${said("the query: which of these keys is cut from the same image?")}</span></div>
        <ul>${keys.join("")}</ul></div></div><p class="spoken" role="status"></p>`;
      this.images = pictures.map((source) =>
        Object.assign(new Image(), { src: source }),
      );
      for (const image of this.images) image.onload = () => this.show();
      this.addEventListener("input", ({ target }) => {
        if (!target.dataset.axis) return;
        this.at[target.dataset.axis] = Number(target.value);
        for (const k of [0, 1]) this.place(k, ...this.corner(k));
        this.moved();
      });
      for (const crop of this.querySelectorAll(".crop")) this.listen(crop);
    }

    /* A crop follows the pointer that has taken it, and the arrow keys. */
    listen(crop) {
      const k = Number(crop.dataset.crop);
      let grip = null;
      const inPixels = ({ clientX, clientY }) => {
        const box = this.querySelector(".photo img").getBoundingClientRect(),
          scale = this.data.side / box.width;
        return [(clientX - box.left) * scale, (clientY - box.top) * scale];
      };
      crop.addEventListener("pointerdown", (event) => {
        crop.setPointerCapture(event.pointerId);
        const [x, y] = inPixels(event),
          [left, top] = this.corner(k);
        grip = [x - left, y - top];
      });
      crop.addEventListener("pointermove", (event) => {
        if (!grip) return;
        const [x, y] = inPixels(event);
        this.place(k, x - grip[0], y - grip[1]);
        this.moved();
      });
      for (const end of ["pointerup", "pointercancel"])
        crop.addEventListener(end, () => (grip = null));
      crop.addEventListener("keydown", (event) => {
        const way = ARROWS[event.key];
        if (!way) return;
        event.preventDefault();
        const [left, top] = this.corner(k),
          { stride } = this.data;
        this.place(k, left + stride * way[0], top + stride * way[1]);
        this.moved();
      });
    }

    moved() {
      this.show();
      Why.toAddress(this.id, this.at.join("."));
    }

    /* The share of itself that the query gives each key. */
    shares() {
      const { axes, temperatures } = this.data,
        [image] = this.at;
      const query = this.queries[this.number(image, this.size(0), ...this.corner(0))];
      const cosines = axes[0].words.map((_, other) =>
        cosine(query, this.keys[this.number(other, ...this.keyOf(other))]),
      );
      return softmax(cosines, temperatures[this.at[3]]);
    }

    keyOf = (other) =>
      other === this.at[0] ? [this.size(1), ...this.corner(1)] : this.middle();

    show() {
      const { axes, side } = this.data,
        [image] = this.at,
        shares = this.shares();
      Why.setControls(this, axes, this.at);
      this.querySelector(".photo img").src = this.images[image].src;
      for (const k of [0, 1]) this.frame(k, side);
      const asking = this.querySelector(".asking");
      this.cut(asking, image, this.size(0), ...this.corner(0));
      asking.setAttribute("aria-label", said("the query's view"));
      for (const [other, item] of [...this.querySelectorAll("li")].entries()) {
        item.classList.toggle("own", other === image);
        this.cut(item.querySelector("canvas"), other, ...this.keyOf(other));
        item.querySelector(".bar span").style.height = `${100 * shares[other]}%`;
        item.querySelector(".share").textContent = percent(shares[other]);
      }
      this.querySelector(".spoken").textContent = this.said(shares);
    }

    frame(k, side) {
      const crop = this.querySelectorAll(".crop")[k],
        [left, top] = this.corner(k),
        size = this.size(k);
      const share = (value) => `${(100 * value) / side}%`;
      Object.assign(crop.style, {
        left: share(left),
        top: share(top),
        width: share(size),
        height: share(size),
        zIndex: 2 * (side - size) + 1 - k, // a smaller one stays in reach
      });
      const message = k
        ? said("The key's crop, {left} from the left, {top} from the top", {
            left,
            top,
          })
        : said("The query's crop, {left} from the left, {top} from the top", {
            left,
            top,
          });
      crop.setAttribute("aria-label", message);
    }

    cut(canvas, image, size, left, top) {
      const { side } = this.data;
      Object.assign(canvas, { width: 2 * side, height: 2 * side });
      if (!this.images[image].complete) return;
      canvas
        .getContext("2d")
        .drawImage(this.images[image], left, top, size, size, 0, 0, 2 * side, 2 * side);
    }

    said(shares) {
      const names = this.data.axes[0].words,
        [image] = this.at;
      const others = shares.map((share, i) => (i === image ? -1 : share)),
        next = others.indexOf(Math.max(...others));
      const fields = {
        own: percent(shares[image]),
        guess: percent(1 / shares.length),
        next: names[next],
        rest: percent(shares[next]),
      };
      return shares[image] > shares[next]
        ? said(
            "Found: the key of its own image gets {own}, {guess} by guessing; next comes {next} with {rest}.",
            fields,
          )
        : said(
            "Not found: {next} gets {rest}, the key of its own image {own}, {guess} by guessing.",
            fields,
          );
    }
  }

  Why.define("why-crops", WhyCrops);
})();
