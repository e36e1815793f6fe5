// What admins see: users and the audit trail. Runs against a server of `console.test.js`, before it.
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { after, test } from 'node:test';

import { tokenOfMail } from '../sdk/mail.js';
import { code, step } from '../sdk/totp.js';
import { account, ask, button, closeBrowser, focused, heading, inspect, label, mailDir, person, signIn, signInAs, tab, tokenOf, url, view } from './browser.js';

after(closeBrowser);

const ada = { email: 'ada@example.com', password: 'a horse of her own' };

const row = (page, text) => page.getByRole('row').filter({ hasText: text });

test('an admin invites somebody, who chooses a password, is suspended, let in again and removed', async () => {
  assert.deepEqual(await readdir(mailDir).catch(() => []), [], 'the mail that comes is the invitation');
  const [here, there] = [await person(), await person()];
  const page = await signIn(here);
  await view(page, 'Users');
  await row(page, account.email).waitFor();
  await row(page, account.email).getByText('you', { exact: true }).waitFor();
  assert.ok(await button(page, `Suspend: ${account.email}`).isDisabled(), 'nobody suspends themselves by mistake');

  await button(page, 'Add a user').click();
  const dialog = page.getByRole('dialog');
  await label(dialog, 'E-mail address').fill('nonsense');
  await button(dialog, 'Invite').click();
  await dialog.getByText('E-mail address must be a valid email.').waitFor();
  await inspect(page, 'add-user');
  await label(dialog, 'E-mail address').fill(ada.email);
  await label(dialog, 'Role').fill('editor');
  await label(dialog, 'Role').press('Enter');
  await row(page, ada.email).getByText('invited').waitFor();
  await page.getByText(`${ada.email} is invited.`).waitFor();
  await inspect(page, 'invited');

  // The first mail is lost; what comes after it counts as well. A server without this route would send none.
  const first = await tokenOfMail(mailDir);
  await page.route('**/users/*/invite', (route) => route.fulfill({ status: 404 }), { times: 1 });
  await button(page, `Invite again: ${ada.email}`).click();
  await page.getByText('no mail was sent').waitFor();
  assert.equal(await page.getByText('Another invitation').count(), 0);
  await button(page, `Invite again: ${ada.email}`).click();
  await page.getByText(`Another invitation goes to ${ada.email}.`).waitFor();
  assert.equal(await page.getByText('no mail was sent').count(), 0);
  for (let until = Date.now() + 15_000; (await tokenOfMail(mailDir)) === first;) assert.ok(Date.now() < until, 'a second mail comes');

  const link = `${url}#/invite?token=${await tokenOfMail(mailDir)}`;
  const accept = async (tab) => {
    await heading(tab, 'Accept the invitation').waitFor();
    assert.equal(tab.url(), `${url}#/invite`);
    await label(tab, 'New password').fill(ada.password);
    await label(tab, 'New password, once more').fill(ada.password);
    await button(tab, 'Accept').click();
  };
  const invited = await tab(there, link);
  await accept(invited);
  await invited.getByText('Welcome.').waitFor();
  await label(invited, 'E-mail address').fill(ada.email);
  await label(invited, 'Password').fill(ada.password);
  await label(invited, 'Password').press('Enter');
  await heading(invited, 'Overview').waitFor();
  assert.equal(await invited.getByRole('link', { name: 'Users' }).count(), 0, 'what is for admins is not there for others');
  await invited.evaluate(() => { location.hash = '#/users'; });
  await heading(invited, 'Overview').waitFor();

  await label(page, 'Search').fill('ADA@');
  await page.getByText('1 user', { exact: true }).waitFor();
  await row(page, ada.email).getByText('active').waitFor();
  assert.equal(await row(page, account.email).count(), 0);
  await inspect(page, 'users');
  await button(page, `Suspend: ${ada.email}`).click();
  await row(page, ada.email).getByText('suspended').waitFor();
  assert.equal(await focused(page), `Activate: ${ada.email}`, 'the keyboard is where it was');
  await invited.getByText('Your session has ended.').waitFor();
  const refused = await signInAs(there, ada);
  await refused.getByRole('alert').getByText('the account is not active').waitFor();

  await button(page, `Activate: ${ada.email}`).click();
  await row(page, ada.email).getByText('active', { exact: true }).waitFor();
  await label(refused, 'Password').press('Enter');
  await heading(refused, 'Overview').waitFor();

  await button(page, `Remove: ${ada.email}`).click();
  await inspect(page, 'remove-user');
  await button(page.getByRole('dialog'), 'Remove').click();
  await page.getByText('Nobody is like that.').waitFor();
  assert.equal(await focused(page), '0 users', 'what had the focus is gone');
  await refused.getByText('Your session has ended.').waitFor();
  const late = await tab(there, link);
  await accept(late);
  await late.getByText('This invitation does not count any more').waitFor();
  await here.close();
  await there.close();
});

