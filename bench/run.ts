/**
 * `npm run bench`: Cardea on Postgres and Redis beside the bare engine in the same run, and what it costs.
 *
 *     npm run bench                      about ten minutes
 *     npm run bench -- --quick           about one
 *     npm run bench -- --only=throughput,counts,starts,sign-in,storm
 *     npm run bench -- --only=throughput --operation=refresh --rounds=5 --seconds=2
 *     npm run bench -- --profile=DIR     writes a CPU profile of both servers (about a tenth slower)
 */
import { parseArgs } from 'node:util';
import { measureAddresses } from './addresses.ts';
import { bareScene } from './bare-scene.ts';
import { seedScene, wideLimits } from './cardea-scene.ts';
import { startChild } from './child.ts';
import { countRequests } from './counts.ts';
import {
  addressSection,
  countSection,
  headline,
  signInSection,
  startSection,
  stormSection,
  throughputSection,
} from './sections.ts';
import { measureSignIns } from './sign-in.ts';
import { measureStarts } from './starts.ts';
import { openStores } from './stores.ts';
import { measureStorm } from './storm.ts';
import { createSubject } from './subject.ts';
import { render, type Section } from './table.ts';
import { measureThroughput } from './throughput.ts';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    operation: { type: 'string' },
    profile: { type: 'string' },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
  },
});

const size = options.quick
  ? {
      rounds: 3,
      seconds: 0.5,
      warmUpSeconds: 1.2,
      repeats: 1,
      settleSeconds: 2,
      signIns: 20,
      samples: 60,
      storm: 200,
      stormQuietSeconds: 2,
    }
  : {
      rounds: 9,
      seconds: 0.8,
      warmUpSeconds: 10,
      repeats: 3,
      settleSeconds: 4,
      signIns: 40,
      samples: 200,
      storm: 500,
      stormQuietSeconds: 5,
    };
const rounds = {
  warmUpSeconds: size.warmUpSeconds,
  rounds: Number(options.rounds ?? size.rounds),
  seconds: Number(options.seconds ?? size.seconds),
  operation: options.operation,
};
const wanted = (part: string) => !options.only || options.only.split(',').includes(part);
const nodeOptions = options.profile ? ['--cpu-prof', `--cpu-prof-dir=${options.profile}`] : [];
const progress = (text: string) => process.stderr.write(`bench: ${text}\n`);

const began = performance.now();
const stores = await openStores();
const sections: Section[] = [];
try {
  const environment = { ...stores.environment, ...wideLimits };
  const scene = await seedScene(environment, 20);

  if (wanted('starts')) {
    progress('starts and memory');
    sections.push(startSection(await measureStarts(environment, size)));
  }
  if (wanted('counts')) {
    progress('requests to the stores');
    sections.unshift(countSection(await countRequests(environment, scene)));
  }
  if (['throughput', 'sign-in', 'addresses', 'storm'].some(wanted)) {
    const cardea = await startChild(
      ['bin/cardea.js', 'serve'],
      // Work that a browser proves would be measured as ours: it runs on the same processors.
      {
        ...environment,
        CARDEA_METRICS_PORT: 'off',
        CARDEA_SIGN_UP: 'open',
        CARDEA_PROOF_OF_WORK: 'off',
      },
      nodeOptions,
    );
    const ours = await createSubject('cardea', cardea, scene);
    if (wanted('sign-in')) {
      progress('sign-ins');
      sections.unshift(signInSection(await measureSignIns(ours, size)));
    }
    if (wanted('addresses')) {
      progress('addresses with and without an account');
      sections.push(addressSection(await measureAddresses(ours, size)));
    }
    if (wanted('storm')) {
      progress('a storm of sign-ins');
      sections.push(stormSection(await measureStorm(ours, size)));
    }
    if (wanted('throughput')) {
      const engine = await startChild(['bench/bare-engine.ts'], {}, nodeOptions);
      const bare = await createSubject('bare', engine, bareScene);
      const results = await measureThroughput(ours, bare, rounds, progress);
      sections.unshift(throughputSection(results, { ours: cardea.memory(), bare: engine.memory() }));
      await engine.stop();
    }
    await cardea.stop();
  }
} finally {
  await stores.drop();
}

const { text, missed } = render(sections);
process.stdout.write(`\n${headline((performance.now() - began) / 1000)}\n\n${text}\n`);
if (missed.length > 0) {
  process.stdout.write(`\nmissed: ${missed.join(' · ')}\n`);
  process.exitCode = 1;
}
