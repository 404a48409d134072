/** What the live queries of the JavaScript client make of rows that came in a frame: the ids, as JSON. */

import { json } from '../../../clients/js/src/codec.js';
import { msgpack } from '../../../clients/js/src/msgpack.js';
import { testOf } from '../../../clients/js/src/filter.js';
import { wantedOrder } from '../../../clients/js/src/order.js';

let text = '';
for await (const piece of process.stdin) text += piece;
const { codec, frame, types } = JSON.parse(text);
const bytes = Uint8Array.from(frame);
const { rows } = codec === 'json' ? json.decode(new TextDecoder().decode(bytes)) : msgpack.decode(bytes);
const typeOf = (field) => types[field] ?? 'int';
const ids = (list) => list.map(({ id }) => id);

const answers = Object.keys(types).map((column) => {
  const present = rows.filter((row) => row[column] !== null);
  const sorted = (sort) => ids([...present].sort(wantedOrder(sort, ['id'], typeOf)));
  const found = present.map((row) => {
    const tests = ['eq', 'ne', 'lt', 'lte', 'gt', 'gte'].map((test) => [test, ids(present.filter(testOf({ [column]: { [test]: row[column] } }, typeOf)))]);
    return [row.id, Object.fromEntries(tests)];
  });
  return [column, { up: sorted(column), down: sorted(`-${column}`), found: Object.fromEntries(found) }];
});
process.stdout.write(JSON.stringify(Object.fromEntries(answers)));
