// The real OpenClaw as a caller of the model API.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import path from 'node:path';
import { missing } from '../support/modules.mjs';
import { cannedAnswer, openaiClient } from '../support/model_clients.mjs';
import { chatModel, startModelStack } from '../support/model_gateway.mjs';
import { openclawTurn } from '../support/openclaw_turn.mjs';
import { curl, json } from '../support/curl.mjs';
import { agent, noStack, readText, stack } from '../support/stack.mjs';
import { until } from '../support/wait.mjs';

describe('OpenClawAndOthers', { skip: missing('openclaw', 'openai') }, () => {
  let model;
  before(async () => { model = await startModelStack(); });
  after(async () => assert.equal(await model?.stop(), true, 'the gateway ends by itself on SIGTERM'));

  test('TwoAgentsWithDifferentSettingsAndAThirdCallerLoadTheModelOnce', { timeout: 400_000 }, async () => {
    const { server, gateway } = model;
    const turn = (n, params) => openclawTurn({ baseUrl: gateway.url, apiKey: gateway.tokens[n - 1], params,
      message: `I am agent ${n}.`, within: 360_000 });
    const third = () => openaiClient(gateway.url, gateway.password).chat.completions
      .create({ model: chatModel, messages: [{ role: 'user', content: 'I am nobody.' }] });
    await third();
    const { loads, prefilled_tokens: before } = await server.state();

    const [first, second, answer] = await Promise.all([
      turn(1, { num_ctx: 32768, temperature: 0.9, keep_alive: '10m' }),
      turn(2, { num_ctx: 65536, temperature: 0.2, keep_alive: 60 }),
      third(),
    ]);
    // What follows in OpenClaw's messages is not the user's own words alone.
    for (const text of [first, second]) assert.ok(text.startsWith(cannedAnswer('')), text);
    assert.equal(answer.choices[0].message.content, cannedAnswer('I am nobody.'));
    const after = await server.state();
    assert.ok(after.prefilled_tokens > before + 5_000, 'the agents came with their long prompts');
    assert.deepEqual([after.loads, after.reloads], [loads, 0]);
  });
});

describe('TheWorkspacesAgents', { skip: noStack || missing('openclaw') }, () => {
  const modelCalls = (caller) => readText(stack.gatewayLog).split('\n')
    .filter((line) => line.includes('model call') && line.includes(caller)).length;

  test('AreToldToCallTheModelThroughTheGatewayWithTheirOwnToken', () => {
    for (const each of stack.agents) {
      const folder = path.join(stack.workspace, 'agents', each.name, '.openclaw');
      const { baseUrl, apiKey, models } = JSON.parse(readText(path.join(folder, 'openclaw.json'))).models.providers.ollama;
      assert.equal(new URL(baseUrl).port, String(stack.modelApiPort), each.name);
      assert.equal(models[0].params.temperature, each.number === 2 ? 0.2 : 0.7, each.name);
      assert.ok(apiKey === readText(path.join(folder, 'token')).trim(), `${each.name}: the key is its token`);
    }
  });

  test('AreAnsweredByItAndAccountedForByName', async () => {
    for (const { name, number } of stack.agents) {
      const before = modelCalls(name);
      const turn = { model: 'openclaw', messages: [{ role: 'user', content: `I am the user of ${name}.` }] };
      const answer = await curl(`http://127.0.0.1:${agent(number).port}/v1/chat/completions`, { user: `:${stack.password}`,
        header: 'Content-Type: application/json', data: JSON.stringify(turn) }, { within: 90_000 });
      assert.equal(answer.status, 200, answer.body);
      assert.match(json(answer).choices[0].message.content, /canned answer/);
      await until(`a model call of ${name} in the log`, () => modelCalls(name) > before, { within: 10_000 });
    }
  });
});
