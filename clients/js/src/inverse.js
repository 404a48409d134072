/**
 * The edit that takes back what happened to rows, and leaves alone what others have done since: every
 * value is only put back while it still is what the edit made it.
 *
 * @module
 */

import { keyText } from './key.js';
import { rowId } from './trace.js';
import { negative, sameValue } from './values.js';

/** @typedef {import('./types.js').Row} Row */
/** @typedef {import('./types.js').Key} Key */
/** @typedef {import('./types.js').Op} Op */
/** @typedef {import('./types.js').Fields} Fields */
/** @typedef {import('./types.js').Place} Place */
/** @typedef {import('./trace.js').RowTrace} RowTrace */

/**
 * Something that was left as it is, because somebody else has changed it since.
 *
 * @typedef {object} Skipped
 * @property {string} table
 * @property {Key} key
 * @property {string} [field] absent: the whole row
 * @property {'changed' | 'deleted' | 'exists' | 'used'} reason `used`: other rows refer to it now
 */

/**
 * @typedef {object} Surroundings
 * @property {import('./schema.js').SchemaBook} schema
 * @property {string} channel
 * @property {(table: string, key: string) => Row | undefined} get the row as it looks now
 * @property {() => Iterable<[table: string, rows: Iterable<Row>]>} all
 * @property {ReadonlyMap<string, Row | null>} fresh rows that the hub told more newly, by `rowId`
 */

/**
 * @param {Iterable<RowTrace>} traces
 * @param {Surroundings} around
 * @returns {{ ops: Op[], skipped: Skipped[] }}
 */
export function inverse(traces, around) {
  const maker = new Maker(around, [...traces]);
  return { ops: maker.ops(), skipped: maker.skipped };
}

class Maker {
  /** @type {Skipped[]} */
  skipped = [];
  #around;
  #traces;

  /**
   * @param {Surroundings} around
   * @param {RowTrace[]} traces
   */
  constructor(around, traces) {
    this.#around = around;
    this.#traces = traces;
  }

  /** Rows come back before what refers to them, and go after it. @returns {Op[]} */
  ops() {
    const of = (/** @type {RowTrace['kind']} */ kind) => this.#traces.filter((trace) => trace.kind === kind);
    const restored = parentsFirst(of('delete')).map((trace) => this.#restore(trace));
    const reset = of('update').flatMap((trace) => this.#reset(trace));
    const removed = of('insert').reverse().map((trace) => this.#remove(trace));
    return [...restored, ...reset, ...removed].filter((op) => op !== null);
  }

  /** @param {Pick<RowTrace, 'table' | 'key'>} row @returns {Row | null} */
  #current({ table, key }) {
    const fresh = this.#around.fresh.get(rowId(table, key));
    return fresh === undefined ? (this.#around.get(table, keyText(key)) ?? null) : fresh;
  }

  /** Whether the values as they were made are known as the hub writes them. @param {RowTrace} trace */
  #comparable(trace) {
    return trace.sure || this.#around.fresh.has(rowId(trace.table, trace.key));
  }

  /**
   * @param {RowTrace} trace
   * @param {Skipped['reason']} reason
   * @param {string} [field]
   */
  #skip({ table, key }, reason, field) {
    this.skipped.push(field === undefined ? { table, key, reason } : { table, key, field, reason });
    return null;
  }

  /** A deleted row comes back. @param {RowTrace} trace @returns {Op | null} */
  #restore(trace) {
    if (trace.row === null) return null;
    const current = this.#current(trace);
    if (current !== null) return this.#skip(trace, Object.keys(current).length > 0 ? 'exists' : 'changed');
    const { schema, channel } = this.#around;
    const own = schema.channelField(trace.table, channel);
    const order = schema.table(trace.table)?.order;
    const kept = Object.entries(trace.row).filter(([name, value]) => {
      return value !== null && name !== order && !(name in own) && !schema.isReadonly(trace.table, name);
    });
    const place = order === undefined ? undefined : this.#placeOf(trace, order);
    const row = Object.fromEntries(kept);
    return { op: 'insert', table: trace.table, row, ...(place === undefined ? {} : { place }) };
  }

  /** An inserted row goes. @param {RowTrace} trace @returns {Op | null} */
  #remove(trace) {
    const current = this.#current(trace);
    if (current === null) return this.#skip(trace, 'deleted');
    const guard = this.#guardOf(trace);
    if (this.#comparable(trace) && !holds(current, guard)) return this.#skip(trace, 'changed');
    if (this.#isUsed(trace)) return this.#skip(trace, 'used');
    return { op: 'delete', table: trace.table, key: trace.key, if: guard };
  }

  /** What people could have changed of a row. @param {RowTrace} trace @returns {Fields} */
  #guardOf({ table, row, given, sure }) {
    const { schema, channel } = this.#around;
    const order = schema.table(table)?.order;
    const own = schema.channelField(table, channel);
    const apart = new Set([...schema.keyColumns(table), ...Object.keys(own), order]);
    const names = Object.keys(row ?? {}).filter((name) => {
      return !apart.has(name) && !schema.isReadonly(table, name) && (sure || given.has(name));
    });
    return Object.fromEntries(names.map((name) => [name, row?.[name]]));
  }

