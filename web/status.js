/**
 * How the connection is, and how many changes have not arrived yet.
 *
 * @module
 */

import { byId, setText } from './dom.js';
import { errorWords, statusWords } from './words.js';

/** @typedef {import('/client/index.js').Client} Client */
/** @typedef {import('/client/index.js').Channel} Channel */

/**
 * Shows it from now on.
 *
 * @param {Client} client
 * @param {Channel} project
 */
export function showStatus(client, project) {
  const show = () => {
    showConnection(client);
    showUnsent(client.unsent, project);
  };
  client.subscribe(show);
  project.subscribe(show);
  show();
  byId('try-now').addEventListener('click', () => client.reconnect());
  addEventListener('beforeunload', (event) => {
    if (client.unsent > 0) event.preventDefault();
  });
}

/** @param {Client} client */
function showConnection(client) {
  const { status } = client;
  const pill = byId('status');
  pill.dataset.state = status.state;
  setText(pill, statusWords(status));
  byId('try-now').hidden = status.state !== 'offline';
}

/**
 * @param {number} count
 * @param {Channel} project
 */
function showUnsent(count, project) {
  const changes = count === 1 ? '1 change' : `${count} changes`;
  const why = project.hindrance ? ` ${errorWords(project.hindrance)}` : '';
  setText(byId('unsent'), count === 0 ? '' : `${changes} not sent yet.${why}`);
  byId('unsent').dataset.count = String(count);
}
