// What stands between a browser and the server, and who else is on the net.
import { createServer, request } from 'node:http';

const target = new URL(process.env.URL);

/** Listens on a port of its own. `end()` closes it with all its connections. */
async function serve(handler, host) {
  const server = createServer(handler);
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  // A test that fails ends nothing.
  server.unref();
  const { port } = server.address();
  return { origin: `http://${host}:${port}`, end: () => { server.close(); server.closeAllConnections(); } };
}

/** A page of somebody else, with nothing on it. */
export const stranger = (host) => serve((_, answer) => {
  answer.writeHead(200, { 'Content-Type': 'text/html' });
  answer.end('<!doctype html><title>somebody else</title><p>A page of somebody else.');
}, host);

/** A proxy that takes a prefix off (of several, the one that fits), and passes on what `passes(path)` says; the rest is a page of its own. */
export const proxy = (prefixes, passes = () => true) => serve((asked, answer) => {
  const prefix = [prefixes].flat().find((one) => asked.url.startsWith(one));
  const path = prefix === undefined ? null : asked.url.slice(prefix.length) || '/';
  if (path === null || !passes(path)) {
    answer.writeHead(404, { 'Content-Type': 'text/html' });
    return answer.end('<h1>Not found</h1>');
  }
  const onward = request({ host: target.hostname, port: target.port, path, method: asked.method, headers: asked.headers }, (reply) => {
    answer.writeHead(reply.statusCode, reply.headers);
    reply.pipe(answer);
  });
  onward.on('error', () => answer.writeHead(502).end());
  return asked.pipe(onward);
}, '127.0.0.1');
