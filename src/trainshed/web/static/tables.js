// Tables, by Tabulator: loaded where there are some.
import { el, sig } from './base.js';

const MOST_COLUMNS = 60, LIBRARY = 'tabulator-6.5.3.min';
let library = null;
export const tabulator = () => (library ??= new Promise((done, failed) => {
  const here = new URL('.', import.meta.url);
  if (!document.querySelector('[href$="tables.css"]')) for (const name of [`${LIBRARY}.css`, 'tables.css']) document.head.append(el('link', { rel: 'stylesheet', href: new URL(name, here).href }));
  document.head.append(el('script', { src: new URL(`${LIBRARY}.js`, here).href, onload: () => done(window.Tabulator), onerror: failed }));
}));

// What a formatter returns becomes markup, unless it is a node.
export const text = (value) => (value instanceof Node ? value : el('span', { title: value }, String(value ?? '')));

// Roles that a reader of the screen understands, where Tabulator's are others.
export function asRow(content) {
  queueMicrotask(() => content.parentNode?.setAttribute('role', 'row'));
  return content;
}
export function repair(table) {
  for (const each of table.element.querySelectorAll('.tabulator-col-group')) for (const name of ['role', 'aria-sort', 'aria-title']) each.removeAttribute(name);
  // What scrolls can have the focus, so it has to be a part of the grid.
  table.element.querySelector('.tabulator-tableholder').setAttribute('role', 'rowgroup');
  table.element.querySelector('.tabulator-table').setAttribute('role', 'presentation');
}

// A table as somebody has logged or written it.
export async function grid(host, heads, rows) {
  const Table = await tabulator(), node = el('div', { class: 'data', 'aria-label': 'Table' });
  host.replaceChildren(node);
  const empty = (cell) => cell === '' || cell === null || cell === undefined, number = (cell) => empty(cell) || Number.isFinite(Number(cell));
  const columns = heads.slice(0, MOST_COLUMNS).map((head, i) => {
    const right = rows.slice(0, 20).every((row) => number(row[i]));
    return { field: `c${i}`, sorter: right ? 'number' : 'string', hozAlign: right ? 'right' : undefined, headerHozAlign: right ? 'right' : undefined, titleFormatter: () => el('button', { class: 'th' }, String(head)), formatter: (at) => text(typeof at.getValue() === 'number' ? sig(at.getValue()) : at.getValue()) };
  });
  const table = new Table(node, { data: rows.map((row, n) => Object.fromEntries([['n', n], ...columns.map((each, i) => [each.field, row[i]])])), index: 'n', height: '100%', rowHeight: 24, layout: 'fitDataFill', headerSortElement: '<i></i>',
    columns: [{ field: 'n', sorter: 'number', hozAlign: 'right', headerHozAlign: 'right', titleFormatter: () => el('button', { class: 'th' }, '#') }, ...columns] });
  await new Promise((done) => table.on('tableBuilt', done));
  repair(table);
}
