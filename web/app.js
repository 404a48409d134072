/**
 * The page: a board of one project's tasks, live.
 *
 * @module
 */

import { connect } from '/client/index.js';
import { Board } from './board.js';
import { byId, setText } from './dom.js';
import { signIn, signOut } from './login.js';
import { notify } from './notices.js';
import { showPeople } from './people.js';
import { showStatus } from './status.js';
import { errorWords } from './words.js';

/** Where this page's hub has its socket. */
function socketUrl() {
  const url = new URL('/socket', location.href);
  url.protocol = url.protocol.replace('http', 'ws');
  return url.href;
}

async function start() {
  const { token, project: id } = await signIn();
  const client = connect({ url: socketUrl(), token });
  const project = client.channel(`project:${id}`, { presence: 'join' });
  showStatus(client, project);
  showPeople(client, project);
  byId('board').hidden = false;
  new Board(project, () => client.me);
  showName(project);
  project.subscribe(() => project.status === 'removed' && leave(project.error));
  client.subscribe(({ state, reason }) => state === 'closed' && leave(reason));
}

/** @param {import('/client/index.js').Channel} project */
function showName(project) {
  const projects = project.table('projects');
  const show = () => {
    const name = projects.rows()[0]?.name ?? '';
    setText(byId('project'), name);
    document.title = name === '' ? 'Rowcast' : `${name} · Rowcast`;
  };
  projects.subscribe(show);
  show();
}

let left = false;

/** The person cannot go on here: says why, and makes room for another login. @param {Error | null} reason */
function leave(reason) {
  if (left) return;
  left = true;
  signOut();
  byId('board').inert = true;
  notify(`${reason ? errorWords(reason) : 'The connection was closed.'} Reload the page to sign in again.`);
}

start().catch((error) => notify(errorWords(error)));
