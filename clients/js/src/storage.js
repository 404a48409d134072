/**
 * Where edits are kept: in the browser's database, or in memory.
 *
 * @module
 */

/** @typedef {import('./keeper.js').EditStorage} EditStorage */
/** @typedef {import('./keeper.js').StoredEdit} StoredEdit */

const DATABASE = 'rowcast';
const EDITS = 'edits';

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
      await write(await open(), (store) => edits.forEach((edit) => store.put({ ...edit, scope })));
    },
    drop: async (scope, ids) => {
      await write(await open(), (store) => ids.forEach((id) => store.delete([scope, id])));
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
  return {
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
    const request = factory.open(DATABASE, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(EDITS, { keyPath: ['scope', 'id'] });
    };
    const database = await answer(request);
    database.onversionchange = () => {
      closed();
      database.close();
    };
    database.onclose = closed;
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

/**
 * @param {IDBDatabase} database
 * @param {(store: IDBObjectStore) => void} act
 * @returns {Promise<void>} resolved once it is written
 */
function write(database, act) {
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(EDITS, 'readwrite');
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error ?? new Error('the storage refused'));
    transaction.onerror = () => {};
    act(transaction.objectStore(EDITS));
  });
}
