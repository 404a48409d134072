/**
 * The projects of the person, as last heard; and what people are called there.
 *
 * @module
 */

/** @typedef {{ id: string, name: string, role: string, created_at?: string }} Project */

const KEPT = 'rowcast.projects';
/** How often the list is asked for while somebody looks; nothing tells of other people’s renaming. */
const EVERY_MS = 30_000;
/** At least this long between two questions, however often somebody comes back. */
const CALM_MS = 5_000;

export class Projects {
  #session;
  /** @type {Project[] | null} */
  #items = null;
  /** @type {Set<() => void>} */
  #listeners = new Set();
  /** @type {Map<string, Promise<Map<string, string>>>} */
  #names = new Map();
  #askedAt = 0;
  /** Why the list could not be fetched. @type {any} */
  error = null;

  /** @param {import('./session.js').Session} session */
  constructor(session) {
    this.#session = session;
    this.#items = kept(session.user?.id);
  }

  /** Null until they are known. */
  get items() {
    return this.#items;
  }

  /** @param {string} id */
  get(id) {
    return this.#items?.find((project) => project.id === id);
  }

  /** @param {() => void} listener @returns {() => void} stops it */
  subscribe(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Keeps the list as it is at the hub, while somebody looks. */
  follow() {
    const look = () => {
      if (!document.hidden && Date.now() - this.#askedAt >= CALM_MS) void this.refresh();
    };
    const timer = setInterval(() => Date.now() - this.#askedAt >= EVERY_MS && look(), CALM_MS);
    for (const event of ['focus', 'online']) addEventListener(event, look);
    document.addEventListener('visibilitychange', look);
    this.close = () => {
      clearInterval(timer);
      for (const event of ['focus', 'online']) removeEventListener(event, look);
      document.removeEventListener('visibilitychange', look);
    };
    void this.refresh();
  }

  /** Asks no more. */
  close = () => {};

  async refresh() {
    this.#askedAt = Date.now();
    try {
      this.#items = await this.#all();
      this.error = null;
      this.#keep();
    } catch (error) {
      this.error = error;
    }
    this.#tell();
  }

  /** @returns {Promise<Project[]>} */
  async #all() {
    const items = [];
    for (let next = ''; ; ) {
      const page = await this.#session.call('GET', `/projects${next ? `?cursor=${encodeURIComponent(next)}` : ''}`);
      items.push(...page.items);
      if (!page.next || items.length > 2_000) return items;
      next = page.next;
    }
  }

  /** @param {string} name @returns {Promise<Project>} */
  async create(name) {
    const project = await this.#session.call('POST', '/projects', { name });
    this.learn(project);
    return project;
  }

  /** @param {string} id @param {string} name */
  async rename(id, name) {
    await this.#session.call('PATCH', `/projects/${encodeURIComponent(id)}`, { name });
    const known = this.get(id);
    if (known) this.learn({ ...known, name });
  }

  /** @param {string} id */
  async delete(id) {
    await this.#session.call('DELETE', `/projects/${encodeURIComponent(id)}`);
    this.forget(id);
  }

  /** A project was heard of otherwise. @param {Project} project */
  learn(project) {
    const known = this.get(project.id);
    if (known && known.name === project.name && known.role === project.role) return;
    const items = this.#items ?? [];
    this.#items = known ? items.map((item) => (item === known ? { ...known, ...project } : item)) : [...items, project];
    this.#keep();
    this.#tell();
  }

  /** @param {string} id */
  forget(id) {
    if (!this.get(id)) return;
    this.#items = (this.#items ?? []).filter((item) => item.id !== id);
    this.#keep();
    this.#tell();
  }

  /** What people of a project are called: id → name. @param {string} project */
  names(project) {
    const known = this.#names.get(project) ?? this.#fetchNames(project);
    this.#names.set(project, known);
    return known;
  }

  /** @param {string} project @returns {Promise<Map<string, string>>} */
  async #fetchNames(project) {
    try {
      const { items } = await this.#session.call('GET', `/projects/${encodeURIComponent(project)}/members`);
      return new Map(items.map((/** @type {any} */ { user }) => [user.id, user.name]));
    } catch {
      return new Map();
    }
  }

  #keep() {
    try {
      sessionStorage.setItem(KEPT, JSON.stringify({ user: this.#session.user?.id, items: this.#items }));
    } catch {
      // Asked again after a reload.
    }
  }

  #tell() {
    for (const listener of this.#listeners) listener();
  }
}

/** @param {string | undefined} user @returns {Project[] | null} */
function kept(user) {
  try {
    const found = JSON.parse(sessionStorage.getItem(KEPT) ?? 'null');
    return found?.user === user && Array.isArray(found?.items) ? found.items : null;
  } catch {
    return null;
  }
}
