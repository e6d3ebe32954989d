// The table of runs: only the rows in view are asked for and drawn, whatever their number.
import { $, ago, colour, dated, el, get, grouped, hint, icon, indexOf, keep, kept, listen, many, onKey, onTheme, overview, ready,
  runAddress, runTime, sig, shortly, state, status, tried, wait } from './base.js';
import { query } from './http.js';
import { bar } from './actions.js';
import { choose } from './columns.js';

const ROW = 28, HEAD = 32, PAGE = 100;
const FIXED = {
  status: { title: 'Status', sort: 'status', cell: (run) => status(run, hint(run)) },
  name: { title: 'Name', sort: 'name', cell: (run) => el('a', { class: 'nm', href: runAddress(run.id), title: run.display_name ? `${run.display_name} (${run.id})` : run.id }, run.name) },
  experiment: { title: 'Experiment', sort: 'experiment', cell: (run) => run.experiment, text: true },
  started: { title: 'Started', sort: 'started', cell: (run) => dated(run.started ?? run.created, 'span', { class: 'muted' }, ago(run.started)) },
  took: { title: 'Took', sort: 'took', num: true, cell: (run) => runTime(run) },
  target: { title: 'Target', sort: 'target', cell: (run) => run.target, text: true },
  tags: { title: 'Tags', sort: 'tags', cell: (run) => tags(run.tags ?? {}) },
};

const address = new URLSearchParams(location.search);
const view = {
  filter: address.get('filter') ?? '', sort: address.get('sort') ?? '', descending: address.get('descending') !== '0',
  group: address.get('group') ?? kept('group', ''), columns: kept('columns', null), closed: new Set(),
};
const table = { total: 0, rows: new Map(), groups: null, pages: new Map(), here: -1 };
const selected = new Map();
let asked = 0;

// The parts.
const counts = $('#counts'), groups = $('#groups'), hits = $('.hits'), scroller = $('#runs'), field = $('.search input'), columnsButton = $('#columns');
columnsButton.addEventListener('click', async () => { if (await choose(view)) { keep('columns', view.columns); head(); renew(); } });
field.value = view.filter;
field.addEventListener('input', () => later());
groups.addEventListener('click', (event) => {
  const { group } = event.target.dataset;
  if (group === undefined) return;
  view.group = group;
  keep('group', group);
  view.closed.clear();
  renew(true);
});
const thead = el('thead'), tbody = el('tbody');
scroller.append(el('table', { class: 'runs' }, thead, tbody));
const actions = bar(selected, () => draw(), () => renew());
onTheme(() => draw());

// Asking.
const later = (() => { let timer; return () => { clearTimeout(timer); timer = setTimeout(() => { view.filter = field.value; renew(true); }, 150); }; })();
const columns = () => view.columns ?? { fixed: Object.keys(FIXED), metrics: table.usual?.metrics ?? [], parameters: table.usual?.parameters ?? [] };
function question(offset) {
  const chosen = columns();
  return `runs?${query({ filter: view.filter, sort: view.sort, descending: view.descending ? 1 : '0', group: view.group, offset, limit: offset ? PAGE : 60,
    ...(view.columns || table.usual?.metrics.length ? { metric: chosen.metrics, parameter: chosen.parameters } : { usual: 1 }) })}`;
}
async function page(offset) {
  const mine = asked, key = `${mine}:${offset}`;
  if (table.pages.get(offset) === key) return;
  table.pages.set(offset, key);
  wait.classList.add('on');
  const found = await tried(() => get(question(offset)));
  wait.classList.remove('on');
  if (mine !== asked || !found) { if (!found) table.pages.delete(offset); return; }
  table.total = found.total;
  if (found.usual) { table.usual = found.usual; head(); }
  if (found.groups) table.groups = found.groups;
  if (offset === 0 && found.rows.length === 60 && found.total > 60) table.pages.set(60, undefined);
  found.rows.forEach((run, i) => { table.rows.set(offset + i, run); if (selected.has(run.id)) selected.set(run.id, run); });
  count();
  draw();
}
function renew(fromTop) {
  asked++;
  table.pages.clear();
  if (fromTop) {
    scroller.scrollTop = 0;
    table.rows.clear();
    table.groups = null;
    const made = query({ filter: view.filter, sort: view.sort, descending: view.descending ? '' : '0', group: view.group });
    history.replaceState(null, '', made ? `?${made}` : location.pathname);
    head();
  }
  // At first nothing is drawn yet, and asking where is what would take time.
  if (!table.rows.size || (!table.groups && view.group)) return page(0);
  const [first] = range();
  return page(first < 60 ? 0 : first - (first % PAGE));
}

