// Programs instead of people: the real curl, and raw bytes where curl is too polite.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createHash } from 'node:crypto';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, truncateSync, writeFileSync, existsSync } from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { stack, noStack, agent, buildDir, readText } from './support/stack.mjs';
import { missing } from './support/modules.mjs';
import { curl, json } from './support/curl.mjs';
import { exchange, statusOf } from './support/raw.mjs';
import { startPlainGateway } from './support/plain_gateway.mjs';
import { startRunpodFront } from './support/runpod_front.mjs';
import { peakMemory } from './support/processes.mjs';
import { until } from './support/wait.mjs';

const upgrade = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='];

/** {"error":{"code","message","hint"}}, never stored. */
function assertError(answer, status) {
  assert.equal(answer.status, status, answer.body);
  assert.match(answer.headers.get('content-type'), /^application\/json/);
  assert.match(answer.headers.get('cache-control'), /no-store/);
  const { error } = json(answer);
  for (const name of ['code', 'message', 'hint']) assert.equal(typeof error[name], 'string', name);
  return error;
}

describe('Curl', { skip: noStack || missing('openclaw') }, () => {
  const at = (target, number = 1) => `http://127.0.0.1:${agent(number).port}${target}`;
  const own = () => `http://127.0.0.1:${agent(1).port}`;
  const turn = JSON.stringify({ model: 'openclaw', messages: [{ role: 'user', content: 'Say something.' }] });
  const jsonType = 'Content-Type: application/json';

  test('WithoutACredentialNothingIsServed', async () => {
    for (const target of ['/', '/assets/index.js', '/sw.js', '/control-ui-config.json', '/api/channels', '/favicon.svg'])
      assertError(await curl(at(target)), 401);
    assertError(await curl(at('/v1/chat/completions'), { data: turn, header: jsonType }), 401);
    assertError(await curl(at('/browser/screencast?token=x'), { header: upgrade, 'max-time': 10 }), 401);
  });

  test('ANavigationWithoutACredentialIsSentToTheLoginPage', async () => {
    for (const header of [['Accept: text/html'], ['Sec-Fetch-Mode: navigate', 'Accept: */*']]) {
      const answer = await curl(at('/overview'), { header });
      assert.equal(answer.status, 303);
      assert.equal(answer.headers.get('location'), '/_gateway/login?next=%2Foverview');
    }
    // The dashboard asks so whether its session has ended.
    assert.equal((await curl(at('/control-ui-config.json'), { head: true })).status, 302);
  });

  test('BasicWithAnyUserNameAndBearerReachTheAgentsOwnApi', async () => {
    for (const credential of [{ user: `:${stack.password}` }, { user: `somebody:${stack.password}` },
      { header: `Authorization: Bearer ${stack.password}` }]) {
      const answer = await curl(at('/v1/chat/completions'),
        { ...credential, data: turn, header: [credential.header, jsonType].flat().filter(Boolean) }, { within: 90_000 });
      assert.equal(answer.status, 200, answer.body);
      assert.match(json(answer).choices[0].message.content, /canned answer/);
    }
    assert.equal((await curl(at('/control-ui-config.json'), { user: `:${stack.password}` })).status, 200);
  });

  test('ElevenWrongPasswordsLockTheirClientAndNobodyElse', async () => {
    const from = (address, credential = {}) => curl(at('/control-ui-config.json'),
      { ...credential, header: [`CF-Connecting-IP: ${address}`, `X-Forwarded-For: ${address}`] });
    const guesser = '198.51.100.101';

    const login = await curl(at('/_gateway/login'), { 'data-urlencode': [`password=${stack.password}`, 'next=/'] });
    assert.equal(login.status, 303);
    const cookie = { cookie: login.headers.get('set-cookie').split(';')[0] };

    // The same wrong password again is one guess.
    for (let i = 0; i < 12; i++) assertError(await from('198.51.100.102', { user: ':the-same-guess' }), 401);

    let locked;
    for (let i = 1; i <= 11; i++) {
      const answer = await from(guesser, { user: `:guess-${i}` });
      if (i < 10) assertError(answer, 401);
      locked = answer;
    }
    assertError(locked, 429);
    assert.match(locked.headers.get('retry-after'), /^[1-9]\d*$/);
    assertError(await from(guesser, { user: `:${stack.password}` }), 429);

    assert.equal((await from('198.51.100.103', { user: `:${stack.password}` })).status, 200);
    // The valid session passes the lock; that the agent then wants a Bearer is its own affair.
    const session = await curl(at('/sw.js'), { ...cookie, header: [`CF-Connecting-IP: ${guesser}`] });
    assert.equal(session.status, 200);
  });

  test('AWrongPasswordOnTheLoginPageIsRefusedWithThePage', async () => {
    const wrong = { 'data-urlencode': ['password=not-the-password', 'next=/'] };
    const page = await curl(at('/_gateway/login'), { ...wrong, header: 'Accept: text/html' });
    assert.equal(page.status, 401);
    assert.match(page.headers.get('content-type'), /^text\/html/);
    assert.match(page.body, /role="alert"/);
    assert.equal(page.headers.get('set-cookie'), null);
    assertError(await curl(at('/_gateway/login'), wrong), 401);
  });

  test('TheLoginLeadsToLocalPathsOnly', async () => {
    for (const next of ['https://evil.example/', '//evil.example/', '/\\evil.example/', '/%2f/evil.example']) {
      const answer = await curl(at('/_gateway/login'), { 'data-urlencode': [`password=${stack.password}`, `next=${next}`] });
      assert.equal(answer.status, 303);
      assert.match(answer.headers.get('location'), /^\/(?![/\\%])/);
    }
  });

  test('AForeignOriginIsRefusedByNameWithTheAllowedOnes', async () => {
    const credential = { user: `:${stack.password}` };
    for (const origin of ['https://evil.example', `https://otherpod-${agent(1).port}.proxy.runpod.net`,
      `https://${stack.podId}-${agent(2).port}.proxy.runpod.net`, `http://127.0.0.1:${agent(2).port}`, 'null']) {
      for (const answer of [
        await curl(at('/'), { ...credential, header: [...upgrade, `Origin: ${origin}`], 'max-time': 10 }),
        await curl(at('/tools/invoke'), { ...credential, data: '{}', header: [jsonType, `Origin: ${origin}`] }),
      ]) {
        const error = assertError(answer, 403);
        const text = `${error.message} ${error.hint}`;
        assert.ok(text.includes(origin), `names ${origin}: ${text}`);
        assert.ok(text.includes(`https://${stack.podId}-${agent(1).port}.proxy.runpod.net`), text);
      }
    }
    const login = await curl(at('/_gateway/login'),
      { 'data-urlencode': [`password=${stack.password}`], header: 'Origin: https://evil.example' });
    assert.notEqual(login.status, 303);
    assert.equal(login.headers.get('set-cookie'), null);
  });

  test('AnOwnOriginMayUpgradeWithTheWebPassword', async () => {
    const answer = await exchange(agent(1).port, `GET / HTTP/1.1\r\nHost: 127.0.0.1:${agent(1).port}\r\n`
      + `Origin: ${own()}\r\nAuthorization: Basic ${Buffer.from(`:${stack.password}`).toString('base64')}\r\n`
      + `${upgrade.join('\r\n')}\r\n\r\n`, { enough: /connect\.challenge/ });
    assert.equal(statusOf(answer.text), 101);
    assert.match(answer.text, /connect\.challenge/);
  });

  test('APreflightFromAForeignOriginGetsNoAllowHeaders', async () => {
    const ask = (origin) => curl(at('/tools/invoke'), { request: 'OPTIONS', header: [`Origin: ${origin}`,
      'Access-Control-Request-Method: POST', 'Access-Control-Request-Headers: authorization, content-type'] });
    const foreign = await ask('https://evil.example');
    assert.equal(foreign.status, 204);
    assert.deepEqual([...foreign.headers.keys()].filter((name) => name.startsWith('access-control-')), []);
    const allowed = await ask(`https://${stack.ownHost}`);
    assert.equal(allowed.status, 204);
    assert.equal(allowed.headers.get('access-control-allow-origin'), `https://${stack.ownHost}`);
  });

  const host = () => `Host: 127.0.0.1:${agent(1).port}\r\n`;
  const smuggling = {
    NoHost: () => 'GET /ping HTTP/1.1\r\n\r\n',
    TwoHosts: () => `GET /ping HTTP/1.1\r\n${host()}${host()}\r\n`,
    ContentLengthWithTransferEncoding: () => `POST /ping HTTP/1.1\r\n${host()}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    TwoContentLengths: () => `POST /ping HTTP/1.1\r\n${host()}Content-Length: 1\r\nContent-Length: 2\r\n\r\nx`,
    AListOfContentLengths: () => `POST /ping HTTP/1.1\r\n${host()}Content-Length: 1, 1\r\n\r\nx`,
    ASignedContentLength: () => `POST /ping HTTP/1.1\r\n${host()}Content-Length: +1\r\n\r\nx`,
    AnUnknownTransferEncoding: () => `POST /ping HTTP/1.1\r\n${host()}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`,
    GzipTransferEncoding: () => `POST /ping HTTP/1.1\r\n${host()}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
    ChunkedTwice: () => `POST /ping HTTP/1.1\r\n${host()}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ChunkedInHttp10: () => `POST /ping HTTP/1.0\r\n${host()}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    AFoldedField: () => `GET /ping HTTP/1.1\r\n${host()}X-A: b\r\n c\r\n\r\n`,
    ABareLineFeed: () => `GET /ping HTTP/1.1\n${host()}\r\n`,
    ANulInAField: () => `GET /ping HTTP/1.1\r\n${host()}X-A: b\0c\r\n\r\n`,
    ASpaceBeforeTheColon: () => `GET /ping HTTP/1.1\r\n${host()}Content-Length : 0\r\n\r\n`,
    AbsoluteForm: () => `GET http://127.0.0.1:${agent(1).port}/ping HTTP/1.1\r\n${host()}\r\n`,
    ASpaceInTheTarget: () => `GET /ping x HTTP/1.1\r\n${host()}\r\n`,
  };
  for (const [name, bytes] of Object.entries(smuggling)) {
    test(`AHeadWith${name}Gets400AndTheConnectionEnds`, async () => {
      // A second request behind it must not be answered.
      const { text, closed } = await exchange(agent(1).port, `${bytes()}GET /ping HTTP/1.1\r\n${host()}\r\n`);
      assert.equal(statusOf(text), 400, text.slice(0, 200));
      assert.equal(closed, true);
      assert.equal(text.match(/HTTP\/1\.1 /g).length, 1, text);
    });
  }

  test('AnOversizedHeadIsRefused', async () => {
    const { text } = await exchange(agent(1).port, `GET /ping HTTP/1.1\r\n${host()}X-A: ${'a'.repeat(64 * 1024)}\r\n\r\n`);
    assert.ok([400, 431].includes(statusOf(text)), text.slice(0, 200));
  });

  test('TheVisitorsAddressComesFromTheFrontAndCannotBeForged', async () => {
    const front = await startRunpodFront({ podId: stack.podId, visitor: '198.51.100.55', defaultPort: agent(1).port });
    const target = `/ping?case=forged-${process.pid}`;
    try {
      const answer = await curl(`${front.origin(agent(1).port)}${target}`, { insecure: true,
        'connect-to': `::127.0.0.1:${front.port}`, header: ['X-Forwarded-For: 203.0.113.9', 'CF-Connecting-IP: 203.0.113.9'] });
      assert.equal(answer.status, 200);
      const line = await until('the access line', () =>
        readText(stack.gatewayLog).split('\n').find((each) => each.includes(target)));
      assert.match(line, /198\.51\.100\.55/);
      assert.doesNotMatch(line, /203\.0\.113\.9/);
    } finally {
      await front.close();
    }
  });

  test('EveryRequestLeavesAnAccessLineAndNoneTellsASecret', async () => {
    const mark = `mark-${process.pid}`;
    await curl(at(`/assets/${mark}?token=abcdefgh1234&q=1`));
    await curl(at(`/${mark}`), { user: `:${stack.password}` });
    await curl(at(`/_gateway/${mark}`));
    const lines = await until('three access lines', () => {
      const found = readText(stack.gatewayLog).split('\n').filter((line) => line.includes(mark));
      return found.length >= 3 && found;
    });
    assert.equal(lines.length, 3);
    assert.ok(lines.every((line) => !line.includes('abcdefgh1234')));
  });

  test('OnTheControlPortThereIsNoAgent', async () => {
    const control = `http://127.0.0.1:${stack.controlPort}`;
    assertError(await curl(`${control}/control-ui-config.json`, { user: `:${stack.password}` }), 404);
    assert.equal((await curl(`${control}/`, { header: 'Accept: text/html' })).status, 303);
    const opened = await curl(`${control}/_gateway/open/1`, { data: '' });
    assert.ok([401, 303].includes(opened.status));
    assert.doesNotMatch(opened.headers.get('location') ?? '', /ticket/);
  });
});

