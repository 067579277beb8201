// The real curl. Options, and with them the password, go in through standard input: argument lists are public.
import { output } from './processes.mjs';
import { keepSeen } from './output.mjs';

const quoted = (value) => `"${String(value).replace(/\\/g, '\\\\').replace(/"/g, '\\"')}"`;

function parse(text) {
  // With --include every head is shown, interim and redirect ones too: the last one counts.
  let rest = text;
  let head;
  while (/^HTTP\/\d/.test(rest)) {
    const end = rest.indexOf('\r\n\r\n');
    if (end < 0) break;
    head = rest.slice(0, end);
    rest = rest.slice(end + 4);
    if (!/^HTTP\/\S+ 1\d\d/.test(head)) break;
  }
  if (head === undefined) return { status: 0, headers: new Headers(), body: text };
  const [first, ...lines] = head.split('\r\n');
  const headers = new Headers(lines.map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  }));
  return { status: Number(first.split(' ')[1]), headers, body: rest };
}

/**
 * `options` are curl's long option names with their value, a list of values, true, or false to leave one out. The
 * answer's body is kept for the search at the end unless `keep` is false.
 */
export async function curl(url, options = {}, { keep = true, within = 60_000 } = {}) {
  const lines = [`url = ${quoted(url)}`, 'silent', 'show-error', 'globoff', 'noproxy = "*"'];
  for (const [name, value] of Object.entries({ include: true, ...options }))
    for (const each of [value].flat())
      if (each !== false) lines.push(each === true ? name : `${name} = ${quoted(each)}`);
  const run = await output('curl', ['--disable', '--config', '-'],
    { input: `${lines.join('\n')}\n`, within, env: { PATH: process.env.PATH } });
  const answer = { ...parse(run.stdout), exit: run.status, error: run.stderr };
  if (keep) keepSeen('curl', `${options.request ?? 'GET'} ${url.replace(/([?&](?:t|ticket)=)[^&]*/, '$1…')} → ${answer.status}\n`
    + `${[...answer.headers].filter(([name]) => name !== 'set-cookie').map((h) => h.join(': ')).join('\n')}\n${answer.body}`);
  return answer;
}

export function json(answer) {
  try {
    return JSON.parse(answer.body);
  } catch {
    throw new Error(`not JSON (status ${answer.status}): ${answer.body.slice(0, 300)}`);
  }
}
