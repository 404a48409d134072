/**
 * Keeps the page's own files, so that it opens without a network: what was typed is there again, and what
 * was changed is sent later. A file whose address names its version never changes, so the network is not
 * asked; of all others the hub's count.
 *
 * @module
 */

const CACHE = 'rowcast';
const VERSIONED = '/v/';
/** How long the network may take when there is a kept file, milliseconds. */
const PATIENCE_MS = 6_000;

/** @type {any} */
const worker = self;

worker.addEventListener('install', () => worker.skipWaiting());
worker.addEventListener('activate', (/** @type {any} */ event) => event.waitUntil(worker.clients.claim()));
worker.addEventListener('fetch', (/** @type {any} */ event) => {
  const { method, url } = event.request;
  const { origin, pathname } = new URL(url);
  const ours = method === 'GET' && origin === location.origin && !/^\/(api\/|(socket|metrics|healthz|readyz)$)/.test(pathname);
  if (ours) event.respondWith(answer(event));
});

/** @param {any} event @returns {Promise<Response>} */
async function answer(event) {
  const { request } = event;
  const cache = await caches.open(CACHE);
  const kept = await cache.match(request, { ignoreSearch: true });
  if (kept && new URL(request.url).pathname.startsWith(VERSIONED)) return kept;
  const fetched = fetch(request).then((response) => {
    if (response.ok) event.waitUntil(cache.put(request, response.clone()));
    return response;
  });
  if (!kept) return fetched;
  fetched.catch(() => {});
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS, kept));
  return Promise.race([fetched.catch(() => kept), late]);
}
