// The client `ollama` against the model API.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { load, missing } from '../support/modules.mjs';
import { cannedAnswer, ollamaClient } from '../support/model_clients.mjs';
import { chatModel, embeddingModel, startModelStack } from '../support/model_gateway.mjs';
import { until } from '../support/wait.mjs';

describe('Ollama', { skip: missing('ollama') }, () => {
  let stack, client, person;
  before(async () => {
    stack = await startModelStack({ options: { 'token-ms': 20 } });
    client = ollamaClient(stack.gateway.url, stack.gateway.tokens[0]);
    person = ollamaClient(stack.gateway.url, stack.gateway.password);
  });
  after(async () => assert.equal(await stack?.stop(), true, 'the gateway ends by itself on SIGTERM'));

  const say = (content, more = {}) => ({ model: chatModel, messages: [{ role: 'user', content }], ...more });
  const refused = (status, message) => (error) =>
    error.name === 'ResponseError' && error.status_code === status && message.test(error.message);

  test('ListsShowsAndNamesItsVersion', async () => {
    const names = (await client.list()).models.map((model) => model.name);
    assert.deepEqual(names.sort(), [chatModel, embeddingModel]);
    const shown = await client.show({ model: chatModel });
    assert.ok(shown.capabilities.includes('tools'));
    assert.match((await client.version()).version, /^\d+\.\d+/);
  });

  test('ShowsTheLoadedModelWithThePinnedContext', async () => {
    await client.chat(say('Hello', { options: { num_ctx: 4096 } }));
    const [loaded] = (await client.ps()).models.filter((model) => model.name === chatModel);
    assert.equal(loaded.context_length, 131072);
  });

  test('ChatsWholeAndInAStream', async () => {
    const whole = await client.chat(say('Olá, ação 🙂'));
    assert.equal(whole.message.content, cannedAnswer('Olá, ação 🙂'));
    assert.ok(whole.message.thinking.length > 0);
    assert.equal(whole.done, true);
    assert.equal(whole.done_reason, 'stop');
    assert.ok(whole.prompt_eval_count > 0);

    const records = [];
    for await (const record of await client.chat(say('Olá, ação 🙂', { stream: true }))) records.push(record);
    assert.ok(records.length > 10, 'word by word');
    assert.equal(records.map((record) => record.message.content).join(''), whole.message.content);
    assert.equal(records.map((record) => record.message.thinking ?? '').join(''), whole.message.thinking);
    assert.deepEqual(records.map((record) => record.done), [...Array(records.length - 1).fill(false), true]);
  });

  test('AToolIsCalledAndItsResultAccepted', async () => {
    const tools = [{ type: 'function', function: { name: 'weather', description: 'The weather of a city',
      parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] } } }];
    const request = say('tool:weather {"city":"São Paulo"}', { tools });
    const { message } = await client.chat(request);
    assert.equal(message.tool_calls.length, 1);
    assert.deepEqual(message.tool_calls[0].function.arguments, { city: 'São Paulo' });
    const next = await client.chat({ ...request, messages: [...request.messages, message,
      { role: 'tool', tool_name: 'weather', content: '21 degrees' }, { role: 'user', content: 'And now?' }] });
    assert.equal(next.message.content, cannedAnswer('And now?'));
  });

  test('GeneratesWholeAndInAStream', async () => {
    const whole = await client.generate({ model: chatModel, prompt: 'Once' });
    assert.equal(whole.response, cannedAnswer('Once'));
    let text = '';
    for await (const record of await client.generate({ model: chatModel, prompt: 'Once', stream: true })) text += record.response;
    assert.equal(text, whole.response);
  });

  test('Embeds', async () => {
    const { embeddings } = await client.embed({ model: embeddingModel, input: ['one text', 'another'] });
    assert.deepEqual(embeddings.map((each) => each.length), [768, 768]);
    const { embedding } = await client.embeddings({ model: embeddingModel, prompt: 'one text' });
    assert.deepEqual(embedding, embeddings[0]);
  });

  test('AbortingAStreamFreesTheServer', async () => {
    const before = await stack.server.state();
    const text = 'word '.repeat(200);
    await assert.rejects(async () => {
      for await (const record of await client.chat(say(text, { stream: true }))) {
        if (record.message.content === '') continue; // it still thinks
        const { running } = await stack.server.state();
        assert.equal(running, 1);
        client.abort();
      }
    }, { name: 'AbortError' });
    await until('the server to hear of it', async () => {
      const now = await stack.server.state();
      return now.running === 0 && now.canceled === before.canceled + 1;
    }, { within: 1_000, every: 20 });
  });

  test('OnlyThePasswordMayChangeTheModels', async () => {
    const pull = { model: 'another-model', stream: false };
    await assert.rejects(client.pull(pull), refused(403, /./));
    await assert.rejects(client.delete({ model: chatModel }), refused(403, /./));
    assert.equal((await person.list()).models.length, 2);

    assert.equal((await person.pull(pull)).status, 'success');
    const progress = [];
    for await (const line of await person.pull({ model: 'one-more', stream: true })) progress.push(line);
    assert.ok(progress.some((line) => line.completed > 0), 'it says how far it is');
    assert.equal(progress.at(-1).status, 'success');
    for (const model of ['another-model', 'one-more']) assert.equal((await person.delete({ model })).status, 'success');
    assert.equal((await person.list()).models.length, 2);
  });

  test('BearerAndBasicOpenItOnBothPorts', async () => {
    const { Ollama } = load('ollama');
    const { url, controlUrl, password } = stack.gateway;
    const basic = Buffer.from(`somebody:${password}`).toString('base64');
    for (const host of [url, controlUrl])
      for (const Authorization of [`Bearer ${password}`, `Basic ${basic}`]) {
        const { message } = await new Ollama({ host, headers: { Authorization } }).chat(say('Hello'));
        assert.equal(message.content, cannedAnswer('Hello'));
      }
  });

  test('ErrorsHaveOllamasForm', async () => {
    for (const headers of [{}, { Authorization: 'Bearer not-the-password' }])
      await assert.rejects(new (load('ollama').Ollama)({ host: stack.gateway.url, headers }).list(), refused(401, /./));
    await assert.rejects(client.chat(say('Hello', { model: 'no-such-model' })), refused(404, /no-such-model/));
    await assert.rejects(client.chat(say('fault:error-first')), refused(500, /./));
    await assert.rejects(client.chat({ model: chatModel, messages: 'none' }), refused(400, /./));
  });
});
