// A container of the image under test. chroot isolation gives it a file system and a mount namespace of its own, and
// nothing else: its processes and ports are this machine's.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { descendants, environOf, output, processes, start, stop } from '../../e2e/support/processes.mjs';
import { readText } from '../../e2e/support/stack.mjs';
import { until } from '../../e2e/support/wait.mjs';

const [program, ...options] = process.env.CLAWGATE_IMAGE_BUILDAH.split(' ');
const image = process.env.CLAWGATE_IMAGE_NAME;
export const temporary = process.env.CLAWGATE_IMAGE_TEMPORARY;

export function buildah(...words) {
  const run = spawnSync(program, [...options, ...words], { encoding: 'utf8' });
  if (run.status !== 0) throw new Error(`buildah ${words[0]}: ${run.stderr}`);
  return run.stdout.trim();
}

export function imageConfig() {
  return JSON.parse(buildah('inspect', '--type', 'image', image)).Docker.config;
}

function namespaceOf(pid) {
  try {
    return readlinkSync(`/proc/${pid}/ns/mnt`);
  } catch {
    return '';
  }
}

const ours = namespaceOf(process.pid);
let count = 0;

/** One container, not started yet. `variables` are its environment, `workspace` a folder or nothing. */
export class Container {
  constructor({ variables, workspace, user }) {
    this.name = `clawgate-test-${++count}`;
    this.workspace = workspace;
    this.user = user;
    this.log = path.join(temporary, `${this.name}.log`);
    buildah('from', '--pull-never', '--name', this.name, image);
    this.root = buildah('mount', this.name);
    // Not in an argument list, where everybody could read the password: the container's shell reads it from here.
    this.settings = path.join(temporary, `${this.name}.env`);
    writeFileSync(this.settings, Object.entries(variables).map(([name, value]) => `${name}='${value}'\n`).join(''),
      { mode: 0o644 });
  }

  #command(words) {
    return [...options, 'run', '--isolation', 'chroot', ...(this.user ? ['--user', this.user] : []),
      ...(this.workspace ? ['--volume', `${this.workspace}:/workspace`] : []),
      '--volume', `${this.settings}:/settings.env:ro`, this.name, '--',
      '/bin/sh', '-c', 'set -a && . /settings.env && exec "$0" "$@"', ...words];
  }

  /** Starts what the image starts. */
  start() {
    this.child = start(program, this.#command(imageConfig().Entrypoint), { env: { PATH: process.env.PATH, HOME: '/root' },
      log: this.log, cwd: '/' });
    this.located = until('the namespace', () => {
      this.namespace = descendants(this.child.pid).filter((each) => each.cmdline && !each.cmdline.startsWith('buildah'))
        .map((each) => namespaceOf(each.pid)).find((name) => name && name !== ours);
      return this.namespace || this.child.how;
    }).catch(() => {});
  }

  /** Runs a command in it, beside what runs already. */
  run(...words) {
    return output(program, this.#command(words), { env: { PATH: process.env.PATH, HOME: '/root' }, within: 60_000 });
  }

  get text() { return readText(this.log); }

  async ready(within = 240_000) {
    await until('all agents to be ready', () => this.child.how || this.text.includes('All agents are ready'), { within });
    if (this.child.how) throw new Error(`it ended: ${JSON.stringify(this.child.how)}\n${this.text}`);
  }

  /** The status it ends with. */
  async end(within) {
    await until('the container to end', () => this.child.how, { within });
    return this.child.how.code;
  }

  /** What would be process 1. */
  first() {
    const found = this.processes().find((each) => each.cmdline.startsWith('tini\0'));
    if (!found) throw new Error('there is no tini');
    return found.pid;
  }

  /** Everything that runs in it, however it was started. */
  processes() {
    if (!this.namespace) return [];
    return processes().filter((each) => each.cmdline !== '' && namespaceOf(each.pid) === this.namespace).map((each) => ({
      ...each, uid: Number(/^Uid:\s*(\d+)/m.exec(readText(`/proc/${each.pid}/status`))?.[1]), environ: environOf(each.pid) }));
  }

  /** Ends it in order where it still runs, and if that fails without. A second call waits for the first. */
  remove() {
    return this.removed ??= this.#remove();
  }

  async #remove() {
    await this.located;
    const signal = (each, name) => { try { process.kill(each.pid, name); } catch { /* gone meanwhile */ } };
    const gone = (within) => until('its programs to end', () => this.processes().length === 0, { within });
    this.processes().filter((each) => each.cmdline.startsWith('tini\0')).forEach((each) => signal(each, 'SIGTERM'));
    await gone(45_000).catch(() => {
      this.processes().forEach((each) => signal(each, 'SIGKILL'));
      return gone(10_000);
    });
    await stop(this.child, 5_000);
    buildah('umount', this.name);
    buildah('rm', this.name);
    rmSync(this.settings);
  }
}

export function newWorkspace(name, owner = 0) {
  const folder = path.join(temporary, name);
  mkdirSync(folder, { mode: 0o755 });
  if (owner) spawnSync('chown', [String(owner), folder]);
  return folder;
}

export const jsonIn = (file) => JSON.parse(readFileSync(file, 'utf8'));
