// Programs that the tests start, and what /proc says about running ones.
import { spawn } from 'node:child_process';
import { readFileSync, readdirSync, openSync, closeSync } from 'node:fs';
import { until } from './wait.mjs';

/** Starts a program with exactly this environment; its output goes to `log`. */
export function start(program, args, { env, log, cwd }) {
  const out = openSync(log, 'a');
  try {
    const child = spawn(program, args, { env, cwd, stdio: ['ignore', out, out] });
    child.ended = new Promise((resolve) => {
      child.once('error', (error) => resolve({ error }));
      child.once('exit', (code, signal) => resolve({ code, signal }));
    });
    child.ended.then((how) => { child.how = how; });
    return child;
  } finally {
    closeSync(out);
  }
}

/** SIGTERM, and SIGKILL for one that is still there at the deadline. True when it ended by itself. */
export async function stop(child, within = 30_000) {
  if (!child || child.how) return true;
  child.kill('SIGTERM');
  try {
    await until('a program to end', () => child.how, { within });
    return true;
  } catch {
    child.kill('SIGKILL');
    await child.ended;
    return false;
  }
}

/** Runs to the end; status and output. Nothing secret belongs into `args`: use `input` or `env`. */
export async function output(program, args, { env = process.env, input = '', within = 60_000, cwd } = {}) {
  const child = spawn(program, args, { env, cwd, stdio: ['pipe', 'pipe', 'pipe'] });
  const chunks = { stdout: [], stderr: [] };
  child.stdout.on('data', (data) => chunks.stdout.push(data));
  child.stderr.on('data', (data) => chunks.stderr.push(data));
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const timer = setTimeout(() => child.kill('SIGKILL'), within);
  const status = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(code ?? signal));
  });
  clearTimeout(timer);
  return { status, stdout: Buffer.concat(chunks.stdout).toString(), stderr: Buffer.concat(chunks.stderr).toString() };
}

function procFile(pid, name) {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'latin1');
  } catch {
    return '';
  }
}

export function processes() {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).map((pid) => {
    const parent = /^PPid:\s*(\d+)/m.exec(procFile(pid, 'status'));
    return { pid, parent: parent ? Number(parent[1]) : 0, cmdline: procFile(pid, 'cmdline') };
  });
}

export const environOf = (pid) => procFile(pid, 'environ');

export function descendants(root) {
  const all = processes();
  const found = [];
  const visit = (pid) => {
    for (const each of all.filter((one) => one.parent === pid)) {
      found.push(each);
      visit(each.pid);
    }
  };
  visit(root);
  return found;
}

/** Largest resident size so far, in bytes. */
export function peakMemory(pid) {
  return Number(/^VmHWM:\s*(\d+) kB/m.exec(procFile(pid, 'status'))[1]) * 1024;
}
