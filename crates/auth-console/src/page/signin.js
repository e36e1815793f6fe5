// For whoever is not signed in: password and one-time code, a forgotten password, and where links in mails lead.
import { NoCookies, NotTheApi, OtherIdentity, Refusal, SignedOut, Unreachable, base, home, methodsOf, send } from './api.js';
import { button, dialog, field, form, h, heading, link, notice, say, show } from './dom.js';
import { mayKeepCookies, signIn } from './session.js';
import { count, has, t } from './text.js';

/** An error for people: what is wrong, and what to do. `name` says which field it is about. */
export function explain(error) {
  if (error instanceof Unreachable) return { text: t('unreachable') };
  if (error instanceof NoCookies) return { text: cookies() };
  if (error instanceof NotTheApi) return { text: misplaced(error) };
  if (error instanceof OtherIdentity) return { text: t('other_identity') };
  if (error instanceof SignedOut) return { text: t('code_invalid_token') };
  if (!(error instanceof Refusal)) {
    console.error(error);
    return { text: t('broken') };
  }
  if (error.status === 429) return { text: count('too_many', error.retryAfter ?? 60) };
  if (error.status === 503) return { text: count('busy', error.retryAfter ?? 5) };
  if (error.status >= 500) return { text: t('server_broken') };
  const key = `code_${error.code}`.toLowerCase();
  if (error.code === 'INVALID_PAYLOAD') return payload(error.reason);
  if (error.code === 'FORBIDDEN' && error.reason) {
    const known = `reason_${error.reason.replace(/ /g, '_')}`;
    if (has(known)) return { text: t(known) };
  }
  return { text: has(key) ? t(key, { origin: location.origin }) : t('refused', { message: error.message }) };
}

/** The server says what is wrong with a field in English: `"password" must have at least 8 characters`. */
function payload(reason) {
  const [, name, rest] = /^"(\w+)" (.*)$/.exec(reason) ?? [];
  if (!name) return { text: t('refused', { message: reason }) };
  const label = has(`field_${name}`) ? t(`field_${name}`) : name;
  return { text: name === 'otp' && rest === 'is invalid' ? t('code_invalid_otp') : `${label} ${rest}.`, name };
}

/** Safari says that it keeps cookies, and keeps no Secure ones over http, not even of localhost. */
function cookies() {
  const isLocal = location.protocol === 'http:' && mayKeepCookies();
  return t(!window.isSecureContext ? 'cookies_insecure' : isLocal ? 'cookies_local' : 'cookies_blocked', { origin: location.origin });
}

function misplaced({ url, status, isPage }) {
  if (status >= 500) return t('proxy_broken', { url, status });
  return t(isPage ? 'not_the_api_page' : 'not_the_api', { url, status });
}

/** Does something, and tells what came of it: what `work` gives is said, and `place` shows what went wrong, in sight. */
export async function attempt(place, work, reading = explain) {
  place.replaceChildren();
  say();
  try {
    say(await work());
  } catch (error) {
    place.replaceChildren(notice('error', reading(error).text));
  }
  if (place.firstChild) place.scrollIntoView({ block: 'nearest' });
}

/** In place of everything, when the API is not where the page looks for it. */
export function diagnosis(main, error) {
  const again = h('button', { type: 'button', class: 'primary', click: () => location.reload() }, t('try_again'));
  show(main, card(heading(t(error instanceof NotTheApi && error.status < 500 ? 'misplaced_title' : 'unreachable_title')),
    notice('error', explain(error).text),
    error instanceof NotTheApi && error.status < 500 && h('ul', { class: 'steps' },
      h('li', {}, t('misplaced_mount', { base })), h('li', {}, t('misplaced_prefix', { folder: new URL('.', home).pathname })),
      h('li', {}, t('misplaced_api'))),
    h('div', { class: 'actions' }, again)));
}