// Where everything is: with groups, each has a head and, if it is open, its rows.
function* segments() {
  let top = 0, offset = 0;
  if (!view.group || !table.groups) { yield { top, offset, count: table.total, head: null }; return; }
  for (const group of table.groups) {
    const open = !view.closed.has(group.key);
    yield { top, offset, count: open ? group.runs : 0, head: group, open };
    top += HEAD + (open ? group.runs * ROW : 0);
    offset += group.runs;
  }
}
function height() {
  let last = 0;
  for (const each of segments()) last = each.top + (each.head ? HEAD : 0) + each.count * ROW;
  return last;
}
function range() {
  const top = Math.max(scroller.scrollTop - 300, 0), bottom = scroller.scrollTop + scroller.clientHeight + 300;
  let first = Infinity, last = 0;
  for (const each of segments()) {
    const begin = each.top + (each.head ? HEAD : 0);
    const from = Math.max(Math.floor((top - begin) / ROW), 0), to = Math.min(Math.ceil((bottom - begin) / ROW), each.count);
    if (from < to) { first = Math.min(first, each.offset + from); last = Math.max(last, each.offset + to); }
  }
  return [first === Infinity ? 0 : first, last];
}

// Drawing.
function head() {
  const chosen = columns(), button = (title, sort, mono) => el('button', { class: `th ${mono ? 'mono' : ''}`, title: mono ? title : null, onclick: () => {
    [view.sort, view.descending] = view.sort === sort ? [sort, !view.descending] : [sort, !['name', 'experiment', 'target', 'status'].includes(sort)];
    renew(true);
  } }, title);
  const sorted = (sort) => (view.sort === sort ? (view.descending ? 'descending' : 'ascending') : null);
  const over = el('tr', { class: 'over' }, el('th', { colspan: String(2 + chosen.fixed.length) }),
    chosen.metrics.length ? el('th', { class: 'set', colspan: String(chosen.metrics.length) }, 'Metrics, last value') : null,
    chosen.parameters.length ? el('th', { class: 'set', colspan: String(chosen.parameters.length) }, 'Parameters') : null);
  thead.replaceChildren(chosen.metrics.length + chosen.parameters.length ? over : '', el('tr', {},
    el('th', { class: 'c-box' }, el('input', { type: 'checkbox', 'aria-label': 'Select the rows in view', onchange: (event) => all(event.target.checked) })), el('td', { class: 'c-swatch' }),
    chosen.fixed.map((name) => el('th', { class: `c-${name} ${FIXED[name].num ? 'num' : ''}`, 'aria-sort': sorted(FIXED[name].sort) }, button(FIXED[name].title, FIXED[name].sort))),
    chosen.metrics.map((name) => el('th', { class: 'num c-metric', 'aria-sort': sorted(`m:${name}`) }, button(name, `m:${name}`, true))),
    chosen.parameters.map((name) => el('th', { class: 'num c-parameter', 'aria-sort': sorted(`p:${name}`) }, button(name, `p:${name}`, true)))));
  $('span', columnsButton).textContent = String(chosen.fixed.length + chosen.metrics.length + chosen.parameters.length);
  for (const each of groups.children) each.setAttribute('aria-pressed', String(each.dataset.group === view.group));
}
function tags(found) {
  const names = Object.entries(found).filter(([key]) => !/^(hyperparameters$|mlflow\.)/.test(key)).map(([key, value]) => (value === null || value === '' ? key : `${key}: ${value}`));
  return el('div', { class: 'tg' }, names.slice(0, 1).map((name) => el('span', { class: 'tag', title: name }, name)),
    names.length > 1 ? el('span', { class: 'tag', title: names.join(', ') }, `+${names.length - 1}`) : null);
}
const spacer = (pixels) => (pixels > 0 ? el('tr', { class: 'gap', 'aria-hidden': 'true' }, el('td', { colspan: '99', style: { height: `${pixels}px` } })) : '');
let before = new Map();
function row(run, number) {
  const chosen = columns(), on = selected.has(run.id);
  const made = el('tr', { 'data-id': run.id, 'data-row': String(number), class: `${on ? 'on' : ''} ${number === table.here ? 'here' : ''}` },
    el('td', { class: 'c-box' }, el('input', { type: 'checkbox', checked: on, 'aria-label': `Select ${run.name}`, onclick: (event) => { toggle(run, number, event.shiftKey); } })),
    el('td', { class: 'c-swatch' }, run.m || on ? el('span', { class: 'sw', style: { background: colour(indexOf(run.id)) } }) : null),
    chosen.fixed.map((name) => el('td', { class: `c-${name} ${FIXED[name].num ? 'num' : ''}`, title: FIXED[name].text ? FIXED[name].cell(run) : null }, FIXED[name].cell(run))),
    chosen.metrics.map((name) => el('td', { class: 'num c-metric' }, sig(run.m?.[name]))),
    chosen.parameters.map((name) => el('td', { class: `c-parameter ${typeof run.p?.[name] === 'string' ? '' : 'num'}`, title: run.p?.[name] ?? null }, name in (run.p ?? {}) ? shortly(run.p[name]) : '')));
  const text = `${run.status} ${chosen.metrics.map((name) => run.m?.[name])}`;
  if (before.has(run.id) && before.get(run.id) !== text) made.classList.add('upd');
  before.set(run.id, text);
  return made;
}
function groupRow(group, open) {
  const title = view.group === 'experiment' ? group.key : group.key ? group.name || group.key : 'No sweep';
  const part = (count, kind) => (count ? el('i', { class: kind, style: { width: `${(100 * count) / group.runs}%` } }) : null);
  const words = [[group.completed, 'completed'], [group.failed, 'failed'], [group.canceled, 'canceled'], [group.active, 'active']].filter(([count]) => count).map(([count, name]) => `${count} ${name}`).join(', ');
  return el('tr', { class: 'group' }, el('th', { colspan: '99', scope: 'rowgroup' }, el('div', { class: 'gh' },
    el('button', { class: 'icon', 'aria-expanded': String(open), 'aria-label': open ? 'Close' : 'Open', onclick: () => { view.closed[open ? 'add' : 'delete'](group.key); draw(); } }, icon(open ? 'down' : 'up')),
    group.key && view.group === 'sweep' ? el('a', { href: runAddress(group.key) }, el('b', {}, title)) : el('b', {}, title),
    el('span', { class: 'muted' }, many(group.runs, 'run')), el('span', { class: 'tri', role: 'img', 'aria-label': words, title: words },
      part(group.completed, 'ok'), part(group.failed, 'bad'), part(group.canceled, 'off'), part(group.active, 'run')))));
}
function draw() {
  const top = Math.max(scroller.scrollTop - 300, 0), bottom = scroller.scrollTop + scroller.clientHeight + 300;
  const made = [], wanted = new Set();
  let drawn = 0;
  const until = (y) => { if (y > drawn) { made.push(spacer(y - drawn)); drawn = y; } };
  for (const each of segments()) {
    const begin = each.top + (each.head ? HEAD : 0), end = begin + each.count * ROW;
    if (end < top || each.top > bottom) continue;
    if (each.head) { until(each.top); made.push(groupRow(each.head, each.open)); drawn += HEAD; }
    const from = Math.max(Math.floor((top - begin) / ROW), 0), to = Math.min(Math.ceil((bottom - begin) / ROW), each.count);
    if (from < to) until(begin + from * ROW);
    for (let i = from; i < to; i++) {
      const run = table.rows.get(each.offset + i);
      if (run) { made.push(row(run, each.offset + i)); drawn += ROW; }
      const at = each.offset + i, start = at < 60 ? 0 : at - (at % PAGE);
      if (table.pages.get(start) !== `${asked}:${start}`) wanted.add(start);
      if (!run) until(begin + (i + 1) * ROW);
    }
  }
  until(height());
  const focused = document.activeElement?.closest?.('tr')?.dataset.id, box = document.activeElement?.matches?.('.c-box input');
  tbody.replaceChildren(...made);
  if (focused) $(`tr[data-id="${CSS.escape(focused)}"] ${box ? '.c-box input' : 'a.nm'}`, tbody)?.focus({ preventScroll: true });
  actions.update();
  if (asked) wanted.forEach((start) => page(start));
}
function count() {
  hits.textContent = view.filter ? many(table.total, 'run') : '';
  $('.note', scroller)?.remove();
  if (table.total) return;
  scroller.append(view.filter
    ? el('div', { class: 'note' }, 'No run matches. ', el('button', { class: 'btn', onclick: () => { field.value = view.filter = ''; renew(true); } }, 'Clear'))
    : el('div', { class: 'note' }, 'No runs yet. In a script’s folder: ', el('code', {}, 'trainshed submit . --script train.py')));
}

