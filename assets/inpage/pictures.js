/* The reader's own pictures: decoded and resized here, so they never leave the page. */

/* An error whose words are a whole sentence for the reader. */
export class Told extends Error {}

/* Pictures that own_pictures.js has chosen, {list: [{file, folder}], held}, to images as
   the trainer takes them, with how many of them could not be decoded. A folder is a class;
   without two classes nothing can be monitored. As mocolib does it, every sixth picture
   (`held`) of classes is held out for the monitor. */
export async function pictures(
  { list, held },
  { channels, height, width },
  batch,
  took,
) {
  const decode = decoder(channels, height, width),
    whole = [];
  for (const [i, { file, folder }] of list.entries()) {
    const pixels = await decode(file).catch(() => null); // no picture after all
    if (pixels) whole.push({ pixels, folder });
    took(i + 1, list.length);
  }
  const classes = [...new Set(whole.map(({ folder }) => folder))].sort(),
    failed = list.length - whole.length;
  for (const one of whole) one.label = classes.indexOf(one.folder);
  const isHeld = (i) => classes.length > 1 && i % held === 0;
  const train = whole.filter((_, i) => !isHeld(i)),
    test = whole.filter((_, i) => isHeld(i));
  if (train.length < batch)
    throw new Told(
      `${train.length} of your pictures can be trained on, but training needs at least ` +
        `${batch}, one batch; ${failed} could not be decoded.`,
    );
  return {
    ...packed("train", train),
    ...packed("test", test),
    classes,
    failed,
    ...moments(train, channels),
  };
}

/* The shorter side resized, the centre cut out: uint8 [C * H * W]. */
function decoder(channels, height, width) {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  return async (file) => {
    const bitmap = await createImageBitmap(file);
    const scale = Math.max(width / bitmap.width, height / bitmap.height);
    const [wide, high] = [bitmap.width * scale, bitmap.height * scale];
    context.fillStyle = "#fff"; // behind what is transparent
    context.fillRect(0, 0, width, height);
    context.drawImage(bitmap, (width - wide) / 2, (height - high) / 2, wide, high);
    bitmap.close();
    const { data } = context.getImageData(0, 0, width, height),
      n = width * height;
    const out = new Uint8Array(channels * n);
    for (let i = 0; i < n; i++) {
      const rgb = data.subarray(4 * i, 4 * i + 3);
      if (channels === 1)
        out[i] = Math.round(0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]);
      else
        rgb.forEach((value, c) => {
          out[c * n + i] = value;
        });
    }
    return out;
  };
}

function packed(name, list) {
  const size = list[0]?.pixels.length ?? 0,
    pixels = new Uint8Array(size * list.length);
  list.forEach((one, i) => pixels.set(one.pixels, i * size));
  return {
    [name]: pixels,
    [`${name}Labels`]: Int32Array.from(list, (one) => one.label),
  };
}

/* Mean and deviation of each channel, in 0..1. */
function moments(list, channels) {
  const mean = new Float32Array(channels),
    std = new Float32Array(channels);
  const size = list[0].pixels.length / channels,
    count = list.length * size;
  for (let c = 0; c < channels; c++) {
    let sum = 0,
      square = 0;
    for (const { pixels } of list)
      for (const value of pixels.subarray(c * size, (c + 1) * size)) {
        sum += value / 255;
        square += (value / 255) ** 2;
      }
    mean[c] = sum / count;
    std[c] = Math.sqrt(Math.max(square / count - mean[c] ** 2, 1e-6));
  }
  return { mean, std };
}
