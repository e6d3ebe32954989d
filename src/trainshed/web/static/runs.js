// The table of runs: Tabulator draws it; only the rows in view are asked for, whatever their number.
import { $, ago, dated, el, ended, get, hint, icon, indexOf, keep, kept, listen, many, onKey, overview, ready,
  runAddress, runTime, sig, shortly, state, status, tried, wait } from './base.js';
import { query } from './http.js';
import { bar } from './actions.js';
import { choose } from './columns.js';
import { asRow, repair, tabulator, text } from './tables.js';

const PAGE = 100, FIRST = 60, MOST = 10000;
const narrow = matchMedia('(max-width:700px)');
const FIXED = {
  status: { title: 'Status', minWidth: narrow.matches ? 110 : 150, widthGrow: 2, cell: (run) => status(run, hint(run)) },
  name: { title: 'Name', minWidth: narrow.matches ? 110 : 160, widthGrow: 3, cell: (run) => el('a', { class: 'nm', href: runAddress(run.id), title: run.display_name ? `${run.display_name} (${run.id})` : run.id }, run.name) },
  experiment: { title: 'Experiment', minWidth: 110, cell: (run) => run.experiment, wide: true },
  started: { title: 'Started', width: 84, cell: (run) => dated(run.started ?? run.created, 'span', { class: 'muted' }, ago(run.started)), wide: true },
  took: { title: 'Took', width: narrow.matches ? 72 : 80, hozAlign: 'right', cell: (run) => runTime(run) },
  target: { title: 'Target', minWidth: 80, cell: (run) => run.target, wide: true },
  tags: { title: 'Tags', minWidth: 110, cell: (run) => tags(run.tags ?? {}), wide: true },
};
const ASCENDING = ['name', 'experiment', 'target', 'status'];

const address = new URLSearchParams(location.search);
const view = {
  filter: address.get('filter') ?? '', sort: address.get('sort') ?? '', descending: address.get('descending') !== '0',
  group: address.get('group') ?? kept('group', ''), columns: kept('columns', null),
};
const known = { total: 0, shown: FIRST, rows: new Map(), groups: null, usual: null, pages: new Set(), here: -1 };
const selected = new Map();
let table = null, asked = 0, building = 0, mirroring = false;

// The parts.
const counts = $('#counts'), groups = $('#groups'), hits = $('.hits'), field = $('.search input'), columnsButton = $('#columns');
columnsButton.addEventListener('click', async () => { if (await choose(view)) { keep('columns', view.columns); build(); } });
field.value = view.filter;
let typed = 0;
field.addEventListener('input', () => { clearTimeout(typed); typed = setTimeout(() => { view.filter = field.value; restart(); }, 150); });
groups.addEventListener('click', async (event) => {
  const { group } = event.target.dataset;
  if (group === undefined) return;
  view.group = group;
  keep('group', group);
  build();
});
const actions = bar(selected, mirror);
addEventListener('acted', () => renew());