/** Password first, then the code where there is a second factor. `done` is called once somebody is signed in. */
export function signInView(main, done, { kind, text } = {}) {
  const email = field({ name: 'email', type: 'email', label: t('field_email'), autocomplete: 'username', required: true, 'data-focus': true, autocapitalize: 'none', spellcheck: 'false' });
  const password = field({ name: 'password', type: 'password', label: t('field_password'), autocomplete: 'current-password', required: true });
  const register = h('p', { class: 'quiet other-way', hidden: true }, t('no_account'), ' ', link(t('register'), '#/register'));
  const forgot = link(t('forgot'), '#/forgot', { class: 'aside', hidden: true });
  // They have no GET: it is refused with what they have. Where that is not told, a mail can be asked for in vain.
  methodsOf('users/register', 'GET').then((methods) => { register.hidden = !methods?.includes('POST'); });
  methodsOf('auth/password/request', 'GET').then((methods) => { forgot.hidden = methods?.includes('POST') === false; });
  const element = form({
    fields: [email, password],
    label: t('sign_in'),
    more: [forgot],
    refused: explain,
    send: async (values) => {
      try {
        await signIn(values.email.trim(), values.password);
      } catch (error) {
        if (!(error instanceof Refusal && error.code === 'INVALID_OTP')) throw error;
        return codeView(main, values, done);
      }
      await done();
    },
  });
  const warning = mayKeepCookies() ? null : notice('error', cookies());
  show(main, card(brand(), heading(t('sign_in_title')), warning, text && notice(kind, text), element, register));
}

export function registerView(main) {
  const email = field({ name: 'email', type: 'email', label: t('field_email'), autocomplete: 'username', required: true, 'data-focus': true, autocapitalize: 'none', spellcheck: 'false' });
  const password = field({ name: 'password', type: 'password', label: t('field_password'), autocomplete: 'new-password', required: true });
  const again = field({ name: 'again', type: 'password', label: t('field_password_again'), autocomplete: 'new-password', required: true });
  const element = form({
    fields: [email, password, again],
    label: t('register'),
    more: [link(t('back'), '#/sign-in', { class: 'aside' })],
    refused: (error) => {
      if (error.mismatch) return error.mismatch;
      return [404, 405].includes(error.status) ? { text: t('no_registration') } : explain(error);
    },
    send: async (values) => {
      sameTwice(values);
      const address = values.email.trim();
      await leadingHere('#/verified', (url) =>
        send('POST', 'users/register', { body: { email: address, password: values.password, ...(url ? { verification_url: url } : {}) } }));
      show(main, card(brand(), heading(t('sent_title')), h('p', {}, t('registered_text', { email: address })),
        h('p', { class: 'quiet' }, t('registered_wait')), link(t('back'), '#/sign-in', { class: 'button' })));
    },
  });
  show(main, card(brand(), heading(t('register_title')), h('p', { class: 'quiet' }, t('register_text')), element));
}

function codeView(main, { email, password }, done) {
  const otp = field({ name: 'otp', label: t('field_otp'), hint: t('otp_hint'), autocomplete: 'one-time-code', required: true, 'data-focus': true, autocapitalize: 'none', spellcheck: 'false', class: 'code' });
  const back = h('button', { type: 'button', class: 'aside', click: () => signInView(main, done) }, t('other_account'));
  const element = form({
    fields: [otp],
    label: t('continue'),
    more: [back],
    refused: (error) => ({ name: error.code === 'INVALID_OTP' ? 'otp' : undefined, ...explain(error) }),
    send: async (values) => {
      await signIn(email.trim(), password, values.otp.trim());
      await done();
    },
  });
  show(main, card(brand(), heading(t('code_title')), h('p', { class: 'quiet' }, t('code_text', { email })), element));
}

/** Asks for the password of whoever is signed in, whose login is too long ago for something. False when they think better of it. */
export function signInAgain(email) {
  const password = field({ name: 'password', type: 'password', label: t('field_password'), autocomplete: 'current-password', required: true, autofocus: true });
  const otp = field({ name: 'otp', label: t('field_otp'), hint: t('otp_hint'), autocomplete: 'one-time-code', spellcheck: 'false', autocapitalize: 'none', class: 'code' });
  otp.row.hidden = true;
  return dialog(t('again_title'), (close) => [h('p', { class: 'quiet' }, t('again_text', { email })), form({
    fields: [password, otp],
    label: t('continue'),
    of: email,
    more: [button(t('cancel'), { class: 'aside', click: () => close(false) })],
    refused: (error) => {
      if (error.code === 'INVALID_CREDENTIALS') return { text: t('wrong_password'), name: 'password' };
      if (error.code !== 'INVALID_OTP') return explain(error);
      const asked = otp.row.hidden;
      otp.row.hidden = false;
      return { text: t(asked ? 'otp_asked' : 'code_invalid_otp'), name: 'otp' };
    },
    send: async (values) => {
      await signIn(email, values.password, values.otp.trim());
      close(true);
    },
  })]);
}

