// `npm run package -- [--stage STAGE] [--region REGION] [--param KEY=VALUE]…`: zips in dist/functions, CloudFormation
// template in .serverless. Needs no credentials and, once the deploy tools are installed, no network.
// `npm run deploy -- …`: the same, and then deploys it, with the credentials that AWS's tools find.
import { buildFunctions } from './build.ts';
import { installDeployTools, osls } from './deploy/tools.ts';
import { checkParameters } from './parameters.ts';

const [command, ...args] = process.argv.slice(2);
if (command !== 'package' && command !== 'deploy') throw new Error(`no command ${command ?? ''}: package, deploy`);
const mistake = checkParameters(args);
if (mistake !== undefined) {
  console.error(mistake);
  process.exit(1);
}
installDeployTools();
await buildFunctions();
osls([command, ...args]);
