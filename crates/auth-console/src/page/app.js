// Which view is shown: by what stands behind the `#`, and by who is signed in.
import { countdown, overviewView, securityView } from './account.js';
import { activityView, auditView } from './audit.js';
import { OtherIdentity, home, isAbsent } from './api.js';
import { devicesView } from './devices.js';
import { button, closeDialogs, h, link, notice, show } from './dom.js';
import { call, events, renew, resume, session, signOut } from './session.js';
import { diagnosis, explain, forgotView, linkView, registerView, signInView } from './signin.js';
import { usersView } from './users.js';
import { t } from './text.js';

const app = document.getElementById('app');
document.querySelector('.skip').addEventListener('click', (event) => {
  // The `#` belongs to the views.
  event.preventDefault();
  document.getElementById('main').focus();
});

const VIEWS = {
  account: overviewView, security: securityView, devices: devicesView, users: usersView, audit: auditView, activity: activityView,
};

/** Who is signed in, and what is mounted for them; null while nobody is. */
let context = null;
let waiting = null;

/** The token of a link, until it is used. */
let token = linkOfMail();

/** It is taken out of the address at once: it should not stay in the history, nor go anywhere else. */
function linkOfMail() {
  const hash = location.hash.slice(1);
  const [, path, query] = /^(\/[^?]*)?\??(.*)$/s.exec(hash);
  const kind = location.pathname.endsWith('/admin/accept-invite') || path === '/invite' ? 'invite'
    : location.pathname.endsWith('/admin/reset-password') || path === '/reset' ? 'reset' : null;
  const found = new URLSearchParams(query).get('token') ?? new URLSearchParams(location.search).get('token');
  if (!kind && !found) return null;
  const clean = new URL(home);
  clean.hash = `#/${kind ?? 'reset'}`;
  history.replaceState(null, '', clean);
  return found;
}

async function start() {
  if (isLink(name())) return route();
  try {
    if (await resume()) await enter();
    else route();
  } catch (error) {
    diagnosis(alone(), error);
  }
}

/** Somebody is signed in: finds out who, and what there is for them. */
async function enter() {
  let user;
  try {
    user = (await call('GET', 'users/me')).data;
  } catch (error) {
    return diagnosis(alone(), error);
  }
  try {
    context = { user, ...(await administration()), mustEnrol: session.claims?.kind === 'enrol', left };
  } catch (error) {
    return diagnosis(alone(), error);
  }
  const wanted = waiting ?? name();
  waiting = null;
  go(context.mustEnrol ? 'security' : isView(wanted) ? wanted : 'account');
}

/** What is mounted for admins, if this is one. */
async function administration() {
  const isThere = async (path) => {
    if (!session.claims?.admin_access) return false;
    return call('GET', path).then(() => true, (error) => {
      if (isAbsent(error)) return false;
      throw error;
    });
  };
  const [users, trail] = await Promise.all([isThere('users?limit=1'), isThere('auth/events?limit=1')]);
  return { users, trail };
}

/** The second factor that had to be set up is there, and with it the rights: the next token has them. */
async function enrolled() {
  if (!context?.mustEnrol || session.claims?.kind === 'enrol') return;
  Object.assign(context, await administration(), { mustEnrol: false });
  app.querySelector('header')?.replaceWith(header());
  app.querySelector('nav')?.replaceWith(navigation());
  mark(name());
}

/** Nobody is signed in any more. */
function left(text, kind = 'good') {
  context = null;
  closeDialogs();
  go('sign-in', { kind, text });
}

events.addEventListener('ended', () => {
  if (!context) return;
  waiting = name();
  left(t('session_ended'), 'warning');
});
events.addEventListener('elsewhere', async () => {
  // Not while something is asked for that needs no sign-in.
  if (context || isLink(name()) || ['forgot', 'register'].includes(name())) return;
  try {
    await renew();
    await enter();
  } catch (error) {
    console.error(error);
  }
});
events.addEventListener('renewed', () => { enrolled().catch((error) => console.error(error)); });
events.addEventListener('replaced', async () => {
  context = null;
  closeDialogs();
  waiting = name();
  app.replaceChildren();
  await enter();
  sayWho('now_signed_in_as');
});
window.addEventListener('hashchange', () => {
  token = linkOfMail() ?? token;
  route();
});

