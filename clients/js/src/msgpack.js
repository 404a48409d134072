/**
 * MessagePack, as far as the protocol uses it: no extension types. `connect({ codec: msgpack })`.
 * Rows are as with JSON, so that nothing depends on the encoding: bytes are base64 text.
 *
 * @module
 */

import { withoutBytes } from './binary.js';
import { ExactNumber, numberOf } from './exact.js';

/** The name under which a `part` carries its piece: the only bytes that stay bytes. */
const PIECE = 'data';

/** @type {Readonly<import('./codec.js').Codec>} */
export const msgpack = Object.freeze({
  subprotocol: 'rowcast.v1.msgpack',
  encode: (message) => new Writer().message(message),
  decode(frame, known) {
    const bytes = frame instanceof ArrayBuffer ? new Uint8Array(frame) : frame;
    if (!(bytes instanceof Uint8Array)) return undefined;
    try {
      const reader = new Reader(bytes);
      const message = reader.message();
      if (typeof message?.type !== 'string') return undefined;
      return reader.hasBytes ? withoutBytes(message, known) : message;
    } catch {
      return undefined;
    }
  },
  join: (pieces) => joined(pieces),
});

/** @param {Uint8Array[]} pieces */
function joined(pieces) {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

const TO_UTF8 = new TextEncoder();
const FROM_UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Writes what `JSON.stringify` would, in the other encoding. */
class Writer {
  #bytes = new Uint8Array(1024);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;

  /** @param {object} message */
  message(message) {
    this.#value(message);
    return this.#bytes.slice(0, this.#at);
  }

  /** @param {any} value @returns {void} */
  #value(value) {
    if (value instanceof ExactNumber) return this.#exact(value);
    if (typeof value?.toJSON === 'function') return this.#value(value.toJSON());
    if (value === true || value === false) return this.#byte(value ? 0xc3 : 0xc2);
    if (typeof value === 'number' && Number.isFinite(value)) return this.#number(value);
    if (typeof value === 'string') return this.#text(value);
    if (Array.isArray(value)) return this.#list(value);
    if (typeof value === 'object' && value !== null) return this.#map(value);
    return this.#byte(0xc0);
  }

  /** @param {number} value */
  #number(value) {
    if (Number.isSafeInteger(value)) return value < 0 ? this.#negative(value) : this.#natural(value);
    this.#wide(0xcb, 8, (at) => this.#view.setFloat64(at, value));
  }

  /** An integer of 64 bits, or digits as bytes. @param {ExactNumber} value */
  #exact({ digits }) {
    const whole = /^-?\d{1,20}$/.test(digits) ? BigInt(digits) : undefined;
    if (whole !== undefined && BigInt.asUintN(64, whole) === whole) return this.#wide(0xcf, 8, (at) => this.#view.setBigUint64(at, whole));
    if (whole !== undefined && BigInt.asIntN(64, whole) === whole) return this.#wide(0xd3, 8, (at) => this.#view.setBigInt64(at, whole));
    if (digits.length < 0x100) this.#wide(0xc4, 1, (at) => this.#view.setUint8(at, digits.length));
    else this.#head(digits.length, 0, 0, 0xc5);
    this.#put(TO_UTF8.encode(digits));
  }

  /** @param {number} value */
  #natural(value) {
    if (value < 0x80) this.#byte(value);
    else if (value < 0x100) this.#wide(0xcc, 1, (at) => this.#view.setUint8(at, value));
    else if (value < 0x10000) this.#wide(0xcd, 2, (at) => this.#view.setUint16(at, value));
    else if (value < 0x100000000) this.#wide(0xce, 4, (at) => this.#view.setUint32(at, value));
    else this.#wide(0xcf, 8, (at) => this.#view.setBigUint64(at, BigInt(value)));
  }

  /** @param {number} value */
  #negative(value) {
    if (value >= -0x20) this.#byte(value & 0xff);
    else if (value >= -0x80) this.#wide(0xd0, 1, (at) => this.#view.setInt8(at, value));
    else if (value >= -0x8000) this.#wide(0xd1, 2, (at) => this.#view.setInt16(at, value));
    else if (value >= -0x80000000) this.#wide(0xd2, 4, (at) => this.#view.setInt32(at, value));
    else this.#wide(0xd3, 8, (at) => this.#view.setBigInt64(at, BigInt(value)));
  }

  /** @param {string} text */
  #text(text) {
    const utf8 = TO_UTF8.encode(text);
    if (utf8.length >= 0x20 && utf8.length < 0x100) this.#wide(0xd9, 1, (at) => this.#view.setUint8(at, utf8.length));
    else this.#head(utf8.length, 0xa0, 0x20, 0xda);
    this.#put(utf8);
  }

  /** @param {any[]} list */
  #list(list) {
    this.#head(list.length, 0x90, 0x10, 0xdc);
    for (const item of list) this.#value(item);
  }

  /** Members without a value are left out. @param {Record<string, any>} map */
  #map(map) {
    const members = Object.entries(map).filter(([, value]) => value !== undefined && typeof value !== 'function');
    this.#head(members.length, 0x80, 0x10, 0xde);
    for (const [name, value] of members) {
      this.#text(name);
      this.#value(value);
    }
  }

  /**
   * @param {number} length
   * @param {number} short the head of short ones, with the length in it
   * @param {number} below which lengths are short
   * @param {number} long the head of those with 16 bits of length; the next has 32
   */
  #head(length, short, below, long) {
    if (length < below) this.#byte(short | length);
    else if (length < 0x10000) this.#wide(long, 2, (at) => this.#view.setUint16(at, length));
    else this.#wide(long + 1, 4, (at) => this.#view.setUint32(at, length));
  }

  /** @param {Uint8Array} bytes */
  #put(bytes) {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** @param {number} byte */
  #byte(byte) {
    this.#room(1);
    this.#bytes[this.#at] = byte;
    this.#at += 1;
  }

  /**
   * @param {number} head
   * @param {number} width
   * @param {(at: number) => void} write
   */
  #wide(head, width, write) {
    this.#byte(head);
    this.#room(width);
    write(this.#at);
    this.#at += width;
  }

  /** @param {number} count */
  #room(count) {
    if (this.#at + count <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#at + count));
    larger.set(this.#bytes);
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}

/** Reads one message; what ends early or holds what the protocol does not have is an error. */
class Reader {
  #bytes;
  #view;
  #at = 0;
  #depth = 0;
  /** Whether there are bytes that are not a piece of a message. */
  hasBytes = false;

  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  message() {
    const message = this.#value('');
    if (this.#at !== this.#bytes.length) throw new RangeError('more than one message');
    return message;
  }

  /** @param {string} name of the member that it is @returns {any} */
  #value(name) {
    const head = this.#view.getUint8(this.#skip(1));
    if (head < 0x80) return head;
    if (head >= 0xe0) return head - 0x100;
    if (head < 0x90) return this.#map(head & 0x0f);
    if (head < 0xa0) return this.#list(head & 0x0f);
    if (head < 0xc0) return this.#text(head & 0x1f);
    return this.#wide(head, name);
  }

  /**
   * @param {number} head
   * @param {string} name
   */
  #wide(head, name) {
    if (head >= 0xca && head <= 0xd3) return this.#number(head);
    if (head >= 0xc4 && head <= 0xc6) return this.#binary(this.#length(head - 0xc4), name);
    if (head >= 0xd9 && head <= 0xdb) return this.#text(this.#length(head - 0xd9));
    if (head === 0xdc || head === 0xdd) return this.#list(this.#length(head - 0xdb));
    if (head === 0xde || head === 0xdf) return this.#map(this.#length(head - 0xdd));
    if (head === 0xc2 || head === 0xc3) return head === 0xc3;
    if (head === 0xc0) return null;
    throw new RangeError(`no value begins with ${head}`);
  }

  /** @param {number} head */
  #number(head) {
    const view = this.#view;
    if (head === 0xca) return view.getFloat32(this.#skip(4));
    if (head === 0xcb) return view.getFloat64(this.#skip(8));
    if (head === 0xcf) return numberOf(String(view.getBigUint64(this.#skip(8))));
    if (head === 0xd3) return numberOf(String(view.getBigInt64(this.#skip(8))));
    if (head < 0xcf) return this.#length(head - 0xcc);
    if (head === 0xd0) return view.getInt8(this.#skip(1));
    return head === 0xd1 ? view.getInt16(this.#skip(2)) : view.getInt32(this.#skip(4));
  }

  /** @param {number} width 0, 1 or 2 for 8, 16 or 32 bits */
  #length(width) {
    if (width === 0) return this.#view.getUint8(this.#skip(1));
    return width === 1 ? this.#view.getUint16(this.#skip(2)) : this.#view.getUint32(this.#skip(4));
  }

  /** @param {number} length */
  #text(length) {
    return FROM_UTF8.decode(this.#take(length));
  }

  /**
   * @param {number} length
   * @param {string} name
   */
  #binary(length, name) {
    const bytes = this.#take(length);
    this.hasBytes ||= this.#depth !== 1 || name !== PIECE;
    return bytes;
  }

  /** @param {number} length */
  #list(length) {
    this.#depth += 1;
    const list = [];
    for (let at = 0; at < length; at += 1) list.push(this.#value(''));
    this.#depth -= 1;
    return list;
  }

  /** @param {number} length */
  #map(length) {
    this.#depth += 1;
    /** @type {[string, any][]} */
    const members = [];
    for (let at = 0; at < length; at += 1) {
      const name = this.#value('');
      if (typeof name !== 'string') throw new RangeError('a name is text');
      members.push([name, this.#value(name)]);
    }
    this.#depth -= 1;
    return Object.fromEntries(members);
  }

  /** @param {number} length */
  #take(length) {
    const at = this.#skip(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** @param {number} count @returns {number} where it stood before */
  #skip(count) {
    const at = this.#at;
    if (at + count > this.#bytes.length) throw new RangeError('the message ends within a value');
    this.#at = at + count;
    return at;
  }
}
