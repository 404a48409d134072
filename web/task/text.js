/**
 * A text that is written for a while: title and description. What is typed is kept as a draft until it is
 * saved; what somebody else wrote meanwhile is neither lost nor overwritten.
 *
 * @module
 */

import { draftName } from '../overruled.js';
import { announce, clipped, fit, h, hasMarks, said, setChildren, visible } from '../ui/dom.js';

/** @typedef {import('/client/types.js').Row} Row */
/** @typedef {{ field: string, label: string, placeholder?: string, oneLine?: boolean }} TextSpec */
/** What is typed, and what stood there when that began. @typedef {{ text: string, base: string }} Draft */

/** How long after the last key a text is saved. */
const PAUSE_MS = 900;

export class TextField {
  #context;
  #task;
  #spec;
  #area;
  #note;
  /** The text as it is read, links and all, while nobody writes; shown in the place of the field by task.css. */
  #view = h('div', { class: 'text-view said', dir: 'auto' });
  /** What the view shows. */
  #viewed = '';
  #conflict = h('div', { class: 'conflict', role: 'alert', hidden: true });
  #draftName;
  /** @type {Draft | null} */
  #draft;
  #timer = 0;
  #saving = false;
  /** Refused as it is: it is not tried again before more is typed. */
  #refused = false;
  /** What the hub has. */
  #stored = '';
  #closed = false;
  /** What stood there when somebody went into the text, and whether more was saved since. */
  #begun = '';
  #wrote = false;

