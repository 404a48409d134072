import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { json } from '../src/codec.js';
import { msgpack } from '../src/msgpack.js';
import { PartCollector } from '../src/parts.js';

const FIXTURES = new URL('../../../protocol/fixtures/', import.meta.url);

/** Every message of the protocol in both encodings. */
function* fixtures() {
  for (const kind of ['request', 'reply', 'news']) {
    for (const file of readdirSync(new URL(`${kind}/`, FIXTURES))) {
      if (!file.endsWith('.json')) continue;
      const text = readFileSync(new URL(`${kind}/${file}`, FIXTURES), 'utf8').trim();
      const hex = readFileSync(new URL(`${kind}/${file.replace('.json', '.msgpack.hex')}`, FIXTURES), 'utf8').trim();
      yield { name: `${kind}/${file}`, kind, text, bytes: Uint8Array.from(Buffer.from(hex, 'hex')) };
    }
  }
}

test('every fixture means the same in both encodings', () => {
  let count = 0;
  for (const { name, text, bytes } of fixtures()) {
    const [one, other] = [json.decode(text), msgpack.decode(bytes)];
    if (one.type !== 'part') assert.deepEqual(other, one, name);
    count += 1;
  }
  assert(count > 40, `${count} fixtures`);
});

test('what a client says is written as the hub would write it, byte for byte', () => {
  for (const { name, kind, text, bytes } of fixtures()) {
    const message = json.decode(text);
    if (message.type === 'part') continue;
    const written = msgpack.encode(message);
    assert.deepEqual(msgpack.decode(written), message, name);
    // JavaScript cannot tell 1.0 from 1.
    const same = kind === 'request' && !/\d\.0\b/.test(text);
    if (same) assert.equal(Buffer.from(written).toString('hex'), Buffer.from(bytes).toString('hex'), name);
  }
});

test('parts are put together from their bytes', () => {
  const parts = [...fixtures()].filter(({ name }) => name.startsWith('news/part')).map(({ bytes }) => msgpack.decode(bytes));
  const collector = new PartCollector(msgpack.join);
  const [last] = parts.map((part) => collector.add(part)).slice(-1);
  assert.equal(typeof msgpack.decode(last)?.type, 'string');
});

test('numbers of every size, and what JSON would make of other things', () => {
  const numbers = [0, 1, 127, 128, 255, 256, 65535, 65536, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER, -1, -32, -33, -128, -129, -32768, -32769, -(2 ** 31), -(2 ** 31) - 1, Number.MIN_SAFE_INTEGER, 0.5, -1e300, 1e21];
  const texts = ['', 'x'.repeat(31), 'x'.repeat(32), 'ä'.repeat(200), '😀'.repeat(20_000), '\u0000'];
  const message = { type: 'x', numbers, texts, list: Array(70_000).fill(null), map: Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`k${n}`, n])) };
  assert.deepEqual(msgpack.decode(msgpack.encode(message)), message);
  const odd = { type: 'x', nan: NaN, none: undefined, at: new Date(0), zero: -0, call: () => {}, in: [undefined, Infinity] };
  assert.deepEqual(msgpack.decode(msgpack.encode(odd)), JSON.parse(JSON.stringify(odd)));
});

test('what is no message is none', () => {
  const whole = /** @type {Uint8Array} */ (msgpack.encode({ type: 'pong', ref: 1, time: 'x' }));
  for (let length = 0; length < whole.length; length += 1) assert.equal(msgpack.decode(whole.slice(0, length)), undefined);
  assert.equal(msgpack.decode(Uint8Array.of(...whole, 0)), undefined, 'something after it');
  assert.equal(msgpack.decode(Uint8Array.of(0xc1)), undefined, 'a byte that means nothing');
  assert.equal(msgpack.decode(Uint8Array.of(0xc7, 0, 0)), undefined, 'an extension');
  assert.equal(msgpack.decode(Uint8Array.of(0x81, 0x01, 0x02)), undefined, 'a name that is no text');
  assert.equal(msgpack.decode('text'), undefined);
});
