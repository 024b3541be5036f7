// `npm run package:shim` writes the program to dist/shim: one file, berth.mjs, and an npm package, berth-VERSION.tgz.
import path from 'node:path';
import { root } from './bundle.ts';
import { packageShim } from './npm-package.ts';

await packageShim(path.join(root, 'dist/shim'));