  /**
   * @param {import('./panel.js').TaskContext} context
   * @param {string} task
   * @param {TextSpec} spec
   */
  constructor(context, task, spec) {
    this.#context = context;
    this.#task = task;
    this.#spec = spec;
    this.#draftName = draftName(task, spec.field);
    this.#draft = context.app.drafts.get(this.#draftName);
    this.#area = h('textarea', { class: `text-${spec.field}`, rows: '1', 'aria-label': spec.label, placeholder: spec.placeholder ?? '', dir: 'auto', autocomplete: 'off' });
    this.#note = h('small', { class: 'saving', 'aria-live': 'polite' });
    this.element = h('div', { class: 'text-field', data: { field: spec.field } }, spec.oneLine ? null : this.#view, this.#area, this.#note, this.#conflict);
    this.#area.addEventListener('focus', () => this.#begins());
    this.#area.addEventListener('input', () => this.#typed());
    this.#area.addEventListener('blur', () => (this.#render(), void this.#save()));
    this.#view.addEventListener('click', (event) => this.#clicked(event));
    this.#area.addEventListener('keydown', (event) => this.#key(event));
  }

  /** @param {Row} task */
  show(task) {
    if (this.#saving) return this.#showNote();
    this.#stored = String(task[this.#spec.field] ?? '');
    this.#area.readOnly = !this.#context.data.mayEdit;
    if (this.#draft?.text === this.#stored) this.#forget();
    const text = this.#draft?.text ?? visibleOnly(this.#stored);
    if (this.#area.value !== text) {
      this.#area.value = text;
      requestAnimationFrame(() => fit(this.#area));
    }
    this.#render();
    this.#showNote();
    if (this.#draft && !this.#refused && this.#timer === 0 && document.activeElement !== this.#area) this.#offer();
  }

  close() {
    void this.#save();
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #typed() {
    this.#refused = false;
    const text = this.#area.value;
    this.#draft = { text, base: this.#draft?.base ?? this.#stored };
    this.#context.app.drafts.set(this.#draftName, this.#draft);
    fit(this.#area);
    this.#showNote();
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => void this.#save(), PAUSE_MS);
  }

  /** Somebody goes into the text: this is where Escape leads back to. */
  #begins() {
    this.#begun = this.#stored;
    this.#wrote = false;
    fit(this.#area);
  }

  /** Who points at the text writes; links are followed, and words can be chosen. @param {MouseEvent} event */
  #clicked(event) {
    const chosen = getSelection()?.isCollapsed === false;
    if (chosen || this.#area.readOnly || (event.target instanceof Element && event.target.closest('a'))) return;
    this.#area.focus();
  }

  /** Shows the marks of the text, if it has any. */
  #render() {
    const text = this.#area.value;
    const rich = !this.#spec.oneLine && hasMarks(text);
    if (!rich) return this.element.classList.remove('rendered');
    if (text === this.#viewed) return this.element.classList.add('rendered');
    const show = (/** @type {typeof import('./markdown.js')} */ { rendered }) => {
      if (this.#area.value !== text) return;
      setChildren(this.#view, rendered(text));
      this.#viewed = text;
      this.element.classList.add('rendered');
    };
    // Without it the text stands as it was written.
    import('./markdown.js').then(show, () => this.element.classList.remove('rendered'));
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.isComposing) return;
    const done = event.key === 'Enter' && (this.#spec.oneLine || event.ctrlKey || event.metaKey);
    const left = event.key === 'Escape' && (this.#draft !== null || this.#wrote);
    if (!done && !left) return;
    event.preventDefault();
    if (left && this.#spec.oneLine) this.#cancel();
    this.#area.blur();
    if (left) /** @type {HTMLElement | null} */ (this.element.closest('[tabindex]'))?.focus({ preventScroll: true });
  }

  /** What was typed since the beginning is not meant, saved or not. A long text is left and kept. */
  #cancel() {
    const undo = this.#saving || this.#wrote;
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#forget();
    this.#area.value = visibleOnly(this.#begun);
    fit(this.#area);
    if (undo) this.#typed();
    this.#showNote();
  }

  async #save() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    const draft = this.#draft;
    if (!draft || this.#saving || this.#refused || !this.#conflict.hidden || this.#closed) return;
    const text = this.#spec.oneLine ? draft.text.replace(/\s*\n\s*/g, ' ').trim() : draft.text;
    if (text === this.#stored || (this.#spec.oneLine && text === '')) return this.#asBefore();
    this.#saving = true;
    const outcome = await this.#context.actions.write(this.#task, this.#spec.field, text, draft.base);
    this.#saving = false;
    this.#stored = String(this.#context.data.tasks.get(this.#task)?.[this.#spec.field] ?? '');
    this.#refused = outcome === 'failed';
    if (outcome === 'changed') this.#offer();
    if (outcome === 'saved') {
      this.#wrote = true;
      this.#saved(draft, text);
    }
    this.#showNote();
  }

  /** What was typed since is a draft upon what was saved. @param {Draft} draft @param {string} text */
  #saved(draft, text) {
    if (this.#draft === null || (this.#draft.text === draft.text && text === draft.text)) return this.#forget();
    this.#draft = { text: this.#draft.text, base: text };
    this.#context.app.drafts.set(this.#draftName, this.#draft);
    if (!this.#closed && this.#timer === 0) this.#timer = window.setTimeout(() => void this.#save(), PAUSE_MS);
  }

  /** There is nothing to save; but somebody may be about to type on. */
  #asBefore() {
    if (document.activeElement === this.#area && !this.#closed) return;
    this.#forget();
    this.#area.value = visibleOnly(this.#stored);
    this.#showNote();
  }

  #forget() {
    this.#draft = null;
    this.#context.app.drafts.set(this.#draftName, null);
    this.#conflict.hidden = true;
  }

  #showNote() {
    const waits = this.#context.app.live.client.state.name === 'offline' ? 'Kept here until there is a connection' : 'Saving…';
    this.#note.textContent = this.#draft === null ? '' : this.#saving ? waits : this.#refused ? 'Not saved' : 'Not saved yet';
  }

  /** Somebody else wrote here: both texts are there, and the person decides. */
  #offer() {
    const draft = this.#draft;
    if (!draft) return;
    if (draft.base === this.#stored) {
      this.#timer = window.setTimeout(() => void this.#save(), PAUSE_MS);
      return;
    }
    if (!this.#conflict.hidden) return;
    const decide = (/** @type {() => void} */ action) => () => {
      this.#conflict.hidden = true;
      action();
    };
    const mine = () => {
      this.#draft = { text: this.#area.value, base: this.#stored };
      void this.#save();
    };
    const theirs = () => {
      this.#forget();
      this.#area.value = visibleOnly(this.#stored);
      fit(this.#area);
      this.#showNote();
    };
    const who = said('Somebody else', 'who');
    this.#conflict.replaceChildren(
      h('p', {}, who, ' wrote this while you were writing:'),
      h('blockquote', { class: 'said', dir: 'auto' }, visible(this.#stored).slice(0, 2_000) || '(empty)'),
      h('div', { class: 'buttons' }, h('button', { type: 'button', class: 'primary', onclick: decide(mine) }, 'Keep mine'), h('button', { type: 'button', onclick: decide(theirs) }, 'Take theirs')),
    );
    this.#conflict.hidden = false;
    void this.#writer().then((name) => {
      who.textContent = name;
      announce(`${name} changed this text while you were writing.`);
    });
  }

  /** Whose text it is now, by the past of the task. @returns {Promise<string>} */
  async #writer() {
    const { project, data } = this.#context;
    try {
      const { changes } = await project.history('tasks', this.#task, { limit: 50 });
      const user = changes.find((change) => this.#spec.field in (change.new ?? {}))?.user;
      if (user !== undefined) return user === data.me ? 'You, elsewhere,' : clipped(data.nameOf(user), 40);
    } catch {
      // Without a connection nobody knows.
    }
    return 'Somebody else';
  }
}

/** A field shows control characters by itself; line ends are one thing everywhere. @param {string} text */
function visibleOnly(text) {
  return text.replace(/\r\n?/g, '\n');
}
