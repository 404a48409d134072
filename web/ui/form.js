/**
 * Forms: labelled fields, errors at the field they belong to, nothing typed lost when something fails.
 *
 * @module
 */

import { h, setText } from './dom.js';
import { errorWords } from './words.js';

/**
 * @typedef {object} FieldSpec
 * @property {string} name
 * @property {string} label
 * @property {string} [type]
 * @property {string} [autocomplete]
 * @property {string} [hint]
 * @property {string} [value]
 * @property {boolean} [optional]
 * @property {[string, string][]} [options] value and name, for a choice
 */

let count = 0;

/**
 * @param {object} spec
 * @param {FieldSpec[]} spec.fields
 * @param {string} spec.submit what the button says
 * @param {(values: Record<string, string>) => Promise<void>} spec.action rejected: the form stays, with words
 * @param {string} [spec.className]
 * @returns {HTMLFormElement}
 */
export function form({ fields, submit, action, className = '' }) {
  const general = h('p', { class: 'error', role: 'alert', hidden: true });
  const button = h('button', { type: 'submit', class: 'primary' }, submit);
  const rows = fields.map((field) => fieldRow(field));
  const element = h('form', { class: `form ${className}`, novalidate: true }, ...rows.map(({ row }) => row), general, button);
  element.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (button.disabled) return;
    clear(rows, general);
    const empty = rows.find(({ spec, input }) => !spec.optional && input.value.trim() === '');
    if (empty) return showFieldError(empty, `${empty.spec.label} is needed.`);
    button.disabled = true;
    try {
      await action(Object.fromEntries(rows.map(({ spec, input }) => [spec.name, input.value])));
    } catch (error) {
      showError(error, rows, general);
    } finally {
      button.disabled = false;
    }
  });
  return element;
}

/** @typedef {ReturnType<typeof fieldRow>} FieldRow */

/** @param {FieldSpec} spec */
function fieldRow(spec) {
  const id = `field-${(count += 1)}`;
  const shared = { id, name: spec.name, 'aria-describedby': `${id}-words` };
  const input = spec.options
    ? h('select', shared, ...spec.options.map(([value, name]) => h('option', { value }, name)))
    : h('input', { ...shared, type: spec.type ?? 'text', autocomplete: spec.autocomplete ?? 'off', spellcheck: 'false' });
  if (spec.value !== undefined) input.value = spec.value;
  const words = h('small', { id: `${id}-words` }, spec.hint ?? '');
  const row = h('div', { class: 'field' }, h('label', { for: id }, spec.label), input, words);
  return { spec, row, input, words };
}

/**
 * @param {FieldRow[]} rows
 * @param {HTMLElement} general
 */
function clear(rows, general) {
  general.hidden = true;
  for (const { input, words, spec } of rows) {
    input.removeAttribute('aria-invalid');
    setText(words, spec.hint ?? '');
    words.classList.remove('error');
  }
}

/**
 * @param {any} error
 * @param {FieldRow[]} rows
 * @param {HTMLElement} general
 */
function showError(error, rows, general) {
  /** @type {{ field: string, message: string }[]} */
  const named = error?.errors ?? (error?.field ? [{ field: error.field, message: errorWords(error) }] : []);
  const found = named.flatMap(({ field, message }) => {
    const row = rows.find(({ spec }) => spec.name === field);
    return row ? [{ row, message: error.code === 'email_taken' ? errorWords(error) : message }] : [];
  });
  for (const { row, message } of found.reverse()) showFieldError(row, message);
  if (found.length > 0) return;
  general.hidden = false;
  setText(general, errorWords(error));
}

/**
 * @param {FieldRow} row
 * @param {string} message
 */
function showFieldError({ input, words }, message) {
  input.setAttribute('aria-invalid', 'true');
  words.classList.add('error');
  setText(words, message.charAt(0).toUpperCase() + message.slice(1));
  input.focus();
}
