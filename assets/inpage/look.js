/* What a run is learning, to be drawn: its filters, neighbours, views, and where the test
   images lie. */

import { axes, points } from "./embedding.js";

const FILTERS = "query.backbone.patch_projection.weight";
const ROWS = 10,
  NEAR = 4; // test images that are shown, and neighbours of each

/* filters [n * size] with their shape, as numbers; views [2 * n * pixels], both of the
   first images of the last step, and neighbours, see below, as pixels of 0 to 255. */
export async function look(trainer) {
  const {
    manifest: { parameters },
    images,
    side,
    pixels,
  } = trainer;
  const { offset, size, shape } = parameters.find(({ name }) => name === FILTERS);
  const query = await trainer.state.query.getData(),
    plane = side[0] * side[1];
  const views = Uint8ClampedArray.from(trainer.views ?? [], (value, i) => {
    const channel = Math.floor(i / plane) % (pixels / plane);
    return 255 * (value * images.std[channel] + images.mean[channel]);
  });
  return {
    filters: query.slice(offset, offset + size),
    shape,
    views,
    side,
    neighbours: neighbours(trainer),
    ...embedded(trainer),
  };
}

/* The test images along the axes of the first reading of their seed, with their classes. */
function embedded({ seen, seed, images }) {
  if (!seen) return { points: null };
  images.axes ??= new Map();
  if (!images.axes.has(seed)) images.axes.set(seed, axes(seen.tests, seen.d));
  return {
    points: points(seen.tests, seen.d, images.axes.get(seed)),
    labels: images.testLabels,
  };
}

/* A test image of each class with the nearest of the memory: its class, whether the vote
   is right, which neighbours are of its class, and the pixels of all, its own first. */
function neighbours({
  seen,
  pixels,
  images: { train, trainLabels, test, testLabels, classes },
}) {
  if (!seen) return null;
  const of = (source, i) => source.slice(i * pixels, (i + 1) * pixels);
  const found = classes.flatMap((name, label) => {
    const i = testLabels.indexOf(label);
    if (i < 0) return [];
    const { near, right } = seen.cast[i];
    const places = near.slice(0, NEAR).map((m) => seen.places[m]);
    return [
      {
        name,
        right,
        same: places.map((m) => trainLabels[m] === label),
        images: [of(test, i), ...places.map((m) => of(train, m))],
      },
    ];
  });
  return found.slice(0, ROWS);
}
