/* From what a log shows to what to do, by the entries of mocolib/words/advice.toml. */

import { rules } from "./rules.js";

/* The ids of the entries that fit, the gravest first. */
export const fitting = (symptoms) =>
  rules.advice.ENTRIES.filter(
    ({ when, unless }) =>
      when.every((one) => symptoms.includes(one)) &&
      !unless.some((one) => symptoms.includes(one)),
  ).map(({ id }) => id);

/* What the entries ask for, of what `judge` has found. */
export function symptoms(known, layers, dense) {
  const { falls, bursts } = known,
    loss = bursts.get("loss"),
    shown = [...bursts.values()].some(({ coarse }) => !coarse),
    [lasting, dips] = [false, true].map((good) =>
      falls.filter((fall) => fall.made_good === good),
    );
  const spikes = loss?.at.length ?? 0,
    [most, second] = [...known.jumps.values(), 0, 0].sort((a, b) => b - a);
  const jump = spikes > 1 && most > spikes / 2,
    several = second > most / 2;
  const spiked = (fall) =>
    loss && !loss.coarse ? fall.bursts.includes("loss") : fall.bursts.length > 0;
  const diverged = known.diverged !== null,
    // a gradient that never was a number is only logged so
    broken = [...known.broken.keys()].some(
      (name) => name === "loss" || bursts.has(name),
    );
  const answers = {
    diverged,
    broken,
    no_number: diverged || broken,
    no_accuracy: !known.readings,
    sparse: known.readings < dense,
    collapse: Boolean(known.collapsed),
    fell_in_warmup: lasting.some(({ phase }) => phase === "warmup"),
    lasting_fall: lasting.length > 0,
    lasting_at_peak: lasting.some(({ phase }) => phase === "peak"),
    dip: dips.length > 0,
    dip_with_spike: dips.some(spiked),
    spikes_seen: shown,
    coarse: Boolean(loss?.coarse),
    loss_spikes: beyond(loss),
    layers: layers.length > 0,
    // in most spikes of the loss; noise alone hardly has two beside each other
    one_layer_jumps: jump && !several,
    layers_jump: jump && several,
    not_risen: known.risen === false,
    calm: known.noise !== null && !falls.length,
  };
  return Object.keys(answers).filter((name) => answers[name]);
}

/* Whether there are more spikes than noise has, by one and 2 sd of Poisson's. */
function beyond(found) {
  if (!found || found.smoothed || found.coarse) return false;
  return found.at.length > found.by_chance + 2 * found.by_chance ** 0.5 + 1;
}
