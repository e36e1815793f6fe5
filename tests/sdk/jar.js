/** A fetch that keeps cookies, as browsers do for one origin: by name, until they are cleared. */
export function jar() {
  const cookies = new Map();
  const keep = (line) => {
    const [pair, ...attributes] = line.split('; ');
    const at = pair.indexOf('=');
    const name = pair.slice(0, at);
    if (attributes.includes('Max-Age=0')) cookies.delete(name);
    else cookies.set(name, pair.slice(at + 1));
  };
  const withCookies = async (url, options = {}) => {
    const headers = new Headers(options.headers);
    if (options.credentials === 'include' && cookies.size > 0) {
      headers.set('Cookie', [...cookies].map(([name, value]) => `${name}=${value}`).join('; '));
    }
    const response = await fetch(url, { ...options, headers });
    if (options.credentials === 'include') response.headers.getSetCookie().forEach(keep);
    return response;
  };
  return { fetch: withCookies, cookies };
}
