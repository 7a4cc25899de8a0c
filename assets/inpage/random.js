/* Random numbers in the page: xoshiro128** (Blackman and Vigna, 2018), 128 bits of state.

   As in mocolib, no generator runs on from step to step: each is made from a text such
   as "0/views/17" (seed, purpose, step), so a step depends on its own index alone. The
   text becomes 32 bits by FNV-1a, and those the state by splitmix32. The numbers are
   not torch's: a seed gives another run here than it gives in Python. */

const rotated = (x, k) => (x << k) | (x >>> (32 - k));

/* FNV-1a: 32 bits from a text. */
function hashed(text) {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text))
    hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/* Four words of state from one, none of them like the other. */
function spread(seed) {
  return Int32Array.from({ length: 4 }, () => {
    seed = (seed + 0x9e3779b9) | 0;
    let word = Math.imul(seed ^ (seed >>> 16), 0x21f0aaad);
    word = Math.imul(word ^ (word >>> 15), 0x735a2d97);
    return word ^ (word >>> 15);
  });
}

/* A source of numbers for one purpose: generator(seed, "views", step). */
export function generator(...purpose) {
  const s = spread(hashed(purpose.join("/")));
  const next = () => {
    const result = Math.imul(rotated(Math.imul(s[1], 5), 7), 9) >>> 0,
      moved = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= moved;
    s[3] = rotated(s[3], 11);
    return result;
  };
  /* n numbers from 0 to 1, 1 left out; 24 bits each, as torch.rand gives in float32. */
  const uniform = (n) =>
    Float32Array.from({ length: n }, () => (next() >>> 8) / 2 ** 24);
  /* n numbers of the standard normal distribution (Box and Muller). */
  const normal = (n) => {
    const [a, b] = [uniform(n), uniform(n)];
    return a.map(
      (u, i) => Math.sqrt(-2 * Math.log(1 - u)) * Math.cos(2 * Math.PI * b[i]),
    );
  };
  /* 0 to n - 1 in a random order (Fisher and Yates). */
  const permutation = (n) => {
    const order = Int32Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = Math.floor((next() / 2 ** 32) * (i + 1));
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order;
  };
  return { next, uniform, normal, permutation };
}
