/**
 * Texts that somebody else was quicker to change, above all those written without a connection: they are
 * kept as drafts, and the person is told, wherever they are.
 *
 * @module
 */

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
 */
export function tellOverruled(app, { channel, ops, error }) {
  for (const op of ops) {
    if (op.op !== 'update' || op.table !== 'tasks' || !op.if || !op.set) continue;
    for (const [field, text] of Object.entries(op.set)) {
      app.drafts.set(draftName(String(op.key), field), { text, base: op.if[field] });
      const row = /** @type {Row | undefined} */ (/** @type {any} */ (error).row);
      if (row && field in TEXTS) void tell(app, { channel, task: String(op.key), field, text: String(text), row });
    }
  }
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
