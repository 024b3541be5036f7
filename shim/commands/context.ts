/** `berth context`: gives fleets names, and chooses the one that commands ask. */
import { type Command, Option } from 'commander';
import { parseEndpoint } from '../endpoint.ts';
import { type Context, Contexts } from './contexts.ts';
import { examples } from './help.ts';
import { type OutputOptions, print } from './output.ts';

type SetOptions = OutputOptions & Omit<Context, 'name'>;

const JSON_OPTION = ['--json', 'print JSON, for programs'] as const;

/** Adds `berth context set`, `use`, `list` and `remove`. */
export function contextCommands(program: Command): void {
  const context = program.command('context').description('name fleets, and choose one');
  context
    .command('set <name>')
    .summary('give a fleet a name, or change where it is')
    .description('Give a fleet a name. An earlier context of this name is replaced.')
    .addOption(new Option('--endpoint <url>', 'URL of the capabilities function').makeOptionMandatory())
    .option('--region <region>', "AWS region, if the endpoint's name does not contain it")
    .option('--profile <name>', 'AWS profile that signs, unless AWS_PROFILE names another')
    .option(...JSON_OPTION)
    .addHelpText('after', examples('context set prod --endpoint https://….lambda-url.eu-west-1.on.aws/ --profile ops'))
    .action((name: string, { endpoint, region, profile, json }: SetOptions) => {
      parseEndpoint(endpoint);
      const set = { name, endpoint, ...(region && { region }), ...(profile && { profile }) };
      const contexts = new Contexts();
      contexts.set(set);
      const isCurrent = contexts.current()?.name === name;
      const next = isCurrent ? 'commands ask it' : `berth context use ${name} makes commands ask it`;
      print({ json }, { context: { ...set, isCurrent } }, `context ${name} is ${endpoint}; ${next}`);
    });
  context
    .command('use <name>')
    .summary('ask this fleet from now on')
    .description('Ask this fleet from now on, in all commands that name no other.')
    .option(...JSON_OPTION)
    .addHelpText('after', examples('context use prod'))
    .action((name: string, options: OutputOptions) => {
      const used = new Contexts().use(name);
      print(options, { context: { ...used, isCurrent: true } }, `commands ask ${name}: ${used.endpoint}`);
      if ((process.env['BERTH_ENDPOINT'] ?? '') !== '') {
        console.error('berth: warning: BERTH_ENDPOINT is set, which comes before the context');
      }
    });
  context
    .command('list')
    .summary('show the names, and which is used')
    .description('Show the fleets that have names. * marks the one that commands ask.')
    .option(...JSON_OPTION)
    .addHelpText('after', examples('context list', 'context list --json'))
    .action((options: OutputOptions) => {
      const contexts = new Contexts();
      const current = contexts.current()?.name;
      const all = contexts.list().map((each) => ({ ...each, isCurrent: each.name === current }));
      print(options, { contexts: all }, describeContexts(all));
    });
  context
    .command('remove <name>')
    .summary('forget a name')
    .description('Forget a name. The fleet itself is not changed.')
    .option(...JSON_OPTION)
    .addHelpText('after', examples('context remove prod'))
    .action((name: string, options: OutputOptions) => {
      new Contexts().remove(name);
      print(options, { removed: name }, `context ${name} is removed`);
    });
}

/** One line each: the name, where it is, and the region and the profile if it has them. */
export function describeContexts(all: readonly (Context & { readonly isCurrent: boolean })[]): string {
  if (all.length === 0) return 'no contexts; name a fleet with berth context set NAME --endpoint URL';
  const width = Math.max(...all.map(({ name }) => name.length));
  return all
    .map(({ name, endpoint, region, profile, isCurrent }) => {
      const more = [region === undefined ? [] : `region ${region}`, profile === undefined ? [] : `profile ${profile}`];
      return [`${isCurrent ? '*' : ' '} ${name.padEnd(width)}`, endpoint, ...more.flat()].join('  ');
    })
    .join('\n');
}
