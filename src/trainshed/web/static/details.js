// What was asked for, where it ran, what it ran: parameters, command, source, machine, packages, notes, children.
import { ago, ask, el, many, moment, runAddress, runTime, shortly, sig, status, hint, took, tried } from './base.js';
import { post } from './http.js';

const pairs = (rows, kind) => el('dl', { class: `kv ${kind ?? ''}` }, rows.filter(([, value]) => value !== null && value !== undefined && value !== '').flatMap(([key, value]) => [el('dt', { title: key }, key), el('dd', {}, value)]));
const copy = (text, title = 'Copy') => el('button', { class: 'btn ghost', onclick: (event) => navigator.clipboard?.writeText(text).then(() => { event.target.textContent = 'Copied'; setTimeout(() => { event.target.textContent = title; }, 1500); }) }, title);

export function commandOf(run) {
  const quote = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);
  const words = run.spec.script ? ['python', run.spec.script, ...run.spec.arguments] : [...run.spec.command, ...run.spec.arguments];
  return words.map(quote).join(' ');
}

export function details(run) {
  const boxes = [];
  const warnings = run.details.warnings ?? [];
  if (warnings.length) boxes.push(el('div', { class: 'w3', id: 'warnings' }, el('h3', {}, many(warnings.length, 'warning')), el('ul', { class: 'wl' }, warnings.map((each) => el('li', {}, el('span', {}, each.message))))));
  if (run.children_total && run.kind !== 'hyperdrive') boxes.push(el('div', { class: 'w3' }, el('h3', {}, 'Children ', el('small', {}, String(run.children_total)), run.children_total > 1 ? el('a', { class: 'btn ghost', href: `./?filter=${encodeURIComponent(`parent:${run.id}`)}` }, 'Show in the table') : null), children(run)));
  const names = Object.entries(run.parameters), command = commandOf(run);
  boxes.push(el('div', {}, el('h3', {}, 'Parameters ', el('small', {}, String(names.length || '')), names.length ? copy(JSON.stringify(run.parameters, null, 2), 'Copy as JSON') : null),
    names.length ? pairs(names.map(([key, value]) => [key, shortly(value)])) : el('p', { class: 'muted' }, run.spec.script ? 'The script got no arguments.' : ''), values(run), notes(run)));
  boxes.push(el('div', {}, command ? [el('h3', {}, 'Command', copy(command)), el('pre', { class: 'cmd', tabindex: '0' }, command)] : null, source(run)));
  boxes.push(el('div', {}, ...machine(run)));
  return boxes;
}

function children(run) {
  return el('div', { class: 'kids' }, el('table', {}, el('tbody', {}, run.children.map((each) => el('tr', {}, el('td', {}, status(each, hint(each))), el('td', {}, el('a', { class: 'nm', href: runAddress(each.id) }, each.name)), el('td', { class: 'num' }, runTime(each)), el('td', { class: 'muted' }, ago(each.started)))))));
}

// What was logged once.
function values(run) {
  const once = run.metrics.filter((each) => each.kind === 'scalar' && (each.count === 1 || typeof each.value === 'string'));
  return once.length ? [el('h3', {}, 'Values'), pairs(once.slice(0, 500).map((each) => [each.name, sig(each.value)]))] : null;
}

function notes(run) {
  const box = el('textarea', { 'aria-label': 'Notes', placeholder: 'What was tried, what came of it', onchange: () => tried(() => post(`runs/${encodeURIComponent(run.id)}`, { notes: box.value || null })) });
  box.value = run.description ?? '';
  return [el('h3', { class: 'then' }, 'Notes'), box];
}

