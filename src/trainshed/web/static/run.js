// One run: is it alive, how far, does the loss go down, what did it say last.
import { $, ago, ended, el, get, grouped, icon, keep, kept, listen, main, many, menu, moment, onKey, overview, place, ready, state, status, took, tried, wait, word, runAddress } from './base.js';
import { query } from './http.js';
import { act, ask } from './actions.js';
import { Charts, controls } from './charts.js';
import { Files } from './files.js';
import { LogView } from './log.js';
import { Machine } from './machine.js';
import { CARDS, card } from './media.js';

const id = decodeURIComponent(location.pathname.split('/').pop());
const path = `runs/${encodeURIComponent(id)}`;
let run = null, source = null, charts = null, screen = null, cards = new Map(), place_ = -1;
const log = new LogView(id, $('#log'), () => source?.again());
const files = new Files(id);
const machine = new Machine(id);

// The parts.
const head = $('#head'), banner = $('#why'), grid = $('#charts'), det = $('.det'), sweep = $('#sweep'), nothing = $('#nothing'), nav = $('.subnav'), warned = $('.wn'), below = $('.clip'), all = $('.clip .btn');
const tabs = [...nav.querySelectorAll('.tab:not(.wn)')];
tabs.forEach((tab, i) => onKey(String(i + 1), tab.firstChild.textContent.trim(), () => go(tab.dataset.to)));
nav.addEventListener('click', (event) => { const { to } = event.target.closest('.tab')?.dataset ?? {}; if (to) go(to); });
all.addEventListener('click', () => { keep('all-charts', !kept('all-charts', false)); clip(); });
// Two rows, so that the end of the log is above the fold; all on demand.
function clip() {
  const count = charts.count + cards.size, on = kept('all-charts', false) || charts.filter;
  grid.classList.toggle('two', !on);
  below.hidden = count <= 6 || Boolean(charts.filter);
  all.textContent = on ? 'Show fewer charts' : `Show all ${grouped(count)} charts`;
}
function go(to) { document.getElementById(to).scrollIntoView({ behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth', block: 'start' }); }
addEventListener('scroll', () => {
  const here = tabs.filter((tab) => document.getElementById(tab.dataset.to).getBoundingClientRect().top < innerHeight / 2).pop() ?? tabs[0];
  for (const tab of tabs) if (tab === here) tab.setAttribute('aria-current', 'true'); else tab.removeAttribute('aria-current');
}, { passive: true });

const reload = async () => { run = await get(path); await trials(); show(); };
async function trials() {
  if (run.kind !== 'hyperdrive') return;
  const first = !screen;
  if (first) {
    const { SweepScreen } = await import('./sweep.js');
    screen = new SweepScreen(id);
    sweep.replaceWith(screen.node);
    tabs[0].firstChild.textContent = 'Trials ';
    grid.removeAttribute('id');
    screen.node.id = 'charts';
    listen('changes', (kind, ids) => { if (kind === 'message' && ids.some((each) => each === id || each.startsWith(`${id}_`))) screen.soon(); }, () => {});
  }
  screen.over = ended(run);
  screen.state = status(run);
  if (first) await screen.load(); else screen.soon();
}
const acts = {
  cancel: () => ask('cancel', [id]),
  tag: () => ask('tag', [id]),
  rename: () => ask('rename', [id]),
  archive: () => act(run.details.archived ? 'restore' : 'archive', [id]),
  remove: () => ask('delete', [id]),
  copy: async () => navigator.clipboard?.writeText(screen ? await screen.command() : run.command),
};
addEventListener('acted', ({ detail }) => { if (detail.do === 'delete' && detail.done) location.href = './'; else tried(reload); });
// The details are the service's to render; anew when something in them has changed, and nobody writes in them.
let detailed = '';
function details() {
  const once = run.metrics.filter((each) => each.count === 1 || typeof each.value === 'string').map((each) => [each.name, each.value]);
  const now = JSON.stringify([run.status, run.description, run.children_total, run.details, once]);
  if (now === detailed || det.contains(document.activeElement)) return;
  detailed = now;
  window.htmx.ajax('GET', `data/${path}/details`, det);
}

function show() {
  const name = run.display_name ?? run.id, over = ended(run);
  document.title = `${over || run.status === 'Running' ? '' : `${word(run.status)}: `}${name} · ${run.experiment} · Trainshed`;
  const labels = Object.entries(run.tags).filter(([key]) => !key.startsWith('mlflow.')).map(([key, value]) => el('span', { class: 'tag' }, value ? `${key}: ${value}` : key,
    el('button', { 'aria-label': `Remove the tag ${key}`, onclick: () => act('tag', [id], { remove: key }) }, '×')));
  head.replaceChildren(
    el('div', { class: 'top' }, menu(), el('a', { class: 'crumb', href: `./?filter=${encodeURIComponent(`experiment:${/\s/.test(run.experiment) ? `"${run.experiment}"` : run.experiment}`)}` }, run.experiment),
      run.parent_run ? el('a', { class: 'crumb', href: runAddress(run.parent), title: run.parent }, run.parent_run.name) : null,
      el('h1', { title: name }, name), screen ? el('span', { class: 'tag' }, 'sweep') : null, el('button', { class: 'icon ed', 'aria-label': 'Rename', title: 'Rename (F2)', onclick: acts.rename }, icon('pen')),
      el('span', { class: 'tags' }, labels, el('button', { class: 'tag add', onclick: acts.tag }, '+ tag')), el('span', { class: 'sp' }),
      navigator.clipboard && run.command ? el('button', { class: 'btn ghost opt', onclick: acts.copy }, screen ? 'Best run’s command' : 'Copy command') : null,
      screen ? null : el('a', { class: 'btn opt', href: `compare?${query({ runs: id })}` }, 'Compare with…'),
      over ? [el('button', { class: 'btn opt', onclick: acts.archive }, run.details.archived ? 'Restore' : 'Archive', ' ', el('kbd', {}, 'E')), el('button', { class: 'btn bad opt', onclick: acts.remove }, 'Delete…')]
        : el('button', { class: 'btn bad', onclick: acts.cancel }, screen ? 'Cancel sweep ' : 'Cancel ', el('kbd', {}, 'X'))),
    screen ? screen.bar : timeline());
  why();
  const curves = run.metrics.filter((each) => each.kind === 'scalar' && each.count > 1 && typeof each.value !== 'string');
  if (!charts) {
    charts = new Charts(grid, [{ id, label: name, begin: run.started ?? run.created }]);
    if (!screen || curves.length) nav.append(...controls(charts, onKey));
    charts.changed = clip;
  }
  charts.runs[0].begin = run.started ?? run.created;
  charts.names([curves.map((each) => each.name)]);
  for (const each of run.metrics) if (CARDS.has(each.kind)) {
    const key = `${each.name}\n${each.count}`;
    if (cards.get(each.name)?.key === key) continue;
    const node = card(id, each);
    cards.get(each.name)?.node.replaceWith(node);
    if (!cards.has(each.name)) grid.append(node);
    cards.set(each.name, { key, node });
  }
  clip();
  const any = curves.length + cards.size;
  nothing.hidden = any > 0 || screen;
  if (!any) nothing.replaceChildren(...(over ? ['This run logged no curves.'] : ['Nothing logged yet. ', el('code', {}, 'run.log("loss", 0.3)'), ' shows up here.']));
  if (screen) tabs[0].lastChild.textContent = screen.trials?.length ?? '';
  else tabs[0].lastChild.textContent = any ? String(charts.groups.size + cards.size) : '';
  const warnings = run.details.warnings ?? [];
  warned.hidden = !warnings.length;
  warned.textContent = many(warnings.length, 'warning');
  details();
  log.known(run.logs, over, waiting());
  machine.load(run.resources);
}

function waiting() {
  if (run.status !== 'Queued' || !run.queue) return '';
  const { place: number, before, running } = run.queue, name = (row) => row.name;
  const first = number > 1 ? `${place(number)} for ${run.target}${before.length ? `, behind ${name(before[0])}` : ''}.` : `Next for ${run.target}${running.length ? `, after ${name(running[0])}` : ''}.`;
  return `${first} The log starts when it runs.`;
}

const ORDER = [['NotStarted'], ['Queued'], ['Provisioning', 'Preparing', 'Starting'], ['Running'], ['Finalizing']];
function timeline() {
  const first = (names) => run.events.find((event) => names.includes(event.status))?.time;
  const now = Date.now() / 1000, over = ended(run), begins = ORDER.map(first), last = run.ended ?? now, lines = [];
  ORDER.forEach((names, i) => {
    if (i === 0 || (names[0] === 'Finalizing' && !begins[i]) || (over && (!begins[i] || names[0] === 'Finalizing'))) return;
    const end = begins.slice(i + 1).find(Boolean) ?? (begins[i] ? last : null), going = begins[i] && !begins.slice(i + 1).some(Boolean) && !over;
    lines.push(el('li', { class: going ? 'now' : begins[i] ? 'done' : '' }, el('span', {}, { Provisioning: 'Preparing' }[names[0]] ?? word(names[0])), el('em', { 'data-since': going ? String(begins[i]) : null }, begins[i] ? took(end - begins[i]) : '')));
  });
  lines.push(el('li', { class: run.status === 'Failed' ? 'fail' : over ? 'done' : '' }, el('span', {}, over ? word(run.status) : 'Completed'), el('em', { title: moment(run.ended) }, over ? ago(run.ended) : '')));
  const hint = run.status === 'Queued' && run.queue?.place ? (run.queue.place === 1 ? `next for ${run.target}` : `${place(run.queue.place)} for ${run.target}`) : run.status === 'NotResponding' ? `${run.target} does not answer. The run may still go on there.` : run.started ? `${over ? 'for' : 'since'} ${over ? took(run.ended - run.started) : moment(run.started)}` : '';
  const node = el('div', { class: 'tl', role: 'group', 'aria-label': 'Phases' }, status(run), el('span', { class: 'pro' }, hint), el('ol', {}, lines));
  $('.st', node).classList.add('big');
  return node;
}
setInterval(() => { for (const each of document.querySelectorAll('[data-since]')) each.textContent = took(Date.now() / 1000 - Number(each.dataset.since)); }, 1000);

function why() {
  const error = run.details.error;
  banner.replaceChildren();
  if (!error || !['Failed', 'NotResponding'].includes(run.status)) return;
  const code = error.exit_code ? `Exit code ${error.exit_code}` : error.signal ? `Signal ${error.signal}` : word(run.status);
  const text = error.debugInfo?.type ? `${error.debugInfo.type}: ${error.debugInfo.message}` : error.message ?? '';
  const at = /File ".*?([^/"]+)", line (\d+)[^]*?$/.exec((error.log_tail ?? '').split(/\n(?=\s*File ")/).pop() ?? '');
  banner.append(el('div', { class: 'why', role: 'status' }, el('b', {}, code), el('code', { title: error.message }, text, at ? ` (${at[1]}, line ${at[2]})` : ''), el('button', { class: 'btn', onclick: () => { go('log'); log.toEnd(); } }, 'Show in the log')));
}

