// For admins: what happened, as a list that goes on by itself, and over time.
import { NotTheApi, Refusal } from './api.js';
import { button, h, heading, notice, show, table } from './dom.js';
import { agent } from './devices.js';
import { plot } from './plot.js';
import { call } from './session.js';
import { explain } from './signin.js';
import { ago, count, day, has, hour, moment, t } from './text.js';

const EVERY = 3000;
const SHOWN = 50;
/** A plot reads so many pages at most, the newest first. */
const PAGES = 60;
const PER_PAGE = 100;

const name = (type) => (has(`event_${type}`) ? t(`event_${type}`) : type);
const COUNTED = new Set(['session_rotated', 'session_replayed', 'login_throttled', 'refresh_refused', 'token_refused']);
const BAD = new Set(['login_failed', 'login_throttled', 'otp_refused', 'refresh_refused', 'reuse_detected', 'token_refused', 'step_up_refused', 'admin_refused']);

export async function auditView(main, context) {
  const rows = h('div', { class: 'results' });
  const problem = h('div', {});
  const type = h('select', { id: 'event-type' }, h('option', { value: '' }, t('all_events')), TYPES.map((one) => h('option', { value: one }, name(one))));
  const toggle = button(t('pause'), { class: 'plain' });
  let paused = false;
  let seen = new Set();
  let timer;

  let latest = 0;
  const load = async () => {
    clearTimeout(timer);
    const turn = ++latest;
    try {
      const query = new URLSearchParams({ limit: SHOWN, page: 1 });
      if (type.value) query.set('type', type.value);
      const { data } = await call('GET', `auth/events?${query}`);
      if (context.users) await learn(data);
      // A slower answer to an earlier question.
      if (turn !== latest) return;
      problem.replaceChildren();
      const first = seen.size === 0;
      const fresh = data.filter((event) => !first && !seen.has(event.id)).length;
      seen = new Set(data.map((event) => event.id));
      rows.replaceChildren(data.length === 0 ? h('p', { class: 'empty' }, t('no_events'))
        : table(t('nav_audit'), [t('when'), t('what'), t('who'), t('from')], data.map(line)));
      [...rows.querySelectorAll('tbody tr')].slice(0, fresh).forEach((tr) => tr.classList.add('fresh'));
    } catch (error) {
      if (turn !== latest) return;
      problem.replaceChildren(notice('error', explain(error).text));
    }
    // Goes on while the view is there.
    if (rows.isConnected && !paused) timer = setTimeout(load, EVERY);
  };
  toggle.addEventListener('click', () => {
    paused = !paused;
    toggle.textContent = t(paused ? 'go_on' : 'pause');
    if (paused) clearTimeout(timer);
    else load();
  });
  type.addEventListener('change', () => {
    seen = new Set();
    load();
  });
  show(main, heading(t('nav_audit')), h('section', { class: 'card wide' },
    h('div', { class: 'toolbar' }, h('div', { class: 'field' }, h('label', { for: 'event-type' }, t('filter')), type), toggle),
    h('p', { class: 'quiet' }, t('audit_text')), problem, rows));
  await load();
}

const TYPES = [
  'login_succeeded', 'login_failed', 'login_throttled', 'otp_asked', 'otp_refused', 'recovery_code_used', 'recovery_codes_replaced', 'mfa_enabled',
  'mfa_disabled', 'mfa_reset', 'password_changed', 'session_rotated', 'session_replayed', 'refresh_refused', 'reuse_detected', 'session_ended',
  'other_sessions_ended', 'all_sessions_ended', 'user_registered', 'email_verified', 'user_invited', 'invitation_accepted', 'personal_token_created',
  'personal_token_revoked', 'user_created', 'user_changed', 'user_deleted', 'token_refused', 'step_up_refused', 'admin_refused',
];

/** The addresses of users, as far as somebody asked. */
const addresses = new Map();
const LEARNED = 20;

const who = (id) => (addresses.get(id) ? h('span', { title: id }, addresses.get(id)) : h('code', { class: 'id' }, id));

/** Asks who the users are whom nobody asked for yet: a few at a time, the rest next time. Who is gone stays an id. */
async function learn(events) {
  const unknown = new Set(events.flatMap(({ user, actor }) => [user, actor]).filter((id) => id && !addresses.has(id)));
  await Promise.all([...unknown].slice(0, LEARNED).map(async (id) => {
    const answer = await call('GET', `users/${encodeURIComponent(id)}`).catch(() => null);
    addresses.set(id, answer?.data.email ?? null);
  }));
}

