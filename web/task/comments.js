/**
 * What people said about a task. `@` offers members; on the wire a mention is `@` and the person's id.
 *
 * @module
 */

import { avatar } from '../ui/avatar.js';
import { clipped, fit, h, hasMarks, keepingFocus, said, setChildren, setText, visible } from '../ui/dom.js';
import { icon } from '../ui/icons.js';
import { notify } from '../ui/notices.js';
import { ago } from '../ui/words.js';

/** @typedef {import('/client/types.js').Row} Row */
/** @typedef {{ id: string, name: string }} Member */

let count = 0;
/** Whoever is named by their id. */
const MENTION = /(@[A-Za-z0-9._~@+|=/:-]+)/g;

export class Comments {
  #context;
  #id;
  #count = h('span', { class: 'count' });
  #list = h('ul', { class: 'comments', role: 'list' });
  #input;
  #offers;
  #at = 0;
  /** The comment that its author writes anew. @type {{ id: string, area: HTMLTextAreaElement } | null} */
  #editing = null;
  /** @type {Map<string, { row: Row | null, name: string, element: HTMLElement }>} */
  #items = new Map();

  /**
   * @param {import('./panel.js').TaskContext} context
   * @param {string} id
   */
  constructor(context, id) {
    this.#context = context;
    this.#id = id;
    const listId = `mentions-${(count += 1)}`;
    this.#offers = h('ul', { class: 'offers', id: listId, role: 'listbox', 'aria-label': 'Members', hidden: true });
    this.#input = h('textarea', { rows: '1', placeholder: 'Comment, @ to mention', 'aria-label': 'New comment', 'aria-controls': listId, 'aria-autocomplete': 'list', dir: 'auto' });
    context.app.drafts.follow(`comment.${id}`, this.#input);
    const send = h('button', { type: 'submit', class: 'primary' }, 'Send');
    const form = h('form', { class: 'comment-form edits' }, h('div', { class: 'combo' }, this.#input, this.#offers), send);
    form.addEventListener('submit', (event) => (event.preventDefault(), this.#send()));
    this.#input.addEventListener('input', () => (fit(this.#input), this.#offer()));
    this.#input.addEventListener('keydown', (event) => this.#key(event));
    this.#input.addEventListener('blur', () => this.#close());
    this.element = h('section', { class: 'part', data: { field: 'comments' } }, h('h3', {}, 'Comments ', this.#count), this.#list, form);
  }

  /** @param {Row} task */
  show(task) {
    const comments = this.#context.data.commentsOn(task.id);
    setText(this.#count, comments.length === 0 ? '' : String(comments.length));
    if (this.#editing !== null && !comments.some(({ id }) => id === this.#editing?.id)) this.#homeless(this.#editing);
    keepingFocus(() => setChildren(this.#list, comments.map((comment) => this.#item(comment))));
  }

  /** @param {Row} comment */
  #item(comment) {
    const { data } = this.#context;
    const pending = this.#context.project.table('comments').isPending(comment.id);
    const author = comment.author ?? (pending ? data.me : null);
    const name = data.nameOf(author);
    const known = this.#items.get(comment.id) ?? { row: null, name: '', element: h('li', { class: 'comment' }) };
    this.#items.set(comment.id, known);
    if (this.#editing?.id === comment.id) return known.element;
    if (known.row !== comment || known.name !== name) this.#draw(known.element, comment, String(author), name);
    Object.assign(known, { row: comment, name });
    return known.element;
  }

  /** @param {HTMLElement} element @param {Row} comment @param {string} author @param {string} name */
  #draw(element, comment, author, name) {
    const { data } = this.#context;
    const mine = author === data.me || data.role === 'owner';
    const remove = mine ? h('button', { type: 'button', class: 'bare edits reveal', 'aria-label': `Delete the comment of ${clipped(name, 40)}`, onclick: () => this.#remove(comment.id) }, icon('trash')) : null;
    const edit = author === data.me ? h('button', { type: 'button', class: 'bare edits reveal', onclick: () => this.#edit(element, comment) }, 'Edit') : null;
    const head = h('div', { class: 'comment-head' }, avatar(author, name, ''), said(clipped(name, 60), 'who'), h('time', { datetime: comment.created_at ?? '' }, ago(comment.created_at)), h('span', { class: 'grow' }), edit, remove);
    setChildren(element, [head, this.#body(String(comment.body ?? ''))]);
  }

  /** @param {string} id */
  #remove(id) {
    if (this.#editing?.id === id) this.#editing = null;
    this.#context.app.drafts.set(`comment.${this.#id}.${id}`, null);
    this.#context.actions.removeComment(id);
  }

  /** @param {string} body */
  #body(body) {
    const members = this.#context.data.members();
    const box = h('p', { class: 'said', dir: 'auto' });
    const plain = (/** @type {string} */ text) => withMentions(text, members);
    box.append(...plain(body));
    if (hasMarks(body)) import('./markdown.js').then(({ inline }) => box.replaceChildren(...inline(body, plain)), () => {});
    return box;
  }

  /**
   * The author writes their comment anew, in its place.
   *
   * @param {HTMLElement} element
   * @param {Row} comment
   */
  #edit(element, comment) {
    const { data, actions, project } = this.#context;
    const { drafts } = this.#context.app;
    const draft = `comment.${this.#id}.${comment.id}`;
    const begun = withNames(String(comment.body ?? ''), data.members());
    const area = h('textarea', { rows: '2', 'aria-label': 'Edit the comment', dir: 'auto', value: drafts.get(draft) ?? begun });
    const close = () => {
      this.#editing = null;
      drafts.set(draft, null);
      const now = project.table('comments').get(comment.id);
      if (now) this.#draw(element, now, data.me, data.nameOf(data.me));
    };
    const save = async () => {
      const text = area.value.trim();
      if (text === '') return;
      if (text === begun.trim() || (await actions.editComment(comment, withIds(text, data.members())))) close();
    };
    area.addEventListener('input', () => (fit(area), drafts.set(draft, area.value)));
    area.addEventListener('keydown', (event) => {
      if (event.isComposing || !(event.key === 'Escape' || (event.key === 'Enter' && !event.shiftKey))) return;
      event.preventDefault();
      if (event.key === 'Escape') close();
      else void save();
    });
    this.#editing = { id: comment.id, area };
    const buttons = h('div', { class: 'buttons' }, h('button', { type: 'button', class: 'primary', onclick: () => void save() }, 'Save'), h('button', { type: 'button', onclick: close }, 'Cancel'));
    setChildren(element, [element.firstElementChild, h('div', { class: 'comment-edit' }, area, buttons)]);
    fit(area);
    area.focus();
  }

  /** The comment is gone from under its author's hands: what they wrote is not. @param {{ id: string, area: HTMLTextAreaElement }} edited */
  #homeless({ id, area }) {
    this.#editing = null;
    this.#context.app.drafts.set(`comment.${this.#id}.${id}`, null);
    this.#back(area.value.trim());
    notify('The comment was deleted while you wrote it anew. What you wrote stands where new comments are written.');
  }

  #send() {
    const text = this.#input.value.trim();
    if (text === '') return;
    this.#input.value = '';
    fit(this.#input);
    this.#context.app.drafts.set(`comment.${this.#id}`, null);
    const sent = this.#context.actions.comment(this.#id, withIds(text, this.#context.data.members()));
    void sent.then((done) => done ?? this.#back(text));
  }

  /** What was refused is not lost. @param {string} text */
  #back(text) {
    this.#input.value ||= text;
    this.#context.app.drafts.set(`comment.${this.#id}`, this.#input.value);
    fit(this.#input);
  }

  /** The name that is being typed after an `@`, if any. */
  #wanted() {
    const before = this.#input.value.slice(0, this.#input.selectionStart);
    return /(?:^|\s)@([^\s@]*)$/u.exec(before)?.[1];
  }

  #offer() {
    const wanted = this.#wanted()?.toLowerCase();
    const members = wanted === undefined ? [] : this.#context.data.members().filter(({ id, name }) => name.toLowerCase().startsWith(wanted) || id.toLowerCase().startsWith(wanted));
    this.#at = 0;
    setChildren(this.#offers, members.slice(0, 6).map((member, at) => this.#option(member, at)));
    this.#offers.hidden = members.length === 0;
    this.#mark();
  }

  /** @param {Member} member @param {number} at */
  #option(member, at) {
    const choose = (/** @type {Event} */ event) => (event.preventDefault(), this.#choose(at));
    return h('li', { role: 'option', id: `${this.#offers.id}-${at}`, data: { name: member.name }, onpointerdown: choose }, avatar(member.id, member.name, ''), said(clipped(member.name, 60)));
  }

  #mark() {
    for (const [at, option] of [...this.#offers.children].entries()) option.setAttribute('aria-selected', String(at === this.#at));
    if (this.#offers.hidden) this.#input.removeAttribute('aria-activedescendant');
    else this.#input.setAttribute('aria-activedescendant', `${this.#offers.id}-${this.#at}`);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.isComposing) return;
    if (!this.#offers.hidden) return this.#keyInOffers(event);
    if (event.key !== 'Enter' || event.shiftKey) return;
    event.preventDefault();
    this.#send();
  }

  /** @param {KeyboardEvent} event */
  #keyInOffers(event) {
    const size = this.#offers.children.length;
    if (event.key === 'ArrowDown') this.#at = (this.#at + 1) % size;
    else if (event.key === 'ArrowUp') this.#at = (this.#at + size - 1) % size;
    else if (event.key === 'Enter' || event.key === 'Tab') this.#choose(this.#at);
    else if (event.key === 'Escape') this.#close();
    else return;
    event.preventDefault();
    this.#mark();
  }

  /** @param {number} at */
  #choose(at) {
    const name = /** @type {HTMLElement | undefined} */ (this.#offers.children[at])?.dataset.name;
    const end = this.#input.selectionStart;
    const begin = end - (this.#wanted()?.length ?? 0);
    if (name !== undefined) this.#input.setRangeText(`${name} `, begin, end, 'end');
    this.#context.app.drafts.set(`comment.${this.#id}`, this.#input.value);
    this.#close();
  }

  #close() {
    this.#offers.hidden = true;
    this.#offers.replaceChildren();
    this.#mark();
  }
}

/**
 * Names after an `@` become ids, longer names first.
 *
 * @param {string} text
 * @param {Member[]} members
 */
function withIds(text, members) {
  const byLength = [...members].sort((a, b) => b.name.length - a.name.length);
  for (const { id, name } of byLength) text = text.split(`@${name}`).join(`@${id}`);
  return text;
}

/**
 * Who is meant by what stands after an `@`: a mark at its end may belong to the sentence.
 *
 * @param {string} text
 * @param {Member[]} members
 * @returns {[Member | undefined, string]}
 */
function mentioned(text, members) {
  const exact = members.find(({ id }) => id === text);
  if (exact) return [exact, ''];
  const bare = text.replace(/[.:]+$/, '');
  return [members.find(({ id }) => id === bare), text.slice(bare.length)];
}

/**
 * The opposite of `withIds`: ids after an `@` become names, where only one member is called so.
 *
 * @param {string} text
 * @param {Member[]} members
 */
function withNames(text, members) {
  return text.replace(MENTION, (whole) => {
    const [member, rest] = mentioned(whole.slice(1), members);
    const alone = member && members.filter(({ name }) => name === member.name).length === 1;
    return alone ? `@${member.name}${rest}` : whole;
  });
}

/** Mentions of members are shown by name. @param {string} text @param {Member[]} members @returns {(Node | string)[]} */
function withMentions(text, members) {
  return text.split(MENTION).flatMap((part) => {
    const [member, rest] = part.startsWith('@') ? mentioned(part.slice(1), members) : [undefined, ''];
    return member ? [h('b', { class: 'mention' }, `@${clipped(member.name, 60)}`), visible(rest)] : [visible(part)];
  });
}
