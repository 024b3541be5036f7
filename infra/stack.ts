// `npm run package -- [--stage STAGE] [--region REGION] [--param KEY=VALUE]…` writes zips to dist/functions and the
// CloudFormation template to .serverless. It needs no credentials and, once the deploy tools are installed, no network.
// `npm run deploy -- …` does the same, and then deploys it with the credentials that AWS's tools find.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { buildFunctions } from './build.ts';
import { ceilingsOf } from './ceilings.ts';
import { chooseConcurrency } from './deploy/concurrency.ts';
import { installDeployTools, osls } from './deploy/tools.ts';
import { checkParameters, isGiven, readArguments } from './parameters.ts';

const [command, ...args] = process.argv.slice(2);
if (command !== 'package' && command !== 'deploy')
  throw new Error(`unknown command ${command ?? '(none)'}; give package or deploy`);
const mistake = checkParameters(args);
if (mistake !== undefined) {
  console.error(mistake);
  process.exit(1);
}
installDeployTools();
const chosen = command === 'deploy' && !isGiven(args, 'concurrency') ? await choose() : {};
await buildFunctions();
osls([command, ...args], chosen);
if (command === 'deploy') tellCeilings();

/** Chooses a value for the parameter `concurrency` of serverless.yml. */
async function choose(): Promise<Record<string, string>> {
  try {
    const { concurrency, why } = await chooseConcurrency(readArguments(args));
    console.log(`concurrency=${concurrency}: ${why}.`);
    return { BERTH_CONCURRENCY: concurrency };
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    process.exit(1);
  }
}

function tellCeilings(): void {
  const folder = path.resolve(import.meta.dirname, '..', readArguments(args).folder);
  const file = path.join(folder, 'cloudformation-template-update-stack.json');
  const lines = ceilingsOf(JSON.parse(readFileSync(file, 'utf8')));
  console.log(['\nThe most that this stack takes (docs/operations.md, "Runaway costs"):', ...lines].join('\n  '));
}
