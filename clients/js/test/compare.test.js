/** Live queries compare as the hub's filters do: both run the same cases, protocol/fixtures/comparisons.json. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Misuse } from '../src/index.js';
import { testOf } from '../src/filter.js';
import { wantedOrder } from '../src/order.js';
import { aHub, aPerson, APOLLO, inserted } from './helper.js';

/** @type {{ cases: { type: string, value: any, op: string, operand: any, holds: boolean }[], orders: { type: string, ascending: any[][] }[] }} */
const { cases, orders } = JSON.parse(readFileSync(new URL('../../../protocol/fixtures/comparisons.json', import.meta.url), 'utf8'));

/** A long text says as much with its beginning. @param {unknown} value */
const short = (value) => JSON.stringify(value).slice(0, 60);

test('filters compare by the type of the column', () => {
  const wrong = cases.filter(({ type, value, op, operand, holds }) => testOf({ field: { [op]: operand } }, () => type)({ field: value }) !== holds);
  assert.deepEqual(wrong.map(({ type, value, op, operand, holds }) => `${type} ${short(value)} ${op} ${short(operand)} is ${!holds}`), []);
  assert(cases.length > 150);
});

for (const { type, ascending } of orders) {
  test(`values of type ${type} stand in their order, equal ones by the key, null last either way`, () => {
    const rows = ascending.flatMap((equal, group) => equal.map((field) => ({ id: '', group, field })));
    for (const [at, row] of rows.entries()) row.id = String((at * 7) % rows.length).padStart(3, '0');
    const expected = (/** @type {typeof rows} */ list) => [...list].sort((a, b) => a.group - b.group || (a.id < b.id ? -1 : 1));
    const typeOf = (/** @type {string} */ field) => (field === 'field' ? type : 'text');
    const mixed = [...rows].sort((a, b) => (a.id < b.id ? -1 : 1));
    assert.deepEqual([...mixed].sort(wantedOrder('field', ['id'], typeOf)), expected(rows));
    const down = [...mixed].sort(wantedOrder('-field', ['id'], typeOf));
    const last = rows.filter(({ field }) => field === null);
    const turned = [...new Set(rows.filter(({ field }) => field !== null).map(({ group }) => group))].reverse();
    assert.deepEqual(down, [...turned.flatMap((group) => expected(rows.filter((row) => row.group === group))), ...last]);
  });
}

test('a date of JavaScript and offsets find the row, and keys of numbers tie by value', async (t) => {
  const hub = await aHub(t);
  hub.outside(APOLLO, [inserted('a', { seen_at: '2026-12-01T09:00:00.000000Z' }), inserted('b', { seen_at: '2026-12-01T09:00:00.000001Z' })]);
  const { tasks } = await aPerson(t, hub, 'ada');
  const at = new Date('2026-12-01T09:00:00Z');
  const ids = (/** @type {any} */ where) => tasks.query({ where }).rows().map(({ id }) => id);
  assert.deepEqual(ids({ seen_at: at.toISOString() }), ['a']);
  assert.deepEqual(ids({ seen_at: at }), ['a']);
  assert.deepEqual(ids({ seen_at: { gt: at } }), ['b']);
  assert.deepEqual(ids({ seen_at: { lte: '2026-12-01T10:00:00+01:00' } }), ['a']);
  const guarded = tasks.update('a', { title: 'guarded' }, { if: { seen_at: '2026-12-01T10:00:00+01:00' } });
  assert.equal(tasks.get('a')?.title, 'guarded', 'guards compare in the same way');
  await guarded.ack.catch(() => {});
  const byNumber = wantedOrder([], ['n'], () => 'int');
  assert.deepEqual([{ n: '9007199254740993' }, { n: 10 }, { n: 9 }].sort(byNumber), [{ n: 9 }, { n: 10 }, { n: '9007199254740993' }]);
});

test('what does not fit a column’s type comes after what does, in any order of arrival', () => {
  /** @type {[string, any[]][]} */
  const sorted = [
    ['bool', [false, true, '', 'a lot']],
    ['int', [-1, 0, 2, '9007199254740993', '', '0x10', '12 apples']],
    ['float', ['-Infinity', -1, 0.5, 'Infinity', '', '0x1', 'constructor', 'NaN']],
    ['decimal', ['-1.5', '0', '9', '100', '', '12 apples']],
  ];
  for (const [type, values] of sorted) {
    const rows = values.map((n) => ({ n }));
    const order = wantedOrder([], ['n'], () => type);
    for (let turn = 0; turn < rows.length; turn++) {
      const turned = [...rows.slice(turn), ...rows.slice(0, turn)].reverse();
      assert.deepEqual(turned.sort(order), rows, type);
    }
  }
});

test('a filter with undefined is refused, with the field’s name', async (t) => {
  const { tasks } = await aPerson(t, await aHub(t), 'ada');
  const wrong = [{ votes: undefined }, { votes: { gt: undefined } }, [{ status: 'todo' }, { votes: undefined }], { votes: { in: undefined } }, { votes: { in: [1, undefined] } }];
  for (const where of /** @type {any[]} */ (wrong)) assert.throws(() => tasks.query({ where }), /votes/, JSON.stringify(where));
  const query = tasks.query({ where: { votes: 1 } });
  assert.throws(() => query.set({ where: /** @type {any} */ ({ votes: undefined }) }), Misuse);
  assert.throws(() => tasks.query({ where: { labels: { gt: 1 } } }).rows(), Misuse);
  assert.throws(() => tasks.query({ where: { votes: /** @type {any} */ ({ in: 5 }) } }), Misuse);
});
