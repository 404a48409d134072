/** A small disk of its own that can be filled. */

import { execFileSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export class Disk {
  #filler;

  constructor(folder) {
    this.folder = folder;
    this.#filler = join(folder, 'filler');
  }

  /** Null where nobody may mount anything. */
  static async ofMegabytes(t, size) {
    const folder = await mkdtemp(join(tmpdir(), 'rowcast-disk-'));
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}m`, 'tmpfs', folder], { stdio: 'ignore' });
    } catch {
      await rm(folder, { recursive: true });
      return null;
    }
    t.after(async () => {
      execFileSync('umount', ['--lazy', folder]);
      await rm(folder, { recursive: true, force: true });
    });
    return new Disk(folder);
  }

  /** Leaves no room. */
  fill() {
    const file = openSync(this.#filler, 'w');
    try {
      for (const zeros = Buffer.alloc(65_536); ; ) writeSync(file, zeros);
    } catch (error) {
      if (error.code !== 'ENOSPC') throw error;
    } finally {
      closeSync(file);
    }
  }

  /** Makes room again. */
  clear() {
    rmSync(this.#filler);
  }
}
