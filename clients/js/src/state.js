/**
 * How a client is, as one object that is the same until something changes.
 *
 * @module
 */

/**
 * How everything is, to show it to people. The same object until something changes.
 *
 * @typedef {object} ClientState
 * @property {import('./types.js').ConnectionStatus['state']} name
 * @property {number} unsent edits that are not known to be durable
 * @property {import('./keeper.js').StorageState} storage whether they survive a reload
 * @property {Error | null} storageError why they do not, if they should
 * @property {string[]} parts what works less well, when degraded
 * @property {import('./errors.js').RowcastError | null} reason why it is offline or closed, or why edits wait although it is not
 * @property {number | null} retryInMs how long it waits before it connects again, when offline
 */

/**
 * @param {ClientState} a
 * @param {ClientState} b
 */
export function sameState(a, b) {
  const { parts, ...rest } = a;
  const same = /** @type {(keyof typeof rest)[]} */ (Object.keys(rest)).every((name) => a[name] === b[name]);
  return same && parts.join() === b.parts.join();
}
