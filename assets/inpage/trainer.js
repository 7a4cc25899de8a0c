/* One run of MoCo v3 in the page: `step` and `knn` over mocolib's exported graphs.

   The graph is a function: state, batch and hyperparameters in; the next state and what
   the probe reads out. So whatever is set may change between two steps. */

import { factors } from "./factors.js";
import { accuracy, normalized, votes } from "./knn.js";
import { generator } from "./random.js";
import { start } from "./start.js";
import { draw } from "./views.js";

export const STATE = ["query", "key", "first", "second"];
const KEEP = 5,
  RING = 24; // steps between two states that are kept, and how many are
const KINDS = { float32: Float32Array, uint8: Uint8Array };

export class Trainer {
  /* kit: {Tensor, step(optimizer) -> {session, inputs}, features() -> session}; images: {train, test,
     trainLabels, testLabels, mean, std, classes}, pixels flat; settings: recipe fields. */
  constructor({ kit, manifest, images, seed, settings, state, keeps = true }) {
    Object.assign(this, { kit, manifest, images, seed, settings: { ...settings } });
    const { channels, height, width } = manifest.images;
    this.side = [height, width];
    this.pixels = channels * height * width;
    this.done = this.projectionSteps = 0; // a projection that was fixed has had fewer
    this.beta2 = this.settings.beta2; // the one that `second` was averaged with so far
    this.order = { epoch: -1 };
    this.past = []; // what `rewind` goes back to, the oldest first
    this.keeps = keeps; // whether there is to be such a past
    this.take(state ?? start(manifest, seed));
  }

  /* State vectors in place of what is there. */
  take(vectors) {
    for (const name of STATE) this.state?.[name].dispose();
    this.state = Object.fromEntries(
      STATE.map((name) => [
        name,
        new this.kit.Tensor("float32", vectors[name], [vectors[name].length]),
      ]),
    );
  }

  change(settings) {
    Object.assign(this.settings, settings);
  }

  /* --- a step -------------------------------------------------------------------- */

  /* The record of a step, flat and named as mocolib's rows are. */
  async step() {
    const { session, inputs } = await this.kit.step(this.settings.optimizer);
    await this.keep();
    await this.rescale();
    const now = this.hyperparameters(),
      chosen = this.chosen(this.done);
    const out = await session.run(
      this.feeds(inputs, { ...factors(now), ...this.batch(chosen) }),
    );
    const loss = (await out.loss.getData())[0],
      good = Number.isFinite(loss);
    this.adopt(out, good); // a broken step leaves the weights alone
    this.done += 1;
    this.projectionSteps += good && !now.freeze;
    this.views = await out.views.getData();
    const row = {
      step: this.done,
      samples: this.done * chosen.length,
      lr: now.lr,
      temperature: now.temperature,
      momentum: now.momentum,
      loss,
      knn:
        good && this.isDue() && this.images.classes.length > 1
          ? await this.knn()
          : null,
    };
    for (const measure of this.manifest.measures) {
      const values = await out[measure].getData();
      this.manifest.layers.forEach((layer, i) => {
        const trained = !(now.freeze && layer === "patch_projection");
        row[`${measure}/${layer}`] = trained ? values[i] : null;
      });
    }
    return row;
  }

  /* The new state in place of the old; on a graphics card memory is given back by hand. */
  adopt(out, good) {
    for (const name of STATE) {
      const next = out[`next_${name}`],
        old = this.state[name];
      if (good) this.state[name] = next;
      (good ? old : next).dispose();
    }
  }

  /* Every few steps the state before a step is kept, the oldest making room. */
  async keep() {
    if (!this.keeps || this.done % KEEP || this.past.at(-1)?.done === this.done) return;
    const vectors = {};
    for (const name of STATE)
      vectors[name] = (await this.state[name].getData()).slice();
    const { done, projectionSteps, beta2 } = this;
    this.past = [...this.past, { vectors, done, projectionSteps, beta2 }].slice(-RING);
  }

  /* The state to go back to by so many steps at least, or the oldest that is kept. */
  earlier(steps) {
    const far = this.past.findLastIndex(({ done }) => done <= this.done - steps);
    return this.past[Math.max(0, far)];
  }

  /* Back there, where there is such a state; the number of steps that are left. */
  rewind(steps) {
    const kept = this.earlier(steps);
    if (kept) this.resume(this.past, kept);
    return this.done;
  }

  /* Another run that goes on from there, while this one stays as it is. */
  fork(steps) {
    const { kit, manifest, images, seed, settings } = this,
      kept = this.earlier(steps);
    const twin = new Trainer({ kit, manifest, images, seed, settings });
    if (kept) twin.resume(this.past, kept);
    return twin;
  }

  /* Be where a run was, one of whose past states this is. */
  resume(past, kept) {
    const { vectors, ...counts } = kept;
    this.past = past.slice(0, past.indexOf(kept) + 1);
    this.take(vectors);
    this.seen = null;
    Object.assign(this, counts);
  }

  /* Another beta2 corrects the second moment by another factor: what Adam sees of it stays
     as it was, so that the step does not jump; as mocolib.train does it. */
  async rescale() {
    const {
      beta2: old,
      settings: { beta2, optimizer },
      manifest: { projection },
      state,
    } = this;
    if (beta2 === old) return;
    const times = (steps) => (steps ? (1 - beta2 ** steps) / (1 - old ** steps) : 1);
    const own = times(optimizer === "adamw" ? this.projectionSteps : this.done),
      rest = times(this.done);
    const second = (await state.second.getData()).map(
      (v, i) => v * (projection[0] <= i && i < projection[1] ? own : rest),
    );
    state.second.dispose();
    state.second = new this.kit.Tensor("float32", second, [second.length]);
    this.beta2 = beta2;
  }

