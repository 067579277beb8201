// A client of OpenClaw's protocol that is not a browser: with a device identity of its own, and neither cookie nor
// Origin unless told.
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { load } from './modules.mjs';
import { withDeadline } from './wait.mjs';

const scopes = ['operator.read'];

export function deviceIdentity() {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32);
  return { id: createHash('sha256').update(raw).digest('hex'), publicKey: raw.toString('base64url'), privateKey };
}

// What OpenClaw's protocol, version 4, has a device sign. The password is not part of it, the token is.
function deviceBlock(identity, auth, nonce) {
  const signedAt = Date.now();
  const text = ['v3', identity.id, 'cli', 'cli', 'operator', scopes.join(','), signedAt,
    auth.token ?? auth.deviceToken ?? '', nonce, 'linux', ''].join('|');
  return { id: identity.id, publicKey: identity.publicKey, nonce, signedAt,
    signature: sign(null, Buffer.from(text), identity.privateKey).toString('base64url') };
}

/**
 * Connects as the device `identity`, authenticates, calls `method` and closes. Resolves to what happened: {status} when
 * the upgrade was refused, {code, reason, error} when the socket was closed or `connect` refused, {hello, result} when
 * all went well.
 */
export function call(url, { auth = {}, headers = {}, method = 'health', params = {}, options = {}, within = 30_000,
  identity = deviceIdentity() } = {}) {
  const { WebSocket } = load('ws');
  const outcome = {};
  const finished = new Promise((resolve, reject) => {
    const socket = new WebSocket(url, { headers, perMessageDeflate: false, ...options });
    const send = (id, name, params) => socket.send(JSON.stringify({ type: 'req', id, method: name, params }));
    socket.on('unexpected-response', (request, response) => {
      response.resume();
      request.destroy();
      resolve({ status: response.statusCode });
    });
    socket.on('error', reject);
    socket.on('close', (code, reason) => resolve({ ...outcome, code, reason: reason.toString() }));
    socket.on('message', (data) => {
      const message = JSON.parse(data);
      if (message.event === 'connect.challenge') {
        send('connect', 'connect', { minProtocol: 4, maxProtocol: 4,
          client: { id: 'cli', version: '2026.9.6', platform: 'linux', mode: 'cli' }, role: 'operator', scopes,
          device: deviceBlock(identity, auth, message.payload.nonce), caps: [], auth });
      } else if (message.id === 'connect' && message.ok) {
        outcome.hello = message.payload;
        send('call', method, params);
      } else if (message.id === 'connect') {
        outcome.error = message.error;
      } else if (message.id === 'call') {
        outcome.result = message;
        socket.close(1000);
      }
    });
  });
  return withDeadline(`a WebSocket call of ${method}`, finished, within);
}
