/** One channel of the hub for tests: its log, its rows, the outcomes of edits. */

import { randomBytes } from 'node:crypto';

export class FakeLog {
  epoch = randomBytes(8).toString('hex');
  /** @type {any[]} */
  entries = [];
  /** @type {Map<string, Map<string, any>>} */
  tables = new Map();
  /** @type {Map<string, any>} */
  outcomes = new Map();
  head = 0;

  /** @param {string} channel */
  constructor(channel) {
    this.channel = channel;
  }

  /** @param {string} table @returns {Map<string, any>} */
  rows(table) {
    let rows = this.tables.get(table);
    if (!rows) this.tables.set(table, (rows = new Map()));
    return rows;
  }

  cursor(seq = this.head) {
    return `${this.epoch}.${seq}`;
  }

  /** @param {string | undefined} cursor @returns {{ entries?: any[], reason?: string }} */
  after(cursor) {
    if (cursor === undefined) return { reason: 'no_cursor' };
    const [epoch, text] = cursor.split('.');
    const seq = Number(text);
    if (epoch !== this.epoch) return { reason: 'other_history' };
    if (seq > this.head) return { reason: 'ahead' };
    const entries = this.entries.filter((entry) => entry.seq > seq);
    if (entries.length > 0 && entries[0].seq !== seq + 1) return { reason: 'too_old' };
    return entries.some((entry) => entry.reset) ? { reason: 'reset' } : { entries };
  }

  /** @param {any} what */
  append(what) {
    this.head += 1;
    const entry = { seq: this.head, at: new Date().toISOString(), ...what };
    for (const change of entry.changes ?? []) this.#apply(change);
    this.entries.push(entry);
    return entry;
  }

  /** Another history: everything before is forgotten, the rows stay. */
  newEpoch(head = 0) {
    this.epoch = randomBytes(8).toString('hex');
    this.entries = [];
    this.head = head;
  }

  /** @param {string} table @param {number} from @param {number} count */
  page(table, from, count) {
    return [...this.rows(table).values()].slice(from, from + count);
  }

  /** @param {string} user @param {string} id */
  outcome(user, id) {
    return this.outcomes.get(`${user} ${id}`);
  }

  /** @param {string} user @param {any} edit */
  edit(user, edit) {
    const known = this.outcome(user, edit.id);
    if (known) return known;
    const result = this.#decide(user, edit);
    this.outcomes.set(`${user} ${edit.id}`, result);
    return result;
  }

  /** @param {string} user @param {any} edit */
  #decide(user, edit) {
    const saved = new Map([...this.tables].map(([name, rows]) => [name, new Map(rows)]));
    /** @type {any[]} */
    const changes = [];
    for (const [at, op] of edit.ops.entries()) {
      const change = this.#change(op);
      if (change?.code) {
        this.tables = saved;
        return { error: { ...change, op: at, table: op.table } };
      }
      if (change) changes.push({ ...change, edit: 0 });
      if (change) this.#apply(change);
    }
    if (changes.length === 0) return { seq: this.head };
    this.tables = saved;
    const entry = this.append({ edits: [{ id: edit.id, user }], changes });
    return { seq: entry.seq, entry };
  }

  /** @param {any} op */
  #change(op) {
    if (op.op === 'insert') return this.#insert(op);
    const row = this.rows(op.table).get(String(op.key));
    if (!row) return { code: 'not_found', key: op.key };
    const failed = Object.entries(op.if ?? {}).find(([name, value]) => JSON.stringify(row[name]) !== JSON.stringify(value));
    if (failed) return { code: 'guard_failed', field: failed[0], row };
    if (op.op === 'delete') return { op: 'delete', table: op.table, key: op.key };
    if (op.op === 'move') return { op: 'leave', table: op.table, key: op.key };
    return this.#update(op, row);
  }

  /** @param {any} op */
  #insert(op) {
    if (op.row.title === '') return { code: 'check', field: 'title', constraint: 'tasks_title_check' };
    if (this.rows(op.table).has(op.row.id)) return { code: 'unique', key: op.row.id };
    if (op.row.task_id && !this.rows('tasks').has(op.row.task_id)) return { code: 'foreign_key', field: 'task_id' };
    const project_id = this.channel.slice(this.channel.indexOf(':') + 1);
    const row = op.table === 'tasks' ? { status: 'todo', votes: 0, labels: [], ...op.row, project_id } : { ...op.row, project_id };
    if (op.table === 'tasks') row.position = this.#position(op.place ?? 'last', op.row.id);
    return { op: 'insert', table: op.table, key: op.row.id, row };
  }

  /** @param {any} op @param {any} row */
  #update(op, row) {
    if (op.set?.title === '') return { code: 'check', field: 'title', constraint: 'tasks_title_check' };
    const next = { ...op.set };
    for (const [name, more] of Object.entries(op.inc ?? {})) next[name] = (row[name] ?? 0) + more;
    for (const [name, items] of Object.entries(op.add ?? {})) next[name] = [...new Set([...(row[name] ?? []), ...items])];
    for (const [name, items] of Object.entries(op.remove ?? {})) next[name] = (row[name] ?? []).filter((/** @type {any} */ item) => !items.includes(item));
    if (op.place) next.position = this.#position(op.place, String(op.key));
    const set = Object.fromEntries(Object.entries(next).filter(([name, value]) => JSON.stringify(row[name]) !== JSON.stringify(value)));
    return Object.keys(set).length === 0 ? undefined : { op: 'update', table: op.table, key: op.key, set };
  }

  /** Texts of equal length that sort like the numbers in them. @param {any} place @param {string} id */
  #position(place, id) {
    const others = [...this.rows('tasks').values()].filter((row) => row.id !== id && row.position !== null).sort((a, b) => (a.position < b.position ? -1 : 1));
    const numbers = others.map((row) => Number(row.position));
    const at = place === 'first' ? 0 : place === 'last' ? others.length : this.#anchor(others, place);
    const low = numbers[at - 1] ?? 0;
    const high = numbers[at] ?? low + 2048;
    return String((low + high) / 2).padStart(1).replace(/^\d+/, (whole) => whole.padStart(9, '0'));
  }

  /** @param {any[]} others @param {any} place */
  #anchor(others, place) {
    const at = others.findIndex((row) => row.id === (place.after ?? place.before));
    return place.after ? at + 1 : at;
  }

  /** @param {any} change */
  #apply(change) {
    const rows = this.rows(change.table);
    const key = String(change.key);
    if (change.op === 'insert' || change.op === 'enter') rows.set(key, { ...change.row });
    else if (change.op === 'update') rows.set(key, { ...rows.get(key), ...change.set });
    else rows.delete(key);
  }
}
