// A forwarder that cuts connections on which the server says nothing for a while, as proxies and load balancers do.
import net from 'node:net';

/** `cut()` tells how many connections it has cut so far. */
export async function startIdleCutter({ target, idleMs }) {
  const open = new Set();
  let cuts = 0;
  const server = net.createServer((downstream) => {
    const upstream = net.connect(target, '127.0.0.1');
    const end = () => (clearTimeout(timer), downstream.destroy(), upstream.destroy(), open.delete(end));
    open.add(end);
    const cut = () => (cuts++, end());
    let timer = setTimeout(cut, idleMs);
    const restart = () => (clearTimeout(timer), timer = setTimeout(cut, idleMs));
    downstream.on('data', restart); // a request that is just beginning
    upstream.on('data', restart);
    downstream.pipe(upstream).pipe(downstream);
    for (const socket of [downstream, upstream]) socket.on('error', end).on('close', end);
  });
  await new Promise((resolve, reject) => server.listen(0, '127.0.0.1', resolve).once('error', reject));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    cuts: () => cuts,
    close: () => new Promise((resolve) => {
      for (const end of [...open]) end();
      server.close(resolve);
    }),
  };
}
