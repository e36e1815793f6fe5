// The console as people use it: URL, EMAIL, PASSWORD and MAIL_DIR say where. `.ci/browser` starts an example with
// ACCESS_TOKEN_TTL=4s, so that tokens expire while somebody looks at the page.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { tokenOfMail } from '../sdk/mail.js';
import { code, step } from '../sdk/totp.js';
import { account, button, closeBrowser, focused, heading, inspect, label, mailDir, person, scan, signIn, tab, type, url, view, withoutCookies } from './browser.js';
import { proxy } from './servers.js';

after(closeBrowser);

const refreshes = (page) => page.waitForResponse((one) => one.url().endsWith('/auth/refresh'));

test('somebody signs in with the keyboard alone, is told what is wrong, and signs out', async () => {
  const context = await person({ colorScheme: 'light' });
  const page = await tab(context);
  await heading(page, 'Sign in').waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.name), 'email', 'one can begin to type');
  await inspect(page, 'sign-in');
  await page.keyboard.press('Enter');
  await page.getByText('E-mail address is missing.').waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-invalid')), 'true');
  await page.keyboard.type(account.email);
  await page.keyboard.press('Tab');
  await page.keyboard.type('wrong horse');
  await page.keyboard.press('Enter');
  const alert = page.getByRole('alert');
  await alert.getByText('The address or the password is wrong').waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute('role')), 'alert', 'the focus is on what is wrong');
  await inspect(page, 'sign-in-refused');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  await page.keyboard.press('ControlOrMeta+a');
  await page.keyboard.type(account.password);
  await page.keyboard.press('Enter');
  await heading(page, 'Overview').waitFor();
  assert.equal(await focused(page), 'Overview', 'the focus follows the view');
  assert.equal(await page.title(), 'Overview · Account');
  await page.getByText(account.email).first().waitFor();
  assert.equal(await page.locator('.facts dd').nth(1).textContent(), 'administrator');
  await inspect(page, 'overview');

  const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]));
  assert.doesNotMatch(kept, /eyJ/, 'no token is kept where scripts can read it');
  await button(page, 'Sign out').click();
  await page.getByText('You are signed out.').waitFor();
  await page.goto(`${url}#/devices`);
  await page.reload();
  await heading(page, 'Sign in').waitFor();
  await context.close();
});

test('a token is replaced before it expires, and after, and nobody notices', async () => {
  const context = await person();
  const page = await signIn(context);
  await (await refreshes(page)).finished();
  await heading(page, 'Overview').waitFor();

  // The server cannot be reached while the token expires.
  const [answer] = await Promise.all([page.waitForResponse((one) => one.url().endsWith('/auth/refresh') && one.ok()), button(page, 'Refresh now').click()]);
  const { access_token: token } = (await answer.json()).data;
  await page.route('**/auth/refresh', (route) => route.abort());
  const status = () => fetch(`${url}users/me`, { headers: { Authorization: `Bearer ${token}` } }).then((one) => one.status);
  for (let until = Date.now() + 15_000; (await status()) !== 401;) assert.ok(Date.now() < until, 'the token expires');
  await page.unroute('**/auth/refresh');
  await view(page, 'Devices');
  await page.getByText('this one').waitFor();
  assert.equal(await page.getByRole('alert').count(), 0);
  await context.close();
});

test('a page that is loaded again goes on where it was, and Back leads out of it', async () => {
  const context = await person();
  const page = await tab(context, `${url}auth`);
  await page.goto(url);
  await heading(page, 'Sign in').waitFor();
  await type(page);
  await heading(page, 'Overview').waitFor();
  await view(page, 'Security');
  await page.reload();
  await heading(page, 'Security').waitFor();
  await page.goBack();
  await heading(page, 'Overview').waitFor();
  await page.goBack();
  assert.equal(page.url(), `${url}auth`);
  await page.goto(`${url}#/nowhere`);
  await page.reload();
  await heading(page, 'Overview').waitFor();
  await context.close();
});

