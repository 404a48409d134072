/**
 * Small helpers for the page. Text from people only ever becomes text, never markup.
 *
 * @module
 */

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
 * The first element within another that fits a selector.
 *
 * @template {Element} [E=HTMLElement]
 * @param {ParentNode} parent
 * @param {string} selector
 * @returns {E}
 */
export function within(parent, selector) {
  const element = parent.querySelector(selector);
  if (!element) throw new Error(`nothing fits ${selector}`);
  return /** @type {E} */ (element);
}

/**
 * A copy of the only element in a template.
 *
 * @param {string} id
 * @returns {HTMLElement}
 */
export function fromTemplate(id) {
  const { content } = /** @type {HTMLTemplateElement} */ (byId(id));
  return /** @type {HTMLElement} */ (/** @type {Element} */ (content.firstElementChild).cloneNode(true));
}

/**
 * @param {string} tag
 * @param {string} className
 * @param {string} text
 */
export function textElement(tag, className, text) {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
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
 * @param {Element[]} elements
 */
export function setChildren(parent, elements) {
  const wanted = new Set(elements);
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove();
  for (const [at, element] of elements.entries()) {
    const present = parent.children[at] ?? null;
    if (present !== element) parent.insertBefore(element, present);
  }
}

let rearranging = false;

/**
 * Whether the page itself is moving elements: a `blur` in between is not a person's doing.
 */
export function isRearranging() {
  return rearranging;
}

/**
 * Moves elements about; the one with the keyboard's focus keeps it, wherever it goes.
 *
 * @param {() => void} rearrange
 */
export function keepingFocus(rearrange) {
  const focused = document.activeElement;
  rearranging = true;
  try {
    rearrange();
    if (focused instanceof HTMLElement && focused.isConnected) focused.focus({ preventScroll: true });
  } finally {
    rearranging = false;
  }
}