describe('CurlThroughAPlainGateway', { skip: !existsSync(path.join(buildDir, 'clawgate')) && 'the gateway is not built' }, () => {
  const megabytes100 = 100 * 1024 * 1024;
  const allowedGrowth = 24 * 1024 * 1024;
  let gateway, onRequest, files;

  before(async () => {
    files = mkdtempSync(path.join(os.tmpdir(), 'clawgate-files-'));
    gateway = await startPlainGateway({ onRequest: (request, response) => onRequest(request, response) });
  });
  after(async () => {
    rmSync(files, { recursive: true, force: true });
    assert.equal(await gateway?.stop(), true, 'the gateway ends by itself on SIGTERM');
  });
  const login = () => ({ user: `:${gateway.password}` });

  test('AHundredMegabytesGoUpWithFlatMemory', async () => {
    const file = path.join(files, 'zeros');
    writeFileSync(file, '');
    truncateSync(file, megabytes100);
    const zeros = createHash('sha256').update(Buffer.alloc(megabytes100)).digest('hex');
    await curl(gateway.url(1, '/test/upload'), { ...login(), data: 'first' });
    const before = peakMemory(gateway.pid);
    for (const header of [[], ['Transfer-Encoding: chunked']]) {
      const answer = await curl(gateway.url(1, '/test/upload'), { ...login(), 'upload-file': file, request: 'POST', header });
      assert.equal(answer.status, 200, answer.body);
      assert.equal(json(answer).body_bytes, megabytes100);
      assert.equal(json(answer).body_sha256, zeros);
    }
    assert.ok(peakMemory(gateway.pid) - before < allowedGrowth, `grew from ${before} to ${peakMemory(gateway.pid)} bytes`);
  });

  test('AHundredMegabytesComeDownWithFlatMemory', async () => {
    await curl(gateway.url(1, '/test/body?bytes=1000'), { ...login() });
    const before = peakMemory(gateway.pid);
    for (const mode of ['length', 'chunked', 'close']) {
      const file = path.join(files, mode);
      const answer = await curl(gateway.url(1, `/test/body?bytes=${megabytes100}&chunk=65536&mode=${mode}`),
        { ...login(), output: file, include: false, 'write-out': '%{http_code} %{size_download}' }, { keep: false });
      assert.equal(answer.body, `200 ${megabytes100}`);
    }
    assert.ok(peakMemory(gateway.pid) - before < allowedGrowth, `grew from ${before} to ${peakMemory(gateway.pid)} bytes`);
  });

  test('ABodyOverTheLimitGets413', async () => {
    const file = path.join(files, 'too-large');
    writeFileSync(file, '');
    truncateSync(file, megabytes100 + 1);
    for (const header of [[], ['Transfer-Encoding: chunked']])
      assert.equal((await curl(gateway.url(1, '/test/upload'), { ...login(), 'upload-file': file, request: 'POST', header })).status, 413);
  });

  test('EventsArriveOneByOne', async () => {
    // The next event is sent only when curl has printed the one before: held-back bytes would wait for ever.
    let stream;
    onRequest = (request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      stream = response;
    };
    const child = spawn('curl', ['--disable', '--config', '-'], { stdio: ['pipe', 'pipe', 'inherit'] });
    child.stdin.end(`url = "${gateway.url(2, '/events')}"\nsilent\nno-buffer\nnoproxy = "*"\nuser = ":${gateway.password}"\n`);
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (data) => { text += data; });
    try {
      await until('the request at the agent', () => stream);
      for (let n = 1; n <= 5; n++) {
        stream.write(`data: event ${n}\n\n`);
        await until(`event ${n}`, () => text.endsWith(`data: event ${n}\n\n`));
      }
      const ended = once(child, 'close');
      stream.end();
      assert.deepEqual(await ended, [0, null]);
    } finally {
      child.kill();
    }
  });

  test('TheHeadArrivesBeforeTheFirstByteOfTheBody', async () => {
    let stream;
    onRequest = (request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.flushHeaders();
      stream = response;
    };
    const answer = await fetch(gateway.url(2, '/head-first'), { headers: { authorization: `Bearer ${gateway.password}` } });
    assert.equal(answer.status, 200); // so the head is here, and the body has not begun
    stream.end('late');
    assert.equal(await answer.text(), 'late');
  });

  test('AClientThatLeavesInMidStreamIsGoneForTheAgentToo', async () => {
    let closed = false;
    onRequest = (request, response) => {
      response.on('close', () => { closed = true; });
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.flushHeaders(); // and then nothing: only the client's leaving can end it
    };
    const left = new AbortController();
    await fetch(gateway.url(2, '/left'), { headers: { authorization: `Bearer ${gateway.password}` }, signal: left.signal });
    left.abort();
    await until('the agent to hear of it', () => closed);
    await until('the access line', () => readText(gateway.log).includes('GET /left'));
  });

  test('AnAgentThatIsDownAnswers503AndComesBackByItself', async () => {
    const page = await curl(gateway.url(3, '/overview'), { ...login(), header: 'Accept: text/html' });
    assert.equal(page.status, 503);
    assert.match(page.body, /http-equiv="?refresh/);
    const answer = await curl(gateway.url(3, '/v1/models'), { ...login() });
    assertError(answer, 503);
    assert.match(answer.headers.get('retry-after'), /^[1-9]\d*$/);
    assert.equal((await curl(gateway.url(3, '/_gateway/healthz'))).status, 200);
    assert.equal((await curl(gateway.url(3, '/_gateway/readyz'))).status, 503);

    const back = http.createServer((request, response) => response.end('here again'));
    await new Promise((resolve) => back.listen(gateway.backends[2], '127.0.0.1', resolve));
    try {
      await until('the agent to be back', async () =>
        (await curl(gateway.url(3, '/overview'), { ...login() })).body === 'here again');
      await until('readiness', async () => (await curl(gateway.url(3, '/_gateway/readyz'))).status === 200);
    } finally {
      back.closeAllConnections();
      back.close();
    }
  });

  test('TheAgentSeesNoForwardingHeaderNoCookieOfOursAndNoWebPassword', async () => {
    let seen;
    onRequest = (request, response) => {
      seen = request.headers;
      response.end('ok');
    };
    await curl(gateway.url(2, '/x'), { ...login(), header: ['X-Forwarded-For: 203.0.113.1', 'X-Forwarded-Proto: https',
      'Forwarded: for=203.0.113.1', 'X-Real-IP: 203.0.113.1', 'Tailscale-User-Login: a@b', 'CF-Connecting-IP: 203.0.113.1',
      `Cookie: theme=dark; clawgate-${gateway.base + 1}=AAAA`] });
    assert.deepEqual(Object.keys(seen).filter((name) => /^(x-forwarded|forwarded|x-real|tailscale|cf-)/.test(name)), []);
    assert.equal(seen.cookie, 'theme=dark');
    assert.match(seen.authorization, /^Bearer [A-Za-z0-9_-]{43}$/);
    assert.ok(!JSON.stringify(seen).includes(gateway.password));
  });
});