test('two tabs that refresh at once both go on', async () => {
  const context = await person();
  const first = await signIn(context);
  const second = await tab(context);
  await heading(second, 'Overview').waitFor();
  const held = [];
  let release;
  const both = new Promise((resolve) => { release = resolve; });
  for (const page of [first, second]) {
    await page.route('**/auth/refresh', async (route) => {
      held.push(page);
      if (new Set(held).size === 2) release();
      await both;
      await route.continue();
    });
  }
  const answers = await Promise.all([refreshes(first), refreshes(second)]);
  assert.deepEqual(answers.map((answer) => answer.status()), [200, 200]);
  for (const page of [first, second]) await page.unroute('**/auth/refresh');
  for (const page of [first, second]) {
    await (await refreshes(page)).finished();
    await view(page, 'Devices');
    await page.getByText('this one').waitFor();
  }
  assert.equal(await first.getByRole('listitem').filter({ hasText: 'this one' }).count(), 1);
  // Signed out in one is signed out in the other.
  await button(first.locator('header'), 'Sign out').click();
  await second.getByText('Your session has ended.').waitFor();
  await context.close();
});

test('devices are listed, signed out one by one, all others, and everywhere', async () => {
  const [here, phone] = [await person(), await person({ userAgent: 'Mozilla/5.0 (Android 15; Mobile) Firefox/140.0' })];
  const page = await signIn(here);
  let other = await signIn(phone);
  await view(page, 'Devices');
  await page.getByText('Firefox on Android').first().waitFor();
  await inspect(page, 'devices');
  await button(page, 'Sign out all others').click();
  await page.getByText('All other devices are signed out.').waitFor();
  await other.getByText('Your session has ended.').waitFor();
  assert.equal(await page.locator('.device').count(), 1);

  other = await signIn(phone);
  await view(page, 'Overview');
  await view(page, 'Devices');
  await button(page, 'Sign out: Firefox on Android').click();
  await page.getByText('The device is signed out.').waitFor();
  assert.equal(await focused(page), 'Devices', 'no button is left to go on with');
  await other.getByText('Your session has ended.').waitFor();

  other = await signIn(phone);
  await button(page, 'Sign out everywhere').click();
  await inspect(page, 'sign-out-everywhere');
  await button(page.getByRole('dialog'), 'Sign out everywhere').click();
  await page.getByText('You are signed out everywhere.').waitFor();
  await other.getByText('Your session has ended.').waitFor();
  await here.close();
  await phone.close();
});

test('a second factor is set up by its picture, asked for, replaced by a recovery code, and removed', async () => {
  const now = await step();
  const context = await person();
  const page = await signIn(context);
  await view(page, 'Security');
  const factor = page.locator('#second-factor');
  await label(factor, 'Password').fill('wrong horse');
  await button(factor, 'Set up').click();
  await factor.getByText('That is not your current password.').waitFor();
  await label(factor, 'Password').fill(account.password);
  await button(factor, 'Set up').click();
  const picture = factor.getByRole('img', { name: /QR code/ });
  await picture.waitFor();
  await inspect(page, 'second-factor');
  const link = new URL(await scan(context, picture));
  assert.equal(link.protocol, 'otpauth:');
  const secret = link.searchParams.get('secret');
  assert.equal((await factor.locator('.secret').textContent()).replaceAll(' ', ''), secret);

  await label(factor, 'One-time code').fill('000000x');
  await label(factor, 'One-time code').press('Enter');
  await factor.getByText('That code is wrong').waitFor();
  await label(factor, 'One-time code').fill(code(secret, now - 1));
  await label(factor, 'One-time code').press('Enter');
  await factor.getByRole('heading', { name: 'Your recovery codes' }).waitFor();
  const codes = await factor.locator('.codes code').allTextContents();
  assert.equal(new Set(codes).size, 10);
  await page.evaluate(() => Object.defineProperty(navigator, 'clipboard', { value: undefined }));
  await button(factor, 'Copy').click();
  await factor.getByText('The browser does not let this page copy').waitFor();
  await inspect(page, 'recovery-codes');
  await button(factor, 'I have kept them').click();
  await factor.getByText('Signing in takes a code').waitFor();
  await page.reload();
  await page.locator('#second-factor').getByText('Signing in takes a code').waitFor();
  await button(page.locator('header'), 'Sign out').click();

  await heading(page, 'Sign in').waitFor();
  await type(page);
  await heading(page, 'One more step').waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.autocomplete), 'one-time-code');
  await inspect(page, 'one-time-code');
  await label(page, 'One-time code').fill(code(secret, now - 1));
  await label(page, 'One-time code').press('Enter');
  await page.getByText('That code is wrong, too old, or was used already.').waitFor();
  await label(page, 'One-time code').fill(code(secret, now));
  await label(page, 'One-time code').press('Enter');
  await heading(page, 'Overview').waitFor();
  await button(page.locator('header'), 'Sign out').click();

  await heading(page, 'Sign in').waitFor();
  await type(page);
  await heading(page, 'One more step').waitFor();
  await label(page, 'One-time code').fill(codes[0]);
  await label(page, 'One-time code').press('Enter');
  await heading(page, 'Overview').waitFor();
  await view(page, 'Security');
  await factor.getByText('Turn off').first().click();
  const off = factor.getByRole('form', { name: 'Turn off' });
  await label(off, 'One-time code').fill(code(secret, now + 1));
  await label(off, 'Password').fill(account.password);
  await button(off, 'Turn off').click();
  await factor.getByText('Whoever knows your password').waitFor();
  await context.close();
});