// Asking. Every position of the table has a row; which run that is becomes known when it comes into view.
const columns = () => view.columns ?? { fixed: Object.keys(FIXED), metrics: known.usual?.metrics ?? [], parameters: known.usual?.parameters ?? [] };
function question(offset) {
  const chosen = columns();
  return `runs?${query({ filter: view.filter, sort: view.sort, descending: view.descending ? 1 : '0', group: view.group, offset, limit: offset ? PAGE : FIRST,
    ...(view.columns || known.usual?.metrics.length ? { metric: chosen.metrics, parameter: chosen.parameters } : { usual: 1 }) })}`;
}
// Returns whether positions mean what they meant before; nothing, if meanwhile something else was asked.
async function ask(offset) {
  if (known.pages.has(offset)) return null;
  const mine = asked;
  known.pages.add(offset);
  wait.classList.add('on');
  const found = await tried(() => get(question(offset)));
  wait.classList.remove('on');
  if (mine !== asked) return null;
  if (!found) { known.pages.delete(offset); return null; }
  const same = found.total === known.total && JSON.stringify(found.groups ?? null) === JSON.stringify(known.groups);
  known.total = found.total;
  known.groups = found.groups ?? null;
  const grown = found.usual && JSON.stringify(found.usual) !== JSON.stringify(known.usual); // columns of the first runs
  if (grown) known.usual = found.usual;
  found.rows.forEach((run, i) => { known.rows.set(offset + i, run); if (selected.has(run.id)) selected.set(run.id, run); });
  hits.textContent = view.filter ? many(found.total, 'run') : '';
  return { same, grown, rows: found.rows };
}
async function page(offset) {
  const found = await ask(offset);
  if (!found || !table) return;
  if (found.grown) { await build(); return; }
  if (found.same) found.rows.forEach((run, i) => show(offset + i, run));
  else { await table.replaceData(positions()); longer(); }
  mirror();
}
function forget() {
  asked++;
  known.pages.clear();
}
function anew() {
  forget();
  known.rows.clear();
  known.total = known.here = -1;
  known.shown = FIRST;
  const made = query({ filter: view.filter, sort: view.sort, descending: view.descending ? '' : '0', group: view.group });
  history.replaceState(null, '', made ? `?${made}` : location.pathname);
  marks();
}
const restart = () => { anew(); return page(0); };
function renew() {
  if (building) return null;
  forget();
  const first = inView()[0]?.getData().n ?? 0;
  return page(first < FIRST ? 0 : first - (first % PAGE));
}
function positions() {
  const made = Array.from({ length: Math.min(known.total, known.shown) }, (_, n) => ({ n, run: known.rows.get(n), text: JSON.stringify(known.rows.get(n)), group: '' }));
  let at = 0;
  for (const group of known.groups ?? []) for (let i = 0; i < group.runs && at < made.length; i++) made[at++].group = group.key;
  return made;
}
const inView = () => (table?.getRows('visible') ?? []).filter((row) => '_row' in row); // without heads of groups
// The first rows are painted before all others have their place.
function longer() {
  if (known.shown >= known.total) return;
  known.shown = view.group ? known.total : known.shown < MOST ? MOST : known.shown + MOST;
  setTimeout(async () => { await table.replaceData(positions()); mirror(); });
}
const wanted = new Set();
function want(n) {
  if (n > known.shown - PAGE) longer();
  if (!wanted.size) queueMicrotask(() => { wanted.forEach(page); wanted.clear(); });
  wanted.add(n < FIRST ? 0 : n - (n % PAGE));
}