function source(run) {
  const about = run.properties ?? {}, git = (name) => about[`azureml.git.${name}`] ?? about[`mlflow.source.git.${name}`];
  const commit = git('commit'), dirty = git('dirty'), diff = run.git_diff;
  const other = Object.entries(about).filter(([key]) => !/^(azureml|mlflow)\./.test(key));
  const rows = [['Commit', commit && el('code', { title: commit }, commit.slice(0, 10))], ['Branch', git('branch')], ['Repository', git('repository_uri') ?? git('repoURL')],
    ['State', dirty && (/^true$/i.test(dirty) ? el('span', { class: 'dirty' }, 'Changes that were not committed') : 'As committed')],
    ['Snapshot', run.spec.snapshot && el('code', { title: run.spec.snapshot }, run.spec.snapshot.slice(0, 10))]];
  return [el('h3', { class: 'then' }, 'Source'), rows.some(([, value]) => value) ? pairs(rows, 'p') : el('p', { class: 'muted' }, 'No snapshot was taken.'), diff ? diffOf(diff) : null,
    other.length ? [el('h3', { class: 'then' }, 'Properties'), pairs(other, 'p')] : null];
}

export function diffOf(text) {
  return el('div', { class: 'df', tabindex: '0', role: 'region', 'aria-label': 'Diff' }, text.split('\n').slice(0, 2000).map((line) => el('span', { class: line.startsWith('+') && !line.startsWith('+++') ? 'p' : line.startsWith('-') && !line.startsWith('---') ? 'm' : /^(diff|@@|---|\+\+\+|index)/.test(line) ? 'muted' : '' }, line || ' ')));
}

function machine(run) {
  const { spec, details: about } = run, env = about.environment ?? {}, packages = env.packages ?? [];
  const processes = spec.node_count * spec.process_count_per_node;
  const rows = [['Target', run.target], ['Nodes', spec.node_count > 1 ? String(spec.node_count) : null], ['Processes', processes > 1 ? `${processes}, ${spec.launcher}` : null], ['GPUs', spec.use_gpu ? 'one per process' : null],
    ['Container', spec.container?.image], ['Time limit', spec.max_run_duration_seconds ? took(spec.max_run_duration_seconds) : null], ['Queued for', queued(run)], ['Submitted', moment(run.created)], ['Run', el('code', {}, run.id)]];
  const shown = el('div', {}), show = (all) => shown.replaceChildren(pairs((all ? packages : packages.slice(0, 8)).map((each) => { const [name, version] = split(each); return [name, version]; })), packages.length > 8 && !all ? el('button', { class: 'btn ghost', onclick: () => show(true) }, `Show all ${packages.length}`) : '');
  show(false);
  const asked = [...(spec.environment.pip ?? []), ...(spec.environment.conda ?? [])];
  return [el('h3', {}, 'Machine'), pairs(rows, 'p'), el('h3', { class: 'then' }, 'Environment ', el('small', {}, [env.solver === 'existing' ? 'used as it is' : env.cached ? 'built before' : env.solver ? `built by ${env.solver}` : '', packages.length ? many(packages.length, 'package') : ''].filter(Boolean).join(', '))),
    pairs([['Python', env.python ?? spec.environment.interpreter], ['Asked for', asked.join(', ')]], 'p'), shown];
}
const split = (text) => { const found = /^([^=<>~! ]+)\s*[=<>~! ]+\s*(.*)$/.exec(String(text)); return found ? [found[1], found[2]] : [String(text), ' ']; };

function queued(run) {
  const at = (name) => run.events.find((event) => event.status === name)?.time, begin = at('Queued');
  const end = begin && run.events.find((event) => event.time >= begin && event.status !== 'Queued' && event.status !== 'NotStarted')?.time;
  return begin && end && end - begin > 1 ? took(end - begin) : null;
}

export async function rename(run) {
  const input = el('input', { autocomplete: 'off' });
  input.value = run.display_name ?? '';
  if (!await ask('Rename the run', [el('label', {}, 'Name', input)], { yes: 'Rename' })) return null;
  return tried(() => post(`runs/${encodeURIComponent(run.id)}`, { name: input.value.trim() || null }));
}
