// What all pages share: the frame, colours, formats, dialogs and keys. Data becomes text nodes, never markup.
import { base, get, listen, ready } from './http.js';

export const $ = (selector, root = document) => root.querySelector(selector);

// el('a', {class: 'x', onclick: f}, 'text', node, …)
export function el(name, about, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(about ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith('on')) made.addEventListener(key.slice(2), value);
    else if (key === 'style') for (const [property, each] of Object.entries(value)) made.style.setProperty(property, each);
    else if (key in made && typeof value !== 'string') made[key] = value;
    else made.setAttribute(key, value === true ? '' : value);
  }
  made.append(...children.flat().filter((each) => each !== null && each !== undefined && each !== false));
  return made;
}

// Icons are in the document.
const copied = (id) => $(`#${id}`).content.firstChild.cloneNode(true);
export const icon = (name) => copied(`icon-${name}`);
export const menu = () => copied('menu');

export const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
export const colour = (index) => css(`--c${(index % 10) + 1}`);

// The same run has the same colour everywhere.
export function indexOf(id) {
  let hash = 7;
  for (let i = 0; i < id.length; i++) hash = (hash * 31 + id.charCodeAt(i)) >>> 0;
  return hash % 10;
}

// Formats. The browser's own, by language, take a tenth of a second when they are first used.
export const grouped = (count) => String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, ',');
export function sig(value) {
  if (typeof value !== 'number') return value === null || value === undefined ? '' : String(value);
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : value > 0 ? '∞' : '−∞';
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e15) return size < 1e5 ? String(value) : grouped(value);
  if (size >= 1000) return grouped(value);
  return size >= 0.001 ? value.toPrecision(4) : value.toExponential(2);
}
export const shortly = (value) => (typeof value === 'number' && !Number.isInteger(value) ? String(+value.toPrecision(6)) : String(value));
export function took(seconds) {
  if (!(seconds >= 0)) return '';
  if (seconds < 10) return `${seconds.toFixed(1)}s`;
  if (seconds < 60) return `${Math.round(seconds)}s`;
  const minutes = Math.floor(seconds / 60), pad = (n) => String(n).padStart(2, '0');
  if (minutes < 60) return `${minutes}m ${pad(Math.floor(seconds % 60))}s`;
  return minutes < 1440 ? `${Math.floor(minutes / 60)}h ${pad(minutes % 60)}m` : `${Math.floor(minutes / 1440)}d ${Math.floor((minutes % 1440) / 60)}h`;
}
export function ago(time) {
  if (!time) return '';
  const seconds = Math.max(Date.now() / 1000 - time, 0);
  if (seconds < 60) return 'just now';
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ago`;
  return seconds < 86400 ? `${Math.floor(seconds / 3600)}h ago` : `${Math.floor(seconds / 86400)}d ago`;
}
const clock = (() => { let made; return () => (made ??= new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' })); })();
export const moment = (time) => (time ? clock().format(time * 1000) : '');
// A moment that is read when the pointer comes.
export const dated = (time, ...parts) => { const made = el(...parts); made.addEventListener('pointerenter', () => { made.title = moment(time); }, { once: true }); return made; };
export function bytes(count) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let unit = 0;
  for (; count >= 1000 && unit < 4; unit++) count /= 1000;
  return `${unit && count < 10 ? count.toFixed(1) : Math.round(count)} ${units[unit]}`;
}
export const many = (count, word) => `${grouped(count)} ${word}${count === 1 ? '' : 's'}`;
export const place = (number) => `${number}${['th', 'st', 'nd', 'rd'][number % 100 > 10 && number % 100 < 14 ? 0 : number % 10] ?? 'th'}`;

const STATES = {
  NotStarted: ['notstarted', 'Not started'], Queued: ['queued', 'Queued'], Provisioning: ['preparing', 'Preparing'],
  Preparing: ['preparing', 'Preparing'], Starting: ['preparing', 'Starting'], Running: ['running', 'Running'],
  Finalizing: ['finalizing', 'Finalizing'], CancelRequested: ['canceled', 'Canceling'], NotResponding: ['lost', 'Not responding'],
  Completed: ['completed', 'Completed'], Failed: ['failed', 'Failed'], Canceled: ['canceled', 'Canceled'],
};
export const ended = (run) => ['Completed', 'Failed', 'Canceled'].includes(run.status);
export const word = (status) => STATES[status]?.[1] ?? status;
export function status(run, small) {
  const [kind, title] = STATES[run.status] ?? ['notstarted', run.status];
  return el('span', { class: `st ${kind}` }, el('i'), title, small ? el('small', { title: small }, small) : null);
}
export function hint(run) {
  if (run.status === 'Failed') return run.error ?? run.reason ?? '';
  if (run.status === 'Queued' && run.place) return run.place === 1 ? `next for ${run.target}` : `${place(run.place)} for ${run.target}`;
  if (run.status === 'Canceled') return { stopped_by_policy: 'stopped early', early_termination: 'stopped early' }[run.reason] ?? '';
  return '';
}
export const runTime = (run) => (run.started ? took((run.ended ?? Date.now() / 1000) - run.started) : '');

// Settings of this browser.
export function kept(name, otherwise) {
  try { return JSON.parse(localStorage.getItem(`trainshed-${name}`)) ?? otherwise; } catch { return otherwise; }
}
export function keep(name, value) {
  try { localStorage.setItem(`trainshed-${name}`, JSON.stringify(value)); } catch { /* not kept, then */ }
}

// Colours.
const themed = [];
export const onTheme = (draw) => themed.push(draw);
function paint() {
  const theme = kept('theme', null);
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
}
paint();
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => themed.forEach((draw) => draw()));
function turn() {
  const dark = css('color-scheme') === 'dark' || getComputedStyle(document.documentElement).colorScheme === 'dark';
  keep('theme', dark ? 'light' : 'dark');
  paint();
  themed.forEach((draw) => draw());
}

// Dialogs and notices.
export function toast(text) {
  const shown = el('div', { class: 'toast', role: 'status' }, text);
  document.body.append(shown);
  setTimeout(() => shown.remove(), 4000);
}
export function ask(title, parts, { yes = 'OK', bad = false, no = 'Cancel' } = {}) {
  return new Promise((done) => {
    const form = el('form', { method: 'dialog' }, el('h2', { id: 'ask' }, title), parts,
      el('menu', {}, no ? el('button', { class: 'btn', value: 'no', type: 'button', onclick: () => dialog.close('no') }, no) : null,
        el('button', { class: `btn ${bad ? 'bad' : 'primary'}`, value: 'yes' }, yes)));
    const dialog = el('dialog', { 'aria-labelledby': 'ask', onclose: () => { done(dialog.returnValue === 'yes'); dialog.remove(); } }, form);
    document.body.append(dialog);
    dialog.showModal();
  });
}
export async function tried(work) {
  try { return await work(); } catch (error) { if (error.name !== 'AbortError') toast(error.message); return null; }
}

// What the service renders: dialogs are opened, what was done is told, moments are in the reader's time.
addEventListener('htmx:load', ({ detail: { elt } }) => {
  if (elt.matches('dialog')) elt.showModal();
  for (const each of elt.querySelectorAll('[data-at]')) each.textContent = moment(Number(each.dataset.at));
});
addEventListener('htmx:beforeRequest', ({ target }) => target.closest('dialog')?.close());
addEventListener('acted', ({ detail }) => { if (detail.told) toast(detail.told); });
addEventListener('htmx:beforeSwap', ({ detail }) => {
  const { xhr, pathInfo } = detail, elsewhere = new URL(pathInfo.finalRequestPath, document.baseURI).href !== xhr.responseURL; // the login of a proxy
  if (elsewhere) detail.shouldSwap = false;
  if (elsewhere || (xhr.status >= 400 && xhr.status !== 401)) toast(told(xhr.responseText) ?? (elsewhere || xhr.status === 403 ? 'The proxy before the service asks for a login. Reload the page.' : `The service answered with status ${xhr.status}.`));
});
addEventListener('htmx:sendError', ({ target }) => { if (target.id === 'dialog' || target.closest('form, #details')) toast('The service does not answer. It starts with: trainshed open'); });
function told(text) { try { return JSON.parse(text).error.message; } catch { return null; } }
document.addEventListener('click', ({ target }) => {
  target.closest('[data-close]')?.closest('dialog').close();
  const copied = target.closest('[data-copy]');
  if (copied) navigator.clipboard?.writeText(copied.dataset.copy).then(() => toast('Copied'));
});

// Keys, off while a field has the focus.
const keys = new Map();
export function onKey(key, title, act) { keys.set(key.toLowerCase(), { key, title, act }); }
document.addEventListener('keydown', (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
  const field = event.target.closest?.('input:not([type=checkbox]):not([type=range]), textarea, select, [contenteditable]');
  if (field) { if (event.key === 'Escape') field.blur(); return; }
  if (event.target.closest?.('button, a') && ['Enter', ' '].includes(event.key)) return;
  if (!kept('keys', true) && event.key !== '?') return;
  const found = keys.get((event.shiftKey && event.key.length === 1 && event.key !== '?' ? `shift+${event.key}` : event.key).toLowerCase());
  if (found) { event.preventDefault(); found.act(event); }
});
function help() {
  const box = el('input', { type: 'checkbox', checked: kept('keys', true), onchange: (event) => keep('keys', event.target.checked) });
  const rows = [...keys.values()].filter((each) => each.title).flatMap((each) => [
    el('dt', {}, el('kbd', {}, each.key === ' ' ? 'Space' : each.key.length === 1 ? each.key.toUpperCase() : each.key)), el('dd', {}, each.title)]);
  ask('Keys', [el('dl', { class: 'keys' }, rows), el('p', {}, el('label', {}, box, ' Keys are on'))], { yes: 'Close', no: null });
}

// The frame, which is in the document: what is in it lives.
export const main = $('main');
export const wait = $('#wait');
const live = $('.rail .live');
let since = '';
export function state(on) {
  if (on) since = '';
  else since ||= new Date().toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  live.classList.toggle('off', !on);
  live.textContent = on ? 'Live' : `Not live since ${since}`;
  live.title = on ? '' : 'The service does not answer; trying again. Shown: what was known then. It starts with: trainshed open';
}
export const overview = () => window.htmx?.trigger('.rail .sub', 'refresh');
const fold = () => { document.body.classList.toggle('norail', kept('rail', true) === false); };
fold();
$('#help').addEventListener('click', help);
$('#theme').addEventListener('click', turn);
onKey('t', 'Light or dark', turn);
onKey('?', 'This list', help);
onKey('[', 'Show or hide the left side', () => { keep('rail', kept('rail', true) === false); fold(); });
document.addEventListener('click', (event) => {
  if (event.target.closest('button.menu')) document.body.classList.toggle('open');
  else if (!event.target.closest('.rail')) document.body.classList.remove('open');
});
export const runAddress = (id) => `runs/${encodeURIComponent(id)}`;
export { base, get, listen, ready };
