/**
 * What people typed and did not send yet. It survives a reload, and belongs to one person.
 *
 * @module
 */

const PREFIX = 'rowcast.draft.';

export class Drafts {
  #prefix;

  /** @param {string} owner the person's id */
  constructor(owner) {
    this.#prefix = `${PREFIX}${owner}.`;
  }

  /** @param {string} name @returns {any} null if there is none */
  get(name) {
    try {
      return JSON.parse(localStorage.getItem(this.#prefix + name) ?? 'null');
    } catch {
      return null;
    }
  }

  /**
   * Keeps a draft; null and the empty text forget it.
   *
   * @param {string} name
   * @param {any} value
   */
  set(name, value) {
    try {
      if (value === null || value === '') localStorage.removeItem(this.#prefix + name);
      else localStorage.setItem(this.#prefix + name, JSON.stringify(value));
    } catch {
      // No storage, or it is full: the text still stands in its field.
    }
  }

  /**
   * Keeps what stands in a field, and puts it there again.
   *
   * @param {string} name
   * @param {HTMLInputElement | HTMLTextAreaElement} field
   */
  follow(name, field) {
    field.value = this.get(name) ?? '';
    field.addEventListener('input', () => this.set(name, field.value));
  }

  /** Forgets everything that this person typed here and did not send. */
  clear() {
    try {
      for (const name of Object.keys(localStorage)) if (name.startsWith(this.#prefix)) localStorage.removeItem(name);
    } catch {
      // No storage: nothing was kept.
    }
  }
}
