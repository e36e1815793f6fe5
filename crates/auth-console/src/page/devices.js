// Where the user is signed in.
import { button, h, heading, show, sure } from './dom.js';
import { call, signOutEverywhere } from './session.js';
import { attempt } from './signin.js';
import { ago, moment, t } from './text.js';

export async function devicesView(main, context) {
  const title = heading(t('nav_devices'));
  const list = h('ul', { class: 'devices', 'aria-label': t('nav_devices') });
  const problem = h('div', {});
  const others = button(t('sign_out_others'), { class: 'plain' });
  const everywhere = button(t('sign_out_everywhere'), { class: 'plain danger' });
  const load = async () => {
    const { data } = await call('GET', 'auth/sessions');
    data.sort((a, b) => Number(b.current) - Number(a.current) || b.last_used_at - a.last_used_at);
    others.disabled = data.length < 2;
    list.replaceChildren(...data.map((one) => device(one, () => end(`auth/sessions/${encodeURIComponent(one.id)}`, t('signed_out_device')))));
  };
  const end = (path, said) => attempt(problem, async () => {
    await call('DELETE', path);
    await load();
    // The button that was pressed may be gone, or off.
    (others.disabled ? title : others).focus();
    return said;
  });
  others.addEventListener('click', () => end('auth/sessions', t('signed_out_others')));
  everywhere.addEventListener('click', async () => {
    if (!(await sure(t('sign_out_everywhere'), t('everywhere_text'), t('sign_out_everywhere')))) return;
    await attempt(problem, async () => {
      await signOutEverywhere();
      context.left(t('signed_out_everywhere'));
    });
  });
  show(main, title, h('section', { class: 'card' },
    h('p', { class: 'quiet' }, t('devices_text')), problem, list, h('div', { class: 'actions' }, others, everywhere)));
  await attempt(problem, load);
}

function device(one, end) {
  const name = agent(one.user_agent);
  return h('li', { class: 'device' },
    h('div', {}, h('p', { class: 'name' }, name, one.current && h('span', { class: 'badge good' }, t('this_device'))),
      h('p', { class: 'quiet', title: one.user_agent ?? '' }, [one.ip ?? t('no_address'), t('last_used', { ago: ago(one.last_used_at) }), t('since', { moment: moment(one.created_at) })].join(' · '))),
    !one.current && button(t('sign_out'), { class: 'plain', 'aria-label': t('sign_out_what', { what: name }), click: end }));
}

const BROWSERS = [['Edg/', 'Edge'], ['OPR/', 'Opera'], ['Firefox/', 'Firefox'], ['HeadlessChrome/', 'Chrome'], ['Chrome/', 'Chrome'], ['Safari/', 'Safari'], ['curl/', 'curl']];
const SYSTEMS = [['Android', 'Android'], ['iPhone', 'iPhone'], ['iPad', 'iPad'], ['Windows', 'Windows'], ['Mac OS X', 'macOS'], ['Linux', 'Linux']];

/** A browser and a system as people call them, from what the client said of itself. */
export function agent(text) {
  if (!text) return t('unknown_device');
  const find = (list) => list.find(([mark]) => text.includes(mark))?.[1];
  const [browser, system] = [find(BROWSERS), find(SYSTEMS)];
  if (browser && system) return t('browser_on_system', { browser, system });
  return browser ?? system ?? text.slice(0, 40);
}
