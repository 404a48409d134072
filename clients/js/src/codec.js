/**
 * How messages become frames: JSON in text frames. `msgpack.js` is the other encoding of the protocol.
 *
 * @module
 */

import { HubError } from './errors.js';
import { fromJson, toJson } from './exact.js';

/** @typedef {string | Uint8Array<ArrayBuffer>} Frame */

/**
 * An encoding of the protocol.
 *
 * @typedef {object} Codec
 * @property {string} subprotocol under which the hub knows it
 * @property {(message: object) => Frame} encode
 * @property {(frame: unknown, known?: Known) => any} decode the message, or undefined if the frame is none
 * @property {(pieces: any[]) => unknown} join the `data` of parts put together to a frame
 */

/**
 * What a socket knows of the rows in its messages, where the encoding does not tell.
 *
 * @typedef {object} Known
 * @property {(table: string, column: string) => string} typeOf the type of a column's values, of a list's items
 * @property {(ref: number) => string | undefined} tableOf the table that a request names
 */

/** What one message may have before the hub has told its own limit, bytes. */
export const MESSAGE_BYTES = 64 * 1024;

/** @type {Readonly<Codec>} */
export const json = Object.freeze({
  subprotocol: 'rowcast.v1.json',
  encode: toJson,
  decode,
  join: (pieces) => pieces.join(''),
});

/** @param {unknown} frame */
function decode(frame) {
  if (typeof frame !== 'string') return undefined;
  try {
    const message = fromJson(frame);
    return typeof message?.type === 'string' ? message : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Refuses what the hub would refuse by closing the socket.
 *
 * @param {Frame} frame
 * @param {number} limit the hub's limit, bytes
 */
export function checkSize(frame, limit) {
  // A UTF-16 unit is at most three bytes of UTF-8: most frames need not be measured.
  if (typeof frame === 'string' && frame.length * 3 <= limit) return;
  const bytes = typeof frame === 'string' ? new TextEncoder().encode(frame).length : frame.length;
  if (bytes <= limit) return;
  throw new HubError({
    code: 'too_large',
    message: `a message may have ${limit} bytes, this one has ${bytes}`,
    retry: false,
    limit,
  });
}
