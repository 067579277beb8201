// The way from RunPod's public address to an exposed TCP port: bytes, and another port number outside.
import net from 'node:net';

/** Listens on `address`:`port` and passes everything on to 127.0.0.1:`to`. */
export async function startTcpForwarder({ address, port, to }) {
  const open = new Set();
  const server = net.createServer((outside) => {
    const inside = net.connect(to, '127.0.0.1');
    for (const socket of [outside, inside]) {
      open.add(socket);
      socket.on('close', () => open.delete(socket));
    }
    const end = () => (outside.destroy(), inside.destroy());
    outside.on('error', end);
    inside.on('error', end);
    outside.pipe(inside).pipe(outside);
  });
  await new Promise((resolve, reject) => server.listen(port, address, resolve).once('error', reject));
  return {
    close: () => new Promise((resolve) => {
      for (const socket of open) socket.destroy();
      server.close(resolve);
    }),
  };
}
