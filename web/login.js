/**
 * How a person gets in: a one-time code from the address bar, what this tab kept, or a form.
 *
 * @module
 */

import { byId } from './dom.js';
import { notify } from './notices.js';

/** @typedef {{ token: string, project: string }} Login */

const KEPT = 'rowcast.login';

/**
 * Finds out who this is; asks with a form if nothing else helps.
 *
 * @returns {Promise<Login>}
 */
export async function signIn() {
  const code = takeCode();
  const login = (code === null ? null : await redeem(code)) ?? kept() ?? (await askForLogin());
  sessionStorage.setItem(KEPT, JSON.stringify(login));
  return login;
}

/** Forgets who this was. */
export function signOut() {
  sessionStorage.removeItem(KEPT);
}

/** The code in the address bar, which is removed from it. */
function takeCode() {
  const code = new URLSearchParams(location.hash.slice(1)).get('code');
  if (code !== null) history.replaceState(null, '', location.pathname + location.search);
  return code;
}

/**
 * Exchanges a one-time code.
 *
 * @param {string} code
 * @returns {Promise<Login | null>}
 */
async function redeem(code) {
  try {
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ code });
    const response = await fetch('/api/v1/demo/session', { method: 'POST', headers, body });
    if (response.ok) return loginFrom(await response.json());
    notify(response.status === 401 ? 'This link was used already, or has ended.' : 'The link could not be used.');
  } catch {
    notify('The hub could not be reached.');
  }
  return null;
}

/** @returns {Login | null} */
function kept() {
  try {
    return loginFrom(JSON.parse(sessionStorage.getItem(KEPT) ?? 'null'));
  } catch {
    return null;
  }
}

/** @param {any} login @returns {Login | null} */
function loginFrom(login) {
  const fits = typeof login?.token === 'string' && typeof login?.project === 'string';
  return fits ? { token: login.token, project: login.project } : null;
}

/** @returns {Promise<Login>} */
function askForLogin() {
  const page = byId('sign-in');
  const form = /** @type {HTMLFormElement} */ (byId('sign-in-form'));
  page.hidden = false;
  return new Promise((resolve) => {
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      const fields = new FormData(form);
      page.hidden = true;
      resolve({ token: text(fields, 'token'), project: text(fields, 'project').replace(/^project:/, '') });
    });
  });
}

/**
 * @param {FormData} fields
 * @param {string} name
 */
function text(fields, name) {
  return String(fields.get(name) ?? '').trim();
}
