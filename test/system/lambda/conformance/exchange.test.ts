import { overPackages } from '../support/over-packages.ts';

await overPackages('exchange');
