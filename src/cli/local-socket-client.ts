/** The command line's side of the local socket. */
import { stat } from 'node:fs/promises';
import { createConnection, type Socket } from 'node:net';
import { type Failed, failed } from './command.ts';
import type { Supplied } from './execute.ts';
import { FRAME_VERSION, MAX_ANSWER_BYTES, parseAnswer, type RequestFrame, readLine } from './frames.ts';
import type { Output } from './output.ts';
import { socketPath } from './socket-path.ts';

/** Longer than any command on a machine that is well; a hashing queue waits 5 s, a migration takes seconds. */
const ANSWER_MS = 120_000;

export type Asked =
  | { readonly kind: 'answer'; readonly output: Output }
  | { readonly kind: 'nobody' }
  | Failed;

/** Lets the server of this data directory run the command; `nobody` when none listens. */
export async function askServer(
  dataDir: string,
  argv: readonly string[],
  supplied: Supplied,
): Promise<Asked> {
  const path = socketPath(dataDir);
  if (path === undefined) return { kind: 'nobody' };
  const owner = await ownerOf(path);
  if (owner === undefined) return { kind: 'nobody' };
  // A password goes to a process of this person, or of the one whom root asked for; to nobody else's.
  const self = process.getuid?.();
  if (self !== undefined && self !== 0 && owner !== self) {
    return failed(
      'not_yours',
      `${path} belongs to another user`,
      'Run the command as the user who runs the server.',
    );
  }
  const socket = await connect(path);
  if (!(socket && 'write' in socket)) return socket ?? { kind: 'nobody' };
  const { files, password } = supplied;
  const frame: RequestFrame = {
    version: FRAME_VERSION,
    argv,
    files,
    ...(password !== undefined && { password }),
  };
  try {
    socket.setTimeout(ANSWER_MS, () => socket.destroy());
    socket.end(`${JSON.stringify(frame)}\n`);
    const answer = await readLine(socket, MAX_ANSWER_BYTES);
    const output = answer.kind === 'line' ? parseAnswer(answer.line) : undefined;
    return output ? { kind: 'answer', output } : unanswered('it gave no whole answer');
  } catch (error) {
    return unanswered(error instanceof Error ? error.message : String(error));
  } finally {
    socket.destroy();
  }
}

function unanswered(why: string): Failed {
  return failed(
    'unanswered',
    `the running server did not answer: ${why}`,
    'The command may have taken effect: look, for example by a list or show command, before you run it again.',
  );
}

async function ownerOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    (found) => found.uid,
    () => undefined,
  );
}

/** Undefined when nobody listens: the file of a server that was killed. */
function connect(path: string): Promise<Socket | Failed | undefined> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    const fault = (error: NodeJS.ErrnoException) => {
      const nobody = error.code === 'ECONNREFUSED' || error.code === 'ENOENT';
      resolve(nobody ? undefined : failed('not_yours', `${path} cannot be opened: ${error.message}`));
    };
    socket.once('error', fault);
    socket.once('connect', () => {
      socket.off('error', fault);
      resolve(socket);
    });
  });
}
