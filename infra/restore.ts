/** `npm run restore -- --from RESTORED --to TABLE`: the step after a restore to a moment (docs/operations.md). */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { Command } from 'commander';
import { alignTable } from './align-table.ts';

interface Options {
  readonly from: string;
  readonly to: string;
  readonly region?: string;
  readonly write: boolean;
}

const command = new Command('restore')
  .description(
    'Makes a table what another is, such as one that was restored to a moment. Stop all functions first: what they write ' +
      'meanwhile is lost. Credentials are found as by other tools of AWS.',
  )
  .requiredOption('--from <table>', 'which it is to be like')
  .requiredOption('--to <table>', 'the one that is changed: the output TableName of the stack')
  .option('--region <region>', 'of both tables (default: as AWS_REGION says)')
  .option('--write', 'do it: without it, the difference is only told', false)
  .parse();

const { from, to, region, write } = command.opts<Options>();
const client = new DynamoDBClient(region === undefined ? {} : { region });
try {
  const { put, deleted, equal } = await alignTable(client, { from, to, isWritten: write });
  const [putting, deleting] = write ? ['put', 'deleted'] : ['to be put', 'to be deleted'];
  console.log(
    `${equal} items are the same; ${put} ${putting}, ${deleted} ${deleting}${write ? '' : ' (--write does it)'}`,
  );
} catch (error) {
  console.error(`restore: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  client.destroy();
}
