// The routes as a browser sees them, without the console's script: what it keeps, what it sends, and for whom.
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';

import { account, closeBrowser, person, tab, url } from './browser.js';
import { stranger } from './servers.js';

after(closeBrowser);

/** A request by a script of the server's own page; gives status and body. */
const ask = (page, method, path, body, headers = {}) =>
  page.evaluate(async ([method, path, body, headers]) => {
    const init = { method, headers: { ...(body ? { 'Content-Type': 'application/json' } : {}), ...headers } };
    const answer = await fetch(path, { ...init, body: body && JSON.stringify(body) });
    const text = await answer.text();
    return { status: answer.status, body: text ? JSON.parse(text) : null };
  }, [method, path, body, headers]);

const login = (page, mode) => ask(page, 'POST', 'auth/login', { ...account, mode });
const code = (answer) => answer.body.errors[0].extensions.code;

describe('modes', () => {
  test('json: both tokens in the body, nothing for the browser to keep but which device it is', async () => {
    const context = await person();
    const page = await tab(context);
    const { status, body } = await login(page, 'json');
    assert.equal(status, 200);
    assert.deepEqual(Object.keys(body.data).sort(), ['access_token', 'expires', 'refresh_token']);
    assert.deepEqual((await context.cookies()).filter(({ name }) => /refresh|session/.test(name)), []);
    const bearer = (token) => ({ Authorization: `Bearer ${token}` });
    assert.equal((await ask(page, 'GET', 'users/me', null, bearer(body.data.access_token))).body.data.email, account.email);
    const next = await ask(page, 'POST', 'auth/refresh', { refresh_token: body.data.refresh_token });
    assert.equal((await ask(page, 'GET', 'users/me', null, bearer(next.body.data.access_token))).status, 200);
    assert.equal((await ask(page, 'POST', 'auth/logout', { refresh_token: next.body.data.refresh_token })).status, 204);
    assert.equal((await ask(page, 'POST', 'auth/refresh', { refresh_token: next.body.data.refresh_token })).status, 401);
    await context.close();
  });

  test('cookie: the browser keeps the refresh token, and no script sees it', async () => {
    const context = await person();
    const page = await tab(context);
    const { body } = await login(page, 'cookie');
    assert.deepEqual(Object.keys(body.data).sort(), ['access_token', 'expires']);
    await assertKept(context, page, '__Host-refresh_token', 7 * 86_400);
    const next = await ask(page, 'POST', 'auth/refresh', { mode: 'cookie' });
    assert.equal(next.status, 200);
    assert.equal((await ask(page, 'POST', 'auth/logout', { mode: 'cookie' })).status, 204);
    assert.equal((await context.cookies()).some(({ name }) => name === '__Host-refresh_token'), false, 'the cookie is cleared');
    assert.equal(code(await ask(page, 'POST', 'auth/refresh', { mode: 'cookie' })), 'INVALID_PAYLOAD');
    await context.close();
  });

  test('session: one cookie opens the guarded routes, until it is signed out', async () => {
    const context = await person();
    const page = await tab(context);
    const { body } = await login(page, 'session');
    assert.deepEqual(Object.keys(body.data), ['expires']);
    await assertKept(context, page, '__Host-session_token', 86_400);
    assert.equal((await ask(page, 'GET', 'users/me')).body.data.email, account.email);
    assert.equal((await ask(page, 'GET', 'notes')).status, 200, 'the routes of the app too');
    const [{ value }] = (await context.cookies()).filter(({ name }) => name === '__Host-session_token');
    assert.equal((await ask(page, 'POST', 'auth/refresh', { mode: 'session' })).status, 200);
    const [next] = (await context.cookies()).filter(({ name }) => name === '__Host-session_token');
    assert.notEqual(next.value, value);
    assert.equal((await ask(page, 'POST', 'auth/logout', { mode: 'session' })).status, 204);
    assert.equal(code(await ask(page, 'GET', 'users/me')), 'INVALID_CREDENTIALS');
    await context.close();
  });
});

/** A cookie with the attributes that the contract promises, as this browser understood them. */
async function assertKept(context, page, name, seconds) {
  const [cookie] = (await context.cookies()).filter((one) => one.name === name);
  assert.ok(cookie, `the browser keeps ${name}`);
  const { httpOnly, secure, sameSite, path, domain, expires } = cookie;
  assert.deepEqual({ httpOnly, secure, sameSite, path, domain }, { httpOnly: true, secure: true, sameSite: 'Lax', path: '/', domain: new URL(url).hostname });
  const left = expires - Date.now() / 1000;
  assert.ok(left > seconds - 120 && left <= seconds + 5, `${name} lives ${left} s`);
  assert.equal(await page.evaluate(() => document.cookie), '', 'no script sees a cookie');
}

describe('a page of another origin', () => {
  // A port is no part of a site: the first one gets the cookies sent, and only the server keeps it out.
  for (const [what, host, sends] of [['same site', '127.0.0.1', true], ['another site', 'localhost', false]]) {
    test(`of ${what} can neither end, renew nor read a session`, async () => {
      const context = await person();
      const page = await tab(context);
      await login(page, 'cookie');
      const { origin, end } = await stranger(host);
      const evil = await context.newPage();
      await evil.goto(origin);
      for (const path of ['auth/logout', 'auth/refresh']) {
        const [answer] = await Promise.all([
          evil.waitForResponse((one) => one.url() === url + path),
          evil.evaluate((at) => fetch(at, { method: 'POST', mode: 'no-cors', credentials: 'include' }).catch(() => null), url + path),
        ]);
        // 403: the cookie came, and was not enough. 400: none came.
        assert.equal(answer.status(), sends ? 403 : 400, path);
        assert.equal((await answer.headersArray()).some(({ name }) => name.toLowerCase() === 'set-cookie'), false);
      }
      const [form] = await Promise.all([
        evil.waitForResponse((one) => one.url() === `${url}auth/login`),
        evil.waitForURL(`${url}auth/login`),
        evil.evaluate(([at, login]) => {
          const element = document.createElement('form');
          Object.assign(element, { method: 'POST', action: at, enctype: 'text/plain' });
          const input = document.createElement('input');
          Object.assign(input, { name: `${login.slice(0, -1)},"x":"`, value: '"}' });
          element.append(input);
          document.body.append(element);
          element.submit();
        }, [`${url}auth/login`, JSON.stringify({ ...account, mode: 'cookie' })]),
      ]);
      assert.equal(form.status(), 415, 'nobody is signed in by the form of another page');
      await evil.goto(origin);
      const read = await evil.evaluate((at) => fetch(at, { credentials: 'include' }).then((one) => one.status, () => 'blocked'), `${url}users/me`);
      assert.equal(read, 'blocked');
      const framed = await evil.evaluate((at) => new Promise((resolve) => {
        const frame = document.createElement('iframe');
        frame.addEventListener('load', () => resolve(frame.contentDocument === null));
        frame.src = at;
        document.body.append(frame);
      }), url);
      assert.ok(framed, 'a frame of another origin has no document that can be reached');
      await evil.waitForFunction(() => frames.length === 1);
      assert.equal(evil.frames().some((frame) => frame.url() === url), false, 'the page is not shown in frames');

      assert.equal((await ask(page, 'POST', 'auth/refresh', { mode: 'cookie' })).status, 200, 'the session lives on');
      end();
      await context.close();
    });
  }
});
