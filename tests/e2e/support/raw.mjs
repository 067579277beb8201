// Bytes to a port and bytes back, for requests that no library would send.
import net from 'node:net';

/**
 * Sends `bytes` and reads until the peer closes, or what came matches `enough`. `closed` is false when the peer had
 * not closed by then, or at the deadline.
 */
export function exchange(port, bytes, { within = 10_000, enough = null } = {}) {
  return new Promise((resolve, reject) => {
    const chunks = [];
    const socket = net.connect(port, '127.0.0.1', () => socket.write(bytes));
    const finish = (closed) => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ closed, text: Buffer.concat(chunks).toString('latin1') });
    };
    const timer = setTimeout(() => finish(false), within);
    socket.on('data', (data) => {
      chunks.push(data);
      if (enough?.test(Buffer.concat(chunks).toString('latin1'))) finish(false);
    });
    socket.on('end', () => finish(true));
    socket.on('error', (error) => {
      if (error.code === 'ECONNRESET') finish(true);
      else {
        clearTimeout(timer);
        reject(error);
      }
    });
  });
}

export function statusOf(text) {
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0);
}
