/**
 * What a browser knows of the network and of the page: when to look whether the hub still answers.
 *
 * @module
 */

/**
 * Watches for the network coming back and the page being looked at again. Does nothing where there
 * is no page.
 *
 * @param {() => void} changed
 * @returns {() => void} stops it
 */
export function watchNetwork(changed) {
  const page = globalThis.document;
  if (page === undefined || typeof globalThis.addEventListener !== 'function') return () => {};
  const seen = () => page.visibilityState === 'visible' && changed();
  globalThis.addEventListener('online', changed);
  globalThis.addEventListener('offline', changed);
  page.addEventListener('visibilitychange', seen);
  return () => {
    globalThis.removeEventListener('online', changed);
    globalThis.removeEventListener('offline', changed);
    page.removeEventListener('visibilitychange', seen);
  };
}
