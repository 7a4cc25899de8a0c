/* A judged log told in sentences: mocolib/logs/telling.py, whose words these are. */

import { ends } from "./columns.js";
import { fixed, general, grouped } from "./numbers.js";
import { rules, said } from "./rules.js";

/* The sentences, in the order in which they are read. */
export const told = (judged) => [
  ...read(judged),
  ...accuracy(judged),
  ...spikes(judged),
  ...advice(judged),
];

const tell = (name, fields) => said(rules.sentences[name], fields);

function read(judged) {
  const { columns, rows } = judged,
    words = rules.sentences,
    { MOST_NORMS } = rules.telling;
  const norms = [...columns.norms.values()],
    taken = (role) => columns[role] || words.NOWHERE;
  const fields = {
    title: judged.title,
    rows: grouped(String(rows)),
    along: columns.axis || words.MANY.row,
    first: place(judged.first),
    last: place(judged.last),
    accuracy: taken("accuracy"),
    loss: taken("loss"),
    rate: taken("rate"),
  };
  const many = norms.length > MOST_NORMS;
  const span = many
    ? { count: norms.length, begin: norms[0], end: norms.at(-1) }
    : { norms: norms.join(", ") || words.NOWHERE };
  return [
    tell(many ? "READ_MANY" : "READ", { ...fields, ...span }),
    ...others(judged),
    ...notes(judged),
  ];
}

function others({ others: names }) {
  if (!names.length) return [];
  const { MOST_NAMES } = rules.telling,
    count = names.length - MOST_NAMES;
  const some = names.slice(0, MOST_NAMES).join(", ");
  return [tell(count > 0 ? "MANY_OTHERS" : "OTHERS", { names: some, count })];
}

function notes(judged) {
  const { NOTES, ONE_NOTE } = rules.sentences;
  const lines = Object.entries(judged.notes).map(([note, count]) =>
    said((count === 1 ? ONE_NOTE[note] : null) ?? NOTES[note], {
      count: grouped(String(count)),
    }),
  );
  return [...lines, ...broken(judged)];
}

/* Where the loss, and a few of the gradients, are no numbers. */
function broken(judged) {
  const all = [...judged.broken],
    axis = axisName(judged);
  const few = all.slice(0, rules.telling.MOST_NORMS + judged.broken.has("loss"));
  const lines = few.flatMap(([name, kinds]) =>
    Object.entries(kinds).map(([kind, { count, first }]) => {
      const sentence = (count > 1 ? "" : "ONE_") + kind.toUpperCase();
      const fields = { count: grouped(String(count)), at: place(first) };
      return tell(sentence, { what: whatOf(name), axis, ...fields });
    }),
  );
  const count = all.length - few.length;
  if (count) lines.push(tell("MORE_BROKEN", { count }));
  if (judged.diverged !== null)
    lines.push(tell("DIVERGED", { axis, at: place(judged.diverged) }));
  return lines;
}

function whatOf(name) {
  if (name === "loss") return rules.sentences.LOSS;
  if (name === rules.columns.WHOLE) return rules.sentences.WHOLE;
  return tell("GRADIENT", { layer: name });
}

function every(judged) {
  if (judged.every === 1) return tell("EVERY_ONE", { axis: axisName(judged) });
  const axes = rules.sentences.MANY[judged.axis] ?? judged.axis;
  return tell("EVERY", { every: place(judged.every), axes });
}

function accuracy(judged) {
  const { readings, missed } = judged,
    lines = [];
  if (!readings) return [tell("NO_ACCURACY")];
  if (judged.every !== null) lines.push(every(judged));
  if (judged.unit === "share") lines.push(tell("SHARES"));
  if (judged.noise === null) {
    const few = readings === 1 ? "ONE_READING" : "FEW_READINGS";
    return [...lines, tell(few, { readings, least: rules.judged.FEWEST })];
  }
  if (missed) {
    const [share, depth] = [missed.share, missed.depth].map((v) => percent(v));
    lines.push(tell("MISSED", { ...missed, readings, share, depth }));
  }
  lines.push(...falls(judged));
  const noise = points(judged.noise),
    chance = general(judged.falls_by_chance, 2);
  lines.push(tell("CHANCE", { readings, noise, chance }), collapse(judged));
  return [...lines, tell("JITTER", { jitter: points(judged.jitter) })];
}

/* Whether it has collapsed. */
function collapse(judged) {
  if (!judged.start) return tell("NO_START");
  const fields = {
    end: percent(judged.end, 1),
    first: percent(judged.start.accuracy, 1),
    axis: axisName(judged),
    at: place(judged.start.at),
  };
  if (!judged.collapsed) return tell(judged.risen ? "HELD" : "NOT_RISEN", fields);
  return tell(judged.end < judged.start.accuracy ? "BELOW" : "COLLAPSED", fields);
}

