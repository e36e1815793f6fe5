// Who is signed in. The refresh token is in a cookie that no script can read; the access token is in this module's memory
// and nowhere else, so that it ends with the tab.
import { NoCookies, OtherIdentity, Refusal, SignedOut, base, send } from './api.js';

/** How long before its end a token is replaced, at most. */
const LEAD = 30_000;
/** Timers take no more (2^31 ms). */
const LONGEST = 2_147_483_647;

let access = null;
let renewing = null;
let timer;
let failures = 0;
/** Counts sign-outs: what was asked for before one is not for whoever comes after it. */
let turn = 0;

/** What the page shows of the session. Times are milliseconds since 1970. */
export const session = { claims: null, renewsAt: 0, lifetime: 0 };

/** `renewed`, `ended` (by anybody else), `elsewhere` (another tab signed in) and `replaced` (by somebody else, there). */
export const events = new EventTarget();

// Those of the same API alone: a neighbour on this origin has sessions of its own.
const tabs = new BroadcastChannel(`auth-console ${base.href}`);
tabs.addEventListener('message', ({ data }) => {
  if (data === 'signed-out' && access) end();
  if (data === 'signed-in' && !access) events.dispatchEvent(new Event('elsewhere'));
  // Perhaps as somebody else: the cookie tells.
  if (data === 'signed-in' && access) renew().catch(() => {});
});

/** Whether the browser says that it keeps cookies. Chromium says so whatever it does, and tells by refusing storage. */
export function mayKeepCookies() {
  try {
    return sessionStorage.length >= 0 && navigator.cookieEnabled;
  } catch {
    return false;
  }
}

/** Signs in. The first refresh follows at once: it tells whether the browser keeps the cookie. */
export async function signIn(email, password, otp) {
  const body = { email, password, mode: 'cookie', ...(otp ? { otp } : {}) };
  take((await send('POST', 'auth/login', { body })).data);
  try {
    await renew();
  } catch (error) {
    if (error instanceof NoCookies) await abandon();
    // The login went well: a server that is away a moment later is asked again, as for any other token.
    if (isOver(error)) throw error;
  }
  tabs.postMessage('signed-in');
}

/** Whether a renewal failed for good. */
const isOver = (error) => [NoCookies, OtherIdentity, SignedOut].some((kind) => error instanceof kind)
  || (error instanceof Refusal && error.status === 401);

/** The next token after a change that went well, which it would not do to call failed: without one, the timer asks again. */
export async function renewAfterwards() {
  try {
    await renew();
  } catch (error) {
    console.error(error);
  }
}

/** Goes on with the session of the cookie. False when there is none. */
export async function resume() {
  try {
    take((await send('POST', 'auth/refresh', { body: { mode: 'cookie' } })).data);
    return true;
  } catch (error) {
    if (error instanceof Refusal && [400, 401].includes(error.status)) return false;
    throw error;
  }
}

/** The next access token. Whoever asks while one is on its way waits for that; other tabs get the same by the server. */
export function renew() {
  if (renewing) return renewing;
  const own = renewed(turn).finally(() => {
    if (renewing === own) renewing = null;
  });
  renewing = own;
  return own;
}

async function renewed(of) {
  try {
    const { data } = await send('POST', 'auth/refresh', { body: { mode: 'cookie' } });
    if (of !== turn) throw new SignedOut();
    const before = session.claims?.id;
    take(data);
    failures = 0;
    if (before !== undefined && before !== session.claims.id) {
      // What the one was about to do must not be done as the other.
      events.dispatchEvent(new Event('replaced'));
      throw new OtherIdentity();
    }
    events.dispatchEvent(new Event('renewed'));
  } catch (error) {
    if (of !== turn) throw new SignedOut();
    if (error instanceof Refusal && error.status === 400) throw new NoCookies();
    if (error instanceof Refusal && error.status === 401) end();
    throw error;
  }
}

/** A request of whoever is signed in. A token that has expired is replaced, and nobody notices. */
export async function call(method, path, body) {
  if (!access) await renew();
  const [of, id] = [turn, session.claims?.id];
  try {
    return await send(method, path, { body, token: access });
  } catch (error) {
    const isStale = error instanceof Refusal && error.status === 401 && ['TOKEN_EXPIRED', 'INVALID_TOKEN'].includes(error.code);
    if (!isStale) throw error;
    try {
      await renew();
    } catch (cause) {
      if (cause instanceof NoCookies) end();
      throw cause;
    }
    // Another tab may have signed somebody else in meanwhile, and what one has asked for is not done as the other.
    if (of !== turn) throw new SignedOut();
    if (session.claims?.id !== id) throw new OtherIdentity();
    return send(method, path, { body, token: access });
  }
}

/** Ends the session, here and in the other tabs. */
export async function signOut() {
  // The cookie of a tab that was asleep may be somebody else's by now, whose session is not this one's to end.
  if (access && !renewing) {
    await renew().catch((error) => {
      if (error instanceof OtherIdentity) throw error;
    });
  }
  await leave();
}

async function leave() {
  await send('POST', 'auth/logout', { body: { mode: 'cookie' } }).catch((error) => {
    // There is nothing left to end.
    if (!(error instanceof Refusal && error.status === 400)) throw error;
  });
  forget();
  tabs.postMessage('signed-out');
}

/** Ends every session of the user, this one last. */
export async function signOutEverywhere() {
  await call('DELETE', 'auth/sessions');
  await leave();
}

function take({ access_token: token, expires }) {
  access = token;
  session.claims = claimsOf(token);
  session.lifetime = expires;
  session.renewsAt = Date.now() + expires - Math.min(LEAD, expires / 5);
  plan(session.renewsAt - Date.now());
}

function plan(wait) {
  clearTimeout(timer);
  timer = setTimeout(() => { silently(); }, Math.min(Math.max(wait, 0), LONGEST));
}

async function silently() {
  if (!access) return;
  if (Date.now() < session.renewsAt) return plan(session.renewsAt - Date.now());
  try {
    await renew();
  } catch (error) {
    if (error instanceof NoCookies) return end();
    if (!access || error instanceof OtherIdentity) return;
    // The server is away or busy: soon again, then less often.
    failures += 1;
    plan((error.retryAfter ?? Math.min(60, 2 ** failures)) * 1000);
  }
}

// Timers stand still while a computer sleeps.
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) silently();
});

function end() {
  forget();
  events.dispatchEvent(new Event('ended'));
}

function forget() {
  turn += 1;
  access = null;
  renewing = null;
  session.claims = null;
  clearTimeout(timer);
}

/** Leaves no session behind that this browser could not end. */
async function abandon() {
  const token = access;
  forget();
  try {
    const { data } = await send('GET', 'auth/sessions', { token });
    const own = data.find((one) => one.current);
    if (own) await send('DELETE', `auth/sessions/${encodeURIComponent(own.id)}`, { token });
  } catch {
    // It ends by itself when it expires.
  }
}

/** What the token says, only to show it: the server decides. */
function claimsOf(token) {
  try {
    const part = token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/');
    return JSON.parse(atob(part));
  } catch {
    return {};
  }
}
