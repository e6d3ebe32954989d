// The web services: the service renders them and what they answer; here is which one is chosen.
import { $, keep, kept, onKey, overview, ready, runAddress, state, toast } from './base.js';

const list = $('#services'), form = $('#try'), field = $('textarea'), chosen = $('#chosen'), address = $('code', form);
const all = () => [...list.querySelectorAll('button.nm')];
chosen.value = new URLSearchParams(location.search).get('name') ?? '';

function choose(button) {
  const { name } = button.dataset;
  chosen.value = name;
  history.replaceState(null, '', `services?name=${encodeURIComponent(name)}`);
  field.value = kept(`request-${name}`, '{"data": []}');
  $('#answer').textContent = $('#about').textContent = '';
  tell();
}
function tell() {
  const button = all().find((each) => each.dataset.name === chosen.value);
  form.hidden = !button;
  if (!button) return;
  for (const each of all()) { if (each === button) each.closest('tr').setAttribute('aria-current', 'true'); else each.closest('tr').removeAttribute('aria-current'); }
  $('h2', form).textContent = `Try ${chosen.value}`;
  $('a', form).href = runAddress(button.dataset.run);
  address.textContent = address.title = button.dataset.address;
  $('#send').disabled = Boolean(button.dataset.error);
  if (button.dataset.error) { $('#about').textContent = 'failed'; $('#answer').textContent = button.dataset.error; }
}
list.addEventListener('click', (event) => { const button = event.target.closest('button.nm'); if (button) choose(button); });
list.addEventListener('htmx:beforeRequest', (event) => { if (document.hidden) event.preventDefault(); });
list.addEventListener('htmx:afterRequest', ({ detail, target }) => { if (target === list) state(detail.successful); });
list.addEventListener('htmx:afterSwap', () => {
  const first = all()[0], known = all().some((each) => each.dataset.name === chosen.value);
  if (first && !known) choose(first); else tell();
  document.documentElement.dataset.ready = 'yes';
});
form.addEventListener('htmx:beforeRequest', () => { $('#about').textContent = 'waiting…'; });
form.addEventListener('htmx:afterRequest', ({ detail }) => { if (detail.failed) $('#about').textContent = ''; window.htmx.trigger(list, 'refresh'); });
field.addEventListener('input', () => keep(`request-${chosen.value}`, field.value));
field.addEventListener('keydown', (event) => { if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) { event.preventDefault(); form.requestSubmit(); } });
$('#copy').addEventListener('click', async () => {
  try { await navigator.clipboard.writeText(address.textContent); toast('Copied. The address has a key in it, unless callers send one.'); } catch { toast('This browser does not let the page copy.'); }
});
const step = (by) => { const next = all()[all().findIndex((each) => each.dataset.name === chosen.value) + by]; if (next) choose(next); };
onKey('j', 'Next service', () => step(1));
onKey('k', 'Previous service', () => step(-1));

await ready;
if (chosen.value) field.value = kept(`request-${chosen.value}`, '{"data": []}');
const begin = () => { window.htmx.trigger(list, 'refresh'); overview(); };
if (window.htmx) begin(); else addEventListener('DOMContentLoaded', () => setTimeout(begin)); // htmx comes after this
