// A TLS front that treats requests as Cloudflare and RunPod's balancer do: the Host that arrives at the pod is an
// internal address, forwarding headers are added, WebSockets pass.
import https from 'node:https';
import http from 'node:http';
import net from 'node:net';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const internalHost = '100.65.17.4:60123';

function makeCertificate() {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'clawgate-tls-'));
  try {
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes',
      '-days', '2', '-subj', '/CN=*.proxy.runpod.net', '-addext', 'subjectAltName=DNS:*.proxy.runpod.net',
      '-keyout', path.join(dir, 'key.pem'), '-out', path.join(dir, 'cert.pem')], { stdio: 'ignore' });
    return { key: readFileSync(path.join(dir, 'key.pem')), cert: readFileSync(path.join(dir, 'cert.pem')) };
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/**
 * `visitor` is the address the front pretends its clients have. Requests for https://{pod}-{port}.proxy.runpod.net
 * go to 127.0.0.1:{port}; any other name goes to `defaultPort`.
 */
export async function startRunpodFront({ podId, visitor, defaultPort }) {
  const tls = makeCertificate();
  const open = new Set();

  const targetPort = (request) => {
    const match = /^(.+)-(\d+)\.proxy\.runpod\.net(?::\d+)?$/.exec(request.headers.host ?? '');
    if (!match) return defaultPort;
    return match[1] === podId ? Number(match[2]) : 0;
  };

  // Name and value pairs as they arrived, changed as the proxies would.
  const forwarded = (request) => {
    const lines = [];
    const came = [];
    for (let i = 0; i < request.rawHeaders.length; i += 2) {
      const [name, value] = [request.rawHeaders[i], request.rawHeaders[i + 1]];
      const key = name.toLowerCase();
      if (key === 'host') lines.push(['Host', internalHost]);
      else if (key === 'x-forwarded-for') came.push(value);
      else if (key !== 'x-forwarded-proto' && key !== 'cf-connecting-ip') lines.push([name, value]);
    }
    lines.push(['X-Forwarded-For', [...came, visitor].join(', ')], ['X-Forwarded-Proto', 'https'],
      ['CF-Connecting-IP', visitor], ['CF-Ray', '8f00d00df00d0000-GRU'], ['CF-Visitor', '{"scheme":"https"}'],
      ['CDN-Loop', 'cloudflare; loops=1']);
    return lines;
  };

  const server = https.createServer(tls, (request, response) => {
    const upstream = http.request({ host: '127.0.0.1', port: targetPort(request), method: request.method,
      path: request.url, headers: forwarded(request).flat(), setHost: false });
    upstream.on('response', (answer) => {
      response.writeHead(answer.statusCode, answer.statusMessage, answer.rawHeaders);
      answer.pipe(response);
      answer.on('error', () => response.destroy());
    });
    upstream.on('error', () => {
      if (!response.headersSent) response.writeHead(502);
      response.end();
    });
    response.on('close', () => upstream.destroy());
    request.pipe(upstream);
  });

  server.on('upgrade', (request, downstream, head) => {
    const upstream = net.connect(targetPort(request), '127.0.0.1', () => {
      const lines = forwarded(request).map(([name, value]) => `${name}: ${value}\r\n`).join('');
      upstream.write(`${request.method} ${request.url} HTTP/1.1\r\n${lines}\r\n`);
      upstream.write(head);
      upstream.pipe(downstream).pipe(upstream);
    });
    const end = () => (upstream.destroy(), downstream.destroy());
    upstream.on('error', end).on('close', end);
    downstream.on('error', end).on('close', end);
  });
  server.on('connection', (socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
  });
  server.on('tlsClientError', () => {});

  await new Promise((resolve, reject) => server.listen(0, '127.0.0.1', resolve).once('error', reject));
  return {
    port: server.address().port,
    ca: tls.cert,
    internalHost,
    visitor,
    origin: (port) => `https://${podId}-${port}.proxy.runpod.net`,
    close: () => new Promise((resolve) => {
      for (const socket of open) socket.destroy();
      server.close(resolve);
    }),
  };
}
