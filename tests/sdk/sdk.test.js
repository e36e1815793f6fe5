// The official client of Directus, unchanged, against a running example: URL, EMAIL, PASSWORD and MAIL_DIR say where.
// `.ci/sdk` starts the examples with ACCESS_TOKEN_TTL=3s and PERSONAL_TOKENS=1.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

import {
  authentication, createDirectus, disableTwoFactor, enableTwoFactor, generateTwoFactorSecret, graphql, isDirectusError,
  login, logout, passwordRequest, passwordReset, readMe, readProviders, refresh, rest, staticToken,
} from '@directus/sdk';

import { jar } from './jar.js';
import { tokenOfMail } from './mail.js';
import { code, step } from './totp.js';

const { URL: url, EMAIL: email, PASSWORD: password, MAIL_DIR: mailDir } = process.env;
assert.ok(url && email && password && mailDir, 'URL, EMAIL, PASSWORD and MAIL_DIR say what to test');

// How long an access token lives, in milliseconds: the tests of refreshes wait for it.
const TTL = 3000;
// Later than the end of a token by as much as timers and requests may take.
const PATIENCE = 10_000;

// The examples mount no GraphQL yet. When `/graphql/system` is there, set this to `true`.
const HAS_GRAPHQL = true;

/** A client that signs in, in this mode, with a cookie jar of its own. It asks for a new token in good time. */
function client(mode, options = {}) {
  const { fetch, cookies } = jar();
  const credentials = mode === 'json' ? {} : { credentials: 'include' };
  const directus = createDirectus(url, { globals: { fetch } })
    .with(authentication(mode, { msRefreshBeforeExpires: 1000, ...credentials, ...options }))
    .with(rest(credentials));
  return { directus, cookies };
}

/** The client calls it an error of Directus, with this status and code. */
async function refused(promise, status, errorCode, reason) {
  await assert.rejects(promise, (error) => {
    assert.ok(isDirectusError(error), `not in the shape of Directus: ${error?.message ?? error}`);
    assert.equal(error.response.status, status);
    assert.equal(error.errors[0].extensions.code, errorCode);
    if (reason) assert.equal(error.errors[0].extensions.reason, reason);
    assert.ok(error.message.length > 0);
    return true;
  });
}

for (const mode of ['json', 'cookie', 'session']) {
  describe(`mode ${mode}`, () => {
    test('signs in, reads the user, signs out', async () => {
      const { directus, cookies } = client(mode);
      const answer = await directus.login({ email, password });
      assert.equal(typeof answer.expires, 'number');
      assert.equal(typeof answer.access_token, mode === 'session' ? 'undefined' : 'string');
      assert.equal(typeof answer.refresh_token, mode === 'json' ? 'string' : 'undefined');
      assert.equal([...cookies.keys()].some((name) => name.endsWith('_token')), mode !== 'json');

      const me = await directus.request(readMe());
      assert.equal(me.email, email);
      assert.equal(me.status, 'active');
      assert.deepEqual(await directus.request(readMe({ fields: ['id', 'email'] })), { id: me.id, email });
      await refused(directus.request(readMe({ fields: ['password'] })), 403, 'FORBIDDEN');

      await directus.logout();
      assert.equal([...cookies.keys()].some((name) => name.endsWith('_token')), false, 'the cookie is cleared');
      assert.equal(await directus.getToken(), null);
      await refused(directus.request(readMe()), 401, 'INVALID_CREDENTIALS');
      await refused(directus.refresh(), 400, 'INVALID_PAYLOAD');
    });

    test('refreshes when it is told to, also many times at once', async () => {
      const { directus } = client(mode);
      const first = await directus.login({ email, password });
      const answers = await Promise.all([directus.refresh(), directus.refresh(), directus.refresh()]);
      assert.ok(answers.every((answer) => typeof answer.expires === 'number'));
      if (mode === 'json') {
        assert.equal(new Set(answers.map((answer) => answer.refresh_token)).size, 1, 'all have the same successor');
        assert.notEqual(answers[0].refresh_token, first.refresh_token);
      }
      const users = await Promise.all([1, 2, 3, 4].map(() => directus.request(readMe())));
      assert.ok(users.every((user) => user.email === email));
      await directus.logout();
    });

    test('refuses wrong credentials in the shape that the client knows', async () => {
      const { directus } = client(mode);
      await refused(directus.login({ email, password: 'wrong horse' }), 401, 'INVALID_CREDENTIALS');
      await refused(directus.login({ email: 'nobody', password }), 400, 'INVALID_PAYLOAD', '"email" must be a valid email');
      assert.equal(await directus.getToken(), null);
    });
  });
}

for (const mode of ['json', 'cookie']) {
  test(`mode ${mode}: the client refreshes by itself before its token expires`, async () => {
    const { directus } = client(mode);
    const { access_token: first } = await directus.login({ email, password });
    const expired = pause(TTL + 500);
    const until = Date.now() + PATIENCE;
    // The client's own timer, not a request, brings the next token.
    let next = first;
    while (next === first && Date.now() < until) {
      await pause(100);
      next = await directus.getToken();
    }
    assert.notEqual(next, first);
    await expired;
    const bare = createDirectus(url).with(staticToken(first)).with(rest());
    await refused(bare.request(readMe()), 401, 'TOKEN_EXPIRED');
    assert.equal((await directus.request(readMe())).email, email);
    await directus.logout();
  });
}