// Selecting.
let lastBox = null;
function toggle(run, number, through) {
  if (through && lastBox !== null) {
    for (let i = Math.min(number, lastBox); i <= Math.max(number, lastBox); i++) { const each = table.rows.get(i); if (each) selected.set(each.id, each); }
  } else if (selected.has(run.id)) selected.delete(run.id);
  else selected.set(run.id, run);
  lastBox = number;
  draw();
}
function all(on) {
  const [first, last] = range();
  for (let i = first; i < last; i++) { const run = table.rows.get(i); if (run) { if (on) selected.set(run.id, run); else selected.delete(run.id); } }
  if (!on) selected.clear();
  draw();
}
function step(by) {
  table.here = Math.min(Math.max(table.here + by, 0), table.total - 1);
  for (const each of segments()) {
    if (table.here < each.offset || table.here >= each.offset + each.count) continue;
    const y = each.top + (each.head ? HEAD : 0) + (table.here - each.offset) * ROW, sticky = thead.offsetHeight;
    if (y < scroller.scrollTop) scroller.scrollTop = y;
    else if (y + ROW + sticky > scroller.scrollTop + scroller.clientHeight) scroller.scrollTop = y + ROW + sticky - scroller.clientHeight;
  }
  draw();
}
const current = () => table.rows.get(table.here);
onKey('/', 'Filter', () => field.focus());
onKey('j', 'Next run', () => step(1));
onKey('k', 'Previous run', () => step(-1));
onKey('Enter', 'Open', () => { if (current()) location.href = runAddress(current().id); });
onKey(' ', 'Select', () => { if (current()) toggle(current(), table.here); });
onKey('Escape', 'Clear the selection', () => { selected.clear(); draw(); });
actions.keys();

