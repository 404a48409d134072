/** JSON and MessagePack as the hub speaks them, numbers with all their digits. Shares no code with the client. */

import { decode, encode } from '@msgpack/msgpack';

/** A number that JavaScript would write in another way. */
export class Digits {
  /** @param {string} text */
  constructor(text) {
    this.text = text;
  }
}

/** @param {string} text @returns {any} */
export function readJson(text) {
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g) ?? [];
  let at = 0;
  /** @returns {any} */
  const value = () => {
    const token = tokens[at++] ?? '';
    if (token === '[') return items(']', value);
    if (token === '{') return Object.fromEntries(items('}', member));
    return /^[-\d]/.test(token) ? number(token) : JSON.parse(token);
  };
  const member = () => {
    const name = value();
    at += 1;
    return [name, value()];
  };
  /** @param {string} end @param {() => any} item */
  const items = (end, item) => {
    const all = [];
    while (tokens[at] !== end) {
      all.push(item());
      if (tokens[at] === ',') at += 1;
    }
    at += 1;
    return all;
  };
  return value();
}

/** @param {string} text */
const number = (text) => (String(Number(text)) === text ? Number(text) : new Digits(text));

/** @param {any} value @returns {string} */
export function writeJson(value) {
  if (value instanceof Digits) return value.text;
  if (Array.isArray(value)) return `[${value.map((item) => writeJson(item ?? null)).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).filter(([, item]) => item !== undefined);
  return `{${members.map(([name, item]) => `${JSON.stringify(name)}:${writeJson(item)}`).join(',')}}`;
}

/** @param {Uint8Array} bytes @returns {any} */
export const readMsgpack = (bytes) => changed(decode(bytes, { useBigInt64: true }), (value) => {
  if (typeof value === 'bigint') return number(String(value));
  return value instanceof Uint8Array ? new Digits(new TextDecoder().decode(value)) : value;
});

/** @param {any} message */
export const writeMsgpack = (message) => encode(changed(message, packed), { useBigInt64: true, ignoreUndefined: true });

/** @param {any} value @param {string} name */
function packed(value, name) {
  if (value instanceof Digits) return fitting(value.text) ?? new TextEncoder().encode(value.text);
  if (name === 'photo' && typeof value === 'string') return new Uint8Array(Buffer.from(value, 'base64'));
  return value;
}

/** @param {string} text an integer of 64 bits, if it is one */
function fitting(text) {
  if (!/^-?\d+$/.test(text)) return undefined;
  const whole = BigInt(text);
  return whole >= -(2n ** 63n) && whole < 2n ** 64n ? whole : undefined;
}

/** @param {any} value @param {(value: any, name: string) => any} change @returns {any} */
function changed(value, change, name = '') {
  const own = change(value, name);
  if (own !== value || typeof own !== 'object' || own === null || own instanceof Uint8Array) return own;
  if (Array.isArray(own)) return own.map((item) => changed(item, change));
  return Object.fromEntries(Object.entries(own).map(([inner, item]) => [inner, changed(item, change, inner)]));
}
