/* A zip archive of texts, nothing compressed: what a run is downloaded as. */
"use strict";
globalThis.Why = globalThis.Why ?? {};
(() => {
  const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
    for (let k = 0; k < 8; k++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
    return n;
  });

  const crc32 = (bytes) => {
    let crc = -1;
    for (const byte of bytes) crc = TABLE[(crc ^ byte) & 255] ^ (crc >>> 8);
    return ~crc >>> 0;
  };

  /* Little-endian numbers [[value, bytes], ...]. */
  function numbers(pairs) {
    const out = [];
    for (const [value, size] of pairs)
      for (let i = 0; i < size; i++) out.push(Math.floor(value / 256 ** i) % 256);
    return Uint8Array.from(out);
  }

  /* {path: text} as a Blob. Every entry says the same in its head and in the list at
     the end: version, UTF-8 names, stored, time, date, checksum, twice the size. */
  function zip(files) {
    const parts = [],
      list = [],
      encoder = new TextEncoder();
    let at = 0;
    for (const [path, text] of Object.entries(files)) {
      const [name, data] = [encoder.encode(path), encoder.encode(text)];
      const common = [
        [20, 2],
        [0x0800, 2],
        [0, 2],
        [0, 2],
        [0x21, 2], // 1 January 1980
        [crc32(data), 4],
        [data.length, 4],
        [data.length, 4],
        [name.length, 2],
        [0, 2],
      ];
      const head = numbers([[0x04034b50, 4], ...common]);
      list.push(
        numbers([
          [0x02014b50, 4],
          [20, 2],
          ...common,
          [0, 2],
          [0, 2],
          [0, 2],
          [0, 4],
          [at, 4],
        ]),
        name,
      );
      parts.push(head, name, data);
      at += head.length + name.length + data.length;
    }
    const size = list.reduce((sum, part) => sum + part.length, 0),
      count = list.length / 2;
    const end = numbers([
      [0x06054b50, 4],
      [0, 2],
      [0, 2],
      [count, 2],
      [count, 2],
      [size, 4],
      [at, 4],
      [0, 2],
    ]);
    return new Blob([...parts, ...list, end], { type: "application/zip" });
  }

  Object.assign(Why, { zip });
})();
