/** A question at a terminal whose answer is not shown. */
import { StringDecoder } from 'node:string_decoder';

/** Where a person is, or a script that stands for one. */
export interface Terminal {
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly stderr: NodeJS.WritableStream;
}

const MAX_LENGTH = 2_000;
const INTERRUPT = '\u0003';
const END_OF_INPUT = '\u0004';

/** The answer; undefined when the person pressed Ctrl-C or Ctrl-D. */
export async function askHidden(question: string, { stdin, stderr }: Terminal): Promise<string | undefined> {
  const raw = (on: boolean) => {
    if ('setRawMode' in stdin && typeof stdin.setRawMode === 'function') stdin.setRawMode(on);
  };
  stderr.write(question);
  raw(true);
  stdin.resume();
  try {
    return await new Promise((resolve) => {
      const decoder = new StringDecoder('utf8');
      let answer: string[] = [];
      const finish = (result: string | undefined) => {
        stdin.off('data', read);
        resolve(result);
      };
      const read = (bytes: Buffer) => {
        for (const character of decoder.write(bytes)) {
          if (character === '\r' || character === '\n') return finish(answer.join(''));
          if (character === INTERRUPT || character === END_OF_INPUT) return finish(undefined);
          if (character === '\u007f' || character === '\b') answer = answer.slice(0, -1);
          else if (answer.length < MAX_LENGTH) answer.push(character);
        }
      };
      stdin.on('data', read);
    });
  } finally {
    raw(false);
    stdin.pause();
    stderr.write('\n');
  }
}