test('an admin whose login is too long ago for a change types the password, and goes on', async () => {
  const fred = { email: 'fred@example.com', status: 'active' };
  const admin = await tokenOf(account);
  await ask('POST', 'users', fred, admin);
  const context = await person();
  const page = await signIn(context);
  await view(page, 'Users');
  await row(page, fred.email).waitFor();
  // As the server refuses it after 15 minutes.
  const refusal = { message: "You don't have permission to access this.", extensions: { code: 'FORBIDDEN', reason: 'recent login required' } };
  await page.route('**/users/*', (route) => route.fulfill({ status: 403, json: { errors: [refusal] } }), { times: 1 });
  await button(page, `Suspend: ${fred.email}`).click();
  const dialog = page.getByRole('dialog');
  await label(dialog, 'Password').fill('wrong horse');
  await label(dialog, 'Password').press('Enter');
  await dialog.getByText('That is not your current password.').waitFor();
  await inspect(page, 'recent-login');
  await label(dialog, 'Password').fill(account.password);
  await label(dialog, 'Password').press('Enter');
  await row(page, fred.email).getByText('suspended').waitFor();
  await button(page, `Remove: ${fred.email}`).click();
  await button(page.getByRole('dialog'), 'Remove').click();
  await page.getByText(`${fred.email} was removed.`).waitFor();
  await context.close();
});

test('whoever is added to a server that sends no mail is not called invited', async () => {
  const context = await person();
  const page = await signIn(context);
  await view(page, 'Users');
  await row(page, account.email).waitFor();
  await page.route('**/users', async (route) => {
    if (route.request().method() !== 'POST') return route.continue();
    const answer = await route.fetch({ postData: JSON.stringify({ email: 'eve@example.com', status: 'inactive' }) });
    return route.fulfill({ response: answer });
  });
  await button(page, 'Add a user').click();
  await label(page.getByRole('dialog'), 'E-mail address').fill('eve@example.com');
  await label(page.getByRole('dialog'), 'E-mail address').press('Enter');
  await page.getByText('no mail was sent').waitFor();
  await page.getByText('authctl user set-password eve@example.com').waitFor();
  await inspect(page, 'not-mailed');
  await context.close();
});

test('what has no route is not offered', async () => {
  const context = await person();
  // As a server with `GET /users` and `PATCH /users/{id}` answers, and no mailer.
  const listing = (allow) => ({ status: 405, headers: { Allow: allow }, json: { errors: [{ message: 'Method not allowed.', extensions: { code: 'METHOD_NOT_ALLOWED' } }] } });
  await context.route('**/users/register', (route) => route.fulfill(listing('PATCH')));
  await context.route('**/auth/password/request', (route) => route.fulfill({ status: 404 }));
  const without = (path, here, there) => context.route(`**/${path}`, async (route) => {
    if (route.request().method() !== 'OPTIONS') return route.fallback();
    const answer = await route.fetch();
    assert.deepEqual([answer.status(), answer.headers().allow], [405, here], 'this server tells what it has');
    return route.fulfill(listing(there));
  });
  await without('users', 'GET, HEAD, POST', 'GET, HEAD');
  await without('users/-', 'GET, HEAD, PATCH, DELETE', 'PATCH');
  const page = await signIn(context);
  await view(page, 'Users');
  await button(page, `Suspend: ${account.email}`).waitFor();
  assert.equal(await button(page, `Remove: ${account.email}`).count(), 0);
  assert.equal(await button(page, 'Add a user').count(), 0);
  await button(page.locator('header'), 'Sign out').click();
  await page.getByText('You are signed out.').waitFor();
  for (const name of ['Create an account', 'Forgot your password?']) assert.equal(await page.getByRole('link', { name }).count(), 0, name);
  await context.close();
});

test('an admin removes the second factor of somebody who lost it', async () => {
  const bob = { email: 'bob@example.com', password: 'a horse for bob' };
  const now = await step();
  const admin = await tokenOf(account);
  await ask('POST', 'users', { email: bob.email }, admin);
  for (let until = Date.now() + 15_000; ;) {
    const token = await tokenOfMail(mailDir);
    const accepted = await fetch(`${url}users/invite/accept`, {
      method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ token, password: bob.password }),
    });
    if (accepted.ok) break;
    assert.ok(Date.now() < until, 'the invitation of bob comes');
  }
  const own = await tokenOf(bob);
  const { secret } = await ask('POST', 'users/me/tfa/generate', { password: bob.password }, own);
  await ask('POST', 'users/me/tfa/enable', { secret, otp: code(secret, now - 1), password: bob.password }, own);

  const [here, there] = [await person(), await person()];
  const page = await signIn(here);
  await view(page, 'Users');
  await label(page, 'Search').fill('bob@');
  await page.getByText('1 user', { exact: true }).waitFor();
  await button(page, `Reset second factor: ${bob.email}`).click();
  await inspect(page, 'reset-second-factor');
  await button(page.getByRole('dialog'), 'Reset second factor').click();
  await page.getByText(`The second factor of ${bob.email} is gone.`).waitFor();
  assert.equal(await button(page, `Reset second factor: ${bob.email}`).count(), 0);
  await heading(await signInAs(there, bob), 'Overview').waitFor();
  await here.close();
  await there.close();
});