// Drawing.
function show(n, run) {
  const row = table.getRow(n);
  if (!row) return;
  const had = document.activeElement?.closest('.tabulator-row') === row.getElement() ? (document.activeElement.type === 'checkbox' ? 'input' : 'a') : null;
  const data = row.getData(), now = JSON.stringify(run);
  if (data.text === now && ended(run)) return;
  [data.run, data.text] = [run, now];
  row.reformat();
  if (had) $(had, row.getElement())?.focus({ preventScroll: true });
}
function column(field, { cell, title, wide, ...more }, kind = '') {
  return { field, title, ...more, ...(kept('widths', {})[field] ? { width: kept('widths', {})[field] } : {}), cssClass: `c-${kind || field}`, headerHozAlign: more.hozAlign, headerSortStartingDir: ASCENDING.includes(field) ? 'asc' : 'desc',
    titleFormatter: () => el('button', { class: `th ${kind ? 'mono' : ''}`, title: kind ? title : null }, title),
    formatter: (at) => { const { run } = at.getData(); return run ? text(cell(run)) : ''; } };
}
function definitions() {
  const chosen = columns(), fixed = chosen.fixed.filter((name) => !(narrow.matches && FIXED[name].wide));
  const set = (title, kind, names, cell) => (names.length ? [{ title, field: kind, cssClass: 'set', columns: names.map((name) => column(`${kind}:${name}`, { title: name, width: kind === 'm' ? 104 : 96, hozAlign: 'right', cell: (run) => cell(run, name) }, kind === 'm' ? 'metric' : 'parameter')) }] : []);
  return [
    { field: 'box', formatter: 'rowSelection', titleFormatter: 'rowSelection', titleFormatterParams: { rowRange: 'visible' }, headerSort: false, resizable: false, width: 40, hozAlign: 'center', headerHozAlign: 'center', cssClass: 'c-box' },
    ...(narrow.matches ? [] : [{ field: 'swatch', title: '', headerSort: false, resizable: false, width: 22, cssClass: 'c-swatch', formatter: (at) => { const { run } = at.getData(); return run?.m ? el('span', { class: 'sw', style: { background: `var(--c${indexOf(run.id) + 1})` } }) : ''; } }]),
    ...fixed.map((name) => column(name, FIXED[name])),
    ...set('Metrics, last value', 'm', chosen.metrics, (run, name) => sig(run.m?.[name])),
    ...set('Parameters', 'p', chosen.parameters, (run, name) => (name in (run.p ?? {}) ? shortly(run.p[name]) : '')),
  ];
}
async function build() {
  anew();
  const mine = ++building;
  await ask(0);
  const library = tabulator();
  if (!table) await first();
  const Table = await library;
  if (mine !== building) return;
  table?.destroy();
  table = new Table('#runs', {
    ajaxURL: 'runs', ajaxRequestFunc: load, dataLoader: false, index: 'n', columns: definitions(), height: '100%', rowHeight: 28, layout: 'fitColumns', nestedFieldSeparator: false,
    sortMode: 'remote', initialSort: view.sort ? [{ column: view.sort, dir: view.descending ? 'desc' : 'asc' }] : [], headerSortElement: '<i></i>',
    movableColumns: true, persistence: { columns: [] }, persistenceID: 'trainshed-runs', renderVerticalBuffer: 140,
    placeholder: nothing, rowFormatter: drawn, scrollToRowPosition: 'nearest', scrollToRowIfVisible: false,
    ...(view.group ? { groupBy: 'group', groupHeader: heading, groupToggleElement: 'header' } : {}),
  });
  const pick = (done) => (row) => { const { run } = row.getData(); if (!mirroring && run) { done(run); actions.update(); } };
  table.on('rowSelected', pick((run) => selected.set(run.id, run)));
  table.on('rowDeselected', pick((run) => selected.delete(run.id)));
  table.on('columnResized', (at) => keep('widths', { ...kept('widths', {}), [at.getField()]: at.getWidth() }));
  table.on('groupVisibilityChanged', (group, open) => heads.get(group.getKey())?.setAttribute('aria-expanded', String(open)));
  await new Promise((done) => table.on('dataProcessed', done));
  building = 0;
  repair(table);
  requestAnimationFrame(() => setTimeout(longer));
  $('.tabulator-header input', table.element).setAttribute('aria-label', 'Select the rows in view');
}
// The first rows are painted before Tabulator has measured and bound everything, which takes as long as all else.
function first() {
  const all = definitions().flatMap((each) => each.columns ?? [each]).map((each) => ({ ...each, style: each.width ? { width: `${each.width}px` } : { flex: `${each.widthGrow ?? 1} 0 0`, 'min-width': `${each.minWidth}px` } }));
  const cells = (run) => all.map(({ cssClass, style, hozAlign, formatter }) => el('div', { class: `tabulator-cell ${cssClass}`, style: { ...style, 'text-align': hozAlign ?? '' } }, typeof formatter === 'function' ? formatter({ getData: () => ({ run }) }) : null));
  $('#runs').replaceChildren(el('div', { class: `first ${all.some((each) => /^[mp]:/.test(each.field)) ? 'sets' : ''}` }, [...known.rows.values()].slice(0, 32).map((run) => el('div', { class: 'tabulator-row', 'data-id': run.id }, cells(run)))));
  $('#runs').classList.add('tabulator');
  return new Promise((done) => { requestAnimationFrame(() => setTimeout(done)); setTimeout(done, 100); });
}
// A click on a head of the table comes here.
async function load(url, config, { sort: [by] = [] }) {
  const { field: sort = '', dir = 'desc' } = by ?? {};
  if (sort !== view.sort || (by && (dir === 'desc') !== view.descending)) { [view.sort, view.descending] = [sort, dir === 'desc']; anew(); await ask(0); setTimeout(longer); }
  queueMicrotask(mirror);
  return positions();
}
let before = new Map();
function drawn(row) {
  const { n, run } = row.getData(), node = row.getElement();
  node.classList.toggle('here', n === known.here);
  if (!run) { want(n); return; }
  node.dataset.id = run.id;
  $('input', node)?.setAttribute('aria-label', `Select ${run.name}`);
  const now = `${run.status} ${columns().metrics.map((name) => run.m?.[name])}`;
  node.classList.toggle('upd', before.has(run.id) && before.get(run.id) !== now);
  before.set(run.id, now);
}
const heads = new Map();
function heading(key, _, __, group) {
  const about = known.groups.find((each) => each.key === key) ?? { runs: 0 }, title = view.group === 'experiment' ? key : key ? about.name || key : 'No sweep';
  const part = (count, kind) => (count ? el('i', { class: kind, style: { width: `${(100 * count) / about.runs}%` } }) : null);
  const words = [[about.completed, 'completed'], [about.failed, 'failed'], [about.canceled, 'canceled'], [about.active, 'active']].filter(([count]) => count).map(([count, name]) => `${count} ${name}`).join(', ');
  const button = el('button', { class: 'icon', 'aria-expanded': String(group.isVisible()), 'aria-label': `Show or hide ${title}` }, icon('down'));
  heads.set(key, button);
  return asRow(el('div', { class: 'gh', role: 'gridcell' }, button, key && view.group === 'sweep' ? el('a', { href: runAddress(key) }, el('b', {}, title)) : el('b', {}, title),
    el('span', { class: 'muted' }, many(about.runs, 'run')), el('span', { class: 'tri', role: 'img', 'aria-label': words, title: words },
      part(about.completed, 'ok'), part(about.failed, 'bad'), part(about.canceled, 'off'), part(about.active, 'run'))));
}
function tags(found) {
  const names = Object.entries(found).filter(([key]) => !/^(hyperparameters$|mlflow\.)/.test(key)).map(([key, value]) => (value === null || value === '' ? key : `${key}: ${value}`));
  return el('div', { class: 'tg' }, names.slice(0, 1).map((name) => el('span', { class: 'tag', title: name }, name)),
    names.length > 1 ? el('span', { class: 'tag', title: names.join(', ') }, `+${names.length - 1}`) : null);
}
function nothing() {
  if (known.total < 0) return el('div');
  return view.filter ? el('div', { class: 'note' }, 'No run matches. ', el('button', { class: 'btn', onclick: () => { field.value = view.filter = ''; restart(); } }, 'Clear'))
    : el('div', { class: 'note' }, 'No runs yet. In a script’s folder: ', el('code', {}, 'trainshed submit . --script train.py'));
}
function marks() {
  pressed();
  const chosen = columns();
  $('span', columnsButton).textContent = String(chosen.fixed.length + chosen.metrics.length + chosen.parameters.length);
  for (const each of groups.children) each.setAttribute('aria-pressed', String(each.dataset.group === view.group));
}
// What is selected are runs, whatever position they have now.
function mirror() {
  mirroring = true;
  for (const row of table.getRows('active')) {
    const { run } = row.getData();
    if (run && row.isSelected() !== selected.has(run.id)) row.toggleSelect();
    else if (!run && row.isSelected()) row.deselect();
  }
  mirroring = false;
  actions.update();
}

