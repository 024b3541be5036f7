/** A checkout of the repository that a test deploys from, where it may change what is deployed. */
import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { installDeployTools } from '../../../../infra/deploy/tools.ts';
import { root } from '../../../support/repository.ts';

const CONTENTS = ['package.json', 'serverless.yml', 'infra', 'protocol', 'functions', 'shim'];
const INSTALLED = ['node_modules', 'infra/deploy/node_modules'];

export class Checkout {
  readonly folder: string;

  /** Its tools are those of the repository, as if `npm ci` had run. @param folder is created. */
  constructor(folder: string) {
    installDeployTools();
    for (const name of CONTENTS) {
      const filter = (source: string): boolean => path.basename(source) !== 'node_modules';
      cpSync(path.join(root, name), path.join(folder, name), { recursive: true, filter });
    }
    for (const name of INSTALLED) symlinkSync(path.join(root, name), path.join(folder, name));
    this.folder = folder;
  }

  /** Changes a file. @throws Error when it does not have the text. */
  change(file: string, from: string | RegExp, to: string): void {
    const name = path.join(this.folder, file);
    const text = readFileSync(name, 'utf8');
    const changed = text.replace(from, to);
    if (changed === text) throw new Error(`${file} has no ${String(from)}`);
    writeFileSync(name, changed);
  }

  write(file: string, text: string): void {
    writeFileSync(path.join(this.folder, file), text);
  }
}
