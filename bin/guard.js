// Plain JavaScript without imports of ours, so that any Node can read it and say what is missing.
// Older Nodes fail later and worse: argon2 ends the process without a word under Node 20.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const oldest = [22, 12];

/** Is this a Node that the rest runs on? `version` as in process.versions.node. */
export function isNewEnough(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > oldest[0] || (major === oldest[0] && minor >= oldest[1]);
}

/** The Node that the lockfile brings along on Linux with glibc, when it is there and runs. */
function bundledNode() {
  const path = fileURLToPath(
    new URL(`../node_modules/node-${process.platform}-${process.arch}/bin/node`, import.meta.url),
  );
  return existsSync(path) && spawnSync(path, ['--version']).status === 0 ? path : undefined;
}

/**
 * Makes sure that a file of ours runs under a good Node.
 * @param {string} file the script to start again when another Node, or a flag for its types, is needed
 * @param {string[]} args its arguments
 * @returns {boolean} true: go on here; false: it runs elsewhere, or the reason why not was printed
 */
export function guard(file, args) {
  if (!isNewEnough(process.versions.node)) {
    const node = bundledNode();
    if (node) runInstead(node, [file, ...args]);
    else explain();
    return false;
  }
  if (process.features.typescript) return true;
  // From 22.12 to 22.17 the types in our files are stripped only when asked for.
  runInstead(process.execPath, [
    '--experimental-strip-types',
    '--disable-warning=ExperimentalWarning',
    file,
    ...args,
  ]);
  return false;
}

function runInstead(node, args) {
  // Replaces this process: the same pid, so signals and exit codes need no help.
  if (typeof process.execve === 'function') process.execve(node, [node, ...args], process.env);
  const child = spawn(node, args, { stdio: 'inherit' });
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR2']) {
    process.on(signal, () => {
      // Ctrl-C at a terminal reaches both processes by itself; twice would mean "at once".
      if (!(signal === 'SIGINT' && process.stdin.isTTY)) child.kill(signal);
    });
  }
  child.on('error', (error) => {
    console.error(`${node} does not start: ${error.message}`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    if (signal) {
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
    } else {
      process.exitCode = code ?? 1;
    }
  });
}

function explain() {
  console.error(
    [
      `Cardea needs Node ${oldest.join('.')} or newer; this is ${process.versions.node}.`,
      process.platform === 'linux'
        ? 'On Linux with glibc `npm ci` brings Node 24 along (unless --omit=optional was given): run it, then `npm start`.'
        : 'Install Node 24 from https://nodejs.org and start again.',
    ].join('\n'),
  );
  process.exitCode = 1;
}
