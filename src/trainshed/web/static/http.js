// Requests to the service: with the session of this browser, which a one-time code gives.
const KEY = 'trainshed-session';
export const base = new URL('.', document.baseURI); // ends with pages/, whatever a proxy has put before it
let session = read();

function read() {
  try { return localStorage.getItem(KEY) || ''; } catch { return ''; }
}

function keep(text) {
  session = text;
  try { localStorage.setItem(KEY, text); } catch { /* for this page alone, then */ }
}

export class ServiceError extends Error {
  constructor(message, status) { super(message); this.status = status; }
}

const where = (path) => new URL('data/' + path, base);
let asking = null; // the login that is in progress

async function send(path, options = {}) {
  const headers = { 'x-trainshed-session': session, ...options.headers };
  for (;;) {
    let answer;
    try {
      // With cookies, of which the service takes no notice: a proxy before it, as Jupyter's, knows its user by them.
      answer = await fetch(where(path), { ...options, headers, cache: 'no-store' });
    } catch (error) {
      if (options.signal?.aborted) throw error;
      throw new ServiceError('The service does not answer. It starts with: trainshed open', 0);
    }
    if (answer.ok && !answer.redirected) return answer;
    const told = answer.redirected ? null : await answer.json().catch(() => null);
    if (answer.redirected || (answer.status === 403 && !told)) throw new ServiceError('The proxy before the service asks for a login. Reload the page.', 0);
    const error = new ServiceError(told?.error?.message ?? `The service answered with status ${answer.status}.`, answer.status);
    if (answer.status !== 401 || path === 'login') throw error;
    await login();
    headers['x-trainshed-session'] = session;
  }
}

export async function get(path, signal) {
  return revive(await (await send(path, { signal })).json());
}

export async function post(path, body) {
  const headers = { 'content-type': 'application/json' };
  return revive(await (await send(path, { method: 'POST', body: JSON.stringify(body), headers })).json());
}

export async function blob(path, type) {
  return new Blob([await (await send(path)).arrayBuffer()], { type });
}

// A browser that downloads sends no session, so the address gets a ticket for a minute.
export async function download(path, name) {
  const { ticket } = await post('ticket', { path });
  const link = document.createElement('a');
  link.href = `${where(path)}?ticket=${encodeURIComponent(ticket)}`;
  link.download = name;
  link.click();
}

// htmx: its requests have the session, too, and are sent again once somebody has logged in.
addEventListener('htmx:configRequest', ({ detail }) => { detail.headers['x-trainshed-session'] = session; });
addEventListener('htmx:responseError', async ({ detail: { xhr, requestConfig, target } }) => {
  if (xhr.status !== 401) return;
  await login();
  window.htmx.ajax(requestConfig.verb, requestConfig.path, { source: requestConfig.elt, target, values: requestConfig.parameters });
});

// Numbers that JSON cannot hold come as {"$float": "NaN"}.
function revive(value) {
  if (Array.isArray(value)) { for (let i = 0; i < value.length; i++) value[i] = revive(value[i]); return value; }
  if (value && typeof value === 'object') {
    if ('$float' in value) return Number(value.$float);
    for (const key in value) value[key] = revive(value[key]);
  }
  return value;
}

export const query = (entries) => {
  const made = new URLSearchParams();
  for (const [name, value] of Object.entries(entries)) {
    if (Array.isArray(value)) value.forEach((each) => made.append(name, each));
    else if (value !== undefined && value !== null && value !== '') made.set(name, value);
  }
  return made.toString();
};

// Server-sent events. Not by EventSource, which sends no session; but with its header, without which Jupyter's proxy would
// hold them back. They stop while the page is hidden: a browser has six
// connections to one address, and all tabs share them.
export function listen(path, take, state) {
  let stopped = false, abort = null;
  const run = async () => {
    while (!stopped) {
      while (document.hidden && !stopped) await new Promise((go) => document.addEventListener('visibilitychange', go, { once: true }));
      if (stopped) return;
      abort = new AbortController();
      const hide = () => document.hidden && abort.abort();
      document.addEventListener('visibilitychange', hide);
      try {
        const answer = await send(typeof path === 'function' ? path() : path, { signal: abort.signal, headers: { accept: 'text/event-stream' } });
        state?.(true);
        take('open', null);
        await events(answer.body, (kind, data) => { if (!stopped) take(kind, data); });
      } catch (error) {
        if (error.status === 404) return;
        if (!abort.signal.aborted) state?.(false);
      } finally {
        document.removeEventListener('visibilitychange', hide);
      }
      if (!stopped && !document.hidden) await new Promise((go) => setTimeout(go, 1500));
    }
  };
  run();
  return { stop() { stopped = true; abort?.abort(); }, again() { abort?.abort(); } };
}

async function events(body, take) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    rest += value;
    for (let end; (end = rest.indexOf('\n\n')) >= 0; rest = rest.slice(end + 2)) {
      let kind = 'message', data = '';
      for (const line of rest.slice(0, end).split('\n')) {
        if (line.startsWith('event: ')) kind = line.slice(7);
        else if (line.startsWith('data: ')) data += line.slice(6);
      }
      if (data) take(kind, revive(JSON.parse(data)));
    }
  }
}

// The code comes after '#', which browsers send to nobody; it is taken out of the address at once.
async function fromAddress() {
  // MLflow's clients print addresses of their own page.
  const run = /^#\/experiments\/[^/]+\/runs\/([\w-]+)/.exec(location.hash);
  if (run) location.replace(new URL(`runs/${run[1]}`, base));
  const found = /^#code=([\w-]+)$/.exec(location.hash);
  if (!found) return;
  history.replaceState(null, '', location.pathname + location.search);
  await redeem(found[1]).catch(() => {});
}

async function redeem(code) {
  const answer = await fetch(where('login'), {
    method: 'POST', body: JSON.stringify({ code }), headers: { 'content-type': 'application/json' },
  });
  const told = await answer.json();
  if (!answer.ok) throw new ServiceError(told.error.message, answer.status);
  keep(told.session);
}

export const ready = fromAddress();

function login() {
  asking ??= new Promise((done) => {
    const dialog = document.createElement('dialog');
    dialog.className = 'login';
    dialog.setAttribute('aria-labelledby', 'login-title');
    dialog.addEventListener('cancel', (event) => event.preventDefault());
    const form = document.createElement('form');
    const title = document.createElement('h1');
    title.id = 'login-title';
    title.textContent = 'Log in this browser';
    const how = document.createElement('p');
    how.append('On the machine where the service runs, type ');
    const command = document.createElement('code');
    command.textContent = 'trainshed open';
    how.append(command, '. It opens this page logged in. From elsewhere, enter the code that ');
    const print = document.createElement('code');
    print.textContent = 'trainshed open --print';
    how.append(print, ' shows.');
    const label = document.createElement('label');
    const input = document.createElement('input');
    label.append('One-time code', input);
    input.autocomplete = 'one-time-code';
    input.spellcheck = false;
    input.required = true;
    const failed = document.createElement('p');
    failed.className = 'failed';
    failed.setAttribute('role', 'alert');
    const button = document.createElement('button');
    button.className = 'btn primary';
    button.textContent = 'Log in';
    form.append(title, how, label, failed, button);
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      try {
        await redeem(input.value.trim().replace(/^.*#code=/, ''));
        dialog.remove();
        asking = null;
        done();
      } catch (error) { failed.textContent = error.message; }
    });
    dialog.append(form);
    document.body.append(dialog);
    dialog.showModal();
  });
  return asking;
}
