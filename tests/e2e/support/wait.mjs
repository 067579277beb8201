// Waiting is always for a condition, with a deadline; never for a time.
import { setTimeout as pause } from 'node:timers/promises';

/**
 * Polls `condition` until it returns something truthy and returns that. Throws at the deadline, with what the
 * condition threw last, if it did.
 */
export async function until(what, condition, { within = 30_000, every = 100 } = {}) {
  const deadline = Date.now() + within;
  let last;
  for (;;) {
    try {
      const value = await condition();
      if (value) return value;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline)
      throw new Error(`waited ${within / 1000} s in vain for ${what}`, { cause: last });
    await pause(every);
  }
}

export async function withDeadline(what, promise, within) {
  const timer = new AbortController();
  const late = pause(within, undefined, { signal: timer.signal, ref: false }).then(() => {
    throw new Error(`waited ${within / 1000} s in vain for ${what}`);
  });
  late.catch(() => {});
  try {
    return await Promise.race([promise, late]);
  } finally {
    timer.abort();
  }
}