test('a password is changed, and the other devices are signed out', async () => {
  const [here, elsewhere] = [await person(), await person()];
  const [page, other] = [await signIn(here), await signIn(elsewhere)];
  await view(page, 'Security');
  const form = page.getByRole('form', { name: 'Change the password' });
  const change = async (current, next, again = next) => {
    await label(form, 'Current password').fill(current);
    await label(form, 'New password').fill(next);
    await label(form, 'New password, once more').fill(again);
    await button(form, 'Change the password').click();
  };
  await change('wrong horse', 'another horse battery');
  await page.getByText('That is not your current password.').waitFor();
  await change(account.password, 'another horse battery', 'one more horse battery');
  await page.getByText('The two passwords differ').waitFor();
  await change(account.password, 'short');
  await page.getByText('Password must have at least 8 characters.').waitFor();
  await button(form, 'Show: Current password').click();
  await button(form, 'Hide: Current password').click();
  await inspect(page, 'password-too-short');
  await change(account.password, 'another horse battery');
  await page.getByText('The password is changed.').waitFor();
  account.password = 'another horse battery';
  await other.getByText('Your session has ended.').waitFor();
  await view(page, 'Overview');
  await here.close();
  await elsewhere.close();
});

test('a forgotten password is set anew by the link in the mail, once', async () => {
  const [here, elsewhere] = [await person(), await person()];
  const signedIn = await signIn(elsewhere);
  const page = await tab(here);
  await page.getByRole('link', { name: 'Forgot your password?' }).click();
  await heading(page, 'Forgot your password?').waitFor();
  await inspect(page, 'forgot');
  await label(page, 'E-mail address').fill(account.email);
  const asked = page.waitForRequest('**/auth/password/request');
  await page.keyboard.press('Enter');
  await heading(page, 'Look at your mail').waitFor();
  assert.equal((await asked).postDataJSON().reset_url, `${url}#/reset`);
  await inspect(page, 'mail-sent');

  const token = await tokenOfMail(mailDir);
  const requests = [];
  here.on('request', (one) => requests.push(one.url()));
  const followed = await tab(here, `${url}#/reset?token=${token}`);
  await heading(followed, 'Choose a new password').waitFor();
  assert.equal(followed.url(), `${url}#/reset`, 'the token is not left in the address');
  assert.equal(requests.some((one) => one.includes(token)), false, 'no server sees the token in a URL');
  await inspect(followed, 'reset');
  const next = 'a third horse battery';
  const set = async (tab) => {
    await label(tab, 'New password').fill(next);
    await label(tab, 'New password, once more').fill(next);
    await tab.keyboard.press('Enter');
  };
  await set(followed);
  await followed.getByText('The password is set. Sign in with it.').waitFor();
  account.password = next;
  await signedIn.getByText('Your session has ended.').waitFor();
  await type(followed);
  await heading(followed, 'Overview').waitFor();

  // The same link again, now where links lead that nobody gave a `reset_url` for; and as older mails have it.
  for (const mark of ['?', '#']) {
    const old = await tab(await person(), `${url}admin/reset-password${mark}token=${token}`);
    await heading(old, 'Choose a new password').waitFor();
    assert.equal(old.url(), `${url}#/reset`);
    await old.context().close();
  }
  const again = await tab(await person(), `${url}admin/reset-password#token=${token}`);
  await heading(again, 'Choose a new password').waitFor();
  await set(again);
  await again.getByText('This link was used already').waitFor();
  await again.reload();
  await again.getByText('Open the link in the mail again').waitFor();
  await again.context().close();
  await here.close();
  await elsewhere.close();
});

