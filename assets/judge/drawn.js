/* Of a judged log what a chart shows: curves of few points, and its marks. */

import { finite, largest } from "./arrays.js";
import { ends } from "./columns.js";
import { fixed } from "./numbers.js";
import { said } from "./rules.js";

const MOST = 1000; // points of a curve: more are drawn as the outline of what is there

/* {data, points} by chart: accuracy in %, loss, and the first and the last norm. */
export function drawn(log, judged, words) {
  const { steps, accuracy, loss, norms } = log,
    percent = accuracy.map((v) => 100 * v);
  const layers = ends(norms.keys()) ?? [...norms.keys()].slice(0, 1);
  const curve = (y) => outline(steps, y),
    spikes = (name, y) => spikesOf(judged.bursts.get(name), steps, y);
  return {
    data: { accuracy: curve(percent), loss: curve(loss) },
    points: { accuracy: fallsOf(judged, words), loss: spikes("loss", loss) },
    norms: layers.map((layer) => {
      const y = norms.get(layer);
      return { layer, curve: curve(y), points: spikes(layer, y) };
    }),
  };
}

function fallsOf({ falls, collapsed, end, last }, words) {
  const marks = falls.map(({ low, level, depth, made_good }) => ({
    kind: made_good ? "made_good" : "lasting",
    x: low,
    y: 100 * (level - depth),
    words: said(words.POINTS, { depth: fixed(100 * depth, 1) }),
  }));
  if (collapsed) marks.push({ kind: "collapse", x: last, y: 100 * end, words: "" });
  return marks;
}

/* A symbol a spike; of very many the first. */
const spikesOf = (found, steps, y) => {
  const places = new Set(found?.at.slice(0, MOST)),
    top = largest(finite(y)); // an infinite one stands there
  return Array.from(steps.keys())
    .filter((i) => places.has(steps[i]))
    .map((i) => ({ kind: "spike", x: steps[i], y: Math.min(y[i], top), words: "" }));
};

/* A curve by the lowest and the highest point of each stretch; nan left out. */
function outline(steps, y) {
  const read = Array.from(steps.keys()).filter((i) => Number.isFinite(y[i]));
  const kept = read.length > MOST ? extremes(read, y) : read;
  return [kept.map((i) => steps[i]), kept.map((i) => y[i])];
}

function extremes(read, y) {
  const kept = new Set(),
    stretches = MOST / 2;
  for (let k = 0; k < stretches; k++) {
    const [from, to] = [k, k + 1].map((n) => Math.floor((n * read.length) / stretches));
    const part = read.slice(from, to);
    kept.add(part.reduce((a, b) => (y[b] < y[a] ? b : a)));
    kept.add(part.reduce((a, b) => (y[b] > y[a] ? b : a)));
  }
  return [...kept].sort((a, b) => a - b);
}
