/** QR codes made here: nobody else ever sees the secret that one shows. */
import qrcode from 'qrcode-generator';

export interface QrCode {
  /** Modules a side, with the quiet zone of four that scanners need (ISO/IEC 18004 section 9.1). */
  readonly size: number;
  /** An SVG path of the dark modules, in units of one module; digits and commands only. */
  readonly path: string;
}

const QUIET = 4;

/** @param text up to about 2,300 bytes */
export function qrCodeOf(text: string): QrCode {
  // M mends what 15 % of a smudged screen hide; 0: the smallest that holds the text.
  const code = qrcode(0, 'M');
  code.addData(text);
  code.make();
  const count = code.getModuleCount();
  let path = '';
  for (let row = 0; row < count; row += 1) {
    for (let column = 0; column < count; column += 1) {
      if (code.isDark(row, column)) path += `M${column + QUIET} ${row + QUIET}h1v1h-1z`;
    }
  }
  return { size: count + 2 * QUIET, path };
}
