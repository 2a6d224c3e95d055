// The page of package dashboard. It keeps what the stream of sessions says, and
// reckons by itself what passes with time: idle time, cost, what is left.
// Everything that comes from the store is written as text, never as markup.
(function () {
  'use strict';

  const $ = (id) => document.getElementById(id);
  const sessions = new Map(); // by identifier: {data, at, element, cells}
  const look = { ended: false, user: '', after: '', search: '', sort: 'id', down: false };
  let access = 'none';
  let skew = 0; // the server's clock, less ours, ms
  let chosen = ''; // the session whose details are shown
  let stream = null; // the stream of sessions
  let happenings = null; // the stream of the chosen one's events

  // The credential comes behind the # of the address, which browsers do not send.
  // It is kept for this tab alone, and leaves the address bar. A page that a
  // program serves behind a login of its own has none.
  const kept = 'atlas:' + location.pathname;
  function credential() {
    const given = location.hash.slice(1);
    if (given) {
      sessionStorage.setItem(kept, given);
      history.replaceState(null, '', location.pathname + location.search);
    }
    return sessionStorage.getItem(kept) || '';
  }
  let token = credential();
  addEventListener('hashchange', () => { token = credential(); follow(); choose(chosen); });

  const headers = () => (token ? { Authorization: 'Bearer ' + token } : {});

  // problem is an error that people can read.
  async function problem(response) {
    let said = {};
    try { said = (await response.json()).error || {}; } catch { /* a proxy's own answer */ }
    const e = new Error(said.message || 'the server answers ' + response.status);
    e.hint = said.hint || '';
    e.said = true; // by the server: not a network that fails
    e.final = [400, 401, 403, 404].includes(response.status);
    return e;
  }

  function complain(e) {
    $('trouble').hidden = !e;
    $('trouble').textContent = e ? e.message + (e.hint ? '\n' + e.hint : '') : '';
  }

  function connection(is, words) {
    $('connection').dataset.is = is;
    $('connection').textContent = words;
  }

  // The server says something every 15 s. Where nothing comes for three times as
  // long the connection is dead, though nobody said so: a computer that slept, a
  // router that forgot.
  const patience = 45000;

  // Events reads server-sent events with a credential, which EventSource cannot,
  // and again after a pause when they break off. on(name, data) gets each; ended is
  // told of each break: why, where the server said so, and whether it is for good.
  function Events(path, on, ended) {
    let closed = false;
    let link = null; // the connection there is now
    let wait = 500;
    (async () => {
      while (!closed) {
        const mine = link = new AbortController();
        let silent = 0;
        const alive = () => { clearTimeout(silent); silent = setTimeout(() => mine.abort(), patience); };
        let why = null;
        try {
          alive();
          const response = await fetch(path, { headers: headers(), signal: mine.signal });
          if (!response.ok) throw await problem(response);
          wait = 500;
          const reader = response.body.getReader();
          const text = new TextDecoder();
          let rest = '';
          for (;;) {
            const { value, done } = await reader.read();
            if (done) break;
            alive();
            rest += text.decode(value, { stream: true });
            const parts = rest.split('\n\n');
            rest = parts.pop();
            for (const part of parts) {
              const name = /^event: (.*)$/m.exec(part);
              const data = /^data: (.*)$/m.exec(part);
              if (name && data && on(name[1], JSON.parse(data[1])) === 'end') { closed = true; mine.abort(); return; }
            }
          }
        } catch (e) {
          if (e.said) why = e;
        } finally {
          clearTimeout(silent);
        }
        if (closed) return;
        ended(why, Boolean(why && why.final));
        if (why && why.final) return;
        await new Promise((go) => setTimeout(go, wait));
        wait = Math.min(2 * wait, 10000);
      }
    })();
    return { close: () => { closed = true; link.abort(); } };
  }

  // follow looks at what the filters say.
  function follow() {
    if (stream) stream.close();
    connection('waiting', 'connecting');
    const query = new URLSearchParams();
    if (look.ended) query.set('ended', '1');
    if (look.user) query.set('user', look.user);
    if (look.after) query.set('after', look.after);
    stream = Events('api/sessions?' + query, heard, (why, final) => {
      if (why) complain(why);
      connection(final ? 'refused' : 'waiting', final ? 'no access' : 'reconnecting');
    });
  }

  function heard(name, data) {
    if (name === 'trouble') {
      complain(data);
      connection('waiting', 'cannot tell');
      return;
    }
    skew = Date.parse(data.now) - Date.now();
    if (name === 'sessions') {
      access = data.access;
      complain(null);
      const shown = new Set(data.rows.map((one) => one.id));
      for (const id of [...sessions.keys()]) if (!shown.has(id)) drop(id);
    }
    for (const id of data.gone || []) drop(id);
    for (const one of data.rows) keep(one);
    if (chosen && !sessions.has(chosen) && (data.gone || [chosen]).includes(chosen)) lookUp();
    $('next').hidden = !data.next;
    $('next').dataset.after = data.next || '';
    $('first').hidden = !look.after;
    connection('live', 'live');
    arrange();
    tick();
  }

  function drop(id) {
    const s = sessions.get(id);
    if (s) s.element.remove();
    sessions.delete(id);
  }

  // keep takes in a session as it is now.
  function keep(data) {
    let s = sessions.get(data.id);
    if (!s) {
      s = { element: document.createElement('tr'), cells: {} };
      s.element.dataset.id = data.id;
      sessions.set(data.id, s);
    }
    s.data = data;
    s.at = Date.now() + skew;
    draw(s);
    if (chosen === data.id) describe(data);
  }

  function put(parent, tag, text, kind) {
    const e = document.createElement(tag);
    if (kind) e.className = kind;
    e.textContent = text;
    parent.append(e);
    return e;
  }

  // draw writes a row anew; what had the focus in it keeps it.
  function draw(s) {
    const held = s.element.contains(document.activeElement) ? document.activeElement.dataset.action : null;
    fill(s);
    if (held !== null) ([...s.element.querySelectorAll('button')].find((b) => b.dataset.action === held) || s.element.querySelector('.id')).focus({ preventScroll: true });
  }

  function fill(s) {
    const { data } = s;
    const machine = data.compute || {};
    s.element.replaceChildren();
    const cell = (kind) => put(s.element, 'td', '', kind);

    let at = cell();
    const id = put(at, 'button', data.id, 'id');
    id.type = 'button';
    id.addEventListener('click', () => choose(data.id));
    put(at, 'span', [machine.id, machine.name].filter(Boolean).join(' · '), 'under');

    put(s.element, 'td', data.user_id || '', 'user');
    at = cell();
    at.append(machine.provider || '');
    put(at, 'span', [machine.region, machine.cloud_type, machine.spot ? 'spot' : ''].filter(Boolean).join(' · '), 'under');

    at = cell();
    put(at, 'span', data.state, 'state').dataset.is = data.state;
    put(at, 'span', [data.state === 'live' ? machine.status : '', data.reason].filter(Boolean).join(' · '), 'under');
    if (data.error) put(at, 'span', data.error.message, 'under wrong');

    put(s.element, 'td', machine.gpu_type ? (machine.gpu_count > 1 ? machine.gpu_count + ' × ' : '') + machine.gpu_type : '');
    put(s.element, 'td', machine.cost_per_hour === undefined ? '–' : machine.cost_per_hour.toFixed(4), 'number');
    s.cells = { spent: cell('number'), idle: cell('number'), ends: cell('number') };

    at = cell();
    if (access !== 'operate') return;
    const button = (words, action, question) => {
      const b = put(at, 'button', words, question ? 'grave' : '');
      b.type = 'button';
      b.dataset.action = action;
      b.addEventListener('click', () => act(b, data.id, action, question));
    };
    if (data.state === 'live') {
      button('Touch', 'touch');
      if (machine.status === 'running') button('Stop', 'stop', 'Stop the machine of ' + data.id + '? Its GPUs are given back; what is on its volume is kept and goes on costing.');
      if (machine.status === 'stopped') button('Start', 'start');
    }
    if (data.state === 'ending' && data.error) button('Forget', 'forget', 'Forget ' + data.id + '? Its machine may go on running and costing.');
    if (data.state === 'live' || data.state === 'intended') button('End', 'end', 'End ' + data.id + ' and give its machine back?');
  }

  async function act(button, id, action, question) {
    if (button.hasAttribute('aria-disabled') || (question && !confirm(question))) return;
    button.setAttribute('aria-disabled', 'true'); // and not disabled, which would lose the focus
    try {
      const response = await fetch('api/sessions/' + encodeURIComponent(id) + '/' + action, { method: 'POST', headers: headers() });
      if (!response.ok) throw await problem(response);
      complain(null);
    } catch (e) {
      complain(e);
    }
    button.removeAttribute('aria-disabled');
  }

  // What the columns are sorted by.
  const by = {
    id: (s) => s.data.id,
    user: (s) => s.data.user_id || '',
    provider: (s) => (s.data.compute || {}).provider || '',
    state: (s) => ['intended', 'live', 'ending', 'ended'].indexOf(s.data.state),
    gpu: (s) => (s.data.compute || {}).gpu_type || '',
    rate: (s) => (s.data.compute || {}).cost_per_hour ?? -1,
    spent: (s) => spent(s) ?? -1,
    idle: (s) => -Date.parse(s.data.touched_at),
    ends: (s) => (s.data.ends_at ? Date.parse(s.data.ends_at) : Infinity),
  };

  function matches(s) {
    if (!look.search) return true;
    const m = s.data.compute || {};
    return [s.data.id, m.id, m.name, s.data.user_id, m.gpu_type, m.gpu_native, m.provider, s.data.state, m.region, ...Object.values(s.data.tags || {})]
      .some((text) => text && String(text).toLowerCase().includes(look.search));
  }

  // arrange puts the rows in order, moving only those that are out of place.
  function arrange() {
    const value = by[look.sort];
    const list = [...sessions.values()].filter(matches).sort((a, b) => {
      const x = value(a); const y = value(b);
      const order = x < y ? -1 : x > y ? 1 : a.data.id < b.data.id ? -1 : 1;
      return look.down ? -order : order;
    });
    const shown = new Set(list.map((s) => s.element));
    for (const row of [...$('rows').children]) if (!shown.has(row)) row.remove();
    const held = document.activeElement;
    let at = $('rows').firstElementChild;
    for (const s of list) {
      s.element.setAttribute('aria-current', String(s.data.id === chosen));
      if (s.element === at) at = at.nextElementSibling;
      else $('rows').insertBefore(s.element, at);
    }
    if (held && held.isConnected && held !== document.activeElement) held.focus({ preventScroll: true });
    for (const head of document.querySelectorAll('th[data-sort]')) {
      if (head.dataset.sort === look.sort) head.setAttribute('aria-sort', look.down ? 'descending' : 'ascending');
      else head.removeAttribute('aria-sort');
    }
    $('nothing').hidden = list.length > 0;
    $('nothing').textContent = sessions.size > 0 ? 'No session on this page matches.' : 'No sessions.';
  }

  // spent is what a session has cost by now, USD.
  function spent(s) {
    if (s.data.spent === undefined) return undefined;
    const m = s.data.compute || {};
    const runs = ['live', 'ending'].includes(s.data.state) && m.cost_per_hour !== undefined; // stopped, too: the price is that of its disk then
    return s.data.spent + (runs ? Math.max(0, Date.now() + skew - s.at) / 3600000 * m.cost_per_hour : 0);
  }

  function span(ms) {
    const s = Math.max(0, Math.floor(ms / 1000));
    if (s < 3600) return Math.floor(s / 60) + ':' + String(s % 60).padStart(2, '0');
    const m = Math.floor(s / 60);
    return m < 2880 ? Math.floor(m / 60) + ' h ' + (m % 60) + ' min' : Math.floor(m / 1440) + ' days';
  }

  // tick writes what passes with time.
  function tick() {
    const now = Date.now() + skew;
    let live = 0; let rate = 0; let sum = 0;
    for (const s of sessions.values()) {
      const usd = spent(s);
      const lives = s.data.state === 'live';
      if (lives) live++;
      if (lives || s.data.state === 'ending') rate += (s.data.compute || {}).cost_per_hour || 0;
      sum += usd || 0;
      if (!s.element.isConnected) continue;
      s.cells.spent.textContent = usd === undefined ? '–' : usd.toFixed(4);
      s.cells.idle.textContent = lives ? span(now - Date.parse(s.data.touched_at)) : '–';
      s.cells.ends.textContent = s.data.ends_at ? span(Date.parse(s.data.ends_at) - now) : '–';
    }
    $('total-live').textContent = String(live);
    $('total-rate').textContent = rate.toFixed(2);
    $('total-spent').textContent = sum.toFixed(2);
  }

  // choose shows the details of a session, with its events from the first.
  function choose(id) {
    if (happenings) happenings.close();
    happenings = null;
    chosen = id;
    $('details').hidden = !id;
    latest = {};
    $('events').replaceChildren();
    arrange();
    if (!id) return;
    if (sessions.has(id)) describe(sessions.get(id).data);
    happenings = Events('api/sessions/' + encodeURIComponent(id) + '/events', (name, data) => {
      if (name === 'end') return 'end';
      if (name === 'trouble') put($('events'), 'li', data.message, 'wrong');
      if (name === 'event') happened(data);
      return data.data && data.data.final ? 'end' : undefined;
    }, (why) => {
      latest = {};
      $('events').replaceChildren(); // they come again, from the first
      if (why) put($('events'), 'li', why.message, 'wrong');
    });
  }

  // Of these, which come as long as a session lives, the latest alone is shown.
  const recurring = ['heartbeat', 'cost', 'terminate_failed'];
  let latest = {}; // of the chosen session, by name

  function happened(e) {
    if (recurring.includes(e.event) && latest[e.event]) latest[e.event].remove();
    const li = latest[e.event] = document.createElement('li');
    const time = put(li, 'time', new Date(e.time).toLocaleString());
    time.dateTime = e.time;
    li.append(e.event);
    const more = Object.entries(e.data || {}).filter(([name, value]) => name !== 'compute' && typeof value !== 'object')
      .map(([name, value]) => name + ' ' + value);
    if (e.data && e.data.error && e.data.error.message) more.push(e.data.error.message);
    if (more.length) put(li, 'small', more.join(' · '));
    for (const trouble of $('events').querySelectorAll('li.wrong')) trouble.remove();
    $('events').prepend(li);
    if (!sessions.has(chosen)) lookUp();
  }

  // lookUp reads the chosen session where the view does not have it: it ended, or is
  // on another page. A burst of reasons asks once.
  let asking = 0;
  function lookUp() {
    clearTimeout(asking);
    asking = setTimeout(async () => {
      const id = chosen;
      if (!id || sessions.has(id)) return;
      try {
        const response = await fetch('api/sessions/' + encodeURIComponent(id), { headers: headers() });
        const data = response.ok ? await response.json() : null;
        if (data && chosen === id && !sessions.has(id)) describe(data);
      } catch { /* what was known stays */ }
    }, 100);
  }

  function describe(data) {
    $('details-id').textContent = data.id;
    const m = data.compute || {};
    const facts = [
      ['machine', [m.provider, m.id].filter(Boolean).join(' ')], ['name', m.name], ['user', data.user_id], ['state', data.state + (data.reason ? ', ' + data.reason : '')],
      ['machine is', [m.status, m.native_status].filter(Boolean).join(', ')], ['image', m.image], ['address', m.public_ip],
      ['ports', (m.ports || []).map((p) => p.internal + '/' + p.protocol + (p.url ? ' ' + p.url : '')).join('\n')],
      ['began', data.created_at], ['ready', data.ready_at], ['ended', data.ended_at], ['idle limit', data.idle_ttl_ms ? span(data.idle_ttl_ms) : 'none'],
      ['lifetime', data.max_lifetime_ms ? span(data.max_lifetime_ms) : 'no limit'], ['cost limit', data.max_cost ? data.max_cost + ' USD' : 'none'],
      ['billed', data.billed === undefined ? '' : data.billed + ' USD'], ['on exit', data.on_exit],
      ['tags', Object.entries(data.tags || {}).map(([k, v]) => k + '=' + v).join(', ')],
      ['error', data.error ? data.error.message + (data.error.hint ? '; ' + data.error.hint : '') : ''],
    ];
    $('facts').replaceChildren();
    for (const [name, value] of facts) {
      if (!value) continue;
      put($('facts'), 'dt', name);
      put($('facts'), 'dd', value);
    }
  }

  // again begins at the first page of another view.
  function again() {
    look.after = '';
    follow();
  }

  $('filters').addEventListener('submit', (e) => e.preventDefault());
  $('search').addEventListener('input', () => { look.search = $('search').value.trim().toLowerCase(); arrange(); tick(); });
  $('user').addEventListener('change', () => { look.user = $('user').value.trim(); again(); });
  $('ended').addEventListener('change', () => { look.ended = $('ended').checked; again(); });
  $('first').addEventListener('click', again);
  $('next').addEventListener('click', () => { look.after = $('next').dataset.after; follow(); });
  $('close').addEventListener('click', () => {
    const s = sessions.get(chosen);
    choose('');
    if (s && s.element.isConnected) s.element.querySelector('.id').focus({ preventScroll: true });
  });
  for (const head of document.querySelectorAll('th[data-sort]')) {
    head.tabIndex = 0;
    const turn = () => {
      look.down = look.sort === head.dataset.sort && !look.down;
      look.sort = head.dataset.sort;
      arrange();
    };
    head.addEventListener('click', turn);
    head.addEventListener('keydown', (e) => { if (e.key === 'Enter' || e.key === ' ') { e.preventDefault(); turn(); } });
  }
  setInterval(tick, 1000);
  addEventListener('pagehide', () => { choose(''); stream.close(); });
  addEventListener('pageshow', (e) => { if (e.persisted) follow(); });
  follow();
})();
