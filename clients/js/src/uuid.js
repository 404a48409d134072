/**
 * Ids made by the client: UUIDs of version 7, so that they sort by the time they were made.
 *
 * @module
 */

let lastMs = 0;
let counter = 0;

/**
 * A new id. Ids of one program sort in the order in which they were made, also within a millisecond
 * and when the clock is set back.
 *
 * @param {number} [now] milliseconds since 1970
 * @returns {string}
 */
export function uuidv7(now = Date.now()) {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  tick(now, bytes);
  writeTime(bytes, lastMs);
  bytes[6] = 0x70 | (counter >> 8);
  bytes[7] = counter & 0xff;
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f);
  return hyphenated(bytes);
}

/**
 * Moves the clock on. The 12 bits after the version count ids of the same millisecond from a random
 * start; when they run over, the next millisecond is borrowed.
 *
 * @param {number} now
 * @param {Uint8Array} random
 */
function tick(now, random) {
  if (now > lastMs) {
    lastMs = now;
    counter = (((random[6] ?? 0) << 8) | (random[7] ?? 0)) & 0x7ff;
    return;
  }
  counter += 1;
  if (counter > 0xfff) {
    lastMs += 1;
    counter = 0;
  }
}

/**
 * @param {Uint8Array} bytes
 * @param {number} ms
 */
function writeTime(bytes, ms) {
  for (let at = 5, rest = ms; at >= 0; at -= 1) {
    bytes[at] = rest % 256;
    rest = Math.floor(rest / 256);
  }
}

/** @param {Uint8Array} bytes */
function hyphenated(bytes) {
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
