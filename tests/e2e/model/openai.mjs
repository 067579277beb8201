// The client `openai` against the model API.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { load, missing } from '../support/modules.mjs';
import { cannedAnswer, openaiClient } from '../support/model_clients.mjs';
import { chatModel, embeddingModel, startModelStack } from '../support/model_gateway.mjs';

describe('OpenAi', { skip: missing('openai') }, () => {
  let stack, client;
  const { OpenAI } = missing('openai') ? {} : load('openai');
  before(async () => {
    stack = await startModelStack();
    client = openaiClient(stack.gateway.url, stack.gateway.tokens[0]);
  });
  after(async () => assert.equal(await stack?.stop(), true, 'the gateway ends by itself on SIGTERM'));

  const ask = (content, more = {}) =>
    client.chat.completions.create({ model: chatModel, messages: [{ role: 'user', content }], ...more });

  test('ListsAndDescribesTheModels', async () => {
    const ids = (await client.models.list()).data.map((model) => model.id);
    assert.deepEqual(ids.sort(), [chatModel, embeddingModel]);
    const model = await client.models.retrieve(chatModel);
    assert.equal(model.id, chatModel);
    assert.equal(model.object, 'model');
    await assert.rejects(client.models.retrieve('no-such-model'), OpenAI.NotFoundError);
  });

  test('AnswersAChatWithContentUsageAndFinishReason', async () => {
    const answer = await ask('Olá, ação 🙂');
    assert.equal(answer.object, 'chat.completion');
    assert.equal(answer.model, chatModel);
    assert.equal(answer.choices.length, 1);
    assert.equal(answer.choices[0].finish_reason, 'stop');
    assert.equal(answer.choices[0].message.role, 'assistant');
    assert.equal(answer.choices[0].message.content, cannedAnswer('Olá, ação 🙂'));
    assert.ok(answer.usage.prompt_tokens > 0);
    assert.ok(answer.usage.completion_tokens > 0);
    assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);
  });

  test('AnAnswerThatIsCutSaysLength', async () => {
    const answer = await ask('Say a lot.', { max_completion_tokens: 3 });
    assert.equal(answer.choices[0].finish_reason, 'length');
    assert.equal(answer.usage.completion_tokens, 3);
  });

  test('StreamsChunksThatJoinToTheAnswerWithUsageAtTheEnd', async () => {
    const stream = await ask('Olá, ação 🙂', { stream: true, stream_options: { include_usage: true } });
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    const pieces = chunks.map((chunk) => chunk.choices[0]?.delta.content).filter(Boolean);
    assert.ok(pieces.length > 5, 'word by word');
    assert.equal(pieces.join(''), cannedAnswer('Olá, ação 🙂'));
    assert.deepEqual(chunks.map((chunk) => chunk.choices[0]?.finish_reason).filter(Boolean), ['stop']);
    assert.equal(new Set(chunks.map((chunk) => chunk.id)).size, 1);
    const last = chunks.at(-1);
    assert.deepEqual(last.choices, []);
    assert.ok(last.usage.completion_tokens >= pieces.length);
    assert.equal(chunks.filter((chunk) => chunk.usage).length, 1);
  });

  test('TheStreamHelperPutsTheAnswerTogether', async () => {
    const stream = client.chat.completions.stream({ model: chatModel, messages: [{ role: 'user', content: 'Hello' }] });
    assert.equal(await stream.finalContent(), cannedAnswer('Hello'));
  });

  const tools = [{ type: 'function', function: { name: 'weather', description: 'The weather of a city',
    parameters: { type: 'object', properties: { city: { type: 'string' }, days: { type: 'integer' } }, required: ['city'] } } }];

  test('AToolIsCalledAndItsResultAccepted', async () => {
    const messages = [{ role: 'user', content: 'tool:weather {"city":"São Paulo","days":2}' }];
    const first = await client.chat.completions.create({ model: chatModel, messages, tools });
    assert.equal(first.choices[0].finish_reason, 'tool_calls');
    const [call, ...others] = first.choices[0].message.tool_calls;
    assert.deepEqual(others, []);
    assert.equal(call.type, 'function');
    assert.equal(call.function.name, 'weather');
    assert.equal(typeof call.function.arguments, 'string');
    assert.deepEqual(JSON.parse(call.function.arguments), { city: 'São Paulo', days: 2 });
    assert.ok(call.id);

    messages.push(first.choices[0].message, { role: 'tool', tool_call_id: call.id, content: '{"celsius":21}' },
      { role: 'user', content: 'And now?' });
    const second = await client.chat.completions.create({ model: chatModel, messages, tools });
    assert.equal(second.choices[0].finish_reason, 'stop');
    assert.equal(second.choices[0].message.content, cannedAnswer('And now?'));
  });

  test('AToolIsCalledInAStream', async () => {
    const stream = client.chat.completions.stream({ model: chatModel, tools,
      messages: [{ role: 'user', content: 'tool:weather {"city":"Recife"}' }] });
    const [choice] = (await stream.finalChatCompletion()).choices;
    assert.equal(choice.finish_reason, 'tool_calls');
    assert.equal(choice.message.tool_calls[0].function.name, 'weather');
    assert.deepEqual(JSON.parse(choice.message.tool_calls[0].function.arguments), { city: 'Recife' });
  });

  test('RunToolsGoesThroughTheWholeRound', async () => {
    const asked = [];
    const runner = client.chat.completions.runTools({
      model: chatModel, messages: [{ role: 'user', content: 'tool:weather {"city":"Natal"}' }],
      tools: [{ type: 'function', function: { ...tools[0].function, parse: JSON.parse,
        function: (given) => (asked.push(given.city), '30 degrees') } }],
    }, { maxChatCompletions: 2 });
    await runner.done();
    assert.equal(asked[0], 'Natal');
    assert.ok(runner.messages.some((message) => message.role === 'tool' && message.content === '30 degrees'));
  });

  test('AnswersInJsonWhenAsked', async () => {
    const object = await ask('Hello', { response_format: { type: 'json_object' } });
    assert.deepEqual(JSON.parse(object.choices[0].message.content), { answer: cannedAnswer('Hello') });
    const schema = { type: 'object', properties: { mood: { enum: ['sunny', 'grey'] }, score: { type: 'integer' } },
      required: ['mood', 'score'], additionalProperties: false };
    const strict = await ask('Hello', { response_format: { type: 'json_schema', json_schema: { name: 'mood', strict: true, schema } } });
    assert.deepEqual(JSON.parse(strict.choices[0].message.content), { mood: 'sunny', score: 1 });
  });

  test('CompletesAPrompt', async () => {
    const whole = await client.completions.create({ model: chatModel, prompt: 'Once' });
    assert.equal(whole.object, 'text_completion');
    assert.equal(whole.choices[0].text, cannedAnswer('Once'));
    assert.equal(whole.choices[0].finish_reason, 'stop');
    let text = '';
    for await (const chunk of await client.completions.create({ model: chatModel, prompt: 'Once', stream: true }))
      text += chunk.choices[0]?.text ?? '';
    assert.equal(text, cannedAnswer('Once'));
  });

  test('EmbedsAsFloatsAndAsBase64', async () => {
    const embed = (more) => client.embeddings.create({ model: embeddingModel, input: ['one text', 'another'], ...more });
    const floats = await embed({ encoding_format: 'float' });
    assert.deepEqual(floats.data.map((each) => each.index), [0, 1]);
    assert.equal(floats.data[0].embedding.length, 768);
    assert.ok(floats.usage.prompt_tokens > 0);
    const base64 = await embed({ encoding_format: 'base64' });
    const bytes = Buffer.from(base64.data[0].embedding, 'base64');
    const decoded = Array.from(floats.data[0].embedding, (_, i) => bytes.readFloatLE(4 * i));
    assert.equal(bytes.length, 4 * 768);
    assert.deepEqual(decoded, floats.data[0].embedding.map(Math.fround));
    // What the client does when nothing is said: asks for base64, and decodes.
    assert.deepEqual(Array.from((await embed()).data[1].embedding), floats.data[1].embedding.map(Math.fround));
  });

  test('ErrorsAreTheClientsOwnClasses', async () => {
    const stranger = openaiClient(stack.gateway.url, 'not-the-password');
    await assert.rejects(stranger.models.list(), OpenAI.AuthenticationError);
    await assert.rejects(stranger.chat.completions.create({ model: chatModel, messages: [] }), OpenAI.AuthenticationError);
    await assert.rejects(ask('Hello', { model: 'no-such-model' }), (error) =>
      error instanceof OpenAI.NotFoundError && /no-such-model/.test(error.message));
    await assert.rejects(ask('Hello', { n: 2 }), (error) =>
      error instanceof OpenAI.BadRequestError && /\bn\b/.test(error.message));
    await assert.rejects(ask('fault:error-first'), OpenAI.InternalServerError);
    await assert.rejects(client.responses.create({ model: chatModel, input: 'Hello' }), (error) =>
      error instanceof OpenAI.APIError && error.status === 501 && /chat\/completions/.test(error.message));
  });

  test('AFailureInMidStreamIsThrownByTheIterator', async () => {
    const chunks = [];
    await assert.rejects(async () => {
      for await (const chunk of await ask('fault:error-mid', { stream: true })) chunks.push(chunk);
    }, (error) => error instanceof OpenAI.APIError && /unexpected EOF/.test(error.message));
    assert.ok(chunks.length > 0, 'something came before');
    assert.ok(chunks.every((chunk) => !chunk.choices[0].finish_reason));
  });
});
