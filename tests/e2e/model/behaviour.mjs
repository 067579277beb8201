// What the variables of an agent's behaviour make the real OpenClaw do: agent 1 has the defaults, agent 2 has
// ELEVATED_DEFAULT=off and VERBOSE_DEFAULT=on (support/workspace.mjs).
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { describe, test } from 'node:test';
import path from 'node:path';
import { missing } from '../support/modules.mjs';
import { curl } from '../support/curl.mjs';
import { call } from '../support/native_client.mjs';
import { agent, noStack, stack } from '../support/stack.mjs';

async function say(n, content) {
  const answer = await curl(`http://127.0.0.1:${agent(n).port}/v1/chat/completions`, { user: `:${stack.password}`,
    header: 'Content-Type: application/json', data: JSON.stringify({ model: 'openclaw', messages: [{ role: 'user', content }] }) },
  { within: 90_000 });
  assert.equal(answer.status, 200, answer.body);
}

describe('AgentBehaviour', { skip: noStack || missing('openclaw', 'ws') }, () => {
  test('OPENCLAW_ELEVATED_DEFAULT_LetsCommandsRunWithoutAskingAPerson', { timeout: 200_000 }, async () => {
    const made = (n) => existsSync(path.join(stack.workspace, 'agents', agent(n).name, 'workspace', 'made-by-a-command'));
    for (const { number } of stack.agents) await say(number, 'tool:exec {"command":"touch made-by-a-command"}');
    assert.equal(made(1), true, 'agent 1 ran the command');
    assert.equal(made(2), false, 'agent 2 asks a person first, and nobody said yes');
  });

  test('OPENCLAW_VERBOSE_DEFAULT_IsTheLevelOfEverySession', async () => {
    const level = async (n) => {
      const { result, error } = await call(`ws://127.0.0.1:${agent(n).port}/`, { auth: { password: stack.password },
        method: 'chat.history', params: { sessionKey: 'main' } });
      assert.equal(result?.ok, true, JSON.stringify(result ?? error));
      return result.payload.verboseLevel;
    };
    assert.equal(await level(1), 'off');
    assert.equal(await level(2), 'on');
  });
});
