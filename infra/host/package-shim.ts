// `npm run package:shim`: in dist/shim the program as one file, berth.mjs, and as an npm package, berth-VERSION.tgz.
import path from 'node:path';
import { root } from './bundle.ts';
import { packageShim } from './npm-package.ts';

await packageShim(path.join(root, 'dist/shim'));
