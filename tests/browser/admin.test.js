// What admins see: users and the audit trail. Runs against a server of `console.test.js`, before it.
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { after, test } from 'node:test';

import { tokenOfMail } from '../sdk/mail.js';
import { account, button, closeBrowser, heading, inspect, label, mailDir, person, signIn, tab, url, view } from './browser.js';

after(closeBrowser);

const ada = { email: 'ada@example.com', password: 'a horse of her own' };

const row = (page, text) => page.getByRole('row').filter({ hasText: text });

async function signInAs(context, { email, password }) {
  const page = await tab(context);
  await label(page, 'E-mail address').fill(email);
  await label(page, 'Password').fill(password);
  await label(page, 'Password').press('Enter');
  return page;
}

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

  const invited = await tab(there, `${url}#/invite?token=${await tokenOfMail(mailDir)}`);
  await heading(invited, 'Accept the invitation').waitFor();
  assert.equal(invited.url(), `${url}#/invite`);
  await label(invited, 'New password').fill(ada.password);
  await label(invited, 'New password, once more').fill(ada.password);
  await button(invited, 'Accept').click();
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
  await refused.getByText('Your session has ended.').waitFor();
  await here.close();
  await there.close();
});

// Without the audit trail the route is not there, and neither are its views.
const answer = await fetch(`${url}auth/events`);
const trail = { skip: answer.status === 404 && 'the example mounts no GET /auth/events yet' };

test('an admin sees what happens while it happens', trail, async () => {
  const [here, there] = [await person(), await person()];
  const page = await signIn(here);
  await view(page, 'Audit trail');
  await row(page, 'Signed in').first().waitFor();
  await page.getByLabel('What', { exact: true }).selectOption('login_failed');
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
  test(`${name}: logins, failures and refused refreshes are drawn over time`, trail, async () => {
    const context = await person(settings);
    const page = await signIn(context);
    await view(page, 'Activity');
    for (const series of ['Logins', 'Failures', 'Refused refreshes']) await page.getByRole('img', { name: new RegExp(`^${series}: \\d`) }).waitFor();
    // The trail keeps no refreshes that went well, and the page does not call that none.
    await page.getByText('does not keep refreshes').waitFor();
    const [, drawn] = /^Logins: ([\d,]+) time/.exec(await page.getByRole('img', { name: /^Logins/ }).getAttribute('aria-label'));
    assert.ok(Number(drawn.replace(',', '')) >= 1, 'the login of this test is drawn');
    assert.ok((await page.locator('.bar.good').count()) >= 1);
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