function line(event) {
  // Not kept one by one, but counted: of nobody in particular.
  const isCounted = COUNTED.has(event.type) && !event.user;
  const kind = event.type === 'reuse_detected' ? 'bad' : BAD.has(event.type) ? 'warn' : '';
  return [
    h('time', { datetime: new Date(event.at).toISOString(), title: moment(event.at) }, ago(event.at)),
    h('span', { class: 'several' }, h('span', { class: `badge ${kind}` }, name(event.type)), event.times > 1 && h('span', { class: 'quiet' }, count('times', event.times))),
    h('span', {}, event.user ? who(event.user) : h('span', { class: 'quiet' }, t(isCounted ? 'counted' : 'nobody')), event.actor && event.actor !== event.user && [' ', h('span', { class: 'quiet' }, t('by', { actor: addresses.get(event.actor) ?? event.actor }))]),
    [event.ip, event.user_agent && agent(event.user_agent)].filter(Boolean).join(' · ') || (isCounted ? '' : t('no_address')),
  ];
}

// What is counted comes every five minutes.
const RANGES = { hour: [3_600_000, 12, hour], day: [86_400_000, 48, day], week: [604_800_000, 56, day] };
const SERIES = [
  ['logins', ['login_succeeded'], 'good'],
  ['failures', ['login_failed', 'otp_refused', 'login_throttled'], 'bad'],
  ['refused', ['refresh_refused', 'reuse_detected'], 'bad'],
  ['refreshes', ['session_rotated', 'session_replayed'], 'calm'],
];

export async function activityView(main) {
  const plots = h('div', { class: 'plots' });
  const problem = h('div', {});
  let range = 'hour';
  const choices = h('div', { class: 'choices', role: 'group', 'aria-label': t('range') }, Object.keys(RANGES).map((one) =>
    button(t(`range_${one}`), { class: 'plain small', 'data-range': one, 'aria-pressed': String(one === range), click: () => {
      range = one;
      for (const choice of choices.children) choice.setAttribute('aria-pressed', String(choice.dataset.range === one));
      load();
    } })));
  const load = async () => {
    const wanted = range;
    const [span, bins, label] = RANGES[wanted];
    const until = Date.now();
    try {
      const drawn = [];
      for (const [series, types, color] of SERIES) {
        const { events, cut } = await eventsOf(types, until - span);
        const counts = binned(events, until - span, span / bins, bins);
        drawn.push(h('section', { class: 'card plot' }, h('h2', {}, t(`plot_${series}`)),
          h('p', { class: 'big-number' }, count('times', counts.reduce((a, b) => a + b, 0))),
          plot({ counts, from: until - span, until, label, color, title: t(`plot_${series}`) }), cut && h('p', { class: 'quiet' }, t('plot_cut'))));
      }
      if (wanted !== range) return;
      problem.replaceChildren();
      plots.replaceChildren(...drawn);
    } catch (error) {
      if (!(error instanceof Refusal || error instanceof NotTheApi)) console.error(error);
      problem.replaceChildren(notice('error', explain(error).text));
    }
  };
  show(main, heading(t('nav_activity')), h('div', { class: 'toolbar' }, h('p', { class: 'quiet' }, t('activity_text')), choices), problem, plots);
  await load();
}

/** The events of these types, and whether there were more than one asks for. */
async function eventsOf(types, since) {
  const events = [];
  let cut = false;
  for (const type of types) {
    for (let page = 1; ; page += 1) {
      const query = new URLSearchParams({ limit: PER_PAGE, page, type, since: Math.floor(since) });
      const { data } = await call('GET', `auth/events?${query}`);
      events.push(...data);
      if (data.length < PER_PAGE) break;
      if (page === PAGES) {
        cut = true;
        break;
      }
    }
  }
  return { events, cut };
}

function binned(events, from, width, bins) {
  const counts = new Array(bins).fill(0);
  for (const { at: time, times } of events) {
    // The clock of the server may be a little ahead.
    const at = Math.min(Math.floor((time - from) / width), bins - 1);
    if (at >= 0) counts[at] += times;
  }
  return counts;
}
