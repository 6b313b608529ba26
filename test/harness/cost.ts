/** What a piece of work costs, told so that a busy machine does not matter. */

/** Processor time of this process in ms: what others do meanwhile is not in it. */
export async function processorMs(work: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/**
 * The outcome of work that ends before a timer which starts with it does. Where the work waits for timers of this process,
 * a machine that is late is late with both, in their order.
 * @throws when the timer was first
 */
export async function within<T>(ms: number, work: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work(), late]);
  } finally {
    clearTimeout(timer);
  }
}
