// Looks for secrets in files, in command lines and in environments.
import { lstatSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { processes, environOf } from './processes.mjs';

/** The forms in which a secret could have been written down. */
function spellings({ name, value }) {
  const bytes = Buffer.from(value, 'utf8');
  const forms = [
    [name, value],
    [`${name}, percent-encoded`, encodeURIComponent(value)],
    [`${name}, base64`, bytes.toString('base64').replace(/=+$/, '')],
    [`${name}, as Basic without a user`, Buffer.from(`:${value}`).toString('base64').replace(/=+$/, '')],
    [`${name}, hexadecimal`, bytes.toString('hex')],
  ];
  return forms.filter(([, form], index) => forms.findIndex(([, other]) => other === form) === index);
}

export function needles(secrets) {
  return secrets.flatMap(spellings);
}

/** Sentences about what was found where; empty when all is well. Never repeats a secret. */
export function searchText(where, text, sought) {
  return sought.filter(([, form]) => text.includes(form)).map(([name]) => `${name} in ${where}`);
}

export function searchTree(folder, sought, { count = { files: 0 } } = {}) {
  const found = [];
  for (const name of readdirSync(folder)) {
    const file = path.join(folder, name);
    const info = lstatSync(file);
    if (info.isDirectory()) found.push(...searchTree(file, sought, { count }));
    else if (info.isFile()) {
      count.files++;
      found.push(...searchText(file, readFileSync(file, 'latin1'), sought));
    }
  }
  return found;
}

/** Command lines of every process of this machine. */
export function searchCommandLines(sought) {
  return processes().flatMap((each) => searchText(`the command line of process ${each.pid}`, each.cmdline, sought));
}

export function searchEnvironments(pids, sought) {
  return pids.flatMap((pid) => searchText(`the environment of process ${pid}`, environOf(pid), sought));
}
