// The official clients of the interfaces that the model API speaks, each with a key of the gateway. None retries: a
// test must see what the first answer was.
import { load } from './modules.mjs';
import { chatModel } from './model_gateway.mjs';

export function openaiClient(url, key) {
  const { OpenAI } = load('openai');
  return new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
}

export function ollamaClient(url, key) {
  const { Ollama } = load('ollama');
  return new Ollama({ host: url, headers: { Authorization: `Bearer ${key}` } });
}

export function anthropicClient(url, key) {
  const { Anthropic } = load('@anthropic-ai/sdk');
  return new Anthropic({ baseURL: url, apiKey: null, authToken: key, maxRetries: 0 });
}

export function aiSdkProvider(url, key) {
  globalThis.AI_SDK_LOG_WARNINGS = false; // it prints advice
  const { createOllama } = load('ai-sdk-ollama');
  return createOllama({ baseURL: url, apiKey: key });
}

/** What fake_ollama answers to `text`. */
export const cannedAnswer = (text) =>
  `[demo model] This is a canned answer from Clawgate's demo model: no language model is running here. You wrote: ${text}`;

const userSays = (text) => [{ role: 'user', content: text }];

// Each client as two functions: `whole` gives the text of an answer, `pieces` the same text as it comes.
const speakers = {
  openai: (url, key) => {
    const { completions } = openaiClient(url, key).chat;
    const request = (text) => ({ model: chatModel, messages: userSays(text) });
    return {
      whole: async (text) => (await completions.create(request(text))).choices[0].message.content,
      async* pieces(text) {
        for await (const chunk of await completions.create({ ...request(text), stream: true }))
          yield chunk.choices[0]?.delta.content ?? '';
      },
    };
  },
  ollama: (url, key) => {
    const client = ollamaClient(url, key);
    const request = (text) => ({ model: chatModel, messages: userSays(text) });
    return {
      whole: async (text) => (await client.chat(request(text))).message.content,
      async* pieces(text) {
        for await (const record of await client.chat({ ...request(text), stream: true })) yield record.message.content;
      },
    };
  },
  anthropic: (url, key) => {
    const { messages } = anthropicClient(url, key);
    const request = (text) => ({ model: chatModel, max_tokens: 1000, messages: userSays(text) });
    return {
      whole: async (text) => (await messages.create(request(text))).content.find((block) => block.type === 'text').text,
      async* pieces(text) {
        for await (const event of await messages.create({ ...request(text), stream: true }))
          if (event.type === 'content_block_delta' && event.delta.type === 'text_delta') yield event.delta.text;
      },
    };
  },
  'AI SDK': (url, key) => {
    const { generateText, streamText } = load('ai');
    const request = (text) => ({ model: aiSdkProvider(url, key)(chatModel), prompt: text, maxRetries: 0 });
    return {
      whole: async (text) => (await generateText(request(text))).text,
      async* pieces(text) {
        for await (const part of streamText({ ...request(text), onError: () => {} }).fullStream) {
          if (part.type === 'error') throw part.error instanceof Error ? part.error : new Error(String(part.error));
          if (part.type === 'text-delta') yield part.text;
        }
      },
    };
  },
};

/** [{ name, whole, pieces }] for all four clients. */
export function allSpeakers(url, key) {
  return Object.entries(speakers).map(([name, make]) => ({ name, ...make(url, key) }));
}

export async function joined(pieces) {
  let text = '';
  for await (const piece of pieces) text += piece;
  return text;
}
