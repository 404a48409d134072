/**
 * How messages become frames. JSON in text frames; the other encoding of the protocol is not needed
 * by browsers.
 *
 * @module
 */

import { HubError } from './errors.js';

/** The WebSocket subprotocol of this codec. */
export const SUBPROTOCOL = 'rowcast.v1.json';

/**
 * @param {object} message
 * @returns {string}
 */
export function encode(message) {
  return JSON.stringify(message);
}

/**
 * @param {unknown} frame
 * @returns {any} the message, or undefined if the frame is none
 */
export function decode(frame) {
  if (typeof frame !== 'string') return undefined;
  try {
    const message = JSON.parse(frame);
    return typeof message?.type === 'string' ? message : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Refuses what the hub would refuse by closing the socket.
 *
 * @param {string} frame
 * @param {number} limit the hub's limit, bytes
 */
export function checkSize(frame, limit) {
  // A UTF-16 unit is at most three bytes of UTF-8: most frames need not be measured.
  if (frame.length * 3 <= limit) return;
  const bytes = new TextEncoder().encode(frame).length;
  if (bytes <= limit) return;
  throw new HubError({
    code: 'too_large',
    message: `a message may have ${limit} bytes, this one has ${bytes}`,
    retry: false,
    limit,
  });
}
