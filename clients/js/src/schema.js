/**
 * What the hub told about its live tables.
 *
 * @module
 */

/** @typedef {import('./types.js').TableSchema} TableSchema */

/** The key of a table that is not in the schema. */
const USUAL_KEY = ['id'];

export class SchemaBook {
  #memory;
  /** @type {string | undefined} */
  hash;
  /** @type {Map<string, TableSchema>} */
  #tables = new Map();

  /**
   * @param {import('./session.js').SessionMemory} [memory] where the schema is remembered, so that rows
   *   can be added before there is a connection
   */
  constructor(memory) {
    this.#memory = memory;
    const known = remembered(memory);
    if (known) this.#take(known);
  }

  /** @param {import('./types.js').Schema} schema from `welcome`; without tables if the hash is known */
  learn(schema) {
    if (schema.tables) this.#memory?.set(JSON.stringify(schema));
    this.#take(schema);
  }

  /** All of it; null before anything is known. @returns {import('./types.js').Schema | null} */
  get whole() {
    return this.hash === undefined ? null : { hash: this.hash, tables: [...this.#tables.values()] };
  }

  /** @param {import('./types.js').Schema} schema */
  #take(schema) {
    this.hash = schema.hash;
    if (schema.tables) this.#tables = new Map(schema.tables.map((table) => [table.name, table]));
  }

  /** Whether anything is known yet. */
  get known() {
    return this.hash !== undefined;
  }

  /**
   * @param {string} name
   * @returns {TableSchema | undefined}
   */
  table(name) {
    return this.#tables.get(name);
  }

  /**
   * @param {string} table
   * @returns {string[]} `id` for a table that is not in the schema
   */
  keyColumns(table) {
    return this.table(table)?.key ?? USUAL_KEY;
  }

  /**
   * The type of a column, `other` if unknown.
   *
   * @param {string} table
   * @param {string} column
   */
  columnType(table, column) {
    return this.#column(table, column)?.type ?? 'other';
  }

  /**
   * The type of a column's values: of a list, that of its items.
   *
   * @param {string} table
   * @param {string} column
   */
  valueType(table, column) {
    return this.#column(table, column)?.items ?? this.columnType(table, column);
  }

  /**
   * Whether the hub alone fills a column.
   *
   * @param {string} table
   * @param {string} column
   */
  isReadonly(table, column) {
    return this.#column(table, column)?.readonly === true;
  }

  /**
   * @param {string} table
   * @param {string} column
   */
  #column(table, column) {
    return this.table(table)?.columns.find(({ name }) => name === column);
  }

  /**
   * The column that holds the channel's id, with that id.
   *
   * @param {string} table
   * @param {string} channel
   * @returns {import('./types.js').Fields}
   */
  channelField(table, channel) {
    const column = /\{(.+)\}/.exec(this.table(table)?.channel ?? '')?.[1];
    return column === undefined ? {} : { [column]: channel.slice(channel.indexOf(':') + 1) };
  }
}

/**
 * @param {import('./session.js').SessionMemory | undefined} memory
 * @returns {import('./types.js').Schema | null}
 */
function remembered(memory) {
  try {
    const schema = JSON.parse(memory?.get() ?? 'null');
    return typeof schema?.hash === 'string' && Array.isArray(schema.tables) ? schema : null;
  } catch {
    return null;
  }
}
