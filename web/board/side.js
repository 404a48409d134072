/**
 * The open task beside the board. What shows it is fetched once the board stands, or when a task is opened.
 *
 * @module
 */

import { notify } from '../ui/notices.js';

/** What shows an open task. */
export const fetchPanel = () => import('../task/panel.js');

export class TaskSide {
  #context;
  #box;
  /** @type {import('../task/panel.js').TaskPanel | null} */
  #panel = null;
  /** @type {string | null} */
  #id = null;
  #closed = false;

  /**
   * @param {import('../task/panel.js').TaskContext} context
   * @param {HTMLElement} box where it stands last
   */
  constructor(context, box) {
    this.#context = context;
    this.#box = box;
  }

  /** Shows a task, or nothing. @param {string | null} id */
  show(id) {
    const changed = id !== this.#id;
    this.#id = id;
    if (this.#panel) this.#panel.show(id);
    else if (id !== null && changed) void this.#fetch();
  }

  /** Puts the cursor into the title. */
  edit() {
    this.#panel?.edit();
  }

  close() {
    this.#closed = true;
    this.#panel?.close();
  }

  async #fetch() {
    try {
      const { TaskPanel } = await fetchPanel();
      if (this.#closed || this.#panel) return;
      this.#panel = new TaskPanel(this.#context);
      this.#box.append(this.#panel.element);
      this.#panel.show(this.#id);
    } catch {
      this.#id = null;
      notify('The task could not be fetched. Open it again once the hub can be reached.');
    }
  }
}
