// Several runs: which wins, by how much, and what was different.
import { $, ask, colour, el, ended, get, icon, listen, many, onKey, overview, ready, runAddress, runTime, shortly, sig, state, status, toast, tried, wait } from './base.js';
import { query } from './http.js';
import { Charts, controls, goal } from './charts.js';
import { asRow, repair, tabulator, text } from './tables.js';

let ids = (new URLSearchParams(location.search).get('runs') ?? '').split(',').filter(Boolean);
let runs = [], charts = null, table = null, same = false, every = false, sections = new Map(), rows = [];
const title = $('h1'), tools = $('.tools'), heads = $('.heads'), grid = $('.grid3'), box = $('.cmp');
$('#add').addEventListener('click', () => add());

const name = (run) => run.display_name ?? run.id;
const DASHES = ['', 'dash', 'thick', 'dotted'];
const key = (number) => el('i', { class: `key ${DASHES[number % 4]}`, style: { 'border-color': colour(number) } });

async function load() {
  history.replaceState(null, '', `?${query({ runs: ids.join(',') })}`);
  wait.classList.add('on');
  const found = ids.length ? await tried(() => get(`compare?${query({ run: ids })}`)) : { runs: [] };
  wait.classList.remove('on');
  if (!found) return;
  runs = found.runs;
  title.textContent = runs.length > 1 ? `Compare ${runs.length} runs` : 'Compare';
  document.title = `${title.textContent} · Trainshed`;
  charts?.close();
  tools.replaceChildren();
  charts = new Charts(grid, runs.map((run) => ({ id: run.id, label: name(run), begin: run.started ?? run.created })));
  tools.append(...controls(charts, onKey));
  charts.names(runs.map((run) => Object.entries(run.metrics).filter(([, each]) => each.points > 1 && typeof each.last !== 'string').map(([each]) => each)));
  table?.destroy();
  table = null;
  await draw();
}

async function draw() {
  heads.replaceChildren(...runs.map((run, number) => el('div', {}, key(number), el('a', { class: 'nm', href: runAddress(run.id), title: run.id }, name(run)),
    el('button', { class: 'icon', 'aria-label': `Take ${name(run)} out`, onclick: () => { ids = ids.filter((id) => id !== run.id); load(); } }, icon('x')), el('span', { class: 'about' }, status(run), el('span', { class: 'muted' }, runTime(run)), number ? null : el('span', { class: 'tag' }, 'baseline')))));
  if (runs.length < 2) { box.replaceChildren(el('p', { class: 'note' }, 'Pick a second run. ', el('button', { class: 'btn', onclick: add }, 'Add a run'))); return; }
  [sections, rows] = [new Map(), []];
  metrics();
  differing(runs.map((run) => run.parameters), 'Parameters that differ');
  about();
  if (table) { await table.replaceData(rows); return; }
  const Table = await tabulator(), node = el('div', { 'aria-label': 'Comparison' }), head = (...parts) => () => el('span', {}, parts);
  box.replaceChildren(node);
  table = new Table(node, {
    data: rows, index: 'key', layout: 'fitColumns', rowHeight: 28, groupBy: 'section', groupToggleElement: false, groupHeader: heading, columnDefaults: { headerSort: false },
    columns: [{ field: 'name', width: 220, frozen: innerWidth > 700, titleFormatter: head(''), formatter: (at) => el('span', { class: at.getData().mono ? 'mono muted' : 'muted', title: at.getValue() }, at.getValue(), at.getData().mark) },
      ...runs.map((run, number) => ({ field: `c${number}`, minWidth: 140, hozAlign: 'right', headerHozAlign: 'right', titleFormatter: head(el('span', { class: 'sw', style: { background: colour(number) } }), ' ', name(run)), formatter: (at) => text(at.getValue()) })),
      { field: 'spread', width: 160, cssClass: 'spread', titleFormatter: head('Spread, low to high'), formatter: (at) => at.getValue() ?? '' }],
  });
  await new Promise((done) => table.on('tableBuilt', done));
  repair(table);
}

const heading = (title) => { const { note, buttons } = sections.get(title); return asRow(el('div', { class: 'sec', role: 'gridcell' }, el('b', {}, title), ' ', el('span', { class: 'muted' }, note), buttons)); };
function row(section, label, cells, more) {
  rows.push({ key: `${section}\n${label}`, section, name: label, ...Object.fromEntries(cells.map((cell, number) => [`c${number}`, cell])), mark: '', mono: true, spread: null, ...more });
}
const link = (title, act) => el('button', { class: 'link', onclick: act }, title);

function metrics() {
  const names = [...new Set(runs.flatMap((run) => Object.keys(run.metrics)))], title = 'Metrics';
  const shown = every ? names : names.filter((each) => goal(each)).concat(names.filter((each) => !goal(each))).slice(0, 8);
  sections.set(title, { note: 'best of each run where a name says what is better, else the last; difference from the baseline', buttons: names.length > shown.length || every ? [link(every ? 'Show fewer' : `Show all ${names.length}`, () => { every = !every; draw(); })] : [] });
  for (const each of shown) {
    const direction = goal(each), values = runs.map((run) => { const metric = run.metrics[each]; return metric === undefined ? null : direction < 0 ? metric.min ?? metric.last : direction > 0 ? metric.max ?? metric.last : metric.last; });
    const numbers = values.filter((value) => typeof value === 'number' && Number.isFinite(value)), best = direction && new Set(numbers).size > 1 ? (direction < 0 ? Math.min : Math.max)(...numbers) : null;
    row(title, each, values.map((value, number) => el('span', {}, el('span', { class: value === best && best !== null ? 'won' : '' }, sig(value)),
      number && typeof value === 'number' && typeof values[0] === 'number' && value !== values[0] ? el('small', {}, `${value >= values[0] ? '+' : '−'}${sig(+Math.abs(value - values[0]).toPrecision(3))}`) : number ? el('small') : null)),
    { mark: direction ? (direction > 0 ? ' ↑' : ' ↓') : '', spread: spread(values) });
  }
}

