/* <why-frames>: a picture for each setting, all of them in the JSON inside. One axis may
   be played: a button goes through its values. */
"use strict";
(() => {
  const { said } = Why;
  const PLAY = said("Play"),
    PAUSE = said("Pause"),
    PACE = 300; // milliseconds a frame

  class WhyFrames extends HTMLElement {
    connectedCallback() {
      if (this.data) return;
      this.data = JSON.parse(this.querySelector("script").textContent);
      this.at = Why.places(Why.fromAddress(this.id), this.data.axes, this.data.start);
      this.build();
      this.show();
    }

    /* Which frame a setting has: the last axis changes fastest. */
    number(at) {
      return this.data.axes.reduce((n, { words }, k) => n * words.length + at[k], 0);
    }

    build() {
      const { axes, over, plays } = this.data;
      const play =
        plays === undefined
          ? ""
          : `<button type="button" class="play">${PLAY}</button>`;
      const grid = over
        ? `<div class="over"><img src="${over.picture}" alt="" draggable="false">
        <div class="cell"></div></div>`
        : "";
      this.innerHTML = `${Why.controls(this.id, axes, play)}
        <div class="stage">${grid}<div class="frame"></div></div>
        <p class="spoken" role="status"></p>`;
      this.addEventListener("input", ({ target }) => {
        if (!target.dataset.axis) return;
        this.play(false);
        this.choose(Number(target.dataset.axis), Number(target.value));
      });
      this.querySelector(".play")?.addEventListener("click", () =>
        this.play(!this.playing),
      );
      if (over) this.listenOver(this.querySelector(".over"));
    }

    /* Dragging over the picture chooses a cell; its slider does the same by keyboard. */
    listenOver(picture) {
      const pick = (event) => {
        const box = picture.getBoundingClientRect(),
          { rows, columns, axis } = this.data.over;
        const inside = (share, n) =>
          Math.min(n - 1, Math.max(0, Math.floor(share * n)));
        const row = inside((event.clientY - box.top) / box.height, rows);
        const column = inside((event.clientX - box.left) / box.width, columns);
        this.choose(axis, row * columns + column);
      };
      picture.addEventListener("pointerdown", (event) => {
        picture.setPointerCapture(event.pointerId);
        pick(event);
      });
      picture.addEventListener("pointermove", (event) => {
        if (event.buttons || event.pointerType === "mouse") pick(event);
      });
    }

    choose(axis, value) {
      if (this.at[axis] === value) return;
      this.at[axis] = value;
      this.show();
      if (!this.playing) this.link();
    }

    link() {
      Why.toAddress(this.id, this.at.join("."));
    }

    /* Go through the axis that is played, from its first value where it stands at the
       last. Meanwhile nothing is spoken, and the address stays. */
    play(on) {
      const { plays, axes } = this.data;
      if (on === Boolean(this.playing)) return;
      clearInterval(this.playing);
      const last = axes[plays].words.length - 1;
      const next = () => {
        const over = this.at[plays] === last - 1;
        this.choose(plays, (this.at[plays] + 1) % (last + 1));
        if (over) this.play(false);
      };
      this.playing = on ? setInterval(next, PACE) : null;
      this.querySelector(".play").textContent = on ? PAUSE : PLAY;
      this.querySelector(".spoken").setAttribute("aria-live", on ? "off" : "polite");
      if (on) next();
      else this.link();
    }

    disconnectedCallback() {
      clearInterval(this.playing);
    }

    show() {
      const { axes, frames, pieces, spoken, over } = this.data,
        n = this.number(this.at);
      Why.setControls(this, axes, this.at);
      this.querySelector(".frame").innerHTML = frames[n].map((i) => pieces[i]).join("");
      this.querySelector(".spoken").textContent = spoken[n];
      if (!over) return;
      const cell = this.querySelector(".cell"),
        i = this.at[over.axis];
      cell.style.width = `${100 / over.columns}%`;
      cell.style.height = `${100 / over.rows}%`;
      cell.style.left = `${(100 * (i % over.columns)) / over.columns}%`;
      cell.style.top = `${(100 * Math.floor(i / over.columns)) / over.rows}%`;
    }
  }

  Why.define("why-frames", WhyFrames);
})();
