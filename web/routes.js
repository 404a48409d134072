/**
 * Where the person is: a route stands in the address's fragment, so that reload, back and a copied
 * address work.
 *
 * @module
 */

/**
 * @typedef {object} Route
 * @property {string} name the screen
 * @property {string} [project]
 * @property {string} [task]
 * @property {URLSearchParams} query
 */

/** One-time codes that arrive in an address: taken out of it at once. */
const CODES = ['code', 'join', 'reset'];
const PLAIN = new Set(['login', 'register', 'forgot', 'join', 'reset', 'account', 'notifications', 'admin']);

/**
 * @param {string} fragment with its `#`
 * @returns {Route}
 */
export function parseRoute(fragment) {
  const [path = '', search = ''] = fragment.replace(/^#\/?/, '').split('?', 2);
  const query = new URLSearchParams(search);
  const [first = '', project = '', part = '', task = ''] = path.split('/').map(decoded);
  if (PLAIN.has(first)) return { name: first, query };
  if (first !== 'p' || project === '') return { name: first === '' ? 'projects' : 'nowhere', query };
  if (part === 'people' || part === 'connect') return { name: part, project, query };
  return part === 't' && task !== '' ? { name: 'board', project, task, query } : { name: 'board', project, query };
}

/** @param {string} part */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The address of a project's board, or of a task on it. @param {string} project @param {string} [task] @param {URLSearchParams} [query] */
export function boardLink(project, task, query) {
  const search = query?.toString() ?? '';
  return `#/p/${encodeURIComponent(project)}${task ? `/t/${encodeURIComponent(task)}` : ''}${search ? `?${search}` : ''}`;
}

/** @param {string} address */
export function go(address) {
  location.hash = address;
}

/** Goes on without a way back to here. @param {string} address */
export function replaceRoute(address) {
  if (location.hash === address) return;
  history.replaceState(null, '', address);
  dispatchEvent(new HashChangeEvent('hashchange'));
}

/**
 * Takes a one-time code out of the address bar, if there is one.
 *
 * @returns {{ kind: string, code: string } | null}
 */
export function takeCode() {
  const given = new URLSearchParams(location.hash.slice(1));
  const kind = CODES.find((name) => given.get(name));
  if (kind === undefined) return null;
  const code = given.get(kind) ?? '';
  if (kind !== 'code') keepCode(kind, code);
  history.replaceState(null, '', kind === 'code' ? '#/' : `#/${kind}`);
  return { kind, code };
}

/** Kept for this tab, so that a reload does not lose it. @param {string} kind @param {string | null} code */
export function keepCode(kind, code) {
  if (code === null) sessionStorage.removeItem(`rowcast.${kind}`);
  else sessionStorage.setItem(`rowcast.${kind}`, code);
}

/** @param {string} kind */
export function keptCode(kind) {
  return sessionStorage.getItem(`rowcast.${kind}`);
}
