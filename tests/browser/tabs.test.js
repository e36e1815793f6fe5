// Several tabs of one browser, and what comes in between.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { tokenOfMail } from '../sdk/mail.js';
import { account, ask, button, closeBrowser, heading, label, mailDir, person, setUpFactor, signIn, tab, tokenOf, type, url, view } from './browser.js';
import { proxy } from './servers.js';

after(closeBrowser);

const carol = { email: 'carol@example.com', password: 'a horse for carol' };

/** Carol is there, and signs in with a password. */
async function invite(email, password) {
  const admin = await tokenOf(account);
  await ask('POST', 'users', { email }, admin);
  for (let until = Date.now() + 15_000; ;) {
    const token = await tokenOfMail(mailDir);
    const body = JSON.stringify({ token, password });
    const accepted = await fetch(`${url}users/invite/accept`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body });
    if (accepted.ok) return;
    assert.ok(Date.now() < until, `the invitation of ${email} comes`);
  }
}

/** A tab in which somebody is signed in that hears nothing of the others, as one that was asleep. */
async function asleep(context) {
  const page = await tab(context, 'about:blank');
  await page.addInitScript(() => { window.BroadcastChannel = class extends EventTarget { postMessage() {} }; });
  await page.goto(url);
  await type(page);
  await heading(page, 'Overview').waitFor();
  return page;
}

/** Another tab, in which whoever is signed in signs out, and Carol signs in. */
async function carolTakesOver(context) {
  const other = await context.newPage();
  await other.goto(url);
  await heading(other, 'Overview').waitFor();
  await button(other.locator('header'), 'Sign out').click();
  await heading(other, 'Sign in').waitFor();
  await type(other, carol.password, carol.email);
  await heading(other, 'Overview').waitFor();
  await other.locator('header').getByText(carol.email).waitFor();
  return other;
}

test('a link that is pasted into an open tab is followed, and its token leaves the address', async () => {
  const context = await person();
  const page = await tab(context);
  await heading(page, 'Sign in').waitFor();
  await page.evaluate(() => { location.hash = '#/reset?token=of-an-older-mail'; });
  await heading(page, 'Choose a new password').waitFor();
  assert.equal(page.url(), `${url}#/reset`);
  await label(page, 'New password').fill('a new horse battery');
  await label(page, 'New password, once more').fill('a new horse battery');
  const asked = page.waitForRequest('**/auth/password/reset');
  await page.keyboard.press('Enter');
  assert.equal((await asked).postDataJSON().token, 'of-an-older-mail');
  await page.getByText('This link is not complete.').waitFor();
  // Another one, while the first is shown.
  await page.evaluate(() => { location.hash = '#/invite?token=another'; });
  await heading(page, 'Accept the invitation').waitFor();
  assert.equal(page.url(), `${url}#/invite`);
  assert.deepEqual(page.broken, []);
  await context.close();
});

test('a tab whose browser belongs to somebody else by now does nothing in their name', async () => {
  await invite(carol.email, carol.password);
  const context = await person();
  const page = await asleep(context);
  await view(page, 'Devices');
  await page.getByText('this one').waitFor();
  let release;
  const held = new Promise((resolve) => { release = resolve; });
  const renewing = page.waitForRequest('**/auth/refresh');
  await page.route('**/auth/refresh', async (route) => {
    await held;
    await route.continue();
  });
  const other = await carolTakesOver(context);

  // Its own token has expired, and the next one is not there yet: what is asked for now waits for that.
  await renewing;
  const asked = [];
  page.on('request', (one) => { if (one.method() === 'DELETE') asked.push(one); });
  const refused = page.waitForResponse((one) => one.request().method() === 'DELETE');
  await button(page, 'Sign out everywhere').click();
  await button(page.getByRole('dialog'), 'Sign out everywhere').click();
  assert.equal((await refused).status(), 401);
  release();
  await page.locator('header').getByText(carol.email).waitFor();
  assert.equal(await page.locator('header').getByText(account.email).count(), 0);
  assert.equal(await page.getByRole('link', { name: 'Users' }).count(), 0, 'the rights are those of carol');
  await page.getByText('Another tab of this browser signed in as carol').waitFor();
  assert.equal(asked.length, 1, 'it is not asked for again');
  await other.reload();
  await heading(other, 'Overview').waitFor();
  await other.locator('header').getByText(carol.email).waitFor();
  await context.close();
});

test('a tab that slept ends no session but its own', async () => {
  const context = await person();
  const page = await asleep(context);
  const other = await carolTakesOver(context);
  // It may have seen by itself who it is by now.
  if (await page.locator('header').getByText(account.email).count()) await button(page.locator('header'), 'Sign out').click();
  await page.getByText('Another tab of this browser signed in as carol').waitFor();
  assert.deepEqual(page.broken, []);
  await other.reload();
  await other.locator('header').getByText(carol.email).waitFor();
  await context.close();
});