function falls(judged) {
  const { MOST_FALLS } = rules.telling;
  if (!judged.falls.length) return [tell("NO_FALL", { noise: points(judged.noise) })];
  const deepest = judged.falls
      .toSorted((a, b) => b.depth - a.depth)
      .slice(0, MOST_FALLS),
    count = judged.falls.length - deepest.length;
  const lines = deepest
    .toSorted((a, b) => a.start - b.start)
    .flatMap((fall) => oneFall(fall, axisName(judged)));
  if (count) lines.push(count === 1 ? tell("ONE_MORE") : tell("MORE", { count }));
  return lines;
}

function oneFall(fall, axis) {
  const words = rules.sentences,
    kind = fall.made_good ? "DIP" : fall.end === null ? "LASTING" : "LATE";
  const [start, low, end] = [fall.start, fall.low, fall.end].map(place);
  const lines = [tell(kind, { depth: points(fall.depth), axis, start, low, end })];
  if (fall.phase) lines.push(said(words.PHASES[fall.phase], { axis, start }));
  if (fall.bursts.includes("loss"))
    lines.push(tell("WITH", { what: words.LOSS, axis, start }));
  return lines;
}

function spikes(judged) {
  const [shown, others] = oneByOne(judged),
    lines = shown.flatMap((one) => spikesOf(judged, ...one));
  if (others.length) {
    const total = (of) => others.reduce((sum, [, found]) => sum + of(found), 0);
    const chance = general(
        total((found) => found.by_chance),
        2,
      ),
      count = total((found) => found.at.length);
    lines.push(tell("OTHER_SPIKES", { layers: others.length, count, chance }));
  }
  return [...lines, lead(judged)];
}

function spikesOf(judged, name, found) {
  const { MOST_PLACES } = rules.telling,
    what = whatOf(name);
  if (found.coarse) return [tell("COARSE", { what })];
  const count = found.at.length;
  const few = count > MOST_PLACES ? "MANY_SPIKES" : "SPIKES";
  const sentence = tell(["NO_SPIKE", "ONE_SPIKE"][count] ?? few, {
    what,
    count,
    judged: grouped(String(found.judged)),
    axis: axisName(judged),
    places: found.at.slice(0, MOST_PLACES).map(place).join(", "),
    chance: general(found.by_chance, 2),
  });
  return found.smoothed ? [sentence, tell("SMOOTHED", { what })] : [sentence];
}

function lead({ lead: found }) {
  if (!found) return tell("NO_NORMS", { least: rules.judged.LEAD_FROM });
  const far = Math.abs(found.ahead),
    beyond = far >= rules.judged.SURE;
  const name = beyond ? (found.ahead > 0 ? "LEADS" : "TRAILS") : "LEVEL";
  return tell(name, { ...found, ahead: fixed(far, 1) });
}

/* Of many norms the two ends, and the one that jumps most; then all others. */
function oneByOne({ bursts, jumps, columns }) {
  const all = [...bursts];
  if (bursts.size <= rules.telling.MOST_NORMS + 1) return [all, []];
  const names = ["loss", often(jumps), ...(ends(columns.norms.keys()) ?? [])];
  return [true, false].map((own) =>
    all.filter(([name]) => names.includes(name) === own),
  );
}

/* The layer that jumps most often; of equal ones the first. */
const often = (jumps) => [...jumps].reduce((a, b) => (b[1] > a[1] ? b : a), ["", 0])[0];

function advice(judged) {
  const { ENTRIES, CHAPTER } = rules.advice;
  return ENTRIES.filter(({ id }) => judged.advice.includes(id)).flatMap(
    ({ says, anchor, claims }) => [
      said(says, {
        layer: often(judged.jumps),
        dense: rules.judged.DENSE,
      }),
      tell(claims.length ? "EVIDENCE" : "WHERE", {
        chapter: CHAPTER,
        anchor,
        claims: claims.join(", "),
      }),
    ],
  );
}

const axisName = ({ axis }) => rules.sentences.AXES[axis] ?? axis;

/* A place on an axis: 1,250 or 12.4. */
const place = (at) => {
  if (at === null) return "";
  return grouped(Number.isInteger(at) ? fixed(at, 0) : general(at, 4));
};

const points = (share) =>
  share >= 0.001 ? fixed(100 * share, 1) : general(100 * share, 2);
const percent = (share, digits = 0) => fixed(100 * share, digits);
