/** A process of its own for the tests: opens the data directory of its first argument and writes rows until killed. */
import { sql } from 'kysely';
import { openDatabase } from '../../src/storage/database.ts';
import { migrate } from '../../src/storage/migrator.ts';
import { silent } from './databases.ts';

const [dataDir = '', mode = 'write'] = process.argv.slice(2);
try {
  const { db, close } = await openDatabase({ settings: { setup: 'embedded', dataDir }, log: silent });
  await migrate(db);
  process.stdout.write(`open in ${Math.round(performance.now())} ms\n`);
  if (mode === 'memory') {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    process.stdout.write(`rss ${process.memoryUsage().rss}\n`);
    await close();
  } else {
    for (let n = 1; ; n += 1) {
      await sql`insert into claims (key, expires_at) values (${`row ${n}`}, now())`.execute(db);
      process.stdout.write(`acknowledged ${n}\n`);
    }
  }
} catch (error) {
  process.stderr.write(`${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}\n`);
  process.exitCode = 1;
}