test('a window that asks one person is not there to be answered by the next', async () => {
  const context = await person();
  const page = await signIn(context);
  await view(page, 'Devices');
  await button(page, 'Sign out everywhere').click();
  await page.getByRole('dialog').waitFor();
  await carolTakesOver(context);
  await page.locator('header').getByText(carol.email).waitFor();
  assert.equal(await page.getByRole('dialog').count(), 0);
  await context.close();
});

test('whoever is signed in stays so when the link of somebody else is followed, and is told', async () => {
  const context = await person();
  const page = await signIn(context);
  const before = await tokenOfMail(mailDir);
  await ask('POST', 'users', { email: 'dan@example.com' }, await tokenOf(account));
  let token = before;
  for (const until = Date.now() + 15_000; token === before; ) {
    token = await tokenOfMail(mailDir);
    assert.ok(Date.now() < until, 'the invitation comes');
  }
  await page.evaluate((token) => { location.hash = `#/invite?token=${token}`; }, token);
  await heading(page, 'Accept the invitation').waitFor();
  await label(page, 'New password').fill('a horse for dan');
  await label(page, 'New password, once more').fill('a horse for dan');
  await page.keyboard.press('Enter');
  await page.getByText(`This browser is still signed in as ${account.email}.`).waitFor();
  // A name that every object has is no view.
  await page.evaluate(() => { location.hash = '#/constructor'; });
  await heading(page, 'Overview').waitFor();
  await context.close();
});

test('two tabs are one person: whoever signs in anew in one is seen in the other', async () => {
  const context = await person();
  const page = await signIn(context);
  const [refresh] = await Promise.all([
    page.waitForResponse((one) => one.url().endsWith('/auth/refresh')),
    context.newPage().then(async (other) => {
      await other.goto(url);
      await heading(other, 'Overview').waitFor();
      await other.evaluate(async ([login]) => {
        await fetch('auth/login', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ ...login, mode: 'cookie' }) });
        new BroadcastChannel(`auth-console ${location.origin}/`).postMessage('signed-in');
      }, [carol]);
    }),
  ]);
  await refresh.finished();
  await page.locator('header').getByText(carol.email).waitFor();
  await context.close();
});

test('who signs out while the token is being renewed stays signed out', async () => {
  const context = await person();
  const page = await signIn(context);
  let release;
  const held = new Promise((resolve) => { release = resolve; });
  await page.route('**/auth/refresh', async (route) => {
    const answer = await route.fetch();
    await held;
    await route.fulfill({ response: answer });
  });
  await Promise.all([page.waitForRequest('**/auth/refresh'), button(page, 'Refresh now').click()]);
  await button(page.locator('header'), 'Sign out').click();
  await page.getByText('You are signed out.').waitFor();
  const arrived = page.waitForResponse((one) => one.url().endsWith('/auth/refresh'));
  release();
  await (await arrived).finished();
  await page.evaluate(() => { location.hash = '#/devices'; });
  await heading(page, 'Sign in').waitFor();
  await page.unroute('**/auth/refresh');
  await page.reload();
  await heading(page, 'Sign in').waitFor();
  assert.deepEqual(page.broken, []);
  await context.close();
});

test('consoles of two APIs on one origin do not hear each other', async () => {
  const both = await proxy(['/one', '/two']);
  const context = await person();
  const [first, neighbour, second] = [await tab(context, `${both.origin}/one/`), await tab(context, `${both.origin}/two/`), await tab(context, `${both.origin}/one/#/devices`)];
  for (const page of [first, neighbour, second]) await heading(page, 'Sign in').waitFor();
  await label(first, 'E-mail address').fill(account.email);
  await label(first, 'Password').fill(account.password);
  await label(first, 'Password').press('Enter');
  await heading(first, 'Overview').waitFor();
  // It heard of the login, from the tab of the same API.
  await heading(second, 'Devices').waitFor();
  await heading(neighbour, 'Sign in').waitFor();
  both.end();
  await context.close();
});

test('recovery codes are shown, also when the server is away right after it made them', async () => {
  const context = await person();
  const page = await tab(context);
  await type(page, carol.password, carol.email);
  await heading(page, 'Overview').waitFor();
  await view(page, 'Security');
  await page.route('**/users/me/tfa/enable', async (route) => {
    const answer = await route.fetch();
    await page.route('**/auth/refresh', (one) => one.abort());
    await route.fulfill({ response: answer });
  });
  const { codes } = await setUpFactor(context, page, carol.password);
  assert.ok(codes.length > 5, String(codes));
  await context.close();
});
