/**
 * The screen of one project: its board, and the task that is open beside it.
 *
 * @module
 */

import { Actions } from '../board/actions.js';
import { QuickAdd } from '../board/add.js';
import { Card } from '../board/card.js';
import { Column } from '../board/column.js';
import { Cursor } from '../board/cursor.js';
import { BoardData, COLUMNS, PRIORITIES } from '../board/data.js';
import { News } from '../board/news.js';
import { Drag } from '../board/drag.js';
import { FilterBar, filterOf, isFiltering, matching, queryOf } from '../board/filter.js';
import { listenToKeys, showHelp } from '../board/keys.js';
import { gone } from '../board/gone.js';
import { presenceBar } from '../board/presence.js';
import { TaskSide } from '../board/side.js';
import { Tabs } from '../board/tabs.js';
import { boardLink, go, replaceRoute } from '../routes.js';
import { announce, clipped, h, keepingFocus, oncePerFrame, setText } from '../ui/dom.js';
import { icon } from '../ui/icons.js';
import { notify } from '../ui/notices.js';
import { plural } from '../ui/words.js';

/** @typedef {import('/client/types.js').Row} Row */
/** @typedef {import('../routes.js').Route} Route */
/** @typedef {import('../app.js').App} App */

/** How long after a keystroke the address follows the filter. */
const ADDRESS_MS = 300;

/** @type {import('../app.js').Screen} */
export function boardScreen(app, outlet, route) {
  return new Board(app, outlet, route);
}

class Board {
  #app;
  #outlet;
  #id;
  #route;
  #project;
  #data;
  #actions;
  #filter;
  #filterBar;
  /** @type {Map<string, Card>} */
  #cards = new Map();
  /** @type {Map<string, Column>} */
  #columns = new Map();
  /** @type {Map<string, QuickAdd>} */
  #adds = new Map();
  #columnsBox = h('div', { class: 'columns' });
  #tabs = new Tabs(this.#columnsBox, this.#columns);
  #body = h('div', { class: 'board-body' });
  #waiting = h('p', { class: 'waiting', role: 'status', hidden: true });
  #panel;
  #heading;
  /** What others did while nobody looked. */
  #away = h('div');
  #undo = tool('undo', 'Undo', 'bare edits');
  #redo = tool('redo', 'Redo', 'bare edits');
  #viewing = h('span', { class: 'viewing', hidden: true, title: 'You may look at this project. An owner can let you change it.' }, 'View only');
  #cursor;
  /** Which tables changed since the board was shown. */
  #stale = new Set(['tasks', 'comments', 'people', 'touched']);
  #addressTimer = 0;
  #gone = false;
  #closed = false;
  /** @type {(() => void)[]} */
  #stops = [];

