// Elements, forms and notices. Data becomes text, never markup.
import { t } from './text.js';

/** An element: `h('p', { class: 'quiet' }, 'text', other)`. Functions are listeners; null and false are left out. */
export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** An element of a picture. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === 'function') element.addEventListener(name, value);
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...present(children));
  return element;
}

/** Without what is not there: `condition && element`. */
export const present = (children) => children.flat(2).filter((child) => child !== null && child !== undefined && child !== false);

export const button = (label, attributes = {}) => h('button', { type: 'button', ...attributes }, label);
export const link = (label, href, attributes = {}) => h('a', { href, ...attributes }, label);

/** A heading that takes the focus when its view is shown. */
export const heading = (text) => h('h1', { tabindex: '-1' }, text);

/** Something to be read at once: what went well waits its turn, the rest interrupts. */
export function notice(kind, ...children) {
  const role = kind === 'good' ? 'status' : 'alert';
  return h('div', { class: `notice ${kind}`, role }, ...children.map((child) => (typeof child === 'string' ? h('p', {}, child) : child)));
}

/**
 * Says what went well to those who look and to those who listen, until there is something else: in a place that is always
 * there, since many readers miss a status that comes with its text. Without a text it takes the last one back.
 */
export function say(text) {
  document.getElementById('live').replaceChildren(...(text ? [h('p', { class: 'notice good' }, text)] : []));
}

/** Puts a view in place of the last one, and the focus on its heading. */
export function show(main, ...children) {
  say();
  main.replaceChildren(...present(children));
  const title = main.querySelector('h1');
  document.title = title ? `${title.textContent} · ${t('title')}` : t('title');
  window.scrollTo(0, 0);
  (main.querySelector('[data-focus]') ?? title)?.focus({ preventScroll: true });
}

let fields = 0;

/** A labelled input: `{ row, input, refuse(text) }`. `refuse()` without a text takes the error back. */
export function field({ name, label, hint, type = 'text', ...attributes }) {
  fields += 1;
  const id = `field-${fields}`;
  const input = h('input', { id, name, type, 'aria-describedby': `${id}-hint ${id}-error`, ...attributes });
  const error = h('p', { id: `${id}-error`, class: 'wrong', hidden: true });
  const box = type === 'password' ? h('div', { class: 'with-eye' }, input, eye(input, label)) : input;
  const row = h('div', { class: type === 'checkbox' ? 'field check' : 'field' },
    h('label', { for: id }, label), box, h('p', { id: `${id}-hint`, class: 'hint', hidden: !hint }, hint ?? ''), error);
  const refuse = (text) => {
    error.textContent = text ?? '';
    error.hidden = !text;
    if (text) input.setAttribute('aria-invalid', 'true');
    else input.removeAttribute('aria-invalid');
  };
  return { row, input, refuse, label };
}

function eye(input, label) {
  const toggle = button(t('show'), { class: 'eye', 'aria-label': t('show_what', { what: label }) });
  toggle.addEventListener('click', () => {
    const shown = input.type === 'password';
    input.type = shown ? 'text' : 'password';
    toggle.textContent = shown ? t('hide') : t('show');
    toggle.setAttribute('aria-label', shown ? t('hide_what', { what: label }) : t('show_what', { what: label }));
  });
  return toggle;
}

/**
 * A form. `send(values)` is awaited; what it throws is shown by `refused(error)`, which gives a text and, if it is about
 * one of the fields, its name. Enter sends; nothing is sent twice. `of`: the address of whose password it asks for.
 */
export function form({ fields: inputs, label, send, refused, more = [], danger = false, reading = '', of = null }) {
  const problem = h('div', { class: 'problem' });
  const submit = h('button', { type: 'submit', class: danger ? 'primary danger' : 'primary' }, label);
  const element = h('form', { novalidate: true, 'aria-label': reading || label },
    of && owner(of), problem, inputs.map((input) => input.row), h('div', { class: 'actions' }, submit, more));
  const wrong = (text, name) => {
    const at = inputs.find((input) => input.input.name === name);
    if (at) {
      at.refuse(text);
      at.input.focus();
    } else {
      const box = notice('error', text);
      box.tabIndex = -1;
      problem.replaceChildren(box);
      box.focus();
    }
  };
  element.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (submit.disabled) return;
    say();
    problem.replaceChildren();
    inputs.forEach((input) => input.refuse());
    const empty = inputs.find(({ input }) => input.required && input.value.trim() === '');
    if (empty) return void wrong(t('is_required', { what: empty.label }), empty.input.name);
    const values = Object.fromEntries(inputs.map(({ input }) => [input.name, input.type === 'checkbox' ? input.checked : input.value]));
    submit.disabled = true;
    element.setAttribute('aria-busy', 'true');
    try {
      await send(values);
    } catch (error) {
      const { text, name } = refused(error);
      wrong(text, name);
    } finally {
      submit.disabled = false;
      element.removeAttribute('aria-busy');
    }
  });
  return element;
}

/** Whose password a form is about, for password managers alone. */
const owner = (email) =>
  h('input', { type: 'email', name: 'username', autocomplete: 'username', value: email, readonly: true, class: 'unseen', tabindex: '-1', 'aria-hidden': 'true' });

let dialogs = 0;

/** A window in front of the page. `build(close)` gives its content; the promise has what `close` was called with. */
export function dialog(title, build) {
  return new Promise((resolve) => {
    dialogs += 1;
    const id = `dialog-title-${dialogs}`;
    const box = h('dialog', { 'aria-labelledby': id });
    let result;
    const close = (value) => {
      result = value;
      box.close();
    };
    box.append(h('h2', { id }, title), ...build(close));
    box.addEventListener('close', () => {
      box.remove();
      resolve(result);
    });
    document.body.append(box);
    box.showModal();
  });
}

/** Whoever was asked is gone: nobody answers in their place. */
export const closeDialogs = () => document.querySelectorAll('dialog[open]').forEach((box) => box.close());

/** Asks before something that cannot be undone. */
export function sure(title, text, label) {
  return dialog(title, (close) => [
    h('p', {}, text),
    h('div', { class: 'actions' },
      button(label, { class: 'primary danger', click: () => close(true) }),
      button(t('cancel'), { class: 'plain', autofocus: true, click: () => close(false) })),
  ]);
}

/** A table that lies down on narrow screens, and stays a table for those who listen. */
export function table(caption, columns, rows) {
  const cell = (content, at) => h('td', { role: 'cell', 'data-label': columns[at] }, content);
  return h('table', { role: 'table' },
    h('caption', { class: 'unseen' }, caption),
    h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, columns.map((name) => h('th', { role: 'columnheader', scope: 'col' }, name)))),
    h('tbody', { role: 'rowgroup' }, rows.map((row) => h('tr', { role: 'row' }, row.map(cell)))));
}
