/**
 * What others did: a card that somebody else changed shows their name for a moment, and whoever was away
 * finds a summary when they come back. The log says who did what.
 *
 * @module
 */

/** @typedef {import('/client/types.js').Row} Row */
/** @typedef {import('/client/types.js').Change} Change */

/** How long a card shows who changed it; the animation in board.css is as long. */
const SHOWN_MS = 4_000;
/** Whoever looked elsewhere for less was not away. */
const AWAY_MS = 60_000;
/** How often it is noted that somebody looks. */
const NOTED_MS = 5_000;
/** What is gathered while nobody looks; more is only counted by the hub's history. */
const MOST = 1_000;
/** What the hub writes by itself, and what nobody sees. */
const SILENT = new Set(['updated_by', 'completed_at', 'metadata', 'created_at']);

/**
 * What somebody did to a task.
 *
 * @typedef {object} Deed
 * @property {string} user empty: a program
 * @property {string} task
 * @property {string} title as it was when the task went
 * @property {Change['op'] | 'comment'} op
 * @property {string[]} fields that were set
 * @property {any} status
 */

/**
 * @typedef {object} Host
 * @property {import('../app.js').App} app
 * @property {import('/client/index.js').Channel} project
 * @property {import('./data.js').BoardData} data
 * @property {() => void} changed another card is to be marked
 * @property {(task: string) => string} address of a task
 * @property {HTMLElement} box where the summary stands
 */

export class News {
  #host;
  /** @type {Map<string, string>} */
  #marked = new Map();
  /** @type {Deed[]} */
  #missed = [];
  /** Titles of tasks that went. @type {Map<string, string>} */
  #gone = new Map();
  #seenName;
  /** When somebody last looked at the board as it was; null: never here. @type {number | null} */
  #seen;
  /** @type {Set<number>} */
  #timers = new Set();

  /** @param {Host} host */
  constructor(host) {
    this.#host = host;
    this.#seenName = `seen.${host.project.name}`;
    this.#seen = host.app.drafts.get(this.#seenName);
    host.data.changed = this.#marked;
    const { project } = host;
    // The rows change before the log is told; both belong to one look.
    const look = () => queueMicrotask(() => this.#look());
    const stops = [
      project.table('tasks').subscribe(({ removed }) => removed.forEach(({ id, title }) => this.#gone.set(id, String(title)))),
      project.onEntries((entries) => (entries.forEach((entry) => this.#take(entry)), this.#gone.clear())),
      project.subscribe(look),
    ];
    document.addEventListener('visibilitychange', look);
    const timer = window.setInterval(look, NOTED_MS);
    this.stop = () => {
      for (const stop of stops) stop();
      document.removeEventListener('visibilitychange', look);
      clearInterval(timer);
      for (const mark of this.#timers) clearTimeout(mark);
    };
  }

  /** Whether somebody sees what happens as it happens. */
  get #looks() {
    return !document.hidden && this.#host.project.status === 'live';
  }

  /** @param {import('/client/types.js').Entry} entry */
  #take({ edits, changes = [] }) {
    const { data } = this.#host;
    for (const change of changes) {
      const user = change.edit === undefined ? '' : (edits?.[change.edit]?.user ?? '');
      const deed = user === data.me ? null : this.#deed(user, change);
      if (deed === null) continue;
      if (this.#caughtUp) this.#mark(deed);
      else if (this.#missed.length < MOST) this.#missed.push(deed);
    }
  }

  /** What comes is new, and not what somebody missed. */
  get #caughtUp() {
    return this.#looks && this.#seen !== null && Date.now() - this.#seen < AWAY_MS;
  }

  /** @param {string} user @param {Change} change @returns {Deed | null} null: nothing to tell */
  #deed(user, { table, key, op, ...change }) {
    const { project, data } = this.#host;
    const fields = 'set' in change ? Object.keys(change.set).filter((name) => !SILENT.has(name)) : [];
    if (op === 'update' && fields.length === 0) return null;
    if (table === 'comments' && op === 'insert') {
      const task = String(project.table('comments').get(key)?.task_id ?? '');
      return data.tasks.get(task) ? { user, task, title: '', op: 'comment', fields, status: null } : null;
    }
    if (table !== 'tasks') return null;
    const status = 'set' in change ? change.set.status : null;
    return { user, task: String(key), title: this.#gone.get(String(key)) ?? '', op, fields, status };
  }

  /** Shows for a moment who changed a task, or one of its steps. @param {Deed} deed */
  #mark({ user, task }) {
    const { data, changed } = this.#host;
    const parent = data.tasks.get(task)?.parent_id;
    const id = parent != null && data.tasks.get(parent) ? String(parent) : task;
    this.#marked.set(id, user);
    changed();
    const timer = window.setTimeout(() => {
      this.#timers.delete(timer);
      // Somebody may have changed it again since; the mark goes a little early then.
      this.#marked.delete(id);
      changed();
    }, SHOWN_MS);
    this.#timers.add(timer);
  }

  /** Somebody looks, or has come back. */
  #look() {
    if (!this.#looks) return;
    const now = Date.now();
    const away = this.#seen !== null && now - this.#seen >= AWAY_MS;
    if (!away && this.#seen !== null && now - this.#seen < NOTED_MS / 2 && this.#missed.length === 0) return;
    const missed = this.#missed;
    this.#missed = [];
    this.#seen = now;
    this.#host.app.drafts.set(this.#seenName, now);
    if (away && missed.length > 0) void this.#tell(missed);
    else for (const deed of missed) this.#mark(deed);
  }

  /** @param {Deed[]} missed */
  async #tell(missed) {
    const { data, box, address } = this.#host;
    try {
      const { summary } = await import('./away.js');
      box.replaceChildren(summary(missed, data, address));
    } catch {
      // It is a courtesy: the board itself shows what is.
    }
  }
}
