// Who is new: makes an account, and must set up a second factor before anything else. Against a server with
// MFA_REQUIRED=everybody and REGISTRATION=1.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { code, step } from '../sdk/totp.js';
import { linkOfMail } from '../sdk/mail.js';
import { account, button, closeBrowser, heading, inspect, label, mailDir, person, setUpFactor, signInAs, tab, type, url, view } from './browser.js';

after(closeBrowser);

const dora = { email: 'dora@example.com', password: 'a horse for dora' };

test('a stranger makes an account, confirms the address, and signs in', async () => {
  const context = await person();
  const page = await tab(context);
  await page.getByRole('link', { name: 'Create an account' }).click();
  await heading(page, 'Create an account').waitFor();
  await inspect(page, 'register');
  const send = async (password, again = password) => {
    await label(page, 'E-mail address').fill(dora.email);
    await label(page, 'Password').fill(password);
    await label(page, 'Password, once more').fill(again);
    await label(page, 'Password, once more').press('Enter');
  };
  await send('short');
  await page.getByText('Password must have at least 8 characters.').waitFor();
  await send(dora.password, 'another horse');
  await page.getByText('The two passwords differ').waitFor();
  const asked = page.waitForRequest('**/users/register');
  await send(dora.password);
  assert.equal((await asked).postDataJSON().verification_url, `${url}#/verified`);
  await heading(page, 'Look at your mail').waitFor();
  await inspect(page, 'registered');

  // Not before the link was followed.
  const early = await signInAs(await person(), dora);
  await early.getByRole('alert').getByText('the account is not active').waitFor();
  await early.context().close();
  const link = new URL(await linkOfMail(mailDir));
  const confirmed = await tab(context, `${url}${link.pathname.slice(1)}${link.search}`);
  await confirmed.getByText('Your address is confirmed. Sign in.').waitFor();
  assert.equal(confirmed.url(), `${url}#/verified`);
  await inspect(confirmed, 'verified');
  await type(confirmed, dora.password, dora.email);
  await confirmed.getByText('Your account needs a second factor.').waitFor();
  await context.close();
});

test('an admin who must have a second factor sets it up, and has the views of admins at once', async () => {
  const context = await person();
  const page = await signInAs(context, account);
  await page.getByText('Your account needs a second factor. Set one up to go on.').waitFor();
  await inspect(page, 'must-enrol');
  assert.equal(await page.getByRole('link', { name: 'Users' }).count(), 0);
  await page.evaluate(() => { location.hash = '#/users'; });
  await heading(page, 'Security').waitFor();
  await page.reload();
  await page.getByText('Your account needs a second factor. Set one up to go on.').waitFor();
  const { key } = await setUpFactor(context, page);
  const now = await step();
  await page.getByRole('link', { name: 'Audit trail' }).waitFor();
  await page.getByRole('link', { name: 'Activity' }).waitFor();
  await button(page, 'I have kept them').click();
  await inspect(page, 'enrolled');
  await view(page, 'Users');
  await page.getByRole('row').filter({ hasText: account.email }).getByText('On', { exact: true }).waitFor();

  await button(page.locator('header'), 'Sign out').click();
  await heading(page, 'Sign in').waitFor();
  await type(page);
  await label(page, 'One-time code').fill(code(key, now + 1));
  await label(page, 'One-time code').press('Enter');
  await heading(page, 'Overview').waitFor();
  await context.close();
});

for (const [name, settings] of [['dark', { colorScheme: 'dark' }], ['narrow', { viewport: { width: 360, height: 740 } }]]) {
  test(`${name}: the first views can be read`, async () => {
    const context = await person(settings);
    const page = await tab(context);
    await page.getByRole('link', { name: 'Create an account' }).waitFor();
    await inspect(page, `welcome-${name}`);
    await page.getByRole('link', { name: 'Create an account' }).click();
    await heading(page, 'Create an account').waitFor();
    await inspect(page, `register-${name}`);
    const room = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.equal(room, 0, 'it is wider than the screen');
    await context.close();
  });
}
