// Free ports below the ephemeral range, so that no outgoing connection of somebody else takes one meanwhile.
import net from 'node:net';
import { randomInt } from 'node:crypto';

function isFree(port) {
  return new Promise((resolve) => {
    const probe = net.createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ port, host: '127.0.0.1', exclusive: true }, () => probe.close(() => resolve(true)));
  });
}

const given = new Set(); // whoever has them need not listen yet

/** First port of `count` consecutive free ones, which nobody else of this process gets. */
export async function freePorts(count) {
  for (let attempt = 0; attempt < 200; attempt++) {
    const first = randomInt(23_000, 31_900 - count);
    const ports = Array.from({ length: count }, (_, i) => first + i);
    if (ports.some((port) => given.has(port)) || !(await Promise.all(ports.map(isFree))).every(Boolean)) continue;
    for (const port of ports) given.add(port);
    return first;
  }
  throw new Error(`no ${count} consecutive free ports`);
}