export function forgotView(main) {
  const email = field({ name: 'email', type: 'email', label: t('field_email'), autocomplete: 'username', required: true, 'data-focus': true, autocapitalize: 'none', spellcheck: 'false' });
  const element = form({
    fields: [email],
    label: t('send_link'),
    more: [link(t('back'), '#/sign-in', { class: 'aside' })],
    refused: (error) => (error instanceof NotTheApi && error.status === 404 ? { text: t('no_mail') } : explain(error)),
    send: async (values) => {
      const address = values.email.trim();
      await leadingHere('#/reset', (url) => send('POST', 'auth/password/request', { body: { email: address, ...(url ? { reset_url: url } : {}) } }));
      show(main, card(brand(), heading(t('sent_title')), h('p', {}, t('sent_text', { email: address })),
        h('p', { class: 'quiet' }, t('sent_wait')), link(t('back'), '#/sign-in', { class: 'button' })));
    },
  });
  show(main, card(brand(), heading(t('forgot_title')), h('p', { class: 'quiet' }, t('forgot_text')), element));
}

/** A mail should lead to this page, with the token behind the `#`, where no server sees it; unless the server sends people elsewhere. */
export async function leadingHere(view, ask) {
  const here = new URL(home);
  here.search = '';
  here.hash = view;
  try {
    return await ask(String(here));
  } catch (error) {
    if (!(error instanceof Refusal && error.status === 400 && error.reason.startsWith('URL '))) throw error;
    return ask();
  }
}

/** Where the link of a mail leads: `reset` or `invite`. The token was taken out of the address already. */
export function linkView(main, kind, token, done) {
  if (!token) {
    return show(main, card(brand(), heading(t(`${kind}_title`)), notice('error', t(`${kind}_no_token`)),
      h('div', { class: 'actions' }, kind === 'reset' && link(t('ask_again'), '#/forgot', { class: 'button' }), link(t('back'), '#/sign-in', { class: 'aside' }))));
  }
  const password = field({ name: 'password', type: 'password', label: t('field_new_password'), autocomplete: 'new-password', required: true, 'data-focus': true });
  const again = field({ name: 'again', type: 'password', label: t('field_again'), autocomplete: 'new-password', required: true });
  const path = kind === 'reset' ? 'auth/password/reset' : 'users/invite/accept';
  const element = form({
    fields: [password, again],
    label: t(`${kind}_action`),
    more: kind === 'reset' ? [link(t('ask_again'), '#/forgot', { class: 'aside' })] : [],
    refused: (error) => (error.mismatch ? error.mismatch : usedUp(kind, error) ?? explain(error)),
    send: async (values) => {
      sameTwice(values);
      await send('POST', path, { body: { token, password: values.password } });
      await done(t(`${kind}_done`));
    },
  });
  show(main, card(brand(), heading(t(`${kind}_title`)), h('p', { class: 'quiet' }, t(`${kind}_text`)), element));
}

export function sameTwice({ password, again }) {
  if (password !== again) throw Object.assign(new Error('differ'), { mismatch: { text: t('differ'), name: 'again' } });
}

function usedUp(kind, error) {
  const keys = { INVALID_TOKEN: 'invalid', TOKEN_EXPIRED: 'expired', FORBIDDEN: 'used' };
  const key = error instanceof Refusal && keys[error.code];
  return key ? { text: t(`link_${key}_${kind}`) } : null;
}

const card = (...children) => h('div', { class: 'card' }, ...children);
const brand = () => h('p', { class: 'brand' }, h('span', { class: 'mark', 'aria-hidden': 'true' }), t('brand'), base.host !== location.host && ` ${base.host}`);
