/**
 * What the board shows, worked out from the project's live tables: columns, steps, comments, names.
 *
 * @module
 */

import { draftName } from '../overruled.js';

/** @typedef {import('/client/index.js').Channel} Channel */
/** @typedef {import('/client/types.js').Row} Row */

/** The columns: a status and its name. */
export const COLUMNS = [
  { status: 'todo', name: 'To do' },
  { status: 'doing', name: 'Doing' },
  { status: 'done', name: 'Done' },
];

/** From the least urgent. */
export const PRIORITIES = ['low', 'medium', 'high', 'urgent'];

/** @param {string} word */
export function capital(word) {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

/** @param {string} status */
export function columnName(status) {
  return COLUMNS.find((column) => column.status === status)?.name ?? capital(status);
}

export class BoardData {
  #project;
  #client;
  #drafts;
  /** @type {Row[]} */
  #top = [];
  /** @type {Map<string, Row[]>} */
  #steps = new Map();
  /** @type {Map<string, Row[]>} */
  #comments = new Map();
  /** @type {Map<string, string>} */
  #names = new Map();
  /** @type {Map<string, { user: string, field: string | null }[]>} */
  #touched = new Map();
  #mayEdit = false;
  /** Tasks that somebody else has just changed, and who. @type {ReadonlyMap<string, string>} */
  changed = new Map();
  /** Tasks that are being put somewhere. @type {Set<string>} */
  #placing = new Set();

  /**
   * @param {Channel} project
   * @param {import('/client/index.js').Client} client
   * @param {import('../ui/drafts.js').Drafts} drafts
   */
  constructor(project, client, drafts) {
    this.#project = project;
    this.#client = client;
    this.#drafts = drafts;
  }

  get tasks() {
    return this.#project.table('tasks');
  }

  /** Who this is. */
  get me() {
    return this.#client.user ?? '';
  }

  /** What this person may do: as the members say now, else as the subscription said. */
  get role() {
    const row = this.#project.table('members').rows().find(({ user_id }) => user_id === this.me);
    return row ? String(row.role) : this.#project.role;
  }

  /** Whether this person may change anything. */
  get mayEdit() {
    return this.#mayEdit;
  }

  /** Whether there is anything to show yet. */
  get ready() {
    return this.#project.position !== null;
  }

  /** Tasks that stand on the board by themselves, in their order. */
  get top() {
    return this.#top;
  }

  /** Looks at the tasks again. */
  readTasks() {
    const rows = this.#inTime();
    const known = (/** @type {unknown} */ id) => id != null && this.tasks.get(String(id)) !== undefined;
    this.#top = [];
    this.#steps = new Map();
    for (const row of rows) {
      if (known(row.parent_id)) push(this.#steps, row.parent_id, row);
      else this.#top.push(row);
    }
  }

  /** Tasks that nobody has put anywhere yet, as plain SQL adds them: the oldest first. */
  get unplaced() {
    for (const id of this.#placing) if (!this.tasks.isPending(id)) this.#placing.delete(id);
    return this.tasks.rows().filter(({ position, id }) => position == null && !this.#placing.has(id)).sort(byAge);
  }

  /** Somebody here puts tasks somewhere: they stand there already. @param {string[]} ids */
  placing(ids) {
    for (const id of ids) this.#placing.add(id);
  }

  /** Tasks in their order by hand; among those that nobody has put anywhere, the oldest first. */
  #inTime() {
    const rows = this.tasks.rows();
    const unplaced = this.unplaced;
    if (unplaced.length < 2) return rows;
    const isUnplaced = new Set(unplaced);
    let next = 0;
    return rows.map((row) => (isUnplaced.has(row) ? /** @type {Row} */ (unplaced[next++]) : row));
  }

  /** Looks at the comments again: the oldest first. */
  readComments() {
    this.#comments = new Map();
    for (const row of [...this.#project.table('comments').rows()].sort(byAge)) push(this.#comments, row.task_id, row);
  }

  /** Looks at who is who again. */
  readPeople() {
    this.#mayEdit = this.role === 'editor' || this.role === 'owner';
    this.#names = new Map(this.members().map(({ id, name }) => [id, name]));
    for (const { user, name } of this.#project.presence.people()) if (!this.#names.has(user)) this.#names.set(user, name);
  }

  /** Looks at who touches what again; one's own sessions do not count. */
  readTouched() {
    this.#touched = new Map();
    for (const { session, user, value } of this.#project.state.of('at')) {
      const task = value?.task;
      if (session === this.#client.session || typeof task !== 'string') continue;
      const others = this.#touched.get(task) ?? [];
      if (!others.some((other) => other.user === user)) others.push({ user, field: value.field ?? null });
      this.#touched.set(task, others);
    }
  }

  /** Members of the project: id, name, role, by name. */
  members() {
    const rows = this.#project.table('members').rows();
    const all = rows.map((row) => ({ id: String(row.user_id), name: String(row.name || row.user_id), role: row.role }));
    return all.sort((a, b) => a.name.localeCompare(b.name));
  }

  /** What a person is called. @param {unknown} user */
  nameOf(user) {
    return this.#names.get(String(user)) ?? (user == null ? 'Somebody' : 'A former member');
  }

  /** @param {string} task @returns {Row[]} */
  stepsOf(task) {
    return this.#steps.get(task) ?? [];
  }

  /** @param {string} task @returns {Row[]} */
  commentsOn(task) {
    return this.#comments.get(task) ?? [];
  }

  /** Whether a text of this person that somebody has overruled waits to be decided. @param {Row} task */
  isOverruled(task) {
    return ['title', 'description'].some((field) => {
      const draft = this.#drafts.get(draftName(task.id, field));
      return draft !== null && draft.text !== task[field] && draft.base !== task[field];
    });
  }

  /** Who else looks at a task, and at which field. @param {string} task */
  touching(task) {
    return this.#touched.get(task) ?? [];
  }

  /** Tasks that must be done before this one and are not. @param {Row} task */
  blockers(task) {
    return dependenciesOf(task).filter((id) => {
      const other = this.tasks.get(id);
      return other !== undefined && other.status !== 'done';
    });
  }

  /** All labels in use, the most used first. */
  labels() {
    /** @type {Map<string, number>} */
    const counts = new Map();
    for (const row of this.#top) for (const label of labelsOf(row)) counts.set(label, (counts.get(label) ?? 0) + 1);
    return [...counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0])).map(([label]) => label);
  }
}

/** @param {Row} task @returns {string[]} */
export function labelsOf(task) {
  return texts(task.labels);
}

/** @param {Row} task @returns {string[]} */
export function dependenciesOf(task) {
  return texts(task.dependencies);
}

/** Whatever stands in a JSON column, as a list of texts. @param {unknown} value @returns {string[]} */
function texts(value) {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

/**
 * By when rows were made, then by id; what the hub has not dated yet is the newest. Ids alone say nothing:
 * everybody makes them.
 *
 * @param {Row} a
 * @param {Row} b
 */
function byAge(a, b) {
  const [one, other] = [a, b].map(({ created_at, id }) => `${created_at ?? '~'} ${id}`);
  return Number(String(one) > String(other)) - Number(String(one) < String(other));
}

/**
 * @param {Map<string, Row[]>} map
 * @param {string} key
 * @param {Row} row
 */
function push(map, key, row) {
  const list = map.get(key);
  if (list) list.push(row);
  else map.set(key, [row]);
}
