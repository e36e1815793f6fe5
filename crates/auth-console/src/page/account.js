// The user's own account: who it is, how long the access token lives, the password.
import { call, renew, renewAfterwards, session } from './session.js';
import { button, field, form, h, heading, link, notice, say, show } from './dom.js';
import { factorCard, isOn } from './factor.js';
import { attempt, explain, sameTwice } from './signin.js';
import { clock, t } from './text.js';

export function overviewView(main, { user }) {
  const isAdmin = session.claims?.admin_access;
  const status = h('dl', { class: 'facts' },
    fact('field_email', user.email), fact('fact_role', h('span', { class: 'name' }, user.role ?? (isAdmin ? '' : t('no_role')), isAdmin && h('span', { class: 'badge' }, t('administrator')))),
    fact('fact_status', t(`status_${user.status}`)), fact('factor', isOn() ? t('on') : [`${t('off')} `, link(t('set_up'), '#/security')]), fact('fact_id', h('code', {}, user.id)));
  const problem = h('div', {});
  const now = button(t('refresh_now'), { class: 'plain', click: () => attempt(problem, async () => {
    await renew();
    return t('refreshed');
  }) });
  show(main, heading(t('nav_account')), h('section', { class: 'card' }, h('h2', {}, t('profile')), status),
    h('section', { class: 'card' }, h('h2', {}, t('session')), h('p', { class: 'quiet' }, t('session_text')),
      countdown('big'), problem, h('div', { class: 'actions' }, now)));
}

const fact = (key, value) => h('div', {}, h('dt', {}, t(key)), h('dd', {}, value));

/** How long until the next silent refresh. Read by nobody unless asked for: it changes each second. */
export function countdown(size) {
  const time = h('span', { class: 'time', role: 'timer', 'aria-live': 'off', 'aria-label': t('countdown') });
  const bar = h('progress', { max: '1', 'aria-hidden': 'true' });
  const element = h('div', { class: `countdown ${size}` }, h('span', { class: 'label' }, t('countdown')), time, bar);
  const tick = () => {
    if (!element.isConnected && element.dataset.shown) return clearInterval(timer);
    if (element.isConnected) element.dataset.shown = 'yes';
    const left = Math.max(0, session.renewsAt - Date.now());
    time.textContent = session.claims ? clock(left) : '–';
    bar.value = session.lifetime ? Math.min(1, left / session.lifetime) : 0;
  };
  const timer = setInterval(tick, 1000);
  tick();
  return element;
}

export function securityView(main, context) {
  show(main, heading(t('nav_security')), context.mustEnrol && notice('warning', t('must_enrol')),
    ...(context.mustEnrol ? [factorCard(context)] : [passwordCard(context), factorCard(context)]));
}

function passwordCard({ user }) {
  const current = field({ name: 'current_password', type: 'password', label: t('field_current_password'), autocomplete: 'current-password', required: true });
  const password = field({ name: 'password', type: 'password', label: t('field_new_password'), autocomplete: 'new-password', required: true });
  const again = field({ name: 'again', type: 'password', label: t('field_again'), autocomplete: 'new-password', required: true });
  const otp = field({ name: 'otp', label: t('field_otp'), hint: t('otp_hint'), autocomplete: 'one-time-code', spellcheck: 'false', class: 'code' });
  otp.row.hidden = true;
  const element = form({
    fields: [current, password, again, otp],
    label: t('change_password'),
    of: user.email,
    refused: (error) => {
      if (error.mismatch) return error.mismatch;
      if (error.code === 'INVALID_CREDENTIALS') return { text: t('wrong_password'), name: 'current_password' };
      if (error.code !== 'INVALID_OTP') return explain(error);
      const asked = otp.row.hidden;
      otp.row.hidden = false;
      return { text: t(asked ? 'otp_asked' : 'code_invalid_otp'), name: 'otp' };
    },
    send: async (values) => {
      sameTwice(values);
      const { current_password, password, otp: code } = values;
      await call('POST', 'auth/password/change', { current_password, password, ...(code ? { otp: code.trim() } : {}) });
      element.reset();
      otp.row.hidden = true;
      say(t('password_changed'));
      await renewAfterwards();
    },
  });
  return h('section', { class: 'card' }, h('h2', {}, t('password')), h('p', { class: 'quiet' }, t('password_text')), element);
}