// Keys.
function step(by) {
  known.here = Math.min(Math.max(known.here + by, 0), known.total - 1);
  const row = table.getRow(known.here);
  if (row) table.scrollToRow(row);
  for (const each of inView()) each.getElement().classList.toggle('here', each.getData().n === known.here);
}
const current = () => known.rows.get(known.here);
onKey('/', 'Filter', () => field.focus());
onKey('j', 'Next run', () => step(1));
onKey('k', 'Previous run', () => step(-1));
onKey('Enter', 'Open', () => { if (current()) location.href = runAddress(current().id); });
onKey(' ', 'Select', () => { if (current()) table.getRow(known.here).toggleSelect(); });
onKey('Escape', 'Clear the selection', () => { selected.clear(); mirror(); });
actions.keys();

// Counts above the table are filters, too.
const pressed = () => { for (const each of counts.children) each.setAttribute('aria-pressed', String(view.filter === each.dataset.filter)); };
addEventListener('htmx:load', pressed);
counts.addEventListener('click', (event) => {
  const { filter } = event.target.closest('button')?.dataset ?? {};
  if (filter === undefined) return;
  field.value = view.filter = filter;
  restart();
});

await ready;
await build();
document.documentElement.dataset.ready = 'yes';
overview();
narrow.addEventListener('change', () => location.reload());
setInterval(() => { if (!document.hidden) for (const row of inView()) show(row.getData().n, row.getData().run); }, 10000); // "3m ago"
let due = 0;
listen('changes', (kind) => {
  if (due) return;
  due = setTimeout(() => { due = 0; renew(); overview(); }, kind === 'open' ? 0 : 100);
}, state);
