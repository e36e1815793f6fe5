// For admins: the users.
import { NotTheApi, Refusal, methodsOf } from './api.js';
import { button, dialog, field, form, h, heading, notice, present, show, sure, table } from './dom.js';
import { call } from './session.js';
import { attempt, explain, leadingHere, signInAgain } from './signin.js';
import { count, t } from './text.js';

const PAGE = 20;

export async function usersView(main, context) {
  let page = 1;
  const results = h('div', { class: 'results people' });
  const problem = h('div', {});
  const search = field({ name: 'search', type: 'search', label: t('search'), placeholder: t('search_users'), autocomplete: 'off' });
  const total = h('p', { class: 'quiet', role: 'status', tabindex: '-1' });

  let latest = 0;
  const load = async () => {
    const turn = ++latest;
    const query = new URLSearchParams({ limit: PAGE, page });
    if (search.input.value.trim()) query.set('search', search.input.value.trim());
    const { data, meta } = await call('GET', `users?${query}`);
    const may = await offered();
    // A slower answer to an earlier question.
    if (turn !== latest) return;
    add.hidden = !may.add;
    const all = meta?.total_count ?? data.length;
    const pressed = results.contains(document.activeElement) && document.activeElement.dataset.what;
    total.textContent = count(meta?.exact === false ? 'users_at_least' : 'users', all);
    results.replaceChildren(...present([
      data.length === 0 ? h('p', { class: 'empty' }, t('no_users')) : table(t('nav_users'), [t('field_email'), t('fact_role'), t('fact_status'), t('factor'), t('actions')], data.map((user) => row(user, may))),
      pages(all)]));
    if (!pressed) return;
    // The focus stays with what was pressed, or goes to what is above the list when that is gone.
    const same = [...results.querySelectorAll('button:enabled')].find((one) => one.dataset.what === pressed);
    (same ?? total).focus();
  };
  const run = (work) => attempt(problem, () => recently(work, context.user.email), refusal);

  const row = (user, may) => {
    const path = `users/${encodeURIComponent(user.id)}`;
    const change = (method, tail, body, said) => run(async () => {
      await call(method, path + tail, body);
      await load();
      return said;
    });
    const is = (status) => user.status === status;
    const own = user.id === context.user.id;
    const label = (key, what = key) => ({ class: 'ghost small', 'aria-label': `${t(key)}: ${user.email}`, 'data-what': `${what} ${user.id}` });
    const set = (key, status, said) =>
      button(t(key), { ...label(key, 'status'), disabled: own, click: () => change('PATCH', '', { status }, t(said, user)) });
    const suspend = is('active') ? set('suspend', 'suspended', 'suspended') : is('suspended') && set('activate', 'active', 'activated');
    // Also where there is no route for it: it tells what to do.
    const again = is('invited') && button(t('invite_again'), { ...label('invite_again'), click: () => run(async () => {
      try {
        await leadingHere('#/invite', (url) => call('POST', `${path}/invite`, url ? { invite_url: url } : {}));
      } catch (error) {
        if (!(error instanceof NotTheApi && error.status === 404)) throw error;
        return void problem.replaceChildren(notMailed(user.email));
      }
      return t('invited_again', user);
    }) });
    const reset = hasFactor(user) && may.reset && button(t('reset_factor'), { ...label('reset_factor'), click: async () => {
      if (await sure(t('reset_factor'), t('reset_factor_text', user), t('reset_factor'))) await change('POST', '/tfa/disable', {}, t('factor_reset', user));
    } });
    const remove = may.remove && button(t('remove'), { ...label('remove'), class: 'ghost small danger', disabled: own, click: async () => {
      if (await sure(t('remove'), t('remove_text', user), t('remove'))) await change('DELETE', '', undefined, t('removed', user));
    } });
    return [
      h('span', { class: 'name' }, user.email, own && h('span', { class: 'badge' }, t('you'))),
      h('span', { class: 'several' }, user.role ?? (user.admin_access ? '' : t('no_role')), user.admin_access && h('span', { class: 'badge' }, t('administrator'))),
      h('span', { class: `badge ${is('active') ? 'good' : is('suspended') ? 'bad' : 'warn'}` }, t(`status_${user.status}`)),
      hasFactor(user) ? h('span', { class: 'badge good' }, t('on')) : h('span', { class: 'badge mute' }, t('off')),
      h('div', { class: 'row-actions' }, again, may.change && suspend, reset, remove),
    ];
  };

  const pages = (all) => {
    const last = Math.max(1, Math.ceil(all / PAGE));
    const turn = (step) => () => {
      page += step;
      run(load);
    };
    return last > 1 && h('nav', { class: 'pages', 'aria-label': t('pages') },
      button(t('previous'), { class: 'plain small', 'data-what': 'previous', disabled: page <= 1, click: turn(-1) }),
      h('span', {}, t('page_of', { page, last })),
      button(t('next'), { class: 'plain small', 'data-what': 'next', disabled: page >= last, click: turn(1) }));
  };

  let typing;
  const find = () => {
    page = 1;
    run(load);
  };
  search.input.addEventListener('input', () => {
    clearTimeout(typing);
    typing = setTimeout(find, 250);
  });
  const add = button(t('add_user'), { class: 'primary', hidden: true, click: async () => {
    const made = await dialog(t('add_user'), (close) => [h('p', { class: 'quiet' }, t('add_text')), addForm(close, context.user.email)]);
    if (!made) return;
    await run(async () => {
      await load();
      if (made.invitation_mailed) return t('added', made);
      return void problem.replaceChildren(notMailed(made.email));
    });
  } });
  const bar = h('form', { class: 'toolbar', role: 'search', 'aria-label': t('search_users'), submit: (event) => {
    event.preventDefault();
    clearTimeout(typing);
    find();
  } }, search.row, add);
  show(main, heading(t('nav_users')), h('section', { class: 'card wide' }, bar, problem, total, results));
  await run(load);
}