test('the commands without a client that signs in do the same', async () => {
  const bare = createDirectus(url).with(rest());
  const tokens = await bare.request(login({ email, password }, { mode: 'json' }));
  const next = await bare.request(refresh({ mode: 'json', refresh_token: tokens.refresh_token }));
  assert.notEqual(next.refresh_token, tokens.refresh_token);
  await bare.request(logout({ mode: 'json', refresh_token: next.refresh_token }));
  const again = bare.request(refresh({ mode: 'json', refresh_token: next.refresh_token }));
  await refused(again, 401, 'INVALID_CREDENTIALS');
});

test('there are no other providers', async () => {
  const providers = await createDirectus(url).with(rest()).request(readProviders());
  assert.deepEqual(providers, []);
});

describe('a static token', () => {
  let access;
  before(async () => {
    const { directus } = client('json', { autoRefresh: false });
    access = (await directus.login({ email, password })).access_token;
  });

  test('may be a JWT', async () => {
    const directus = createDirectus(url).with(staticToken(access)).with(rest());
    assert.equal((await directus.request(readMe())).email, email);
  });

  test('may be a personal access token, until that is revoked', async () => {
    const { directus: user } = client('json');
    await user.login({ email, password });
    const own = (path, method, body) => user.request(() => ({ path, method, body: body && JSON.stringify(body) }));
    const made = await own('/auth/tokens', 'POST', { name: 'the official client' });
    const directus = createDirectus(url).with(staticToken(made.token)).with(rest());
    assert.equal((await directus.request(readMe())).email, email);
    const list = directus.request(() => ({ path: '/auth/tokens', method: 'GET' }));
    await refused(list, 403, 'FORBIDDEN', 'login required');
    await own(`/auth/tokens/${made.id}`, 'DELETE');
    await refused(directus.request(readMe()), 401, 'INVALID_TOKEN');
    await user.logout();
  });

  test('that is none is refused', async () => {
    const directus = createDirectus(url).with(staticToken('nonsense')).with(rest());
    await refused(directus.request(readMe()), 401, 'INVALID_TOKEN');
  });
});

test('a second factor is set up, asked for and removed', async () => {
  const now = await step();
  const { directus } = client('json');
  await directus.login({ email, password });
  await refused(directus.request(generateTwoFactorSecret('wrong horse')), 401, 'INVALID_CREDENTIALS');
  const { secret, otpauth_url: link } = await directus.request(generateTwoFactorSecret(password));
  assert.equal(new URL(link).searchParams.get('secret'), secret);
  // Each code counts once, and those of the neighbouring steps count too: three codes at once.
  await refused(directus.request(enableTwoFactor(secret, '000000x')), 400, 'INVALID_PAYLOAD', '"otp" is invalid');
  await directus.request(enableTwoFactor(secret, code(secret, now - 1)));

  const { directus: other } = client('json');
  await refused(other.login({ email, password }), 401, 'INVALID_OTP');
  await refused(other.login({ email, password }, { otp: code(secret, now - 1) }), 401, 'INVALID_OTP');
  await other.login({ email, password }, { otp: code(secret, now) });
  await refused(other.request(disableTwoFactor(code(secret, now))), 400, 'INVALID_PAYLOAD', '"otp" is invalid');
  await other.request(disableTwoFactor(code(secret, now + 1)));
  await refused(other.request(disableTwoFactor('123456')), 400, 'INVALID_PAYLOAD');
  await other.logout();
  const { directus: without } = client('json');
  await without.login({ email, password });
  await without.logout();
});

test('GraphQL knows who asks', { skip: HAS_GRAPHQL ? false : 'the examples mount no /graphql/system yet' }, async () => {
  const { directus } = client('json');
  const user = directus.with(graphql());
  await user.login({ email, password });
  const answer = await user.query('query { users_me { id email role status } }', {}, 'system');
  assert.equal(answer.users_me.email, email);
  await user.logout();
});

// Last: it changes the password, and back.
test('a forgotten password is set anew by the link in a mail', async () => {
  const bare = createDirectus(url).with(rest());
  await bare.request(passwordRequest('nobody@example.com'));
  await refused(bare.request(passwordRequest(email, 'https://evil.example/reset')), 400, 'INVALID_PAYLOAD');
  await refused(bare.request(passwordReset('nonsense', 'another horse battery')), 403, 'INVALID_TOKEN');
  const { directus } = client('json');
  await directus.login({ email, password });

  await bare.request(passwordRequest(email));
  const token = await tokenOfMail(mailDir);
  await refused(bare.request(passwordReset(token, 'short')), 400, 'INVALID_PAYLOAD');
  const changed = 'another horse battery';
  await bare.request(passwordReset(token, changed));
  await refused(bare.request(passwordReset(token, 'a third horse battery')), 403, 'FORBIDDEN');
  await refused(directus.refresh(), 401, 'INVALID_CREDENTIALS');

  const { directus: next } = client('json');
  await refused(next.login({ email, password }), 401, 'INVALID_CREDENTIALS');
  await next.login({ email, password: changed });
  assert.equal((await next.request(readMe())).email, email);
  await next.logout();
});
