// Several callers of different programs at one model: none of them reloads it.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { missing } from '../support/modules.mjs';
import { allSpeakers, anthropicClient, ollamaClient, openaiClient } from '../support/model_clients.mjs';
import { chatModel, startModelStack } from '../support/model_gateway.mjs';

const skip = missing('openai', 'ollama', '@anthropic-ai/sdk', 'ai', 'ai-sdk-ollama');

describe('Sharing', { skip }, () => {
  let stack;
  before(async () => { stack = await startModelStack(); });
  after(async () => assert.equal(await stack?.stop(), true, 'the gateway ends by itself on SIGTERM'));

  // What each of them would have the model run with, if it could.
  const callersAt = (url, [first, second]) => {
    const messages = [{ role: 'user', content: 'Hello' }];
    const settings = [{ options: { num_ctx: 4096 }, keep_alive: '5m' }, { options: { num_ctx: 8192, num_batch: 64 }, keep_alive: 30 }, {}];
    return [
      ...settings.map((each, n) => () => ollamaClient(url, n % 2 ? first : second).chat({ model: chatModel, messages, ...each })),
      () => ollamaClient(url, second).generate({ model: chatModel, prompt: 'Hello', options: { num_ctx: 2048 } }),
      () => openaiClient(url, first).chat.completions.create({ model: chatModel, messages, options: { num_ctx: 1024 } }),
      () => anthropicClient(url, second).messages.create({ model: chatModel, messages, max_tokens: 100 }),
    ];
  };

  test('NobodyReloadsTheModel', async () => {
    const { server, gateway } = stack;
    const [first, ...others] = callersAt(gateway.url, gateway.tokens);
    await first();
    const { loads, reloads } = await server.state();
    assert.equal(reloads, 0);
    for (const call of others) await call();
    await Promise.all([first, ...others, ...others].map((call) => call()));
    const after = await server.state();
    assert.deepEqual([after.loads, after.reloads], [loads, 0]);

    // Around the gateway the same callers reload it, so the counter counts.
    for (const call of callersAt(server.url, gateway.tokens).slice(0, 4)) await call();
    assert.ok((await server.state()).reloads >= 4);
  });

  test('ACallerCannotUnloadTheModel', async () => {
    const { server, gateway } = stack;
    await ollamaClient(gateway.url, gateway.tokens[0]).chat({ model: chatModel, messages: [], keep_alive: 0 }).catch(() => {});
    await ollamaClient(gateway.url, gateway.tokens[0]).generate({ model: chatModel, prompt: 'Hello', keep_alive: 0 });
    const loaded = () => server.state().then((state) => state.models.some((model) => model.name === chatModel));
    assert.equal(await loaded(), true);
    await ollamaClient(server.url, 'none').generate({ model: chatModel, prompt: '', keep_alive: 0 });
    assert.equal(await loaded(), false, 'around the gateway it can');
  });

  test('CallersOfAllProgramsAtOnceEachGetTheirOwnAnswer', async () => {
    const { gateway } = stack;
    const speakers = [...gateway.tokens, gateway.password].flatMap((key) => allSpeakers(gateway.url, key));
    const answers = await Promise.all(speakers.map((speaker, n) => speaker.whole(`Question ${n}.`)));
    answers.forEach((answer, n) => assert.match(answer, new RegExp(`Question ${n}\\.$`)));
  });
});
