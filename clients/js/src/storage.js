/**
 * Where edits and rows are kept: in the browser's database, or in memory.
 *
 * @module
 */

import { pageMemory } from './memory.js';

/** @typedef {import('./keeper.js').EditStorage} EditStorage */
/** @typedef {import('./keeper.js').StoredEdit} StoredEdit */

const DATABASE = 'rowcast';
const EDITS = 'edits';
const ROWS = 'rows';
/** Rows that nobody looked at for so long go, milliseconds. */
const ROWS_KEPT_MS = 30 * 86_400_000;

/**
 * IndexedDB. It is opened at the first use.
 *
 * @param {IDBFactory} [factory]
 * @returns {EditStorage}
 */
export function indexedDbStorage(factory = globalThis.indexedDB) {
  /** @type {Promise<IDBDatabase> | null} */
  let opening = null;
  const open = () => {
    opening ??= openDatabase(factory, () => void (opening = null));
    return opening;
  };
  return {
    async load(scope) {
      const store = (await open()).transaction(EDITS).objectStore(EDITS);
      const found = await answer(store.getAll(IDBKeyRange.bound([scope], [scope, []])));
      return found.map(({ scope: _, ...edit }) => edit);
    },
    put: async (scope, edits) => {
      marker(scope).set('kept');
      await write(await open(), EDITS, (store) => edits.forEach((edit) => store.put({ ...edit, scope })));
    },
    drop: async (scope, ids) => {
      await write(await open(), EDITS, (store) => ids.forEach((id) => store.delete([scope, id])));
    },
    any: (scope) => marker(scope).get() !== null,
    rows: {
      load: async (scope, channel) => {
        const database = await open();
        return answer(database.transaction(ROWS).objectStore(ROWS).get([scope, channel]));
      },
      put: async (scope, channel, rows) => {
        marker(scope).set('kept');
        await write(await open(), ROWS, (store) => store.put({ ...rows, scope, channel, at: Date.now() }));
      },
      drop: async (scope, channel) => {
        const range = channel === undefined ? IDBKeyRange.bound([scope], [scope, []]) : [scope, channel];
        await write(await open(), ROWS, (store) => store.delete(range));
      },
    },
  };
}

/**
 * For programs without a browser that want to hand edits from one client to the next, and for tests.
 *
 * @returns {EditStorage}
 */
export function memoryStorage() {
  /** @type {Map<string, Map<string, StoredEdit>>} */
  const scopes = new Map();
  const of = (/** @type {string} */ scope) => {
    const edits = scopes.get(scope) ?? new Map();
    scopes.set(scope, edits);
    return edits;
  };
  /** @type {Map<string, Map<string, import('./shelf.js').KeptRows>>} */
  const shelves = new Map();
  return {
    rows: {
      load: async (scope, channel) => structuredClone(shelves.get(scope)?.get(channel)),
      put: async (scope, channel, rows) => {
        shelves.set(scope, new Map(shelves.get(scope)).set(channel, structuredClone(rows)));
      },
      drop: async (scope, channel) => void (channel === undefined ? shelves.delete(scope) : shelves.get(scope)?.delete(channel)),
    },
    load: async (scope) => structuredClone([...of(scope).values()]),
    put: async (scope, edits) => edits.forEach((edit) => of(scope).set(edit.id, structuredClone(edit))),
    drop: async (scope, ids) => ids.forEach((id) => of(scope).delete(id)),
  };
}

/**
 * @param {IDBFactory} factory
 * @param {() => void} closed it must be opened again
 * @returns {Promise<IDBDatabase>}
 */
async function openDatabase(factory, closed) {
  try {
    const request = factory.open(DATABASE, 2);
    request.onupgradeneeded = ({ oldVersion }) => {
      if (oldVersion < 1) request.result.createObjectStore(EDITS, { keyPath: ['scope', 'id'] });
      request.result.createObjectStore(ROWS, { keyPath: ['scope', 'channel'] }).createIndex('at', 'at');
    };
    const database = await answer(request);
    database.onversionchange = () => {
      closed();
      database.close();
    };
    database.onclose = closed;
    dropOld(database);
    return database;
  } catch (error) {
    closed();
    throw error;
  }
}

/**
 * @template T
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>}
 */
function answer(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** Says at once whether anything was ever kept: the first visit does not wait for the database. @param {string} scope */
const marker = (scope) => pageMemory(`rowcast kept ${scope}`);

/** @param {IDBDatabase} database */
function dropOld(database) {
  const store = database.transaction(ROWS, 'readwrite').objectStore(ROWS);
  const request = store.index('at').openKeyCursor(IDBKeyRange.upperBound(Date.now() - ROWS_KEPT_MS));
  request.onsuccess = () => {
    const cursor = request.result;
    if (cursor === null) return;
    store.delete(cursor.primaryKey);
    cursor.continue();
  };
}

/**
 * @param {IDBDatabase} database
 * @param {string} name of the store
 * @param {(store: IDBObjectStore) => void} act
 * @returns {Promise<void>} resolved once it is written
 */
function write(database, name, act) {
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(name, 'readwrite');
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error ?? new Error('the storage refused'));
    transaction.onerror = () => {};
    act(transaction.objectStore(name));
    // At once, so that it is written even if the page goes now.
    transaction.commit();
  });
}
