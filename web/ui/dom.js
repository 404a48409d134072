/**
 * Small helpers for making and changing the page. Text from people only ever becomes text, never markup.
 *
 * @module
 */

/** @typedef {Node | string | null | undefined | false} Child */

/** Set as properties, since the attribute is only their first value. */
const PROPERTIES = new Set(['value', 'checked', 'disabled', 'hidden', 'readOnly', 'selected', 'indeterminate', 'inert']);

/**
 * Makes an element. `on…` are listeners, `data` and the rest attributes; null and false are left out.
 *
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, any>} [props]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) setProp(element, name, value);
  element.append(...present(children));
  return element;
}

/**
 * @param {HTMLElement} element
 * @param {string} name
 * @param {any} value
 */
function setProp(element, name, value) {
  if (name.startsWith('on')) return element.addEventListener(name.slice(2), value);
  if (name === 'data') return void Object.assign(element.dataset, value);
  if (PROPERTIES.has(name)) return void (/** @type {any} */ (element)[name] = value);
  if (value === null || value === undefined || value === false) return;
  element.setAttribute(name, value === true ? '' : String(value));
}

/** @param {Child[]} children @returns {(Node | string)[]} */
function present(children) {
  return /** @type {(Node | string)[]} */ (children.filter((child) => child !== null && child !== undefined && child !== false));
}

/**
 * The element with this id.
 *
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no #${id}`);
  return element;
}

/**
 * Text that people wrote: apart from its surroundings whatever direction it has, and without control
 * characters.
 *
 * @param {string} text
 * @param {string} [className]
 */
export function said(text, className = '') {
  return h('span', { class: `said ${className}`.trim(), dir: 'auto' }, visible(text));
}

/** Pictures instead of control characters, but for line breaks and tabs. @param {unknown} text */
export function visible(text) {
  // eslint-disable-next-line no-control-regex
  return String(text ?? '').replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g, (c) => (c === '\u007f' ? '\u2421' : String.fromCharCode(0x2400 + c.charCodeAt(0))));
}

/**
 * The beginning of a text, for where there is little room: nobody lays out 64 KiB in a card.
 *
 * @param {unknown} text
 * @param {number} [most]
 */
export function clipped(text, most = 300) {
  const whole = visible(text);
  if (whole.length <= most) return whole;
  return `${whole.slice(0, most).replace(/[\ud800-\udbff]$/, '')}…`;
}

/**
 * Sets an element's text if it is another.
 *
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Makes `elements` the children of `parent`, in this order. An element that stands right already is not
 * touched.
 *
 * @param {Element} parent
 * @param {Child[]} elements
 */
export function setChildren(parent, elements) {
  const list = present(elements);
  const wanted = new Set(list);
  for (const child of [...parent.childNodes]) if (!wanted.has(child)) child.remove();
  for (const [at, element] of list.entries()) {
    const standing = parent.childNodes[at] ?? null;
    if (standing !== element) parent.insertBefore(typeof element === 'string' ? new Text(element) : element, standing);
  }
}

/**
 * Moves elements about; the one with the keyboard's focus keeps it, wherever it goes.
 *
 * @param {() => void} rearrange
 */
export function keepingFocus(rearrange) {
  const focused = document.activeElement;
  rearrange();
  if (focused instanceof HTMLElement && focused.isConnected && focused !== document.activeElement) {
    focused.focus({ preventScroll: true });
  }
}

/**
 * Runs `action` before the next paint, once, however often it is called.
 *
 * @param {() => void} action
 * @returns {() => void}
 */
export function oncePerFrame(action) {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    const run = () => {
      waiting = false;
      action();
    };
    if (document.hidden) queueMicrotask(run);
    else requestAnimationFrame(run);
  };
}

/** Whether keys are text just now. @param {EventTarget | null} target */
export function isTyping(target) {
  return target instanceof HTMLElement && target.matches('input:not([type=checkbox]), textarea, select, [contenteditable]');
}

/** A textarea as tall as its text. @param {HTMLTextAreaElement} area */
export function fit(area) {
  area.style.height = 'auto';
  area.style.height = `${Math.min(area.scrollHeight + 2, 480)}px`;
}

/** Says something to those who listen instead of look. @param {string} text */
export function announce(text) {
  const announcer = byId('announcer');
  announcer.textContent = '';
  announcer.textContent = text;
}

/** Whether a text may have marks to show, and is of a length to do so; see `task/markdown.js`. @param {string} text */
export function hasMarks(text) {
  return text.length <= 20_000 && /https?:\/\/|mailto:|[*`]|(^|\s)_\S|\]\(|^\s*(-|\d+[.)])\s/m.test(text);
}