// Counts above the table are filters, too.
function showCounts(found) {
  if (!found) return;
  const active = (...names) => names.reduce((sum, name) => sum + (found.counts[name] ?? 0), 0);
  const button = (title, number, filter, kind) => el('button', { 'aria-pressed': String(view.filter === filter), onclick: () => { field.value = view.filter = filter; renew(true); showCounts(found); } },
    kind ? el('span', { class: `st ${kind}` }, el('i')) : null, `${title} `, el('b', {}, grouped(number)));
  counts.replaceChildren(button('All', found.counts.all, ''), button('Running', active('Running', 'Finalizing', 'NotResponding', 'CancelRequested', 'Provisioning', 'Preparing', 'Starting'), 'status:running,preparing', 'running'),
    button('Queued', active('Queued'), 'status:queued', 'queued'), button('Failed today', found.counts.failed_lately, 'status:failed ended>-1d', 'failed'));
}

let scrolling = 0;
scroller.addEventListener('scroll', () => { scrolling ||= requestAnimationFrame(() => { scrolling = 0; draw(); }); });
new ResizeObserver(() => draw()).observe(scroller);
setInterval(() => { if (!document.hidden) draw(); }, 10000); // "3m ago"

head();
await ready;
await renew();
document.documentElement.dataset.ready = 'yes';
showCounts(await overview());
let due = 0;
listen('changes', (kind) => {
  if (due) return;
  due = setTimeout(async () => { due = 0; renew(); showCounts(await overview()); }, kind === 'open' ? 0 : 100);
}, state);
