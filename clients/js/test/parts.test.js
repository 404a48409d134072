/** The small things, each alone. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { arranged } from '../src/arrange.js';
import { ownOrder } from '../src/order.js';
import { SortedRows } from '../src/sorted.js';
import { compareBytes, keyOf, keyText } from '../src/key.js';
import { foldEdits } from '../src/overlay.js';
import { PartCollector } from '../src/parts.js';
import { Rows } from '../src/rows.js';
import { SchemaBook } from '../src/schema.js';
import { Tokens } from '../src/tokens.js';
import { uuidv7 } from '../src/uuid.js';
import { added, sameValue, withItems, withoutItems } from '../src/values.js';
import { TABLES } from './fake-hub.js';
import './helper.js';

test('ids sort in the order in which they were made, whatever the clock does', () => {
  const times = [5_000, 5_000, 4_000, 5_001, 5_001];
  const ids = [...times.map((now) => uuidv7(now)), ...Array.from({ length: 9_000 }, () => uuidv7(5_001))];
  assert.deepEqual([...ids].sort(), ids);
  assert.equal(new Set(ids).size, ids.length);
  assert(ids.every((id) => /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id)));
});

test('texts compare by their bytes', () => {
  const texts = ['', 'A', 'Z', 'a', 'a0', 'b', 'é', '\u{ffee}', '\u{10000}', '\u{1f600}'];
  const byBytes = [...texts].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  assert.deepEqual([...texts].reverse().sort(compareBytes), byBytes);
});

test('keys are one value or several', () => {
  assert.equal(keyText(keyOf({ id: 7, x: 1 }, ['id'])), '7');
  assert.equal(keyText(keyOf({ a: 'p', b: 2 }, ['a', 'b'])), '["p",2]');
});

test('numbers are added exactly', () => {
  assert.equal(added('int', null, 2), 2);
  assert.equal(added('int', 9007199254740991, 2), '9007199254740993');
  assert.equal(added('int', '9007199254740993', -2), 9007199254740991);
  assert.equal(added('decimal', '0.10', '0.2'), '0.30');
  assert.equal(added('decimal', '-0.05', '0.1'), '0.05');
  assert.equal(added('decimal', '1.5', -2), '-0.5');
  assert.equal(added('decimal', null, 3), '3');
  assert.equal(added('float', 0.25, 0.5), 0.75);
});

test('values are the same by content', () => {
  assert(sameValue({ a: [1, null], b: 'x' }, { b: 'x', a: [1, null] }));
  assert(!sameValue({ a: 1 }, { a: 1, b: undefined }));
  assert(!sameValue([1], { 0: 1 }));
  assert(!sameValue(null, {}));
  assert.deepEqual(withItems(null, [{ a: 1 }, { a: 1 }]), [{ a: 1 }]);
  assert.deepEqual(withoutItems(['x', { a: 1 }], [{ a: 1 }]), ['x']);
});

test('parts make a whole only in order', () => {
  const parts = new PartCollector((pieces) => pieces.join(''));
  const piece = (/** @type {number} */ part, /** @type {string} */ data) => parts.add({ type: 'part', part, of: 2, data });
  assert.deepEqual([piece(1, '{"a"'), piece(2, ':1}')], [null, '{"a":1}']);
  assert.equal(piece(2, ':1}'), undefined);
  assert.deepEqual([piece(1, 'x'), piece(1, '{"b"'), piece(2, ':2}')], [null, null, '{"b":2}']);
});

/** @param {any[]} rows @param {any} table @param {any[]} placings */
function inOrder(rows, table, placings) {
  return arranged(new SortedRows(ownOrder(table, () => 'text'), rows).list, table, placings);
}

test('rows stand by the order column, those without a place last, ties by key', () => {
  const rows = [['d', null], ['a', null], ['c', 'a1'], ['b', 'a1'], ['e', 'Z9']].map(([id, position]) => ({ id, position }));
  const ids = (/** @type {any[]} */ placings) => inOrder(rows, { key: ['id'], order: 'position' }, placings).map((row) => row.id).join('');
  assert.equal(ids([]), 'ebcad');
  assert.equal(ids([{ key: 'd', place: 'last' }]), 'ebcda');
  assert.equal(ids([{ key: 'd', place: 'last' }, { key: 'a', place: 'last' }]), 'ebcda');
  assert.equal(ids([{ key: 'c', place: 'first' }, { key: 'a', place: { after: 'c' } }]), 'caebd');
  assert.equal(ids([{ key: 'e', place: { before: 'zz' } }, { key: 'zz', place: 'first' }]), 'ebcad');
  assert.equal(inOrder(rows, { key: ['id'] }, [{ key: 'd', place: 'first' }]).map((row) => row.id).join(''), 'abcde');
});

test('an edit of which one operation does not fit shows nothing of itself', () => {
  const schema = new SchemaBook();
  schema.learn({ hash: 'h', tables: TABLES });
  const rows = new Rows();
  rows.load('tasks', [{ id: 'a', title: 't' }], schema);
  const fold = (/** @type {any[][]} */ edits) => foldEdits(rows, edits, { schema, channel: 'project:apollo', made: new WeakMap() });
  const half = [{ op: 'delete', table: 'tasks', key: 'a' }, { op: 'update', table: 'tasks', key: 'none', set: {} }];
  assert.equal(fold([half]).get('tasks', 'a')?.title, 't');
  assert.equal(fold([[{ op: 'move', table: 'tasks', key: 'a', to: 'project:x' }]]).get('tasks', 'a'), null);
  const keyless = fold([[{ op: 'insert', table: 'tasks', row: { title: 'no key' } }]]);
  assert.deepEqual([...keyless.keys()], []);
  const own = fold([[{ op: 'insert', table: 'tasks', row: { id: 'n' } }, { op: 'update', table: 'tasks', key: 'n', inc: { votes: 2 } }]]);
  assert.deepEqual({ ...own.get('tasks', 'n') }, { id: 'n', project_id: 'apollo', title: null, status: null, votes: 2, weight: null, seen_at: null, due: null, photo: null, labels: null, position: null });
});

test('a token source is asked once by many at a time, and its refused token is not used again', async () => {
  let asked = 0;
  const tokens = new Tokens(async () => `t${Math.min((asked += 1), 2)}`);
  assert.deepEqual(await Promise.all([tokens.get(), tokens.fresh(), tokens.get()]), ['t1', 't1', 't1']);
  assert.equal(await tokens.get(), 't1');
  tokens.goodFor(-1);
  assert.equal(await tokens.get(), 't2');
  tokens.refuse();
  await assert.rejects(tokens.get(), { code: 'no_token' });
  await assert.rejects(new Tokens('').get(), { code: 'no_token' });
});
