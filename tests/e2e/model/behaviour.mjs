// What the variables of an agent's behaviour make the real OpenClaw do: agent 1 has the defaults, agent 2 has
// ELEVATED_DEFAULT=off and VERBOSE_DEFAULT=on (support/workspace.mjs).
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { describe, test } from 'node:test';
import path from 'node:path';
import { missing } from '../support/modules.mjs';
import { history, say } from '../support/conversation.mjs';
import { agent, noStack, stack } from '../support/stack.mjs';

describe('AgentBehaviour', { skip: noStack || missing('openclaw', 'ws') }, () => {
  test('OPENCLAW_ELEVATED_DEFAULT_LetsCommandsRunWithoutAskingAPerson', { timeout: 200_000 }, async () => {
    const made = (n) => existsSync(path.join(stack.workspace, 'agents', agent(n).name, 'workspace', 'made-by-a-command'));
    for (const { port } of stack.agents) await say(port, stack.password, 'tool:exec {"command":"touch made-by-a-command"}');
    assert.equal(made(1), true, 'agent 1 ran the command');
    assert.equal(made(2), false, 'agent 2 asks a person first, and nobody said yes');
  });

  test('OPENCLAW_VERBOSE_DEFAULT_IsTheLevelOfEverySession', async () => {
    const level = async (n) => (await history(agent(n).port, stack.password)).verboseLevel;
    assert.equal(await level(1), 'off');
    assert.equal(await level(2), 'on');
  });
});