/** What there are routes for, of what admins do. Where the server does not tell, it is asked for and refused. */
async function offered() {
  const [all, one, factor] = await Promise.all(['users', 'users/-', 'users/-/tfa/disable'].map((path) => methodsOf(path)));
  const has = (methods, method) => methods?.includes(method) !== false;
  return { add: has(all, 'POST'), change: has(one, 'PATCH'), remove: has(one, 'DELETE'), reset: has(factor, 'POST') };
}

function refusal(error) {
  const isRefused = error instanceof Refusal && error.code === 'FORBIDDEN' && !error.reason;
  return isRefused ? { text: t('user_forbidden') } : explain(error);
}

/** Does something that wants a recent login, and asks for the password where it is too long ago. */
async function recently(work, email) {
  try {
    return await work();
  } catch (error) {
    const isTooLongAgo = error instanceof Refusal && error.reason === 'recent login required';
    if (!isTooLongAgo || !(await signInAgain(email))) throw error;
    return work();
  }
}

/** Whoever is invited without a mail never hears of it. */
const notMailed = (email) => {
  const line = (command) => h('code', { class: 'command' }, `authctl user ${command} ${email}`);
  return notice('warning', t('not_mailed', { email }), line('set-password'), line('activate'));
};

const hasFactor = (user) => Boolean(user.tfa_enabled);

function addForm(close, own) {
  const email = field({ name: 'email', type: 'email', label: t('field_email'), autocomplete: 'off', required: true, autofocus: true });
  const role = field({ name: 'role', label: t('fact_role'), hint: t('role_hint'), autocomplete: 'off' });
  const admin = field({ name: 'admin_access', type: 'checkbox', label: t('field_admin_access'), hint: t('administrator_hint') });
  return form({
    fields: [email, role, admin],
    label: t('invite'),
    more: [button(t('cancel'), { class: 'aside', click: () => close() })],
    refused: explain,
    send: async (values) => {
      const body = { email: values.email.trim() };
      if (values.role.trim()) body.role = values.role.trim();
      if (values.admin_access) body.admin_access = true;
      const add = (url) => call('POST', 'users', { ...body, ...(url ? { invite_url: url } : {}) });
      const { data } = await recently(() => leadingHere('#/invite', add), own);
      close(data);
    },
  });
}
