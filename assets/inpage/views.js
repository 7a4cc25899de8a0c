/* The random numbers of a view: mocolib.augment's `draw` once more, in the same order.

   Only the numbers are drawn here; what they do to the pixels is mocolib's own code,
   inside the graph. Every operation is rounded to float32 as torch does it, so the same
   uniform numbers give the same crops; a test compares them. */

const f = Math.fround;

/* To the nearest whole number, halves to the even one, as torch.round. */
function rounded(x) {
  const low = Math.floor(x),
    rest = x - low;
  return rest < 0.5 || (rest === 0.5 && low % 2 === 0) ? low : low + 1;
}

/* mocolib.augment.Params of n images of `side` [height, width]; rand(n) are uniform.

   rule is the manifest's {chunk, tries}: images that share an order of the jitter, and
   crops that are tried. The lists are flat: factors [n * 3], orders [ceil(n / chunk) * 4]. */
export function draw(strength, n, side, rand, { chunk, tries }) {
  const crop = drawCrop(strength, n, side, rand, tries);
  const jittered = rand(n).map((u) => u < f(strength.jitter));
  const spread = [strength.brightness, strength.contrast, strength.saturation].map(f);
  const around = (u, width) => f(f(f(2 * u) - 1) * width);
  const factors = rand(3 * n).map((u, i) =>
    jittered[Math.floor(i / 3)] ? f(1 + around(u, spread[i % 3])) : 1,
  );
  const hue = rand(n).map((u, i) => (jittered[i] ? around(u, f(strength.hue)) : 0));
  const chunks = Math.ceil(n / chunk),
    places = rand(4 * chunks);
  const orders = Array.from({ length: chunks }, (_, c) =>
    [0, 1, 2, 3].sort((a, b) => places[4 * c + a] - places[4 * c + b]),
  ).flat();
  const width = rand(n).map((u) => f(f(0.1) + f(f(1.9) * u)));
  const flip = rand(n).map((u) => u < f(strength.flip));
  const grey = rand(n).map((u) => u < f(strength.grey));
  const sigma = rand(n).map((u, i) => (u < f(strength.blur) ? width[i] : 0));
  const solarize = rand(n).map((u) => u < f(strength.solarize));
  return { ...crop, flip, factors, hue, orders, grey, sigma, solarize };
}

/* torchvision's RandomResizedCrop: some tries a sample, else the centre. */
function drawCrop(strength, n, [high, wide], rand, tries) {
  const between = (u, low, top) => f(f(low) + f(u * f(top - low)));
  const logs = strength.ratio.map(Math.log);
  const areas = rand(n * tries),
    ratios = rand(n * tries);
  const tops = rand(n),
    lefts = rand(n);
  const crop = Object.fromEntries(
    ["top", "left", "height", "width"].map((name) => [name, new Float32Array(n)]),
  );
  const [wholeHigh, wholeWide] = centre(strength, high, wide);
  for (let i = 0; i < n; i++) {
    let h = wholeHigh,
      w = wholeWide,
      found = false;
    for (let j = i * tries; j < (i + 1) * tries && !found; j++) {
      const area = f(f(between(areas[j], ...strength.scale) * high) * wide);
      const ratio = f(Math.exp(between(ratios[j], ...logs)));
      const [tryWide, tryHigh] = [area * ratio, area / ratio].map((v) =>
        rounded(f(Math.sqrt(f(v)))),
      );
      found = tryWide > 0 && tryHigh > 0 && tryWide <= wide && tryHigh <= high;
      if (found) [h, w] = [tryHigh, tryWide];
    }
    crop.height[i] = h;
    crop.width[i] = w;
    crop.top[i] = Math.floor(found ? f(tops[i] * (high - h + 1)) : (high - h) / 2);
    crop.left[i] = Math.floor(found ? f(lefts[i] * (wide - w + 1)) : (wide - w) / 2);
  }
  return crop;
}

/* The fallback keeps as much as the ratio allows. */
function centre({ ratio }, high, wide) {
  if (ratio[0] <= wide / high && wide / high <= ratio[1]) return [high, wide];
  return [
    rounded(Math.min(high, wide / ratio[0])),
    rounded(Math.min(wide, high * ratio[1])),
  ];
}