// Live.
function follow() {
  source = listen(() => `${path}/live?${query({ place: place_, log: log.name })}`, async (kind, data) => {
    if (kind === 'points') {
      place_ = data.place;
      const fresh = charts.add(0, data.points, data.place);
      if (fresh.size) later();
    } else if (kind === 'curves') { later(); charts.renew(); }
    else if (kind === 'state') {
      const logs = data.logs, changed = data.status !== run.status;
      Object.assign(run, data, { details: data.details });
      if (changed || JSON.stringify(data.tags) !== JSON.stringify(run.shownTags)) { run.shownTags = data.tags; later(); }
      await log.known(logs, data.terminal, waiting());
    } else if (kind === 'over') { source.stop(); await tried(reload); files.load(); log.known(run.logs, true); overview(); }
    else if (kind === 'removed') location.href = './';
  }, state);
}
const later = (() => { let timer; return () => { timer ??= setTimeout(async () => { timer = null; await tried(reload); counted(); }, 300); }; })();
async function counted() { const count = await files.load(); tabs[2].lastChild.textContent = count ? String(count) : ''; }

onKey('x', 'Cancel the run', () => { if (run && !ended(run)) acts.cancel(); });
onKey('g', 'Tag', acts.tag);
onKey('e', 'Archive', () => { if (run && ended(run)) acts.archive(); });
onKey('F2', 'Rename', acts.rename);
onKey('/', 'Search the log', () => { go('log'); log.input.focus(); });

await ready;
try {
  run = await get(path);
  place_ = run.place;
  await trials();
  show();
  state(true);
  document.documentElement.dataset.ready = 'yes';
  if (!ended(run)) { follow(); setInterval(() => { if (!ended(run) && !document.hidden) { counted(); later(); } }, 5000); }
  else listen('changes', (kind, ids) => { if (kind === 'message' && ids.includes(id)) later(); }, state);
  overview();
  counted();
  if (/^#(log|files|details)$/.test(location.hash)) go(location.hash.slice(1));
} catch (error) {
  main.replaceChildren(el('div', { class: 'top' }, menu(), el('h1', {}, id)), el('div', { class: 'err', role: 'alert' }, el('span', {}, error.message), el('button', { class: 'btn', onclick: () => location.reload() }, 'Try again')));
  document.documentElement.dataset.ready = 'failed';
}
wait.classList.remove('on');