  /** Whether rows that do not go with it mention its key, as a comment mentions its task. @param {RowTrace} trace */
  #isUsed({ key }) {
    if (typeof key !== 'string') return false;
    const own = new Set(this.#traces.filter(({ kind }) => kind === 'insert').map(({ table, key }) => rowId(table, key)));
    for (const [table, rows] of this.#around.all()) {
      const columns = this.#around.schema.keyColumns(table);
      for (const row of rows) {
        const mentions = Object.entries(row).some(([name, value]) => value === key && !columns.includes(name));
        const id = rowId(table, columns.length === 1 ? row[columns[0] ?? ''] : columns.map((name) => row[name]));
        if (mentions && !own.has(id)) return true;
      }
    }
    return false;
  }

  /** A changed row becomes what it was. @param {RowTrace} trace @returns {Op[]} */
  #reset(trace) {
    const current = this.#current(trace);
    if (current === null) {
      this.#skip(trace, 'deleted');
      return [];
    }
    const { set, guard } = this.#oldFields(trace, current);
    const inc = Object.fromEntries([...trace.inc].map(([name, more]) => [name, negative(more)]));
    const [add, remove] = [items(trace, 'removed'), items(trace, 'added')];
    const place = this.#oldPlace(trace, current, guard);
    // One operation must not name a field twice.
    const hows = [given({ set, inc, add, place, if: guard }), given({ remove })];
    const useful = hows.filter((how) => Object.keys(how).length > 0);
    return useful.map((how) => ({ op: 'update', table: trace.table, key: trace.key, ...how }));
  }

  /**
   * @param {RowTrace} trace
   * @param {Row} current
   */
  #oldFields(trace, current) {
    /** @type {Fields} */
    const set = {};
    /** @type {Fields} */
    const guard = {};
    for (const [name, { was, is }] of trace.fields) {
      // What the server alone sets is left as it is, as the hub's own undo does.
      if (was === undefined || sameValue(was, is) || this.#around.schema.isReadonly(trace.table, name)) continue;
      if (this.#comparable(trace) && !sameValue(current[name], is)) {
        this.#skip(trace, 'changed', name);
        continue;
      }
      set[name] = was;
      guard[name] = is;
    }
    return { set, guard };
  }

  /**
   * @param {RowTrace} trace
   * @param {Row} current
   * @param {Fields} guard gets the order text
   * @returns {Place | undefined}
   */
  #oldPlace(trace, current, guard) {
    const order = this.#around.schema.table(trace.table)?.order;
    if (order === undefined || trace.placed === null) return undefined;
    const { text } = trace.placed;
    if (text !== undefined && current[order] !== text) return void this.#skip(trace, 'changed', order);
    if (text !== undefined) guard[order] = text;
    return this.#placeOf(trace, order);
  }

  /**
   * Beside the neighbours it had, if one of them is still there.
   *
   * @param {RowTrace} trace
   * @param {string} order
   * @returns {Place | undefined}
   */
  #placeOf({ table, placed, row }, order) {
    const { after, before } = placed?.neighbours ?? {};
    const there = (/** @type {Key | undefined} */ key) => key !== undefined && this.#current({ table, key }) !== null;
    if (there(after)) return { after: /** @type {Key} */ (after) };
    if (there(before)) return { before: /** @type {Key} */ (before) };
    if (placed !== null && after === undefined) return 'first';
    return row !== null && row[order] === null ? undefined : 'last';
  }
}

/**
 * Rows in an order in which none mentions a later one.
 *
 * @param {RowTrace[]} traces
 * @returns {RowTrace[]}
 */
function parentsFirst(traces) {
  const left = new Map(traces.map((trace) => [keyText(trace.key), trace]));
  /** @type {RowTrace[]} */
  const sorted = [];
  const visit = (/** @type {RowTrace} */ trace) => {
    if (!left.delete(keyText(trace.key))) return;
    for (const value of Object.values(trace.row ?? {})) {
      const parent = typeof value === 'string' ? left.get(value) : undefined;
      if (parent) visit(parent);
    }
    sorted.push(trace);
  };
  for (const trace of traces) visit(trace);
  return sorted;
}

/**
 * @param {RowTrace} trace
 * @param {'added' | 'removed'} which
 */
function items(trace, which) {
  const lists = [...trace.lists].filter(([, list]) => list[which].length > 0);
  return Object.fromEntries(lists.map(([name, list]) => [name, list[which]]));
}

/**
 * @param {Row} row
 * @param {Fields} fields
 */
function holds(row, fields) {
  return Object.entries(fields).every(([name, value]) => sameValue(row[name], value));
}

/** The members that say something. @param {Record<string, any>} members @returns {Record<string, any>} */
function given(members) {
  const says = (/** @type {any} */ value) => value !== undefined && (typeof value === 'string' || Object.keys(value).length > 0);
  return Object.fromEntries(Object.entries(members).filter(([, value]) => says(value)));
}
