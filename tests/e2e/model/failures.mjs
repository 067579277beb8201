// What clients see when the model is silent for long, and when its server dies.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { missing } from '../support/modules.mjs';
import { allSpeakers, cannedAnswer, joined } from '../support/model_clients.mjs';
import { startModelStack } from '../support/model_gateway.mjs';
import { startIdleCutter } from '../support/idle_cutter.mjs';
import { openclawTurn } from '../support/openclaw_turn.mjs';
import { until, withDeadline } from '../support/wait.mjs';

const silentSeconds = 90;
const patienceSeconds = 45; // of what lies between the clients and the gateway
const errorWithinMs = 1_000;

const skip = missing('openai', 'ollama', '@anthropic-ai/sdk', 'ai', 'ai-sdk-ollama');

describe('SilentModel', { skip }, () => {
  let stack, cutter, around;
  before(async () => {
    stack = await startModelStack({ options: { 'prefill-ms': silentSeconds * 1000, parallel: 16 },
      env: { OPENCLAW_MAX_CONCURRENT: '16' } });
    cutter = await startIdleCutter({ target: stack.gateway.port, idleMs: patienceSeconds * 1000 });
    around = await startIdleCutter({ target: stack.server.port, idleMs: patienceSeconds * 1000 });
  });
  after(async () => {
    await cutter?.close();
    await around?.close();
    assert.equal(await stack?.stop(), true, 'the gateway ends by itself on SIGTERM');
  });

  test(`A${silentSeconds}SecondsSilentPrefillIsSurvivedByEveryClient`, { timeout: (silentSeconds + 270) * 1000 }, async (t) => {
    const calls = {};
    for (const { name, whole, pieces } of allSpeakers(cutter.url, stack.gateway.tokens[0])) {
      calls[`${name}, whole`] = whole('Olá, ação 🙂');
      calls[`${name}, stream`] = joined(pieces('Olá, ação 🙂'));
    }
    const absent = missing('openclaw');
    if (absent) t.diagnostic(`without OpenClaw: ${absent}`);
    else calls.OpenClaw = openclawTurn({ baseUrl: cutter.url, apiKey: stack.gateway.tokens[1], message: 'Olá, ação 🙂',
      within: (silentSeconds + 240) * 1000 });
    // Without the gateway the silence is noticed.
    const bare = allSpeakers(around.url, 'none').find(({ name }) => name === 'ollama');
    const cutOff = assert.rejects(bare.whole('Olá, ação 🙂'));

    const names = Object.keys(calls);
    const results = await Promise.allSettled(Object.values(calls));
    assert.deepEqual(results.flatMap(({ reason }, n) => (reason ? [`${names[n]}: ${reason}`] : [])), []);
    results.forEach(({ value }, n) => {
      if (names[n] === 'OpenClaw') assert.ok(value.startsWith(cannedAnswer('')), value);
      else assert.equal(value, cannedAnswer('Olá, ação 🙂'), names[n]);
    });
    await cutOff;
    assert.equal(around.cuts(), 1);
  });
});

describe('FailingModelServer', { skip }, () => {
  let stack;
  before(async () => { stack = await startModelStack(); });
  after(async () => assert.equal(await stack?.stop(), true, 'the gateway ends by itself on SIGTERM'));

  const failures = {
    'error-first': /runner process has terminated/, // what the server itself says
    'error-mid': /unexpected EOF/,
    busy: /server busy, please try again/,
    cut: /the model server ended its answer early/,
    drop: /the model server ended its answer early/,
    close: /the model server closed the connection/,
    garbage: /the model server/,
  };
  for (const [kind, said] of Object.entries(failures)) {
    test(`EveryClientIsToldWhatHappenedAt_${kind}`, async () => {
      for (const { name, whole, pieces } of allSpeakers(stack.gateway.url, stack.gateway.tokens[0]))
        for (const [how, answer] of [['whole', whole], ['stream', (text) => joined(pieces(text))]])
          await assert.rejects(answer(`fault:${kind}`), (error) => said.test(error.message) || assert.fail(`${name}, ${how}: ${error}`),
            `${name}, ${how}`);
      assert.equal((await stack.server.state()).running, 0, 'nothing is left of the calls');
    });
  }
});

describe('DyingModelServer', { skip }, () => {
  let stack;
  before(async () => { stack = await startModelStack({ options: { 'token-ms': 200, parallel: 8 } }); });
  after(async () => assert.equal(await stack?.stop(), true, 'the gateway ends by itself on SIGTERM'));

  test('KillingItInMidStreamIsAClearErrorForEveryClientWithinASecond', async () => {
    const { server, gateway } = stack;
    const speakers = allSpeakers(gateway.url, gateway.password);
    const begun = [];
    const ends = [];
    const watch = async ({ name, pieces }) => {
      try {
        for await (const piece of pieces('A long question that is answered slowly.')) if (piece) begun.push(name);
        return { name, error: null };
      } catch (error) {
        return { name, error };
      } finally {
        ends.push({ name, at: performance.now() });
      }
    };
    const streams = speakers.map(watch);
    const wholes = speakers.map(({ name, whole }) => whole('A long question that is answered slowly.')
      .then(() => ({ name, error: null }), (error) => ({ name, error }))
      .finally(() => ends.push({ name: `${name}, whole`, at: performance.now() })));
    await until('every client to read', () => speakers.every(({ name }) => begun.includes(name)), { every: 20 });
    await until('every call to run', async () => (await server.state()).running === 8);
    assert.deepEqual(ends, []);

    const killed = performance.now();
    server.kill();
    const outcomes = await withDeadline('the clients to notice', Promise.all([...streams, ...wholes]), 30_000);
    for (const { name, error } of outcomes) {
      assert.ok(error, `${name}: the answer just ended`);
      assert.match(error.message, /model server/, name);
      assert.doesNotMatch(error.message, /Did not receive done|terminated|socket/, name);
    }
    for (const { name, at } of ends) assert.ok(at - killed < errorWithinMs, `${name}: after ${at - killed} ms`);

    await server.startAgain();
    const answers = await Promise.all(speakers.map(({ whole }) => whole('Again?')));
    for (const answer of answers) assert.equal(answer, cannedAnswer('Again?'));
  });
});
