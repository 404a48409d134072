/**
 * Texts that somebody else was quicker to change, or whose task they deleted, above all those written
 * without a connection: they are kept as drafts, and the person is told, wherever they are.
 *
 * @module
 */

import { uuidv7 } from '/client/uuid.js';
import { boardLink, go, parseRoute } from './routes.js';
import { clipped } from './ui/dom.js';
import { notify } from './ui/notices.js';

/** @typedef {import('./app.js').App} App */
/** @typedef {import('/client/types.js').Row} Row */

/** What the texts of a task are called. @type {Readonly<Record<string, string>>} */
const TEXTS = { title: 'title', description: 'description' };

/**
 * What is kept of a text that was not saved.
 *
 * @param {string} task
 * @param {string} field
 */
export const draftName = (task, field) => `text.${task}.${field}`;

/**
 * @param {App} app
 * @param {import('/client/outbox.js').FailedEdit} edit that was refused
 * @returns {boolean} whether there was a text in it
 */
export function tellOverruled(app, { channel, ops, error }) {
  let told = false;
  for (const op of ops) {
    if (op.op !== 'update' || op.table !== 'tasks' || !op.if || !op.set) continue;
    for (const [field, text] of Object.entries(op.set)) {
      app.drafts.set(draftName(String(op.key), field), { text, base: op.if[field] });
      if (!(field in TEXTS)) continue;
      told = true;
      const lost = { channel, task: String(op.key), field, text: String(text) };
      const row = /** @type {Row | undefined} */ (/** @type {any} */ (error).row);
      if (row) void tell(app, { ...lost, row });
      else if (error.code === 'not_found') tellGone(app, lost);
    }
  }
  return told;
}

/**
 * The text has no place any more: it can have one of its own.
 *
 * @param {App} app
 * @param {{ channel: string, task: string, field: string, text: string }} lost
 */
function tellGone(app, { channel, task, field, text }) {
  const row = field === 'title' ? { title: text } : { title: 'From a task that was deleted', description: text };
  const keep = () => {
    const edit = app.live.edit(channel, [{ op: 'insert', table: 'tasks', row: { id: uuidv7(), ...row } }]);
    edit.then(() => app.drafts.set(draftName(task, field), null), () => {});
  };
  notify(`The task was deleted before your ${TEXTS[field]} was saved: “${clipped(text, 80)}”`, { stays: true, action: { label: 'Keep it as a new task', run: keep } });
}

/**
 * @param {App} app
 * @param {{ channel: string, task: string, field: string, text: string, row: Row }} lost
 */
async function tell(app, lost) {
  // Where the task is open both texts stand side by side.
  if (parseRoute(location.hash).task === lost.task) return;
  const { channel, task, field, row } = lost;
  const project = channel.slice(channel.indexOf(':') + 1);
  const who = (await writerOf(app, project, lost)) ?? 'somebody else';
  notify(`Your ${TEXTS[field]} of “${clipped(row.title, 60)}” was replaced by ${clipped(who, 40)}’s.`, {
    stays: true,
    action: { label: 'Restore mine', run: () => restore(app, lost) },
    other: { label: 'Look at both', run: () => go(boardLink(project, task)) },
  });
}

/**
 * Whose text it is now, by the past of the task.
 *
 * @param {App} app
 * @param {string} project
 * @param {{ channel: string, task: string, field: string }} lost
 * @returns {Promise<string | undefined>}
 */
async function writerOf(app, project, { channel, task, field }) {
  try {
    const past = await app.session.call('GET', `/channels/${encodeURIComponent(channel)}/tasks/${encodeURIComponent(task)}/history?limit=50`);
    const change = past.items.find((/** @type {any} */ item) => field in (item.new ?? {}));
    return (await app.projects.names(project)).get(change?.user);
  } catch {
    return undefined;
  }
}

/**
 * The person's text takes its place again; not over a text newer than the one they were told of.
 *
 * @param {App} app
 * @param {{ channel: string, task: string, field: string, text: string, row: Row }} lost
 */
function restore(app, { channel, task, field, text, row }) {
  const edit = app.live.edit(channel, [{ op: 'update', table: 'tasks', key: task, set: { [field]: text }, if: { [field]: row[field] } }]);
  edit.then(() => app.drafts.set(draftName(task, field), null), () => {});
}