test('a browser that keeps no cookies is told so, and leaves no session behind', async () => {
  const { context, end } = await withoutCookies();
  const page = await tab(context);
  await page.getByText('Your browser keeps no cookies').waitFor();
  await inspect(page, 'cookies-blocked');
  await type(page);
  await page.getByRole('alert').last().getByText('Allow cookies for this address').waitFor();
  await heading(page, 'Sign in').waitFor();
  await end();
  const other = await person();
  const devices = await signIn(other);
  await view(devices, 'Devices');
  await devices.getByText('this one').waitFor();
  await button(devices, 'Sign out all others').isEnabled();
  await other.close();

  // Safari says that it keeps them, and keeps no Secure ones over http: the server gets none.
  const safari = await person();
  const local = await tab(safari);
  const none = { message: 'Invalid payload.', extensions: { code: 'INVALID_PAYLOAD', reason: '"refresh_token" is required' } };
  await local.route('**/auth/refresh', (route) => route.fulfill({ status: 400, json: { errors: [none] } }));
  await type(local);
  await local.getByRole('alert').getByText('Use another browser, or open this page by an https address.').waitFor();
  await safari.close();
});

test('behind a prefix it works, or says what the proxy leaves out', async () => {
  const whole = await proxy('/some/prefix');
  const context = await person();
  const page = await signIn(context, `${whole.origin}/some/prefix/`);
  await view(page, 'Devices');
  await page.getByText('this one').waitFor();
  await page.reload();
  await heading(page, 'Devices').waitFor();

  // Without the slash, files are looked for in another folder.
  const bare = await context.newPage();
  await bare.goto(`${whole.origin}/some/prefix`);
  await bare.getByText('If the address above ends with a name and not with a slash, add the slash. If nothing is there').waitFor();
  whole.end();
  await context.close();

  const half = await proxy('/some/prefix', (path) => path === '/' || path.startsWith('/console/'));
  const other = await person();
  const lost = await tab(other, `${half.origin}/some/prefix/`);
  await heading(lost, 'The sign-in service is not where this page looks for it').waitFor();
  await lost.getByText(`${half.origin}/some/prefix/auth/refresh answered with a page (404)`).waitFor();
  await lost.getByText('pass on everything below /some/prefix/').waitFor();
  await inspect(lost, 'proxy-passes-too-little');
  half.end();
  await lost.reload().catch(() => null);
  await other.close();
});

test('a server that is away is no reason to sign anybody out', async () => {
  const context = await person();
  const page = await signIn(context);
  await page.route('**/auth/**', (route) => route.abort());
  await button(page, 'Refresh now').click();
  await page.getByRole('alert').getByText('The server does not answer.').waitFor();
  await view(page, 'Devices');
  await page.getByText('The server does not answer.').waitFor();
  await page.unroute('**/auth/**');
  await view(page, 'Overview');
  await button(page, 'Refresh now').click();
  const said = page.getByText('The access token was refreshed.');
  await said.waitFor();
  assert.ok((await said.boundingBox()).height > 20, 'for those who look, too');
  await inspect(page, 'refreshed');
  await view(page, 'Devices');
  await page.getByText('this one').waitFor();
  await context.close();
});

for (const [name, settings] of [
  ['dark', { colorScheme: 'dark' }],
  ['narrow', { viewport: { width: 360, height: 740 } }],
  ['narrow-dark', { viewport: { width: 360, height: 740 }, colorScheme: 'dark', reducedMotion: 'reduce' }],
]) {
  test(`${name}: every view can be read, and none is wider than the screen`, async () => {
    const context = await person(settings);
    const page = await tab(context);
    await heading(page, 'Sign in').waitFor();
    await inspect(page, `sign-in-${name}`);
    await type(page);
    for (const title of ['Overview', 'Security', 'Devices']) {
      await view(page, title);
      if (title === 'Devices') await page.getByText('this one').waitFor();
      await inspect(page, `${title.toLowerCase()}-${name}`);
      const room = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.equal(room, 0, `${title} is wider than the screen`);
    }
    await context.close();
  });
}
