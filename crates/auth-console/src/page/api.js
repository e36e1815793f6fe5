// Requests to the public routes, and what may become of them.
const meta = (name) => document.querySelector(`meta[name="${name}"]`)?.content ?? '';

// Read before anything changes the address of the page.
const folder = meta('auth-api') || '.';
export const base = new URL(folder.endsWith('/') ? folder : `${folder}/`, document.baseURI);
export const home = new URL(meta('console-home') || '.', document.baseURI);

/** The API refused a request, in its own words. */
export class Refusal extends Error {
  constructor(status, { message, extensions = {} }, headers) {
    super(message ?? '');
    this.status = status;
    this.code = extensions.code;
    this.reason = extensions.reason ?? '';
    this.retryAfter = Number(headers.get('Retry-After')) || undefined;
    /** The methods that the path has, where it has not this one. */
    this.allow = headers.get('Allow')?.split(/, ?/);
  }
}

/** Something answered, and it is not the API: `status`, and whether it sent a page. */
export class NotTheApi extends Error {
  constructor(url, status, isPage) {
    super(`${url} answered ${status}`);
    this.url = url;
    this.status = status;
    this.isPage = isPage;
  }
}

/** Nothing answered. */
export class Unreachable extends Error {}

/** The browser kept no cookie. */
export class NoCookies extends Error {}

/** Another tab of this browser signed in as somebody else. */
export class OtherIdentity extends Error {}

/** Nobody is signed in any more. */
export class SignedOut extends Error {}

/** Sends one request. Gives the parsed body, or null for an empty one. */
export async function send(method, path, { body, token } = {}) {
  const url = new URL(path, base);
  const headers = { Accept: 'application/json' };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (token) headers.Authorization = `Bearer ${token}`;
  let response;
  try {
    response = await fetch(url, {
      method, headers, body: body === undefined ? undefined : JSON.stringify(body), credentials: 'same-origin', cache: 'no-store',
    });
  } catch {
    throw new Unreachable(String(url));
  }
  if (response.status === 204) return null;
  const type = response.headers.get('Content-Type') ?? '';
  const json = type.includes('json') ? await response.json().catch(() => null) : null;
  if (response.ok && json !== null) return json;
  const error = json?.errors?.[0];
  if (error?.extensions?.code) throw new Refusal(response.status, error, response.headers);
  throw new NotTheApi(url, response.status, type.includes('html'));
}

/** Whether a route is not there, or not for this user: then its part of the page is not there either. */
export const isAbsent = (error) =>
  (error instanceof NotTheApi && error.status === 404) ||
  (error instanceof Refusal && [403, 404, 405].includes(error.status));

const known = new Map();

/**
 * The methods of a path, as it lists them when it is asked with one that it has not; none of a path that is not there. Null
 * when the answer does not tell: in front of it, a CORS layer answers every OPTIONS.
 */
export function methodsOf(path, asked = 'OPTIONS') {
  if (!known.has(path)) {
    known.set(path, send(asked, path).then(() => null, (error) => (error.status === 404 ? [] : error.allow ?? null)));
  }
  return known.get(path);
}