function spread(values) {
  const numbers = values.filter((value) => typeof value === 'number' && Number.isFinite(value)), low = Math.min(...numbers), high = Math.max(...numbers);
  if (numbers.length < 2 || low === high) return null;
  return el('span', { class: 'dots', 'aria-hidden': 'true' }, values.map((value, number) => (typeof value === 'number' ? el('i', { style: { left: `${(100 * (value - low)) / (high - low)}%`, background: colour(number) } }) : null)));
}

function differing(all, title, mono = true, buttons = []) {
  const names = [...new Set(all.flatMap(Object.keys))], equal = (each) => all.every((values) => JSON.stringify(values[each]) === JSON.stringify(all[0][each]));
  const differ = names.filter((each) => !equal(each)), shown = same ? [...differ, ...names.filter(equal)] : differ;
  if (names.length > differ.length) buttons.push(link(same ? 'Show those that differ' : `Show the ${names.length - differ.length} that are the same`, () => { same = !same; draw(); }));
  sections.set(title, { note: `${differ.length} of ${names.length}`, buttons });
  for (const each of shown) row(title, each, all.map((values, number) => {
    const value = values[each], other = number > 0 && JSON.stringify(value) !== JSON.stringify(all[0][each]);
    return el('span', { class: other ? 'other' : number ? 'muted' : '', title: value === undefined ? null : String(value) }, value === undefined ? '' : shortly(value));
  }), { mono });
  if (!shown.length && names.length) row(title, 'No difference', [], { mono: false });
}

function about() {
  const git = (run, each) => run.properties[`azureml.git.${each}`] ?? run.properties[`mlflow.source.git.${each}`];
  const facts = runs.map((run) => ({ Experiment: run.experiment, Target: run.about.target, Script: run.about.script ?? run.about.command.join(' '), Took: runTime(run), Commit: (git(run, 'commit') ?? '').slice(0, 10), Branch: git(run, 'branch') ?? '', Snapshot: (run.about.snapshot ?? '').slice(0, 10), Launcher: run.about.launcher,
    Nodes: run.about.node_count, 'Processes per node': run.about.processes, GPUs: run.about.use_gpu ? 'yes' : 'no' }));
  differing(facts, 'Run and source', false, new Set(runs.map((run) => run.about.snapshot)).size > 1 ? [link('Diff of the sources', sources)] : []);
  const packages = runs.map((run) => Object.fromEntries(run.packages.map((each) => each.split(/[=<>~! ]+/))));
  if (packages.some((each) => Object.keys(each).length)) differing(packages, 'Packages that differ');
}

function diffOf(text) {
  return el('div', { class: 'df', tabindex: '0', role: 'region', 'aria-label': 'Diff' }, text.split('\n').slice(0, 2000).map((line) => el('span', { class: line.startsWith('+') && !line.startsWith('+++') ? 'p' : line.startsWith('-') && !line.startsWith('---') ? 'm' : /^(diff|@@|---|\+\+\+|index)/.test(line) ? 'muted' : '' }, line || ' ')));
}

async function sources() {
  const others = runs.slice(1).filter((run) => run.about.snapshot && run.about.snapshot !== runs[0].about.snapshot);
  const shown = el('div', {}), pick = el('select', { 'aria-label': 'Run', onchange: () => show(pick.value) }, others.map((run) => el('option', { value: run.id }, name(run))));
  const show = async (id) => {
    const found = await tried(() => get(`diff?${query({ one: runs[0].id, two: id })}`));
    if (found) shown.replaceChildren(el('p', { class: 'muted' }, many(found.files.length, 'file')), diffOf(found.diff));
  };
  if (!others.length) { toast('The baseline and the other runs have the same source.'); return; }
  show(others[0].id);
  await ask(`From ${name(runs[0])} to`, [pick, shown], { yes: 'Close', no: null });
}

async function add() {
  const list = el('ul', { class: 'found' }), input = el('input', { 'aria-label': 'Find a run', placeholder: 'Words, experiment:digits, tag:best', oninput: () => fill() });
  let asked = 0;
  const fill = async () => {
    const mine = ++asked, found = await tried(() => get(`runs?${query({ filter: input.value, limit: 30 })}`));
    if (!found || mine !== asked) return;
    list.replaceChildren(...found.rows.filter((run) => !ids.includes(run.id)).map((run) => el('li', {}, el('button', { type: 'button', onclick: (event) => { ids.push(run.id); event.target.closest('dialog').close('yes'); load(); } }, status(run), ' ', el('b', {}, run.name), ' ', el('span', { class: 'muted' }, run.experiment)))));
  };
  fill();
  await ask('Add a run', [input, list], { yes: 'Close', no: null });
}
onKey('a', 'Add a run', add);

await ready;
await load();
document.documentElement.dataset.ready = 'yes';
overview();
let due = 0;
listen('changes', (kind, changed) => {
  if (kind !== 'message' || due || !runs.some((run) => changed.includes(run.id) && !ended(run))) return;
  due = setTimeout(async () => {
    due = 0;
    const found = await tried(() => get(`compare?${query({ run: ids })}`));
    if (found && found.runs.length === runs.length) { runs = found.runs; draw(); charts.renew(); }
  }, 1000);
}, state);
