/**
 * A small memory that survives a reload, as far as the platform has one.
 *
 * @module
 */

/**
 * The browser's own; where it is missing or forbidden, for as long as the program runs.
 *
 * @param {string} name
 * @returns {import('./session.js').SessionMemory}
 */
export function pageMemory(name) {
  /** @type {string | null} */
  let here = null;
  return {
    get: () => tried((storage) => storage.getItem(name)) ?? here,
    set: (text) => {
      here = text;
      tried((storage) => (text === null ? storage.removeItem(name) : storage.setItem(name, text)));
    },
  };
}

/**
 * @template T
 * @param {(storage: Storage) => T} act
 * @returns {T | undefined}
 */
function tried(act) {
  try {
    return globalThis.document === undefined ? undefined : act(globalThis.localStorage);
  } catch {
    return undefined;
  }
}