test('more users than one page has are turned over, and found', async () => {
  const admin = await tokenOf(account);
  const emails = Array.from({ length: 25 }, (_, n) => `crowd-${String(n).padStart(2, '0')}@example.com`);
  await Promise.all(emails.map((email) => ask('POST', 'users', { email, status: 'active' }, admin)));
  const context = await person();
  const page = await signIn(context);
  await view(page, 'Users');
  await page.getByText('1 of 2', { exact: true }).waitFor();
  const rows = page.locator('tbody tr');
  assert.equal(await rows.count(), 20);
  assert.ok(await button(page, 'Previous').isDisabled());
  await inspect(page, 'users-many');
  await button(page, 'Next').click();
  await page.getByText('2 of 2', { exact: true }).waitFor();
  await row(page, account.email).waitFor();
  assert.ok(await button(page, 'Next').isDisabled());
  assert.match(await focused(page), /^\d+ users$/, 'the button that was pressed is off');
  await label(page, 'Search').fill('crowd-2');
  await page.getByText('5 users', { exact: true }).waitFor();
  assert.equal(await rows.count(), 5);
  assert.equal(await button(page, 'Next').count(), 0);
  await context.close();
  // The first one has expired by now.
  const again = await tokenOf(account);
  const crowd = await ask('GET', 'users?search=crowd-&limit=100', null, again);
  assert.deepEqual(crowd.map(({ email }) => email).sort(), emails);
  await Promise.all(crowd.map(({ id }) => ask('DELETE', `users/${id}`, null, again)));
});

test('an admin sees what happens while it happens', async () => {
  const [here, there] = [await person(), await person()];
  const page = await signIn(here);
  await view(page, 'Audit trail');
  await row(page, 'Signed in').first().waitFor();
  // What was asked for first comes last.
  const answer = (type) => page.waitForResponse((one) => one.url().includes(`type=${type}`));
  const [slow, quick] = [answer('login_succeeded'), answer('login_failed')];
  let release;
  const held = new Promise((resolve) => { release = resolve; });
  await page.route('**/auth/events?*type=login_succeeded*', async (route) => {
    await held;
    await route.continue();
  });
  await page.getByLabel('What', { exact: true }).selectOption('login_succeeded');
  await page.getByLabel('What', { exact: true }).selectOption('login_failed');
  await (await quick).finished();
  release();
  await (await slow).finished();
  await page.evaluate(() => new Promise(requestAnimationFrame));
  assert.equal(await row(page, 'Signed in').count(), 0);
  const before = await row(page, 'Sign-in refused').count();
  const failed = await signInAs(there, { ...account, password: 'wrong horse' });
  await failed.getByRole('alert').waitFor();
  await page.waitForFunction((n) => [...document.querySelectorAll('tbody tr')].length > n, before);
  await inspect(page, 'audit');
  await button(page, 'Pause').click();
  await button(page, 'Go on').waitFor();
  await here.close();
  await there.close();
});

for (const [name, settings] of [['light', {}], ['dark', { colorScheme: 'dark' }], ['narrow', { viewport: { width: 360, height: 740 } }]]) {
  test(`${name}: logins, failures and refreshes are drawn over time`, async () => {
    const context = await person(settings);
    const page = await signIn(context);
    await view(page, 'Activity');
    for (const series of ['Logins', 'Failures', 'Refreshes', 'Refused refreshes']) await page.getByRole('img', { name: new RegExp(`^${series}: \\d`) }).waitFor();
    for (const series of ['Logins', 'Refreshes']) {
      const reading = await page.getByRole('img', { name: new RegExp(`^${series}: `) }).getAttribute('aria-label');
      const [, drawn] = /: ([\d,]+) time/.exec(reading);
      assert.ok(Number(drawn.replaceAll(',', '')) >= 1, `the login of this test, and its first refresh: ${reading}`);
    }
    assert.ok((await page.locator('.bar.good').count()) >= 1 && (await page.locator('.bar.calm').count()) >= 1);
    await inspect(page, `activity-${name}`);
    await button(page, 'Day').click();
    await page.locator('[data-range=day][aria-pressed=true]').waitFor();
    await view(page, 'Users');
    await row(page, account.email).waitFor();
    await inspect(page, `users-${name}`);
    await view(page, 'Audit trail');
    await row(page, 'Signed in').first().waitFor();
    await inspect(page, `audit-${name}`);
    const room = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.equal(room, 0, 'it is wider than the screen');
    await context.close();
  });
}
