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
  // A page that was frozen, or kept for the way back, lives again.
  page.addEventListener('resume', changed);
  globalThis.addEventListener('pageshow', changed);
  return () => {
    globalThis.removeEventListener('online', changed);
    globalThis.removeEventListener('offline', changed);
    page.removeEventListener('visibilitychange', seen);
    page.removeEventListener('resume', changed);
    globalThis.removeEventListener('pageshow', changed);
  };
}
