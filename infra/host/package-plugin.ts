// `npm run package:plugin -- [berth|berth-ipvlan]` writes to dist/plugin what `docker plugin create NAME:TAG dist/plugin` needs.
import path from 'node:path';
import { root } from './bundle.ts';
import { packagePlugin } from './plugin.ts';

const [driver = 'berth'] = process.argv.slice(2);
if (driver !== 'berth' && driver !== 'berth-ipvlan')
  throw new Error(`unknown driver ${driver}; give berth or berth-ipvlan`);
await packagePlugin(path.join(root, 'dist/plugin'), driver);
