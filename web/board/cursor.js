/**
 * The card that the keyboard is at, and the ways from it to others.
 *
 * @module
 */

/** @typedef {import('/client/types.js').Row} Row */

/**
 * @typedef {object} Host
 * @property {HTMLElement} box around the columns
 * @property {Map<string, import('./column.js').Column>} columns by status
 * @property {Map<string, import('./card.js').Card>} cards by task
 * @property {import('./data.js').BoardData} data
 * @property {(status: string) => void} select shows a column, where only one has room
 */

export class Cursor {
  #host;
  /** @type {string | null} */
  #id = null;
  /** Whether the focus must follow to wherever the task went. */
  #follows = false;

  /** @param {Host} host */
  constructor(host) {
    this.#host = host;
    host.box.addEventListener('focusin', (event) => this.#focused(event));
  }

  /** The task that keys change: the one whose card is seen to have the focus, and no other. */
  get chosen() {
    const { box, data } = this.#host;
    const card = box.contains(document.activeElement) ? document.activeElement?.closest('.card') : null;
    return card instanceof HTMLElement ? data.tasks.get(card.dataset.id ?? '') : undefined;
  }

  /** Stands at a task from now on, without the focus. @param {string} id */
  at(id) {
    this.#id = id;
  }

  /** The focus goes along once the task is shown where it will be. @param {string | null} id */
  follow(id) {
    this.#id = id;
    this.#follows = true;
  }

  /** What is known is shown now. */
  settle() {
    if (this.#follows) this.focus();
  }

  focus() {
    this.#follows = false;
    const task = this.#task;
    if (!task) return;
    this.#host.select(task.status);
    this.#host.columns.get(task.status)?.reveal(task.id);
    this.#host.cards.get(task.id)?.link.focus({ preventScroll: true });
  }

  /** To the next card in a direction. @param {number} dx @param {number} dy */
  step(dx, dy) {
    const { columns } = this.#host;
    const task = this.#task;
    const rows = columns.get(task?.status ?? 'todo')?.rows ?? [];
    const at = rows.findIndex((row) => row.id === task?.id);
    let next = task && at >= 0 ? rows[at + dy] : undefined;
    if (dx !== 0 && task) next = this.#across(task, dx, at);
    if (!task || at < 0) next = [...columns.values()].find(({ rows }) => rows.length > 0)?.rows[0];
    if (!next) return;
    this.#id = next.id;
    this.focus();
  }

  /** To the card below a task that is about to go, or the one above. @param {Row} task */
  leave(task) {
    const rows = this.#host.columns.get(task.status)?.rows ?? [];
    const at = rows.findIndex((row) => row.id === task.id);
    this.follow((rows[at + 1] ?? rows[at - 1])?.id ?? null);
  }

  get #task() {
    return this.#id === null ? undefined : this.#host.data.tasks.get(this.#id);
  }

  /**
   * The task beside one, in the next column that has any.
   *
   * @param {Row} task
   * @param {number} dx
   * @param {number} at
   */
  #across(task, dx, at) {
    const { columns } = this.#host;
    const statuses = [...columns.keys()];
    for (let to = statuses.indexOf(task.status) + dx; to >= 0 && to < statuses.length; to += dx) {
      const rows = columns.get(statuses[to] ?? '')?.rows ?? [];
      if (rows.length > 0) return rows[Math.min(Math.max(at, 0), rows.length - 1)];
    }
    return undefined;
  }

  /** @param {FocusEvent} event */
  #focused(event) {
    const card = event.target instanceof Element ? event.target.closest('.card') : null;
    if (card instanceof HTMLElement) this.#id = card.dataset.id ?? null;
  }
}