/** To somebody who may take this for another account. */
function sayWho(key) {
  if (context) app.querySelector('main h1')?.after(notice('warning', t(key, { email: context.user.email })));
}

const isView = (view) => Object.hasOwn(VIEWS, view);
const isLink = (view) => view === 'reset' || view === 'invite';
const name = () => /^#\/([a-z-]+)/.exec(location.hash)?.[1] ?? '';

/** Shows another view than the one of the address, and takes its place: Back would only lead here again. */
function go(view, said) {
  if (name() !== view) history.replaceState(null, '', new URL(`#/${view}`, home));
  route(said);
}

function route(said) {
  const view = name();
  if (isLink(view)) {
    return linkView(alone(), view, token, async (text) => {
      token = null;
      // The sessions of whose link it was are over, and a cookie of one of them may still be here. It may be another's.
      if (!await resume().catch(() => false)) return left(text);
      await enter();
      sayWho('still_signed_in_as');
    });
  }
  if (!context) {
    if (view === 'forgot') return forgotView(alone());
    if (view === 'register') return registerView(alone());
    if (view === 'verified') return signInView(alone(), enter, { kind: 'good', text: t('verified') });
    if (isView(view)) waiting = view;
    return signInView(alone(), enter, said);
  }
  if (context.mustEnrol && view !== 'security') return go('security');
  const isMissing = !isView(view) || (view === 'users' && !context.users) || (['audit', 'activity'].includes(view) && !context.trail);
  if (isMissing) return go('account');
  const main = shell(view);
  Promise.resolve(VIEWS[view](main, context)).catch((error) => show(main, notice('error', explain(error).text)));
}

/** A page with nothing but a view in its middle. */
function alone() {
  const main = h('main', { id: 'main', class: 'alone', tabindex: '-1' });
  app.className = '';
  app.replaceChildren(main);
  return main;
}

/** The frame of whoever is signed in, and the place for a view in it. */
function shell(view) {
  if (!app.querySelector('header')) {
    app.className = 'shell';
    app.replaceChildren(header(), navigation(), h('main', { id: 'main', tabindex: '-1' }));
  }
  mark(view);
  const main = h('main', { id: 'main', tabindex: '-1' });
  app.querySelector('main').replaceWith(main);
  return main;
}

function mark(view) {
  for (const item of app.querySelectorAll('nav a')) {
    if (item.hash === `#/${view}`) {
      item.setAttribute('aria-current', 'page');
      // On a narrow screen the views are a row that is wider.
      item.scrollIntoView({ block: 'nearest', inline: 'center' });
    } else item.removeAttribute('aria-current');
  }
}

function header() {
  const out = button(t('sign_out'), { class: 'plain small', click: async () => {
    out.disabled = true;
    try {
      await signOut();
      left(t('signed_out'));
    } catch (error) {
      // The page is on its way to whoever that is, and tells.
      if (error instanceof OtherIdentity) return;
      out.disabled = false;
      show(app.querySelector('main'), h('h1', { tabindex: '-1' }, t('sign_out')), notice('error', explain(error).text));
    }
  } });
  return h('header', {}, h('p', { class: 'brand' }, h('span', { class: 'mark', 'aria-hidden': 'true' }), t('brand')),
    countdown('small'), h('p', { class: 'who' }, context.user.email), out);
}

function navigation() {
  const item = (view) => h('li', {}, link(t(`nav_${view}`), `#/${view}`));
  const own = context.mustEnrol ? ['security'] : ['account', 'security', 'devices'];
  const admin = [context.users && 'users', context.trail && 'audit', context.trail && 'activity'].filter(Boolean);
  return h('nav', { class: 'views', 'aria-label': t('views') }, h('ul', {}, own.map(item)),
    admin.length > 0 && !context.mustEnrol && [h('p', { class: 'group', id: 'admin-group' }, t('admin')), h('ul', { 'aria-labelledby': 'admin-group' }, admin.map(item))]);
}

start();
