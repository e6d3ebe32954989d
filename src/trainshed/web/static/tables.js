// Tables, by Tabulator: loaded where there are some.
import { el } from './base.js';

const LIBRARY = 'tabulator-6.5.3.min';
let library = null;
export const tabulator = () => (library ??= new Promise((done, failed) => {
  const here = new URL('.', import.meta.url);
  if (!document.querySelector('[href$="tables.css"]')) for (const name of [`${LIBRARY}.css`, 'tables.css']) document.head.append(el('link', { rel: 'stylesheet', href: new URL(name, here).href }));
  document.head.append(el('script', { src: new URL(`${LIBRARY}.js`, here).href, onload: () => done(window.Tabulator), onerror: failed }));
}));

// What a formatter returns becomes markup, unless it is a node.
export const text = (value) => (value instanceof Node ? value : el('span', { title: value }, value ?? ''));

// Roles that a reader of the screen understands, where Tabulator's are others.
export function asRow(content) {
  queueMicrotask(() => content.parentNode?.setAttribute('role', 'row'));
  return content;
}
export function repair(table) {
  for (const each of table.element.querySelectorAll('.tabulator-col-group')) for (const name of ['role', 'aria-sort', 'aria-title']) each.removeAttribute(name);
  table.element.querySelector('.tabulator-tableholder').removeAttribute('tabindex');
}
