// `npm run package -- [--stage STAGE] [--region REGION]`: zips in dist/functions, CloudFormation template in .serverless.
// Needs no credentials and, once the deploy tools are installed, no network.
import { buildFunctions } from './build.ts';
import { installDeployTools, osls } from './deploy/tools.ts';

installDeployTools();
await buildFunctions();
osls(['package', ...process.argv.slice(2)]);