  /**
   * @param {App} app
   * @param {HTMLElement} outlet
   * @param {Route} route
   */
  constructor(app, outlet, route) {
    this.#app = app;
    this.#outlet = outlet;
    this.#route = route;
    this.#id = route.project ?? '';
    this.#project = app.live.project(this.#id);
    this.#data = new BoardData(this.#project, app.live.client, app.drafts);
    this.#actions = new Actions(this.#project, this.#data);
    this.#cursor = new Cursor({ box: this.#columnsBox, columns: this.#columns, cards: this.#cards, data: this.#data, select: (status) => this.#tabs.select(status) });
    this.#filter = filterOf(route.query);
    this.#filterBar = new FilterBar(this.#data, this.#filter, (filter) => this.#filtered(filter));
    for (const column of COLUMNS) this.#makeColumn(column);
    new Drag(this.#columnsBox, this.#dragHost());
    const close = () => this.#openTask(null);
    this.#panel = new TaskSide({ app, project: this.#project, data: this.#data, actions: this.#actions, close, open: (id) => this.#openTask(id) }, this.#body);
    const { bar, heading } = app.frame.bar(app.projects.get(this.#id)?.name ?? '', ...this.#barContent());
    this.#heading = heading;
    heading.classList.add('said');
    this.#body.append(h('div', { class: 'board' }, this.#tabs.element, this.#waiting, this.#away, this.#columnsBox));
    outlet.append(bar, h('div', { class: 'board-tools' }, this.#filterBar.element, ...this.#tools()), this.#body);
    this.#tabs.restore();
    this.#listen();
    this.#showUndo();
    this.#show();
  }

  /** The address changed, but not the project. @param {Route} route */
  update(route) {
    this.#route = route;
    const filter = filterOf(route.query);
    if (queryOf(filter).toString() !== queryOf(this.#filter).toString()) {
      this.#filter = filter;
      this.#filterBar.set(filter);
    }
    this.#show();
    if (!route.task) this.#cursor.focus();
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#addressTimer);
    for (const stop of this.#stops) stop();
    this.#panel.close();
    this.#project.state.set('at', null);
    this.#app.live.leave(this.#project);
  }

  #barContent() {
    const people = presenceBar(this.#project, this.#app.live.client, this.#data);
    this.#stops.push(people.stop);
    const members = h('a', { class: 'bare button', href: `#/p/${encodeURIComponent(this.#id)}/people`, 'aria-label': 'Members and invitations', title: 'Members and invitations' }, icon('people'));
    const connect = h('a', { class: 'bare button keyboard', href: `#/p/${encodeURIComponent(this.#id)}/connect`, 'aria-label': 'Connect a program', title: 'Connect a program: channel, token, samples' }, icon('code'));
    return [people.element, this.#viewing, members, connect];
  }

  #tools() {
    this.#undo.addEventListener('click', () => void this.#actions.back('undo'));
    this.#redo.addEventListener('click', () => void this.#actions.back('redo'));
    return [
      this.#undo,
      this.#redo,
      tool('help', 'Keys', 'bare keyboard', showHelp),
    ];
  }

  /** Whether there is anything to take back, or to do again. */
  #showUndo() {
    this.#undo.disabled = !this.#project.canUndo;
    this.#redo.disabled = !this.#project.canRedo;
  }

  /** @param {{ status: string, name: string }} column */
  #makeColumn(column) {
    const { status, name } = column;
    const add = new QuickAdd(name, `add.${this.#id}.${status}`, this.#app.drafts, (title) => this.#add(title, status));
    const made = new Column(column, (row) => this.#cardOf(row), add.element);
    this.#columns.set(status, made);
    this.#adds.set(status, add);
    this.#columnsBox.append(made.element);
    this.#tabs.add(column);
  }

  #listen() {
    const project = this.#project;
    const soon = oncePerFrame(() => this.#show());
    const stale = (/** @type {string[]} */ ...what) => () => {
      for (const name of what) this.#stale.add(name);
      soon();
    };
    this.#stops.push(
      project.table('tasks').subscribe(stale('tasks')),
      project.table('comments').subscribe(stale('comments')),
      project.table('members').subscribe(stale('people')),
      project.table('projects').subscribe(stale()),
      project.presence.subscribe(stale('people')),
      project.state.subscribe(stale('touched')),
      project.subscribe(stale('people')),
      this.#app.live.client.subscribe(stale()),
      listenToKeys(this.#keyHost()),
      new News({ app: this.#app, project, data: this.#data, changed: stale(), address: (id) => this.#address(id), box: this.#away }).stop,
      this.#app.live.client.history.subscribe(() => this.#showUndo()),
    );
    for (const event of ['beforeprint', 'afterprint']) {
      const print = () => [...this.#columns.values()].forEach((column) => column.print(event === 'beforeprint'));
      addEventListener(event, print);
      this.#stops.push(() => removeEventListener(event, print));
    }
    project.ready.then(stale('tasks', 'comments', 'people', 'touched'), () => soon());
  }

  /** Brings the whole screen up to what is known. */
  #show() {
    if (this.#closed) return;
    if (this.#project.status === 'removed') return this.#showGone();
    this.#read();
    const { ready } = this.#data;
    this.#columnsBox.classList.toggle('skeleton', !ready);
    this.#outlet.classList.toggle('readonly', ready && !this.#data.mayEdit);
    this.#viewing.hidden = !ready || this.#data.mayEdit;
    this.#outlet.classList.toggle('with-task', this.#route.task !== undefined);
    this.#showWaiting(!ready);
    if (!ready) return;
    this.#app.settled();
    this.#filterBar.refresh(this.#filter);
    this.#showName();
    keepingFocus(() => this.#showColumns());
    for (const add of this.#adds.values()) add.allowed = this.#data.mayEdit;
    this.#panel.show(this.#route.task ?? null);
    this.#cursor.settle();
  }

  /** Without a connection since the page was opened there is nothing to show, and that is said. @param {boolean} waiting */
  #showWaiting(waiting) {
    const { name, unsent } = this.#app.live.client.state;
    const kept = unsent > 0 ? ` ${plural(unsent, 'change')} of yours ${unsent === 1 ? 'is' : 'are'} kept and will be sent.` : '';
    this.#waiting.hidden = !waiting || name !== 'offline';
    setText(this.#waiting, `The hub cannot be reached. The board comes as soon as it can.${kept}`);
  }

  #read() {
    if (this.#stale.has('tasks')) this.#data.readTasks();
    if (this.#stale.has('comments')) this.#data.readComments();
    if (this.#stale.has('people')) this.#data.readPeople();
    if (this.#stale.has('touched')) this.#data.readTouched();
    this.#stale.clear();
  }

  #showName() {
    const row = this.#project.table('projects').rows()[0];
    const name = String(row?.name ?? '');
    setText(this.#heading, name.slice(0, 200));
    document.title = name === '' ? 'Rowcast' : `${name.slice(0, 80)} · Rowcast`;
    if (row && this.#data.role) this.#app.projects.learn({ id: this.#id, name, role: this.#data.role });
  }

  #showColumns() {
    const all = this.#data.top;
    const shown = matching(all, this.#filter);
    for (const [status, column] of this.#columns) {
      const rows = shown.filter((row) => row.status === status);
      const total = isFiltering(this.#filter) ? all.filter((row) => row.status === status).length : rows.length;
      column.set(rows, total);
      this.#tabs.count(status, rows.length);
    }
    for (const [id, card] of this.#cards) {
      if (!card.element.isConnected) this.#cards.delete(id);
      else card.mark(id === this.#route.task, this.#address(id));
    }
  }

  /** @param {Row} row */
  #cardOf(row) {
    let card = this.#cards.get(row.id);
    if (!card) {
      card = new Card(row.id, this.#data);
      card.mark(row.id === this.#route.task, this.#address(row.id));
      this.#cards.set(row.id, card);
    }
    return card;
  }

  /** The person was taken out, or the project is gone: words, and a way on. */
  #showGone() {
    if (this.#gone) return;
    this.#gone = true;
    const { element, title } = gone(this.#heading.textContent, this.#project.error);
    this.#panel.close();
    this.#app.projects.forget(this.#id);
    for (const box of this.#outlet.querySelectorAll('.board-tools, .bar .button')) box.remove();
    this.#body.replaceChildren(element);
    title.focus();
  }

  /** @param {import('../board/filter.js').Filter} filter */
  #filtered(filter) {
    this.#filter = filter;
    this.#showColumns();
    for (const { scroller } of this.#columns.values()) scroller.scrollTop = 0;
    clearTimeout(this.#addressTimer);
    this.#addressTimer = window.setTimeout(() => {
      const found = [...this.#columns.values()].reduce((sum, { rows }) => sum + rows.length, 0);
      announce(`${found} tasks shown`);
      history.replaceState(null, '', this.#address(this.#route.task ?? null));
    }, ADDRESS_MS);
  }

  /** The board or a task on it, with what is searched and filtered. @param {string | null} id */
  #address(id) {
    return boardLink(this.#id, id ?? undefined, queryOf(this.#filter));
  }

  /** @param {string | null} id */
  #openTask(id) {
    const address = this.#address(id);
    if (id === null) {
      if (this.#route.task) this.#cursor.at(this.#route.task);
      replaceRoute(address);
    } else go(address);
  }

  /** @param {string} title @param {string} status */
  #add(title, status) {
    const { id, done } = this.#actions.add(title, status);
    this.#tellIfHidden(id);
    requestAnimationFrame(() => requestAnimationFrame(() => this.#columns.get(status)?.reveal(id)));
    return done;
  }

  /** A card that the filter hides was added all the same. @param {string} id */
  #tellIfHidden(id) {
    const row = this.#data.tasks.get(id);
    if (!row || matching([row], this.#filter).length > 0) return;
    const words = `“${clipped(row.title, 60)}” was added; what is searched or filtered here does not show it.`;
    notify(words, { kind: 'info', action: { label: 'Show all', run: () => this.#filterBar.reset() } });
  }

  /** @param {number} dx @param {number} dy */
  #carry(dx, dy) {
    const task = this.#cursor.chosen;
    if (!task || !this.#data.mayEdit) return;
    this.#cursor.follow(task.id);
    if (dx !== 0) this.#actions.shift(task, /** @type {-1 | 1} */ (dx));
    else this.#actions.nudge(task, /** @type {-1 | 1} */ (dy), this.#columns.get(task.status)?.rows ?? []);
  }

  /** @returns {import('../board/keys.js').KeyHost} */
  #keyHost() {
    const withTask = (/** @type {(task: Row) => void} */ action) => () => {
      const task = this.#cursor.chosen;
      if (task && this.#data.mayEdit) action(task);
    };
    return {
      step: (dx, dy) => this.#cursor.step(dx, dy),
      carry: (dx, dy) => this.#carry(dx, dy),
      open: () => this.#openChosen(),
      create: () => this.#data.mayEdit && this.#create(),
      search: () => this.#filterBar.focus(),
      escape: () => (this.#route.task ? this.#openTask(null) : isFiltering(this.#filter) && this.#filterBar.reset()),
      remove: withTask((task) => this.#remove(task)),
      take: withTask((task) => void this.#actions.update(task.id, { assignee: task.assignee === this.#data.me ? null : this.#data.me })),
      rank: (rank) => withTask((task) => void this.#actions.update(task.id, { priority: PRIORITIES[rank] }))(),
      back: (way) => this.#data.mayEdit && void this.#actions.back(way),
    };
  }

  /** The chosen task is opened; the open one is written. */
  #openChosen() {
    const task = this.#cursor.chosen;
    if (task && task.id !== this.#route.task) this.#openTask(task.id);
    else if (this.#route.task) this.#panel.edit();
  }

  #create() {
    const status = this.#cursor.chosen?.status ?? this.#tabs.chosen;
    this.#tabs.select(status);
    this.#adds.get(status)?.focus();
  }

  /** @param {Row} task */
  #remove(task) {
    this.#cursor.leave(task);
    this.#actions.remove(task);
    if (this.#route.task === task.id) this.#openTask(null);
  }

  /** @returns {import('../board/drag.js').DragHost} */
  #dragHost() {
    return {
      allowed: () => this.#data.mayEdit,
      columns: () => [...this.#columns.values()],
      drop: (id, status, before) => this.#drop(id, status, before),
      dragging: (id) => this.#project.state.set('at', id === null ? null : { task: id, field: 'place' }),
      hover: (x, y) => this.#tabs.hover(x, y),
    };
  }

  /** @param {string} id @param {string} status @param {string | null} before */
  #drop(id, status, before) {
    const task = this.#data.tasks.get(id);
    const rows = this.#columns.get(status)?.rows.filter((row) => row.id !== id) ?? [];
    if (!task || before === id) return;
    const at = before === null ? rows.length : rows.findIndex((row) => row.id === before);
    const standing = this.#columns.get(status)?.rows.findIndex((row) => row.id === id);
    if (standing === at && task.status === status) return;
    const last = rows.at(-1);
    this.#actions.move(task, status, before !== null ? { before } : last ? { after: last.id } : undefined);
  }
}

/**
 * A button of the board.
 *
 * @param {import('../ui/icons.js').IconName} picture
 * @param {string} label
 * @param {string} className
 * @param {() => void} [run]
 */
function tool(picture, label, className, run) {
  return h('button', { type: 'button', class: className, 'aria-label': label, title: label, ...(run ? { onclick: run } : {}) }, icon(picture));
}
