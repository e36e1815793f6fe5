// The second factor: set up with a picture, recovery codes, removed.
import { Refusal } from './api.js';
import { button, field, form, h, link, notice, present } from './dom.js';
import { call, renewAfterwards, session } from './session.js';
import { explain } from './signin.js';
import { t } from './text.js';

export function factorCard(context) {
  const body = h('div', {});
  const card = h('section', { class: 'card', id: 'second-factor' }, h('h2', {}, t('factor')), body);
  const views = {
    email: context.user.email,
    off: () => off(views),
    scan: (data, password) => scan(views, data, password),
    codes: (codes, again) => codesView(views, codes, again),
    on: (text) => on(views, text),
    put: (...children) => {
      body.replaceChildren(...present(children));
      body.querySelector('[data-focus]')?.focus();
    },
  };
  if (isOn()) views.on();
  else views.off();
  return card;
}

// Whether this session set it up or removed it; a login says so in its token. Asking for it would cost every page a request.
const place = () => `auth-console-factor-${session.claims?.sid}`;
export const isOn = () => (sessionStorage.getItem(place()) ?? (session.claims?.aal >= 2 ? 'on' : 'off')) === 'on';
const remember = (state) => sessionStorage.setItem(place(), state);

const passwordField = () =>
  field({ name: 'password', type: 'password', label: t('field_password'), autocomplete: 'current-password', required: true });
const codeField = (hint) =>
  field({ name: 'otp', label: t('field_otp'), hint, autocomplete: 'one-time-code', required: true, spellcheck: 'false', autocapitalize: 'none', class: 'code' });

function refused(views) {
  return (error) => {
    if (error instanceof Refusal && error.code === 'INVALID_CREDENTIALS') return { text: t('wrong_password'), name: 'password' };
    if (error instanceof Refusal && error.reason.startsWith('TFA Secret is ')) {
      const isSet = error.reason.includes('already');
      remember(isSet ? 'on' : 'off');
      if (isSet) views.on(t('factor_is_on'));
      else views.off();
    }
    return explain(error);
  };
}

function off(views) {
  views.put(h('p', { class: 'state' }, h('span', { class: 'badge mute' }, t('off')), t('factor_off')), form({
    fields: [passwordField()],
    label: t('set_up'),
    of: views.email,
    reading: t('factor'),
    refused: refused(views),
    send: async ({ password }) => {
      const { data } = await call('POST', 'users/me/tfa/generate', { password });
      views.scan(data, password);
    },
  }));
}

function scan(views, { secret, otpauth_url: url, qr_svg: picture }, password) {
  const otp = codeField(t('enrol_hint'));
  otp.input.dataset.focus = '';
  const element = form({
    fields: [otp],
    label: t('turn_on'),
    reading: t('factor'),
    more: [button(t('cancel'), { class: 'aside', click: () => views.off() })],
    refused: refused(views),
    send: async (values) => {
      const { data } = await call('POST', 'users/me/tfa/enable', { secret, otp: values.otp.trim(), password, recovery_codes: true });
      remember('on');
      // They are shown once: nothing that fails from here on hides them.
      views.codes(data.recovery_codes, false);
      await renewAfterwards();
    },
  });
  const grouped = secret.match(/.{1,4}/g).join(' ');
  views.put(h('div', { class: 'enrol' },
    h('img', { class: 'qr', src: `data:image/svg+xml,${encodeURIComponent(picture)}`, alt: t('qr_alt'), width: '208', height: '208' }),
    h('div', {}, h('ol', { class: 'steps' }, h('li', {}, t('enrol_scan')), h('li', {}, t('enrol_type'))),
      h('p', { class: 'quiet' }, t('enrol_by_hand')), h('code', { class: 'secret' }, grouped),
      h('p', {}, link(t('enrol_here'), url, { class: 'aside' })))), element);
}

function codesView(views, codes, again) {
  const text = codes.join('\n');
  const copied = h('span', { role: 'status', class: 'quiet' });
  const copy = button(t('copy'), { class: 'plain', click: async () => {
    try {
      // Over http there is no clipboard.
      await navigator.clipboard.writeText(text);
      copied.textContent = t('copied');
    } catch {
      copied.textContent = t('not_copied');
    }
  } });
  const file = link(t('save_file'), `data:text/plain;charset=utf-8,${encodeURIComponent(`${text}\n`)}`, { download: 'recovery-codes.txt', class: 'button plain' });
  const title = h('h3', { tabindex: '-1', 'data-focus': true }, t('codes_title'));
  views.put(notice('good', t(again ? 'codes_new' : 'factor_enabled')), title, h('p', {}, t('codes_text')),
    h('ul', { class: 'codes' }, codes.map((code) => h('li', {}, h('code', {}, code)))),
    h('div', { class: 'actions' }, button(t('kept'), { class: 'primary', click: () => views.on() }), copy, file, copied));
}

function on(views, text) {
  const fields = () => [codeField(t('otp_hint')), passwordField()];
  const renewCodes = form({
    fields: fields(),
    label: t('new_codes'),
    of: views.email,
    refused: refused(views),
    send: async ({ otp, password }) => {
      const { data } = await call('POST', 'users/me/tfa/recovery-codes', { otp: otp.trim(), password });
      views.codes(data.recovery_codes, true);
    },
  });
  const remove = form({
    fields: fields(),
    label: t('turn_off'),
    of: views.email,
    danger: true,
    refused: refused(views),
    send: async ({ otp, password }) => {
      await call('POST', 'users/me/tfa/disable', { otp: otp.trim(), password });
      remember('off');
      views.off();
      await renewAfterwards();
    },
  });
  views.put(text && notice('warning', text),
    h('p', { class: 'state' }, h('span', { class: 'badge good' }, t('on')), t('factor_on')),
    h('details', {}, h('summary', {}, t('new_codes')), h('p', { class: 'quiet' }, t('new_codes_text')), renewCodes),
    h('details', {}, h('summary', {}, t('turn_off')), h('p', { class: 'quiet' }, t('turn_off_text')), remove));
}
