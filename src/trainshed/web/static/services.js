// The web services: what they have answered lately, and a form to try one.
import { $, ago, el, get, keep, kept, main, many, moment, onKey, overview, ready, runAddress, sig, state, toast, took, tried } from './base.js';
import { post } from './http.js';

const STATES = { Healthy: 'completed', Transitioning: 'preparing', Unhealthy: 'lost', Failed: 'failed' };
const PAUSE = 2000;
const ms = (name) => (service) => (service.counts?.[name] === undefined ? '' : `${sig(service.counts[name])}`);
const COLUMNS = [
  ['state', 'State', (service) => el('span', { class: `st ${STATES[service.state] ?? 'notstarted'}`, title: service.error }, el('i'), service.state === 'Transitioning' ? 'Starting' : service.state)],
  ['name', 'Name', (service) => el('button', { class: 'nm', title: service.description, onclick: () => choose(service.name) }, service.name)],
  ['models', 'Models', (service) => service.models.join(' ')],
  ['per_second', 'Requests/s', (service) => (service.counts ? sig(+service.counts.per_second.toPrecision(3)) : ''), true],
  ['ms_50', '50 %, ms', ms('ms_50'), true],
  ['ms_90', '90 %, ms', ms('ms_90'), true],
  ['ms_99', '99 %, ms', ms('ms_99'), true],
  ['requests', 'Requests', (service) => service.counts?.requests.toLocaleString('en-US') ?? '', true],
  ['failed', 'Failed', (service) => service.counts?.failed.toLocaleString('en-US') ?? '', true],
  ['updated', 'Deployed', (service) => el('span', { class: 'muted', title: moment(service.updated) }, ago(service.updated))],
];

let found = [], chosen = new URLSearchParams(location.search).get('name') ?? '', sending = false;
const tbody = el('tbody');
const thead = el('thead', {}, el('tr', {}, COLUMNS.map(([name, title, , num]) => el('th', { class: `c-${name} ${num ? 'num' : ''}`, scope: 'col' }, title))));
const list = el('div', { class: 'list', tabindex: '0', role: 'region', 'aria-label': 'Web services' }, el('table', {}, thead, tbody));
const total = $('#total');
const heading = el('h2'), address = el('code'), run = el('a', { class: 'muted' }, 'Run and log');
const field = el('textarea', { 'aria-label': 'Request', spellcheck: 'false', oninput: () => keep(`request-${chosen}`, field.value) });
const button = el('button', { class: 'btn primary', onclick: send }, 'Send ', el('kbd', {}, 'Ctrl Enter'));
const answer = el('pre', { tabindex: '0', role: 'region', 'aria-label': 'Answer' }), about = el('span', { class: 'muted', role: 'status' });
const form = el('div', { class: 'try', hidden: true },
  el('section', { 'aria-label': 'Try it' }, el('header', {}, heading, el('span', { class: 'sp' }), run, button), field),
  el('section', { 'aria-label': 'What it answers' }, el('header', {}, el('h2', {}, 'Answer'), about, el('span', { class: 'sp' }), address,
    el('button', { class: 'btn', onclick: copy }, 'Copy address')), answer));
const none = el('p', { class: 'note', hidden: true }, 'No web services yet. With a scoring script and a registered model: ', el('code', {}, 'trainshed deploy score.py --model NAME'));
main.append(list, none, form);

function draw() {
  total.textContent = found.length ? many(found.length, 'service') : '';
  none.hidden = found.length > 0;
  list.hidden = !found.length;
  const held = document.activeElement?.dataset?.name;
  tbody.replaceChildren(...found.map((service) => {
    const row = el('tr', { 'aria-current': service.name === chosen ? 'true' : null }, COLUMNS.map(([name, , cell, num]) => el('td', { class: `c-${name} ${num ? 'num' : ''}` }, cell(service))));
    row.querySelector('button').dataset.name = service.name;
    return row;
  }));
  if (held) tbody.querySelector(`[data-name="${CSS.escape(held)}"]`)?.focus();
  const service = found.find((each) => each.name === chosen);
  form.hidden = !service;
  if (!service) return;
  heading.textContent = `Try ${service.name}`;
  address.textContent = address.title = service.scoring_uri;
  run.href = runAddress(service.run);
  button.disabled = sending || service.state === 'Failed';
  if (service.state === 'Failed') { about.textContent = 'failed'; answer.textContent = service.error ?? ''; }
}

function choose(name) {
  chosen = name;
  history.replaceState(null, '', `services?name=${encodeURIComponent(name)}`);
  field.value = kept(`request-${name}`, '{"data": []}');
  answer.textContent = about.textContent = '';
  draw();
}

async function send() {
  if (sending || !chosen) return;
  sending = true;
  draw();
  about.textContent = 'waiting…';
  const name = chosen, told = await tried(() => post(`services/${encodeURIComponent(name)}/call`, { body: field.value }));
  sending = false;
  if (name === chosen) {
    about.textContent = told ? `status ${told.status}, ${told.seconds < 1 ? `${sig(told.seconds * 1000)} ms` : took(told.seconds)}${told.cut ? ', cut off' : ''}` : '';
    answer.textContent = told ? pretty(told.text) : '';
  }
  await renew();
}

function pretty(text) {
  try { return text.length < 100000 ? JSON.stringify(JSON.parse(text), null, 1) : text; } catch { return text; }
}

async function copy() {
  try { await navigator.clipboard.writeText(address.textContent); toast('Copied. The address has a key in it, unless callers send one.'); } catch { toast('This browser does not let the page copy.'); }
}

async function renew() {
  const told = await get('services').catch(() => null);
  state(Boolean(told));
  if (!told) return;
  found = told.services;
  if (!found.some((each) => each.name === chosen)) { if (found.length) choose(found[0].name); else { chosen = ''; draw(); } } else draw();
}

const step = (by) => {
  const place = found.findIndex((each) => each.name === chosen) + by;
  if (found[place]) choose(found[place].name);
};
onKey('j', 'Next service', () => step(1));
onKey('k', 'Previous service', () => step(-1));
field.addEventListener('keydown', (event) => { if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) { event.preventDefault(); send(); } });

await ready;
if (chosen) field.value = kept(`request-${chosen}`, '{"data": []}');
await renew();
document.documentElement.dataset.ready = 'yes';
overview();
const again = async () => { if (!document.hidden) await renew(); setTimeout(again, PAUSE); };
setTimeout(again, PAUSE);