  /* Those of the next step. */
  hyperparameters() {
    const {
      settings,
      manifest: { recipe },
    } = this;
    return {
      lr: rate({ ...recipe, ...settings }, this.done),
      weight_decay: settings.weight_decay,
      temperature: settings.temperature,
      momentum: settings.momentum,
      beta1: recipe.beta1,
      beta2: settings.beta2,
      eps: recipe.eps,
      step: this.done + 1,
      projection_step: this.projectionSteps + 1,
      freeze: settings.patch_projection === "fixed",
    };
  }

  /* The images of a step and the random numbers of both views, by the graph's names. */
  batch(chosen) {
    const { manifest, images, pixels, seed } = this;
    const batch = new Uint8Array(chosen.length * pixels);
    chosen.forEach((from, to) =>
      batch.set(images.train.subarray(from * pixels, (from + 1) * pixels), to * pixels),
    );
    const { uniform } = generator(seed, "views", this.done);
    const numbers = { images: batch, pixel_mean: images.mean, pixel_std: images.std };
    manifest.strengths.forEach((strength, v) => {
      const view = draw(strength, chosen.length, this.side, uniform, manifest.draw);
      for (const [name, values] of Object.entries(view))
        numbers[`view${v + 1}.${name}`] = values;
      numbers[`view${v + 1}.orders`] = contrastFirst(view.orders);
    });
    return numbers;
  }

  /* Which images a step sees; each epoch in a new order. */
  chosen(index) {
    const size = this.manifest.batch,
      all = this.images.trainLabels.length;
    const epoch = Math.floor(index / Math.floor(all / size)),
      place = index % Math.floor(all / size);
    if (this.order.epoch !== epoch)
      this.order = {
        epoch,
        all: generator(this.seed, "order", epoch).permutation(all),
      };
    return this.order.all.subarray(place * size, (place + 1) * size);
  }

  /* Numbers as tensors of the types and shapes that the graph names. */
  feeds(inputs, numbers) {
    return Object.fromEntries(
      inputs.map(({ name, type, shape }) => {
        if (name in this.state) return [name, this.state[name]];
        const Kind = KINDS[type],
          given = [numbers[name]].flat();
        const values =
          given[0] instanceof Kind
            ? given[0]
            : Kind.from(ArrayBuffer.isView(given[0]) ? given[0] : given);
        return [name, new this.kit.Tensor(type, values, shape)];
      }),
    );
  }

  /* --- the monitor --------------------------------------------------------------- */

  /* Whether it is time for a reading; without classes there is no kNN to read. */
  isDue() {
    const { knn_every: every, steps } = this.manifest.recipe;
    return this.done % every === 0 || this.done === steps;
  }

  /* Accuracy on the test images, against clean training images. */
  async knn() {
    const {
        images,
        manifest: { knn, recipe },
      } = this,
      { trainLabels, testLabels } = images;
    const all = generator(this.seed, "memory").permutation(trainLabels.length);
    const places = all.subarray(0, recipe.knn_memory_size);
    const memory = await this.features(images.train, places);
    const tests = await this.features(images.test, [...testLabels.keys()]);
    const d = tests.length / testLabels.length;
    const queries = { features: normalized(tests, d), labels: testLabels };
    const cast = votes(
      {
        features: normalized(memory, d),
        labels: Array.from(places, (i) => trainLabels[i]),
      },
      queries,
      d,
      images.classes.length,
      knn,
    );
    this.seen = { cast, places, tests: queries.features, d }; // for those who look
    return accuracy(cast);
  }

  /* Features of the images at these places, in the graph's own parts, [n * d]. */
  async features(source, places) {
    const { inputs, batch } = this.manifest.features,
      { pixels } = this,
      found = [];
    const session = await this.kit.features();
    for (let i = 0; i < places.length; i += batch) {
      const part = places.slice(i, i + batch),
        images = new Uint8Array(batch * pixels);
      part.forEach((from, to) =>
        images.set(source.subarray(from * pixels, (from + 1) * pixels), to * pixels),
      );
      const numbers = {
        images,
        pixel_mean: this.images.mean,
        pixel_std: this.images.std,
      };
      const { features } = await session.run(this.feeds(inputs, numbers));
      const values = await features.getData();
      found.push(values.slice(0, (values.length / batch) * part.length));
    }
    const all = new Float32Array(found.reduce((n, part) => n + part.length, 0));
    found.reduce((at, part) => {
      all.set(part, at);
      return at + part.length;
    }, 0);
    return all;
  }
}

/* Learning rate of a step (0 is the first): mocolib.optim.rate. */
export function rate(recipe, step) {
  const peak = (recipe.base_lr * recipe.batch_size) / 256;
  if (step < recipe.warmup_steps) return (peak * (step + 1)) / recipe.warmup_steps;
  if (recipe.schedule === "constant") return peak;
  const share = (step - recipe.warmup_steps) / (recipe.steps - recipe.warmup_steps);
  return peak * 0.5 * (1 + Math.cos(Math.PI * share));
}

/* A chunk: 1 where contrast (1) comes before brightness (0). */
function contrastFirst(orders) {
  const chunks = orders.length / 4;
  return Float32Array.from({ length: chunks }, (_, c) => {
    const order = orders.slice(4 * c, 4 * c + 4);
    return Number(order.indexOf(1) < order.indexOf(0));
  });
}
