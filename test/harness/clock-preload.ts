// Preloaded with `--import` into processes that a test starts: moves Date by as many milliseconds as the file named
// in TEST_CLOCK_FILE holds, read at every look at the clock, so that a running process can be moved.
// Timers keep real time.
import { openSync, readSync } from 'node:fs';

const file = process.env.TEST_CLOCK_FILE;

if (file) {
  const handle = openSync(file, 'r');
  const buffer = Buffer.alloc(32);
  const realNow = Date.now.bind(Date);
  const now = (): number =>
    realNow() + Number(buffer.toString('latin1', 0, readSync(handle, buffer, 0, buffer.length, 0)));
  Date.now = now;
  // A proxy keeps the prototype: dates made inside Node itself stay instances of Date.
  globalThis.Date = new Proxy(Date, {
    construct: (target, args, self) => Reflect.construct(target, args.length === 0 ? [now()] : args, self),
    apply: (target) => new target(now()).toString(),
  });
}
